"""Every reply on disk, under a hash of what was asked: no call is paid twice, whatever ends the run.

One SQLite file that several processes may share. It holds what models wrote about source texts: readable by its owner only,
and never part of a release. Replies survive a killed process; a power failure may cost those of the last moments.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from oiellm.errors import OiellmError
from oiellm.llm.calls import FINISHES, Reply

FILE: Final = "replies.sqlite"
BALLAST: Final = "ballast"
SIZE: Final = 16 << 20
"""Bytes that are kept free for the replies in hand when the disk is full: 1,000 of them with their pages."""

_VERSION: Final = 1
_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, model TEXT, purpose TEXT, text TEXT, finish INTEGER, prompt_tokens INTEGER,
    completion_tokens INTEGER, batched INTEGER, estimate INTEGER)"""
_GET: Final = (
    "SELECT key, text, finish, prompt_tokens, completion_tokens, batched, estimate FROM replies WHERE key IN ({})"
)
_MARKS: Final = 500
"""Keys in one statement; SQLite takes at least 999."""
_PUT: Final = """INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text,
    finish = excluded.finish, prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    batched = excluded.batched, estimate = excluded.estimate
    WHERE replies.finish = 0 AND trim(replies.text, char(9, 10, 13, 32)) = ''"""
"""What is there stays, but for empty replies, which caches of earlier versions hold."""
_USED: Final = """SELECT purpose, count(*), sum(prompt_tokens), sum(completion_tokens), sum(estimate) FROM replies
    WHERE model = ? AND prompt_tokens > 0 AND completion_tokens > 0 GROUP BY purpose ORDER BY purpose"""


class Answered(NamedTuple):
    """A reply, with all that is kept of it.

    Attributes:
        key: of its call.
        model: of its call.
        purpose: of its call.
        reply: the reply.
        estimate: tokens that its prompt was estimated to have, to correct estimates by.
        batched: it came by the Batch API.
    """

    key: str
    model: str
    purpose: str
    reply: Reply
    estimate: int
    batched: bool = False


class Cache:
    """The replies of all runs that use one folder."""

    def __init__(self, folder: Path, *, ballast: int = SIZE) -> None:
        """Open or make it.

        Args:
            folder: made if it is not there.
            ballast: bytes to keep free for a full disk.

        Raises:
            OiellmError: the folder cannot be written, the disk is full, or the file is damaged or from another version.
        """
        self.path, self._ballast = folder / FILE, folder / BALLAST
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._load_ballast(ballast)
        except OSError as error:
            raise OiellmError(
                f"{folder}: cannot be written ({error.strerror}): make room or choose another --cache"
            ) from error
        with self._explained():
            self._database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise OiellmError(f"{self.path}: of another version of the kit ({version}): choose another --cache")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
            self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def get(self, keys: Sequence[str]) -> dict[str, Answered]:
        """What is stored under keys; those that are not there are left out. Many at once take a third of the time.

        Model and purpose of what is given back stay empty: who asks knows them.

        Raises:
            OiellmError: the file is damaged.
        """
        found = {}
        with self._explained():
            for start in range(0, len(keys), _MARKS):
                marks = [bytes.fromhex(key) for key in keys[start : start + _MARKS]]
                for key, text, finish, prompt, completion, batched, estimate in self._database.execute(
                    _GET.format(",".join("?" * len(marks))), marks
                ):
                    if not finish and not text.strip():
                        continue  # an empty reply, see above
                    reply = Reply(text, FINISHES[finish], prompt, completion, True)
                    found[key.hex()] = Answered(key.hex(), "", "", reply, estimate, bool(batched))
        return found

    def version(self) -> int:
        """A number that changes when another run has written.

        Raises:
            OiellmError: the file is damaged.
        """
        with self._explained():
            (number,) = self._database.execute("PRAGMA data_version").fetchone()
        return int(number)

    def put(self, replies: Iterable[Answered]) -> None:
        """Store replies, all in one transaction; those that are there already stay as they are.

        Raises:
            OiellmError: the disk is full (the replies are stored all the same, in room that was kept for them), or the file is
                damaged.
        """
        rows = [
            (
                *(bytes.fromhex(row.key), row.model, row.purpose, row.reply.text),
                *(FINISHES.index(row.reply.finish), row.reply.prompt_tokens, row.reply.completion_tokens),
                *(row.batched, row.estimate),
            )
            for row in replies
        ]
        try:
            self._write(rows)
        except sqlite3.OperationalError as error:
            if not _full(error):
                raise self._broken(error) from error
            self._on_a_full_disk(rows, error)
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from error

    def used(self, model: str) -> dict[str, tuple[int, int, int, int]]:
        """By purpose, over all replies of a model: calls, prompt tokens, completion tokens, estimated prompt tokens."""
        with self._explained():
            rows = self._database.execute(_USED, (model,)).fetchall()
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _write(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(_PUT, rows)
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _on_a_full_disk(self, rows: Sequence[tuple[object, ...]], error: sqlite3.Error) -> None:
        freed = self._ballast.exists()
        self._ballast.unlink(missing_ok=True)
        try:
            self._write(rows)
        except sqlite3.Error as again:
            lost = f"{len(rows)} replies could not be stored" + ("" if freed else ", as no room was kept for them")
            raise OiellmError(f"{self.path}: {again}; {lost}: make room and run the same command again") from error
        raise OiellmError(
            f"{self.path}: {error}; all replies are stored: make room and run the same command again"
        ) from error

    def _load_ballast(self, size: int) -> None:
        if self._ballast.exists() or not size:
            return
        unfinished = self._ballast.with_name(f".{BALLAST}.{os.getpid()}")
        try:
            with unfinished.open("wb") as file:
                # Written, not only declared: a hole in a file keeps no room.
                for at in range(0, size, 1 << 20):
                    file.write(b"\0" * min(1 << 20, size - at))
            unfinished.replace(self._ballast)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from error

    def _broken(self, error: sqlite3.Error) -> OiellmError:
        return OiellmError(
            f"{self.path}: cannot be used ({error}); if it is damaged, move it away (`sqlite3 {FILE} .recover` may save what "
            "it holds) and run again, which asks anew for what is not there"
        )


def _full(error: sqlite3.Error) -> bool:
    # A limit on the size of files shows as an I/O error.
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or "SQLITE_IOERR_WRITE" in str(
        getattr(error, "sqlite_errorname", "")
    )
