"""Tag schemes: how a tag is written, which scheme a run's tags follow, and the entities that a sequence of tags says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from .errors import UserError

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

SCHEMES: Final = {
    "iob1": frozenset("BI"),
    "iob2": frozenset("BI"),
    "io": frozenset("I"),
    "ioe": frozenset("IE"),
    "bioes": frozenset("BIES"),
    "bilou": frozenset("BILU"),
    "bmes": frozenset("BMES"),
    "bmewo": frozenset("BMEW"),
    "types": frozenset(("",)),
}
"""Name of a scheme (``types``: tags without B- and I-) to the letters of its tags."""

_ALIASES: Final = {"bio": "iob2", "iob": "iob2", "iobes": "bioes", "bieos": "bioes", "biluo": "bilou", "bmeso": "bmes"}
_CLOSED: Final = frozenset({"ioe", "bioes", "bilou", "bmes", "bmewo"})
"""Schemes that mark the last token of an entity."""

Span = tuple[str, int, int]
"""Type, first token, last token."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag taken apart: the letter in upper case (empty for ``O`` and for bare types) and the type (empty for ``O``)."""

    letter: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The scheme that a run's tags follow: its name (see ``SCHEMES``) and how a tag is written."""

    name: str
    style: Style

    def parse(self, value: str) -> Tag | None:
        """The tag that a cell holds, or None if it is no tag of this scheme."""
        tag = parse_tag(value, self.style)
        return tag if tag and (not tag.type or tag.letter in SCHEMES[self.name]) else None


@dataclass
class Sequences:
    """Counts over the tag sequences of a run; what the schemes are told apart by."""

    letters: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    entities: int = 0
    long: int = 0  # entities of several tokens

    def add(self, tags: Sequence[Tag], scheme: str = "any") -> None:
        """Count one sentence."""
        spans, faults = decode(tags, scheme)
        self.letters.update(tag.letter for tag in tags if tag.type)
        self.faults.update(kind for _, kind in faults)
        self.entities += len(spans)
        self.long += sum(first != last for _, first, last in spans)


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


def with_type(cell: str, type_: str) -> str:
    """A letter of a scheme with the type that stands elsewhere; any other cell, or one without a type, as it is."""
    return f"{cell.strip(BLANKS).strip('-_')}-{type_}" if type_.strip(BLANKS + "_") and is_letter(cell) else cell


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


def detect(found: Sequences, style: Style, forced: str | None = None, where: str = "") -> Scheme:
    """The scheme of a run.

    Args:
        found: counts over all its sentences.
        style: how its tags are written.
        forced: the user's choice, if there is one.
        where: the file or folder, for messages.

    Raises:
        UserError: no scheme has all the letters, or there is none of the forced name.
    """
    if forced is not None:
        name = _ALIASES.get(forced.lower(), forced.lower())
        if name not in SCHEMES:
            raise UserError(f"--scheme {forced}: must be one of {', '.join(SCHEMES)}")
        return Scheme(name, "bare" if name == "types" else "prefix" if style == "bare" else style)
    if style == "bare":
        return Scheme("types", style)
    letters = {letter for letter in found.letters if letter}
    if letters <= {"B", "I"}:
        return Scheme(_iob(found, letters), style)
    if letters <= {"I", "E"}:
        return Scheme("ioe", style)
    for name in ("bioes", "bilou", "bmes", "bmewo"):
        if letters <= SCHEMES[name]:
            return Scheme(name, style)
    counts = ", ".join(f"{letter}- {count:,} x" for letter, count in sorted(found.letters.items()))
    raise UserError(
        f"{where}: the tags follow no one scheme ({counts}): choose with --scheme {'|'.join(SCHEMES)}; other tags drop the row"
    )


def _iob(found: Sequences, letters: set[str]) -> str:
    if letters == {"I"}:
        return "io"
    # IOB1 writes B- only between neighbors of one type; IOB2 begins every entity with it.
    begins, bare = found.faults["begin_not_needed"], found.faults["no_begin"]
    return "iob1" if bare > begins else "iob2"


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


def describe(found: Sequences, scheme: Scheme) -> str:
    """The scheme in words, with counts: for the report of a run."""
    written = {"prefix": "B-PER", "suffix": "PER-B", "bare": "PER"}[scheme.style]
    letters = ", ".join(f"{letter} {found.letters[letter]:,}" for letter in sorted(found.letters) if letter)
    said = f"tags like {written}; {found.entities:,} entities" + (f" ({letters})" if letters else "")
    if scheme.name in ("io", "types") and found.long:
        said += (
            f"; neighbors of one type cannot be told apart: {found.long:,} entities of several tokens may be several"
        )
    return said
