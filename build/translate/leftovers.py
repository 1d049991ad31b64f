"""What is left in a translation that is no translation: markup, and a model's talk around the text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

from build.translate.wrapping import (
    BRACKETED,
    CLAUSE,
    EMPHASIS,
    FINAL_MARK,
    LAST_LINES,
    LEAD,
    SHORT,
    begins_note,
    doubled,
    has_word,
    size,
)

_TAG_LIKE: Final = re.compile(r"<\s*/?\s*\w?\d+|\d+\s*/?\s*>|[\[{]\s*/?\s*\w?\d{1,6}\s*/?\s*[\]}]")
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_BLANKS: Final = re.compile(r"\s+")
_ANY: Final = re.compile(r"[<>\[{&＜＞［｛＆]")
_ANGLES: Final = str.maketrans(dict.fromkeys("〈《«‹≪⟨", "<") | dict.fromkeys("〉》»›≫⟩", ">"))
"""Quotation marks that a translation may write as plain angle brackets."""
_SHOWN: Final = 12


def markup_left(source: str, target: str) -> str | None:
    """What looks like markup in a translation and does not stand in its source; None if there is nothing.

    Tags of any kind that were not read as tags (``<2``, ``</x2>``, ``[2]``), entities such as ``&quot;``, emphasis, and every
    ``<`` or ``>`` beyond those of the source, whose brackets may have another width.

    Args:
        source, target: plain texts.
    """
    for mark in ("**", "```", "__"):
        if mark in target and mark not in source:
            return mark
    if not _ANY.search(target):
        return None
    source, target = (unicodedata.normalize("NFKC", text) for text in (source, target))
    closed = _BLANKS.sub("", source)
    for expression in (_TAG_LIKE, _ENTITY):
        for match in expression.finditer(target):
            if _BLANKS.sub("", match[0]) not in closed:
                return _shown(target, match.start())
    had = Counter(source.translate(_ANGLES))
    for bracket in "<>":
        if target.count(bracket) > had[bracket]:
            return _shown(target, target.rindex(bracket))
    return None


def _shown(text: str, at: int) -> str:
    return text[at : at + _SHOWN]


def added_text(source: str, target: str) -> str | None:
    """What is no translation in a text whose wrapping was stripped already; None if there is nothing.

    A label, a note, the source, the text twice, or more lines than the source has.
    """
    bare, plain = source.strip(), target.strip()
    if size(bare) >= SHORT and bare in plain and bare != plain and FINAL_MARK.search(bare):
        return "the source beside it"
    if plain.count("\n") > bare.count("\n"):
        return f"a line more than the source: {plain.splitlines()[-1][:40]!r}"
    wrapped = wrapping(plain)
    return wrapped if wrapped and not wrapping(bare) else None


def wrapping(text: str) -> str | None:
    """What a text alone shows of a model's talk around it: a label, a note, emphasis, the text twice; None if nothing."""
    lead = LEAD.match(text)
    if lead and text[lead.end() :].strip() and has_word(lead[1], "labels") and not CLAUSE.search(lead[1]):
        return f"{lead[1][:40]!r} before it"
    note = BRACKETED.search(text) or LAST_LINES.search(text)
    if note and note.start() and begins_note(note[1]):
        return f"{note[0].strip()[:40]!r} behind it"
    if EMPHASIS.fullmatch(text):
        return "emphasis around it"
    return "it comes twice" if doubled(text) else None
