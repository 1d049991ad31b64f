"""Long texts in windows of whole sentences. Only a sentence that is longer than a window is cut, with an overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

OVERLAP: Final = 0.25
"""Fraction of a window that the next piece of a cut sentence has in common with it; half of it belongs to each."""
_SENTENCE: Final = re.compile(
    r"""
    .*? (?: [。！？!?．]+ [」』）)\]”’"']*   # the end of a sentence, and what closes with it
          | \.+ ["')\]”’]* (?=\s)            # a full stop, which in a number has no blank behind it
          | \n
          | $ )
    \s*
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text, in code points: what is asked about is ``start`` to ``end``, what begins in ``own`` is kept.

    The ``own`` of the windows of a text cover it once.
    """

    start: int
    end: int
    own: tuple[int, int]


def windows(text: str, size: int) -> list[Window]:
    """Cut a text into windows of at most ``size`` characters, at least 1; a text of no more than that is one window."""
    found: list[Window] = []
    start = end = 0
    for first, last in _sentences(text):
        if last - start > size and end > start:
            found.append(Window(start, end, (start, end)))
            start = first
        if last - start > size:
            found += _pieces(start, last, size)
            start = last
        end = last
    if end > start:
        found.append(Window(start, end, (start, end)))
    return found


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Sentences with the blanks behind them; together they are the text."""
    return (match.span() for match in _SENTENCE.finditer(text) if match.group())


def _pieces(start: int, end: int, size: int) -> Iterator[Window]:
    """A sentence in pieces of one size, each of which begins within the one before it."""
    common = int(size * OVERLAP)
    own = start
    for at in range(start, max(start + 1, end - common), size - common):
        last = min(at + size, end)
        to = end if last == end else last - common // 2
        yield Window(at, last, (own, to))
        own = to
