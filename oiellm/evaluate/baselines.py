"""Baselines that need no model: what a figure is worth is what it is above these.

``majority`` knows nothing of the text. ``lookup`` copies what it saw in training wherever its words occur; on data whose gold
was itself made by a lookup (SCPOS: a polarity lexicon) it is near the ceiling, which is a fact about the data.
Both learn one config from its train rows and write output strings in the form of the row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import not_
from typing import Any, Protocol, TypeVar

from mmm_dataset import Record, Registry
from mmm_dataset.codec import item_fields
from mmm_f1.unified import is_span, render, shape
from oiellm.data import Release
from oiellm.errors import OiellmError

Fields = tuple[str, ...]
_Name = TypeVar("_Name", str, Fields)


class Baseline(Protocol):
    """A baseline for one config.

    Attributes:
        skipped: train rows that could not be parsed, so that nothing was learnt from them.
    """

    skipped: int

    def fit(self, records: Iterable[Record]) -> Baseline:
        """Learn from the train rows of a config; returns itself. Raises OiellmError if there is no row to learn from."""
        ...

    def predict(self, record: Record) -> str:
        """The output string for a row's text and task word, in the row's form; its gold is not looked at."""
        ...


@dataclass
class _Seen:
    """What the train rows say: text-level labels, and by task word the items of each row, as fields in written order."""

    labels: Counter[str] = field(default_factory=Counter)
    rows: dict[str, list[set[Fields]]] = field(default_factory=lambda: defaultdict(list))
    skipped: int = 0

    @property
    def label(self) -> str:
        """The most frequent text-level label; of several, the first in order."""
        return _most(self.labels)


def _see(records: Iterable[Record], registry: Registry) -> _Seen:
    seen = _Seen()
    for record in records:
        if record.label is None or record.items is None:
            seen.skipped += 1
            continue
        roles = shape(record.word, registry.task_words)
        seen.labels[record.label] += 1
        seen.rows[record.word].append({item_fields(item, roles) for item in record.items})
    if not seen.labels:
        raise OiellmError(f"a baseline has nothing to learn from: no train rows, {seen.skipped} that cannot be parsed")
    return seen


def _most(counts: Mapping[_Name, int]) -> _Name:
    return min(counts, key=lambda name: (-counts[name], name))


class Majority:
    """Always the most frequent text-level label, and always the same items.

    The items are the k most frequent ones of the train split, by task word, with the k whose micro F1 on the train split
    is highest (the smallest such k). Items of one row only are not among them: they tell nothing of other rows, yet where
    most items are such, adding them all would raise the train F1.
    """

    def __init__(self, registry: Registry) -> None:
        self._words = registry.task_words
        self._registry = registry
        self.skipped = 0

    def fit(self, records: Iterable[Record]) -> Majority:
        """See :class:`Baseline`."""
        seen = _see(records, self._registry)
        self.skipped, self._label = seen.skipped, seen.label
        self._items = {word: _constant(rows) for word, rows in seen.rows.items()}
        return self

    def predict(self, record: Record) -> str:
        """See :class:`Baseline`."""
        items = self._items.get(record.word, [])
        return render(self._label, record.word, items, form=record.form, task_words=self._words)


def _constant(rows: Sequence[set[Fields]]) -> list[Fields]:
    """The most frequent items, as many as give the best micro F1 when all rows are predicted to have them."""
    counts = Counter(item for row in rows for item in row)
    ranked = sorted((item for item in counts if counts[item] > 1), key=lambda item: (-counts[item], item))
    gold, hits, best = counts.total(), 0, (0.0, 0)
    for k, item in enumerate(ranked, 1):
        hits += counts[item]
        best = max(best, (2 * hits / (gold + k * len(rows)), -k))
    return ranked[: -best[1]]


class Lookup:
    """Every label-entity pair seen in training whose entity occurs in the text, with the entity's most frequent label.

    A relation or event is written if all its arguments occur in the text, with their most frequent label and attributes. Texts
    are searched as they are: case and form of characters count, word boundaries do not. Items come in the order in which their
    first argument occurs in the text.
    The text-level label is the most frequent one.
    """

    def __init__(self, registry: Registry) -> None:
        self._words = registry.task_words
        self._registry = registry
        self.skipped = 0

    def fit(self, records: Iterable[Record]) -> Lookup:
        """See :class:`Baseline`."""
        seen = _see(records, self._registry)
        self.skipped, self._label = seen.skipped, seen.label
        self._tables = {word: _Table(rows, shape(word, self._words)) for word, rows in seen.rows.items()}
        return self

    def predict(self, record: Record) -> str:
        """See :class:`Baseline`."""
        table = self._tables.get(record.word)
        items = table.find(record.text) if table else []
        return render(self._label, record.word, items, form=record.form, task_words=self._words)


class _Table:
    """Items of one task word by their arguments, and the automaton that finds arguments in a text."""

    def __init__(self, rows: Iterable[set[Fields]], roles: Sequence[str]) -> None:
        from ahocorasick_rs import AhoCorasick

        in_text = [is_span(role) for role in roles]
        counts: dict[Fields, Counter[Fields]] = defaultdict(Counter)
        for row in rows:
            for item in row:
                arguments = tuple(compress(item, in_text))
                if any(arguments):  # an item without any could only be written everywhere
                    counts[arguments][tuple(compress(item, map(not_, in_text)))] += 1
        # By the first argument, so that only items with a word in the text are looked at.
        self._items: dict[str, list[tuple[Fields, Fields]]] = defaultdict(list)
        for arguments, labels in sorted(counts.items()):
            named, pieces, given = tuple(filter(None, arguments)), iter(arguments), iter(_most(labels))
            self._items[named[0]].append((named, tuple(next(pieces if inside else given) for inside in in_text)))
        self._names = sorted({name for arguments in counts for name in arguments if name})
        self._find: Any = AhoCorasick(self._names).find_matches_as_indexes

    def find(self, text: str) -> list[Fields]:
        """Items all of whose arguments are in the text, by first occurrence, longer first arguments first."""
        first: dict[str, tuple[int, int]] = {}
        for name, start, end in self._find(text, overlapping=True):
            first.setdefault(self._names[name], (start, -end))
        order = sorted(first, key=first.__getitem__)
        return [item for name in order for named, item in self._items.get(name, ()) if first.keys() >= set(named)]


BASELINES: Mapping[str, type[Majority] | type[Lookup]] = {"majority": Majority, "lookup": Lookup}
"""By name, in the order of the tables."""

Learnt = dict[str, dict[str, Baseline]]
"""Config to name to baseline."""


def learn(release: Release, configs: Iterable[str]) -> Learnt:
    """Every baseline of the configs that have annotated train rows, from all of these.

    Raises:
        OiellmError: a file of the release is missing or broken.
    """
    learnt: Learnt = {}
    for config in configs:
        records = list(release.records(config, "train"))
        if any(record.is_annotated for record in records):
            learnt[config] = {name: kind(release.registry).fit(records) for name, kind in BASELINES.items()}
    return learnt
