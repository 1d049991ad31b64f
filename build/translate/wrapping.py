"""What models write around a translation and into its tags: stripped where that is safe, named where it is not."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
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
_ZERO_WIDTH: Final = re.compile(r"[\u200b\u2060\ufeff\u00ad]|(?<![\U0001f000-\U0001faff\ufe0f])[\u200c\u200d]")
_EMPHASIS: Final = re.compile(r"(\*\*|__|``)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_EMPHASIS_IN_TAG: Final = re.compile(r"(<\d{1,6}>)([*_`]{1,3})([^<>*_`]+)\2(</\d{1,6}>)")
_FENCE: Final = re.compile(r"\s*```[A-Za-z]*\n(.*?)\n?```\s*", re.DOTALL)
_BLANK_AFTER: Final = re.compile(r"(\s*)(<\d{1,6}>)(\s+)")
_BLANK_BEFORE: Final = re.compile(r"(\s+)(</\d{1,6}>)(\s*)")
_LEAD: Final = re.compile(r"\s*([^\n<>:：]{0,80}[:：])\s*")
_BRACKETED: Final = re.compile(r"\s*[(（\[【]([^()（）\[\]【】<>]*)[)）\]】]\s*$")
_LAST_LINES: Final = re.compile(r"\n\s*[*_(（\[【]*([^\n<>]{1,20}?)[*_]*[:：][^<>]*$")
_GLOSS: Final = re.compile(r"(</(\d{1,6})>)\s*[(（]([^()（）<>]*)[)）]")
_JOINT: Final = re.compile(r"[\s:：\-–—→=/|(（)）]*")
_CLAUSE: Final = re.compile(r"[。，、；？]|[.,;?]\s")
_MARKS: Final = "。．！？!?，、；：;:,"
_FULL_STOPS: Final = "。．."
_FINAL: Final = re.compile(r"[。．！？!?]|\.(?!\w)")
_MANY: Final = 5
_LOOKED_AT: Final = 40
_LABELS: Final = ("labels", "weak_labels")
_SHORT: Final = 12
"""Bytes of a source that may stand beside its translation: a name with its original behind it."""


def unwrap(
    tagged: str, wanted: Collection[int], source: str, languages: tuple[LanguageProfile, LanguageProfile]
) -> str:
    """A tagged translation without what is no part of it, as far as that can be told.

    Tags spelled otherwise become tags. Labels before the text, notes behind it, quotation marks, emphasis and code fences around it,
    zero-width characters, blanks at its ends and inside tags, the text a second time and the source beside it are taken away,
    each only if the source has nothing of the kind.

    Args:
        tagged: what a model wrote.
        wanted: numbers of the source's tags.
        source: the plain source text.
        languages: of source and target.
    """
    text = _tags(tagged, wanted, source)
    if not _ZERO_WIDTH.search(source):
        text = _ZERO_WIDTH.sub("", text)
    for _ in range(_MANY):
        before = text
        for strip in (_unfenced, _without_lead, _without_note, _unquoted, _without_emphasis):
            text = strip(text, source)
        text = _once(text, source, languages)
        if text == before:
            break
    text = _without_gloss(text, source)
    text = _blanks_out(text, bool(languages[1].joiner))
    text = _marks_out(text, source)
    bare = source.strip()
    lead, tail = source[: len(source) - len(source.lstrip())], source[len(source.rstrip()) :]
    return f"{lead}{text.strip()}{tail}" if bare else text


@cache
def _tables() -> dict[str, Any]:
    return read_toml(_TABLES)


def _has_word(text: str, name: str) -> bool:
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
    match = _LEAD.match(text)
    if match is None or not _is_label(match[1]) or any(_has_word(source, name) for name in _LABELS):
        return text
    return text[match.end() :] if text[match.end() :].strip() else text


def _is_label(lead: str) -> bool:
    if _CLAUSE.search(lead):
        return False
    return _has_word(lead, "labels") or (len(lead) < _SHOWN + _SHORT and _has_word(lead, "weak_labels"))


def _without_note(text: str, source: str) -> str:
    if any(_begins_note(piece) for piece in re.split(r"[\n(（\[【]", source)[1:]):
        return text
    match = _BRACKETED.search(text) or _LAST_LINES.search(text)
    return text[: match.start()] if match and match.start() and _begins_note(match[1]) else text


def _begins_note(text: str) -> bool:
    text = text.strip(" *_").casefold()
    return any(
        text.startswith(word)
        and not text[len(word) : len(word) + 1].isalpha()
        or text.startswith(word)
        and not word.isascii()
        for word in _tables()["notes"]
    )


def _unquoted(text: str, source: str) -> str:
    inner, bare = text.strip(), source.strip()
    for opening, closing in _tables()["quotes"]:
        if len(inner) > 2 and inner[0] == opening and inner[-1] == closing and not _is_quoted(bare):
            middle = inner[1:-1]
            if opening not in middle and closing not in middle:
                return middle
    return text


def _is_quoted(text: str) -> bool:
    ends = {pair[0]: pair[1] for pair in _tables()["quotes"]}
    return text[:1] in ends or text.rstrip("。．.！？!?")[-1:] in ends.values()


def _without_emphasis(text: str, source: str) -> str:
    if not any(mark in source for mark in ("**", "__", "``")):
        text = _EMPHASIS.sub(r"\2", text)
    if not any(mark in source for mark in "*_`"):
        text = _EMPHASIS_IN_TAG.sub(r"\1\3\4", text)
    return text


def size(text: str) -> int:
    """Bytes of a text in UTF-8, blanks aside."""
    return len("".join(text.split()).encode())


def _once(text: str, source: str, languages: tuple[LanguageProfile, LanguageProfile]) -> str:
    """The translation alone where it comes twice, or beside its source."""
    plain = scan(text).text.strip()
    if (half := _half(plain)) and not _half(source.strip()):
        first, second = _cut(text, half), _cut(text, len(half), behind=True)
        return max((first, second), key=lambda one: len(_TAG.findall(one)))
    bare = source.strip()
    least = 0.3 * size(source) * languages[1].density / languages[0].density
    if size(bare) < _SHORT or bare == plain or size(plain) - size(bare) < least:
        return text
    if plain.startswith(bare):
        rest = _cut(text, len(bare), behind=True)
        return rest[_JOINT.match(rest).end() :].rstrip(")） ") if _has_letters(rest) else text  # type: ignore[union-attr]
    if plain.endswith(bare):
        rest = _cut(text, plain[: -len(bare)])
        return rest.rstrip(" \n:：-–—→=/|(（") if _has_letters(rest) else text
    return text


def _half(text: str) -> str:
    """The text that comes twice, blanks between; empty if it does not."""
    for gap in range(_MANY):
        half = (len(text) - gap) // 2
        if 2 * half + gap == len(text) and half > _MANY and text[:half] == text[half + gap :]:
            return text[:half] if not text[half : half + gap].strip() else ""
    return ""


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, _TAG.sub("", text)))


def _cut(tagged: str, plain: str | int, *, behind: bool = False) -> str:
    """The beginning of a tagged text whose plain text is ``plain``, or what is behind so many plain characters."""
    length, at, out = plain if isinstance(plain, int) else len(plain), 0, 0
    tagged = tagged.strip()
    for match in re.finditer(r"</?\d{1,6}>|&(?:lt|gt|amp);|.", tagged, re.DOTALL):
        is_tag = _TAG.fullmatch(match[0]) is not None
        if out >= length and not (is_tag and match[0][1] == "/"):
            break
        out, at = out + (not is_tag), match.end()
    return tagged[at:].lstrip() if behind else tagged[:at].rstrip()


def _without_gloss(text: str, source: str) -> str:
    """Without a bracket behind a tag that says what the source has there: ``<1>Mia</1> (original)``."""
    if any(mark in source for mark in "(（"):
        return text

    def replaced(match: re.Match[str]) -> str:
        inner = match[3].strip()
        return match[1] if inner and (inner in source or _begins_note(inner)) else match[0]

    return _GLOSS.sub(replaced, text)


def _blanks_out(text: str, spaced: bool) -> str:
    """Blanks at the ends of tags stand outside of them, where there is none yet and the language writes them."""

    def outside(blanks: str, beside: str, is_end: bool) -> str:
        return blanks or ("" if is_end or not spaced else " " if beside else "")

    text = _BLANK_AFTER.sub(lambda m: outside(m[1], m[3], m.start() == 0) + m[2], text)
    return _BLANK_BEFORE.sub(
        lambda m: (
            m[2] + (m[3] if m[3] or _is_mark(text[m.end() : m.end() + 1]) else outside("", m[1], m.end() == len(text)))
        ),
        text,
    )


def _is_mark(char: str) -> bool:
    return not char or unicodedata.category(char)[0] == "P"


def _marks_out(text: str, source: str) -> str:
    """A full stop at the end of a tag in the middle of a sentence is taken away if the source has fewer of them."""
    if len(_FINAL.findall(scan(text).text)) <= len(_FINAL.findall(source)):
        return text

    def without(match: re.Match[str]) -> str:
        follows = _TAG.sub("", text[match.end() : match.end() + _LOOKED_AT]).lstrip()[:1]
        is_within = follows.islower() or follows.isdecimal() or follows >= "\u3041"
        return (
            match[1] if is_within and not is_abbreviation(match[1] + match[2]) else match[0][: len(match[1])] + match[2]
        )

    return re.sub(r"([^<>\s]+)([。．.])(?=</\d{1,6}>)", without, text)


def is_abbreviation(words: str) -> bool:
    """Whether a full stop at the end of the words is a part of the last one: Ltd., U.S., J."""
    last = re.split(r"[\s,]", words)[-1].rstrip(".")
    return words.endswith(".") and (last.casefold() in _tables()["abbreviations"] or "." in last or len(last) == 1)


def trim(text: str, place: Place, piece: str = "") -> Place | None:
    """A place without blanks, marks and quotation marks at its ends that the source's piece has not; None if nothing is left."""
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


_TAG_LIKE: Final = re.compile(r"<\s*/?\s*\w?\d+|\d+\s*/?\s*>|[\[{]\s*/?\s*\w?\d{1,6}\s*/?\s*[\]}]")
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_BLANKS: Final = re.compile(r"\s+")
_ANY: Final = re.compile(r"[<>\[{&＜＞［｛＆]")
_ANGLES: Final = str.maketrans(dict.fromkeys("〈《«‹≪⟨", "<") | dict.fromkeys("〉》»›≫⟩", ">"))
"""Quotation marks that a translation may write as plain angle brackets."""
_SHOWN: Final = 12


def markup_left(source: str, target: str) -> str | None:
    """What looks like markup in a translation and does not stand in its source; None if there is nothing.

    Tags of any kind that were not read as tags (``<2``, ``</x2>``, ``[2]``), entities such as ``&quot;``, emphasis (``**``), and every
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
    if size(bare) >= _SHORT and bare in plain and bare != plain and _FINAL.search(bare):
        return "the source beside it"
    if plain.count("\n") > bare.count("\n"):
        return f"a line more than the source: {plain.splitlines()[-1][:40]!r}"
    wrapped = wrapping(plain)
    return wrapped if wrapped and not wrapping(bare) and not _LEAD.match(bare) else None


def wrapping(text: str) -> str | None:
    """What a text alone shows of a model's talk around it: a label, a note, emphasis around it, the text twice; None if nothing."""
    lead = _LEAD.match(text)
    if lead and text[lead.end() :].strip() and _has_word(lead[1], "labels") and not _CLAUSE.search(lead[1]):
        return f"{lead[1][:40]!r} before it"
    note = _BRACKETED.search(text) or _LAST_LINES.search(text)
    if note and note.start() and _begins_note(note[1]):
        return f"{note[0].strip()[:40]!r} behind it"
    if _EMPHASIS.fullmatch(text):
        return "emphasis around it"
    return "it comes twice" if _half(text) else None


def is_refusal(text: str) -> bool:
    """Whether a reply without JSON begins as models begin when they do not translate."""
    return any(text.lstrip().casefold().startswith(start) for start in _tables()["refusals"])
