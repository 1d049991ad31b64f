"""Lines of a file of columns, and what separates the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .errors import UserError
from .schemes import BLANKS, looks_like_a_tag

DELIMITERS: Final = {"tab": "\t", "pipe": "|", "space": " ", "comma": ","}
"""In the order in which they are tried."""

ASCII_BLANKS: Final = re.compile("[ \t]+")
csv.field_size_limit((1 << 31) - 1)  # a line may be a whole text
_TRIED = 10_000
"""So many lines are tried to find the delimiter."""


_OTHERS: Final = {
    re.compile("^#FORMAT=WebAnno"): "WebAnno TSV is not read: export it as CoNLL 2002",
    re.compile(
        "^#begin document"
    ): "CoNLL-2012 (brackets over the tokens) is not read: convert it to a token and an IOB2 tag per line",
    re.compile(
        r"""[,\t;]"?\[['"].*\]"?$"""
    ): "cells hold lists: write JSON lines with tokens and ner_tags, and use read foreign",
}
"""What the first lines of other files look like, and what to do with them."""


def split_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line. Blanks around a cell are no part of it; only ASCII blanks separate or are cut."""
    if delimiter == " ":
        return ASCII_BLANKS.split(line.strip(" \t"))
    if delimiter == "\t":  # a token that is a blank is one: it parts words in files of characters
        return [cell.strip(" ") or cell[:1] for cell in line.split("\t")]
    cells = next(csv.reader([line]), []) if delimiter == "," else line.split(delimiter)
    return [cell.strip(" \t") for cell in cells]


def is_table(lines: Sequence[str]) -> bool:
    """Whether at least half of the lines have a token and a tag: a README among the files has not."""
    lines = [line for line in lines if not is_blank(line) and not line.startswith("#")]
    return 2 * _fitting(lines)[1] >= max(len(lines[:_TRIED]), 1)


def _fitting(lines: Sequence[str]) -> tuple[str, int]:
    """The delimiter under which most lines have a tag, and how many; of equals, the first in the order of ``DELIMITERS``."""
    lines = lines[:_TRIED]
    counts = {
        mark: sum(any(map(looks_like_a_tag, split_cells(line, mark)[1:])) for line in lines)
        for mark in DELIMITERS.values()
    }
    best = max(counts, key=lambda mark: counts[mark])
    return best, counts[best]


def detect_delimiter(file: Path, lines: Sequence[str]) -> str:
    """The delimiter under which most lines have a tag. Raises UserError if there is none."""
    plain = [line for line in lines if not is_blank(line) and not line.startswith("#")]
    plain = plain or [line for line in lines if not is_blank(line) and not re.match(r"# ?[\w.-]+ ?[=:]", line)]
    if not plain:
        raise UserError(f"{file}: no rows found; expected CoNLL (a token and a tag per line)")
    best, fitting = _fitting(plain)
    if fitting:
        return best
    # Tags of an unknown kind: the first delimiter that every line has.
    for mark in DELIMITERS.values():
        if all(len(split_cells(line, mark)) > 1 for line in plain):
            return mark
    number = next(number for number, line in enumerate(lines, 1) if line == plain[0])
    raise UserError(
        f"{file}:{number}: expected a token and a tag, separated by a tab, a blank, a comma or a pipe: {plain[0][:80]!r}; "
        "name another --delimiter"
    )


def check_lines(file: Path, lines: Sequence[str]) -> None:
    """Raises UserError if the file is of a kind that looks like CoNLL and is not: what it is, and how to get one that is."""
    first = [line for line in lines[:20] if not is_blank(line)][:3]
    for mark, what in _OTHERS.items():
        if any(mark.search(line) for line in first):
            raise UserError(f"{file}: {what}")


def inline(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Numbered lines; a line with a whole sentence, ``token|TAG token|TAG``, becomes one line per token and a blank one."""
    for number, line in enumerate(lines, 1):
        pieces = line.split()
        if len(pieces) > 1 and all("|" in piece[1:-1] for piece in pieces):
            yield from ((number, piece) for piece in (*pieces, ""))
        else:
            yield number, line


def name_of(delimiter: str) -> str:
    """The name of a delimiter, for messages."""
    return next((name for name, mark in DELIMITERS.items() if mark == delimiter), repr(delimiter))


def is_blank(line: str) -> bool:
    """Whether nothing can be seen in a line."""
    return not line.strip().strip(BLANKS)
