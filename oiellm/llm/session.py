"""A session drives dialogues with a model: live, by batches, or from the cache alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from oiellm.errors import BudgetError
from oiellm.llm.batch import Batches
from oiellm.llm.cache import Cache
from oiellm.llm.jobs import Job, Jobs, Start, Store, advance, begin
from oiellm.llm.ledger import Ledger
from oiellm.llm.live import Live
from oiellm.llm.meter import Meter
from oiellm.llm.options import Settings
from oiellm.llm.pilot import Pilot
from oiellm.llm.plan import Later, Plan, Planner
from oiellm.llm.pricing import Prices

if TYPE_CHECKING:
    from oiellm.llm.client import Client

BUDGET_REACHED: Final = BudgetError.code
"""Exit code of a verb whose budget did not allow all rows: what is done is written, more money goes on."""

J = TypeVar("J")
T = TypeVar("T")


class Session:
    """An open cache, a budget, and what was used so far; a context manager.

    Attributes:
        unfinished: jobs that :meth:`run` gave back without a result because the budget was reached.
    """

    def __init__(self, settings: Settings, models: Sequence[str | None] = ()) -> None:
        """Open the cache; nothing is sent yet.

        Args:
            settings: how to talk to the model.
            models: others that the run may ask; None stands for none.

        Raises:
            OiellmError: the cache cannot be used, ``--price`` names a model that is not asked, or a price is needed for the
                budget or the plan and is not there.
        """
        self.settings, self.unfinished = settings, 0
        self._prices = Prices(settings)
        self.ledger = Ledger(settings, self._prices)
        asked = [settings.model, *(model for model in models if model)]
        self._prices.check(asked)
        if settings.max_cost is not None or settings.dry_run:
            for model in asked:
                self._prices.needed(model)
        self._store = Store(Cache(settings.cache), self.ledger)

    def run(
        self,
        jobs: Jobs[J],
        start: Start[J, T],
        *,
        total: int | None = None,
        describe: str = "asking",
        word: Callable[[], str] | None = None,
        problem: Callable[[T], str] | None = None,
    ) -> Iterator[tuple[J, T | None]]:
        """Drive the dialogue of every job.

        Args:
            jobs: gives the jobs; batch mode calls it several times and needs the same ones each time.
            start: makes the dialogue of a job.
            total: number of jobs, for the time left.
            describe: what is going on, in a few words.
            word: asked for a few words of the caller's own, such as the yield so far, when progress is shown.
            problem: why a result is not kept, in a few words, empty if it is: the run stops if none of the first rows is.

        Yields:
            Each job with its result, in the order of ``jobs``; None in place of a result if the budget did not allow it.

        Raises:
            OiellmError: the endpoint, the key, the cache or the disk fails, or the first rows come to nothing. What was
                answered is stored.
        """
        pilot = Pilot(self.settings, self._store, problem)
        meter = Meter(self.ledger, describe, total, word)
        try:
            if self.settings.batch:
                batches = Batches[J, T](self.settings, self._store, meter, pilot)
                yield from batches.run(lambda: self._begin(jobs, start))
                self.unfinished += batches.unfinished
            else:
                live = Live[J, T](self.settings, self._store, meter, pilot, partial(self._connect, meter))
                yield from live.run(self._begin(jobs, start))
                self.unfinished += live.unfinished
        finally:
            meter.close()

    def _begin(self, jobs: Jobs[J], start: Start[J, T]) -> Iterator[Job[J, T]]:
        return begin(jobs, start, self.settings.extra_body)

    def _connect(self, meter: Meter) -> Client:
        from oiellm.llm.client import Client

        return Client(self.settings, meter.note, self.ledger)

    def plan(self, jobs: Jobs[J], start: Start[J, T], *, sure: Sequence[Later] = (), single: bool = False) -> Plan:
        """What :meth:`run` would take (``--dry-run``): the jobs are replayed from the cache, and nothing is sent.

        Args:
            jobs, start: as in :meth:`run`.
            sure: calls that each job makes when it has the replies to its first ones.
            single: no call depends on a reply, so none is added for those that may follow.

        Raises:
            OiellmError: a model has no price.
        """
        self._prices.needed(self.settings.model)
        return Planner(self.settings, self._store, self._prices, sure, single=single).plan(self._begin(jobs, start))

    def recall(self, jobs: Jobs[J], start: Start[J, T]) -> None:
        """Count what the cache holds of the jobs, as if they were run as far as it goes; nothing is sent.

        Raises:
            OiellmError: the cache cannot be read.
        """
        for job, _ in advance(self._begin(jobs, start), self._store.lookup):
            job.abandon()

    def usage(self) -> list[dict[str, Any]]:
        """What all calls needed so far used, be they paid now or found in the cache: the same after any interruption."""
        return self.ledger.usage()

    def summary(self) -> str:
        """What was paid in this session, in one line for the terminal; it is no part of a manifest."""
        ledger = self.ledger
        text = f"{ledger.calls:,} calls (${ledger.spent:.2f}), {ledger.paid_calls:,} of them asked now (${ledger.paid:.2f})"
        if self.unfinished:
            text += (
                f"; the budget of ${ledger.limit:.2f} does not allow the calls of {self.unfinished:,} rows: the same command "
                "with a higher --max-cost goes on from there"
            )
        if ledger.failed:
            text += f"; {ledger.failed:,} calls got no reply, which the same command asks again"
        if ledger.doubtful:
            text += f"; up to ${ledger.doubtful:.2f} more for requests whose replies were lost on their way or empty"
        return text

    def close(self) -> None:
        """Close the cache."""
        self._store.cache.close()

    def __enter__(self) -> Session:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
