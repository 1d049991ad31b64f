"""The Batch API, in rounds: all calls that the cache lacks go out together, their replies go into the cache, and so on.

What is submitted stands in ``CACHE/batches`` before it is waited for, so that a run that was killed finds its batches again and
nothing is submitted, and paid, twice. Requests that failed or expired are simply still missing in the next round.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from build.llm.cache import Answered
from build.llm.calls import Reply
from build.llm.client import REFUSED
from build.llm.errors import explain, hidden, secret
from build.llm.jobs import Job, Store
from build.llm.meter import Meter
from build.llm.options import Settings
from build.llm.parts import Part, Parts
from build.llm.wire import Dialect, NoCompletionError, error_message, read_answer
from build.steps import KitError

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch

J = TypeVar("J")
T = TypeVar("T")

_OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_IDLE_ROUNDS: Final = 3
"""Rounds in which nothing at all was answered before the run gives up."""
_AT_ONCE: Final = 500
"""Replies stored in one transaction."""


class Batches(Generic[J, T]):
    """Drives jobs by the Batch API."""

    def __init__(self, settings: Settings, store: Store, meter: Meter) -> None:
        """Nothing is sent yet."""
        self.unfinished = 0
        self._settings, self._store, self._meter = settings, store, meter
        self._parts = Parts(settings.cache / "batches", settings.base_url)
        self._dialects: dict[str, Dialect] = {}
        self._noted: set[str] = set()
        self._secret = secret(settings)
        self._failed, self._why = 0, ""
        self._openai: OpenAI | None = None

    def run(self, jobs: Callable[[], Iterator[Job[J, T]]]) -> Iterator[tuple[J, T | None]]:
        """Jobs and their results, in order; None where the budget did not allow it.

        Raises:
            KitError: the endpoint has no Batch API or fails, a batch fails as a whole, or another run is at it.
        """
        from openai import APIError

        try:
            with self._parts.alone():
                self._resume()
                self._rounds(jobs)
        except APIError as error:
            raise self._explain(error) from error
        for job in jobs():
            if job.advance(self._store.lookup):
                job.abandon()
                self.unfinished += 1
            self._meter.row()
            yield job.job, job.result

    def _resume(self) -> None:
        submitted = []
        for part in self._parts.left_behind():
            if part.file_id and not part.batch_id:
                # Killed between creating the batch and noting it down.
                found = (batch for batch in self._client().batches.list() if batch.input_file_id == part.file_id)
                part.batch_id = next((batch.id for batch in found), "")
            if part.batch_id:
                part.save()
                submitted.append(part)
            else:
                part.remove()
        if submitted:
            self._meter.note(f"{len(submitted)} batches of an earlier run are waited for")
            self._collect(submitted)

    def _rounds(self, jobs: Callable[[], Iterator[Job[J, T]]]) -> None:
        idle = number = 0
        while True:
            if self._store.ledger.limit is not None:
                # All that the cache holds counts before anything is added.
                for job in jobs():
                    job.advance(self._store.lookup)
                    job.abandon()
            with self._missing(jobs) as parts:
                if not parts:
                    return
                number += 1
                for part in parts:
                    self._submit(part)
                answered = self._collect(parts, f"round {number}: ")
            idle = 0 if answered else idle + 1
            if idle == _IDLE_ROUNDS:
                raise KitError(
                    f"{self._settings.base_url}: {self._failed:,} requests failed in {idle} rounds running ({self._why}); "
                    "the replies so far are in the cache: run the same command later, or without --batch"
                )

    @contextmanager
    def _missing(self, jobs: Callable[[], Iterator[Job[J, T]]]) -> Iterator[list[Part]]:
        """Write the missing calls to parts, equal ones once, as far as the budget allows."""
        ledger, seen, reserved = self._store.ledger, set(), 0.0
        writer = self._parts.writer()
        enough = False
        for job in jobs():
            for _, call, key in job.advance(self._store.lookup):
                if (mark := int(key[:16], 16)) in seen:
                    continue
                seen.add(mark)
                if enough := (most := ledger.reserve(call)) is None:
                    break
                reserved += most or 0.0
                writer.add(call, key, self._dialect(call.model).body(call))
            job.abandon()
            if enough:
                break
        try:
            yield writer.finish()
        finally:
            ledger.release(reserved)

    def _submit(self, part: Part) -> None:
        with part.requests.open("rb") as file:
            part.file_id = self._client().files.create(file=(part.requests.name, file), purpose="batch").id
        part.save()
        part.batch_id = (
            self._client()
            .batches.create(
                input_file_id=part.file_id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                extra_headers={"Idempotency-Key": part.digest()},
            )
            .id
        )
        part.save()

    def _collect(self, parts: list[Part], words: str = "") -> int:
        """Wait for batches and store their replies; returns how many requests were answered for good."""
        waiting, answered = list(parts), 0
        while waiting:
            for part in list(waiting):
                batch = self._client().batches.retrieve(part.batch_id)
                if batch.status in _OVER:
                    waiting.remove(part)
                    answered += self._take(part, batch)
                elif batch.request_counts:
                    done = f"{batch.request_counts.completed:,} of {part.count:,}"
                    self._meter.state(f"{words}{len(waiting)} batches under way, the last with {done} done")
            if waiting:
                time.sleep(self._settings.poll)
                self._meter.refresh()
        return answered

    def _take(self, part: Part, batch: Batch) -> int:
        answered = 0
        if batch.status != "failed":
            about = part.estimates()
            for name in (batch.output_file_id, batch.error_file_id):
                rows = self._rows(part, name, about) if name else iter(())
                while chunk := [row for _, row in zip(range(_AT_ONCE), rows, strict=False)]:
                    self._store.put(chunk)
                    answered += len(chunk)
        part.remove()
        if batch.status in ("failed", "cancelled"):
            errors = batch.errors.data if batch.errors and batch.errors.data else []
            why = f" ({error_message(errors[0].message)})" if errors else ""
            raise KitError(
                f"{self._settings.base_url}: batch {batch.id} {batch.status}{why}; what was answered is in the cache, and "
                "the same command submits the rest again"
            )
        return answered

    def _rows(self, part: Part, name: str, about: dict[str, int]) -> Iterator[Answered]:
        with self._client().files.with_streaming_response.content(name) as content:
            for line in content.iter_lines():
                if line.strip():
                    row = json.loads(line)
                    reply, key = self._reply(part, row), str(row.get("custom_id"))
                    if reply and key in about:
                        yield Answered(key, part.model, part.purpose, reply, about[key], True)

    def _reply(self, part: Part, row: dict[str, Any]) -> Reply | None:
        """What came back for one request; None if it failed and must be asked again."""
        response = row.get("response") or {}
        status, body = response.get("status_code"), response.get("body")
        try:
            if status == 200:
                return read_answer(body)
        except NoCompletionError:
            pass
        message = hidden(error_message(body if status else row.get("error")), self._secret)
        if status in REFUSED:
            if not (given_up := self._dialect(part.model).give_up(part.first_body(), message)):
                return Reply(message, "refused", 0, 0)
            if given_up not in self._noted:
                self._noted.add(given_up)
                self._meter.note(f"the server does not take {given_up} ({message}); going on without")
        self._failed, self._why = self._failed + 1, message
        return None

    def _dialect(self, model: str) -> Dialect:
        return self._dialects.setdefault(model, Dialect(self._settings.structured != "off"))

    def _client(self) -> OpenAI:
        if self._openai is None:
            from openai import OpenAI

            self._openai = OpenAI(
                base_url=self._settings.base_url,
                api_key=self._secret or "none",
                max_retries=self._settings.retries,
                timeout=self._settings.timeout,
            )
        return self._openai

    def _explain(self, error: Any) -> KitError:
        if getattr(error, "status_code", 0) in (404, 405, 501):
            return KitError(f"{self._settings.base_url}: has no Batch API; run the same command without --batch")
        return explain(error, self._settings, self._settings.model, self._secret)
