"""The files of the styles that write ``<label>TASK:label;entity``: what their models call things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmm_dataset import Registry
from mmm_dataset.files import sha256
from oiellm.baselines.template import get, template
from oiellm.errors import OiellmError
from oiellm.files import read_toml


@dataclass(frozen=True, slots=True)
class Names:
    """What a model calls the labels and tasks of a config.

    Attributes:
        text: its text-level labels, spelling to key of the registry's set, in the order of the prompt.
        words: its word-level labels, likewise; None: the registry's own spellings.
        tasks: task word to its name for it.
    """

    text: Mapping[str, str]
    words: Mapping[str, str] | None
    tasks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """A style as its file describes it.

    Attributes:
        name, title: of the style, and of the model.
        max_new_tokens: limit of a reply.
        brackets: opening and closing bracket of a text-level label; the first pair is sent, all are read.
        user: template of the prompt.
        system: what comes first, empty for nothing.
        examples: worked ones: text, text-level label, and fields of its items.
        separator: between the parts where they must be one string.
        only: why other configs are refused.
        configs: config to its names.
        digest: SHA-256 of the file.
    """

    name: str
    title: str
    max_new_tokens: int
    brackets: tuple[tuple[str, str], ...]
    user: str
    system: str
    examples: tuple[tuple[str, str, tuple[tuple[str, ...], ...]], ...]
    separator: str
    only: str
    configs: Mapping[str, Names]
    digest: str


PLACES = ("text", "text_labels", "task", "word_labels")
"""Places of ``user``."""


def read_layout(path: Path, registry: Registry) -> Layout:
    """Read a style's file.

    Raises:
        OiellmError: the file is missing or not TOML, lacks something, or names a label that the registry does not have.
    """
    table = read_toml(path)
    brackets = get(table, "brackets", list, path)
    if not brackets or not all(isinstance(pair, str) and len(pair) == 2 for pair in brackets):
        raise OiellmError(f'{path}: brackets: a list of pairs such as "<>" is due')
    labels = get(table, "labels", dict, path)
    configs = {
        name: _names(entry, name, labels, registry, path) for name, entry in get(table, "config", dict, path).items()
    }
    return Layout(
        name=get(table, "name", str, path),
        title=get(table, "title", str, path),
        max_new_tokens=get(table, "max_new_tokens", int, path),
        brackets=tuple((pair[0], pair[1]) for pair in brackets),
        user=template(table, "user", PLACES, path, needs="text"),
        system=get({"system": "", **table}, "system", str, path),
        examples=tuple(_example(entry, path) for entry in table.get("example", [])),
        separator=get({"separator": "", **table}, "separator", str, path),
        only=get(table, "only", str, path),
        configs=configs,
        digest=sha256(path),
    )


def _example(entry: Mapping[str, Any], path: Path) -> tuple[str, str, tuple[tuple[str, ...], ...]]:
    text, items = get(entry, "text", str, path, "example"), get(entry, "items", list, path, "example")
    for item in items:
        if not (isinstance(item, list) and len(item) == 2 and all(isinstance(field, str) for field in item)):
            raise OiellmError(f"{path}: [example] items: {item!r} is no label and entity")
        if item[1] not in text:
            raise OiellmError(f"{path}: [example] items: {item[1]!r} is not in its text")
    return text, get(entry, "label", str, path, "example"), tuple(map(tuple, items))


def _names(entry: Mapping[str, Any], name: str, labels: Mapping[str, Any], registry: Registry, path: Path) -> Names:
    where = f"config.{name}"
    config = registry.config(name)
    task = registry.task(config.task)
    tasks = get(entry, "tasks", dict, path, where)
    if set(tasks) != set(task.words):
        raise OiellmError(f"{path}: [{where}] tasks: names for {', '.join(task.words)} are due")
    text = _set(get(entry, "text", str, path, where), labels, [task.text_labels], config.language, registry, path)
    words = None
    if "words" in entry:
        sets = [task.word_labels.get(word) for word in task.words]
        words = _set(get(entry, "words", str, path, where), labels, sets, config.language, registry, path)
    return Names(text, words, tasks)


def _set(
    name: str, labels: Mapping[str, Any], sets: list[str | None], language: str, registry: Registry, path: Path
) -> Mapping[str, str]:
    table = get(labels, name, dict, path, "labels")
    known = {key for one in sets if one for key in registry.label_set(one, language).values()}
    for spelling, key in table.items():
        if key not in known:
            raise OiellmError(
                f"{path}: [labels.{name}] {spelling} = {key!r}: the registry has {', '.join(sorted(known))}"
            )
    return table
