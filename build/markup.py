"""Numbered tags around spans, and back: ``<1>Tokyo</1> rose``.

Tags carry the number of an item, so spans may nest, cross and repeat. A text's own ``&``, ``<`` and ``>`` are written as
XML entities, hence a text that itself holds ``<1>`` survives. The same notation marks the embedded corpus and goes to models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, unescape

_TAG = re.compile(r"<(/?)(\d{1,6})>")  # a longer number is no item's, and Python refuses to read one of 4,300 digits

Place = tuple[int, int]
"""A half-open span in code points."""


class MarkupError(ValueError):
    """The tags of a text do not pair up: the message names the tag."""


@dataclass(slots=True)
class Scan:
    """What a tagged text holds, whatever its state.

    Attributes:
        text: the plain text.
        places: tag number to its spans; more than one if the tag comes more than once.
        unpaired: numbers of tags that are opened without being closed, or closed without being open.
        bare: whether a ``<`` or ``>`` stood in the text that is part of no tag.
    """

    text: str
    places: dict[int, list[Place]] = field(default_factory=dict)
    unpaired: list[int] = field(default_factory=list)
    bare: bool = False


def scan(tagged: str) -> Scan:
    """Read tagged text as far as it can be read; the forgiving form of :func:`untag`, for what models write.

    A bare ``&``, ``<`` or ``>`` that is part of no tag and no entity stands for itself.
    """
    pieces: list[str] = []
    opened: dict[int, int] = {}
    found = Scan("")
    length = cursor = 0
    for match in _TAG.finditer(tagged):
        if cursor < match.start():
            length += _add(pieces, tagged[cursor : match.start()], found)
        cursor = match.end()
        number = int(match[2])
        if match[1]:
            start = opened.pop(number, None)
            if start is None:
                found.unpaired.append(number)
            else:
                found.places.setdefault(number, []).append((start, length))
        else:
            if number in opened:
                found.unpaired.append(number)
            opened[number] = length
    _add(pieces, tagged[cursor:], found)
    found.text = "".join(pieces)
    found.unpaired += opened
    return found


def _add(pieces: list[str], piece: str, found: Scan) -> int:
    if "<" in piece or ">" in piece:
        found.bare = True
    plain = unescape(piece) if "&" in piece else piece
    pieces.append(plain)
    return len(plain)


def untag(tagged: str) -> tuple[str, dict[int, Place]]:
    """Split tagged text into the plain text and the spans of its tags.

    Args:
        tagged: text with each span wrapped once as ``<n>...</n>``; ``&``, ``<`` and ``>`` of the text as XML entities.

    Returns:
        The plain text, and for every tag number its half-open span in code points of the plain text.

    Raises:
        MarkupError: a tag is opened twice, closed without being open, or never closed, or a bare ``<`` or ``>`` remains.
    """
    found = scan(tagged)
    if found.unpaired:
        raise MarkupError(f"tag <{found.unpaired[0]}> is not opened and closed in pairs")
    for number, places in found.places.items():
        if len(places) > 1:
            raise MarkupError(f"tag <{number}> is opened twice")
    if found.bare:
        raise MarkupError(f"a bare '<' or '>' in {tagged[:80]!r}: write &lt; and &gt;")
    return found.text, {number: place for number, (place,) in found.places.items()}


def tag(text: str, spans: dict[int, Place]) -> str:
    """Wrap every span of ``text`` in its numbered tag; the inverse of :func:`untag`.

    Args:
        text: plain text.
        spans: tag number to half-open span in code points, non-empty; spans may nest, cross and coincide.
    """
    # At one position closing tags come before opening ones; longer spans open first and close last, so nesting reads well.
    marks = [(end, 0, -start, -number, f"</{number}>") for number, (start, end) in spans.items()]
    marks += [(start, 1, -end, number, f"<{number}>") for number, (start, end) in spans.items()]
    pieces, cursor = [], 0
    for position, _, _, _, mark in sorted(marks):
        pieces += [escape(text[cursor:position]), mark]
        cursor = position
    return "".join([*pieces, escape(text[cursor:])])
