"""Looser and stricter micro F1 beside ``wl``: spans alone, normalised labels, offsets, overlaps."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from .locate import locate
from .reading import read
from .rows import Rows
from .unified import PAIR, Failure, is_span

Keys = list[tuple[Any, ...]]


def extended_figures(rows: Rows) -> dict[str, float]:
    """Looser and stricter micro F1 beside ``wl``, each by the matching rule of the rows.

    - ``span_micro_f1``: labels are ignored, only the entities (of a relation or event: its arguments) count.
    - ``wl_normalised_label_micro_f1``: labels are compared after NFKC, case folding and stripping, entities exactly;
      ``tl_normalised`` is ``tl`` likewise.
    - With inputs, ``wl_offset_micro_f1``: label and offsets in the text, by the rule of ``locate.py`` on both sides.
      What has no offsets (not in the text, listed more often than it occurs; relations and events) is compared as
      strings.
    - With inputs, ``wl_partial_micro_f1``: a predicted and a gold entity match if their label is the same and they
      overlap in the text. Matches are one to one, chosen greedily: the most common characters first, then the leftmost
      gold and the leftmost predicted entity. What has no offsets is compared as strings.
    """
    multiset = rows.rules.multiset
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    labels_right = failed = 0

    def count(name: str, hits: int, pairs: int) -> None:
        sums[name][0] += hits
        sums[name][1] += pairs

    for row in rows.rows():
        roles, text, *sides = read(row, rows.rules.task_words)
        gold, predicted = (() if isinstance(side, Failure) else side.items for side in sides)
        labels = [_normal(side.label) for side in sides if not isinstance(side, Failure)]
        failed += len(labels) < 2
        labels_right += len(labels) == 2 and labels[0] == labels[1]
        for name, key in (("span_micro_f1", _span_key), ("wl_normalised_label_micro_f1", _normal_key)):
            left, right = ([key(item, roles) for item in items] for items in (gold, predicted))
            count(name, *_match(left, right, multiset))
        if text is not None:
            left, right = (_place(items, roles, text, multiset) for items in (gold, predicted))
            count("wl_offset_micro_f1", *_match(left, right, multiset))
            count("wl_partial_micro_f1", _overlaps(left, right), len(left) + len(right))
    nothing = 0.0 if failed else rows.rules.nothing
    return {
        "tl_normalised": labels_right / len(rows.references),
        **{name: 2 * hits / pairs if pairs else nothing for name, (hits, pairs) in sums.items()},
    }


def _normal(label: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()).strip()


def _span_key(item: tuple[str, ...], roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(piece for piece, role in zip(item, roles) if is_span(role))


def _normal_key(item: tuple[str, ...], roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(piece if is_span(role) else _normal(piece) for piece, role in zip(item, roles))


def _match(gold: Sequence[Any], predicted: Sequence[Any], multiset: bool) -> tuple[int, int]:
    """Hits, and pairs of both sides together."""
    if multiset:
        return (Counter(gold) & Counter(predicted)).total(), len(gold) + len(predicted)
    return len({*gold} & {*predicted}), len({*gold}) + len({*predicted})


def _place(items: Collection[tuple[str, ...]], roles: Sequence[str], text: str, multiset: bool) -> Keys:
    """``(label, start, end)`` of every item; the item itself where it has no offsets, once if items are a set."""
    if tuple(roles) != PAIR:
        return list(items) if multiset else list(dict.fromkeys(items))
    located = locate(text, [(label, entity) for label, entity in items])
    keys: Keys = [(item[0], *place) if place else item for item, place in zip(items, located)]
    return keys if multiset else list(dict.fromkeys(keys))


def _overlaps(gold: Keys, predicted: Keys) -> int:
    """Size of the greedy one-to-one matching by overlap."""
    equal = Counter(gold) & Counter(predicted)
    hits = sum(count for key, count in equal.items() if not _has_offsets(key))
    left, right = ([key for key in keys if _has_offsets(key)] for keys in (gold, predicted))
    starts: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for j, p in enumerate(right):
        starts[p[0]].append((p[1], p[2], j))
    for places in starts.values():
        places.sort()
    longest = max((p[2] - p[1] for p in right), default=0)
    options = sorted(
        (max(g[1], start) - min(g[2], end), g[1], start, i, j)
        for i, g in enumerate(left)
        for start, end, j in _between(starts.get(g[0], []), g[1] - longest, g[2])
        if g[1] < end
    )
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    for *_, i, j in options:
        if i not in taken_left and j not in taken_right:
            taken_left.add(i)
            taken_right.add(j)
    return hits + len(taken_left)


def _between(places: list[tuple[int, int, int]], first: int, last: int) -> list[tuple[int, int, int]]:
    """The places that begin after ``first`` and before ``last``."""
    return places[bisect_right(places, (first,)) : bisect_left(places, (last,))]


def _has_offsets(key: tuple[Any, ...]) -> bool:
    return isinstance(key[-1], int)
