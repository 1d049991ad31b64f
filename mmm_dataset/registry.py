"""The one place that knows the configs: languages, tasks, label sets, sources and sizes, all read from data files.

``mmm_dataset/data/registry.toml`` and ``labels.csv`` hold the 21 configs of MMM. More files can be loaded on top, so a new
config, language or data set is new rows of data: ``load("xsid", "my.toml")``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mmm_dataset.record import Record
from mmm_f1.unified import LABEL, PAIR, TASK_WORDS

_T = TypeVar("_T")
_DATA = Path(__file__).parent / "data"
_SECTIONS = ("language", "task", "task_word", "source", "train_share", "config")
_TYPES: dict[str, Any] = {
    "str": str,
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "tuple[str, ...]": tuple,
}
_IN_WORDS = {
    "str": "a text",
    "str | None": "a text",
    "int | None": "a whole number",
    "tuple[str, ...]": "a list of texts",
}
_PROVENANCE = frozenset({"paper", "card", "source", "inferred", "ours"})


class RegistryError(ValueError):
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
    """All configs and what they refer to, by name, in the order of the files; and the files, name to SHA-256."""

    languages: Mapping[str, Language]
    tasks: Mapping[str, Task]
    sources: Mapping[str, Source]
    configs: Mapping[str, Config]
    labels: tuple[Label, ...]
    label_index: Mapping[tuple[str, str], dict[str, str]]
    train_share: Mapping[str, float]
    task_words: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]

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
        """Hold a record's task word and labels against the registry.

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
        if texts is not None and record.label not in texts:
            raise RegistryError(f"record {record.id!r}: {record.label!r} is no text-level label: {', '.join(texts)}")
        unknown = [item.label for item in record.items or () if items is not None and item.label not in items]
        if unknown:
            raise RegistryError(
                f"record {record.id!r}: {unknown[0]!r} is no label of its items: {', '.join(items or ())}"
            )

    def share(self, family: str) -> float:
        """Share of source items on the train side of built data."""
        return self.train_share.get(family, self.train_share["default"])


@lru_cache(maxsize=8)
def load(*extra: str) -> Registry:
    """Read the registry of MMM and, on top, further files: a path to a TOML file, or the name of one that ships (``xsid``).

    Rows of a later file replace rows of the same name. A file may name its own label table: ``labels = "my.csv"``.

    Raises:
        RegistryError: a file is missing, is not TOML, or refers to something that does not exist.
    """
    merged: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    labels: list[Label] = []
    files: dict[str, str] = {}
    for path in (_DATA / "registry.toml", *map(_find, extra)):
        data = _parse_toml(path, _read(path, files))
        if (name := data.pop("labels", None)) is not None:
            table = path.parent / str(name)
            labels += _parse_labels(table, _read(table, files))
        for section, rows in data.items():
            if section not in _SECTIONS or not isinstance(rows, dict):
                raise RegistryError(f"{path}: no section [{section}]; there are: {', '.join(_SECTIONS)}")
            merged[section].update(rows)
    registry = _make(merged, labels, files)
    _check(registry)
    return registry


def _read(path: Path, files: dict[str, str]) -> str:
    try:
        content = path.read_bytes()
        files[path.name] = hashlib.sha256(content).hexdigest()
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RegistryError(f"{path}: the file is missing") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error


def _find(name: str) -> Path:
    shipped = _DATA / f"{name}.toml"
    path = Path(name)
    if path.suffix != ".toml" and shipped.is_file():
        return shipped
    if not path.is_file():
        raise RegistryError(f"no registry file {name!r}: give a .toml path, or one that ships: xsid")
    return path


def _parse_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path}: not valid TOML: {error}") from error


def _parse_labels(path: Path, text: str) -> list[Label]:
    labels = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), 2):
        try:
            aliases = tuple(filter(None, row["aliases"].split("|")))
            labels.append(Label(row["set"], row["key"], row["language"], row["label"], aliases, row["provenance"]))
        except (KeyError, AttributeError) as error:
            raise RegistryError(
                f"{path}:{number}: a row needs the columns set,key,language,label,aliases,provenance"
            ) from error
        if not row["label"]:
            raise RegistryError(f"{path}:{number}: the label is empty")
    return labels


def _make(merged: Mapping[str, dict[str, Any]], labels: list[Label], files: dict[str, str]) -> Registry:
    words = {word: tuple(roles) for word, roles in TASK_WORDS.items()}
    for word, roles in merged["task_word"].items():
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise RegistryError(f"[task_word] {word} = {roles!r}: must be a list of roles, such as ['LABEL', 'entity']")
        words[word] = tuple(roles)

    def table(section: str, cls: type, key: str) -> dict[str, Any]:
        out = {}
        for name, row in merged[section].items():
            try:
                out[name] = cls(**{key: name, **{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}})
                _check_types(f"[{section}.{name}]", out[name])
            except (TypeError, AttributeError) as error:
                raise RegistryError(f"[{section}.{name}]: {str(error).split(') ', 1)[-1]}") from error
        return out

    tasks = table("task", Task, "code")
    # A word that no table describes writes label-entity pairs; the scorer must still know that it is one.
    words |= {
        word: PAIR for task in tasks.values() for word in task.words if isinstance(word, str) and word not in words
    }
    rows = tuple({(label.set, label.key, label.language): label for label in labels}.values())
    return Registry(
        table("language", Language, "code"),
        tasks,
        table("source", Source, "name"),
        table("config", Config, "name"),
        rows,
        _index(rows),
        merged["train_share"],
        words,
        files,
    )


def _check_types(where: str, row: Any) -> None:
    for column in fields(row):
        value, kind = getattr(row, column.name), str(column.type)
        if kind in _TYPES and not isinstance(value, _TYPES[kind]):
            raise RegistryError(f"{where}: {column.name} is {value!r}; it must be {_IN_WORDS[kind]}")


def _check(registry: Registry) -> None:
    for label in registry.labels:
        if label.provenance not in _PROVENANCE:
            raise RegistryError(
                f"label {label.label!r}: provenance {label.provenance!r} is not one of {sorted(_PROVENANCE)}"
            )
    for word, roles in registry.task_words.items():
        names = [role.removesuffix("?") for role in roles]
        if not word or "/" in word or roles.count(LABEL) != 1 or len(set(names)) != len(names) or len(names) < 2:
            raise RegistryError(
                f"task word {word!r}: needs one {LABEL} and other roles, each once, and no '/' in the word"
            )
    for family, share in registry.train_share.items():
        if not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise RegistryError(f"[train_share] {family} = {share!r}: must be a share from 0 to 1")
    for task in registry.tasks.values():
        _check_task(task, registry)
    for config in registry.configs.values():
        _check_config(config, registry)


def _check_task(task: Task, registry: Registry) -> None:
    where = f"[task.{task.code}]"
    if not task.words or not all(isinstance(word, str) for word in task.words):
        raise RegistryError(f'{where}: words must be a list of task words, such as ["NER"]')
    if not isinstance(task.word_labels, Mapping) or not set(task.word_labels) <= set(task.words):
        raise RegistryError(f"{where}: word_labels must be a table with some of the words {', '.join(task.words)}")
    sets = {label.set for label in registry.labels}
    for name in filter(None, (task.text_labels, *task.word_labels.values())):
        if name not in sets:
            raise RegistryError(f"{where}: no label set {name!r} in the label tables")


def _check_config(config: Config, registry: Registry) -> None:
    where = f"[config.{config.name}]"
    if config.language not in registry.languages or config.task not in registry.tasks:
        raise RegistryError(f"{where}: unknown language {config.language!r} or task {config.task!r}")
    if config.name != f"{config.language}_{config.task}":
        raise RegistryError(f"{where}: the name must be {config.language}_{config.task}")
    for source in config.upstream:
        _get(registry.sources, source, "source")
    task = registry.tasks[config.task]
    for name in filter(None, (task.text_labels, *task.word_labels.values())):
        if not registry.label_set(name, config.language):
            raise RegistryError(
                f"{where}: the label set {name!r} has no row in {config.language}; add them to a label table"
            )


def _get(table: Mapping[str, _T], name: str, what: str) -> _T:
    if name not in table:
        raise RegistryError(f"no {what} {name!r}; there are: {', '.join(table)}")
    return table[name]


def _index(labels: tuple[Label, ...]) -> dict[tuple[str, str], dict[str, str]]:
    """(set, language) to spelling to key; where two rows share a spelling, the first row has it."""
    index: dict[tuple[str, str], dict[str, str]] = {}
    for label in labels:
        table = index.setdefault((label.set, label.language), {})
        for spelling in (label.label, *label.aliases):
            table.setdefault(spelling, label.key)
    return index
