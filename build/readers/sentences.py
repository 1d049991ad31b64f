"""Japanese sentences for snippets: where they end, and what is not prose."""

from __future__ import annotations

import re
from typing import Final

_END = "。！？!?"
_OPEN = dict(zip("「『（(【［[〈《“", "」』）)】］]〉》”", strict=True))
_CLOSE = frozenset(_OPEN.values())

_MARKS = "■□●○◎◆◇▼▽▲△★☆※→⇒＞>・◯*#"
_DASHES = r"\-–—―"

LISTING: Final = re.compile(rf"^(?:[{_MARKS}≪《【<][^。]*|[{_DASHES}][^。！？!?]*|\d+[.．)）、]\s*[^\s。]{{0,30}})$")
"""A line that is a heading or an item of a list: it begins with a mark and holds no sentence.

Headings and links end in ！ and ？ as well, so behind a mark only 。 tells a sentence; behind a dash, which opens the
question of an interview, any of the three does."""

LEAD: Final = re.compile(rf"^[{_MARKS}{_DASHES}\s]+")
"""The mark before a line; it belongs to no sentence."""

LINK: Final = re.compile(
    r"関連記事|関連リンク|関連サイト|クチコミを見る|販売元|記事執筆|もっと見る|続きを読む|発売日："
)
"""A sentence with one of these is a link or a credit."""

REJECT: Final = {
    "url": re.compile(r"https?:|www\.|\.(?:com|jp|net)\b|[\w.]+@[\w.]+"),
    "markup": re.compile(r"</?[A-Za-z]|&(?:#\d+|[a-z]+);"),
    "credit": re.compile(
        r"[（(]c[)）]|©|Copyright|All [Rr]ights|(?:写真|文|取材|撮影|協力|提供|価格|住所|電話)[：:／/]"
    ),
}
"""Patterns that no snippet may hold, by the reason of the drop."""

PROSE: Final = re.compile(r"(?s)^(?=.*[ぁ-ん]).*[。！？!?」』）)]$")
"""A snippet holds hiragana and closes with a mark."""


def split_sentences(paragraph: str) -> list[tuple[int, int]]:
    """Spans of the sentences of a paragraph, without the blanks around them.

    A sentence ends after a run of ``。！？`` outside brackets; a bracket that stays open keeps the rest together.
    """
    spans, stack, start = [], [], 0
    for at, char in enumerate(paragraph):
        if char in _OPEN:
            stack.append(_OPEN[char])
        elif char in _CLOSE and char in stack:
            del stack[stack.index(char) :]
        elif char in _END and not stack and paragraph[at + 1 : at + 2] not in (*_END, *_CLOSE):
            spans.append((start, at + 1))
            start = at + 1
    spans.append((start, len(paragraph)))
    return [trimmed for span in spans if (trimmed := _trim(paragraph, *span))]


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    return (start, end) if start < end else None
