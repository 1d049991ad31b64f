"""Prediction files as tables: JSON lines, CSV or Parquet, and joining two of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import UserError


class Table:
    """Rows of a file, with the number of each for messages: the line of a JSON lines file, else the row, from 1."""

    def __init__(self, path: str, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        self.path = path
        self.numbers: list[int] = []
        self.rows: list[Mapping[str, Any]] = []
        for number, row in rows:
            self.numbers.append(number)
            self.rows.append(row)
        if not self.rows:
            raise UserError(f"{path}: the file has no rows")

    def error(self, index: int, message: str) -> UserError:
        """An error that names the file and the row."""
        return UserError(f"{self.path}:{self.numbers[index]}: {message}")

    def has(self, column: str, blank: bool = False) -> bool:
        """Whether the rows have this column; a column that only some rows fill is a mistake, and named.

        Args:
            column: its name.
            blank: an empty string is a value, as it is for texts.
        """
        filled = [row.get(column) is not None and (blank or row[column] != "") for row in self.rows]
        if any(filled) and not all(filled):
            raise self.error(
                filled.index(False), f"nothing in column {column!r}, which other rows fill: complete it or leave it out"
            )
        return all(filled)

    def column(self, column: str) -> list[str]:
        """A column of strings."""
        for index, row in enumerate(self.rows):
            if not isinstance(row.get(column), str):
                raise self.error(index, f"column {column!r} holds {row.get(column)!r}, not a string")
        return [row[column] for row in self.rows]


def read(path: str) -> Table:
    """Read a JSON lines, CSV or Parquet file."""
    readers: dict[str, Callable[[str], Iterable[tuple[int, Mapping[str, Any]]]]] = {
        ".jsonl": _json_lines,
        ".json": _json_lines,
        ".csv": _csv,
        ".tsv": _csv,
        ".parquet": _parquet,
    }
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise UserError(f"{path}: unknown kind of file; give one that ends in {', '.join(readers)}")
    try:
        return Table(path, readers[suffix](path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def _json_lines(path: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}:{number}: no JSON object on this line: {error}") from error
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: a JSON object per line is expected, not {type(row).__name__}")
            yield number, row


def _csv(path: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(1 << 24)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
        try:
            for number, row in enumerate(reader, 1):
                if None in row:
                    raise UserError(f"{path}:{number}: more fields than the header has columns")
                yield number, row
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num}: {error}") from error


def _parquet(path: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from error
    try:
        file = pq.ParquetFile(path)
        number = 0
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error


def join(gold: Table, table: Table) -> Table:
    """The rows of ``table`` in the order of ``gold``: by ``id`` if both have it, else by position."""
    if not (gold.has("id") and table.has("id")):
        if len(gold.rows) != len(table.rows):
            raise UserError(
                f"{table.path}: {len(table.rows):,} rows, but {gold.path} has {len(gold.rows):,}; "
                "give both files an 'id' column to join them"
            )
        return table
    places = {side.path + str(at): _by_id(side) for at, side in enumerate((gold, table))}
    wanted, there = places.values()
    for name, at in there.items():
        if name not in wanted:
            raise table.error(at, f"id {name!r} is not in {gold.path}")
    for name, at in wanted.items():
        if name not in there:
            raise gold.error(at, f"id {name!r} is missing from {table.path}")
    order = [there[name] for name in wanted]
    return Table(table.path, ((table.numbers[at], table.rows[at]) for at in order))


def _by_id(table: Table) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, row in enumerate(table.rows):
        name = str(row["id"])
        if name in places:
            raise table.error(at, f"id {name!r} is there twice, first in row {table.numbers[places[name]]}")
        places[name] = at
    return places
