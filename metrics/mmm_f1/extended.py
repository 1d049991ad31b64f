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
    - ``wl_partial_micro_f1``: the place, whatever the label; places that overlap are half a match.
    - ``wl_type_micro_f1``: the same label, and places that overlap; nervaluate's ``ent_type``.

    Overlaps are matched one to one, from left to right, as nervaluate matches them.
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
    strings = [[key for key in keys if _is_string(key)] for keys in (gold, predicted)]
    left, right = (sorted((k[1], k[2], k[0]) for k in keys if not _is_string(k)) for keys in (gold, predicted))
    exact = Counter(key[1:] for key in gold) & Counter(key[1:] for key in predicted)
    same_strings = Counter(key[1:] for key in strings[0]) & Counter(key[1:] for key in strings[1])
    return {
        "wl_offset_micro_f1": (Counter(gold) & Counter(predicted)).total(),
        "wl_exact_micro_f1": exact.total(),
        "wl_partial_micro_f1": same_strings.total() + _overlaps(left, right, typed=False),
        "wl_type_micro_f1": (Counter(strings[0]) & Counter(strings[1])).total() + _overlaps(left, right, typed=True),
    }


def _overlaps(gold: list[tuple[int, int, str]], predicted: list[tuple[int, int, str]], typed: bool) -> float:
    """Hits of nervaluate's ``ent_type`` or ``partial``; both sides are ``(start, end, label)``, in order.

    Every prediction in turn takes one overlapping gold that is not taken: the closest of its own label, or the one at its own
    place; else the first one, which is no hit, or half of one.
    """
    longest = max((end - start for start, end, _ in gold), default=0)
    taken: set[int] = set()
    hits = 0.0
    for start, end, label in predicted:
        best, distance, other = None, 0, None
        for at in range(bisect_right(gold, (start - longest,)), bisect_left(gold, (end,))):
            if at in taken or gold[at][1] <= start:
                continue
            away = abs(gold[at][0] - start) + abs(gold[at][1] - end)
            if (gold[at][2] == label if typed else not away) and (best is None or away < distance):
                best, distance = at, away
            elif other is None:
                other = at
        if best is not None:
            hits += 1
        elif other is not None:
            hits += 0 if typed else 0.5
        taken.update(at for at in (other if best is None else best,) if at is not None)
    return hits


def _is_string(key: tuple[Any, ...]) -> bool:
    return isinstance(key[-1], str)
