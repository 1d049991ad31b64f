"""Records to tagged text and back: every distinct span of the items has one numbered tag.

Items that share a span share its tag, so a relation's argument that occurs in three relations is marked once. The items
themselves, their labels and roles, never leave: what comes back is text and places, which are set into the items again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from build.markup import Place
from mmm_dataset import Item, Record, Span
from mmm_f1.locate import locate

ABSENT = 0
"""In place of a tag number: a span without text, an event's absent argument."""


class NoPlace(ValueError):
    """An item's span is not in the text, so that it cannot be tagged; the message says which."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A record's text and the places of its items.

    Attributes:
        text: the record's text.
        spans: tag number to its place, numbered from 1 in the order of the text.
        items: for each item the tag numbers of its spans, ``ABSENT`` for one without text.
    """

    text: str
    spans: dict[int, Place]
    items: tuple[tuple[int, ...], ...]


def take_apart(record: Record) -> Tagged:
    """The text and the distinct places of a record's items.

    A span without known offsets is looked for by the kit's offset rule; listed more often than it occurs, it shares a place.

    Raises:
        NoPlace: a span's text is not in the record's text.
    """
    items = record.items or ()
    places: list[list[Place | None]] = [[_place(span) for span in item.spans] for item in items]
    lost = [
        (i, s) for i, item in enumerate(items) for s, span in enumerate(item.spans) if span.text and not places[i][s]
    ]
    if lost:
        found = locate(record.text, [(items[i].label, items[i].spans[s].text) for i, s in lost])
        for (i, s), place in zip(lost, found):
            places[i][s] = place or _first(record.text, items[i].spans[s].text)
    distinct = sorted({place for row in places for place in row if place}, key=lambda p: (p[0], -p[1]))
    numbers = {place: number for number, place in enumerate(distinct, 1)}
    tags = tuple([tuple([numbers[place] if place else ABSENT for place in row]) for row in places])
    return Tagged(record.text, dict(enumerate(distinct, 1)), tags)


def _place(span: Span) -> Place | None:
    return None if span.start is None or span.end is None else (span.start, span.end)


def _first(text: str, piece: str) -> Place:
    start = text.find(piece)
    if start < 0:
        raise NoPlace(f"{piece!r} is not in the text")
    return start, start + len(piece)


def put_together(
    record: Record,
    tagged: Tagged,
    text: str,
    spans: Mapping[int, Place],
    labels: tuple[str, ...],
    gone: Collection[int] = (),
    attributes: Sequence[tuple[tuple[str, str], ...]] | None = None,
) -> tuple[Item, ...] | None:
    """The items of a record over another text.

    Args:
        record: whose items are carried over, in their order; ``source_item`` of each is its index there.
        tagged: of that record.
        text: the other text.
        spans: tag number to its place there; all but those in ``gone``.
        labels: of the items, in the other language.
        gone: tags without a counterpart. A mention is left out where another of its argument is kept, else the whole item.
        attributes: of the items, in the other language; None: as they are.

    Returns:
        The items; None if the record has none yet.
    """
    if record.items is None:
        return None
    return tuple(
        [
            Item(
                label,
                tuple([_set(span, tag, text, spans) for span, tag in zip(item.spans, tags) if tag not in gone]),
                index,
                attributes,
            )
            for index, (item, tags, label, attributes) in enumerate(
                zip(record.items, tagged.items, labels, attributes or [item.attributes for item in record.items])
            )
            if not gone or not _lacks_argument(item, tags, gone)
        ]
    )


def _lacks_argument(item: Item, tags: tuple[int, ...], gone: Collection[int]) -> bool:
    kept = {span.role for span, tag in zip(item.spans, tags) if tag not in gone}
    return any(span.role not in kept for span in item.spans)


def _set(span: Span, tag: int, text: str, spans: Mapping[int, Place]) -> Span:
    if tag == ABSENT:
        return replace(span)
    start, end = spans[tag]
    return Span(text[start:end], start, end, span.role)
