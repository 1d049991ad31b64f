"""The first rows of a run tell whether the others are worth asking: if none of them comes to anything, the run stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from oiellm.errors import OiellmError
from oiellm.llm.errors import KEPT
from oiellm.llm.jobs import Job, Store
from oiellm.llm.options import Settings

ROWS: Final = 20


class Pilot:
    """Judges the rows of a run as they are done. Rows that nothing was asked about, and those too long for the server, do not
    count."""

    def __init__(self, settings: Settings, store: Store, problem: Callable[[Any], str] | None) -> None:
        """Nothing is judged yet.

        Args:
            settings: of the run.
            store: knows whether any reply ever said something.
            problem: why the result of a row is not kept, in a few words, empty if it is; None: any answer will do.
        """
        self._settings, self._store, self._problem = settings, store, problem
        self._words: Counter[str] = Counter()
        self._asked, self._answered = 0, False
        self._under_way: set[Job[Any, Any]] = set()
        self._is_over = not settings.pilot

    def holds(self, job: Job[Any, Any]) -> bool:
        """Whether a row must not be asked about yet."""
        if self._is_over or job in self._under_way:
            return False
        if len(self._under_way) >= ROWS:
            return True
        self._under_way.add(job)
        return False

    def see(self, job: Job[Any, Any]) -> None:
        """A row is done.

        Raises:
            OiellmError: so many rows came to nothing.
        """
        refused = job.unanswered
        if not job.answered and refused is None:
            return
        self._answered |= job.answered
        words = "" if self._problem is None else self._problem(job.result)
        if job.answered and not words:
            self._is_over = True
            self._under_way.clear()
        elif job.answered or (refused is not None and refused.finish != "too_long"):
            self._asked += 1
            self._words[_said(job) or words] += 1
            if not self._is_over and self._asked >= ROWS:
                if self._problem is None and self._any_answer:
                    self._is_over = True
                    return
                raise OiellmError(
                    f"{self._settings.base_url}: none of the first {ROWS} rows came to anything ({self._why()}); mend the "
                    f"cause, or go on all the same with --no-pilot; {KEPT}"
                )
        else:
            self._under_way.discard(job)
            self._words[_said(job)] += 1

    def end(self) -> None:
        """All rows are done.

        Raises:
            OiellmError: some were asked about, and no reply said anything.
        """
        if self._words and not self._any_answer:
            raise OiellmError(f"{self._settings.base_url}: no request was answered ({self._why()}); {KEPT}")

    @property
    def _any_answer(self) -> bool:
        """Whether a row of this run got one; where any answer will do, also one of an earlier run."""
        return self._answered or (self._problem is None and self._store.answered)

    def _why(self) -> str:
        (words, _), *_ = self._words.most_common(1)
        return words


def _said(job: Job[Any, Any]) -> str:
    """What the server said in place of an answer, empty if it gave one."""
    if job.answered or job.unanswered is None:
        return ""
    if job.unanswered.thoughts_alone:
        return "the model thinks and does not answer; see --extra-body, or the reasoning parser of the server"
    return job.unanswered.text.strip() or "the replies are empty"
