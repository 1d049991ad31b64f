"""Files, frames and lists of rows as tables: JSON, CSV, Parquet, gzipped or not, standard input; and joining two of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TextIO

from .errors import UserError

STDIN: Final = "-"
Rows = Iterable[tuple[int, Mapping[str, Any]]]


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, as ``object_pairs_hook`` makes it. Raises ValueError where a key is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice: keep one")
    return found


_JSON: Final = json.JSONDecoder(object_pairs_hook=unique_keys)


class Table:
    """Rows of a file, with the number of each for messages: the line of a JSON lines file, else the row, from 1."""

    def __init__(self, path: str, rows: Rows) -> None:
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

    def has_any(self, column: str) -> bool:
        """Whether some row has this column, filled or not."""
        return any(column in row for row in self.rows)

    def column(self, column: str) -> list[str]:
        """A column of strings."""
        for index, row in enumerate(self.rows):
            if not isinstance(row.get(column), str):
                raise self.error(index, f"column {column!r} holds {row.get(column)!r}, not a string")
        return [row[column] for row in self.rows]


# --------------------------------------------------------------------------------------------------------------- files


def read(path: str) -> Table:
    """Read a JSON, JSON lines, CSV or Parquet file, ``.gz`` or not; ``-`` is standard input (JSON, JSON lines or CSV)."""
    readers: dict[str, Callable[[str, TextIO], Rows]] = {
        ".jsonl": _json,
        ".json": _json,
        ".csv": _csv,
        ".tsv": _csv,
    }
    suffix = suffix_of(path)
    if suffix == ".parquet":
        return Table(path, _parquet(path))
    if path != STDIN and suffix not in readers:
        kinds = ", ".join([*readers, ".parquet"])
        raise UserError(f"{path}: unknown kind of file; give one that ends in {kinds}")
    return Table(path, _guarded(path, _sniffed if path == STDIN else readers[suffix]))


def read_lines(path: str) -> list[str]:
    """All lines of a text file, ``.gz`` or not, or of standard input."""
    return list(_guarded(path, lambda _, file: file.read().split("\n")))


def suffix_of(path: str) -> str:
    """The suffix of a path in lower case, without ``.gz``."""
    name = path.lower().removesuffix(".gz").replace("\\", "/").rpartition("/")[2]
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def _guarded(path: str, reader: Callable[[str, TextIO], Iterable[Any]]) -> Iterator[Any]:
    """What a reader finds in a file; whatever keeps it from being read is a user's mistake in one line."""
    try:
        with _open(path) as file:
            yield from reader(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise UserError(f"{path}: JSON that is nested too deeply") from error


def _open(path: str) -> TextIO:
    if path == STDIN:  # read whole: the stream stays open for whoever started us
        return io.StringIO(sys.stdin.buffer.read().decode("utf-8-sig"), newline="")
    opener: Any = gzip.open if path.lower().endswith(".gz") else open
    newline = "" if suffix_of(path) in (".csv", ".tsv") else None
    file: TextIO = opener(path, "rt", encoding="utf-8-sig", newline=newline)
    return file


def _sniffed(path: str, file: TextIO) -> Rows:
    text = file.read()
    return (_json if text.lstrip()[:1] in ("[", "{") else _csv)(path, io.StringIO(text, newline=""))


def _json(path: str, file: TextIO) -> Rows:
    """JSON lines, or a JSON array of rows."""
    head = ""
    while not head.strip() and (line := file.readline()):
        head += line
    if not head.lstrip().startswith("["):
        return _json_lines(path, chain(head.split("\n")[:-1] if head.endswith("\n") else [head], file))
    text = head + file.read()
    try:
        rows = _JSON.decode(text.strip())
    except ValueError as error:
        if not head.rstrip().endswith("]"):
            raise UserError(f"{path}: no JSON: {error}") from error
        return _json_lines(path, text.split("\n"))  # every line is a list
    if len(rows) == 2 and isinstance(rows[0], str):
        rows = [rows]
    return ((number, _object(path, number, row)) for number, row in enumerate(rows, 1))


def _json_lines(path: str, lines: Iterable[str]) -> Rows:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _JSON.decode(line.strip())
        except ValueError as error:
            raise UserError(f"{path}:{number}: no JSON object on this line: {error}") from error
        yield number, _object(path, number, row)


def _object(path: str, number: int, row: Any) -> Mapping[str, Any]:
    if isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) and isinstance(row[1], dict):
        return {"text": row[0], **row[1]}  # spaCy's training data
    if not isinstance(row, dict):
        raise UserError(f"{path}:{number}: a JSON object per row is expected, not {type(row).__name__}")
    return row


def _csv(path: str, file: TextIO) -> Rows:
    csv.field_size_limit((1 << 31) - 1)
    reader = csv.DictReader(file, delimiter="\t" if suffix_of(path) == ".tsv" else ",", strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if None in row:
                raise UserError(f"{path}:{number}: more fields than the header has columns")
            yield number, row
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: {error}") from error


def _parquet(path: str) -> Rows:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from error
    try:
        number, file = 0, pq.ParquetFile(path)
        info = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        features = info.get("info", {}).get("features", {})
        for batch in file.iter_batches():
            rows = batch.to_pylist()
            for key, feature in features.items():
                inner = feature.get("feature") if isinstance(feature, dict) else None
                _name_classes(rows, key, inner.get("names") if isinstance(inner, dict) else None)
            for row in rows:
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


# ------------------------------------------------------------------------------------------------------- frames, lists


def rows_of(values: Any) -> list[Mapping[str, Any]] | None:
    """The rows of a frame of pandas or polars, an Arrow table or a ``datasets.Dataset``; None of anything else.

    None of these libraries is imported.
    """
    if not hasattr(values, "columns") and not hasattr(values, "column_names"):
        return None
    if hasattr(values, "to_dicts"):
        rows = values.to_dicts()
    elif hasattr(values, "to_pylist"):
        rows = values.to_pylist()
    elif hasattr(values, "columns"):
        rows = values.to_dict("records")
    else:
        rows = list(values)
    rows = [{key: _plain(value) for key, value in row.items()} for row in rows]
    for key, feature in dict(getattr(values, "features", None) or {}).items():
        _name_classes(rows, key, getattr(getattr(feature, "feature", None), "names", None))
    return rows


def _name_classes(rows: Iterable[dict[str, Any]], key: str, names: Sequence[str] | None) -> None:
    """Put the names of a feature of class labels in the place of its numbers."""
    for row in rows:
        if names and isinstance(row.get(key), list):
            row[key] = [names[one] if isinstance(one, int) and 0 <= one < len(names) else one for one in row[key]]


def _plain(value: Any) -> Any:
    """A cell; pandas writes a missing one as a number that is not equal to itself, and lists as arrays."""
    if callable(getattr(value, "tolist", None)):
        value = value.tolist()
    return None if isinstance(value, float) and value != value else value


def is_rows(values: Sequence[Any]) -> bool:
    """Whether a list holds rows of named cells, not strings."""
    return bool(values) and isinstance(values[0], Mapping)


def table_of(name: str, rows: Sequence[Any]) -> Table:
    """Rows that are in memory, counted from 0, as a table."""
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UserError(f"{name}:{number}: {row!r:.80} is no row of named cells, as others are")
    return Table(name, enumerate(rows))


# ---------------------------------------------------------------------------------------------------------------- join


def join(gold: Table, table: Table) -> Table:
    """The rows of ``table`` in the order of ``gold``: by ``id`` if both have it, else by position."""
    if not (gold.has("id") and table.has("id")):
        if len(gold.rows) != len(table.rows):
            raise UserError(
                f"{table.path}: {len(table.rows):,} rows, but {gold.path} has {len(gold.rows):,}; "
                "give both files an 'id' column to join them"
            )
        return table
    wanted, there = _by_id(gold), _by_id(table)
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
