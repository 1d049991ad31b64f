"""The one place that knows the configs: languages, tasks, label sets, sources and sizes.

:mod:`mmm_dataset.registry_files` reads it from data files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mmm_dataset.record import Record
from mmm_f1.errors import UserError

_T = TypeVar("_T")


class RegistryError(UserError, ValueError):
    """A registry file is wrong, or something asked for is not in it; the message says what there is instead."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its name, how the authors' file names write it, and the scripts its texts may hold."""

    code: str
    name: str
    file_codes: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its task words, label sets (None: open labels), split family, and part of the authors' file names."""

    code: str
    title: str
    description: str
    family: str
    words: tuple[str, ...]
    text_labels: str | None = None
    word_labels: Mapping[str, str] = field(default_factory=dict)
    file_pattern: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: title, address, licence and its terms, files, and pinned downloads where public."""

    name: str
    title: str
    url: str
    licence: str
    terms: tuple[str, ...]
    files: tuple[str, ...] = ()
    download: tuple[Mapping[str, str], ...] = ()
    hub: tuple[str, ...] = ()
    provenance: str = "ours"


@dataclass(frozen=True, slots=True)
class Config:
    """One sub-dataset: language, task, and the paper's sizes in rows (Tables 2 to 4), None where it has none."""

    name: str
    language: str
    task: str
    version: str
    total: int | None = None
    train: int | None = None
    test: int | None = None
    upstream: tuple[str, ...] = ()
    translated_from: str | None = None
    deviation: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """One label in one language: the spelling that is written, the ones that are read as well, and who says so."""

    set: str
    key: str
    language: str
    label: str
    aliases: tuple[str, ...]
    provenance: str


@dataclass(frozen=True, slots=True)
class Registry:
    """All configs and what they refer to, by name, in the order of the files.

    Attributes:
        files: path to SHA-256 of the files it was read from; those beside MMM's own are under ``registry/``.
        extra: path to content of the files beside MMM's own: what travels inside a release.
        given: names under which these were asked for.
    """

    languages: Mapping[str, Language]
    tasks: Mapping[str, Task]
    sources: Mapping[str, Source]
    configs: Mapping[str, Config]
    labels: tuple[Label, ...]
    label_index: Mapping[tuple[str, str], dict[str, str]]
    train_share: Mapping[str, float]
    task_words: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]
    extra: Mapping[str, bytes] = field(default_factory=dict)
    given: tuple[str, ...] = ()

    def config(self, name: str) -> Config:
        """The config of this name. Raises RegistryError with the names there are."""
        return _get(self.configs, name, "config")

    def task(self, code: str) -> Task:
        """The task of this code. Raises RegistryError with the codes there are."""
        return _get(self.tasks, code, "task")

    def source(self, name: str) -> Source:
        """The source of this name. Raises RegistryError with the names there are."""
        return _get(self.sources, name, "source")

    def label_set(self, name: str, language: str) -> dict[str, str]:
        """Spelling to key of a label set in a language, aliases included; empty if the set has no such language."""
        return self.label_index.get((name, language), {})

    def spelling(self, name: str, key: str, language: str) -> str:
        """How a language writes a label. Raises RegistryError if the table has no such row."""
        for label in self.labels:
            if (label.set, label.key, label.language) == (name, key, language):
                return label.label
        raise RegistryError(f"labels.csv has no {language} row for {key!r} in the set {name!r}")

    def text_labels(self, config: Config) -> dict[str, str] | None:
        """Spelling to key of the config's text-level labels, or None if they are open."""
        name = self.task(config.task).text_labels
        return self.label_set(name, config.language) if name else None

    def fixed_text_label(self, config: Config) -> str | None:
        """The text-level label of every row, if the closed set has one label only: such a task has the word level alone."""
        name = self.task(config.task).text_labels
        keys = set(self.label_set(name, config.language).values()) if name else set()
        return self.spelling(name, keys.pop(), config.language) if name and len(keys) == 1 else None

    def word_labels(self, config: Config, word: str) -> dict[str, str] | None:
        """Spelling to key of the word-level labels under a task word, or None if they are open."""
        name = self.task(config.task).word_labels.get(word)
        return self.label_set(name, config.language) if name else None

    def canonical(self, name: str, spelling: str, language: str) -> str:
        """The table's own spelling of a label that may be written with an alias.

        Raises:
            RegistryError: no row of the set has this spelling; the message lists the labels there are.
        """
        index = self.label_set(name, language)
        if spelling not in index:
            raise RegistryError(
                f"{spelling!r} is no {language} label of {name!r}: {', '.join(index) or 'the set is empty'}"
            )
        return self.spelling(name, index[spelling], language)

    def check_labels(self, record: Record) -> None:
        """Hold a record's task word and labels against the registry; a level that is not annotated yet has none.

        Raises:
            RegistryError: the word is none of the task's, or a label of a closed set is not in it; names the record.
        """
        config = self.config(record.config)
        words = self.task(record.task).words
        if record.word not in words:
            raise RegistryError(
                f"record {record.id!r}: {record.word!r} is no task word of {record.task}: {', '.join(words)}"
            )
        texts, items = self.text_labels(config), self.word_labels(config, record.word)
        if texts is not None and record.label is not None and record.label not in texts:
            allowed = ", ".join(texts)
            raise RegistryError(f"record {record.id!r}: unknown text-level label {record.label!r}; allowed: {allowed}")
        unknown = [item.label for item in record.items or () if items is not None and item.label not in items]
        if unknown:
            raise RegistryError(
                f"record {record.id!r}: unknown entity label {unknown[0]!r}; allowed: {', '.join(items or ())}"
            )

    def share(self, family: str) -> float:
        """Share of source items on the train side of built data."""
        return self.train_share.get(family, self.train_share["default"])


def _get(table: Mapping[str, _T], name: str, what: str) -> _T:
    if name not in table:
        raise RegistryError(f"no {what} {name!r}; there are: {', '.join(table)}")
    return table[name]


def index_labels(labels: Iterable[Label]) -> dict[tuple[str, str], dict[str, str]]:
    """(set, language) to spelling to key; where two rows share a spelling, the first row has it."""
    index: dict[tuple[str, str], dict[str, str]] = {}
    for label in labels:
        table = index.setdefault((label.set, label.language), {})
        for spelling in (label.label, *label.aliases):
            table.setdefault(spelling, label.key)
    return index
