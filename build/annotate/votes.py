"""Several votes on one question, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final

from mmm_dataset import Item

NO_MAJORITY: Final = "no_majority"
ITEM_TIE: Final = "item_tie"
"""Note on an item that was left out because just half of the votes have it."""
ABSTAINED: Final = "abstained"

Key = Callable[[str], str]
"""Two labels are the same vote if this says the same of them."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one asking came to.

    Attributes:
        answer: the label, or the items; None if there is none.
        stated: confidence that the model states, 0 to 1.
        failure: why there is no answer; None if there is one.
        replies: raw texts, in the order they came.
        notes: (reason, detail) of what was left out of the answer.
    """

    answer: str | tuple[Item, ...] | None = None
    stated: float | None = None
    failure: str | None = None
    replies: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For the provenance: offsets stand for the text, which does not enter it."""
        if self.failure is not None:
            return {"failure": self.failure}
        answer = {"label": self.answer} if isinstance(self.answer, str) else {"items": [_places(i) for i in self.items]}
        return {**answer, **({} if self.stated is None else {"confidence": self.stated})}

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of a word-level answer."""
        return self.answer if isinstance(self.answer, tuple) else ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the votes on one level of a row come to.

    Attributes:
        answer: the label, or the items; None if the level stays open.
        reason: why it stays open; None if it does not.
        votes: all of them, in order.
        agreement: text level: share of the votes for the label; word level: mean pairwise F1 of the votes; 0 to 1.
        shares: for each item kept, how many votes have it.
        ties: (reason, detail) of the items that just half of the votes have.
    """

    answer: str | tuple[Item, ...] | None
    reason: str | None
    votes: tuple[Vote, ...]
    agreement: float
    shares: tuple[int, ...] = field(default=())
    ties: tuple[tuple[str, str], ...] = field(default=())

    @property
    def label(self) -> str | None:
        """The text-level label, if this is one."""
        return self.answer if isinstance(self.answer, str) else None

    @property
    def items(self) -> tuple[Item, ...] | None:
        """The items, if these are some."""
        return self.answer if isinstance(self.answer, tuple) else None

    @property
    def confidence(self) -> float:
        """The agreement times the mean of what the votes state (1 where none does), 0 to 1."""
        stated = [vote.stated for vote in self.votes if vote.failure is None and vote.stated is not None]
        return round(self.agreement * (sum(stated) / len(stated) if stated else 1.0), 4)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What the votes, and the count of them, left out, each once."""
        return list(dict.fromkeys([*(note for vote in self.votes for note in vote.notes), *self.ties]))


def majority(votes: Sequence[Vote], least: float, key: Key) -> Decision:
    """The label that most votes name.

    Args:
        votes: on the text-level label.
        least: smallest share of all votes, unanswered ones included, that decides.
        key: what makes two labels the same; the spelling that most votes use stands, ties by alphabet.
    """
    spelled = [vote.answer for vote in votes if isinstance(vote.answer, str)]
    classes = Counter(map(key, spelled))
    if not classes:
        return Decision(None, _failure(votes), tuple(votes), 0.0)
    (top, count), *others = classes.most_common()
    share = round(count / len(votes), 4)
    if share < least or (others and others[0][1] == count):
        failed = Counter(vote.failure for vote in votes if vote.failure)
        reason = _failure(votes) if failed and max(failed.values()) > count else NO_MAJORITY
        return Decision(None, reason, tuple(votes), share)
    label = _spelling(label for label in spelled if key(label) == top)
    return Decision(label, None, tuple(votes), share)


def consensus(votes: Sequence[Vote], least: float, key: Key) -> Decision:
    """The items that more than half of the votes have, in the order of the text.

    So two that exclude each other, such as one span under two labels, are never both kept, unless a vote itself has both.

    Args:
        votes: on the items; an unanswered one has none and agrees with no other.
        least: smallest mean pairwise F1 that decides.
        key: what makes two labels the same.
    """
    answered = [vote for vote in votes if vote.failure is None]
    if 2 * len(answered) <= len(votes):
        return Decision(None, _failure(votes), tuple(votes), 0.0)
    found: dict[Any, list[Item]] = {}
    sets = []
    for vote in answered:
        mine = {(key(item.label), _spans(item), item.attributes): item for item in vote.items}
        for identity, item in mine.items():
            found.setdefault(identity, []).append(item)
        sets.append(set(mine))
    agreement = _agreement(sets, len(votes))
    if agreement < least:
        return Decision(None, NO_MAJORITY, tuple(votes), agreement)
    ordered = sorted(found.items(), key=lambda pair: ([(*place[1:], place[0]) for place in pair[0][1]], pair[0][::2]))
    spelled = [(replace(same[0], label=_spelling(item.label for item in same)), len(same)) for _, same in ordered]
    kept = [(item, count) for item, count in spelled if 2 * count > len(votes)]
    ties = tuple((ITEM_TIE, _shown(item, count, len(votes))) for item, count in spelled if 2 * count == len(votes))
    items, shares = tuple(item for item, _ in kept), tuple(count for _, count in kept)
    return Decision(items, None, tuple(votes), agreement, shares, ties)


def _agreement(sets: Sequence[set[Any]], votes: int) -> float:
    if votes == 1:
        return 1.0
    scores = [2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0 for a, b in combinations(sets, 2)]
    return round(sum(scores) / (votes * (votes - 1) / 2), 4)


def _failure(votes: Sequence[Vote]) -> str:
    """The failure that most votes met; ties by alphabet."""
    failed = Counter(vote.failure for vote in votes if vote.failure is not None)
    return min(failed.items(), key=lambda pair: (-pair[1], pair[0]))[0]


def _spelling(labels: Any) -> str:
    label: str = min(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))[0]
    return label


def _spans(item: Item) -> tuple[tuple[str, int, int], ...]:
    return tuple((span.role, span.start or 0, span.end or 0) for span in item.spans)


def _places(item: Item) -> dict[str, Any]:
    places = {role: [start, end] for role, start, end in _spans(item)}
    return {"label": item.label, **places, **dict(item.attributes)}


def _shown(item: Item, count: int, votes: int) -> str:
    said = [*(span.text for span in item.spans), *(value for _, value in item.attributes)]
    return f"{item.label}: {', '.join(said)}: {count} of {votes}"
