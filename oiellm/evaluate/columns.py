"""Test rows and what systems wrote for them, as the columns that the scorer takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mmm_dataset import Record, Registry
from mmm_f1 import score
from mmm_f1.unified import Failure, Form, find_word, parse, render
from oiellm.data import strings
from oiellm.errors import OiellmError

Key = tuple[str, str]
"""Config and id of a row."""


class Output(NamedTuple):
    """What a system wrote for a row, and the form that it wrote it in."""

    text: str
    form: Form


Outputs = Mapping[Key, Output]


@dataclass
class Gold:
    """The test rows of one config as strings, in the order they came; records are not kept.

    Attributes:
        config: its name.
        registry: what knows it.
        labels: its closed word-level labels, aliases included, or None if they are open.
        ids, inputs, references, forms, lengths: one entry per row; lengths are of the texts, in characters.
    """

    config: str
    registry: Registry
    labels: frozenset[str] | None
    ids: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add a row; rows of the authors keep their bytes."""
        line, output = strings(record, self.registry)
        self.ids.append(record.id)
        self.inputs.append(line)
        self.references.append(output)
        self.forms.append(record.form)
        self.lengths.append(len(record.text))


def gold(records: Iterable[Record], registry: Registry) -> dict[str, Gold]:
    """Config to its rows."""
    found: dict[str, Gold] = {}
    for record in records:
        name = record.config
        if name not in found:
            found[name] = Gold(name, registry, label_set(name, registry))
        found[name].add(record)
    return found


def label_set(config: str, registry: Registry) -> frozenset[str] | None:
    """The closed word-level labels of a config under all its task words, aliases included; None if they are open."""
    entry = registry.config(config)
    sets = [registry.word_labels(entry, word) for word in registry.task(entry.task).words]
    return None if None in sets else frozenset().union(*(found for found in sets if found is not None))


class Columns(NamedTuple):
    """The rows of one system, one entry per row in each column, both strings of a row in one form."""

    predictions: list[str]
    references: list[str]
    inputs: list[str]
    forms: list[Form]

    def score(self, configs: Sequence[str], **options: Any) -> dict[str, Any]:
        """The one scorer on these rows; arguments as for :func:`mmm_f1.score`."""
        return score(self.predictions, self.references, self.inputs, configs, form=self.forms, **options)

    def take(self, places: Sequence[int]) -> Columns:
        """Some of the rows, by number."""
        return Columns(
            [self.predictions[at] for at in places],
            [self.references[at] for at in places],
            [self.inputs[at] for at in places],
            [self.forms[at] for at in places],
        )


def columns(rows: Gold, *systems: Outputs) -> list[Columns]:
    """The columns of some systems on the same rows.

    A row is scored in published form if it and all outputs for it are in it; else what is published is read by the rules
    of the scorer and written in escaped form, which loses nothing.

    Raises:
        OiellmError: a system has no output for a row.
    """
    keys = [(rows.config, one) for one in rows.ids]
    for outputs in systems:
        if missing := [one for config, one in keys if (config, one) not in outputs]:
            more = f" and {len(missing) - 1:,} more rows" if len(missing) > 1 else ""
            raise OiellmError(f"{rows.config}: no prediction for {missing[0]!r}{more}; run the prediction to its end")
    forms: list[Form] = [
        "published" if {form, *(outputs[key].form for outputs in systems)} == {"published"} else "escaped"
        for key, form in zip(keys, rows.forms)
    ]
    references = _in_forms(map(Output, rows.references, rows.forms), forms, rows)
    return [
        Columns(_in_forms((outputs[key] for key in keys), forms, rows), references, rows.inputs, forms)
        for outputs in systems
    ]


def _in_forms(written: Iterable[Output], forms: Sequence[Form], rows: Gold) -> list[str]:
    return [
        output.text if output.form == form else _escaped(output.text, line, rows)
        for output, form, line in zip(written, forms, rows.inputs)
    ]


def _escaped(output: str, line: str, rows: Gold) -> str:
    """A published string in escaped form; one that cannot be read stays as it is, and fails again."""
    words = rows.registry.task_words
    word = find_word(output, words, "published", line)
    if word is None:
        return output
    text = line.removesuffix(f"/{word}")
    parsed = parse(output, word, form="published", task_words=words, labels=rows.labels, text=text)
    if isinstance(parsed, Failure):
        return output
    return render(parsed.label, word, parsed.items, task_words=words)
