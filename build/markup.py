"""Numbered tags around spans, and back: ``<1>Tokyo</1> rose``.

Tags carry the number of an item, so spans may nest, cross and repeat. A text's own ``&``, ``<`` and ``>`` are written as
XML entities, hence a text that itself holds ``<1>`` survives. The same notation marks the embedded corpus.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, unescape

_TAG = re.compile(r"<(/?)(\d+)>")


class MarkupError(ValueError):
    """The tags of a text do not pair up: the message names the tag."""


def untag(tagged: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """Split tagged text into the plain text and the spans of its tags.

    Args:
        tagged: text with each span wrapped once as ``<n>...</n>``; ``&``, ``<`` and ``>`` of the text as XML entities.

    Returns:
        The plain text, and for every tag number its half-open span in code points of the plain text.

    Raises:
        MarkupError: a tag is opened twice, closed without being open, or never closed, or a bare ``<`` or ``>`` remains.
    """
    pieces: list[str] = []
    length = cursor = 0
    starts: dict[int, int] = {}
    spans: dict[int, tuple[int, int]] = {}
    for match in _TAG.finditer(tagged):
        piece = _plain(tagged[cursor : match.start()])
        pieces.append(piece)
        length += len(piece)
        cursor = match.end()
        number = int(match[2])
        if not match[1]:
            if number in starts:
                raise MarkupError(f"tag <{number}> is opened twice")
            starts[number] = length
        elif number not in starts or number in spans:
            raise MarkupError(f"tag </{number}> closes nothing")
        else:
            spans[number] = (starts[number], length)
    pieces.append(_plain(tagged[cursor:]))
    if unclosed := starts.keys() - spans.keys():
        raise MarkupError(f"tag <{min(unclosed)}> is never closed")
    return "".join(pieces), spans


def _plain(piece: str) -> str:
    if "<" in piece or ">" in piece:
        raise MarkupError(f"a bare '<' or '>' in {piece!r}: write &lt; and &gt;")
    return unescape(piece)


def tag(text: str, spans: dict[int, tuple[int, int]]) -> str:
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
