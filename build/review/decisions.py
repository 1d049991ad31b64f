"""Decisions and their log, ``review.decisions.jsonl`` beside the file: append-only, one JSON object a line.

Several servers may write at once: a line is written whole under a lock and is on the disk before anyone is told that it is
saved. A line that a crash cut off is moved to ``review.decisions.torn``; a whole one that lacks its end gets it.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from build.core import KitError
from mmm_dataset.files import dump

Action = Literal["accept", "edit", "reject", "undo"]
ACTIONS: Final = get_args(Action)
_WAIT = 60.0
"""Seconds after which a lock that another process holds is taken for a fault."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer said of one row.

    Attributes:
        time: UTC, ISO 8601.
        reviewer: their name.
        config, id: of the row.
        sha256: digest of the target as it stood in the file (:func:`build.review.rows.digest`).
        action: ``undo`` takes back the reviewer's last decision on this row.
        record: the corrected record as ``to_dict`` writes it, of an ``edit``.
        reason: key of ``reasons.toml``, of a ``reject``.
        detail: free text.
        order: the order in which rows were shown, such as ``random``, or ``random, filtered`` if a filter chose the row.
        key: made up by whoever sends the decision; the same reviewer's key on the same row counts once, however often it
            is sent.
    """

    time: str
    reviewer: str
    config: str
    id: str
    sha256: str
    action: Action
    record: dict[str, Any] | None = None
    reason: str = ""
    detail: str = ""
    order: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        texts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "record"}
        if wrong := [name for name, value in texts.items() if not isinstance(value, str)]:
            raise ValueError(f"{wrong[0]} must be a text")
        if self.action not in ACTIONS:
            raise ValueError(f"action {self.action!r} is not one of {', '.join(ACTIONS)}")
        if not self.reviewer.strip() or len(self.reviewer) > 80 or not self.reviewer.isprintable():
            raise ValueError("the reviewer needs a name of at most 80 characters")
        if (self.action == "edit") != isinstance(self.record, dict):
            raise ValueError("an edit, and only an edit, needs the corrected record")
        if self.action == "reject" and not self.reason:
            raise ValueError("a rejection needs a reason")


def tidy(name: str) -> str:
    """A reviewer's name as it is logged and shown: blanks at its ends are off, those within are one space each."""
    return " ".join(name.split())


def person(name: str) -> str:
    """What all spellings of one reviewer's name have in common: width, case and blanks do not matter."""
    return tidy(unicodedata.normalize("NFKC", name)).casefold()


def now() -> str:
    """The time of a decision that is made now."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_path(file: Path) -> Path:
    """Where the decisions about a file are: ``review.decisions.jsonl`` beside ``review.jsonl``."""
    return file.with_name(f"{file.name.removesuffix('.jsonl')}.decisions.jsonl")


class DecisionLog:
    """The log of one file, as one reader and writer of it sees it."""

    def __init__(self, path: Path) -> None:
        """Name a log; it comes into being with the first decision."""
        self.path = path
        self._read = 0
        self._line = 0

    def append(self, decisions: Iterable[Decision]) -> None:
        """Add decisions, all or none; they are on the disk when this returns.

        Raises:
            KitError: the file cannot be written, as on a full disk; what was in it before stays.
        """
        lines = "".join(dump({k: v for k, v in asdict(d).items() if v not in (None, "")}) + "\n" for d in decisions)
        try:
            with self._locked() as file:
                self._mend(file)
                _write(file, lines.encode())
        except OSError as error:
            raise KitError(
                f"{self.path}: not saved ({error.strerror or error}); make room or rights and try again"
            ) from error

    def fresh(self) -> Sequence[Decision]:
        """Decisions that were added, by whomever, since this was last called; an unfinished last line waits.

        Raises:
            KitError: a line is no decision, or the log is shorter than it was.
        """
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read:
                    raise KitError(f"{self.path}: is shorter than before: put it back and start again")
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError as error:
            if self._read:
                raise KitError(f"{self.path}: is gone: put it back and start again") from error
            return []
        content = content[: content.rfind(b"\n") + 1]
        lines = content.split(b"\n")[:-1]
        decisions = [self._parse(line, number) for number, line in enumerate(lines, self._line + 1)]
        self._read, self._line = self._read + len(content), self._line + len(lines)
        return decisions

    def mend(self) -> None:
        """Give a last line that is a whole decision its missing end, as some editors leave it; set a torn one aside.

        Raises:
            KitError: the file cannot be written.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
                end = file.read()
        except FileNotFoundError:
            return
        if end not in (b"", b"\n"):  # a log in order is left alone: it can be read where nothing can be written
            self.append([])

    def torn(self) -> int:
        """Lines that a crash cut off and that were set aside."""
        try:
            return self._torn.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def warning(self) -> str:
        """What a person should know of lines that were set aside; empty if none was."""
        count = self.torn()
        lines = f"{count:,} lines were" if count > 1 else "a line was"
        return (
            f"{self._torn}: {lines} cut off by a crash: see whose rows they were and decide those again"
            if count
            else ""
        )

    @property
    def _torn(self) -> Path:
        return self.path.with_suffix(".torn")

    def _parse(self, line: bytes, number: int) -> Decision:
        try:
            return _decision(line)
        except (ValueError, TypeError, RecursionError) as error:
            raise KitError(f"{self.path}:{number}: no decision ({error}): mend or remove this line") from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=_WAIT):
                new = not self.path.exists()
                file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
                try:
                    yield file
                finally:
                    os.close(file)
                if new:
                    _sync_folder(self.path.parent)
        except Timeout as error:
            raise KitError(f"{self.path}: another process holds its lock for over {_WAIT:.0f} s: end it") from error

    def _mend(self, file: int) -> None:
        """End what stands behind the last whole line, if it is a decision; else set it aside."""
        size = os.fstat(file).st_size
        end, tail = size, b""
        while end and b"\n" not in tail:
            start = max(0, end - (1 << 16))
            tail, end = os.pread(file, end - start, start) + tail, start
        tail = tail[tail.rfind(b"\n") + 1 :]
        if tail and _is_decision(tail):
            _write(file, b"\n")
        elif tail:
            torn = os.open(self._torn, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                _write(torn, tail + b"\n")
            finally:
                os.close(torn)
            os.ftruncate(file, size - len(tail))


def _decision(line: bytes) -> Decision:
    return Decision(**json.loads(line))


def _is_decision(line: bytes) -> bool:
    try:
        return bool(_decision(line))
    except (ValueError, TypeError, RecursionError):
        return False


def _write(file: int, content: bytes) -> None:
    """One write, and onto the disk; what was written of a write that failed is taken back."""
    size = os.fstat(file).st_size
    try:
        if os.write(file, content) < len(content):
            raise OSError("the disk is full")
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
