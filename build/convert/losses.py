"""What a format cannot hold, counted per config and kind, and said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mmm_dataset import Item, Record, Span

NO_ROW: Final = ("not_parsed", "no_tokens", "row_of_relations")
"""Kinds of rows that are not written at all."""

Placed = tuple[str, int, int]
"""A label or role, start and end."""

KINDS: Final = {
    "not_parsed": "rows not written: a published row that could not be parsed has no items",
    "no_tokens": "rows not written: the text has nothing but blanks",
    "no_offsets": "items left out: they have no place in the text, or it is unknown",
    "blanks": "spans written without the blanks at their ends, or left out if they are nothing else",
    "overlapping": "items left out: they overlap a longer one",
    "relations": "relations or events left out",
    "row_of_relations": "rows not written: they hold relations or events, of which the format has none",
    "one_argument": "relations or events left out: they have less than two arguments",
    "several_mentions": "items written with the first mention of each argument",
    "attributes": "attributes left out",
    "labels": "labels that come back without their tabs, line breaks, bars and blanks at the ends",
    "item_order": "rows whose items come back in the order of the text, not in their own",
    "line_breaks": "texts in which line breaks and tabs became blanks",
    "metadata": "metadata left out: a line break inside",
    "alignment": "rows without the numbers of the source row's items",
}
"""What a format cannot hold, by kind, with the words after the count."""


@dataclass
class Losses:
    """Counts of one conversion: rows written, and what the format could not hold."""

    rows: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, record: Record, kind: str, count: int = 1) -> None:
        """Count what was lost of a record. Raises KeyError if the kind is none of ``KINDS``."""
        if count and KINDS[kind]:
            self.kinds[record.config][kind] += count

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Config to kind to count, in the order of the configs."""
        return {
            config: {kind: self.kinds[config][kind] for kind in KINDS if self.kinds[config][kind]}
            for config in self.rows
        }

    def steps(self, rows: int) -> dict[str, Any]:
        """What became of so many rows, as a manifest says it."""
        totals = sum(self.kinds.values(), Counter[str]())
        dropped = {kind: totals[kind] for kind in NO_ROW if totals[kind]}
        noted = {kind: totals[kind] for kind in KINDS if totals[kind] and kind not in NO_ROW}
        kept = {config: sum(splits.values()) for config, splits in self.rows.items()}
        return {"in": rows, "kept": kept, "dropped": dropped, "noted": noted}

    def summary(self) -> list[str]:
        """A line for each config, and below it one for each kind of loss."""
        lines = []
        for config, splits in self.rows.items():
            lines.append(f"  {config}: " + ", ".join(f"{count:,} {split}" for split, count in splits.items()))
            lines += [f"    {count:,} {KINDS[kind]}" for kind, count in self.as_dict()[config].items()]
        return lines


def placed_pairs(record: Record, losses: Losses, trim: bool = False) -> list[Placed]:
    """The record's items of one span, those that have a place, in their order; see :func:`place_of` for ``trim``."""
    found = [
        (item.label, place_of(record, span, losses, trim)) for item in record.items or () for span in item.spans[:1]
    ]
    losses.add(record, "no_offsets", len(record.items or ()) - len(found))
    return [(label, *place) for label, place in found if place is not None]


def place_of(record: Record, span: Span, losses: Losses, trim: bool = False) -> tuple[int, int] | None:
    """Start and end of a span; None, and counted, if they are unknown.

    Args:
        record: whose span it is.
        span: one of its spans.
        losses: where it is counted.
        trim: take off blanks at both ends, for formats that tag words.
    """
    if span.start is None or span.end is None:
        losses.add(record, "no_offsets")
        return None
    if not trim or span.text == (inner := span.text.strip()):
        return span.start, span.end
    losses.add(record, "blanks")
    start = span.start + len(span.text) - len(span.text.lstrip())
    return (start, start + len(inner)) if inner else None


def first_mentions(record: Record, item: Item, losses: Losses, trim: bool = False) -> list[Placed] | None:
    """Role and place of a relation's or event's arguments, one for each role; None if one of them has no place."""
    present = [span for span in item.spans if span.text]
    by_role = {span.role: span for span in reversed(present)}
    spans = sorted(by_role.values(), key=present.index)
    found = [(span.role, place_of(record, span, losses, trim)) for span in spans]
    placed = [(role, *place) for role, place in found if place is not None]
    losses.add(record, "several_mentions", int(len(spans) < len(present)))
    return placed if len(placed) == len(found) else None


def without_overlaps(record: Record, pairs: Sequence[Placed], losses: Losses) -> list[Placed]:
    """The pairs in the order of the text; of those that overlap the longest, of equal ones the first."""
    chosen: list[Placed] = []
    for label, start, end in sorted(pairs, key=lambda pair: (pair[1] - pair[2], pair[1])):
        if all(end <= other_start or start >= other_end for _, other_start, other_end in chosen):
            chosen.append((label, start, end))
    losses.add(record, "overlapping", len(pairs) - len(chosen))
    kept = [pair for pair in pairs if pair in chosen]
    chosen.sort(key=lambda pair: pair[1])
    losses.add(record, "item_order", int(list(dict.fromkeys(kept)) != chosen))
    return chosen
