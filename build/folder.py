"""The folder that a long run writes: by one run at a time, cleared of what a killed one left, not over another's result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from mmm_dataset.files import leftovers

MANIFEST: Final = "manifest.json"


@contextmanager
def held(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Keep other runs off a folder while this one writes it; a lock that dies with its process.

    The lock lies beside the folder. Half-written files that a killed run left, which hold source text, are removed.

    Args:
        folder: made if it is not there.
        names: of the files that are written, besides the manifest.

    Raises:
        KitError: another run writes it.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.resolve().parent / f".{folder.resolve().name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise KitError(f"{folder}: another run writes it: wait for it, or give another --out") from error
    try:
        for name in (*names, MANIFEST):
            for path in leftovers(folder / name):
                path.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def earlier(folder: Path) -> Mapping[str, Any] | None:
    """The manifest of the run whose result a folder holds; None if it holds none.

    Raises:
        KitError: it cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path}: no manifest ({error}): move the folder away, or give another --out") from error
    if not isinstance(found, dict):
        raise KitError(f"{path}: no manifest: move the folder away, or give another --out")
    return found


def check_same(folder: Path, made_of: Mapping[str, Any]) -> None:
    """Refuse to replace the result of a run that was another.

    Args:
        folder: of the run.
        made_of: what the manifest will say of what decides the result, part by part; each is a table.

    Raises:
        KitError: the folder holds the result of another run; the message names what differs.
    """
    if (before := earlier(folder)) is None:
        return
    for part, now in made_of.items():
        was = before.get(part)
        if not isinstance(was, dict):
            was = {}
        for name in {**was, **now}:
            if was.get(name) != now.get(name):
                raise KitError(
                    f"{folder}: holds the result of another run ({part}: {name} {was.get(name)!r}, now {now.get(name)!r}): "
                    "move it away, or give another --out"
                )
