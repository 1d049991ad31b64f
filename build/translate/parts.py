"""Texts in parts: where a long or dense one is cut, and what of the rest a part is shown."""

from __future__ import annotations

from dataclasses import dataclass

from build.markup import Place
from build.translate.tagging import Tagged


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a record's text with the tags that lie in it, their offsets counted from its beginning.

    Attributes:
        text: the stretch; where the record is cut, without the blanks at its ends.
        spans: tag number to place.
        lead, tail: the blanks before and behind it, which no model gets a chance to lose.
        context: the text around it, itself included; None if it is the whole.
    """

    text: str
    spans: dict[int, Place]
    lead: str = ""
    tail: str = ""
    context: str | None = None


def split(tagged: Tagged, final: str, most_tags: int, most_chars: int, around: int) -> list[Part]:
    """Cut a text after sentences so that no part has too many tags or characters, as far as sentences allow.

    A cut never goes through a span. The parts with their blanks, in order, are the text.

    Args:
        tagged: the text.
        final: marks that end a sentence.
        most_tags, most_chars: of a part.
        around: so many characters before and behind a part are its context, short of a sentence that does not fit.
    """
    text = tagged.text
    if len(tagged.spans) <= most_tags and len(text) <= most_chars:
        return [Part(text, tagged.spans)]
    ends = [*sentence_ends(tagged, final), len(text)]
    places, start = [], 0
    for this, following in zip(ends, [*ends[1:], None]):
        if following is not None:
            inside = sum(start <= left and right <= following for left, right in tagged.spans.values())
            if inside <= most_tags and following - start <= most_chars:
                continue
        places.append((start, this))
        start = this
    if len(places) == 1:
        return [Part(text, tagged.spans)]
    return [_slice(tagged, start, end, _window(text, [0, *ends], start, end, around)) for start, end in places]


def sentence_ends(tagged: Tagged, final: str) -> list[int]:
    """Where sentences end outside of all spans, behind closing brackets; short of the end of the text."""
    text, cuts = tagged.text, []
    for at in range(1, len(text)):
        ended = text[at - 1] in final or text[at - 1] == "\n"
        if ended and text[at] not in final and text[at] not in '」』）)】”’"\n':
            # In scripts with spaces a full stop ends a sentence only before one: 3.5, example.org.
            spaced = text[at - 1] not in ".!?" or text[at].isspace()
            if spaced and not any(left < at < right for left, right in tagged.spans.values()):
                cuts.append(at)
    return cuts


def _slice(tagged: Tagged, start: int, end: int, context: str) -> Part:
    inside = {number: (left, right) for number, (left, right) in tagged.spans.items() if start <= left and right <= end}
    first, last, text = start, end, tagged.text
    while first < end and text[first].isspace() and all(left > first for left, _ in inside.values()):
        first += 1
    while last > first and text[last - 1].isspace() and all(right < last for _, right in inside.values()):
        last -= 1
    spans = {number: (left - first, right - first) for number, (left, right) in inside.items()}
    return Part(text[first:last], spans, text[start:first], text[last:end], context)


def _window(text: str, ends: list[int], start: int, end: int, around: int) -> str:
    """The whole sentences around a part, as far as they lie within ``around`` characters of it."""
    first = min((at for at in ends if start - around <= at <= start), default=start)
    last = max((at for at in ends if end <= at <= end + around), default=end)
    return text[first:last]
