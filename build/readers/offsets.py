"""What the offsets of a file count: code points, UTF-16 units or bytes, told by the file's own text.

A span that says its text fits in the unit that the file counts in. Over the whole file the unit in which most spans fit is
taken, code points first. In each unit a carriage return with a line feed may count as one, as browsers do. Where no span says
its text, code points are taken unless one lies outside its text, or cuts CRLF in two or begins with it, and all fit in one
other unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from build.core import KitError

Offsets = tuple[int, int]

UNITS: Final = ("codepoints", "utf16", "bytes")
IN_WORDS: Final = {"codepoints": "code points", "utf16": "UTF-16 units", "bytes": "bytes of UTF-8"}

_BLANK = re.compile(r"\r\n|[\s\u2028\u2029]|\\r\\n|\\n")


@dataclass(frozen=True, slots=True)
class Marked:
    """A span as a file gives it: offsets in some unit, and the piece of text if the format has it."""

    text: str
    start: int
    end: int
    piece: str | None = None

    @property
    def is_telling(self) -> bool:
        """Whether the units differ in this text."""
        return not self.text.isascii() or "\r\n" in self.text


@dataclass(frozen=True, slots=True)
class Scale:
    """What offsets count: a unit, and whether CRLF is one."""

    unit: str = "codepoints"
    short_crlf: bool = False

    def __str__(self) -> str:
        return IN_WORDS[self.unit] + (" with CRLF as one" if self.short_crlf else "")

    def place(self, marked: Marked) -> Offsets | None:
        """The span in code points; None if it is empty, outside the text, or ends inside a character."""
        start, end, text = marked.start, marked.end, marked.text
        if not 0 <= start < end:
            return None
        if (self.unit != "codepoints" and not text.isascii()) or (self.short_crlf and "\r\n" in text):
            table = _positions(text, self)
            start, end = table.get(start, -1), table.get(end, -1)
        return (start, end) if 0 <= start < end <= len(text) else None

    def is_sound(self, marked: Marked) -> bool:
        """Whether the span has a place that nobody would mark otherwise: it neither cuts CRLF in two nor begins with it."""
        if (place := self.place(marked)) is None:
            return False
        cut = any(marked.text[at - 1 : at + 1] == "\r\n" for at in place if at)
        return not cut and not marked.text.startswith("\r\n", place[0])

    def fits(self, marked: Marked) -> bool:
        """Whether the span says its text, and this is the text at its place; line breaks may be written in any way."""
        place = self.place(marked)
        return place is not None and marked.piece is not None and same_text(marked.text[slice(*place)], marked.piece)


CODE_POINTS: Final = Scale()


_WIDTHS: Final[dict[str, Callable[[str], int]]] = {
    "codepoints": lambda char: 1,
    "utf16": lambda char: 1 + (char > "\uffff"),
    "bytes": lambda char: 1 + (char > "\x7f") + (char > "\u07ff") + (char > "\uffff"),
}


@lru_cache(maxsize=64)
def _positions(text: str, scale: Scale) -> dict[int, int]:
    """Position in the scale to number of the code point."""
    width, found, at = _WIDTHS[scale.unit], {}, 0
    for number, char in enumerate(text):
        if scale.short_crlf and char == "\n" and number and text[number - 1] == "\r":
            continue
        found[at] = number
        at += width(char)
    return found | {at: len(text)}


def same_text(one: str, other: str) -> bool:
    """Whether two strings are the same but for how line breaks and blanks are written; ``\\n`` may be two characters."""
    return one == other or _BLANK.sub(" ", one) == _BLANK.sub(" ", other)


def find_scale(spans: Sequence[Marked], where: str, forced: str | None = None) -> Scale:
    """What the offsets of a file count.

    Args:
        spans: all spans of the file that have offsets.
        where: the file, for messages.
        forced: the unit, if the user names it.

    Raises:
        KitError: no such unit; or the spans fit in several units, or lie outside their texts in code points, and which unit it
            is cannot be told.
    """
    if forced is not None and forced not in UNITS:
        raise KitError(f"--offsets {forced}: must be one of {', '.join(UNITS)}")
    telling = [span for span in spans if span.is_telling]
    crlf = any("\r\n" in span.text for span in telling)
    units = UNITS if forced is None else (forced,)
    scales = [Scale(unit, short) for short in ((False, True) if crlf else (False,)) for unit in units]
    known = [span for span in telling if span.piece is not None]
    if all(scales[0].fits(span) if span.piece is not None else scales[0].is_sound(span) for span in telling):
        return scales[0]
    if known:
        return _by_text(known, scales, where)
    return _by_bounds(telling, scales, where)


def _by_text(known: Sequence[Marked], scales: Sequence[Scale], where: str) -> Scale:
    fits = {scale: {number for number, span in enumerate(known) if scale.fits(span)} for scale in scales}
    chosen = max(scales, key=lambda scale: len(fits[scale]))
    for scale in scales:
        if only := fits[scale] - fits[chosen]:
            span = known[min(only)]
            raise KitError(
                f"{where}: the offsets do not count one thing: {len(fits[chosen] - fits[scale]):,} spans fit in {chosen} "
                f"only, {len(only):,} in {scale} only, such as {span.piece!r} at {span.start}: name it with --offsets "
                f"{{{','.join(UNITS)}}}"
            )
    return chosen


def _by_bounds(telling: Sequence[Marked], scales: Sequence[Scale], where: str) -> Scale:
    possible = [scale for scale in scales if all(map(scale.is_sound, telling))]
    if scales[0] in possible or not possible:
        return scales[0]
    if len({tuple(map(scale.place, telling)) for scale in possible}) > 1:
        span = next(span for span in telling if not scales[0].is_sound(span))
        raise KitError(
            f"{where}: offsets {span.start} to {span.end} lie outside their text of {len(span.text):,} code points or cut a "
            f"line break in two, and the file can be read in {' and in '.join(map(str, possible))}: name it with --offsets "
            f"{{{','.join(UNITS)}}}"
        )
    return possible[0]


def nearest(span: Marked, scale: Scale) -> Offsets | None:
    """Where the span's text stands nearest to its offsets; None if it says none, or it is not in the text."""
    if not span.piece:
        return None
    near = (scale.place(span) or (span.start, 0))[0]
    starts = [match.start() for match in re.finditer(f"(?={re.escape(span.piece)})", span.text)]
    if not starts:
        return None
    start = min(starts, key=lambda at: (abs(at - near), at))
    return start, start + len(span.piece)
