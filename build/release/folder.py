"""Repositories as folders: what ``--to DIR`` writes, merged with what is there as it would be on a Hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from build.core import recover, scratch, swap
from build.release.plan import Recorded, paths
from build.release.target import ChangedMeanwhileError, Repository, State, Stored
from build.step_record import files_of, keep
from mmm_dataset.files import sha256


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with ``datasets/``, ``models/`` and ``spaces/``. It has no commits, and the tag of
    the one version it holds; a change replaces it whole."""

    root: Path

    def address(self, repository: Repository) -> str:
        """Its path."""
        return str(self.root / repository.path)

    def link(self, repository: Repository) -> str:
        """Its path."""
        return self.address(repository)

    def state(self, repository: Repository) -> State | None:
        """Its state; None if there is no such folder."""
        place = (self.root / repository.path).resolve()
        recover(place)
        if not place.is_dir():
            return None
        files = {path: Stored(sha256(place / path)) for path in paths(place)}
        state = State("", files)
        recorded = Recorded.read(repository, self, state)
        return State("", files, {f"v{recorded.version}": ""} if recorded else {})

    def read(self, repository: Repository, state: State, path: str) -> bytes:
        """The bytes of one file."""
        return (self.root / repository.path / path).read_bytes()

    def apply(
        self,
        repository: Repository,
        state: State | None,
        folder: Path,
        add: Collection[str],
        delete: Collection[str],
        message: str,
    ) -> str:
        """Make all changes or none: a new folder takes the place of the old one when it is whole.

        Raises:
            ChangedMeanwhileError: the folder is no longer in that state.
        """
        if self.state(repository) != state:
            raise ChangedMeanwhileError(repository.path)
        place = (self.root / repository.path).resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        with scratch(place) as beside:
            new = beside / "new"
            for path in add:
                (new / path).parent.mkdir(parents=True, exist_ok=True)
                link(folder / path, new / path)
            if place.exists():
                keep(place, new, [path for path in files_of(place) if path not in {*add, *delete}])
            swap(new, place)
        return ""

    def tag(self, repository: Repository, name: str, commit: str) -> None:
        """Nothing: a folder holds one version."""

    def publish(self, repository: Repository) -> None:
        """Nothing: who may read a folder is not the kit's business."""


def link(origin: Path, target: Path) -> None:
    """Copy a file; large Parquet and weights are linked where the disk allows, because nothing changes them in place.

    A symbolic link, as in a cache of the Hub, is copied as the file that it leads to.
    """
    if origin.suffix in (".parquet", ".safetensors"):
        try:
            os.link(origin.resolve(), target)
            return
        except OSError:  # another disk, or one without links
            pass
    shutil.copy2(origin, target)
    target.chmod(0o644)
