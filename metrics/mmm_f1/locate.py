"""Where in the text an entity stands, when only its string is known: the offset rule of the kit.

The rule, in this order:

1. Longer entities choose first (equal lengths: in the order listed), so that a name inside another does not take its place.
2. An entity takes its leftmost occurrence that overlaps no span taken so far; the next listing of the same label and
   entity the next such occurrence, and so on.
3. If every occurrence overlaps something, it takes the leftmost one that its own label and entity has not taken yet:
   nested entities, and one entity with two labels.
4. Listed more often than it occurs, or not in the text at all: no offsets (None).

Offsets are half-open code points of the raw text; nothing is tokenised, so the rule is the same for every script.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

Offsets = tuple[int, int]


def locate(text: str, items: Sequence[tuple[Hashable, str]]) -> list[Offsets | None]:
    """Offsets of every (label, entity) of ``items`` in ``text``, by the rule above; None where there are none left.

    >>> locate("東京大学は東京にある", [("地名", "東京"), ("施設名", "東京大学")])
    [(5, 7), (0, 4)]
    """
    found: list[Offsets | None] = [None] * len(items)
    covered = bytearray(len(text))
    free: dict[str, Iterator[int]] = {}
    own: dict[tuple[Hashable, str], tuple[set[int], Iterator[int]]] = {}
    for index in sorted(range(len(items)), key=lambda i: -len(items[i][1])):
        item, size = items[index], len(items[index][1])
        if item not in own:
            own[item] = set(), occurrences(text, item[1])
        # What was overlapped once or taken by the item itself stays so: both searches go on from where they stopped.
        used, every = own[item]
        start = next(free.setdefault(item[1], _free(text, item[1], covered)), -1)
        if start < 0:
            start = next((at for at in every if at not in used), -1)
        if start >= 0:
            used.add(start)
            covered[start : start + size] = b"\1" * size
            found[index] = (start, start + size)
    return found


def _free(text: str, entity: str, covered: bytearray) -> Iterator[int]:
    """Starts of an entity where nothing is covered, left to right; what is covered may grow in between."""
    size = len(entity)
    start = text.find(entity) if entity else -1
    while start >= 0:
        last = covered.rfind(1, start, start + size)
        if last < 0:
            yield start
            last = start
        start = text.find(entity, last + 1)


def occurrences(text: str, entity: str) -> Iterator[int]:
    """Starts of ``entity`` in ``text``, left to right, overlapping ones included; none for the empty string."""
    start = text.find(entity) if entity else -1
    while start >= 0:
        yield start
        start = text.find(entity, start + 1)
