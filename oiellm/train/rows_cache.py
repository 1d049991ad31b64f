"""Tokenised rows on disk, so that trainings on the same rows tokenise them once: the arms and seeds of a study."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import dump
from oiellm.train.dataset import Rows

_END: Final = ".npz"


def cached(
    folder: Path,
    pairs: Sequence[tuple[str, str]],
    ids: Sequence[str],
    tokenizer: Any,
    limits: Sequence[float],
    make: Callable[[], Rows],
) -> Rows:
    """The rows of a folder, made and kept if they are not there; whoever needs them meanwhile waits.

    Args:
        folder: of the cache; may be removed at any time.
        pairs, ids, tokenizer, limits: all that decides the rows.
        make: makes them.

    Raises:
        OiellmError: what ``make`` raises; nothing is kept then.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_key(pairs, ids, tokenizer, limits)}{_END}"
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            return _read(path)
        rows = make()
        _write(path, rows)
        return rows


def _key(pairs: Sequence[tuple[str, str]], ids: Sequence[str], tokenizer: Any, limits: Sequence[float]) -> str:
    found = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode())
    found.update(dump([tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, list(limits)]).encode())
    for name, pair in zip(ids, pairs):
        found.update(dump([name, *pair]).encode() + b"\n")
    return found.hexdigest()


def _read(path: Path) -> Rows:
    import numpy as np

    with np.load(path) as found:
        flat, ends = found["ids"], np.cumsum(found["lengths"])
        rows = [part.tolist() for part in np.split(flat, ends[:-1])]
        return Rows(rows, found["supervised"].tolist(), json.loads(found["left_out"].tobytes()))


def _write(path: Path, rows: Rows) -> None:
    import numpy as np

    lengths = np.array([len(ids) for ids in rows.input_ids], dtype=np.int64)
    flat = np.concatenate([np.array(ids, dtype=np.int32) for ids in rows.input_ids])
    left_out = np.frombuffer(dump(rows.left_out).encode(), dtype=np.uint8)
    written = path.with_name(f".{path.stem}.{os.getpid()}{_END}")
    try:
        np.savez(written, ids=flat, lengths=lengths, supervised=np.array(rows.supervised), left_out=left_out)
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)
