"""Files in and out, for every floor: atomic writes, JSON, checksums, progress."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")

_DRAWN = 8
"""Characters that mkstemp draws for a name."""


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


def leftovers(path: Path) -> list[Path]:
    """What :func:`atomic` left of a file where it was killed; of a process that is alive there may be one, too."""
    return sorted(path.parent.glob(f".{escape(path.name)}.{'?' * _DRAWN}"))


def dump(value: Any) -> str:
    """JSON on one line, keys in the order given, no ASCII escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(value: Any) -> str:
    """JSON for people to read, ending in a newline."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def progress(rows: Iterable[T], what: str, total: int | None = None, unit: str = " rows") -> Iterator[T]:
    """Show a bar on stderr for what takes over a second; silent when stderr is not a terminal."""
    from tqdm import tqdm

    yield from tqdm(rows, desc=what, total=total, unit=unit, delay=1, disable=not sys.stderr.isatty(), leave=False)
