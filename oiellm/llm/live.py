"""Many jobs at once over one event loop in the calling thread: results come in the order of the jobs, replies in any."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from oiellm.llm.cache import Answered
from oiellm.llm.calls import Reply
from oiellm.llm.jobs import Asked, Job, Missing, Store, advance
from oiellm.llm.meter import Meter
from oiellm.llm.options import Settings
from oiellm.llm.pilot import Pilot
from oiellm.llm.pricing import estimates

if TYPE_CHECKING:
    from oiellm.llm.client import Client

J = TypeVar("J")
T = TypeVar("T")

WINDOW: Final = 20
"""Jobs that are started and not yet handed out, for each request in flight. It bounds memory; and a slow job at the head does
not hold up the others as long as the window is not full."""
_TURN: Final = 32
"""Jobs to begin or hand out before the loop gets a turn, and replies to store at once."""
_SLICE: Final = 8
"""Jobs to begin or to let go on while requests are under way: a reply that waits for the loop keeps the next request back."""
_FRESH: Final = 0.2
"""Seconds before it is looked again whether another run has written into the cache."""
_GRACE: Final = 30.0
"""Seconds to wait for requests under way when the run must end."""


class Live(Generic[J, T]):
    """Drives jobs; requests go out as soon as the limits allow."""

    def __init__(
        self, settings: Settings, store: Store, meter: Meter, pilot: Pilot, connect: Callable[[], Client]
    ) -> None:
        """Nothing is sent yet, and ``connect`` is called only when something must be."""
        self.unfinished = 0
        self._most, self._size = settings.concurrency, settings.concurrency * WINDOW
        self._store, self._meter, self._pilot, self._connect = store, meter, pilot, connect
        self._loop = asyncio.new_event_loop()
        self._client: Client | None = None
        self._window: deque[Job[J, T]] = deque()
        self._asked: dict[str, Asked] = {}
        self._queue: deque[Asked] = deque()
        self._held: list[tuple[Job[J, T], list[Missing]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._received: list[tuple[Asked, Reply, float]] = []
        self._ready: deque[Job[J, T]] = deque()
        self._error: BaseException | None = None
        self._head: Job[J, T] | None = None
        self._more, self._no_money = True, False
        self._looked, self._seen = float("-inf"), 0

    def run(self, jobs: Iterator[Job[J, T]]) -> Iterator[tuple[J, T | None]]:
        """Jobs and their results, in order; None where the budget did not allow it.

        Raises:
            OiellmError: the endpoint or the cache fails; replies under way are waited for and stored first.
        """
        with _seldom_collected():
            try:
                self._tick()
                while self._more or self._window:
                    if self._may_begin():
                        self._begin(jobs)
                    if self._error:
                        self._drain()
                        raise self._error
                    self._work()
                    yield from self._finished()
                self._pilot.end()
            finally:
                self._close()

    def _may_begin(self) -> bool:
        """Whether there is room for more jobs, and soon nothing else to send: jobs that wait cost memory."""
        waiting = len(self._queue) + len(self._held)
        return self._more and waiting < self._most and len(self._window) < self._size

    def _begin(self, jobs: Iterator[Job[J, T]]) -> None:
        # Where there is a budget, the first window is filled before anything is paid: what the cache holds counts first.
        fill = self._client is None and self._store.ledger.limit is not None
        turn = self._size if fill else _SLICE if self._tasks else _TURN
        turn = min(turn, self._size - len(self._window))
        begun = list(islice(jobs, turn))
        self._window += begun
        self._more = len(begun) == turn
        self._advance(begun, first=True)

    def _advance(self, jobs: Iterable[Job[J, T]], *, first: bool = False) -> None:
        for job, missing in advance(jobs, self._store.lookup):
            if not missing:
                self._pilot.see(job)
                if job is self._head:
                    self._loop.stop()
            elif self._no_money:
                self._give_up(job)
            elif self._pilot.holds(job):
                self._held.append((job, missing))
            else:
                self._ask(job, missing, first=first)
        self._release()

    def _release(self) -> None:
        """Ask about the rows that the pilot no longer holds back; others may have asked the same meanwhile."""
        while self._held and not self._pilot.holds(self._held[0][0]):
            job, missing = self._held.pop(0)
            replies = self._store.lookup([(call, key) for _, call, key in missing])
            ready = [job.give(one[0], reply) for one, reply in zip(missing, replies) if reply is not None]
            self._ask(job, [one for one, reply in zip(missing, replies) if reply is None], first=True)
            if any(ready):
                self._go_on_soon([job])

    def _ask(self, job: Job[J, T], missing: list[Missing], *, first: bool) -> None:
        for place, call, key in missing:
            if (asked := self._asked.get(key)) is None:
                asked = self._asked[key] = Asked(call, key, self._version())
                # Jobs under way go first: they hold the places at the head of the window.
                self._queue.append(asked) if first else self._queue.appendleft(asked)
            asked.waiters.append((job, place))

    def _work(self) -> None:
        """Let the loop run until the job at the head is done or others may begin, or for a turn where that is so already."""
        self._pump()
        if not self._busy():
            return
        self._head = self._window[0]
        if self._head.done or self._may_begin():
            self._loop.call_soon(self._loop.stop)
        self._loop.run_forever()

    def _finished(self) -> Iterator[tuple[J, T | None]]:
        for _ in range(_TURN):
            if not self._window or not self._window[0].done:
                return
            job = self._window.popleft()
            self._meter.row()
            yield job.job, job.result

    def _pump(self) -> None:
        while self._queue and len(self._tasks) < self._most and not self._error and not self._no_money:
            reserved = self._store.ledger.reserve(self._queue[0].call)
            if reserved is None:
                # What is under way may cost less than was set aside for it.
                if not self._busy():
                    self._stop_paying()
                return
            task = self._loop.create_task(self._send(self._queue.popleft(), reserved))
            self._tasks.add(task)
            task.add_done_callback(self._over)
            if self._may_begin():
                self._loop.stop()

    def _busy(self) -> bool:
        return bool(self._tasks or self._received or self._ready)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)
        try:
            self._pump()
        except Exception as error:
            self._fail(error)

    async def _send(self, asked: Asked, reserved: float) -> None:
        if self._client is None:
            self._client = self._connect()
        # Another run on the same cache may have asked meanwhile.
        if asked.version != self._version():
            (known,) = self._store.lookup([(asked.call, asked.key)])
            if known is not None:
                self._store.ledger.release(reserved)
                return self._hand_out(asked, known)
        try:
            reply = await self._client.reply(asked.call, asked.key)
        except BaseException:
            self._store.ledger.release(reserved)
            raise
        if not self._received:
            self._loop.call_soon(self._store_received, 1)
        self._received.append((asked, reply, reserved))

    def _store_received(self, had: int) -> None:
        """Store all replies that came in, in one transaction; only then do the jobs see them.

        As long as every turn of the loop brings more, it waits for a few, because a transaction costs a quarter of a request.

        Args:
            had: how many there were a turn ago.
        """
        if had < len(self._received) < _TURN:
            self._loop.call_soon(self._store_received, len(self._received))
            return
        try:
            for asked, reply, _ in self._keep():
                self._hand_out(asked, reply)
            self._pump()
        except Exception as error:
            self._fail(error)

    def _hand_out(self, asked: Asked, reply: Reply) -> None:
        """Give a reply to the jobs that wait for it; those that can go on do so soon."""
        del self._asked[asked.key]
        self._go_on_soon([job for job, place in asked.waiters if not job.done and job.give(place, reply)])

    def _go_on_soon(self, jobs: list[Job[J, T]]) -> None:
        if jobs and not self._ready:
            self._loop.call_soon(self._go_on)
        self._ready += jobs

    def _go_on(self) -> None:
        some = [self._ready.popleft() for _ in range(min(_SLICE, len(self._ready)))]
        if self._ready:
            self._loop.call_soon(self._go_on)
        try:
            self._advance(some)
            self._pump()
        except Exception as error:
            self._fail(error)

    def _version(self) -> int:
        """That of the cache, a moment ago: looking for each request would cost as much as looking for the reply."""
        if self._looked + _FRESH < self._loop.time():
            self._looked, self._seen = self._loop.time(), self._store.cache.version()
        return self._seen

    def _keep(self) -> list[tuple[Asked, Reply, float]]:
        received = self._received
        # Emptied only after they are stored: an interrupt in between must not lose them.
        about = estimates().prompt_tokens
        self._store.put(
            [Answered(a.key, a.call.model, a.call.purpose, reply, about(a.call)) for a, reply, _ in received]
        )
        self._received = []
        for *_, reserved in received:
            self._store.ledger.release(reserved)
        return received

    def _stop_paying(self) -> None:
        self._no_money = True
        for job in self._window:
            if not job.done:
                self._give_up(job)
        self._queue.clear()
        self._held.clear()
        self._asked.clear()
        self._loop.stop()

    def _give_up(self, job: Job[J, T]) -> None:
        self.unfinished += 1
        job.abandon()
        if job is self._head:
            self._loop.stop()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        if self._client:
            self._client.stop()
        self._loop.stop()

    def _drain(self) -> None:
        if self._tasks:
            self._until(asyncio.wait(set(self._tasks), timeout=_GRACE))

    def _close(self) -> None:
        self._most = 0  # or a task that ends, or a job that goes on, would begin the next
        try:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                self._until(asyncio.wait(set(self._tasks)))
            if self._received:
                self._keep()
            if self._client:
                self._until(self._client.close())
        finally:
            self._loop.close()

    def _until(self, work: Coroutine[Any, Any, Any]) -> None:
        # Callbacks stop the loop; here it must run to the end.
        task = self._loop.create_task(work)
        while not task.done():
            task.add_done_callback(lambda _: self._loop.stop())
            self._loop.run_forever()

    def _tick(self) -> None:
        self._meter.in_flight = len(self._tasks)
        self._meter.refresh()
        self._loop.call_later(0.5, self._tick)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for garbage less often: the jobs under way are alive, and going through them took a sixth of a run's time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
