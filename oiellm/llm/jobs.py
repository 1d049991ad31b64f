"""A job under way: a dialogue that is driven as far as the known replies go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from oiellm.llm.cache import Answered, Cache
from oiellm.llm.calls import Call, Dialogue, Reply
from oiellm.llm.ledger import Ledger

J = TypeVar("J")
T = TypeVar("T")

Jobs = Callable[[], Iterable[J]]
"""Gives the same jobs in the same order each time it is called."""
Start = Callable[[J], Dialogue[T]]
Lookup = Callable[[Call, str], Reply | None]
Missing = tuple[int, Call, str]
"""Place among the calls of a step, the call, and its key."""

_PASSING: Final = ("refused", "failed")


class Store:
    """The replies of a run: the cache, refusals and failures, which the next run asks anew, and the ledger that counts them."""

    def __init__(self, cache: Cache, ledger: Ledger) -> None:
        """Nothing is read yet."""
        self.cache, self.ledger = cache, ledger
        self._passing: dict[str, Reply] = {}

    def lookup(self, call: Call, key: str) -> Reply | None:
        """The reply to a call, if it is known."""
        if (found := self.cache.get(key)) is None:
            return self._passing.get(key)
        self.ledger.count(found._replace(model=call.model, purpose=call.purpose), paid=False)
        return found.reply

    def keep(self, replies: list[Answered]) -> None:
        """Keep replies to calls of another run: they are counted if this one comes to them."""
        self._sort(replies)

    def put(self, replies: list[Answered]) -> None:
        """Keep replies: on disk, unless the next run should ask anew. They are counted as paid now."""
        try:
            self._sort(replies)
        finally:
            for row in replies:
                if row.reply.finish not in _PASSING:
                    self.ledger.count(row, paid=True)
                elif row.reply.finish == "failed":
                    self.ledger.failed += 1

    def _sort(self, replies: list[Answered]) -> None:
        keep = [row for row in replies if row.reply.finish not in _PASSING]
        if len(keep) < len(replies):
            self._passing.update((row.key, row.reply) for row in replies if row.reply.finish in _PASSING)
        if keep:
            self.cache.put(keep)


class Job(Generic[J, T]):
    """One dialogue, and where it stands."""

    __slots__ = ("_calls", "_dialogue", "_left", "_replies", "done", "job", "result")

    def __init__(self, job: J, dialogue: Dialogue[T]) -> None:
        """Take a dialogue that has not begun."""
        self.job, self._dialogue = job, dialogue
        self.done, self.result = False, None
        self._replies: list[Reply | None] | None = None
        self._left = 0

    result: T | None

    def advance(self, lookup: Lookup) -> list[Missing]:
        """Go on as far as replies are known, once all of the last step have been given.

        Returns:
            The calls whose replies are not known; none if the job is done.
        """
        while True:
            try:
                calls = next(self._dialogue) if self._replies is None else self._dialogue.send(_whole(self._replies))
            except StopIteration as end:
                self.done, self.result = True, end.value
                return []
            keyed = [(place, call, call.key) for place, call in enumerate(calls)]
            self._replies = [lookup(call, key) for _, call, key in keyed]
            if missing := [row for row in keyed if self._replies[row[0]] is None]:
                self._left = len(missing)
                return missing

    def give(self, place: int, reply: Reply) -> bool:
        """Hand in the reply to a missing call; True if it was the last of the step, and the job can go on."""
        assert self._replies is not None
        self._replies[place] = reply
        self._left -= 1
        return not self._left

    def abandon(self) -> None:
        """End it without a result."""
        self._dialogue.close()
        self.done = True


class Asked:
    """A call under way, and who waits for it."""

    __slots__ = ("call", "key", "waiters")

    def __init__(self, call: Call, key: str) -> None:
        """Nobody waits yet."""
        self.call, self.key = call, key
        self.waiters: list[tuple[Job[Any, Any], int]] = []


def _whole(replies: list[Any]) -> list[Reply]:
    return replies


def begin(jobs: Jobs[J], start: Start[J, T]) -> Iterator[Job[J, T]]:
    """The jobs, each with its dialogue."""
    for job in jobs():
        yield Job(job, start(job))
