"""What models write around a translation: stripped where that is safe, and found where it is left."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from build.markup import Place, scan
from build.translate.language import LanguageProfile
from oiellm.files import read_toml

_TABLES: Final = Path(__file__).with_name("wrapping.toml")
TAG: Final = re.compile(r"</?\d{1,6}>")
_ODD_TAG: Final = re.compile(
    r"(?P<open>[<＜]|&lt;)\s*(?P<slash>[/／]?)\s*[A-Za-z]?\s*(?P<number>[0-9０-９]{1,6})\s*(?P<close>[>＞]|&gt;)"
)
ZERO_WIDTH: Final = re.compile(r"[\u200b\u2060\ufeff\u00ad]|(?<=[\0-\u058f\u2e80-\ufdff])[\u200c\u200d]")
"""Characters that nobody sees; joiners only behind letters that nothing joins, not in emoji or Arabic."""
EMPHASIS: Final = re.compile(r"(\*\*|__|``)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_EMPHASIS_IN_TAG: Final = re.compile(r"(<\d{1,6}>)([*_`]{1,3})([^<>*_`]+)\2(</\d{1,6}>)")
_FENCE: Final = re.compile(r"\s*```[A-Za-z]*\n(.*?)\n?```\s*", re.DOTALL)
_LEAD: Final = re.compile(r"\s*([^\n<>:：]{0,80}[:：])\s*")
_BRACKETED: Final = re.compile(r"\s*[(（\[【]([^()（）\[\]【】<>]*)[)）\]】]\s*$")
_LAST_LINES: Final = re.compile(r"\n\s*[*_(（\[【]*([^\n<>]{1,20}?)[*_]*[:：][^<>]*$")
_JOINT: Final = re.compile(r"[\s:：\-–—→=/|(（)）]*")
_CLAUSE: Final = re.compile(r"[。，、；？]|[.,;?]\s")
FINAL_MARK: Final = re.compile(r"[。．！？!?]|\.(?![A-Za-z0-9])")
_MANY: Final = 5
_LABELS: Final = ("labels", "weak_labels")
SHORT: Final = 12
"""Bytes of a source that may stand beside its translation: a name with its original behind it."""


def unwrap(
    tagged: str, wanted: Mapping[int, Place], source: str, languages: tuple[LanguageProfile, LanguageProfile]
) -> str:
    """A tagged translation without what is no part of it, as far as that can be told.

    Tags spelled otherwise become tags. Labels before the text, notes behind it, quotation marks, emphasis and code fences
    around it, zero-width characters, blanks at its ends, the text a second time and the source beside it
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
    bare = source.strip()
    lead, tail = source[: len(source) - len(source.lstrip())], source[len(source.rstrip()) :]
    return f"{lead}{text.strip()}{tail}" if bare else text


@cache
def tables() -> dict[str, Any]:
    """The words of ``wrapping.toml``."""
    return read_toml(_TABLES)


def has_word(text: str, name: str) -> bool:
    """Whether a text holds a word of a list of ``wrapping.toml``."""
    text = text.casefold()
    return any(_is_in(word, text) for word in tables()[name])


def _is_in(word: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(word)}", text)) if word.isascii() else word in text


def _tags(text: str, wanted: Collection[int], source: str) -> str:
    """Tags in one spelling. What the source's own text spells so, or no tag of it has, stays."""
    if "&" not in text and "＜" not in text and len(TAG.findall(text)) == text.count("<") == text.count(">"):
        return text
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
    match = _LEAD.match(text)
    if match is None or not _is_label(match[1]) or any(has_word(source, name) for name in _LABELS):
        return text
    return text[match.end() :] if text[match.end() :].strip() else text


def _is_label(lead: str) -> bool:
    if _CLAUSE.search(lead):
        return False
    return has_word(lead, "labels") or (len(lead) < 2 * SHORT and has_word(lead, "weak_labels"))


def _without_note(text: str, source: str) -> str:
    note = _note(text)
    has_own = note and any(begins_note(piece) for piece in re.split(r"[\n(（\[【]", source)[1:])
    return text if note is None or has_own else text[: note.start()]


def _note(text: str) -> re.Match[str] | None:
    match = _BRACKETED.search(text) or _LAST_LINES.search(text)
    return match if match and match.start() and begins_note(match[1]) else None


def begins_note(text: str) -> bool:
    """Whether a text begins as notes begin."""
    text = text.strip(" *_").casefold()
    starts = [word for word in tables()["notes"] if text.startswith(word)]
    return any(not word.isascii() or not text[len(word) : len(word) + 1].isalpha() for word in starts)


def _unquoted(text: str, source: str) -> str:
    inner = text.strip()
    return inner[1:-1] if len(inner) > 2 and is_quoted(inner) and not is_quoted(source) else text


def is_quoted(text: str) -> bool:
    """Whether one pair of quotation marks is around a whole text, short of its final mark."""
    text = text.strip()
    if text[:1] not in _opening():
        return False
    for whole in (text, text.rstrip("。．.！？!?")):
        for opening, closing in tables()["quotes"]:
            if whole[:1] != opening or whole[-1:] != closing or len(whole) < 2:
                continue
            at = whole.find(opening, 1, len(whole) - 1)
            # Marks that are the same at both ends: the next one opens again, or there is none.
            if _closes_last(whole, opening, closing) if opening != closing else at < 0 or not whole[at - 1].isalnum():
                return True
    return False


@cache
def _opening() -> frozenset[str]:
    return frozenset([opening for opening, _ in tables()["quotes"]])


def _closes_last(text: str, opening: str, closing: str) -> bool:
    """Whether the first quotation mark of a text is closed by the last one."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == opening) - (char == closing)
        if not depth:
            return at == len(text) - 1
    return False


def _without_emphasis(text: str, source: str) -> str:
    if not any(mark in text for mark in "*_`"):
        return text
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
    plain = TAG.sub("", text)
    plain, bare = (scan(text).text if "&" in plain else plain).strip(), source.strip()
    if (unit := doubled(plain)) and not doubled(bare):
        copies = _cut(text, len(unit)), _cut(text, len(plain) - len(unit), behind=True)
        return max(copies, key=lambda one: len(TAG.findall(one)))
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
    return any(map(str.isalpha, TAG.sub("", text)))


def _cut(tagged: str, length: int, *, behind: bool = False) -> str:
    """The beginning of a tagged text with so many plain characters, or what is behind them."""
    at = out = 0
    tagged = tagged.strip()
    for match in re.finditer(r"</?\d{1,6}>|&(?:lt|gt|amp);|.", tagged, re.DOTALL):
        is_tag = TAG.fullmatch(match[0]) is not None
        if out >= length and not (is_tag and match[0][1] == "/"):
            break
        out, at = out + (not is_tag), match.end()
    return tagged[at:].lstrip() if behind else tagged[:at].rstrip()


def is_refusal(text: str) -> bool:
    """Whether a reply without JSON begins as models begin when they do not translate."""
    return any(text.lstrip().casefold().startswith(start) for start in tables()["refusals"])


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
    lead = _LEAD.match(text)
    if lead and text[lead.end() :].strip() and has_word(lead[1], "labels") and not _CLAUSE.search(lead[1]):
        return f"{lead[1][:40]!r} before it"
    if (note := _note(text)) is not None:
        return f"{note[0].strip()[:40]!r} behind it"
    if EMPHASIS.fullmatch(text):
        return "emphasis around it"
    return "it comes twice" if doubled(text) else None
