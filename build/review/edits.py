"""Corrections: moving spans along when a text changes, and holding a corrected record against all that it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from build.core import KitError
from mmm_dataset import Item, Record, RecordError, Registry, RegistryError, decode, encode, from_dict, to_dict
from mmm_dataset.codec import item_fields
from mmm_f1.unified import Failure, shape


def reanchor(old: str, new: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """Where spans of an old text are in a new one, or None where that is not certain.

    A span moves along if it lies in what both texts begin or end with, whichever of the two is taken first; or if its text
    occurs as often in both, its n-th occurrence being the n-th again.

    Args:
        old, new: the texts.
        places: half-open code points of the old text.
    """
    begin, end = _common(old, new)
    found: list[tuple[int, int] | None] = []
    for start, stop in places:
        first = _shifted(start, stop, len(old), len(new), begin, min(end, len(old) - begin, len(new) - begin))
        second = _shifted(start, stop, len(old), len(new), min(begin, len(old) - end, len(new) - end), end)
        found.append(first if first and first == second else _same_occurrence(old, new, start, stop))
    return found


def _common(old: str, new: str) -> tuple[int, int]:
    shorter = min(len(old), len(new))
    begin = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter) if old[-1 - i] != new[-1 - i]), shorter)
    return begin, end


def _shifted(start: int, stop: int, old: int, new: int, begin: int, end: int) -> tuple[int, int] | None:
    if stop <= begin:
        return start, stop
    if start >= old - end:
        return start + new - old, stop + new - old
    return None


def _same_occurrence(old: str, new: str, start: int, stop: int) -> tuple[int, int] | None:
    piece = old[start:stop]
    before, after = _occurrences(old, piece), _occurrences(new, piece)
    if len(before) != len(after):
        return None
    at = after[before.index(start)]
    return at, at + len(piece)


def _occurrences(text: str, piece: str) -> list[int]:
    """Overlapping ones included, so that every span is one of them."""
    found, at = [], text.find(piece)
    while at >= 0:
        found.append(at)
        at = text.find(piece, at + 1)
    return found


def move_items(old: str, new: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Items as JSON types with their spans moved to a new text; a span that is not certain has ``"lost": true``.

    Raises:
        ValueError: an item's place is outside of the old text.
    """
    spans = [span for item in items for span in item["spans"] if span["start"] is not None]
    if any(old[span["start"] : span["end"]] != span["text"] or not span["text"] for span in spans):
        raise ValueError("the items do not belong to this text")
    moved = iter(reanchor(old, new, [(span["start"], span["end"]) for span in spans]))

    def move(span: Mapping[str, Any]) -> dict[str, Any]:
        if span["start"] is None:
            return {**span, "lost": span["text"] not in new}
        place = next(moved)
        start, end = place or (None, None)
        return {**span, "start": start, "end": end, "lost": place is None}

    return [{**item, "spans": [move(span) for span in item["spans"]]} for item in items]


def corrected(target: Record, change: Mapping[str, Any], registry: Registry, source: Record | None = None) -> Record:
    """The record that a reviewer made of a target: another text, label or items, everything else as it was.

    A row of a worklist may get one of label and items now and the other later. Items that stood in the order of the text
    do so again, so that two people who add the same ones have made the same record.

    Args:
        target: the record under review.
        change: a record as JSON types; what is not under review must be as in the target.
        registry: knows the labels and task words.
        source: what the target was made from, for the alignment of items.

    Raises:
        KitError: the record cannot be kept; the message tells the reviewer why.
    """
    if target.raw is not None:
        raise KitError("a published row is kept byte for byte: accept or reject it")
    fixed = {name: value for name, value in to_dict(target).items() if name not in ("text", "label", "items")}
    try:
        if any(change.get(name) != value for name, value in fixed.items()):
            raise KitError("only the text, the label and the items can be changed")
        record = from_dict(change)
        if not record.text.strip():
            raise KitError("the text is empty: reject the row instead")
        if gone := set(missing(record)) - set(missing(target)):
            raise KitError(f"the {min(gone)} cannot be taken away: change them, or reject the row")
        _check_repeated(record, target)
        if record.items is not None and _in_order(target.items or ()):
            record = replace(record, items=tuple(sorted(record.items, key=_place)))
        filled = _filled(record, registry)
        registry.check_labels(filled)
        _check_round_trip(filled, registry)
    except (RecordError, RegistryError, ValueError) as error:
        raise KitError(
            str(error).removeprefix(f"record {target.id!r}: ").removeprefix(f"record {target.id!r}, ")
        ) from error
    count = 0 if source is None else len(source.items or ())
    wrong = [i.source_item for i in record.items or () if i.source_item is not None and i.source_item >= count]
    if wrong and source is not None:
        raise KitError(f"the source has no item {wrong[0]}")
    return record


def _check_repeated(record: Record, target: Record) -> None:
    """Raises KitError: an item is there twice, which the target did not have."""
    counts, before = (
        Counter((item.label, item.spans, item.attributes) for item in one.items or ()) for one in (record, target)
    )
    if twice := [item for item, count in counts.items() if count > max(1, before[item])]:
        label, spans, _ = twice[0]
        text = repr(spans[0].text) if spans else "an item"
        raise KitError(f"{text} is there twice as {label!r} at one place: drop one of the two")


def _place(item: Item) -> tuple[int, int]:
    """Where an item begins and ends in the text; before all others if it has no place."""
    places = [(span.start, span.end or 0) for span in item.spans if span.start is not None]
    return min(places, default=(-1, -1))


def _in_order(items: Sequence[Item]) -> bool:
    return all(_place(one) <= _place(other) for one, other in pairwise(items))


def missing(record: Record) -> list[str]:
    """What a row of a worklist still lacks: ``label``, ``items`` or both."""
    return [] if record.raw is not None else [name for name in ("label", "items") if getattr(record, name) is None]


def check_complete(target: Record, source: Record | None) -> None:
    """Raises KitError: a row that is to be accepted lacks what its source has, or, without a source, what a row needs."""
    lacks = [name for name in missing(target) if source is None or name not in missing(source)]
    if lacks:
        raise KitError(f"{' and '.join(lacks)} still missing: set what you can and save it, or reject the row")


def _filled(record: Record, registry: Registry) -> Record:
    """The record with anything allowed where something is missing, so that what is there can be checked."""
    labels = registry.text_labels(registry.config(record.config)) or ("-",)
    return replace(record, label=record.label or next(iter(labels)), items=record.items or ())


def _check_round_trip(record: Record, registry: Registry) -> None:
    """Whether the record can be written and read back, each item's text standing in the row's."""
    for span in (span for item in record.items or () for span in item.spans):
        if span.text not in record.text:
            raise ValueError(f"{span.text!r} is not in the text")
    words, roles = registry.task_words, shape(record.word, registry.task_words)
    back = decode(encode(record, words)[1], record.word, task_words=words)
    if isinstance(back, Failure):
        raise ValueError(f"cannot be read back: {back}")
    written = [item_fields(item, roles) for item in record.items or ()]
    if back.label != record.label or [item_fields(item, roles) for item in back.items] != written:
        raise ValueError("label or items come back changed when written and read")


def same(one: Record, other: Record) -> bool:
    """Whether two records say the same under review."""
    return (one.text, one.label, one.items) == (other.text, other.label, other.items)
