"""What stands: of every row and reviewer the last decision that was not taken back, and what became of it in a rebuild."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from build.review.decisions import Decision, person, tidy
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
        """Of all decisions."""
        self.decided_by: Counter[str] = Counter()
        """Rows by reviewer."""
        self.decided = 0
        """Rows that anyone has decided."""
        self._sent: set[tuple[str, str, str, str]] = set()
        self._names: dict[str, str] = {}
        self._standing: _Stacks = {}
        self._stale: _Stacks = {}
        self._gone: dict[tuple[str, str], dict[str, list[Decision]]] = {}
        self._blind: dict[int, dict[str, Decision]] = {}
        self._orders: dict[int, str] = {}
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Take in the next decision of the log; one whose key was there before changes nothing."""
        reviewer = self._names.setdefault(person(decision.reviewer), tidy(decision.reviewer))
        if self.has(decision.key, reviewer, decision.config, decision.id):
            return
        if decision.key:
            self.keys.add(decision.key)
            self._sent.add((decision.key, reviewer, decision.config, decision.id))
        number = self.file.find(decision.config, decision.id)
        if number is None:
            _stack(self._gone.setdefault((decision.config, decision.id), {}), reviewer, decision)
        elif decision.sha256 != self.file.sha256(number):
            _stack(self._stale.setdefault(number, {}), reviewer, decision)
        else:
            self._decide(number, reviewer, decision)

    def _decide(self, number: int, reviewer: str, decision: Decision) -> None:
        reviewers = self._standing.setdefault(number, {})
        before, someone = bool(reviewers.get(reviewer)), any(reviewers.values())
        _stack(reviewers, reviewer, decision)
        self.decided_by[reviewer] += bool(reviewers[reviewer]) - before
        self.decided += any(reviewers.values()) - someone
        if decision.action != "undo":
            self._orders.setdefault(number, decision.order)
        held = {name: stack[-1] for name, stack in reviewers.items() if stack}
        if len(held) > 1:  # from now on each can see what the other said
            self._blind[number] = {**held, **self._blind.get(number, {})}

    def has(self, key: str, reviewer: str, config: str, id: str) -> bool:
        """Whether this reviewer's decision on this row was logged under this key."""
        return (key, self.name(reviewer), config, id) in self._sent

    def name(self, reviewer: str) -> str:
        """A reviewer's name as it was first spelled: ``mika`` is ``Mika``."""
        return self._names.get(person(reviewer), tidy(reviewer))

    @property
    def gone(self) -> Mapping[tuple[str, str], Mapping[str, Decision]]:
        """Config and id of decided rows that the file no longer has, with what each reviewer had said."""
        rows = {row: {name: one[-1] for name, one in stacks.items() if one} for row, stacks in self._gone.items()}
        return {row: said for row, said in rows.items() if said}

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

    def blind(self, number: int) -> Mapping[str, Decision]:
        """What each reviewer said last before they could see what another said; empty if only one decided the row."""
        return self._blind.get(number, {})

    def blind_rows(self) -> Iterator[int]:
        """Numbers of the rows that more than one reviewer decided, in file order."""
        return iter(sorted(self._blind))

    def first_order(self, number: int) -> str:
        """The order in which a decided row was shown when someone first decided it."""
        return self._orders[number]

    def rows(self) -> Iterator[int]:
        """Numbers of the rows that someone has decided, in file order."""
        return (number for number in sorted(self._standing) if self.is_decided(number))

    def stale_rows(self) -> int:
        """Rows that were decided only in an earlier form."""
        return sum(1 for number in self._stale if self.stale(number) and not self.is_decided(number))

    def outcome(self, number: int, adjudicator: str | None = None) -> Outcome:
        """What the reviewers say together: the adjudicator's word if there is one, else what all agree on, else a conflict."""
        standing = self.standing(number)
        settles = None if adjudicator is None else self.name(adjudicator)
        if not standing:
            return Outcome("undecided")
        if settles is not None and settles in standing:
            decision = standing[settles]
        elif len({verdict(decision) for decision in standing.values()}) > 1:
            return Outcome("conflict")
        else:
            decision = next(iter(standing.values()))
        return Outcome(decision.action, decision)  # type: ignore[arg-type]  # an undo never stands


def verdict(decision: Decision) -> str:
    """What two decisions must share to agree: the action and, of an edit, text, label and items, in whatever order."""
    record = decision.record or {}
    items = record.get("items")
    return dump(
        [decision.action, record.get("text"), record.get("label"), None if items is None else sorted(map(dump, items))]
    )


def _stack(reviewers: dict[str, list[Decision]], reviewer: str, decision: Decision) -> None:
    """Lay a decision on the reviewer's stack; an undo takes the uppermost away."""
    stack = reviewers.setdefault(reviewer, [])
    if decision.action != "undo":
        stack.append(decision)
    elif stack:
        stack.pop()
