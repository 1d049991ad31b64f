"""Strings that models copy, in the spelling of the text; labels, whatever their width and the marks around them."""

from __future__ import annotations

import re
import unicodedata

from oiellm.llm.answers import INVISIBLE

_QUOTES = str.maketrans("‘’‚‛′`´“”„‟″«»‹›「」『』", "'''''''" + '"' * 5 + '"' * 8)
_NUMBER = re.compile(r"^\(?\d{1,2}[.):、]\s*")
_MARKS = " .。,、:;*_`\"'“”‘’「」『』()[]<>"
_HALF_WIDTH_MARKS = "\uff9e\uff9f"


def find_surface(text: str, wanted: str) -> str | None:
    """The piece of a text that a string stands for.

    Args:
        text: the raw text.
        wanted: a copy of a piece of it.

    Returns:
        The string itself if the text has it; else the first piece that is the same but for width and other compatibility
        forms (NFKC), composition, and the kind of quotation marks; None if there is none.
    """
    if not wanted or wanted in text:
        return wanted or None
    plain, starts = [], []
    for start, end in _clusters(text):
        for char in _plain(text[start:end]):
            plain.append(char)
            starts.append((start, end))
    whole, piece = "".join(plain), _plain(wanted)
    at = whole.find(piece) if piece.strip() else -1
    while at >= 0:
        last = at + len(piece) - 1
        # A piece begins and ends where a character of the text does, not inside of what NFKC makes of one (㈱ is (株)).
        begins = at == 0 or starts[at - 1] != starts[at]
        if begins and (last + 1 == len(starts) or starts[last + 1] != starts[last]):
            return text[starts[at][0] : starts[last][1]]
        at = whole.find(piece, at + 1)
    return None


def label_forms(label: str) -> tuple[str, str]:
    """A label in lower case, NFKC, without invisible characters; and the same without a number and marks around it."""
    plain = unicodedata.normalize("NFKC", label).strip(INVISIBLE).strip().casefold()
    return plain, _NUMBER.sub("", plain).strip(_MARKS)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(_QUOTES))


def _clusters(text: str) -> list[tuple[int, int]]:
    """Places of the characters, each with the marks that are combined with it."""
    starts = [
        at for at, char in enumerate(text) if not at or not (unicodedata.combining(char) or char in _HALF_WIDTH_MARKS)
    ]
    return list(zip(starts, [*starts[1:], len(text)]))
