"""What is classified: the rows of one config with a closed set of text-level labels, and the words of their items."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mmm_dataset import Record, Registry
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.evaluate.protocols import Selection, chosen


@dataclass(frozen=True, slots=True)
class Example:
    """A row as it is classified: its words are the texts of its items' spans, in order and multiplicity."""

    id: str
    text: str
    task_word: str
    label: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """The rows of one config.

    Attributes:
        config: its name.
        language, family: of the config; they choose the prompt template.
        labels: the closed labels as the config's language writes them, in the order of the label table.
        train, test: rows that have one of the labels; no train row shares its text with a test row of the config.
        left_out: why rows of either side are not there, and how many.
    """

    config: str
    language: str
    family: str
    labels: tuple[str, ...]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    left_out: dict[str, int] = field(default_factory=dict)


def spellings(registry: Registry, config: str) -> dict[str, str]:
    """Every spelling of the config's text-level labels to the one that its language writes.

    Raises:
        OiellmError: the labels are open (TCONER), so that there is no set of labels to give words to.
    """
    entry = registry.config(config)
    index = registry.text_labels(entry)
    name = registry.task(entry.task).text_labels
    if index is None or name is None:
        closed = [one for one in registry.configs if registry.text_labels(registry.config(one)) is not None]
        raise OiellmError(
            f"{config}: its text-level labels are open, so there is no set of labels to give words to; closed are "
            f"{', '.join(closed)}. If yours are closed, name their table (text_labels) in a file for --registry"
        )
    return {spelling: registry.spelling(name, key, entry.language) for spelling, key in index.items()}


def read_task(release: Release, selection: Selection, config: str) -> Task:
    """Read both sides of a config.

    Args:
        release: whose rows.
        selection: of the test rows; must hold the config.
        config: its name.

    Raises:
        OiellmError: the labels are open, or a side has no row with a label.
    """
    table = spellings(release.registry, config)
    test_texts = {record.text for record in release.records(config, "test")}
    left_out: Counter[str] = Counter()

    def side(name: str, records: Iterable[Record]) -> tuple[Example, ...]:
        found = []
        for record in records:
            if record.label not in table:
                left_out[f"{name} rows without a label of the set"] += 1
            elif name == "train" and record.text in test_texts:
                left_out["train rows with the text of a test row"] += 1
            else:
                found.append(_example(record, table[record.label]))
        if not found:
            raise OiellmError(
                f"{release.path}: {config} has no {name} rows with a label; build or choose another release"
            )
        return tuple(found)

    entry = release.registry.config(config)
    return Task(
        config,
        entry.language,
        release.registry.task(entry.task).family,
        tuple(dict.fromkeys(table.values())),
        side("train", release.records(config, "train")),
        side("test", chosen(release, {config: selection.ids[config]})),
        dict(left_out),
    )


def _example(record: Record, label: str) -> Example:
    spans = (span.text.strip() for item in record.items or () for span in item.spans)
    return Example(record.id, record.text, record.word, label, tuple(filter(None, spans)))


def draw(train: Sequence[Example], labels: Sequence[str], k: int, seed: int) -> list[Example]:
    """The shots: ``k`` train rows of each label, all of a label that has fewer, in an order of chance.

    The rows of a smaller ``k`` are among those of a larger one with the same seed.
    """
    found: list[Example] = []
    for label in labels:
        rows = [row for row in train if row.label == label]
        random.Random(f"{seed}/{label}").shuffle(rows)
        found += rows[:k]
    random.Random(f"{seed}/order").shuffle(found)
    return found
