"""``.step.json``, the record that a run leaves in the folder that it wrote; it decides what a later run may replace.

The record stays on this machine. It holds the identity of the run and the checksum of every file that it wrote.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from build.errors import KitError
from mmm_dataset import Registry
from mmm_dataset.files import sha256
from mmm_dataset.manifest import Digest, InnerPath, ManifestError, read_checked

RECORD: Final = ".step.json"
_SHOWN: Final = 80
"""Characters of two values that a message shows; longer ones, such as checksums, say nothing to people."""


class Run(BaseModel):
    """Identity of a run: two runs are the same if all of this is.

    Attributes:
        command: the verb, with the reader or kind where there are several.
        inputs: name to SHA-256 of what is read.
        options: all that decides the result, the model included.
    """

    model_config = ConfigDict(extra="forbid")

    command: str
    inputs: dict[str, str] = {}
    options: dict[str, Any] = {}

    @classmethod
    def of(cls, command: str, registry: Registry, inputs: Mapping[str, str], options: Mapping[str, Any]) -> Run:
        """The identity of a run whose result depends on the registry as well."""
        files = {f"registry {name}": checksum for name, checksum in registry.files.items()}
        return cls(command=command, inputs={**inputs, **files}, options=dict(options))

    def difference(self, earlier: Run) -> str:
        """In words what differs from an earlier run; empty if nothing does."""
        if self.command != earlier.command:
            return f"of `{earlier.command}`"
        for what, now, was in (("option", self.options, earlier.options), ("input", self.inputs, earlier.inputs)):
            for name in {**was, **now}:
                if was.get(name) != now.get(name):
                    values = f"{was.get(name)!r}, now {now.get(name)!r}"
                    shown = values if what == "option" and len(values) <= _SHOWN else "has changed"
                    return f"of `{self.command}` with another {what} ({name} {shown})"
        return ""


class StepRecord(BaseModel):
    """``.step.json``: who wrote a folder.

    Attributes:
        run: its identity.
        files: relative path to SHA-256 of every file that the run wrote into the folder.
        beside: the same for files beside the folder, by name.
    """

    run: Run
    files: dict[InnerPath, Digest]
    beside: dict[InnerPath, Digest] = {}


def read_record(folder: Path) -> StepRecord | None:
    """The record of the run that wrote a folder; None if there is none. Raises ManifestError if it cannot be read."""
    path = folder / RECORD
    return StepRecord.model_validate(read_checked(path, StepRecord)) if path.is_file() else None


def check_target(out: Path, run: Run, replace: bool) -> tuple[StepRecord | None, bool]:
    """Whether a run may write a folder.

    Returns:
        The record of the run before, None if there is none; and whether what is there is to be moved aside.

    Raises:
        KitError: it holds something else, and ``replace`` is not given.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None, False
    record = None
    try:
        record = read_record(out)
    except ManifestError as error:
        found = f"holds a record of a run that cannot be read ({error})"
    else:
        if not out.is_dir():
            found = "is a file"
        elif record is None:
            found = f"holds files that this command did not write ({_some(files_of(out))})"
        elif difference := run.difference(record.run):
            found = f"holds the result {difference}"
        elif changed := _changed(out, record):
            found = f"holds files that were changed since they were written ({_some(changed)})"
        else:
            return record, False
    if not replace:
        raise KitError(
            f"{out}: {found}; nothing was changed: give another --out, or --replace to move it to a dated name beside it"
        )
    return record, True


def files_of(folder: Path) -> list[str]:
    """Relative paths of all files and links below a folder, sorted."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _changed(out: Path, record: StepRecord) -> list[str]:
    places = [(out / name, digest) for name, digest in record.files.items()]
    places += [(out.with_name(name), digest) for name, digest in record.beside.items()]
    return [path.name for path, digest in places if path.exists() and (path.is_dir() or sha256(path) != digest)]


def keep_foreign(out: Path, folder: Path, record: StepRecord) -> None:
    """Bring files that the run before did not write into the new folder; see :func:`keep`."""
    keep(out, folder, [name for name in files_of(out) if name not in record.files and name != RECORD])


def keep(out: Path, folder: Path, names: Iterable[str]) -> None:
    """Bring files and links, the same ones where the disk allows, and all empty folders into the folder that takes the place.

    Raises:
        KitError: the new folder has another file of such a name.
    """
    for path in out.rglob("*"):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            (folder / path.relative_to(out)).mkdir(parents=True, exist_ok=True)
    for name in names:
        target = folder / name
        if target.exists():
            raise KitError(
                f"{out / name}: was not written by this command, and the result has a file of this name: move it"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(out / name, target, follow_symlinks=False)
        except OSError:
            shutil.copy2(out / name, target, follow_symlinks=False)
