"""What stands: of every row and reviewer the last decision that was not taken back, and what became of it in a rebuild."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from build.review.decisions import Decision
from build.review.rows import ReviewFile
from mmm_dataset.files import dump

State = Literal["undecided", "accept", "edit", "reject", "conflict"]

_Stacks = dict[int, dict[str, list[Decision]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a row, and by whose decision; a conflict has none."""

    state: State
    decision: Decision | None = None


class Book:
    """The decisions about one file, by row number."""

    def __init__(self, file: ReviewFile, decisions: Iterable[Decision] = ()) -> None:
        """Sort decisions by the rows of the file as it is now."""
        self.file = file
        self.keys: set[str] = set()
        self.decided_by: Counter[str] = Counter()
        """Rows by reviewer."""
        self.decided = 0
        """Rows that anyone has decided."""
        self.gone: set[tuple[str, str]] = set()
        """Config and id of decided rows that the file no longer has."""
        self._standing: _Stacks = {}
        self._stale: _Stacks = {}
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Take in the next decision of the log; one whose key was there before changes nothing."""
        if decision.key in self.keys:
            return
        if decision.key:
            self.keys.add(decision.key)
        number = self.file.find(decision.config, decision.id)
        if number is None:
            self.gone.add((decision.config, decision.id))
            return
        current = decision.sha256 == self.file.sha256(number)
        reviewers = (self._standing if current else self._stale).setdefault(number, {})
        stack = reviewers.setdefault(decision.reviewer, [])
        before, someone = bool(stack), any(reviewers.values())
        if decision.action != "undo":
            stack.append(decision)
        elif stack:
            stack.pop()
        if current:
            self.decided_by[decision.reviewer] += bool(stack) - before
            self.decided += any(reviewers.values()) - someone

    def standing(self, number: int) -> Mapping[str, Decision]:
        """Reviewer to their decision about the row as it is now."""
        return {name: stack[-1] for name, stack in self._standing.get(number, {}).items() if stack}

    def stale(self, number: int) -> Mapping[str, Decision]:
        """Reviewer to their decision about an earlier form of the row, if they have not decided again."""
        if number not in self._stale:
            return {}
        current = self.standing(number)
        return {n: stack[-1] for n, stack in self._stale[number].items() if stack and n not in current}

    def is_decided(self, number: int, reviewer: str | None = None) -> bool:
        """Whether the row as it is now was decided by this reviewer, or by anyone."""
        stacks = self._standing.get(number, {})
        return any(stacks.values()) if reviewer is None else bool(stacks.get(reviewer))

    def rows(self) -> Iterator[int]:
        """Numbers of the rows that someone has decided, in file order."""
        return (number for number in sorted(self._standing) if self.is_decided(number))

    def stale_rows(self) -> int:
        """Rows that were decided only in an earlier form."""
        return sum(1 for number in self._stale if self.stale(number) and not self.is_decided(number))

    def outcome(self, number: int, adjudicator: str | None = None) -> Outcome:
        """What the reviewers say together: the adjudicator's word if there is one, else what all agree on, else a conflict."""
        standing = self.standing(number)
        if not standing:
            return Outcome("undecided")
        if adjudicator is not None and adjudicator in standing:
            decision = standing[adjudicator]
        elif len({verdict(decision) for decision in standing.values()}) > 1:
            return Outcome("conflict")
        else:
            decision = next(iter(standing.values()))
        return Outcome(decision.action, decision)  # type: ignore[arg-type]  # an undo never stands


def verdict(decision: Decision) -> str:
    """What two decisions must share to agree: the action and, of an edit, the corrected text, label and items."""
    record = decision.record or {}
    return dump([decision.action, *(record.get(name) for name in ("text", "label", "items"))])
