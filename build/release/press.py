"""One repository, from its piece to its tag: staged, merged, compared, changed in one commit, or left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from build.core import KitError
from build.release.plan import CHANGELOG, Plan, Recorded, finish, make_plan, paths
from build.release.scan import refuse_secrets
from build.release.target import ChangedMeanwhileError, State, Target
from build.release.versions import FIRST, add_entry, free_version, next_version
from cards.publisher import Publisher

if TYPE_CHECKING:
    from build.release.pieces import Piece

_LOOKS: Final = 8
"""How often the state of a repository may change under our hands before we give up."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What became of a repository.

    Attributes:
        piece: what is in it.
        folder: with all of its files, as they are there now, or would be.
        state: what was there when it was staged.
        version: of what is there now, or would be.
        plan: what was, or would be, changed.
        is_new: whether nothing of the kit's was there before.
        tagged: whether a tag was, or would be, set.
        untagged: the version before, if an interrupted release left it without its tag.
    """

    piece: Piece
    folder: Path
    state: State | None
    version: str
    plan: Plan
    is_new: bool
    tagged: bool
    untagged: str = ""


def stage(piece: Piece, target: Target, publisher: Publisher, scratch: Path) -> Pressed:
    """Make everything that a repository would hold, and look through it; nothing is changed anywhere.

    Args:
        piece: what is to be in it.
        target: where it is.
        publisher: as far as it is the same for all repositories.
        scratch: a folder for staging.

    Raises:
        KitError: people's edits are in the way, something may not go out, or the target cannot be read.
    """
    folder = scratch / piece.repository.path
    folder.mkdir(parents=True)
    piece.prepare(folder)
    return _checked(piece, target, publisher, folder)


def press(staged: Pressed, target: Target, publisher: Publisher) -> Pressed:
    """Bring one repository to what was staged: one commit, if anything changes, and a tag, if it lacks one.

    Args:
        staged: by :func:`stage`; staged again if somebody changes the repository in between.
        target, publisher: as for :func:`stage`.

    Raises:
        KitError: people's edits are in the way, or the target refuses.
    """
    found, piece = staged, staged.piece
    for _ in range(_LOOKS):
        if found.untagged and found.state:
            target.tag(piece.repository, f"v{found.untagged}", found.state.commit)
        try:
            commit = _commit(found, target, found.state)
        except ChangedMeanwhileError:
            found = _checked(piece, target, publisher, found.folder)
            continue
        if found.tagged:
            target.tag(piece.repository, f"v{found.version}", commit)
        return found
    raise KitError(f"{target.link(piece.repository)}: changes faster than it can be released; try again later")


def _checked(piece: Piece, target: Target, publisher: Publisher, folder: Path) -> Pressed:
    found = _staged(piece, target, publisher, folder, target.state(piece.repository))
    refuse_secrets(folder, paths(folder), piece.repository.path)
    return found


def _commit(found: Pressed, target: Target, state: State | None) -> str:
    plan = found.plan
    if state and plan.is_empty:
        return state.commit
    message = f"Release v{found.version}"
    return target.apply(found.piece.repository, state, found.folder, [*plan.add, *plan.replace], plan.delete, message)


def _staged(piece: Piece, target: Target, publisher: Publisher, folder: Path, state: State | None) -> Pressed:
    """The folder finished for what is there now: with the version that is there if nothing changes, else with the next one."""
    repository = piece.repository
    recorded = Recorded.read(repository, target, state)
    before = _reader(piece, target, state)
    changelog = _decoded(before(CHANGELOG))

    def made(version: str, changes: str) -> Plan:
        own = replace(publisher, version=version, changes=changes)
        (folder / CHANGELOG).write_text(changes, encoding="utf-8")
        piece.render(folder, own)
        finish(folder, version, repository, target, state)
        return make_plan(folder, repository, target, state, recorded)

    tags = state.tags if state else {}
    if recorded is None:
        version = free_version(FIRST, tags)
        plan = made(version, add_entry(changelog, version, piece.first(folder)))
    else:
        version = recorded.version
        plan = made(version, changelog or add_entry(None, version, piece.first(folder)))
        if not plan.is_empty:
            level, lines = piece.difference(before, folder, plan)
            version = free_version(next_version(version, level), tags)
            plan = made(version, add_entry(changelog, version, lines or ["the words about it"]))
    untagged = (
        recorded.version if recorded and recorded.version != version and f"v{recorded.version}" not in tags else ""
    )
    return Pressed(piece, folder, state, version, plan, recorded is None, f"v{version}" not in tags, untagged)


def _reader(piece: Piece, target: Target, state: State | None) -> Callable[[str], bytes | None]:
    return lambda path: target.read(piece.repository, state, path) if state and path in state.files else None


def _decoded(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", errors="replace")
