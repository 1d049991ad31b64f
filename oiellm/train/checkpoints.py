"""Checkpoints that are whole or not there: written beside, checksummed, synced, then renamed.

The trainer library writes a checkpoint file by file under its final name, so a kill leaves half of one that looks like the
newest. Here its files go into a staging folder; a manifest with the checksum of each is added, everything is synced, and one
rename makes it a checkpoint.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic, pretty, sha256
from oiellm.errors import OiellmError
from oiellm.files import sync, sync_tree

MANIFEST: Final = "checkpoint.json"
STAGING: Final = ".writing"
_REMOVED: Final = ".removed"
_NAME: Final = re.compile(r"checkpoint-(\d+)")
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# safetensors and torch report a failed write as errors of their own, which carry the reason as text only.
_NO_SPACE_TEXT: Final = re.compile(
    r"No space left|File too large|quota exceeded|PytorchStreamWriter failed|unexpected pos", re.I
)


def existing(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, oldest first, whole or not."""
    found = [path for path in run.glob("checkpoint-*") if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def commit(staged: Path, run: Path, facts: Mapping[str, Any], keep: int) -> None:
    """Make a staged folder a checkpoint of a run, then remove all but the newest ``keep``.

    Args:
        staged: ``checkpoint-N`` with everything in it, on the file system of ``run``.
        run: the run's folder.
        facts: what is written to the manifest besides the files' checksums.
        keep: number of checkpoints that stay.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    # A pickle that resuming never reads.
    (staged / "training_args.bin").unlink(missing_ok=True)
    files = sorted(path for path in staged.rglob("*") if path.is_file())
    with atomic(staged / MANIFEST) as file:
        file.write(pretty({**facts, "files": {path.relative_to(staged).as_posix(): sha256(path) for path in files}}))
    sync_tree(staged)
    target = run / staged.name
    _remove(target)
    os.replace(staged, target)
    sync(run)
    for old in existing(run)[:-keep]:
        _remove(old)


def _remove(folder: Path) -> None:
    """Remove a folder that is never seen half removed."""
    if folder.exists():
        trash = folder.with_name(_REMOVED)
        shutil.rmtree(trash, ignore_errors=True)
        os.replace(folder, trash)
        shutil.rmtree(trash)


def clean(run: Path) -> None:
    """Remove what a killed run left behind: a checkpoint half written, or half removed."""
    for name in (STAGING, _REMOVED):
        shutil.rmtree(run / name, ignore_errors=True)


def fault(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be used, or None if every file is the one that its manifest names."""
    try:
        files = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{MANIFEST} cannot be read ({error})"
    for name, digest in files.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if sha256(path) != digest:
            return f"{name} is not the file that was written"
    return None


def newest(run: Path, say: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that verifies, or None.

    A broken one is reported with ``say`` and set aside as ``broken-checkpoint-N``, so that it neither counts as kept nor
    stands in the way of the one that takes its place.
    """
    for checkpoint in reversed(existing(run)):
        if (why := fault(checkpoint)) is None:
            return checkpoint
        aside = checkpoint.with_name(f"broken-{checkpoint.name}")
        _remove(aside)
        os.replace(checkpoint, aside)
        say(f"{checkpoint}: {why}; set aside as {aside.name}, the one before it is tried")
    return None


def facts(checkpoint: Path) -> dict[str, Any]:
    """What the manifest of a checkpoint says."""
    found: dict[str, Any] = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
    return found


def check(checkpoint: Path, now: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Hold the facts of a checkpoint against those of the run that wants to resume from it.

    Another recipe or other data are refused. Under other versions, threads or processes the result is as good, but its bytes
    may differ from an uninterrupted run's: that is said.

    Raises:
        OiellmError: the recipe or the data are not those of the checkpoint.
    """
    was = facts(checkpoint)
    for key in ("recipe", "base", "data"):
        if was[key] != now[key]:
            raise OiellmError(
                f"{checkpoint}: made with another {key}; give the one it was made with, or start again with --restart"
            )
    if changed := [key for key in now["how"] if was["how"].get(key) != now["how"][key]]:
        said = ", ".join(f"{key} {was['how'].get(key)} -> {now['how'][key]}" for key in changed)
        say(f"resuming under other conditions ({said}): the last bits may differ from an uninterrupted run's")


def no_space(error: BaseException) -> bool:
    """Whether a failed write means that the disk or the quota is full."""
    return (isinstance(error, OSError) and error.errno in _NO_SPACE) or bool(_NO_SPACE_TEXT.search(str(error)))
