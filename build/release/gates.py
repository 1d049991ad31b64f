"""What may be released, and under which name: terms of sources, origins of rows, licences of base models."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from cards.recorded import need
from cards.terms import gated, source_behind, sources_of
from mmm_dataset import Registry

_OURS: Final = frozenset({"published", "rebuilt"})
"""Origins of rows that may go by the name of MMM."""
_NAMES: Final = re.compile(r"mmm|oiellm|mutual reinforcement effect", re.IGNORECASE)
"""What makes people think of the paper's data and models, in names and titles."""
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
    _refuse_unknown(accepted, manifest["configs"].values(), registry)
    found: dict[str, str] = {}
    open_: set[str] = set()
    for config, facts in manifest["configs"].items():
        if wanting := _wanting(config, facts, registry, accepted):
            open_ |= wanting.keys()
            found[config] = "; ".join(wanting.values())
    if found and len(found) == len(manifest["configs"]):
        reasons = "; ".join(sorted(set(found.values())))
        raise KitError(f"nothing may be released ({reasons}); if you have the right to, say so: {_options(open_)}")
    return found


def left_out_of_results(
    results: Mapping[str, Any],
    mmm: Mapping[str, Any],
    registry: Registry,
    accepted: Collection[str],
    manifest: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Configs whose predictions go out without texts, with the reason for the card.

    Args:
        results: content of ``results.json``.
        mmm: content of the model's ``mmm.json``, which names the sources of the rows that it learned from.
        registry: knows the sources and their terms.
        accepted: sources whose terms the publisher answers for.
        manifest: of the tree that was scored, if it is at hand: test rows may have sources that no train row has.

    Raises:
        CardError: results or model do not say where rows are from.
    """
    tables = [need(mmm, "mmm.json", "data", "configs"), (manifest or {}).get("configs", {})]
    found = {}
    for config, origins in need(results, "results.json", "data", "origins").items():
        known = [table[config] for table in tables if config in table]
        named = {
            key: {name for entry in known for name in entry.get(key, ())}
            for key in ("sources", "licences", "also_from")
        }
        if wanting := _wanting(config, {"origins": origins, **named}, registry, accepted):
            found[config] = "; ".join(wanting.values())
        elif not named["sources"] and set(origins) - _OURS - {"demo"}:
            found[config] = "where its rows are from is not recorded"
    return found


def refuse_training_terms(
    mmm: Mapping[str, Any], registry: Registry, accepted: Collection[str], where: Path | str = "mmm.json"
) -> None:
    """Stop a model that learned from rows which may not be released.

    Args:
        mmm: content of its ``mmm.json``.
        registry: knows the sources and their terms.
        accepted: sources whose terms the publisher answers for.
        where: that file, for messages.

    Raises:
        KitError: it did, or a name in ``accepted`` is no source; one line with the sources and what to type.
        CardError: the model does not say where its rows are from.
    """
    configs = need(mmm, where, "data", "configs")
    _refuse_unknown(accepted, configs.values(), registry)
    found: dict[str, str] = {}
    for config, facts in configs.items():
        found |= _wanting(config, facts, registry, accepted)
    if found:
        reasons = "; ".join(found[name] for name in sorted(found))
        raise KitError(
            f"{where}: trained on what may not be released ({reasons}); if you have the right to, say so: {_options(found)}"
        )


def _refuse_unknown(accepted: Collection[str], configs: Iterable[Mapping[str, Any]], registry: Registry) -> None:
    known = registry.sources.keys() | {name for facts in configs for name in facts.get("sources", ())}
    if unknown := sorted(set(accepted) - known):
        raise KitError(f"--accept-licence {unknown[0]}: no such source; the sources: {', '.join(sorted(known))}")


def _wanting(config: str, facts: Mapping[str, Any], registry: Registry, accepted: Collection[str]) -> dict[str, str]:
    """Sources behind a config that keep it back, with the reason."""
    found = {}
    for name in sorted(sources_of(config, facts, registry) - set(accepted)):
        source = source_behind(name, facts, registry)
        if terms := gated(source.terms):
            found[name] = f"{source.title}: {', '.join(terms)}"
    return found


def _options(sources: Collection[str]) -> str:
    return " ".join(f"--accept-licence {name}" for name in sorted(sources))


def refuse_title(title: str, origins: Collection[str], what: str) -> None:
    """Raise KitError if a title that the publisher chose would pass rows of others off as MMM."""
    if set(origins) - _OURS and _NAMES.search(title) and not re.search("demo", title, re.IGNORECASE):
        raise KitError(
            f"{what}: made of rows that are no MMM: a title with MMM in it must say that it is a demonstration"
        )


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
