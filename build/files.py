"""Files in and out: JSON lines, atomic writes, checksums, progress."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any, TypeVar

from build.steps import KitError

T = TypeVar("T")


@contextmanager
def atomic(path: Path) -> Iterator[IO[str]]:
    """Open a text file that appears under its name, whole, when the block ends well, and not at all when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def dump(value: Any) -> str:
    """JSON on one line, keys in the order given, no ASCII escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(value: Any) -> str:
    """JSON for people to read, ending in a newline."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Line number (from 1) and value of every line; blank lines and a byte order mark are passed over.

    Raises:
        KitError: the file is missing or not UTF-8, or a line is not JSON.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except json.JSONDecodeError as error:
                        raise KitError(f"{path}:{number}: not JSON ({error.msg} at column {error.colno})") from error
                    except (ValueError, RecursionError) as error:
                        raise KitError(f"{path}:{number}: not JSON that can be read ({error})") from error
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the bytes of a release depend on."""
    names = ("ahocorasick-rs", "numpy", "pyarrow", "rensa", "sudachidict-core", "sudachipy")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def progress(rows: Iterable[T], what: str, total: int | None = None, unit: str = " rows") -> Iterator[T]:
    """Show a bar on stderr for what takes over a second; silent when stderr is not a terminal."""
    from tqdm import tqdm

    yield from tqdm(rows, desc=what, total=total, unit=unit, delay=1, disable=not sys.stderr.isatty(), leave=False)
