"""What all steps share: rows that are dropped or noted with a reason, and the one way to write.

A step takes records and yields records, or drops one with a reason; nothing is lost uncounted. Every command that leaves files
writes through :func:`write_step` (a folder) or :func:`write_files`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from build.errors import KitError as KitError
from build.step_record import RECORD, Run, StepRecord, check_target, files_of, keep_foreign
from mmm_dataset import Record
from mmm_dataset.files import atomic, pretty, sha256
from mmm_dataset.names import inner_path
from oiellm.errors import OiellmError
from oiellm.files import locked, sync, sync_tree

_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that goes no further.

    Attributes:
        id: the row's id, or its place in the file.
        reason: short and countable, such as ``neutral_row``.
        detail: what a person needs to see why.
        raw: the row as it came in, for the drop file; it stays local and never enters a release.
    """

    id: str
    reason: str
    detail: str = ""
    raw: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The line of the report file."""
        return {"id": self.id, "dropped": self.reason, "detail": self.detail, "raw": self.raw}


@dataclass(frozen=True, slots=True)
class Note:
    """Something to report about a row that is kept: reasons are counted like those of drops."""

    id: str
    reason: str
    detail: str = ""

    def as_dict(self) -> dict[str, str | None]:
        """The line of the report file."""
        return {"id": self.id, "noted": self.reason, "detail": self.detail}


Row = Record | Drop | Note


@dataclass
class Tally:
    """What one step did: rows out by config, drops and notes by reason. It becomes part of the manifest."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def count(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, counting them."""
        for row in rows:
            if isinstance(row, Record):
                self.kept[row.config] += 1
            elif isinstance(row, Drop):
                self.dropped[row.reason] += 1
            else:
                self.noted[row.reason] += 1
            yield row

    def as_dict(self) -> dict[str, Any]:
        """Counts in a fixed order, for a manifest: rows that came in, and what became of them."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("kept", "dropped", "noted")}
        return {"in": self.kept.total() + self.dropped.total(), **counts}


@dataclass(frozen=True, slots=True)
class Step:
    """Where a step writes before its result is put in place.

    Attributes:
        folder: becomes the output folder.
        target: the output folder.
    """

    folder: Path
    target: Path

    def path(self, name: str) -> Path:
        """A file inside the folder; its parents are made. Raises KitError if the name leads out of the folder."""
        try:
            path = self.folder / inner_path(name)
        except ValueError as error:
            raise KitError(f"{self.target}: {error}") from error
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def beside(self, suffix: str) -> Path:
        """A file that goes beside the folder, under the folder's name and this suffix."""
        return self.folder.parent / f"{self.target.name}{suffix}"


@contextmanager
def write_step(out: Path, run: Run, *, replace: bool = False) -> Iterator[Step]:
    """Write a folder: whole or not at all, and over nothing but what the same run wrote before.

    The result is written into a staging folder beside ``out`` and put in place by a rename when the block ends well. Files in
    ``out`` that no run wrote, such as a person's notes or decisions, stay. A process that dies leaves the old result or
    the new one; what else it left is removed by the next run.

    Args:
        out: the folder; made if it is not there.
        run: identity of the run.
        replace: move whatever else is at ``out`` to a dated folder beside it; otherwise that is refused.

    Yields:
        Where to write.

    Raises:
        KitError: another process writes the folder, or it holds something that must not be replaced.
    """
    out = out.resolve()
    if out == Path.cwd() or out.is_mount():  # neither can be exchanged, as the volume of a container
        raise KitError(f"{out}: is the working directory or a mount point: give a folder in it as --out")
    with locked(out), _naming(out):
        _recover(out)
        check_target(out, run, replace)
        step = Step(_staging(out) / "out", out)
        step.folder.mkdir(parents=True)
        try:
            yield step
            written = _record(step, run)
            record, aside = check_target(out, run, replace)  # again: people may have edited something meanwhile
            _check_beside(step, record, replace)
            if record is not None and not aside:
                keep_foreign(out, step.folder, record)
            sync_tree(step.folder)
            with atomic(step.folder / RECORD) as file:
                file.write(pretty(written.model_dump()))
            if aside:
                _move_aside(out, record)
            if out.is_dir() and not any(out.iterdir()):
                out.rmdir()
            swap(step.folder, out)
        finally:  # Ctrl-C between the renames, too
            _recover(out)


@contextmanager
def write_files(*paths: Path, replace: bool = False) -> Iterator[list[IO[str]]]:
    """Write files: all or none; one that is there stays, unless it has these bytes or ``replace`` is given.

    A link stays, and the file that it leads to is written.

    Args:
        paths: the files.
        replace: move a file that is there to a dated name beside it.

    Raises:
        KitError: another file is there, or another process writes one of them.
    """
    targets = [path.resolve() for path in paths]
    staged = [_staging(path) for path in targets]
    with ExitStack() as locks:
        for path in targets:
            locks.enter_context(locked(path))
        try:
            with _naming(paths[0]), ExitStack() as files:
                yield [files.enter_context(one.open("w", encoding="utf-8", newline="\n")) for one in staged]
            for one in staged:
                sync(one)
            others = [path for path, one in zip(targets, staged) if path.exists() and not _same_bytes(path, one)]
            if others and not replace:
                raise KitError(
                    f"{others[0]}: exists; give another name, or --replace to move it to a dated name beside it"
                )
            for path in others:
                move_aside(path)
            for path, one in zip(targets, staged):
                os.replace(one, path)
        finally:
            for one in staged:
                one.unlink(missing_ok=True)


def _same_bytes(path: Path, other: Path) -> bool:
    return path.is_file() and path.read_bytes() == other.read_bytes()


@contextmanager
def _naming(out: Path) -> Iterator[None]:
    """Let an error of a full or failing disk name what was being written: a write knows no path."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK and error.filename is None:
            error.filename = str(out)
        raise


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """An empty folder beside a target for files that are not kept; what a killed run left in it is removed.

    Raises:
        KitError: another process uses it.
    """
    beside = beside.resolve()
    with locked(beside):
        folder = beside.with_name(f".{beside.name}.scratch")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def recover(out: Path) -> None:
    """Finish what a run that was killed between two renames had begun, unless a run is at work there."""
    if _staging(out.resolve()).exists() or _previous(out.resolve()).exists():
        try:
            with locked(out):
                _recover(out.resolve())
        except OiellmError:
            return  # it is being written: its process finishes it


def swap(new: Path, out: Path) -> None:
    """Put a finished folder in the place of another, which goes away only after the new one stands."""
    previous = _previous(out)
    try:
        if out.exists():
            os.replace(out, previous)
        os.replace(new, out)
    except BaseException:  # Ctrl-C, or a full disk
        if previous.exists() and not out.exists():
            os.replace(previous, out)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def move_aside(path: Path) -> Path:
    """Give a file or folder a free name beside it, with the time; returns the new place."""
    name, count = f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}", 1
    while (aside := path.with_name(name if count == 1 else f"{name}-{count}")).exists():
        count += 1
    os.replace(path, aside)
    return aside


def _staging(out: Path) -> Path:
    return out.with_name(f".{out.name}.staging")


def _previous(out: Path) -> Path:
    return out.with_name(f".{out.name}.previous")


def _recover(out: Path) -> None:
    staging, previous = _staging(out), _previous(out)
    if not out.exists():
        if (staging / "out" / RECORD).is_file():  # written last: the new result is whole
            os.replace(staging / "out", out)
        elif previous.exists():
            os.replace(previous, out)
    if staging.exists() and not (staging / "out").exists():  # the folder is in place, the files beside it may not be
        for path in staging.iterdir():
            os.replace(path, out.with_name(path.name))
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(staging, ignore_errors=True)


def _record(step: Step, run: Run) -> StepRecord:
    beside = sorted(path for path in step.folder.parent.iterdir() if path != step.folder)
    return StepRecord(
        run=run,
        files={name: sha256(step.folder / name) for name in files_of(step.folder)},
        beside={path.name: sha256(path) for path in beside},
    )


def _check_beside(step: Step, record: StepRecord | None, replace: bool) -> None:
    """Refuse to write over a file beside the folder that the run before did not write, or move it aside."""
    for path in step.folder.parent.iterdir():
        place = step.target.with_name(path.name)
        if path == step.folder or not place.exists() or (record and path.name in record.beside):
            continue
        if not replace:
            raise KitError(f"{place}: was not written by this command: move it, or give --replace, which does")
        move_aside(place)


def _move_aside(out: Path, record: StepRecord | None) -> None:
    aside = move_aside(out)
    for name in record.beside if record else ():
        if (path := out.with_name(name)).exists():
            os.replace(path, aside.with_name(f"{aside.name}{name.removeprefix(out.name)}"))
