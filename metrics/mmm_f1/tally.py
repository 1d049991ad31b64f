"""Counting: from the two sides of a row, taken apart, to its outcome and the tables of labels and failures.

The items of a side are a dict, so that counting is set arithmetic on its keys. Where repeated items count, the second
one stands under a key of its own (:func:`numbered`): a multiset is the set of its numbered items.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .intervals import ALL_RIGHT, FAILED, GOLD, HIT, LABEL_RIGHT, PREDICTED
from .unified import EMPTY_LABEL, EMPTY_PIECE, PARSE_FAILURES

Items = dict[Hashable, tuple[str, str, str]]
"""What tells an item from others, to its label, the separator, and its entity (as ``str.partition`` gives them)."""

Broken = Mapping[str, int]
"""What of a string cannot be read, by kind; each is one wrong item, but a label that is not there and an empty piece."""

Side = tuple[str | None, Items, bool, Broken, bool]
"""What a string says: text-level label (None if there is none), items, whether one was repeated, what is broken, and whether
blanks were passed over."""

WHOLE: Final[Broken] = {}
"""Nothing is broken."""

_UNREAD: Final[Side] = (None, {}, False, WHOLE, False)
_AGREED: Final = HIT + GOLD + PREDICTED
_RIGHT: Final = LABEL_RIGHT + ALL_RIGHT
_MANY: Final = 64


def numbered(keys: Sequence[Hashable], items: Items) -> Items:
    """The items with those that ``keys`` repeats: the first one under its key, the others under key and number."""
    seen: Counter[Hashable] = Counter()
    every: Items = {}
    for key in keys:
        every[(key, seen[key]) if seen[key] else key] = items[key]
        seen[key] += 1
    return every


@dataclass(slots=True)
class Labels:
    """How often each label was found on both sides, only in the gold, only in the prediction."""

    same: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    missed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spurious: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, other: Labels) -> None:
        """Add the counts of another table."""
        for mine, theirs in zip((self.same, self.missed, self.spurious), (other.same, other.missed, other.spurious)):
            for label, count in theirs.items():
                mine[label] += count

    def gold(self) -> list[str]:
        """The gold labels, sorted."""
        return sorted({*self.same, *self.missed})

    def by_label(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and counts of every label of either side."""
        table = {}
        for label in sorted({*self.same, *self.missed, *self.spurious}):
            hits = self.same.get(label, 0)
            gold, predicted = hits + self.missed.get(label, 0), hits + self.spurious.get(label, 0)
            table[label] = {
                "precision": hits / predicted if predicted else 0.0,
                "recall": hits / gold if gold else 0.0,
                "f1": 2 * hits / (gold + predicted),
                "gold": gold,
                "predicted": predicted,
            }
        return table

    def macro_f1(self, nothing: float) -> float:
        """Mean F1 of the gold labels; ``nothing`` if there is none."""
        table, labels = self.by_label(), self.gold()
        return sum(table[label]["f1"] for label in labels) / len(labels) if labels else nothing


@dataclass(slots=True)
class Tally:
    """What the pass over the rows counts; ``outcomes`` has one integer per row, see ``intervals.py``."""

    outcomes: array[int] = field(default_factory=lambda: array("q"))
    text_labels: Labels = field(default_factory=Labels)
    pair_labels: dict[str, Labels] = field(default_factory=lambda: defaultdict(Labels))
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*PARSE_FAILURES, EMPTY_PIECE), 0))
    failed_rows: int = 0
    reference_failures: int = 0
    stripped_rows: int = 0
    repeated_rows: int = 0
    ambiguous_rows: int = 0
    entities: int = 0
    hallucinated: int = 0

    def row(self, gold: Side | str, predicted: Side | str, labels: Labels, text: str | None) -> None:
        """Count a row; a side of which nothing could be read is the kind of its failure, and so is a gold that is broken.

        ``labels`` is the table of the row's config. With a text the entity of every predicted item is looked for in it.
        """
        if predicted is not gold or isinstance(gold, str) or gold[3]:
            self._unequal_row(gold, predicted, labels, text)
            return
        # What _unequal_row would count, in half the time: most rows of a good model come this way.
        label, items, repeated, _, stripped = gold
        assert label is not None
        self.text_labels.same[label] += 1
        if repeated:
            self.repeated_rows += 1
        if stripped:
            self.stripped_rows += 1
        same, size = labels.same, len(items)
        if text is None or size > _MANY:
            for kind, _, _ in items.values():
                same[kind] += 1
            if text is not None:
                self.ground([entity for _, _, entity in items.values()], text)
        else:
            self.entities += size
            for kind, _, entity in items.values():
                same[kind] += 1
                if entity not in text:
                    self.hallucinated += 1
        self.outcomes.append(size * _AGREED + _RIGHT)

    def _unequal_row(self, gold: Side | str, predicted: Side | str, labels: Labels, text: str | None) -> None:
        gold_label, wanted, _, _, gold_stripped = _UNREAD if isinstance(gold, str) else gold
        label, found, repeated, broken, stripped = _UNREAD if isinstance(predicted, str) else predicted
        hits = 0
        for key, (kind, _, _) in found.items():
            if key in wanted:
                hits += 1
                labels.same[kind] += 1
            else:
                labels.spurious[kind] += 1
        if hits != len(wanted):
            for key, (kind, _, _) in wanted.items():
                if key not in found:
                    labels.missed[kind] += 1
        size = len(found)
        if broken:
            size += sum(broken.values()) - broken.get(EMPTY_LABEL, 0) - broken.get(EMPTY_PIECE, 0)
            self.failed_rows += broken.keys() != {EMPTY_PIECE}
            for kind, count in broken.items():
                self.failures[kind] += count
        outcome = hits * HIT + len(wanted) * GOLD + size * PREDICTED
        if label is not None and label == gold_label:
            self.text_labels.same[label] += 1
            outcome += _RIGHT if hits == len(wanted) == size else LABEL_RIGHT
        else:
            if gold_label is not None:
                self.text_labels.missed[gold_label] += 1
            if label is not None:
                self.text_labels.spurious[label] += 1
        if isinstance(predicted, str):
            self.failures[predicted] += 1
            self.failed_rows += 1
        if isinstance(gold, str):
            self.reference_failures += 1
        unread = isinstance(gold, str) or isinstance(predicted, str)
        self.outcomes.append(outcome + FAILED if unread else outcome)
        if repeated:
            self.repeated_rows += 1
        if stripped or gold_stripped:
            self.stripped_rows += 1
        if text is not None:
            self.ground([entity for _, _, entity in found.values()], text)

    def ground(self, entities: Sequence[str], text: str) -> None:
        """Count predicted entities, and those that are not in the text."""
        if len(entities) <= _MANY:
            self.entities += len(entities)
            for entity in entities:
                if entity not in text:
                    self.hallucinated += 1
            return
        for entity, count in Counter(entities).items():
            self.entities += count
            if entity not in text:
                self.hallucinated += count
