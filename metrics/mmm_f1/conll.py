"""CoNLL files, a token and its tags a line, as tables of tokens and tags: two files, or one file with two columns of tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from . import conll_tables, tables
from .errors import UserError
from .schemes import style_of
from .tables import Table

ROLES: Final = ("token", "gold", "pred")
_ID: Final = re.compile(r"\d+(?:[-.]\d+)?")


def read_columns(given: str | None) -> dict[str, str]:
    """The option ``--columns token=1,gold=3,pred=4``. Raises UserError if it is of another shape."""
    found = {}
    for piece in given.split(",") if given else ():
        role, _, value = piece.partition("=")
        if role.strip() not in ROLES or not value.strip():
            raise UserError(f"--columns {given}: {role!r} is not one of {', '.join(f'{name}=N' for name in ROLES)}")
        found[role.strip()] = value.strip()
    return found


def read_conll(
    path: str, columns: Mapping[str, str], role: str, delimiter: str | None = None, label_key: str = "label"
) -> Table:
    """The tags of one side.

    Args:
        path: of the file, or ``-``.
        columns: the user's choice of columns, by role; if not said, the token is in the column that a header names so, else in
            the first, or behind the one that numbers the words, and the tags are in the last column that holds some.
        role: ``gold`` or ``pred``.
        delimiter: the user's choice.
        label_key: key of the comment that holds the text-level label.

    Returns:
        Rows of ``tokens`` and ``tags``, of ``label`` and ``id`` where comments say them.

    Raises:
        UserError: the file cannot be read, or no column holds tags.
    """
    return _tables(path, columns, [role], delimiter, label_key)[0]


def read_two_columns(
    path: str, columns: Mapping[str, str], delimiter: str | None = None, label_key: str = "label"
) -> tuple[Table, Table]:
    """Predicted and gold tags that stand in one file; gold is before predicted in the last two columns of tags."""
    gold, predicted = _tables(path, columns, ["gold", "pred"], delimiter, label_key)
    return predicted, gold


def with_tokens_of(gold: Table, table: Table) -> tuple[Table, int]:
    """The tags of a table with the words of the gold one, and how many words were spelled otherwise.

    Raises:
        UserError: a sentence has more or fewer words, or more words differ than agree: it is another text.
    """
    rows, differing, words = [], 0, 0
    for at, (mine, theirs) in enumerate(zip(gold.rows, table.rows)):
        if len(mine["tokens"]) != len(theirs["tokens"]):
            raise table.error(
                at, f"{len(theirs['tokens'])} words, but {len(mine['tokens'])} in {gold.path}:{gold.numbers[at]}"
            )
        differing += sum(one != other for one, other in zip(mine["tokens"], theirs["tokens"]))
        words += len(mine["tokens"])
        rows.append((table.numbers[at], {**theirs, "tokens": mine["tokens"]}))
    if 2 * differing > words:
        raise UserError(f"{table.path}: {differing:,} of {words:,} words are not those of {gold.path}: another text")
    return Table(table.path, rows), differing


def _tables(
    path: str, columns: Mapping[str, str], roles: Sequence[str], delimiter: str | None, label_key: str
) -> list[Table]:
    wanted = [value for value in columns.values() if not value.lstrip("-").isdecimal()]
    table = conll_tables.read_table(Path(path), tables.read_lines(path), delimiter, wanted)
    sentences = [sentence for sentence in table.sentences if sentence.rows]
    numbered = _is_numbered(table.width, sentences)
    if numbered:  # several words written as one, and words that are not written, have no tags of their own
        for sentence in sentences:
            sentence.rows = [cells for cells in sentence.rows if cells[0].isdecimal()]
    named = [name for name in table.names if name.lower() in conll_tables.HEADER_TOKENS]
    default = named[0] if named else "2" if numbered else "1"
    token = conll_tables.find_column(columns.get("token", default), table.names, table.width)
    chosen = _choose(path, table, columns, roles, token)
    out = []
    for at in chosen:
        rows = []
        for sentence in filter(lambda one: one.rows, sentences):
            row = {"tokens": [cells[token] for cells in sentence.rows], "tags": [cells[at] for cells in sentence.rows]}
            comments = {"label": sentence.comments.get(label_key), "id": sentence.comments.get("id")}
            rows.append((sentence.line, {**row, **{key: value for key, value in comments.items() if value}}))
        out.append(Table(path, rows))
    return out


def _is_numbered(width: int, sentences: Sequence[conll_tables.Sentence]) -> bool:
    """Whether the first column numbers the words of each sentence, as in CoNLL-U."""
    return width > 2 and all(
        all(_ID.fullmatch(cells[0]) for cells in sentence.rows) and sentence.rows[0][0][0] in "01"
        for sentence in sentences
    )


def _choose(
    path: str, table: conll_tables.Table, columns: Mapping[str, str], roles: Sequence[str], token: int
) -> list[int]:
    """The columns of the tags, in the order of the roles."""
    chosen = {
        role: conll_tables.find_column(columns[role], table.names, table.width) for role in roles if role in columns
    }
    open_roles = [role for role in roles if role not in chosen]
    rows = [cells for sentence in table.sentences for cells in sentence.rows]
    free = [at for at in range(table.width) if at != token and at not in chosen.values()]
    found = [at for at in free if style_of(Counter(cells[at] for cells in rows))]
    if len(found) < len(open_roles):
        needed = "two columns of tags, gold and predicted" if len(roles) == 2 else "a column of tags"
        raise UserError(
            f"{path}: {needed}, such as B-PER, needed; found {len(found)} in {table.width} columns; choose with --columns "
            f"{','.join(f'{role}=N' for role in roles)}"
        )
    chosen |= dict(zip(open_roles, found[len(found) - len(open_roles) :]))
    return [chosen[role] for role in roles]
