"""Fetch the public files of a source: checksums pinned in the registry are checked, others locked by the first fetch.

``fetch.lock.json`` beside the files records what the first fetch got (address, SHA-256, time; for the Hub a revision).
Later fetches, on any machine that has the lock, must get the same bytes. No checksum is ever made up.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.readers.inputs import LOCK
from mmm_dataset.files import atomic, sha256
from mmm_dataset.names import is_plain_name
from mmm_dataset.registry import Source

TIMEOUT: Final = 30.0
_BLOCK = 1 << 18
_HUB_FILES = ("*.json", "*.jsonl", "*.md")

Lock = dict[str, dict[str, Any]]


def fetch(source: Source, folder: Path, timeout: float = TIMEOUT) -> list[Path]:
    """Download what the source offers into ``folder``; files that are there already are only checked.

    Returns:
        The files, in the order of the registry.

    Raises:
        KitError: the source is not public, the network fails, or the bytes are not the pinned or locked ones.
    """
    if not source.download and not source.hub:
        files = " and ".join(source.files) or "the files"
        where = f"get {files} from {source.url}" if source.url else "there is nothing to fetch"
        raise KitError(f"{source.name}: cannot be fetched; {where} (licence: {source.licence}) and pass --from")
    folder.mkdir(parents=True, exist_ok=True)
    lock = _read_lock(folder / LOCK)
    for name in (*(entry["file"] for entry in source.download), *(row.rsplit("/", 1)[-1] for row in source.hub)):
        if not is_plain_name(name):
            raise KitError(
                f"[source.{source.name}]: {name!r} must be a plain name, as it becomes a file: mend the registry"
            )
    fetched: list[Path] = []
    for entry in source.download:
        fetched.append(_fetch_file(entry, folder, lock, timeout))
        _write_lock(folder / LOCK, lock)
    for repository in source.hub:
        fetched += _fetch_repository(repository, folder, lock)
        _write_lock(folder / LOCK, lock)
    return fetched


def _read_lock(path: Path) -> Lock:
    try:
        lock: Lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise KitError(
            f"{path}: not JSON ({error}): restore it, or delete it to accept whatever the next fetch gets"
        ) from error
    return lock


def _write_lock(path: Path, lock: Lock) -> None:
    with atomic(path) as file:
        json.dump(lock, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# ---------------------------------------------------------------------------------------------------------------- files


def _fetch_file(entry: Mapping[str, str], folder: Path, lock: Lock, timeout: float) -> Path:
    name, url = entry["file"], entry["url"]
    target = folder / name
    due, by = entry.get("sha256"), "the registry"
    if due is None and name in lock:
        due, by = lock[name]["sha256"], str(folder / LOCK)
    if not target.is_file():
        _download(url, target, due, by, timeout)
    elif due is not None and (found := sha256(target)) != due:
        raise KitError(f"{target}: SHA-256 {found}, not {due} as in {by}: delete the file to fetch it again")
    if name not in lock:
        lock[name] = {"url": url, "sha256": due or sha256(target), "time": _now()}
    return target


def _download(url: str, target: Path, due: str | None, by: str, timeout: float) -> None:
    """Write the file under its name only when it is whole and its checksum is right."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            found = _copy(url, file, target, timeout)
        if due is not None and found != due:
            raise KitError(f"{url}: SHA-256 {found}, not {due} as in {by}: the file has changed and was not kept")
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _copy(url: str, file: Any, target: Path, timeout: float) -> str:
    from tqdm import tqdm

    digest, count = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            total = int(answer.headers["Content-Length"] or 0)
            silent = not sys.stderr.isatty()
            with tqdm(desc=target.name, total=total, unit="B", unit_scale=True, delay=1, disable=silent) as bar:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    count += len(block)
                    bar.update(len(block))
            if count < total:
                raise KitError(f"{url}: the connection broke after {count:,} of {total:,} bytes: try again")
    except urllib.error.HTTPError as error:
        raise KitError(f"{url}: HTTP {error.code} {error.reason}: get it by hand and put it at {target}") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise KitError(f"{url}: cannot be reached ({reason}): go online, or put the file at {target}") from error
    return digest.hexdigest()


# -------------------------------------------------------------------------------------------------------------- the Hub


def _fetch_repository(repository: str, folder: Path, lock: Lock) -> list[Path]:
    from huggingface_hub import HfApi, snapshot_download

    name = repository.rsplit("/", 1)[-1]
    try:
        revision = lock[name]["revision"] if name in lock else HfApi().dataset_info(repository, timeout=TIMEOUT).sha
        place = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision,
            local_dir=folder / name,
            allow_patterns=list(_HUB_FILES),
        )
    # The library raises its own and its transport's errors, and which transport it uses changes with its version.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise KitError(f"https://huggingface.co/datasets/{repository}: not fetched ({reason})") from error
    found = {
        str(file.relative_to(place)): sha256(file)
        for pattern in _HUB_FILES
        for file in sorted(Path(place).rglob(pattern))
        if not str(file.relative_to(place)).startswith(".")
    }
    _check_repository(folder / name, lock.get(name), found)
    lock.setdefault(name, {"url": repository, "revision": revision, "sha256": found, "time": _now()})
    return [Path(place) / file for file in found]


def _check_repository(place: Path, locked: Mapping[str, Any] | None, found: Mapping[str, str]) -> None:
    for file, due in (locked or {}).get("sha256", {}).items():
        if found.get(file) != due:
            state = f"SHA-256 {found[file]}, not {due}" if file in found else "missing"
            raise KitError(f"{place / file}: {state} (see {LOCK}): delete it to fetch it again")
