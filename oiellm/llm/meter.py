"""What a person sees while a run lasts: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from oiellm.llm.ledger import Ledger

EVERY: Final = 30.0
"""Seconds between two plain lines."""


class Meter:
    """Rows, the caller's own word, dollars, tokens, calls in flight and a second, and the time left.

    Attributes:
        in_flight: requests under way.
    """

    def __init__(self, ledger: Ledger, describe: str, total: int | None, word: Callable[[], str] | None) -> None:
        """``word`` is asked for a few words, such as the yield so far, whenever something is shown."""
        from tqdm import tqdm

        self._ledger, self._describe, self._total, self._word = ledger, describe, total, word
        self._plain = not sys.stderr.isatty()
        self._bar = tqdm(desc=describe, total=total, unit=" rows", delay=1, disable=self._plain, leave=False)
        self._rows, self._state, self.in_flight = 0, "", 0
        self._started = self._shown = time.monotonic()
        self._calls_before = ledger.paid_calls

    def row(self) -> None:
        """One more row is done."""
        self._rows += 1
        self._bar.update()
        if not self._rows % 1024:
            self.refresh()

    def state(self, text: str) -> None:
        """What is being waited for, such as a batch."""
        self._state = text
        self.refresh()

    def note(self, text: str) -> None:
        """A line that stays."""
        self._bar.clear()
        print(f"{self._describe}: {text}", file=sys.stderr, flush=True)

    def refresh(self) -> None:
        """Show how things stand, if it is time."""
        if not self._plain:
            self._bar.set_postfix_str(", ".join(self._words()))
        elif time.monotonic() - self._shown >= EVERY:
            self._shown = time.monotonic()
            print(self._line(), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def _words(self) -> list[str]:
        rate = (self._ledger.paid_calls - self._calls_before) / max(time.monotonic() - self._started, 1e-9)
        words = [self._word() if self._word else "", f"${self._ledger.spent:.2f}", f"{self._ledger.tokens:,} tokens"]
        words += [f"{self.in_flight:,} calls in flight" if self.in_flight else "", f"{rate:.1f} calls/s", self._state]
        return [word for word in words if word]

    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        rows = f"{self._rows:,} rows"
        left = ""
        if self._total:
            rows = f"{self._rows:,} of {self._total:,} rows"
            if self._rows:
                left = f"{clock(seconds / self._rows * max(0, self._total - self._rows))} left"
        return f"{self._describe}: " + ", ".join(word for word in (rows, *self._words(), left) if word)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
