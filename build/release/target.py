"""Where repositories live: on a Hub, or as folders. Both are read, compared and changed through the same calls."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

from mmm_dataset.files import sha256

Kind = Literal["dataset", "space", "model"]
SPACE_SDK: Final = "gradio"


class ChangedMeanwhileError(Exception):
    """Somebody else changed the repository since its state was read: read it again, merge again."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Kind and name, without the account: ``dataset``, ``mmm-demo``."""

    kind: Kind
    name: str

    @property
    def path(self) -> str:
        """``datasets/NAME``: its folder in a local release, and what it is called in messages."""
        return f"{self.kind}s/{self.name}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a repository by its checksum: SHA-256 of the bytes, or the name that git gives them."""

    sha256: str | None = None
    git: str | None = None

    def holds(self, path: Path) -> bool:
        """Whether a local file has the same bytes."""
        return sha256(path) == self.sha256 if self.sha256 else git_name(path) == self.git


@dataclass(frozen=True, slots=True)
class State:
    """A repository at one moment.

    Attributes:
        commit: its head; empty in a folder.
        files: path to what is stored there.
        tags: tag to the commit it names.
    """

    commit: str
    files: dict[str, Stored] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Target(Protocol):
    """A place for repositories."""

    def address(self, repository: Repository) -> str:
        """What a user gives to ``load_dataset``, ``evaluate.load`` or ``from_pretrained``."""
        ...

    def link(self, repository: Repository) -> str:
        """Where a person looks at it."""
        ...

    def state(self, repository: Repository) -> State | None:
        """Its state; None if it does not exist."""
        ...

    def read(self, repository: Repository, state: State, path: str) -> bytes:
        """The bytes of one file in that state."""
        ...

    def apply(
        self,
        repository: Repository,
        state: State | None,
        folder: Path,
        add: Collection[str],
        delete: Collection[str],
        message: str,
    ) -> str:
        """Make all changes or none; returns the new head.

        Args:
            repository: is made, privately, if it does not exist.
            state: what the changes are meant for.
            folder: holds the files to add.
            add, delete: paths.
            message: of the commit.

        Raises:
            ChangedMeanwhileError: the repository is no longer in that state.
            KitError: it is refused.
        """
        ...

    def tag(self, repository: Repository, name: str, commit: str) -> None:
        """Name a commit. Raises KitError if the name is taken by another."""
        ...

    def publish(self, repository: Repository) -> None:
        """Let everybody see it."""
        ...


def git_name(path: Path) -> str:
    """The SHA-1 by which git names a file's content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
