"""The Batch API, in rounds: all calls that the cache lacks go out together, their replies go into the cache, and so on.

What is submitted stands in ``CACHE/batches`` before it is waited for, so that a run that was killed finds its batches again and
nothing is submitted, and paid, twice; of two runs at once, one waits for the requests that the other has submitted. Requests
that failed or expired are simply still missing in the next round.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from oiellm.errors import OiellmError
from oiellm.llm.cache import Answered
from oiellm.llm.errors import KEPT, MANY_FAILED, explain, lost, making_client, rejected, secret
from oiellm.llm.jobs import Job, Store, advance
from oiellm.llm.meter import Meter
from oiellm.llm.options import Settings
from oiellm.llm.parts import Part, Parts
from oiellm.llm.pilot import Pilot
from oiellm.llm.response import server_words
from oiellm.llm.results import Results

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch

J = TypeVar("J")
T = TypeVar("T")

_OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_ROUNDS: Final = 3
"""Rounds in which a request fails before it is given up, or in which nothing at all is answered before the run is."""
_AT_ONCE: Final = 500
"""Replies stored in one transaction."""


class Batches(Generic[J, T]):
    """Drives jobs by the Batch API."""

    def __init__(self, settings: Settings, store: Store, meter: Meter, pilot: Pilot) -> None:
        """Nothing is sent yet. ``pilot`` judges rows when all are answered: they go out together."""
        self.unfinished = 0
        self._settings, self._store, self._meter, self._pilot = settings, store, meter, pilot
        self._parts = Parts(settings.cache / "batches", settings.base_url)
        self._secret = secret(settings)
        self._results = Results(settings, meter.note, self._secret)
        self._openai: OpenAI | None = None

    def run(self, jobs: Callable[[], Iterator[Job[J, T]]]) -> Iterator[tuple[J, T | None]]:
        """Jobs and their results, in order; None where the budget did not allow it.

        Raises:
            OiellmError: the endpoint has no Batch API or fails, or a batch fails as a whole.
        """
        with self._explained(), self._parts.open():
            self._resume()
            self._rounds(jobs)
        for job, missing in advance(jobs(), self._store.lookup):
            if missing:
                job.abandon()
                self.unfinished += 1
            else:
                self._pilot.see(job)
            self._meter.row()
            yield job.job, job.result
        self._pilot.end()

    def _resume(self) -> None:
        """Wait for what dead runs submitted. It goes into the cache and is counted where it is used."""
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
            self._collect(submitted, self._store.keep, earlier=True)

    def _rounds(self, jobs: Callable[[], Iterator[Job[J, T]]]) -> None:
        ledger, idle, number = self._store.ledger, 0, 0
        while True:
            if ledger.limit is not None:
                # All that the cache holds counts before anything is added.
                for job, _ in advance(jobs(), self._store.lookup):
                    job.abandon()
            with self._parts.alone():
                parts, reserved, others = self._missing(jobs, self._parts.elsewhere())
                for part in parts:
                    self._submit(part)
            if not parts and not others:
                return
            if not parts:
                self._meter.state(f"{others:,} requests of another run are waited for")
                time.sleep(self._settings.poll)
                self._resume()  # in case it dies
                continue
            number += 1
            answered = self._collect(parts, self._store.put, f"round {number}: ")
            ledger.release(reserved)
            idle = 0 if answered else idle + 1
            self._give_up(idle)

    def _give_up(self, idle: int) -> None:
        """Let requests go that fail round after round, or the run if it is all of them."""
        results = self._results
        hopeless = results.failed(_ROUNDS)
        if hopeless and self._store.ledger.calls and (len(hopeless) < MANY_FAILED or not idle):
            self._store.put(hopeless)
            results.forget(hopeless)
        elif idle >= _ROUNDS:
            raise OiellmError(
                f"{self._settings.base_url}: {results.failures:,} requests failed in {idle} rounds running ({results.why}); "
                "the replies so far are in the cache: run the same command later, or without --batch"
            )

    def _missing(self, jobs: Callable[[], Iterator[Job[J, T]]], elsewhere: set[int]) -> tuple[list[Part], float, int]:
        """Write the missing calls to parts, equal ones once, as far as the budget allows.

        Returns:
            The parts, the dollars that were set aside for them, and how many calls are left to other runs.
        """
        ledger, seen, reserved = self._store.ledger, set[int](), 0.0
        writer, enough = self._parts.writer(), False
        for job, missing in advance(jobs(), self._store.lookup):
            for _, call, key in missing:
                if (mark := int(key[:16], 16)) in seen:
                    continue
                seen.add(mark)
                if mark in elsewhere:
                    continue
                if enough := (most := ledger.reserve(call)) is None:
                    break
                reserved += most or 0.0
                writer.add(call, key, self._results.dialects.body(call))
            job.abandon()
            if enough:
                break
        return writer.finish(), reserved, len(seen & elsewhere)

    def _submit(self, part: Part) -> None:
        with part.requests.open("rb") as file:
            part.file_id = self._id(self._client().files.create(file=(part.requests.name, file), purpose="batch"))
        part.save()
        batch = self._client().batches.create(
            input_file_id=part.file_id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            extra_headers={"Idempotency-Key": part.digest()},
        )
        part.batch_id = self._id(batch)
        part.save()

    def _id(self, answer: Any) -> str:
        """The id in an answer of the Batch API, which the client library does not check."""
        if isinstance(found := getattr(answer, "id", None), str) and found:
            return found
        said = server_words(answer if isinstance(answer, str) else "an answer without an id", self._secret)
        raise OiellmError(f"{self._settings.base_url}: no Batch API answers there ({said}); run without --batch")

    def _collect(
        self, parts: list[Part], put: Callable[[list[Answered]], None], words: str = "", *, earlier: bool = False
    ) -> int:
        """Wait for batches and store their replies; returns how many requests were answered for good.

        Args:
            parts: that were submitted.
            put: stores replies.
            words: before what is shown.
            earlier: they are of an earlier run: the endpoint may have forgotten them, and then they are as well.
        """
        from openai import NotFoundError

        waiting, answered = list(parts), 0
        while waiting:
            for part in list(waiting):
                try:
                    batch = self._client().batches.retrieve(part.batch_id)
                    self._id(batch)
                    if batch.status in _OVER:
                        waiting.remove(part)
                        answered += self._take(part, batch, put)
                    else:
                        done = f"{getattr(batch.request_counts, 'completed', None) or 0:,} of {part.count:,}"
                        self._meter.state(f"{words}{len(waiting)} batches under way, the last with {done} done")
                except NotFoundError as error:
                    self._forget(part, earlier=earlier, error=error)
                    waiting = [other for other in waiting if other is not part]
            if waiting:
                time.sleep(self._settings.poll)
                self._meter.refresh()
        return answered

    def _forget(self, part: Part, *, earlier: bool, error: Exception) -> None:
        text = f"the endpoint does not know the batch {part.batch_id} of {part.state}"
        if not earlier:
            raise OiellmError(
                f"{self._settings.base_url}: {text}; the same command submits its requests again"
            ) from error
        self._meter.note(f"{text}; what it should have answered is submitted again")
        part.remove()

    def _take(self, part: Part, batch: Batch, put: Callable[[list[Answered]], None]) -> int:
        answered, about, why = 0, part.about(), ""
        files = [name for name in (batch.output_file_id, batch.error_file_id) if name]
        for name in files if batch.status != "failed" else ():
            rows = self._results.read(part, self._lines(name), about)
            while chunk := [row for _, row in zip(range(_AT_ONCE), rows, strict=False)]:
                put(chunk)
                answered += len(chunk)
        part.remove()
        if batch.status in ("failed", "cancelled"):
            errors = getattr(batch.errors, "data", None) or []
            why = server_words(getattr(errors[0], "message", None), self._secret) if errors else batch.status
        elif batch.status == "completed" and not files:
            why = "it names no file of results"
        elif batch.status == "completed":
            self._results.missed(part, about)
        if why:
            raise OiellmError(
                f"{self._settings.base_url}: batch {batch.id} {batch.status} ({why}); what was answered is kept, and the same "
                "command submits the rest again; without --batch it is asked live"
            )
        return answered

    def _lines(self, name: str) -> Iterator[bytes]:
        """Lines of a file of results: ended by a line feed alone, as replies may hold what Unicode counts as the end of one."""
        rest = b""
        with self._client().files.with_streaming_response.content(name) as content:
            for piece in content.iter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                yield from filter(bytes.strip, lines)
        if rest.strip():
            yield rest

    def _client(self) -> OpenAI:
        if self._openai is None:
            from openai import DefaultHttpxClient, OpenAI

            with making_client(self._settings):
                self._openai = OpenAI(
                    base_url=self._settings.base_url,
                    api_key=self._secret or "none",
                    max_retries=self._settings.retries,
                    timeout=self._settings.timeout,
                    http_client=DefaultHttpxClient(follow_redirects=False),
                )
        return self._openai

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import httpx2
        from openai import APIConnectionError, APIError, APIStatusError

        settings = self._settings
        try:
            yield
        except APIStatusError as error:
            if error.status_code in (404, 405, 501):
                text = f"{settings.base_url}: has no Batch API; run the same command without --batch"
                raise OiellmError(text) from error
            raise explain(rejected(error, self._secret), settings, settings.model) from error
        except (APIConnectionError, httpx2.HTTPError) as error:
            raise explain(lost(error, settings), settings, settings.model) from error
        except (APIError, json.JSONDecodeError) as error:
            said = server_words(str(error), self._secret)
            raise OiellmError(f"{settings.base_url}: no Batch API answers there ({said}); {KEPT}") from error
