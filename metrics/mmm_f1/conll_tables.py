"""A file of columns as sentences: delimiter, comments, header, documents; nothing is decided about what a column means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Final

from .errors import UserError
from .lines import (
    DELIMITERS,
    check_lines,
    detect_delimiter,
    inline,
    is_blank,
    name_of,
    split_cells,
)
from .schemes import BLANKS, looks_like_a_tag

CONLLU: Final = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")

_KEY_VALUE = re.compile(r"#(?P<blank> ?)(?P<key>[\w.-]+)[^\S\t]*[=:] ?(?P<value>.*)")
_PIECE = re.compile(r"([\w.-]+)=(\S+)")
HEADER_TOKENS: Final = frozenset({"word", "words", "token", "tokens", "form", "text"})
_HEADER_TAGS: Final = frozenset(
    {
        "tag",
        "tags",
        "label",
        "labels",
        "ner",
        "iob",
        "iob2",
        "bio",
        "bioes",
        "entity",
        "entities",
        "type",
        "types",
        "class",
    }
)
_HEADER_SENTENCE: Final = re.compile(
    r"(?i)(?:sent(?:ence)?|doc(?:ument)?|file|article)(?:[ _-]*(?:#|id|idx|no|number|name))?"
)
_DOCSTART = re.compile(r"""["\d\s,|]*-DOCSTART-""")
_TAB_OR_TAG = re.compile(r"\t|.[ ][BIESLUMW]-\S")
"""In a cell between commas or pipes it is another column: ``Mia B-PER|O`` has a cell of two tags."""
_CLOSED_COLUMN = 200
"""A column with more values than this has no closed set of them."""


@dataclass
class Sentence:
    """The lines of a sentence.

    Attributes:
        line: number of the first one.
        comments: key to value of its comments, those of its document (before ``-DOCSTART-``) included.
        rows: the cells of every token.
        numbers: the line of every token.
        lines: all lines as they stand.
        misc: key to value of every token's last column in CoNLL-U; empty until somebody reads it.
    """

    line: int
    comments: dict[str, str] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    misc: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Table:
    """A file: its sentences, how many columns they have, and the columns' names where the file gives them."""

    file: Path
    delimiter: str
    width: int
    names: tuple[str, ...]
    sentences: list[Sentence]
    is_conllu: bool = False

    @property
    def columns(self) -> tuple[int, tuple[str, ...]]:
        """What two files must share for their columns to mean the same."""
        return self.width, self.names


def read_table(
    file: Path,
    lines: Sequence[str],
    delimiter: str | None = None,
    wanted: Collection[str] = (),
    sentence: str | None = None,
) -> Table:
    """Read the lines of a file.

    Args:
        file: its path, for messages.
        lines: all of them, without line breaks.
        delimiter: a name of ``DELIMITERS`` or the character itself; None looks at the file.
        wanted: column names that the user gave: a first line that holds them is a header.
        sentence: number or name of a column that numbers the sentences; None takes a header's ``Sentence #`` and the like.

    Raises:
        UserError: no tokens with tags, or a line with too few or too many columns.
    """
    check_lines(file, lines)
    if delimiter is None:
        delimiter = detect_delimiter(file, lines)
    else:
        delimiter = DELIMITERS.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise UserError(f"--delimiter {delimiter}: must be {', '.join(DELIMITERS)} or one character")
    numbered = list(inline(lines) if delimiter == "|" else enumerate(lines, 1))
    names, header = _header(numbered, delimiter, wanted)
    is_row = _RowTest([line for number, line in numbered if number != header], delimiter)
    numbered = [(number, line) for number, line in numbered if number != header]
    numbering = [at for at, name in enumerate(names) if _HEADER_SENTENCE.fullmatch(name)]
    if sentence is not None:
        numbering.append(find_column(sentence, names, is_row.width))
    sentences = list(_sentences(file, numbered, delimiter, numbering, is_row))
    if names[:1] == ("",) and not numbering and len(sentences) == 1:
        raise UserError(
            f"{file}: rows are numbered, sentences are not: name the column that does with --columns sentence=N"
        )
    width = _even(file, delimiter, sentences)
    has_ids = all(row[0][:1].isdecimal() for one in sentences for row in one.rows)
    is_conllu = width == len(CONLLU) and delimiter == "\t" and names in ((), CONLLU) and has_ids
    return Table(file, delimiter, width, CONLLU if is_conllu else names, sentences, is_conllu)


def find_column(wanted: str, names: Sequence[str], width: int, option: str = "--columns") -> int:
    """The place, from 0, of a column given by number (from 1; negative from the end) or by name.

    Raises:
        UserError: there is no such column.
    """
    if re.fullmatch("-?[0-9]+", wanted):
        number = int(wanted)
        if 1 <= abs(number) <= width:
            return number - 1 if number > 0 else width + number
    elif wanted.lower() in (lower := [name.lower() for name in names]):
        return lower.index(wanted.lower())
    known = f"; their names: {', '.join(names)}" if names else ""
    raise UserError(f"{option}: no column {wanted!r}; there are {width}{known}")


def _header(lines: Sequence[tuple[int, str]], delimiter: str, wanted: Collection[str]) -> tuple[tuple[str, ...], int]:
    """The columns' names and the line of the header, 0 if there is none; ``# global.columns`` gives names as well."""
    for number, line in lines:
        if line.startswith("# global.columns"):
            return tuple(line.partition("=")[2].lower().split()), 0
        if not is_blank(line) and not line.startswith("# "):
            cells = [cell.strip(BLANKS) for cell in split_cells(line, delimiter)]
            named = {cell.lower() for cell in cells}
            words = [set(re.split(r"[\W_]+", cell)) for cell in named if not looks_like_a_tag(cell)]
            known = any(one & HEADER_TOKENS for one in words) and any(one & _HEADER_TAGS for one in words)
            return (tuple(cells), number) if known or (wanted and set(wanted) <= set(cells)) else ((), 0)
    return (), 0


class _RowTest:
    """Tells whether a line that begins with ``#`` is a token or a comment, by what the other lines look like."""

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._delimiter = delimiter
        rows = [split_cells(line, delimiter) for line in lines if not is_blank(line) and not line.startswith("#")]
        self.width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
        columns = [{row[at] for row in rows if at < len(row)} for at in range(1, self.width)]
        self._tags = {
            at: values
            for at, values in enumerate(columns, 1)
            if len(values) <= _CLOSED_COLUMN and any(map(looks_like_a_tag, values))
        }

    def __call__(self, line: str) -> bool:
        if not line.startswith("#"):
            return True
        cells = split_cells(line, self._delimiter)
        found = _KEY_VALUE.fullmatch(line)
        if found and found["blank"]:
            return False
        if len(cells) == self.width and self._tags:
            if all(cells[at] in values or looks_like_a_tag(cells[at]) for at, values in self._tags.items()):
                return True
        elif len(cells) > 1 and looks_like_a_tag(cells[-1]) and not found:
            return True  # refused by the number of its columns, or the only kind of line there is
        return not found and not line.startswith(("# ", "#\t", "##")) and line.strip() != "#"


def _sentences(
    file: Path, lines: Sequence[tuple[int, str]], delimiter: str, numbering: Sequence[int], is_row: _RowTest
) -> Iterator[Sentence]:
    document: dict[str, str] = {}
    sentence = Sentence(1)
    current: dict[int, str] = {}
    for number, line in [*lines, (0, "")]:
        starts = False
        blank = is_blank(line) or (delimiter == "," and not line.strip(", \t"))
        if is_token := not blank and is_row(line):
            cells = [intern(cell) for cell in split_cells(line, delimiter)]
            # A column may number sentences or documents, in every row or in the first of each.
            now = {at: cells[at] for at in numbering if at < len(cells) and cells[at].strip()}
            starts = bool(_DOCSTART.match(line)) or not now.items() <= current.items()
            current |= now
        if blank or (starts and sentence.rows):
            if sentence.rows or (sentence.lines and not _is_document(sentence)):
                sentence.comments = {**document, **sentence.comments}
                yield sentence
            elif sentence.lines:
                document |= _of_document(sentence)
            sentence = Sentence(number if starts else number + 1)
        if blank:
            continue
        sentence.lines.append(line)
        if not is_token:
            sentence.comments |= _comment(line)
        elif _DOCSTART.match(line):
            document, sentence.comments = _of_document(sentence), {}
        elif len(cells) < 2:
            raise UserError(
                f"{file}:{number}: needs a token and a tag, separated by a {name_of(delimiter)}: {line[:80]!r}"
            )
        elif delimiter in ",|" and any(map(_TAB_OR_TAG.search, cells)):
            raise UserError(
                f"{file}:{number}: a cell holds several columns when separated by a {name_of(delimiter)}: {line[:80]!r}; "
                "keep one tag per cell, or choose another --delimiter"
            )
        else:
            sentence.rows.append(cells)
            sentence.numbers.append(number)


def _is_document(sentence: Sentence) -> bool:
    return any(map(_DOCSTART.match, sentence.lines))


def _of_document(sentence: Sentence) -> dict[str, str]:
    """Comments that stand with ``-DOCSTART-`` hold for all sentences of the document; a text is one sentence's own."""
    return {key: value for key, value in sentence.comments.items() if key != "text"}


def _comment(line: str) -> dict[str, str]:
    if found := _KEY_VALUE.fullmatch(line):
        return {found["key"]: found["value"] if found["key"] == "text" else found["value"].strip(" \t")}
    return dict(_PIECE.findall(line))


def _even(file: Path, delimiter: str, sentences: Sequence[Sentence]) -> int:
    """The number of columns, without those that are empty in every row (a tab at the end of lines); the rows are cut.

    Raises:
        UserError: a row has more or fewer columns than the others.
    """
    rows = [row for sentence in sentences for row in sentence.rows]
    filled = max((at + 1 for row in rows for at in range(len(row)) if row[at].strip(BLANKS)), default=0)
    if not filled:
        raise UserError(f"{file}: no rows found; expected CoNLL (a token and a tag per line)")
    for row in rows:
        del row[filled:]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    for sentence in sentences:
        for number, row in zip(sentence.numbers, sentence.rows, strict=True):
            if delimiter == "\t":
                row += [""] * (width - len(row))  # editors cut tabs at the end of a line
            if len(row) != width:
                raise UserError(
                    f"{file}:{number}: {len(row)} columns where other rows have {width}, separated by a {name_of(delimiter)}: "
                    f"{delimiter.join(row)[:80]!r}; mend the line, or choose another --delimiter"
                )
    return width
