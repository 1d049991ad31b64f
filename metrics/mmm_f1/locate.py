"""Where in the text an entity stands, when only its string is known: the offset rule of the kit.

The rule, in this order:

1. A list that fits the text in one direction only, from left to right or from right to left, without overlaps, stands in
   that direction: each entity takes its next occurrence.
2. In any other list longer entities choose first (equal lengths: in the order listed), so that a name inside another does not
   take its place.
3. An entity takes its leftmost occurrence that overlaps no span taken so far; the next listing of the same label and
   entity the next such occurrence, and so on.
4. If every occurrence overlaps something, it takes the leftmost one that its own label and entity has not taken yet:
   nested entities, and one entity with two labels.
5. Only occurrences that begin and end at the boundary of a word count, as long as there is one: ``Ann`` of
   ``Anna met Ann`` is the second. Scripts that are not written with spaces, and Korean, have no such boundaries.
6. Listed more often than it occurs, or not in the text at all: no offsets (None).

Offsets are half-open code points of the raw text; nothing is tokenized.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from .arguments import check_strings

Offsets = tuple[int, int]

_UNSPACED: Final = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Burmese
    (0x1100, 0x11FF),  # Korean letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0xA4CF),  # Chinese, Japanese, Korean letters, Yi
    (0xA960, 0xA9DF),  # Korean letters, Javanese
    (0xAC00, 0xD7FF),  # Korean: particles are written to the word
    (0xF900, 0xFAFF),  # Chinese, compatibility
    (0xFF66, 0xFFDC),  # halfwidth Japanese and Korean
    (0x16FE0, 0x1B2FF),  # Tangut, old kana
    (0x20000, 0x3FFFF),  # Chinese, rare
)
"""Blocks of scripts in which the end of a word is not seen."""


def locate(text: str, items: Sequence[tuple[Hashable, str]]) -> list[Offsets | None]:
    """Offsets of every (label, entity) of ``items`` in ``text``, by the rule above; None where there are none left.

    Raises:
        ValueError: the text or an entity is no string, or an item is no pair.

    >>> locate("東京大学は東京にある", [("地名", "東京"), ("施設名", "東京大学")])
    [(5, 7), (0, 4)]
    """
    check_strings(text=text)
    try:
        entities = [entity for _, entity in items]
    except (TypeError, ValueError):
        raise ValueError(f"items must be pairs of a label and an entity, not {items!r:.80}") from None
    if not all(isinstance(entity, str) for entity in entities):
        raise ValueError(f"the entity of every item must be a string: {items!r:.80}")
    backwards = entities[::-1]
    if entities != backwards:
        left, right = _in_order(text, entities), _in_order(text, backwards)
        if left and not right:
            return [*left]
        if right and not left:
            return [*reversed(right)]
    return _longest_first(text, items)


def _in_order(text: str, entities: Sequence[str]) -> list[Offsets] | None:
    """Each entity at its next occurrence behind the one before it, a whole word if there is one; None if one has none."""
    places, end = [], 0
    cut: set[str] = set()  # those without a whole word from here on: what was looked for once is not looked for again
    for entity in entities:
        first = start = text.find(entity, end) if entity else -1
        if first < 0:
            return None
        if entity not in cut:
            while start >= 0 and _cuts(text, start, start + len(entity)):
                start = text.find(entity, start + 1)
            if start < 0:
                cut.add(entity)
        start = start if entity not in cut else first
        end = start + len(entity)
        places.append((start, end))
    return places


def _longest_first(text: str, items: Sequence[tuple[Hashable, str]]) -> list[Offsets | None]:
    found: list[Offsets | None] = [None] * len(items)
    covered, sizes = bytearray(len(text)), [-len(entity) for _, entity in items]
    free: dict[str, list[Iterator[int]]] = {}
    own: dict[tuple[Hashable, str], tuple[set[int], Iterator[int]]] = {}
    for index in sorted(range(len(items)), key=sizes.__getitem__):
        item, size = items[index], -sizes[index]
        if item not in own:
            entity, used = item[1], set[int]()
            if entity not in free:
                free[entity] = [_free(text, entity, covered, whole) for whole in _ranks(entity)]
            own[item] = used, _choices(text, entity, free[entity], used)
        used, choices = own[item]
        start = next(choices, -1)
        if start >= 0:
            used.add(start)
            covered[start : start + size] = b"\1" * size
            found[index] = (start, start + size)
    return found


def _choices(text: str, entity: str, free: Sequence[Iterator[int]], used: set[int]) -> Iterator[int]:
    """Starts for one label and entity, best first; ``free`` is shared by the labels of the entity."""
    # What was overlapped once or taken by the item itself stays so: every search goes on from where it stopped.
    for at_free, whole in zip(free, _ranks(entity)):
        for start in at_free:
            yield start
        for start in occurrences(text, entity):
            if start not in used and not (whole and _cuts(text, start, start + len(entity))):
                yield start


def _free(text: str, entity: str, covered: bytearray, whole: bool) -> Iterator[int]:
    """Starts of an entity where nothing is covered, left to right; what is covered may grow in between."""
    size = len(entity)
    start = text.find(entity) if entity else -1
    while start >= 0:
        last = covered.rfind(1, start, start + size)
        if last < 0:
            if not (whole and _cuts(text, start, start + size)):
                yield start
            last = start
        start = text.find(entity, last + 1)


def occurrences(text: str, entity: str) -> Iterator[int]:
    """Starts of ``entity`` in ``text``, left to right, overlapping ones included; none for the empty string."""
    start = text.find(entity) if entity else -1
    while start >= 0:
        yield start
        start = text.find(entity, start + 1)


def _ranks(entity: str) -> tuple[bool, ...]:
    """Whether to ask for whole words: first yes, then no; only no where an end of the entity cannot cut one."""
    return (True, False) if entity and (_in_word(entity[0]) or _in_word(entity[-1])) else (False,)


def _cuts(text: str, start: int, end: int) -> bool:
    """Whether one end of a span lies inside a word."""
    return (start > 0 and _in_word(text[start]) and _in_word(text[start - 1])) or (
        end < len(text) and _in_word(text[end]) and _in_word(text[end - 1])
    )


@lru_cache(maxsize=1 << 14)
def _in_word(char: str) -> bool:
    """Whether a character belongs to words of a script that is written with spaces."""
    if not (char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M"):
        return False
    code = ord(char)
    return not any(first <= code <= last for first, last in _UNSPACED)
