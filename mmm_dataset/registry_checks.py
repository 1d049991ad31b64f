"""Rows of registry files, checked: all mistakes at once, each with its file and line."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from mmm_dataset.names import RULE, is_plain_name
from mmm_dataset.registry import Config, Label, Language, Registry, RegistryError, Source, Task, index_labels
from mmm_f1.unified import LABEL, PAIR, TASK_WORDS, is_span, role_name

SECTIONS: Final = ("language", "task", "task_word", "source", "train_share", "config")
PROVENANCE: Final = ("paper", "card", "source", "inferred", "ours")

_ROWS: Final[Mapping[str, tuple[type, str]]] = {
    "language": (Language, "code"),
    "task": (Task, "code"),
    "source": (Source, "name"),
    "config": (Config, "name"),
}
_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "str": (str, "a string"),
    "str | None": (str, "a string"),
    "int | None": (int, "an integer"),
    "tuple[str, ...]": (list, "a list of strings"),
    "tuple[Mapping[str, str], ...]": (list, "a list of tables"),
    "Mapping[str, str]": (dict, "a table"),
    "Mapping[str, Any] | None": (dict, "a table"),
}
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {"source": {"url": "", "terms": []}, "config": {"version": "1.0.0"}}
_COLUMNS: Final = ("set", "key", "language", "label")
_NAME: Final = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*\]")
_KEY: Final = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


@dataclass(frozen=True)
class File:
    """A registry file or a label table.

    Attributes:
        path: where it is, for messages.
        name: the path under which it travels in a release.
        content: its bytes.
        text: these, decoded.
        data: what the TOML says; empty for a label table.
    """

    path: Path
    name: str
    content: bytes
    text: str
    data: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def lines(self) -> dict[tuple[str, ...], int]:
        """Line of every table header and key, by its dotted name: ``tomllib`` tells none."""
        found: dict[tuple[str, ...], int] = {}
        above: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                parts = above = _parts(header[1])
            elif key := _KEY.match(line):
                parts = (*above, *_parts(key[1]))
            else:
                continue
            for end in range(1, len(parts) + 1):
                found.setdefault(parts[:end], number)
        return found

    def at(self, *name: str) -> str:
        """File, line and name of an entry, for messages."""
        known = (name[:end] for end in range(len(name), 0, -1) if name[:end] in self.lines)
        line = self.lines.get(next(known, ()))
        where = f"[{'.'.join(name[:2])}]" + (f" {name[2]}" if len(name) > 2 else "")
        return f"{self.path}:{line}: {where}" if line else f"{self.path}: {where}"


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))


@dataclass
class Mistakes:
    """What is wrong, collected."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, message: str) -> None:
        """Note a mistake."""
        self.found.append(f"{where}: {message}")

    def check(self) -> None:
        """Raise RegistryError if there are any: one line each."""
        if len(self.found) == 1:
            raise RegistryError(self.found[0])
        if self.found:
            listed = "".join(f"\n  {line}" for line in self.found)
            raise RegistryError(f"{len(self.found)} mistakes in registry files:{listed}")


def make_registry(files: Sequence[File], given: tuple[str, ...], mistakes: Mistakes) -> Registry:
    """The registry that files make, later ones on top.

    Raises:
        RegistryError: with all mistakes of all files.
    """
    entries: dict[str, dict[str, tuple[File, Any]]] = {section: {} for section in SECTIONS}
    labels: list[Label] = []
    for file in files:
        if file.path.suffix == ".csv":
            try:
                labels += _read_labels(file, mistakes)
            except csv.Error as error:  # a quote that is not closed takes all lines below into one field
                mistakes.add(str(file.path), f"not valid CSV: {error}; is every quote closed?")
        for section, rows in file.data.items():
            if section == "labels":
                continue
            if section not in SECTIONS or not isinstance(rows, dict):
                mistakes.add(file.at(section), f"no such section; the sections: {', '.join(SECTIONS)}")
                continue
            entries[section].update({name: (file, row) for name, row in rows.items()})
    tables = {
        section: dict(_rows(section, cls, key, entries[section], mistakes)) for section, (cls, key) in _ROWS.items()
    }
    words = _task_words(entries["task_word"], tables["task"], mistakes)
    _check_train_share(entries["train_share"], mistakes)
    rows = tuple({(label.set, label.key, label.language): label for label in labels}.values())
    check = _References(entries, {(label.set, label.language) for label in rows}, mistakes)
    for task in tables["task"].values():
        check.task(task)
    for config in tables["config"].values():
        check.config(config, tables["task"].get(config.task))
    mistakes.check()
    return Registry(
        tables["language"],
        tables["task"],
        tables["source"],
        tables["config"],
        rows,
        index_labels(rows),
        {family: share for family, (_, share) in entries["train_share"].items()},
        words,
        {file.name: file.digest for file in files},
        {file.name: file.content for file in files if "/" in file.name},
        given,
    )


def _read_labels(file: File, mistakes: Mistakes) -> Iterator[Label]:
    table = csv.DictReader(io.StringIO(file.text, newline=""), strict=True)
    if lacking := [column for column in _COLUMNS if column not in (table.fieldnames or ())]:
        mistakes.add(
            f"{file.path}:1", f"missing columns {', '.join(lacking)}; expected {','.join(_COLUMNS)},aliases,provenance"
        )
        return
    lines: dict[tuple[str, str, str], int] = {}
    for row in table:
        where = f"{file.path}:{table.line_num}"
        if None in row:
            mistakes.add(
                where, f"more than {len(table.fieldnames or ())} columns: put quotes around a label with a comma"
            )
            continue
        if empty := [column for column in _COLUMNS if not row[column]]:
            mistakes.add(where, f"the label has no {' and no '.join(empty)}")
            continue
        provenance = row.get("provenance") or "source"
        if provenance not in PROVENANCE:
            mistakes.add(where, f"provenance {provenance!r} is not one of {', '.join(PROVENANCE)}")
        name = row["set"], row["key"], row["language"]
        if (line := lines.setdefault(name, table.line_num)) != table.line_num:
            mistakes.add(where, f"the same set, key and language as in line {line}: a further spelling is an alias")
        yield Label(*name, row["label"], tuple(filter(None, (row.get("aliases") or "").split("|"))), provenance)


def _rows(
    section: str, cls: type, key: str, entries: Mapping[str, tuple[File, Any]], mistakes: Mistakes
) -> Iterator[tuple[str, Any]]:
    """The rows of a section that are right by themselves."""
    for name, (file, row) in entries.items():
        before = len(mistakes.found)
        if not is_plain_name(name):
            mistakes.add(file.at(section, name), f"the name must be of {RULE}")
        if not isinstance(row, dict):
            mistakes.add(file.at(section, name), f"expected a table, got {row!r}")
            continue
        values: dict[str, Any] = {**_DEFAULTS.get(section, {}), **row}
        if section == "task":
            values.setdefault("family", name)
        if "license" in values and section == "source":
            values["licence"] = values.pop("license")
        _check_row(cls, key, values, partial(file.at, section, name), mistakes)
        if len(mistakes.found) == before:
            yield name, cls(**{key: name, **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}})


def _check_row(cls: type, key: str, values: Mapping[str, Any], at: Callable[..., str], mistakes: Mistakes) -> None:
    known = {column.name: column for column in fields(cls) if column.name != key}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
            mistakes.add(at(name), f"unknown key; {hint}")
            continue
        kind, wanted = _TYPES[str(known[name].type)]
        of_kind = isinstance(value, kind) and not isinstance(value, bool)
        if not of_kind or (wanted == "a list of strings" and not all(isinstance(part, str) for part in value)):
            mistakes.add(at(name), f"expected {wanted}, got {value!r}")
    for name, column in known.items():
        if name not in values and column.default is MISSING and column.default_factory is MISSING:
            mistakes.add(at(), f"missing key {'license' if name == 'licence' else name}")


def _task_words(
    entries: Mapping[str, tuple[File, Any]], tasks: Mapping[str, Task], mistakes: Mistakes
) -> dict[str, tuple[str, ...]]:
    words = {word: tuple(roles) for word, roles in TASK_WORDS.items()}
    for word, (file, roles) in entries.items():
        where = file.at("task_word", word)
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            mistakes.add(where, f"expected a list of roles, such as ['LABEL', 'entity'], got {roles!r}")
            continue
        names = [role_name(role) for role in roles]
        if not word or "/" in word or roles.count(LABEL) != 1 or len(set(names)) != len(names) or len(names) < 2:
            mistakes.add(where, f"needs one {LABEL} and other roles, each once, and no '/' in the word")
        elif not all(names) or not any(map(is_span, roles)):
            mistakes.add(where, "needs a role that is a piece of the text; '@' begins an attribute")
        elif LABEL.lower() in names:
            mistakes.add(where, "no role can have the name 'label': it is the key of the label in JSON")
        words[word] = tuple(roles)
    # A word that no table describes writes label-entity pairs; the scorer must still know that it is one.
    return words | {word: PAIR for task in tasks.values() for word in task.words if word not in words}


def _check_train_share(entries: Mapping[str, tuple[File, Any]], mistakes: Mistakes) -> None:
    for family, (file, share) in entries.items():
        if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 <= share <= 1:
            mistakes.add(file.at("train_share", family), f"must be a number from 0 to 1, got {share!r}")


@dataclass(frozen=True)
class _References:
    """Names that rows use of other rows; those of a wrong row count as known, so that one mistake is said once."""

    entries: Mapping[str, Mapping[str, tuple[File, Any]]]
    label_sets: set[tuple[str, str]]
    mistakes: Mistakes

    def task(self, task: Task) -> None:
        at = partial(self.entries["task"][task.code][0].at, "task", task.code)
        if not task.words:
            self.mistakes.add(at("words"), 'expected a list of task words, such as ["NER"]')
        for word in task.words:
            if not word or "/" in word:
                self.mistakes.add(at("words"), f"the task word {word!r} must not be empty or hold a '/'")
        if strange := set(task.word_labels) - set(task.words):
            self.mistakes.add(at("word_labels"), f"{min(strange)!r} is not one of the words {', '.join(task.words)}")
        names = {name for name, _ in self.label_sets}
        for key, wanted in (("text_labels", [task.text_labels]), ("word_labels", task.word_labels.values())):
            for name in wanted:
                if name is not None and name not in names:
                    self.mistakes.add(at(key), f"no label set {name!r} in the label tables")

    def config(self, config: Config, task: Task | None) -> None:
        at = partial(self.entries["config"][config.name][0].at, "config", config.name)
        for key, section, names in (
            ("language", "language", [config.language]),
            ("task", "task", [config.task]),
            ("upstream", "source", config.upstream),
        ):
            known = self.entries[section]
            for name in names:
                if name not in known:
                    self.mistakes.add(at(key), f"unknown {section} {name!r}; there are: {', '.join(known)}")
        if config.name != f"{config.language}_{config.task}":
            self.mistakes.add(at(), f"the name must be {config.language}_{config.task}")
        for other in self.entries["config"]:
            if other != config.name and other.lower() == config.name.lower():
                why = f"differs from {other} in upper and lower case alone: some systems take them for one"
                self.mistakes.add(at(), why)
        for name in filter(None, (task.text_labels, *task.word_labels.values())) if task else ():
            if (name, config.language) not in self.label_sets and any(name == known for known, _ in self.label_sets):
                why = f"the label set {name!r} has no row in {config.language}; add them to a label table"
                self.mistakes.add(at(), why)
