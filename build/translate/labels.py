"""Labels by the rule table, never by a model: an unknown one stops a run before anything is asked."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from build.core import KitError
from mmm_dataset import Record, Registry, RegistryError
from mmm_dataset.files import atomic
from mmm_f1.unified import ATTRIBUTE

KEEP: Final = "keep"
_SHOWN: Final = 8


class LabelTable:
    """Labels of one task from one language to another.

    A closed set is the registry's. An open one is translated by rows of the label tables under the set names ``{task}_text``
    and ``{task}_word``, which a registry file of one's own can bring (``--registry my.toml`` with ``labels = "my.csv"``), or
    kept as it is where labels are the same in all languages (``--labels keep``). The values of an attribute are translated by
    the rows of ``{task}_{attribute}`` if the label tables have any in the source's language, and kept as they are if not.
    """

    def __init__(self, registry: Registry, task: str, source: str, target: str, *, keep: bool = False) -> None:
        self._registry, self._source, self._target, self._keep = registry, source, target, keep
        self._task = registry.task(task)
        self._found: dict[tuple[str, str], str | None] = {}

    def text(self, label: str) -> str | None:
        """A text-level label in the target language; None if the table has none."""
        return self._look_up(self._set(None), label)

    def word(self, word: str, label: str) -> str | None:
        """A word-level label under a task word; None if the table has none."""
        return self._look_up(self._set(word), label)

    def items(self, record: Record) -> tuple[str, ...]:
        """The labels of a record's items in the target language. Raises KeyError if the table lacks one."""
        labels = [self.word(record.word, item.label) for item in record.items or ()]
        if None in labels:
            raise KeyError(f"record {record.id!r} has a label without translation")
        return tuple(label for label in labels if label is not None)

    def attributes(self, record: Record) -> list[tuple[tuple[str, str], ...]]:
        """The attributes of a record's items in the target language. Raises KeyError if the table lacks a value."""
        found = [
            tuple([(name, self._attribute(name, value) or "") for name, value in item.attributes])
            for item in record.items or ()
        ]
        if any(not value for attributes in found for _, value in attributes):
            raise KeyError(f"record {record.id!r} has an attribute without translation")
        return found

    def _attribute(self, name: str, value: str) -> str | None:
        table = f"{self._task.code}_{name}"
        return self._look_up(table, value) if self._registry.label_set(table, self._source) else value

    def check(self, labels: Mapping[tuple[str | None, str], int], todo: Path) -> None:
        """Hold all labels of a source against the table.

        Args:
            labels: how often each comes, by task word; None in its place for text-level labels, ``@name`` for attributes.
            todo: where labels without a translation are written, as a label table to be filled in.

        Raises:
            KitError: some label has no translation; the message names them and the remedy.
        """
        unknown, is_open = Counter[tuple[str, str]](), True
        for (word, label), count in labels.items():
            if self._is_unknown(word, label):
                unknown[self._set(word), label] += count
                is_open &= not self._is_closed(word)
        if not unknown:
            return
        shown = ", ".join(f"{label!r} ({count:,} x)" for (_, label), count in unknown.most_common(_SHOWN))
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        where = f"{self._source}_{self._task.code}: no {self._target} label for {shown}{more}; no model was asked. "
        if self._keep:
            raise KitError(
                f"{where}{self._target}_{self._task.code} has a closed set of labels: leave out --labels keep"
            )
        if not todo.exists():  # it may be filled in already
            self._write(sorted(unknown), todo)
        raise KitError(
            f'{where}Fill in {todo} and name it in a registry file (labels = "{todo.name}", then --registry)'
            + (", or leave labels as they are (--labels keep)" if is_open else "")
        )

    def _is_closed(self, word: str | None) -> bool:
        return bool(self._task.text_labels if word is None else self._task.word_labels.get(word))

    def _is_unknown(self, word: str | None, label: str) -> bool:
        """Whether a label has no translation, or is kept although the target's closed set lacks it."""
        if word is not None and word.startswith(ATTRIBUTE):
            return self._attribute(word.removeprefix(ATTRIBUTE), label) is None
        if self._keep and self._is_closed(word):
            return label not in self._registry.label_set(self._set(word), self._target)
        return (self.text(label) if word is None else self.word(word, label)) is None

    def _set(self, word: str | None) -> str:
        """The label set of a task word, or of the text level: a closed one, or the open one's name by convention."""
        if word is None:
            return self._task.text_labels or f"{self._task.code}_text"
        if word.startswith(ATTRIBUTE):
            return f"{self._task.code}_{word.removeprefix(ATTRIBUTE)}"
        return self._task.word_labels.get(word) or f"{self._task.code}_word"

    def _write(self, labels: Iterable[tuple[str, str]], todo: Path) -> None:
        """The label table that is missing: each label in the source language, and an empty field for the target's."""
        with atomic(todo) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("set", "key", "language", "label", "aliases", "provenance"))
            for name, label in labels:
                key = self._registry.label_set(name, self._source).get(label, label)
                table.writerow((name, key, self._source, label, "", "ours"))
                table.writerow((name, key, self._target, "", "", "ours"))

    def _look_up(self, name: str, label: str) -> str | None:
        if self._keep:
            return label
        if (name, label) not in self._found:
            self._found[name, label] = self._translated(name, label)
        return self._found[name, label]

    def _translated(self, name: str, label: str) -> str | None:
        key = self._registry.label_set(name, self._source).get(label)
        try:
            return None if key is None else self._registry.spelling(name, key, self._target)
        except RegistryError:
            return None
