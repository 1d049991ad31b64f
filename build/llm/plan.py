"""A dry run: what the calls that are still missing would take. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from build.llm.calls import Call
from build.llm.jobs import Job, Store
from build.llm.meter import clock
from build.llm.options import Settings
from build.llm.pricing import Prices, estimates


@dataclass(frozen=True)
class Plan:
    """What a run would take; tokens, dollars and seconds are estimates.

    Attributes:
        rows: jobs in all; ``done`` of them need no call that is not in the cache.
        calls: the next calls of the others, equal ones once, by model.
        later: calls that may follow from their replies.
        prompt_tokens: of calls and later ones; ``completion_tokens`` likewise.
        measured: replies in the cache that the estimates were corrected by.
        dollars: live; ``batch_dollars`` by the Batch API.
        seconds: live, at the concurrency and limits that are set.
        spent: dollars of the calls that the cache holds already.
    """

    rows: int
    done: int
    calls: dict[str, int]
    later: int
    prompt_tokens: int
    completion_tokens: int
    measured: int
    dollars: float
    batch_dollars: float
    seconds: float
    spent: float
    as_of: str

    def __str__(self) -> str:
        """A few lines for a terminal."""
        calls = ", ".join(f"{count:,} to {model}" for model, count in sorted(self.calls.items())) or "none"
        basis = (
            f"corrected by {self.measured:,} replies in the cache" if self.measured else "from characters, by script"
        )
        return "\n".join(
            (
                f"rows     {self.rows:,}, of which the cache answers {self.done:,} (${self.spent:.2f})",
                f"calls    {calls}; then about {self.later:,} that depend on the replies",
                f"tokens   about {self.prompt_tokens:,} prompt + {self.completion_tokens:,} completion ({basis})",
                f"price    about ${self.dollars:.2f}, by --batch ${self.batch_dollars:.2f} "
                f"(prices of {self.as_of}: check them at your provider)",
                f"time     about {clock(self.seconds)} live; a batch takes up to a day for each round",
                "nothing was sent",
            )
        )


class Planner:
    """Adds up missing calls."""

    def __init__(self, settings: Settings, store: Store, prices: Prices) -> None:
        """Nothing is counted yet."""
        self._settings, self._store, self._prices = settings, store, prices
        self._used: dict[str, dict[str, tuple[int, int, int, int]]] = {}
        self._seen: set[int] = set()
        self._calls, self._prompt, self._completion = Counter[str](), Counter[str](), Counter[str]()

    def plan(self, jobs: Iterator[Job[Any, Any]]) -> Plan:
        """Replay all jobs from the cache and count what is missing.

        Raises:
            KitError: a model has no price.
        """
        rows = done = 0
        for job in jobs:
            rows += 1
            missing = job.advance(self._store.lookup)
            done += job.done
            for _, call, key in missing:
                self._add(call, key)
            job.abandon()
        return self._sum(rows, done)

    def _add(self, call: Call, key: str) -> None:
        self._prices.needed(call.model)
        mark = int(key[:16], 16)
        if mark not in self._seen:
            self._seen.add(mark)
            self._calls[call.model] += 1
            self._prompt[call.model] += self._prompt_tokens(call)
            self._completion[call.model] += self._completion_tokens(call)

    def _prompt_tokens(self, call: Call) -> int:
        known = self._known(call.model)
        alike = [known[call.purpose]] if call.purpose in known else list(known.values())
        estimate, real = sum(row[3] for row in alike), sum(row[1] for row in alike)
        return round(estimates().prompt_tokens(call) * (real / estimate if estimate else 1.0))

    def _completion_tokens(self, call: Call) -> int:
        calls, _, completion, _ = self._known(call.model).get(call.purpose, (0, 0, 0, 0))
        return min(call.max_tokens, round(completion / calls)) if calls else estimates().completion_tokens(call)

    def _known(self, model: str) -> dict[str, tuple[int, int, int, int]]:
        if model not in self._used:
            self._used[model] = self._store.cache.used(model)
        return self._used[model]

    def _sum(self, rows: int, done: int) -> Plan:
        about, settings = estimates(), self._settings
        calls = self._calls.total()
        later = round(about.later_calls * (rows - done))
        more = 1 + later / calls if calls else 1.0
        prompts = completions = 0.0
        dollars = {True: 0.0, False: 0.0}
        for model in self._calls:
            prompt, completion = self._prompt[model] * more, self._completion[model] * more
            prompts, completions = prompts + prompt, completions + completion
            for batched in dollars:
                dollars[batched] += self._prices.needed(model).dollars(prompt, completion, batched)
        each = about.first_token + completions / max(calls + later, 1) / about.tokens_per_second
        seconds = [(calls + later) * each / settings.concurrency]
        seconds += [(calls + later) / settings.rpm * 60] if settings.rpm else []
        seconds += [(prompts + completions) / settings.tpm * 60] if settings.tpm else []
        return Plan(
            rows=rows,
            done=done,
            calls=dict(self._calls),
            later=later,
            prompt_tokens=round(prompts),
            completion_tokens=round(completions),
            measured=sum(row[0] for used in self._used.values() for row in used.values()),
            dollars=dollars[False],
            batch_dollars=dollars[True],
            seconds=max(seconds),
            spent=self._store.ledger.spent,
            as_of=self._prices.as_of,
        )
