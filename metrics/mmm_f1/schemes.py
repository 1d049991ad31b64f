"""Tags of words: how a tag is written, and the entities that a sequence of tags says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Style = Literal["prefix", "suffix", "bare"]

BLANKS: Final = " \t\r\n\u00a0\u200b\u200e\u200f\u3000\ufeff"
"""What may stand around a tag without being part of it."""

OUTSIDE: Final = frozenset({"O", "o"})

_LETTER = "BIESLUMWbieslumw"
_STYLES: Final[dict[Style, re.Pattern[str]]] = {
    "prefix": re.compile(rf"(?P<letter>[{_LETTER}])[-_](?P<type>\S(?:.*\S)?)"),
    "suffix": re.compile(rf"(?P<type>\S(?:.*\S)?)[-_](?P<letter>[{_LETTER}])"),
    "bare": re.compile(rf"(?P<letter>)(?!(?:[{_LETTER}][-_]?|[-_][{_LETTER}])$)(?P<type>[^\W\d_](?:.*\S)?)"),
}
_NESTED = re.compile(rf"[|,;^+/ ](?:[{_LETTER[:8]}][-_]|O$)|^O[|,;^+/]|[-_][{_LETTER[:8]}][|,;^+/]")
"""Several tags in one cell: ``B-DNA|O``. To read them as one would make a type of the second."""

_CLOSED: Final = frozenset({"ioe", "bioes", "bilou", "bmes", "bmewo"})
"""Schemes that mark the last token of an entity."""

Span = tuple[str, int, int]
"""Type, first token, last token."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag taken apart: the letter in upper case (empty for ``O`` and for bare types) and the type (empty for ``O``)."""

    letter: str = ""
    type: str = ""


@lru_cache(maxsize=1 << 16)
def parse_tag(value: str, style: Style) -> Tag | None:
    """The tag that a cell holds, written in this style; None if it holds none."""
    value = value.strip(BLANKS)
    if value in OUTSIDE:
        return Tag()
    found = None if _NESTED.search(value) else _STYLES[style].fullmatch(value)
    return Tag(found["letter"].upper(), found["type"]) if found else None


def style_of(values: Counter[str], scheme: str | None = None) -> Style | None:
    """How the tags of a column are written; None if it is no column of tags. ``scheme``: the user's choice.

    A few cells may hold something else, such as a misspelled tag: at least four of five that are not ``O`` must fit. A
    column of bare types must hold ``O`` as well, have no more types than a label set has, and none that is a lone letter of
    a scheme or, unless the scheme is ``types``, looks like ``B-PER`` or ``PER-B``.
    """
    inside = {value: count for value, count in values.items() if value.strip(BLANKS) not in OUTSIDE}
    total = sum(inside.values())
    if not total:
        return "prefix" if values else None
    types = scheme == "types"
    for style in () if types else ("prefix", "suffix"):
        if sum(count for value, count in inside.items() if parse_tag(value, style)) >= 0.8 * total:
            return style
    if len(inside) < len(values) and len(inside) <= 200 and all(parse_tag(value, "bare") for value in inside):
        return "bare" if types or not any(map(looks_like_a_tag, inside)) else None
    return None


def is_letter(cell: str) -> bool:
    """Whether a cell is a letter of a scheme alone, without the type: ``B`` or ``B-``."""
    letter = cell.strip(BLANKS).strip("-_")
    return len(letter) == 1 and letter in _LETTER


def why_no_tags(values: Counter[str]) -> str:
    """What is wrong with the tags of a column of which ``style_of`` says that they are none; empty if nothing is known."""
    tags = [tag for value in values if (tag := value.strip(BLANKS)) not in OUTSIDE and tag]
    some = ", ".join(tags[:3])
    if any(map(_NESTED.search, tags)):
        return f"several tags in one cell ({some}): keep one"
    if not OUTSIDE & values.keys():
        return ""
    if lone := [tag for tag in tags if is_letter(tag)]:
        return f"tags without a type ({', '.join(lone[:3])}): write B-TYPE, or in CoNLL give --type NAME or --columns type=N"
    if any(map(looks_like_a_tag, tags)) and all(parse_tag(tag, "bare") for tag in tags):
        return f"some tags have a prefix, others none ({some}): write them in one way, or give --scheme types"
    return ""


def looks_like_a_tag(value: str) -> bool:
    """Whether a cell is ``O`` or has a letter of a scheme before or behind a type."""
    return bool(parse_tag(value, "prefix") or parse_tag(value, "suffix"))


def decode(tags: Sequence[Tag], scheme: str) -> tuple[list[Span], list[tuple[int, str]]]:
    """The entities of a sentence, and the places where its tags break the rules of the scheme, by kind.

    ``no_begin``: a tag that continues nothing, read as the beginning of an entity. ``no_end``: an entity that is not closed,
    read as ending there. ``begin_not_needed``: B- in IOB1 where no entity of that type is before it.
    """
    spans: list[Span] = []
    faults: list[tuple[int, str]] = []
    open_ = ""  # type of the entity that may go on
    closed_by_end = scheme in _CLOSED
    for at, tag in enumerate(tags):
        goes_on = bool(tag.type) and tag.type == open_ and tag.letter in ("I", "M", "E", "L", "")
        if open_ and not goes_on and closed_by_end:
            faults.append((at - 1, "no_end"))
        if not tag.type:
            open_ = ""
            continue
        if goes_on:
            spans[-1] = (tag.type, spans[-1][1], at)
        else:
            spans.append((tag.type, at, at))
            if tag.letter in ("I", "M", "E", "L") and scheme not in ("iob1", "io", "ioe"):
                faults.append((at, "no_begin"))
            before = tags[at - 1].type if at else ""
            if tag.letter == "B" and before != tag.type and scheme in ("iob1", "any"):
                faults.append((at, "begin_not_needed"))
        open_ = "" if tag.letter in ("E", "L", "S", "U", "W") else tag.type
    if open_ and closed_by_end:
        faults.append((len(tags) - 1, "no_end"))
    return spans, faults
