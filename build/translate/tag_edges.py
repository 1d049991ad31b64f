"""What models write into a tag, behind it or instead of it, and where the place of a span begins and ends."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

from build.markup import Place, scan
from build.translate.wrapping import FINAL_MARK, TAG, begins_note, is_quoted, tables

_BLANK_AFTER: Final = re.compile(r"(\s*)(<\d{1,6}>)(\s+)")
_BLANK_BEFORE: Final = re.compile(r"(\s+)(</\d{1,6}>)(\s*)")
_GLOSS: Final = re.compile(r"(</(\d{1,6})>)\s*[(（]([^()（）<>]*)[)）]")
_MARK_IN_TAG: Final = re.compile(r"([^<>\s]+)((?:</\d{1,6}>)*)([。．.])(?=</\d{1,6}>)")
_MARKED_TAG: Final = re.compile(r"[。．.]</")
_BLANK_IN_TAG: Final = re.compile(r"<\d{1,6}>\s|\s</\d{1,6}>")
_MARKS: Final = "。．！？!?，、；：;:,"
_FULL_STOPS: Final = "。．."
_LOOKED_AT: Final = 40
_ENDING: Final = 3
_TAG_LIKE: Final = re.compile(r"<\s*/?\s*\w?\d+|\d+\s*/?\s*>|[\[{]\s*/?\s*\w?\d{1,6}\s*/?\s*[\]}]")
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_BLANKS: Final = re.compile(r"\s+")
_ANY: Final = re.compile(r"[<>\[{&＜＞［｛＆]")
_ANGLES: Final = str.maketrans(dict.fromkeys("〈《«‹≪⟨", "<") | dict.fromkeys("〉》»›≫⟩", ">"))
"""Quotation marks that a translation may write as plain angle brackets."""
_SHOWN: Final = 12
_CLOSING: Final = "」』）)】》”’\"'"


def clean_tags(text: str, wanted: Mapping[int, Place], source: str, *, spaced: bool) -> str:
    """A tagged translation whose tags hold no blanks, marks, quotation marks or glosses that the source's pieces have not.

    Args:
        text: what :func:`build.translate.wrapping.unwrap` made of a reply.
        wanted: the tags of the source, with their places.
        source: the plain source text.
        spaced: whether the target language writes blanks between words.
    """
    text = _without_gloss(_without_quotes_in_tags(text, wanted, source), wanted, source)
    before = None if _BLANK_IN_TAG.search(text) else text
    while before != text:  # tags may nest
        before, text = text, _blanks_out(text, spaced)
    return _marks_out(text, source)


def _without_quotes_in_tags(text: str, wanted: Mapping[int, Place], source: str) -> str:
    """Without quotation marks just inside of a tag whose piece has none in or around it in the source."""
    for opening, closing in tables()["quotes"]:
        if f">{opening}" not in text:
            continue
        marks = {mark for pair in tables()["quotes"] for mark in pair} - {"'", "’"}  # which are apostrophes as well
        for match in re.finditer(rf"<(\d{{1,6}})>{opening}([^<>{opening}{closing}]+){closing}</\1>", text):
            start, end = wanted.get(int(match[1]), (0, len(source)))
            around = TAG.sub("", text[: match.start()])[-1:] + TAG.sub("", text[match.end() :])[:1]
            is_quoted = len(around) > 1 and set(around) <= marks | set("《》〈〉")
            if is_quoted or not marks & set(source[max(0, start - 1) : end + 1]):
                text = text.replace(match[0], f"<{match[1]}>{match[2]}</{match[1]}>")
    return text


def _without_gloss(text: str, wanted: Mapping[int, Place], source: str) -> str:
    """Without a bracket behind a tag that says what the source has there: ``<1>Mia</1> (original)``."""

    def replaced(match: re.Match[str]) -> str:
        inner, end = match[3].strip(), wanted.get(int(match[2]), (0, 0))[1]
        has_own = source[end : end + 2].strip()[:1] in ("(", "（")
        return match[1] if inner and not has_own and (inner in source or begins_note(inner)) else match[0]

    return _GLOSS.sub(replaced, text)


def _blanks_out(text: str, spaced: bool) -> str:
    """Blanks at the ends of tags stand outside of them, where there is none yet and the language writes them."""

    def before(match: re.Match[str]) -> str:
        last = text[: match.start()][-1:]
        return (match[1] or (" " if spaced and last and (not _is_mark(last) or last in ".,;:!?") else "")) + match[2]

    def behind(match: re.Match[str]) -> str:
        return match[2] + (match[3] or ("" if not spaced or _is_mark(text[match.end() : match.end() + 1]) else " "))

    text = _BLANK_AFTER.sub(before, text)
    return _BLANK_BEFORE.sub(behind, text)


def _is_mark(char: str) -> bool:
    return not char or unicodedata.category(char)[0] == "P"


def _marks_out(text: str, source: str) -> str:
    """A full stop at the end of a tag in the middle of a sentence is taken away if the source has fewer of them."""
    if not _MARKED_TAG.search(text):
        return text
    has_more = len(FINAL_MARK.findall(scan(text).text)) > len(FINAL_MARK.findall(source))

    ends = bool(FINAL_MARK.search(source.rstrip()[-_ENDING:]))

    def without(match: re.Match[str]) -> str:
        follows = TAG.sub("", text[match.end() : match.end() + _LOOKED_AT]).lstrip()[:1]
        is_odd = match[3] == "." and match[1][-1] > "\u2e80"  # such languages write another one
        is_sentence = follows.isupper() or (follows in _CLOSING and not is_odd) if follows else ends
        is_within = (has_more or is_odd) and not is_sentence
        return match[1] + match[2] if is_within and not is_abbreviation(match[1] + match[3]) else match[0]

    return _MARK_IN_TAG.sub(without, text)


def is_abbreviation(words: str) -> bool:
    """Whether a full stop at the end of the words is a part of the last one: Ltd., U.S., J."""
    last = re.split(r"[\s,]", words)[-1].rstrip(".")
    is_letter = len(last) == 1 and last.isascii() and last.isalpha()
    return words.endswith(".") and (last.casefold() in tables()["abbreviations"] or "." in last or is_letter)


def trim(text: str, place: Place, piece: str = "") -> Place | None:
    """A place without blanks and marks at its ends that the source's piece has not; None if nothing is left."""
    start, end = place
    if start < end and text[start].isalnum() and text[end - 1].isalnum():
        return place
    before = None
    while before != (start, end):
        before = start, end
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if not piece or start == end:
            continue
        has_mark = piece[-1:] in (*_MARKS, *_FULL_STOPS)
        is_stop = text[end - 1] == "." and not is_abbreviation(text[start:end])
        if not has_mark and end - start > 1 and (text[end - 1] in _MARKS or is_stop):
            end -= 1
        for opening, closing in tables()["quotes"]:
            quoted = end - start > 2 and text[start] == opening and text[end - 1] == closing
            if quoted and not is_quoted(piece):
                start, end = start + 1, end - 1
    return (start, end) if start < end else None


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
