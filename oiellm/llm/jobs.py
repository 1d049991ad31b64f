"""A job under way: a dialogue that is driven as far as the known replies go."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from oiellm.files import fast_dump
from oiellm.llm.cache import Answered, Cache
from oiellm.llm.calls import PASSING, Call, Dialogue, Reply
from oiellm.llm.ledger import Ledger

J = TypeVar("J")
T = TypeVar("T")

Jobs = Callable[[], Iterable[J]]
"""Gives the same jobs in the same order each time it is called."""
Start = Callable[[J], Dialogue[T]]
Keyed = tuple[Call, str]
"""A call and its key."""
Lookup = Callable[[Sequence[Keyed]], list[Reply | None]]
"""Gives the replies to calls, None for those that are not known."""
Missing = tuple[int, Call, str]
"""Place among the calls of a step, the call, and its key."""

_TOGETHER: Final = 64
"""Jobs whose replies are looked up together."""


class Store:
    """The replies of a run: the cache, those that say nothing, which the next run asks anew, and the ledger that counts them.

    Attributes:
        answered: whether any reply said something, be it asked now or found in the cache.
    """

    def __init__(self, cache: Cache, ledger: Ledger) -> None:
        """Nothing is read yet."""
        self.cache, self.ledger, self.answered = cache, ledger, False
        self._passing: dict[str, Reply] = {}

    def lookup(self, calls: Sequence[Keyed]) -> list[Reply | None]:
        """The replies to calls, None for those that are not known."""
        stored, replies = self.cache.get([key for _, key in calls]), list[Reply | None]()
        for call, key in calls:
            if (found := stored.get(key)) is None:
                replies.append(self._passing.get(key))
            else:
                self.answered = True
                self.ledger.count(found._replace(model=call.model, purpose=call.purpose), paid=False)
                replies.append(found.reply)
        return replies

    def keep(self, replies: list[Answered]) -> None:
        """Keep replies to calls of another run: they are counted if this one comes to them."""
        self._sort(replies)

    def put(self, replies: list[Answered]) -> None:
        """Keep replies: on disk, unless the next run should ask anew. They are counted as paid now."""
        try:
            self._sort(replies)
        finally:
            for row in replies:
                self.answered |= row.reply.finish not in PASSING
                if row.reply.finish not in ("refused", "failed", "too_long"):
                    self.ledger.count(row, paid=True)
                elif row.reply.finish == "failed":
                    self.ledger.failed += 1

    def _sort(self, replies: list[Answered]) -> None:
        keep = [row for row in replies if row.reply.finish not in PASSING]
        if len(keep) < len(replies):
            self._passing.update((row.key, row.reply) for row in replies if row.reply.finish in PASSING)
        if keep:
            self.cache.put(keep)


class Job(Generic[J, T]):
    """One dialogue, and where it stands.

    Attributes:
        done: it has come to its end; ``result`` is what it returned.
        answered: whether a reply to it said something.
        unanswered: the first reply to it that said nothing.
    """

    __slots__ = ("_dialogue", "_left", "_replies", "_salt", "answered", "done", "job", "result", "unanswered")

    def __init__(self, job: J, dialogue: Dialogue[T], salt: bytes = b"") -> None:
        """Take a dialogue that has not begun; ``salt`` is part of the keys of its calls."""
        self.job, self._dialogue, self._salt = job, dialogue, salt
        self.done, self.result = False, None
        self.answered = False
        self.unanswered: Reply | None = None
        self._replies: list[Any] | None = None
        self._left = 0

    result: T | None

    def step(self) -> list[Keyed]:
        """Go on to the next calls, once all replies to the last ones have been taken or given; none if the job is done."""
        try:
            calls = next(self._dialogue) if self._replies is None else self._dialogue.send(self._replies)
        except StopIteration as end:
            self.done, self.result = True, end.value
            return []
        if self._salt:
            return [(call, hashlib.sha256(self._salt + call.key.encode()).hexdigest()) for call in calls]
        return [(call, call.key) for call in calls]

    def take(self, calls: Sequence[Keyed], replies: list[Reply | None]) -> list[Missing]:
        """Take the known replies to the calls of a step; returns those that are missing."""
        self._replies = replies
        for reply in replies:
            if reply is not None:
                self._see(reply)
        missing = [(place, *calls[place]) for place, reply in enumerate(replies) if reply is None]
        self._left = len(missing)
        return missing

    def give(self, place: int, reply: Reply) -> bool:
        """Hand in the reply to a missing call; True if it was the last of the step, and the job can go on."""
        assert self._replies is not None
        self._replies[place] = reply
        self._see(reply)
        self._left -= 1
        return not self._left

    def _see(self, reply: Reply) -> None:
        if reply.finish not in PASSING:
            self.answered = True
        elif self.unanswered is None:
            self.unanswered = reply

    def abandon(self) -> None:
        """End it without a result."""
        self._dialogue.close()
        self.done = True


def advance(jobs: Iterable[Job[J, T]], lookup: Lookup) -> Iterator[tuple[Job[J, T], list[Missing]]]:
    """Drive jobs as far as replies are known, some together, so that their replies are looked up together.

    Yields:
        Each job, in order, with the calls whose replies are not known; none if it is done.
    """
    jobs = iter(jobs)
    while some := list(islice(jobs, _TOGETHER)):
        missing: dict[int, list[Missing]] = {}
        going = dict(enumerate(some))
        while going:
            calls = {number: job.step() for number, job in going.items()}
            replies = iter(lookup([call for asked in calls.values() for call in asked]))
            for number, asked in calls.items():
                missing[number] = going[number].take(asked, list(islice(replies, len(asked))))
                if missing[number] or going[number].done:
                    del going[number]
        yield from ((job, missing[number]) for number, job in enumerate(some))


class Asked:
    """A call under way, and who waits for it; ``version`` of the cache that had no reply to it."""

    __slots__ = ("call", "key", "version", "waiters")

    def __init__(self, call: Call, key: str, version: int) -> None:
        """Nobody waits yet."""
        self.call, self.key, self.version = call, key, version
        self.waiters: list[tuple[Job[Any, Any], int]] = []


def begin(jobs: Jobs[J], start: Start[J, T], extra_body: Mapping[str, Any]) -> Iterator[Job[J, T]]:
    """The jobs, each with its dialogue; what goes into every request is part of the keys."""
    salt = fast_dump(sorted(extra_body.items())) if extra_body else b""
    for job in jobs():
        yield Job(job, start(job), salt)
