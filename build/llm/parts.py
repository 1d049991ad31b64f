"""The batches of a cache on disk: their requests, and how far each has come until it is collected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from build.llm.calls import Call
from build.llm.pricing import estimates
from build.steps import KitError
from mmm_dataset.files import atomic, dump, pretty, sha256

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

    def estimates(self) -> dict[str, int]:
        """Estimated prompt tokens by key."""
        about = estimates().prompt_tokens
        found = {}
        for row in self._rows():
            messages = tuple((message["role"], message["content"]) for message in row["body"]["messages"])
            found[row["custom_id"]] = about(Call(self.model, messages, 0))
        return found

    def first_body(self) -> Mapping[str, Any]:
        """The first request: it shows which parameters were sent."""
        body: Mapping[str, Any] = next(self._rows())["body"]
        return body

    def _rows(self) -> Iterator[dict[str, Any]]:
        with self.requests.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


class Parts:
    """The folder of the batches."""

    def __init__(self, folder: Path, base_url: str) -> None:
        """Batches of other endpoints are left alone."""
        self.folder, self.base_url = folder, base_url

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs off while this one works on the batches; a lock that dies with its process.

        Raises:
            KitError: another run is at it.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                yield
        except Timeout as error:
            raise KitError(
                f"{self.folder}: another run uses these batches: wait for it or choose another --cache"
            ) from error

    def left_behind(self) -> list[Part]:
        """Batches of an earlier run at this endpoint; files that were never finished are removed.

        Raises:
            KitError: a state is broken.
        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                part = Part(path.with_suffix(".jsonl"), **json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise KitError(f"{path}: broken ({error}); delete it to submit its requests again") from error
            if part.base_url == self.base_url:
                found.append(part)
        for requests in self.folder.glob("*.jsonl"):
            if not requests.with_suffix(".json").exists():
                requests.unlink()
        return found

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
        while (path := folder / f"{number:06d}.jsonl").exists():
            number += 1
        file = path.open("x", encoding="utf-8", newline="\n")
        path.chmod(0o600)
        return Part(path, self._parts.base_url, model, purpose), file
