"""What may be released, and under which name: terms of sources, origins of rows, licences of base models."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from build.steps import KitError
from cards.terms import gated, sources_of
from mmm_dataset import Registry

_OURS: Final = frozenset({"published", "rebuilt"})
"""Origins of rows that may go by the name of MMM."""
_NAMES: Final = re.compile(r"(?:^|[-_.])(mmm|oiellm)(?:$|[-_.\d])", re.IGNORECASE)
_DEMO: Final = re.compile(r"(?:^|[-_.])demo(?:$|[-_.])", re.IGNORECASE)


def left_out(manifest: Mapping[str, Any], registry: Registry, accepted: Collection[str]) -> dict[str, str]:
    """Configs that may not be released, with the reason for the card.

    Args:
        manifest: of the tree.
        registry: knows the sources and their terms.
        accepted: sources whose terms the publisher answers for.

    Raises:
        KitError: a name in ``accepted`` is no source, or nothing is left.
    """
    if unknown := sorted(set(accepted) - registry.sources.keys()):
        raise KitError(
            f"--accept-licence {unknown[0]}: no such source; the sources: {', '.join(sorted(registry.sources))}"
        )
    found, open_ = {}, set()
    for config, facts in manifest["configs"].items():
        barred = {
            name: terms for name in sorted(sources_of(config, facts, registry)) if (terms := _terms(name, registry))
        }
        if wanting := barred.keys() - set(accepted):
            open_ |= wanting
            found[config] = "; ".join(f"{registry.source(name).title}: {barred[name]}" for name in sorted(wanting))
    if found and len(found) == len(manifest["configs"]):
        options = " ".join(f"--accept-licence {name}" for name in sorted(open_))
        reasons = "; ".join(sorted(set(found.values())))
        raise KitError(f"nothing may be released ({reasons}); if you have the right to, say so: {options}")
    return found


def _terms(source: str, registry: Registry) -> str:
    return ", ".join(gated(registry.source(source).terms)) if source in registry.sources else ""


def demo_name(name: str, origins: Collection[str], *, demo: bool, what: str) -> str:
    """The name under which rows of these origins, or a model that learned from them, may be released.

    Args:
        name: the one that is asked for.
        origins: of the rows.
        demo: whether a release of demonstration data is asked for.
        what: for messages, such as ``release/mmm``.

    Returns:
        The name, with ``-demo`` added where it is needed.

    Raises:
        KitError: demonstration rows without ``--demo``, or the name would pass rows of others off as MMM.
    """
    strange = sorted(set(origins) - _OURS)
    if not strange:
        return name
    if demo:
        return name if _DEMO.search(name) else f"{name}-demo"
    if "demo" in strange:
        raise KitError(
            f"{what}: made of demonstration rows: --demo releases it, as {name if _DEMO.search(name) else f'{name}-demo'}"
        )
    if _NAMES.search(name):
        raise KitError(
            f"{what}: made of rows that are no MMM (origin {', '.join(strange)}): give it a name of its own, without mmm or "
            f"oiellm in it, or release it with --demo, as {name}-demo"
        )
    return name
