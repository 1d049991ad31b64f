"""One repository: commits that follow one another, a branch, tags. Ids are those git would give."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.hub.replies import STALE, Refusal, no_entry, no_revision

MAIN: Final = "main"
_FIRST_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)  # a clock of its own: the same pushes give the same ids


def git_id(kind: str, content: bytes) -> str:
    """The id git gives to an object."""
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(content), content)).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A file in a commit.

    Attributes:
        oid: of the git blob; of a large file that is the pointer to it.
        sha256: of the content.
        size: of the content, in bytes.
        pointer: size of the pointer in bytes; None for a regular file.
    """

    oid: str
    sha256: str
    size: int
    pointer: int | None = None

    @property
    def etag(self) -> str:
        """As clients see it."""
        return self.oid if self.pointer is None else self.sha256


def large(sha256: str, size: int) -> Entry:
    """The entry of a file in large storage."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return Entry(git_id("blob", pointer), sha256, size, len(pointer))


@dataclass(frozen=True)
class Change:
    """What a commit does; ``parent`` is the commit it was made for, or empty if it does not care."""

    title: str
    added: Mapping[str, Entry] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    deleted_folders: tuple[str, ...] = ()
    description: str = ""
    parent: str = ""


@dataclass(frozen=True)
class Commit:
    """A state of all files."""

    oid: str
    parent: str | None
    files: Mapping[str, Entry]
    title: str
    description: str
    author: str
    date: datetime

    @property
    def when(self) -> str:
        """Its date as the Hub writes it."""
        return self.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def tree_ids(files: Mapping[str, Entry]) -> dict[str, str]:
    """The git id of every folder; that of the whole tree under the empty name."""
    folders: dict[str, dict[str, str]] = {"": {}}
    for path, entry in files.items():
        *above, name = path.split("/")
        for depth in range(len(above)):
            folders.setdefault("/".join(above[: depth + 1]), {})
        folders["/".join(above)][name] = entry.oid
    found: dict[str, str] = {}
    for folder in sorted(folders, key=lambda name: -len(name.split("/")) if name else 0):
        items = [(name, b"100644", oid) for name, oid in folders[folder].items()]
        inside = f"{folder}/" if folder else ""
        items += [
            (path[len(inside) :] + "/", b"40000", oid)
            for path, oid in found.items()
            if path.startswith(inside) and "/" not in path[len(inside) :]
        ]
        content = b"".join(
            b"%s %s\0%s" % (mode, name.rstrip("/").encode(), bytes.fromhex(oid)) for name, mode, oid in sorted(items)
        )
        found[folder] = git_id("tree", content)
    return found


class Repository:
    """A repository: ``kind`` is ``models``, ``datasets`` or ``spaces``."""

    def __init__(self, kind: str, name: str, *, private: bool, sdk: str = "") -> None:
        self.kind, self.name, self.private, self.sdk = kind, name, private, sdk
        self.gated: str | bool = False
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.stored: set[str] = set()  # SHA-256 of what lies in its large storage, in a commit or not
        self._lock = threading.RLock()

    @property
    def key(self) -> str:
        """``datasets/ORG/NAME``."""
        return f"{self.kind}/{self.name}"

    @property
    def page(self) -> str:
        """Its path on the Hub; that of a model has no prefix."""
        return self.name if self.kind == "models" else self.key

    def at(self, revision: str) -> Commit:
        """The commit a branch, tag, commit id or the beginning of one stands for.

        Raises:
            Refusal: there is none.
        """
        with self._lock:
            name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
            if found := self.branches.get(name) or self.tags.get(name):
                return self.commits[found]
            begun = [oid for oid in self.commits if len(name) >= 7 and oid.startswith(name)]
            if len(begun) != 1:
                raise no_revision(revision)
            return self.commits[begun[0]]

    def commit(self, branch: str, change: Change, author: str) -> Commit:
        """Make a commit of everything in it, or of nothing.

        Raises:
            Refusal: the branch is not there or has moved on, or a file to be deleted is not there.
        """
        with self._lock:
            head = self.commits[self.branches[branch]] if branch in self.branches else None
            if head is None and (branch != MAIN or self.commits):
                raise no_revision(branch)
            if change.parent and (head is None or not head.oid.startswith(change.parent)):
                raise Refusal(412, STALE)
            files = _applied(head.files if head else {}, change)
            made = self._made(head, files, change, author)
            self.commits[made.oid] = made
            self.branches[branch] = made.oid
            return made

    def tag(self, name: str, revision: str) -> None:
        """Name a commit.

        Raises:
            Refusal: the name is taken, or there is no such revision.
        """
        with self._lock:
            commit = self.at(revision)
            if name in self.tags:
                raise Refusal(409, "Tag reference exists already")
            self.tags[name] = commit.oid

    def untag(self, name: str) -> None:
        """Take a tag away.

        Raises:
            Refusal: there is none.
        """
        with self._lock:
            if self.tags.pop(name, None) is None:
                raise no_revision(name)

    def history(self, commit: Commit) -> Iterable[Commit]:
        """A commit and those before it, the newest first."""
        at: Commit | None = commit
        while at is not None:
            yield at
            at = self.commits[at.parent] if at.parent else None

    def last_change(self, commit: Commit, path: str) -> Commit:
        """The commit that made a file, or anything in a folder, what it is."""
        inside = path + "/"

        def seen(files: Mapping[str, Entry]) -> dict[str, Entry]:
            return {name: entry for name, entry in files.items() if name == path or name.startswith(inside)}

        found = commit
        for earlier in self.history(commit):
            if seen(earlier.files) != seen(commit.files):
                break
            found = earlier
        return found

    def _made(self, head: Commit | None, files: Mapping[str, Entry], change: Change, author: str) -> Commit:
        date = _FIRST_MOMENT + timedelta(seconds=len(self.commits))
        lines = [f"tree {tree_ids(files)['']}", *([f"parent {head.oid}"] if head else [])]
        lines += [f"author {author} {int(date.timestamp())} +0000", "", change.title, "", change.description]
        oid = git_id("commit", "\n".join(lines).encode())
        return Commit(oid, head.oid if head else None, files, change.title, change.description, author, date)


def _applied(before: Mapping[str, Entry], change: Change) -> dict[str, Entry]:
    files = dict(before)
    for path in change.deleted:
        if files.pop(path, None) is None:
            raise no_entry("A file with this name doesn't exist")
    for folder in change.deleted_folders:
        gone = [path for path in files if path.startswith(folder.rstrip("/") + "/")]
        if not gone:
            raise no_entry("A file with this name doesn't exist")
        for path in gone:
            del files[path]
    files.update(change.added)
    return files
