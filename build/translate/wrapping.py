"""What models write around a translation and into its tags: stripped where that is safe, named where it is not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from build.markup import Place, scan
from build.translate.language import LanguageProfile
from oiellm.files import read_toml

_TABLES: Final = Path(__file__).with_name("wrapping.toml")
_TAG: Final = re.compile(r"</?\d{1,6}>")
_ODD_TAG: Final = re.compile(
    r"(?P<open>[<＜]|&lt;)\s*(?P<slash>[/／]?)\s*[A-Za-z]?\s*(?P<number>[0-9０-９]{1,6})\s*(?P<close>[>＞]|&gt;)"
)
ZERO_WIDTH: Final = re.compile(r"[\u200b\u2060\ufeff\u00ad]|(?<=[\0-\u058f\u2e80-\ufdff])[\u200c\u200d]")
"""Characters that nobody sees; joiners only behind letters that nothing joins, not in emoji or Arabic."""
EMPHASIS: Final = re.compile(r"(\*\*|__|``)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_EMPHASIS_IN_TAG: Final = re.compile(r"(<\d{1,6}>)([*_`]{1,3})([^<>*_`]+)\2(</\d{1,6}>)")
_FENCE: Final = re.compile(r"\s*```[A-Za-z]*\n(.*?)\n?```\s*", re.DOTALL)
_BLANK_AFTER: Final = re.compile(r"(\s*)(<\d{1,6}>)(\s+)")
_BLANK_BEFORE: Final = re.compile(r"(\s+)(</\d{1,6}>)(\s*)")
LEAD: Final = re.compile(r"\s*([^\n<>:：]{0,80}[:：])\s*")
BRACKETED: Final = re.compile(r"\s*[(（\[【]([^()（）\[\]【】<>]*)[)）\]】]\s*$")
LAST_LINES: Final = re.compile(r"\n\s*[*_(（\[【]*([^\n<>]{1,20}?)[*_]*[:：][^<>]*$")
_GLOSS: Final = re.compile(r"(</(\d{1,6})>)\s*[(（]([^()（）<>]*)[)）]")
_JOINT: Final = re.compile(r"[\s:：\-–—→=/|(（)）]*")
CLAUSE: Final = re.compile(r"[。，、；？]|[.,;?]\s")
_MARKS: Final = "。．！？!?，、；：;:,"
_FULL_STOPS: Final = "。．."
FINAL_MARK: Final = re.compile(r"[。．！？!?]|\.(?![A-Za-z0-9])")
_MANY: Final = 5
_LOOKED_AT: Final = 40
_ENDING: Final = 3
_CLOSING: Final = "」』）)】》”’\"'"
_LABELS: Final = ("labels", "weak_labels")
SHORT: Final = 12
"""Bytes of a source that may stand beside its translation: a name with its original behind it."""


def unwrap(
    tagged: str, wanted: Mapping[int, Place], source: str, languages: tuple[LanguageProfile, LanguageProfile]
) -> str:
    """A tagged translation without what is no part of it, as far as that can be told.

    Tags spelled otherwise become tags. Labels before the text, notes behind it, quotation marks, emphasis and code fences
    around it, zero-width characters, blanks at its ends and inside tags, the text a second time and the source beside it
    are taken away, each only if the source has nothing of the kind.

    Args:
        tagged: what a model wrote.
        wanted: the tags of the source, with their places.
        source: the plain source text.
        languages: of source and target.
    """
    text = _tags(tagged, wanted, source)
    if not ZERO_WIDTH.search(source):
        text = ZERO_WIDTH.sub("", text)
    for _ in range(_MANY):
        before = text
        for strip in (_unfenced, _without_lead, _without_note, _unquoted, _without_emphasis):
            text = strip(text, source)
        text = _once(text, source, languages)
        if text == before:
            break
    text = _without_gloss(_without_quotes_in_tags(text, wanted, source), wanted, source)
    for _ in range(_MANY):  # tags may nest
        text = _blanks_out(text, bool(languages[1].joiner))
    text = _marks_out(text, source)
    bare = source.strip()
    lead, tail = source[: len(source) - len(source.lstrip())], source[len(source.rstrip()) :]
    return f"{lead}{text.strip()}{tail}" if bare else text


@cache
def _tables() -> dict[str, Any]:
    return read_toml(_TABLES)


def has_word(text: str, name: str) -> bool:
    """Whether a text holds a word of a list of ``wrapping.toml``."""
    text = text.casefold()
    return any(_is_in(word, text) for word in _tables()[name])


def _is_in(word: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(word)}", text)) if word.isascii() else word in text


def _tags(text: str, wanted: Collection[int], source: str) -> str:
    """Tags in one spelling. What the source's own text spells so, or no tag of it has, stays."""
    own = {int(match["number"]) for match in _ODD_TAG.finditer(source)}

    def written(match: re.Match[str]) -> str:
        number = int(match["number"])
        if number not in wanted or number in own:
            return match[0]
        return f"<{'/' if match['slash'] else ''}{number}>"

    return _ODD_TAG.sub(written, text)


def _unfenced(text: str, source: str) -> str:
    match = None if "```" in source else _FENCE.fullmatch(text)
    return match[1] if match else text


def _without_lead(text: str, source: str) -> str:
    match = LEAD.match(text)
    if match is None or not _is_label(match[1]) or any(has_word(source, name) for name in _LABELS):
        return text
    return text[match.end() :] if text[match.end() :].strip() else text


def _is_label(lead: str) -> bool:
    if CLAUSE.search(lead):
        return False
    return has_word(lead, "labels") or (len(lead) < 2 * SHORT and has_word(lead, "weak_labels"))


def _without_note(text: str, source: str) -> str:
    if any(begins_note(piece) for piece in re.split(r"[\n(（\[【]", source)[1:]):
        return text
    match = BRACKETED.search(text) or LAST_LINES.search(text)
    return text[: match.start()] if match and match.start() and begins_note(match[1]) else text


def begins_note(text: str) -> bool:
    """Whether a text begins as notes begin."""
    text = text.strip(" *_").casefold()
    starts = [word for word in _tables()["notes"] if text.startswith(word)]
    return any(not word.isascii() or not text[len(word) : len(word) + 1].isalpha() for word in starts)


def _unquoted(text: str, source: str) -> str:
    inner = text.strip()
    return inner[1:-1] if len(inner) > 2 and _is_quoted(inner) and not _is_quoted(source) else text


def _is_quoted(text: str) -> bool:
    """Whether one pair of quotation marks is around a whole text, short of its final mark."""
    text = text.strip()
    for whole in (text, text.rstrip("。．.！？!?")):
        for opening, closing in _tables()["quotes"]:
            if whole[:1] != opening or whole[-1:] != closing or len(whole) < 2:
                continue
            at = whole.find(opening, 1, len(whole) - 1)
            # Marks that are the same at both ends: the next one opens again, or there is none.
            if _closes_last(whole, opening, closing) if opening != closing else at < 0 or not whole[at - 1].isalnum():
                return True
    return False


def _closes_last(text: str, opening: str, closing: str) -> bool:
    """Whether the first quotation mark of a text is closed by the last one."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == opening) - (char == closing)
        if not depth:
            return at == len(text) - 1
    return False


def _without_emphasis(text: str, source: str) -> str:
    if not any(mark in source for mark in ("**", "__", "``")):
        text = EMPHASIS.sub(r"\2", text)
    if not any(mark in source for mark in "*_`"):
        text = _EMPHASIS_IN_TAG.sub(r"\1\3\4", text)
    return text


def size(text: str) -> int:
    """Bytes of a text in UTF-8, blanks aside."""
    return len("".join(text.split()).encode())


def _once(text: str, source: str, languages: tuple[LanguageProfile, LanguageProfile]) -> str:
    """The translation alone where it comes more than once, or beside its source."""
    plain, bare = scan(text).text.strip(), source.strip()
    if (unit := doubled(plain)) and not doubled(bare):
        copies = _cut(text, len(unit)), _cut(text, len(plain) - len(unit), behind=True)
        return max(copies, key=lambda one: len(_TAG.findall(one)))
    least = 0.3 * size(source) * languages[1].density / languages[0].density
    if not bare or bare == plain or size(plain) - size(bare) < least:
        return text
    if plain.startswith(bare):
        rest = _cut(text, len(bare), behind=True)
        joint = _JOINT.match(rest)
        assert joint is not None
        rest, is_bracketed = rest[joint.end() :], set("(（") & set(joint[0])
        is_told = size(bare) >= SHORT or set("→=>") & set(joint[0])
        if is_told and _has_letters(rest):
            return rest.rstrip(")） ") if is_bracketed else rest
    elif plain.endswith(bare) and size(bare) >= SHORT:
        rest = _cut(text, len(plain) - len(bare))
        return rest.rstrip(" \n:：-–—→=/|(（") if _has_letters(rest) else text
    return text


def doubled(text: str) -> str:
    """The text that comes several times in a row, with or without a blank between; empty if none does."""
    for whole in (text, f"{text} ", f"{text}\n"):
        period = (whole + whole).find(whole, 1)
        if period < len(whole) and (len(unit := whole[:period].strip()) > _MANY or (unit and whole != text)):
            return unit
    return ""


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, _TAG.sub("", text)))


def _cut(tagged: str, length: int, *, behind: bool = False) -> str:
    """The beginning of a tagged text with so many plain characters, or what is behind them."""
    at = out = 0
    tagged = tagged.strip()
    for match in re.finditer(r"</?\d{1,6}>|&(?:lt|gt|amp);|.", tagged, re.DOTALL):
        is_tag = _TAG.fullmatch(match[0]) is not None
        if out >= length and not (is_tag and match[0][1] == "/"):
            break
        out, at = out + (not is_tag), match.end()
    return tagged[at:].lstrip() if behind else tagged[:at].rstrip()


def _without_quotes_in_tags(text: str, wanted: Mapping[int, Place], source: str) -> str:
    """Without quotation marks just inside of a tag whose piece has none in or around it in the source."""
    marks = {mark for pair in _tables()["quotes"] for mark in pair} - {"'", "’"}  # which are apostrophes as well
    for opening, closing in _tables()["quotes"]:
        if opening not in text:
            continue
        for match in re.finditer(rf"<(\d{{1,6}})>{opening}([^<>{opening}{closing}]+){closing}</\1>", text):
            start, end = wanted.get(int(match[1]), (0, len(source)))
            around = _TAG.sub("", text[: match.start()])[-1:] + _TAG.sub("", text[match.end() :])[:1]
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
    has_more = len(FINAL_MARK.findall(scan(text).text)) > len(FINAL_MARK.findall(source))

    ends = bool(FINAL_MARK.search(source.rstrip()[-_ENDING:]))

    def without(match: re.Match[str]) -> str:
        follows = _TAG.sub("", text[match.end() : match.end() + _LOOKED_AT]).lstrip()[:1]
        is_odd = match[3] == "." and match[1][-1] > "\u2e80"  # such languages write another one
        is_sentence = follows.isupper() or (follows in _CLOSING and not is_odd) if follows else ends
        is_within = (has_more or is_odd) and not is_sentence
        return match[1] + match[2] if is_within and not is_abbreviation(match[1] + match[3]) else match[0]

    return re.sub(r"([^<>\s]+)((?:</\d{1,6}>)*)([。．.])(?=</\d{1,6}>)", without, text)


def is_abbreviation(words: str) -> bool:
    """Whether a full stop at the end of the words is a part of the last one: Ltd., U.S., J."""
    last = re.split(r"[\s,]", words)[-1].rstrip(".")
    is_letter = len(last) == 1 and last.isascii() and last.isalpha()
    return words.endswith(".") and (last.casefold() in _tables()["abbreviations"] or "." in last or is_letter)


def trim(text: str, place: Place, piece: str = "") -> Place | None:
    """A place without blanks and marks at its ends that the source's piece has not; None if nothing is left."""
    start, end = place
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
        for opening, closing in _tables()["quotes"]:
            quoted = end - start > 2 and text[start] == opening and text[end - 1] == closing
            if quoted and not _is_quoted(piece):
                start, end = start + 1, end - 1
    return (start, end) if start < end else None


def is_refusal(text: str) -> bool:
    """Whether a reply without JSON begins as models begin when they do not translate."""
    return any(text.lstrip().casefold().startswith(start) for start in _tables()["refusals"])
