"""Files: TOML in, JSON in and out where there is much of it, locks, and what must be on the disk."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oiellm.errors import OiellmError


def fast_dump(value: Any) -> bytes:
    """What ``mmm_dataset.files.dump`` writes, as UTF-8 and in a tenth of its time, of values whose floats are plain (0.7).

    Raises:
        TypeError: a string holds half a surrogate pair, or a key is no string.
    """
    import orjson

    return orjson.dumps(value)


def fast_load(line: str | bytes) -> Any:
    """What ``json.loads`` reads, in a third of its time; whole numbers of more than 64 bits may come back as floats.

    Raises:
        ValueError: it is not JSON.
    """
    import orjson

    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # NaN, half a surrogate pair, and what is no JSON at all
        return json.loads(line)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a table. Raises OiellmError if it is missing or cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise OiellmError(f"{path}: no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OiellmError(f"{path}: not TOML that can be read ({error})") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes off a folder while this one writes it. The lock file lies beside the folder meanwhile.

    Raises:
        OiellmError: another process holds the lock (a process that died holds none), or no folder can be there.
    """
    from filelock import FileLock, Timeout

    folder = folder.resolve()
    if not folder.name:
        raise OiellmError(f"{folder}: cannot be an output: give a folder in it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OiellmError(f"{folder}: cannot be written: {error.filename} is not a folder") from error
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise OiellmError(f"{folder}: locked by another process: wait for it to end, or give another --out") from error
    try:
        yield
    finally:
        # Removed while it is held: filelock (from 4) tries again if the file that it locked is no longer the one of this name.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def sync_tree(folder: Path) -> None:
    """Bring a folder and the files and folders in it to the disk; links and pipes hold nothing."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink() and (path.is_file() or path.is_dir()):
            sync(path)


def sync(path: Path) -> None:
    """Bring a file or the entries of a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_others(out: Path, names: Sequence[str], is_same: Callable[[Any], bool]) -> None:
    """Refuse to write results over files that are not of an earlier run of the same kind.

    Args:
        out: the folder.
        names: the files that would be written; the first one is JSON and tells whose they are.
        is_same: whether its content is of the same run.

    Raises:
        OiellmError: they are of another run, or of a person.
    """
    if not (there := [name for name in names if (out / name).exists()]):
        return
    try:
        same = is_same(json.loads((out / names[0]).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise OiellmError(
            f"{out / there[0]}: is of another run or of a person; nothing was changed: give another --out"
        )
