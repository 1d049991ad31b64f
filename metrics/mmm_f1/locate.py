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
    taken: list[Offsets] = []
    own: dict[tuple[Hashable, str], set[int]] = {}
    for index in sorted(range(len(items)), key=lambda i: -len(items[i][1])):
        entity = items[index][1]
        used = own.setdefault(items[index], set())
        fallback = -1
        for start in occurrences(text, entity):
            if start in used:
                continue
            end = start + len(entity)
            if all(end <= left or right <= start for left, right in taken):
                break
            if fallback < 0:
                fallback = start
        else:
            start = fallback
        if start >= 0:
            used.add(start)
            taken.append((start, start + len(entity)))
            found[index] = taken[-1]
    return found


def occurrences(text: str, entity: str) -> Iterator[int]:
    """Starts of ``entity`` in ``text``, left to right, overlapping ones included; none for the empty string."""
    start = text.find(entity) if entity else -1
    while start >= 0:
        yield start
        start = text.find(entity, start + 1)
