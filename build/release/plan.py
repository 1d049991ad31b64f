"""What a release would change in a repository, by file; what people put there is left alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import mmm_dataset
from build.core import KitError
from build.release.card import merge_card
from build.release.target import Repository, State, Target
from mmm_dataset.files import pretty, sha256

CARD: Final = "README.md"
CHANGELOG: Final = "CHANGELOG.md"
RENDERED: Final = ".release/README.md"
"""The card as the kit rendered it, before it was merged: tells next time what people have edited."""
RECORD: Final = ".release/release.json"
"""Version and checksums of what the kit released: tells next time which files are people's."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the last release left about itself.

    Attributes:
        version: its version.
        files: path to SHA-256 of what it put there.
    """

    version: str
    files: dict[str, str]

    @classmethod
    def read(cls, repository: Repository, target: Target, state: State | None) -> Recorded | None:
        """Of a repository; None if the kit has released nothing there. Raises KitError if it cannot be read."""
        if state is None or RECORD not in state.files:
            return None
        try:
            found = json.loads(target.read(repository, state, RECORD))
            return cls(str(found["version"]), {str(path): str(digest) for path, digest in found["files"].items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KitError(f"{target.link(repository)}: {RECORD} cannot be read; restore it from its tag") from error


@dataclass(slots=True)
class Plan:
    """Changes by path.

    Attributes:
        add, replace, delete: of the kit's own files.
        kept: files that people put there, or that the kit had put there and people have changed since.
    """

    add: list[str] = field(default_factory=list)
    replace: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.add or self.replace or self.delete)


def finish(folder: Path, version: str, repository: Repository, target: Target, state: State | None) -> None:
    """Complete a staged folder: merge its card with the one that is there, and record what the kit puts there.

    Raises:
        KitError: the card was edited where it cannot be kept.
    """
    ours = (folder / CARD).read_text(encoding="utf-8")
    _write(folder / RENDERED, ours)
    merged = merge_card(
        ours,
        _text(repository, target, state, RENDERED),
        _text(repository, target, state, CARD),
        f"{target.link(repository)}: {CARD}",
    )
    _write(folder / CARD, merged)
    # Card and changelog are merged: their bytes are people's as well, and no sign of a change of ours.
    files = {path: sha256(folder / path) for path in paths(folder) if path not in (RECORD, CARD, CHANGELOG)}
    record = {"kit": mmm_dataset.__version__, "version": version, "files": files}
    _write(folder / RECORD, pretty(record))


def make_plan(
    folder: Path, repository: Repository, target: Target, state: State | None, recorded: Recorded | None
) -> Plan:
    """Compare a finished folder with what is there.

    Raises:
        KitError: people have changed a file that this release would change as well.
    """
    plan, there = Plan(), state.files if state else {}
    staged = paths(folder)
    for path in staged:
        if path not in there:
            plan.add.append(path)
        elif there[path].holds(folder / path):
            continue
        elif _may_replace(path, repository, target, state, recorded):
            plan.replace.append(path)
        elif recorded and recorded.files.get(path) == sha256(folder / path):
            plan.kept.append(path)  # edited there, and no different here than before
        else:
            raise KitError(
                f"{target.link(repository)}: {path} was not put there by this kit, or was changed since: rename it there, or "
                "undo the change; a release overwrites nothing of yours"
            )
    for path in sorted(there.keys() - set(staged)):
        ours = bool(recorded) and path in recorded.files  # type: ignore[union-attr]
        (plan.delete if ours and _is_unchanged(path, repository, target, state, recorded) else plan.kept).append(path)
    return plan


def paths(folder: Path) -> list[str]:
    """All files below a folder, as paths with slashes, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _may_replace(
    path: str, repository: Repository, target: Target, state: State | None, recorded: Recorded | None
) -> bool:
    if path in (CARD, CHANGELOG, RENDERED, RECORD):  # merged, or nobody's but the kit's
        return True
    return _is_unchanged(path, repository, target, state, recorded)


def _is_unchanged(
    path: str, repository: Repository, target: Target, state: State | None, recorded: Recorded | None
) -> bool:
    """Whether a file is what the kit put there."""
    if recorded is None or state is None or path not in recorded.files:
        return False
    stored = state.files[path].sha256
    return recorded.files[path] == (stored or hashlib.sha256(target.read(repository, state, path)).hexdigest())


def _text(repository: Repository, target: Target, state: State | None, path: str) -> str | None:
    if state is None or path not in state.files:
        return None
    return target.read(repository, state, path).decode("utf-8", errors="replace")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
