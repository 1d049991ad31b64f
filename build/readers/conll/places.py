"""Where tokens stand in a text."""

from __future__ import annotations

from collections.abc import Sequence

Offsets = tuple[int, int]

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


def align(text: str, tokens: Sequence[str]) -> list[Offsets] | None:
    """Offsets of the tokens in the text, left to right with only blanks between them; None if they do not fit."""
    places, at = [], 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0 or _visible(text[at:start]) or not token:
            return None
        at = start + len(token)
        places.append((start, at))
    return None if _visible(text[at:]) else places


def join(tokens: Sequence[str], joiners: Sequence[str]) -> tuple[str, list[Offsets]]:
    """The text of the tokens, each followed by its joiner except the last, and their offsets in it."""
    text, places = "", []
    for number, (token, joiner) in enumerate(zip(tokens, joiners, strict=True), 1):
        places.append((len(text), len(text) + len(token)))
        text += token + (joiner if number < len(tokens) else "")
    return text, places


def _visible(piece: str) -> bool:
    return bool(piece) and bool(piece.strip().strip(_INVISIBLE).strip())
