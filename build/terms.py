"""What the terms of a source say about work that is made of it; whoever starts such work is told."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from mmm_dataset import Registry


def warn_of_terms(sources: Iterable[str], registry: Registry, made: str) -> None:
    """Say on stderr which sources allow no derivatives.

    Args:
        sources: names of what the work is made of.
        registry: knows the sources; one that it does not know has no known terms.
        made: what is made of them, such as ``translations``.
    """
    for name in sorted(set(sources) & registry.sources.keys()):
        source = registry.source(name)
        if "no-derivatives" in source.terms:
            print(f"build: note: {source.title} is {source.licence}: do not publish {made} of it", file=sys.stderr)
