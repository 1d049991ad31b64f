"""The labels of a release tree: each set once, in all its languages, with who says so and how often it occurs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cards.stats import Stats, together
from mmm_dataset import Registry
from mmm_dataset.registry import Config, Label

TOP: Final = 12
"""Labels of an open set that are shown."""


@dataclass(slots=True)
class Entry:
    """One label: how each language writes it, and how often it occurs there."""

    key: str
    labels: dict[str, Label] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def spellings(self) -> list[str]:
        """Every spelling once."""
        return list(dict.fromkeys(label.label for label in self.labels.values())) or [self.key]

    @property
    def english(self) -> str:
        """What to write where other scripts cannot be shown."""
        return self.labels["en"].label if "en" in self.labels else self.key.replace("_", " ")


@dataclass(slots=True)
class Inventory:
    """One set of labels as it occurs in a tree.

    Attributes:
        name: the tasks that use it, for people.
        level: ``text`` for text-level labels, else the task word of the items.
        tasks: codes of the tasks that use it.
        closed: whether the registry lists the labels; of an open set only frequent ones are in ``entries``.
        entries: the labels; those of a closed set in the order of the table.
        totals: language to labelled rows or items.
        others: language to those whose label is not in the table.
        distinct: language to how many different labels occur.
    """

    name: str
    level: str
    tasks: list[str]
    closed: bool
    entries: list[Entry] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    distinct: Counter[str] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        """Name and level."""
        return f"{self.name}: {'text-level labels' if self.level == 'text' else 'labels of items'}"

    @property
    def languages(self) -> list[str]:
        """Those that have rows in the tree, then the others of the table."""
        return list(dict.fromkeys([*self.totals, *(name for entry in self.entries for name in entry.labels)]))


Found = Mapping[str, Counter[str]]
"""Language to label to how often it occurs."""


def inventories(found: Stats, registry: Registry) -> list[Inventory]:
    """All sets of labels that the configs of a tree use, those of one task beside each other, text-level first."""
    uses: dict[tuple[str, bool], tuple[str, list[str], dict[str, Counter[str]]]] = {}
    for name, sides in found.items():
        config, whole = registry.config(name), together(sides.values())
        for level, set_name in _sets(config, registry):
            # One set may serve several tasks, under several task words: SCPOS has four.
            _, tasks, counts = uses.setdefault((set_name, level == "text"), (level, [], {}))
            if config.task not in tasks:
                tasks.append(config.task)
            labels = whole.labels if level == "text" else whole.items.get(level, Counter())
            counts.setdefault(config.language, Counter()).update(labels)
    return [_inventory(set_name, *use, registry) for (set_name, _), use in uses.items()]


def _sets(config: Config, registry: Registry) -> Iterator[tuple[str, str]]:
    """Level and set; an open set has a name of its own that no table has. A text-level label that all rows have is none."""
    task = registry.task(config.task)
    if registry.fixed_text_label(config) is None:
        yield "text", task.text_labels or f"{task.code} text"
    for word in task.words:
        yield word, task.word_labels.get(word) or f"{task.code} {word}"


def _inventory(set_name: str, level: str, tasks: list[str], counts: Found, registry: Registry) -> Inventory:
    rows = [label for label in registry.labels if label.set == set_name]
    titles = _titles(tasks, registry)
    word = f", {level}" if level != "text" and len(registry.task(tasks[0]).words) > 1 else ""
    inventory = Inventory(f"{titles}{word}", level, tasks, bool(rows))
    for language, labels in counts.items():
        inventory.totals[language] = labels.total()
        inventory.distinct[language] = len(labels)
    if rows:
        _fill_closed(inventory, set_name, rows, counts, registry)
    else:
        inventory.entries = _most_frequent(counts)
    return inventory


def _titles(tasks: list[str], registry: Registry) -> str:
    """Titles of tasks; those of one family by what they have in common: SCPOS for SCPOS: RW, SCPOS: N."""
    titles = [registry.task(code).title for code in tasks]
    heads = list(dict.fromkeys(title.split(":")[0] for title in titles))
    return ", ".join(heads if len(heads) < len(titles) else titles)


def _fill_closed(inventory: Inventory, set_name: str, rows: list[Label], counts: Found, registry: Registry) -> None:
    entries = {row.key: Entry(row.key) for row in rows}
    for row in rows:
        entries[row.key].labels[row.language] = row
    for language, labels in counts.items():
        keys = registry.label_set(set_name, language)
        for label, count in labels.items():
            if label in keys:
                entries[keys[label]].counts[language] += count
            else:
                inventory.others[language] += count
    inventory.entries = list(entries.values())


def _most_frequent(counts: Found) -> list[Entry]:
    """Labels of an open set: of each language the first, then of each the second, and so on."""
    ranks = [sorted(labels, key=lambda label: (-labels[label], label)) for labels in counts.values()]
    order = dict.fromkeys(label for rank in itertools.zip_longest(*ranks) for label in rank if label is not None)
    entries = [Entry(label) for label in itertools.islice(order, TOP)]
    for entry in entries:
        entry.counts.update({language: labels[entry.key] for language, labels in counts.items() if labels[entry.key]})
    return entries
