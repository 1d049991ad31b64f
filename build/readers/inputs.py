"""What the readers share: finding their files, reading JSON and tables, naming rows and reporting on them."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TypeVar

from build.core import Drop, KitError, Note
from build.files import open_text, read_json_lines, read_text, strict_load, unreadable
from mmm_dataset import Record, RecordError
from mmm_dataset.files import dump
from mmm_dataset.registry import Source

T = TypeVar("T")

LOCK: Final = "fetch.lock.json"
"""What a fetch writes beside the files (see ``build.fetch``); it is no data."""

CUT: Final = 200
"""So many characters of a string stand in a note about it."""

_DUE = "a JSON array or JSON lines"
_FIELD_LIMIT = 1 << 24
_INVISIBLE = "\u200b\u200e\u200f\ufeff"
_ARCHIVE = re.compile(r"(?i)\.(?:zip|tar(?:\.\w+)?|tgz|7z|rar)$")
_DATA = re.compile(r"(?i)\.(?:json\w*|txt|csv|zip|gz|parquet)$")


def missing(path: Path, what: str, source: Source) -> KitError:
    """The error for a file that is not there: which file, from where, and under which licence."""
    where = f"get it from {source.url}" if source.url else "give its path"
    return KitError(f"{path}: no {what} here; {where} ({source.title}; licence: {source.licence})")


def find(path: Path, source: Source, names: Sequence[str] | None = None) -> Path:
    """``path`` if it is a file, else the first of ``names`` (default: the source's files) in the folder ``path``.

    Raises:
        KitError: nothing of that name is there.
    """
    names = names or source.files
    for candidate in (path, *(path / name for name in names)):
        if candidate.is_file():
            return candidate
    raise missing(path, " or ".join(names), source)


def find_all(path: Path, source: Source, *suffixes: str) -> tuple[list[Path], list[Note]]:
    """``path`` if it is a file, else all files of the folder with one of the suffixes, sorted by name.

    The case of a suffix does not matter; a gzipped file has the suffix before ``.gz``.

    Returns:
        The files, and a note on every other file of the folder that looks like data.

    Raises:
        KitError: there is none, or ``path`` is an archive.
    """
    if path.is_file():
        if _ARCHIVE.search(path.name):
            raise KitError(f"{path}: an archive: unpack it and give the folder")
        return [path], []
    # Hidden folders hold download caches.
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and file.name != LOCK
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    found = [file for file in files if suffix(file) in suffixes]
    others = [file.name for file in files if suffix(file) not in suffixes and _DATA.search(file.name)]
    what = " or ".join(f"*{suffix}" for suffix in suffixes)
    if not found:
        raise missing(path, what + listed(others, "; there are: "), source)
    return found, [Note(name, "unmatched_file", f"not {what}: not read") for name in others]


def suffix(path: Path) -> str:
    """The suffix of a file in lower case, the one before ``.gz`` where it is gzipped."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def stem(path: Path) -> str:
    """The name of a file without its suffix and ``.gz``."""
    return Path(path.name[:-3] if path.name.lower().endswith(".gz") else path.name).stem


def listed(names: Sequence[str], before: str) -> str:
    """``before`` and the first names, or nothing if there is no name."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"{before}{', '.join(names[:5])}{more}" if names else ""


def is_json(path: Path) -> bool:
    """Whether the file begins like a JSON array or JSON lines of objects."""
    return _first_byte(path) in (b"[", b"{")


def read_json(
    path: Path,
    keys: Sequence[str],
    extra: Counter[str] | None = None,
    inside: Sequence[str] = (),
    any_rows: bool = False,
) -> Iterator[tuple[str, Any]]:
    """Place (``file:line`` or ``file[index]``) and value of every row of a JSON array or of JSON lines, gzipped or not.

    Args:
        path: the file.
        keys: what the reader knows of a row.
        extra: counts the keys that it does not know, if given.
        inside: keys of an object around the array of rows that is looked into.
        any_rows: an object is a row whatever its keys, and a file may have no rows.

    Raises:
        KitError: the file is missing, not UTF-8, not JSON, has a key twice in an object, or holds no rows.
    """
    is_array = path.is_file() and _first_byte(path) == b"["
    given = _read_array(path) if is_array else _read_lines(path, keys, inside, any_rows)
    try:
        for where, row in given if any_rows else some(given, path, f"{_DUE} with the keys {', '.join(keys)}"):
            if extra is not None and isinstance(row, dict):
                extra.update(row.keys() - keys)
            yield where, row
    except (RecursionError, ValueError) as error:
        raise KitError(f"{path}: not JSON that can be read ({error})") from error


def extra_keys(file: Path, extra: Counter[str]) -> Iterator[Note]:
    """One note on the keys of a file that are not read, if there are any."""
    if extra:
        counts = ", ".join(f"{key!r} ({count:,} x)" for key, count in sorted(extra.items()))
        yield Note(file.name, "extra_keys", f"keys that are not read: {counts}")


def some(rows: Iterable[T], path: Path, due: str) -> Iterator[T]:
    """The rows of a file. Raises KitError if there are none: the file, and what was due in it."""
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise KitError(f"{path}: holds no rows: {due} was due")


def _first_byte(path: Path) -> bytes:
    with open_text(path) as file:
        try:
            return file.read(4096).lstrip()[:1].encode("utf-8", "replace")
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise unreadable(path, error) from error


def _read_array(path: Path) -> Iterator[tuple[str, Any]]:
    text = read_text(path)
    if not _is_one_value(text):  # each line is a list, as spaCy's rows are
        yield from ((f"{path.name}:{number}", row) for number, row in read_json_lines(path))
        return
    try:
        rows: list[Any] = strict_load(text.strip())
    except json.JSONDecodeError as error:
        raise KitError(f"{path}:{error.lineno}: not JSON ({error.msg} at column {error.colno})") from error
    if len(rows) == 2 and isinstance(rows[0], str) and isinstance(rows[1], dict):
        rows = [rows]  # one such row
    yield from ((f"{path.name}[{index}]", row) for index, row in enumerate(rows))


def _is_one_value(text: str) -> bool:
    """Whether an array is more than what stands on its first line."""
    first, _, rest = text.lstrip().partition("\n")
    if not rest.strip():
        return True
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return True
    return False


def _read_lines(path: Path, keys: Sequence[str], inside: Sequence[str], any_rows: bool) -> Iterator[tuple[str, Any]]:
    rows = read_json_lines(path)
    try:
        head = list(islice(rows, 2))
    except KitError:
        # An object over several lines is no JSON lines either; that it is one says more than where a line breaks off.
        if not isinstance(whole := _whole(path), dict):
            raise
        head = [(1, whole)]
        rows = iter(())
        if not (any_rows or inside):
            raise _object(path, whole) from None
    if len(head) == 1 and isinstance(head[0][1], dict) and not head[0][1].keys() & set(keys):
        for key in inside:
            if isinstance(found := head[0][1].get(key), list):
                yield from ((f"{path.name} {key}[{index}]", row) for index, row in enumerate(found))
                return
        if not any_rows:
            raise _object(path, head[0][1])
    yield from ((f"{path.name}:{number}", row) for number, row in chain(head, rows))


def _whole(path: Path) -> Any:
    try:
        return strict_load(read_text(path).strip())
    except (KitError, ValueError):
        return None


def _object(path: Path, found: dict[str, Any]) -> KitError:
    return KitError(f"{path}: {_DUE} was due, found an object with keys{listed(list(found), ' ') or ': none'}")


def read_table(path: Path, delimiter: str = ",", *, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and fields of every row of a CSV or TSV file that is not empty.

    Raises:
        KitError: the file is missing, not UTF-8, or not a table.
    """
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error
    except csv.Error as error:
        raise KitError(f"{path}:{reader.line_num}: not a table ({error})") from error


def text_id(text: str) -> str:
    """A short id that depends on nothing but the text, so that adding or moving rows changes no other row's id."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def clean_label(label: str) -> str:
    """A label without the blanks and invisible signs at its ends."""
    return label.strip().strip(_INVISIBLE).strip()


class Unique:
    """Makes repeated ids unique: ``a``, ``a-2``, ``a-3``."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, key: str) -> str:
        """The id itself the first time, then with a number."""
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}-{self._seen[key]}"


def row_note(name: str, reason: str, where: str, detail: str, text: str) -> Note:
    """A note on one row: its place in the file, what is odd, and the string that is, cut to CUT characters."""
    return Note(name, reason, f"{where}: {detail}: {text[:CUT]!r}")


def raw_text(row: Any) -> str:
    """A row for a drop: a string as it is, else JSON; what UTF-8 cannot write stands as an escape."""
    text = row if isinstance(row, str) else dump(row)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def record_or_drop(where: str, given: Any, /, *fields: Any, **more: Any) -> Record | Drop:
    """The record of these fields, or a drop if it cannot exist: where it stands, why, and the row as it came in."""
    try:
        return Record(*fields, **more)
    except RecordError as error:
        return Drop(where, "bad_record", raw_text(str(error)), raw_text(given))
