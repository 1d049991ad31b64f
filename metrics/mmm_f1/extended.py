"""Looser and stricter micro F1 beside ``wl``: spans alone, normalized labels, offsets, overlaps."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from .locate import locate
from .reading import read
from .rows import Places, Rows
from .tolerant import Output
from .unified import LABEL, PAIR, is_span

Keys = list[tuple[Any, ...]]
"""``(label, start, end)`` of every item; of one without offsets ``(label, *spans)``, its spans being strings."""


def extended_figures(rows: Rows) -> dict[str, float]:
    """Looser and stricter micro F1 beside ``wl``, each by the matching rule of the rows; a broken piece is wrong in all.

    - ``span_micro_f1``: labels are ignored, only the entities (of a relation or event: its arguments) count.
    - ``wl_normalised_label_micro_f1``: labels are compared after NFKC, case folding and stripping, entities exactly;
      ``tl_normalised`` is ``tl`` likewise.

    With inputs or offsets, by place in the text: the offsets that both sides state, else those by the rule of ``locate.py``.
    The names are nervaluate's; what has no offsets (not in the text, listed more often than it occurs; relations and
    events) is compared as strings.

    - ``wl_offset_micro_f1``: label and place; nervaluate's ``strict``, seqeval's strict span F1.
    - ``wl_exact_micro_f1``: the place, whatever the label.
    - ``wl_partial_micro_f1``: as exact, and an entity that overlaps another one of no equal place is half a match.
    - ``wl_type_micro_f1``: the same label, and the places overlap.

    Overlaps are matched one to one, greedily: the most common characters first, then the leftmost gold and the leftmost
    predicted entity.
    """
    multiset = rows.rules.multiset
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    labels_right = failed = 0
    for row in rows.rows():
        reading = read(row, rows.rules.task_words, rows.rules.strict)
        roles, text, sides = reading.roles, reading.text, (reading.gold, reading.predicted)
        gold, predicted = (side.items if isinstance(side, Output) else () for side in sides)
        labels = [_normal(side.label) for side in sides if isinstance(side, Output) and side.label]
        failed += len(labels) < 2
        labels_right += len(labels) == 2 and labels[0] == labels[1]
        pieces = reading.predicted.broken if isinstance(reading.predicted, Output) else []
        broken = len(pieces if multiset else set(pieces))

        def count(name: str, hits: float, pairs: int) -> None:
            sums[name][0] += hits
            sums[name][1] += pairs + broken  # noqa: B023

        for name, key in (("span_micro_f1", _span_key), ("wl_normalised_label_micro_f1", _normal_key)):
            left, right = ([key(item, roles) for item in items] for items in (gold, predicted))
            count(name, *_match(left, right, multiset))
        if text is not None or rows.offsets is not None:
            left = _keys(gold, roles, text, reading.gold_places, multiset)
            right = _keys(predicted, roles, text, reading.predicted_places, multiset)
            for name, hits in _by_place(left, right).items():
                count(name, hits, len(left) + len(right))
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


def _keys(
    items: Sequence[tuple[str, ...]], roles: Sequence[str], text: str | None, places: Places | None, multiset: bool
) -> Keys:
    """The keys of the items; each once if items are a set."""
    at_label = list(roles).index(LABEL)
    if places is None:
        pairs = [(label, entity) for label, entity in items] if tuple(roles) == PAIR and text is not None else []
        places = locate(text or "", pairs) if pairs else [None] * len(items)
    keys: Keys = [
        (item[at_label], *(place or [part for at, part in enumerate(item) if at != at_label]))
        for item, place in zip(items, places)
    ]
    return keys if multiset else list(dict.fromkeys(keys))


def _by_place(gold: Keys, predicted: Keys) -> dict[str, float]:
    """Hits by figure."""
    strict = (Counter(gold) & Counter(predicted)).total()
    same = Counter(key[1:] for key in gold) & Counter(key[1:] for key in predicted)
    unplaced = (Counter(filter(_is_string, gold)) & Counter(filter(_is_string, predicted))).total()
    rest = [[("", *key) for key in (Counter(k[1:] for k in keys) - same).elements()] for keys in (gold, predicted)]
    return {
        "wl_offset_micro_f1": strict,
        "wl_exact_micro_f1": same.total(),
        "wl_partial_micro_f1": same.total() + _overlaps(*rest) / 2,
        "wl_type_micro_f1": unplaced + _overlaps(gold, predicted),
    }


def _overlaps(gold: Keys, predicted: Keys) -> int:
    """Size of the greedy one-to-one matching by overlap of those with offsets."""
    left, right = ([key for key in keys if not _is_string(key)] for keys in (gold, predicted))
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
    return len(taken_left)


def _between(places: list[tuple[int, int, int]], first: int, last: int) -> list[tuple[int, int, int]]:
    """The places that begin after ``first`` and before ``last``."""
    return places[bisect_right(places, (first,)) : bisect_left(places, (last,))]


def _is_string(key: tuple[Any, ...]) -> bool:
    return isinstance(key[-1], str)
