"""The batches of a cache on disk: their requests, and how far each has come until it is collected.

Each run has a name, which its files begin with, and a lock under that name, which dies with its process: so a run knows the
batches of others that are at work, which it leaves alone, from those of dead ones, which it takes over.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from mmm_dataset.files import atomic, dump, pretty, sha256
from oiellm.errors import OiellmError
from oiellm.llm.calls import Call
from oiellm.llm.pricing import estimates
from oiellm.llm.wire import LIMITS

if TYPE_CHECKING:
    from filelock import FileLock

MOST_REQUESTS: Final = 50_000
MOST_BYTES: Final = 190_000_000
"""The API allows 200 MB."""


@dataclass
class Part:
    """One batch: requests of one model and one purpose.

    Attributes:
        requests: the file that is uploaded. It holds source text, and is deleted when the batch is collected.
        count: number of requests.
        file_id: name of the uploaded file at the endpoint; ``batch_id`` that of the batch; empty before there is one.
    """

    requests: Path
    base_url: str
    model: str
    purpose: str
    count: int = 0
    file_id: str = ""
    batch_id: str = ""

    @property
    def state(self) -> Path:
        """The file that says how far it has come."""
        return self.requests.with_suffix(".json")

    def save(self) -> None:
        """Note down how far it has come."""
        names = ("base_url", "model", "purpose", "count", "file_id", "batch_id")
        with atomic(self.state) as file:
            file.write(pretty({name: getattr(self, name) for name in names}))

    def remove(self) -> None:
        """Forget it: it is collected, or was never submitted."""
        self.state.unlink(missing_ok=True)
        self.requests.unlink(missing_ok=True)

    def digest(self) -> str:
        """SHA-256 of the requests."""
        return sha256(self.requests)

    def about(self) -> dict[str, tuple[int, int]]:
        """Estimated prompt tokens and the limit of the reply, by key."""
        about = estimates().prompt_tokens
        found = {}
        for row in self.rows():
            body = row["body"]
            messages = tuple((message["role"], message["content"]) for message in body["messages"])
            limit = next(body[name] for name in LIMITS if name in body)
            found[row["custom_id"]] = about(Call(self.model, messages, 0)), limit
        return found

    def first_body(self) -> Mapping[str, Any]:
        """The first request: it shows which parameters were sent."""
        body: Mapping[str, Any] = next(self.rows())["body"]
        return body

    def rows(self) -> Iterator[dict[str, Any]]:
        """The requests."""
        with self.requests.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


class Parts:
    """The folder of the batches."""

    def __init__(self, folder: Path, base_url: str) -> None:
        """Batches of other endpoints are left alone."""
        self.folder, self.base_url, self.run = folder, base_url, secrets.token_hex(4)
        self._locks: dict[str, FileLock] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be at work: until the end, no other run takes over what this one submits."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as stack:
            stack.callback(self._let_go)
            self._take_over(self.run)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other run is about to submit, so that none submits the same calls; short."""
        from filelock import FileLock

        with FileLock(self.folder / "lock"):
            yield

    def left_behind(self) -> list[Part]:
        """Batches of dead runs at this endpoint, which are this run's from now on; what they never finished is removed.

        Raises:
            OiellmError: a state is broken.
        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                part = _read_part(path)
            except FileNotFoundError:
                continue  # of a run at work, which collected it just now
            if part.base_url == self.base_url and _run(path) != self.run and self._take_over(_run(path)):
                found.append(part)
        for requests in self.folder.glob("*.jsonl"):
            run = _run(requests)
            if run != self.run and not requests.with_suffix(".json").exists() and self._take_over(run):
                requests.unlink(missing_ok=True)
        return found

    def elsewhere(self) -> set[int]:
        """The calls that other runs are waiting for: 64 bits of each key."""
        found: set[int] = set()
        for path in self.folder.glob("*.json"):
            try:
                if _run(path) not in self._locks and (part := _read_part(path)).base_url == self.base_url:
                    found.update(int(row["custom_id"][:16], 16) for row in part.rows())
            except FileNotFoundError:
                continue  # it was collected just now
        return found

    def _take_over(self, run: str) -> bool:
        """Whether a run is dead, and this one has its batches now."""
        from filelock import FileLock, Timeout

        if run in self._locks:
            return True
        lock = FileLock(self.folder / f"{run}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._locks[run] = lock
        return True

    def _let_go(self) -> None:
        for run, lock in self._locks.items():
            if not any(self.folder.glob(f"{run}-*.json")):
                (self.folder / f"{run}.lock").unlink(missing_ok=True)
            lock.release()
        self._locks.clear()

    def writer(self) -> Writer:
        """A writer of new parts."""
        return Writer(self)


class Writer:
    """Sorts requests into parts by model and purpose, none above the limits of the API."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is written yet."""
        self._parts = parts
        self._done: list[Part] = []
        self._open: dict[tuple[str, str], tuple[Part, IO[str]]] = {}
        self._sizes: dict[tuple[str, str], int] = {}

    def add(self, call: Call, key: str, body: Mapping[str, Any]) -> None:
        """Write one request."""
        line = dump({"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}) + "\n"
        kind, size = (call.model, call.purpose), len(line.encode())
        if kind in self._open:
            part, file = self._open[kind]
            if part.count == MOST_REQUESTS or self._sizes[kind] + size > MOST_BYTES:
                file.close()
                self._done.append(self._open.pop(kind)[0])
        if kind not in self._open:
            self._open[kind] = self._new(*kind)
            self._sizes[kind] = 0
        part, file = self._open[kind]
        file.write(line)
        part.count += 1
        self._sizes[kind] += size

    def finish(self) -> list[Part]:
        """Close all parts and note them down."""
        for part, file in self._open.values():
            file.close()
            self._done.append(part)
        for part in self._done:
            part.save()
        return self._done

    def _new(self, model: str, purpose: str) -> tuple[Part, IO[str]]:
        folder, number = self._parts.folder, 0
        while (path := folder / f"{self._parts.run}-{number:06d}.jsonl").exists():
            number += 1
        file = path.open("x", encoding="utf-8", newline="\n")
        path.chmod(0o600)
        return Part(path, self._parts.base_url, model, purpose), file


def _run(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def _read_part(path: Path) -> Part:
    try:
        return Part(path.with_suffix(".jsonl"), **json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise OiellmError(f"{path}: broken ({error}); delete it to submit its requests again") from error
