"""What was used and what it costs: by purpose and model, against a budget."""

from __future__ import annotations

from collections import Counter
from typing import Any

from oiellm.llm.cache import Answered
from oiellm.llm.calls import Call
from oiellm.llm.options import Settings
from oiellm.llm.pricing import Prices, estimates, most_prompt_tokens


class Ledger:
    """Counts every call that a run needs, once, be it paid now or found in the cache.

    So its figures depend on the work alone and not on how often the run was interrupted; what was paid now is apart.

    Attributes:
        calls: answered ones that were counted; ``failed``: those that got no reply, which are not among them.
        tokens: of ``calls``, prompts and replies.
        spent: dollars of ``calls``; ``paid`` and ``paid_calls``: of those asked now.
        doubtful: dollars, at most, for requests whose replies were lost on their way or empty.
    """

    def __init__(self, settings: Settings, prices: Prices) -> None:
        """Begin at nothing."""
        self.limit, self.batched = settings.max_cost, settings.batch
        self.calls = self.paid_calls = self.failed = self.tokens = 0
        self.spent = self.paid = self.reserved = self.doubtful = 0.0
        self._prices = prices
        # 64 bits of each key: collisions are out of reach, and 200,000 take 15 MB.
        self._seen: set[int] = set()
        self._used: dict[tuple[str, str, bool], Counter[str]] = {}

    def count(self, row: Answered, *, paid: bool) -> None:
        """A reply was used; nothing happens if its call was counted before."""
        mark = int(row.key[:16], 16)
        if mark in self._seen:
            return
        self._seen.add(mark)
        prompt, completion = tokens(row)
        batched = row.batched
        if (counter := self._used.get((row.purpose, row.model, batched))) is None:
            counter = self._used[row.purpose, row.model, batched] = Counter()
        counter["calls"] += 1
        counter["prompt_tokens"] += prompt
        counter["completion_tokens"] += completion
        dollars = self._dollars(row.model, prompt, completion, batched)
        self.calls += 1
        self.tokens += prompt + completion
        self.spent += dollars
        if paid:
            self.paid_calls += 1
            self.paid += dollars

    def reserve(self, call: Call) -> float | None:
        """Set aside what a call can cost at most; None if the budget does not allow it.

        Raises:
            OiellmError: there is a budget and the model has no price.
        """
        if self.limit is None:
            return 0.0
        price = self._prices.needed(call.model)
        most = price.dollars(most_prompt_tokens(call), call.max_tokens, self.batched)
        if self.spent + self.doubtful + self.reserved + most > self.limit:
            return None
        self.reserved += most
        return most

    def release(self, reserved: float) -> None:
        """A call that money was set aside for is over and counted, or was not paid."""
        self.reserved -= reserved

    def doubt(self, call: Call) -> None:
        """A reply was lost on its way, or is empty: the request may have been paid and may be paid again."""
        if self.limit is not None:
            price = self._prices.needed(call.model)
            self.doubtful += price.dollars(most_prompt_tokens(call), call.max_tokens, self.batched)

    def usage(self) -> list[dict[str, Any]]:
        """Calls, tokens and dollars by purpose and model, in a fixed order, for a manifest; dollars None without a price."""
        rows = []
        for (purpose, model, batched), counter in sorted(self._used.items()):
            price = self._prices.of(model)
            used = {name: counter[name] for name in ("calls", "prompt_tokens", "completion_tokens")}
            prompt, completion = used["prompt_tokens"], used["completion_tokens"]
            dollars = round(price.dollars(prompt, completion, batched), 6) if price else None
            rows.append({"purpose": purpose, "model": model, "batch": batched, **used, "dollars": dollars})
        return rows

    def _dollars(self, model: str, prompt: int, completion: int, batched: bool) -> float:
        price = self._prices.of(model)
        return price.dollars(prompt, completion, batched) if price else 0.0


def tokens(row: Answered) -> tuple[int, int]:
    """Tokens of a prompt and its reply, estimated where the server did not say, or said 0."""
    reply = row.reply
    prompt = reply.prompt_tokens if reply.prompt_tokens > 0 else row.estimate
    return prompt, reply.completion_tokens if reply.completion_tokens > 0 else estimates().of(reply.text)
