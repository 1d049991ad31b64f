"""What the readers share: finding their files, reading JSON and tables, naming rows."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from build.files import read_json_lines
from build.steps import KitError
from mmm_dataset.registry import Source

LOCK: Final = "fetch.lock.json"
"""What a fetch writes beside the files (see ``build.fetch``); it is no data."""

_FIELD_LIMIT = 1 << 24


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


def find_all(path: Path, source: Source, *patterns: str) -> list[Path]:
    """``path`` if it is a file, else all files of the folder that match a pattern, sorted by name.

    Raises:
        KitError: there is none.
    """
    if path.is_file():
        return [path]
    # Hidden folders hold download caches.
    found = {
        file
        for pattern in patterns
        for file in path.rglob(pattern)
        if file.is_file()
        and file.name != LOCK
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    }
    if not found:
        raise missing(path, " or ".join(patterns), source)
    return sorted(found)


def is_json(path: Path) -> bool:
    """Whether the file begins like a JSON array or JSON lines of objects."""
    return _first_byte(path) in (b"[", b"{")


def read_json(path: Path) -> Iterator[tuple[str, Any]]:
    """Place (``file:line`` or ``file[index]``) and value of every row of a JSON array or of JSON lines.

    Raises:
        KitError: the file is missing, not UTF-8, or not JSON.
    """
    if path.is_file() and _first_byte(path) == b"[":
        yield from ((f"{path.name}[{index}]", row) for index, row in enumerate(_load_array(path)))
    else:
        yield from ((f"{path.name}:{number}", row) for number, row in read_json_lines(path))


def _first_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _load_array(path: Path) -> list[Any]:
    try:
        rows: list[Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise KitError(f"{path}:{error.lineno}: not JSON ({error.msg} at column {error.colno})") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error
    return rows


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


class Unique:
    """Makes repeated ids unique: ``a``, ``a-2``, ``a-3``."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, key: str) -> str:
        """The id itself the first time, then with a number."""
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}-{self._seen[key]}"
