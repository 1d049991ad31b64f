"""A dry run: what the calls that are still missing would take. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oiellm.llm.calls import Call
from oiellm.llm.jobs import Job, Missing, Store, advance
from oiellm.llm.meter import clock
from oiellm.llm.options import Settings
from oiellm.llm.pricing import Prices, estimates


class Later(NamedTuple):
    """A call that every job makes once it has the replies to its first ones, about as long as these together.

    Attributes:
        model: that is asked.
        purpose: of the call.
        max_tokens: limit of the reply; None if it is about as long as the first replies.
    """

    model: str
    purpose: str
    max_tokens: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a run would take; tokens, dollars and seconds are estimates.

    Attributes:
        rows: jobs in all; ``done`` of them need no call that is not in the cache.
        calls: the next calls of the others, equal ones once, by model.
        sure: calls that then follow for certain, by model; ``later``: calls that may follow from their replies.
        prompt_tokens: of all three; ``completion_tokens`` likewise.
        measured: replies in the cache that the estimates were corrected by.
        dollars: live; ``batch_dollars`` by the Batch API.
        seconds: live, at the concurrency and limits that are set.
        spent: dollars of the calls that the cache holds already.
        origin: of the prices, in a few words.
    """

    rows: int
    done: int
    calls: dict[str, int]
    sure: dict[str, int]
    later: int
    prompt_tokens: int
    completion_tokens: int
    measured: int
    dollars: float
    batch_dollars: float
    seconds: float
    spent: float
    origin: str

    def __str__(self) -> str:
        """A few lines for a terminal."""
        calls = " then ".join(_listed(counts) for counts in (self.calls, self.sure) if counts) or "none"
        basis = (
            f"corrected by {self.measured:,} replies in the cache" if self.measured else "from characters, by script"
        )
        return "\n".join(
            (
                f"rows     {self.rows:,}, of which the cache answers {self.done:,} (${self.spent:.2f})",
                f"calls    {calls}" + (f"; then about {self.later:,} that depend on the replies" if self.later else ""),
                f"tokens   about {self.prompt_tokens:,} prompt + {self.completion_tokens:,} completion ({basis})",
                f"price    about ${self.dollars:.2f}, by --batch ${self.batch_dollars:.2f} (prices {self.origin})",
                f"time     about {clock(self.seconds)} live; a batch takes up to a day for each round",
                "nothing was sent",
            )
        )


def added(plans: Sequence[Plan]) -> Plan:
    """Several runs, one after the other, as one; at least one."""

    def total(name: str) -> Any:
        return sum(getattr(plan, name) for plan in plans)

    names = (
        "rows",
        "done",
        "later",
        "prompt_tokens",
        "completion_tokens",
        "dollars",
        "batch_dollars",
        "seconds",
        "spent",
    )
    calls, sure = (dict(sum((Counter(getattr(plan, name)) for plan in plans), Counter())) for name in ("calls", "sure"))
    measured, origin = max(plan.measured for plan in plans), plans[0].origin
    return Plan(calls=calls, sure=sure, measured=measured, origin=origin, **{name: total(name) for name in names})


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} to {model}" for model, count in sorted(counts.items()))


class Planner:
    """Adds up missing calls."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        prices: Prices,
        sure: Sequence[Later] = (),
        *,
        single: bool = False,
    ) -> None:
        """Nothing is counted yet. ``sure`` are calls that each job makes after its first ones; ``single``: no other follows."""
        self._settings, self._store, self._prices, self._later = settings, store, prices, sure
        self._single = single
        self._used: dict[str, dict[str, tuple[int, int, int, int]]] = {}
        self._seen: set[int] = set()
        self._calls, self._prompt, self._completion = Counter[str](), Counter[str](), Counter[str]()
        self._sure, self._sure_prompt, self._sure_completion = Counter[str](), Counter[str](), Counter[str]()

    def plan(self, jobs: Iterator[Job[Any, Any]]) -> Plan:
        """Replay all jobs from the cache and count what is missing.

        Raises:
            OiellmError: a model has no price.
        """
        rows, done, before = 0, 0, self._store.ledger.spent
        for job, missing in advance(jobs, self._store.lookup):
            rows += 1
            done += job.done
            for _, call, key in missing:
                self._add(call, key)
            if missing:
                self._follow(missing)
            job.abandon()
        return self._sum(rows, done, self._store.ledger.spent - before)

    def _follow(self, missing: Sequence[Missing]) -> None:
        """Add the sure calls of a job, unless it has come to them."""
        calls = [call for _, call, _ in missing]
        if any(call.purpose == later.purpose for call in calls for later in self._later):
            return
        for model, purpose, most in self._later:
            known = self._known(model).get(purpose)
            prompt, completion = sum(map(self._prompt_tokens, calls)), sum(map(self._completion_tokens, calls))
            if known:
                prompt, completion = round(known[1] / known[0]), round(known[2] / known[0])
            elif most is not None:
                completion = round(most * estimates().share_of_limit)
            self._sure[model] += 1
            self._sure_prompt[model] += prompt
            self._sure_completion[model] += completion

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

    def _sum(self, rows: int, done: int, spent: float) -> Plan:
        about, settings = estimates(), self._settings
        calls, asked = self._calls.total(), {**self._calls, **self._sure}
        later = 0 if self._single else round(about.later_calls * (rows - done))
        more = 1 + later / calls if calls else 1.0
        prompts = completions = 0.0
        dollars = {True: 0.0, False: 0.0}
        for model in asked:
            prompt = self._prompt[model] * more + self._sure_prompt[model]
            completion = self._completion[model] * more + self._sure_completion[model]
            prompts, completions = prompts + prompt, completions + completion
            for batched in dollars:
                dollars[batched] += self._prices.needed(model).dollars(prompt, completion, batched)
        requests = calls + self._sure.total() + later
        each = about.first_token + completions / max(requests, 1) / about.tokens_per_second
        seconds = [requests * each / settings.concurrency]
        seconds += [requests / settings.rpm * 60] if settings.rpm else []
        seconds += [(prompts + completions) / settings.tpm * 60] if settings.tpm else []
        return Plan(
            rows=rows,
            done=done,
            calls=dict(self._calls),
            sure=dict(self._sure),
            later=later,
            prompt_tokens=round(prompts),
            completion_tokens=round(completions),
            measured=sum(row[0] for used in self._used.values() for row in used.values()),
            dollars=dollars[False],
            batch_dollars=dollars[True],
            seconds=max(seconds),
            spent=spent,
            origin=self._prices.origin(asked or [settings.model]),
        )
