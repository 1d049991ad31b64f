"""Words of a text for the formats that tag words; no word reaches over the edge of an item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

Offsets = tuple[int, int]

# One character of a script that is written without spaces, a run of other letters and digits, or any other sign.
_WORD = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"|(?:(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[\w\p{M}])+|\S"
)
_PIECE = re.compile(r"(?s).{1,8000}(?:[。\n]|\Z)|.{1,8000}")  # SudachiPy takes at most 49,149 bytes at once


def words(text: str, language: str, cuts: Iterable[int] = ()) -> list[Offsets]:
    """Offsets of the words of a text, blanks between them left out.

    Japanese is split by SudachiPy (mode C), other scripts without spaces into characters.

    Args:
        text: the text.
        language: its code.
        cuts: offsets at which a word must end, whatever the tokenizer says: where items begin and end.
    """
    found = _japanese(text) if language == "ja" else _by_script(text)
    return [piece for start, end in found for piece in _cut(text, start, end, set(cuts))]


def _by_script(text: str) -> Iterator[Offsets]:
    import regex

    return (match.span() for match in regex.finditer(_WORD, text))


def _japanese(text: str) -> Iterator[Offsets]:
    tokenize = _sudachi()
    for piece in _PIECE.finditer(text):
        for token in tokenize(piece[0]):
            yield piece.start() + token.begin(), piece.start() + token.end()


@cache
def _sudachi() -> Callable[[str], Iterable[Any]]:
    from build.readers.lexicon import tokenizer

    return tokenizer()


def _cut(text: str, start: int, end: int, cuts: set[int]) -> Iterator[Offsets]:
    at = start
    for place in range(start, end + 1):
        if place == end or text[place].isspace() or place in cuts:
            if text[at:place].strip():
                yield at, place
            at = place + 1 if place < end and text[place].isspace() else place
