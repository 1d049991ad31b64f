"""Tag schemes: which one the tags of a run follow, and what to say about it in a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mmm_f1.errors import UserError
from mmm_f1.schemes import BLANKS, Style, Tag, decode, is_letter, parse_tag

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


def with_type(cell: str, type_: str) -> str:
    """A letter of a scheme with the type that stands elsewhere; any other cell, or one without a type, as it is."""
    return f"{cell.strip(BLANKS).strip('-_')}-{type_}" if type_.strip(BLANKS + "_") and is_letter(cell) else cell


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
