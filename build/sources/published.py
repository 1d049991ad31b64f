"""The authors' released JSON: 42 files (21 configs, train and test), rows with ``input`` and ``output``.

File names are irregular (``Train_Ch_1_SCPOS_RW_clear2.json``, ``test_Cn_MRE_OIEDataset.json``), so split, language and
task are matched apart. Rows keep their own bytes and the authors' split; a row that cannot be read is kept and
reported with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from build.files import dump
from build.sources.inputs import find_all, missing, read_json
from build.steps import Drop, Note, Row
from mmm_dataset import Failure, Item, Record, Registry, decode, split_input
from mmm_dataset.record import SPLITS, Split
from mmm_dataset.registry import Config, Task
from mmm_f1.unified import find_word

SOURCE = "mmm"
_PATTERNS = ("*.json", "*.jsonl")

Key = tuple[str, Split]


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read the folder of released files, in the order of the registry.

    Raises:
        KitError: no file of the folder is one of the release, or a file is not JSON.
    """
    source = registry.source(SOURCE)
    files: dict[Key, Path] = {}
    for file in find_all(path, source, *_PATTERNS):
        key = match_name(file.name, registry)
        if key is None:
            yield Note(file.name, "unmatched_file", "the name does not tell split, language and task: not read")
        elif key in files:
            detail = f"read instead: {files[key].name}, as {key[0]} {key[1]}; remove one of the two"
            yield Drop(file.name, "second_file", detail)
        else:
            files[key] = file
    if not files:
        raise missing(path, "file named like Train_Ja_0_SCNM_5343.json or test_Ja_5_TCREE_2k.json (42 in all)", source)
    for config in registry.configs.values():
        for split in cast(tuple[Split, ...], SPLITS):
            if found := files.get((config.name, split)):
                yield from _read_file(found, _Place.of(registry, config, split))
            elif registry.task(config.task).file_pattern:
                yield Note(f"{config.name}-{split}", "missing_file", f"no {split} file of {config.name} in {path}")


def match_name(name: str, registry: Registry) -> Key | None:
    """Config and split that a file name tells: split by its beginning, language by its code, task by number or name."""
    name = re.sub(r"[\s-]+", "_", name).lower()
    split = next((split for split in cast(tuple[Split, ...], SPLITS) if name.startswith(split)), None)
    codes = {code.lower(): language.code for language in registry.languages.values() for code in language.file_codes}
    language = next((codes[part] for part in re.split(r"[_.]", name) if part in codes), None)
    places = [
        (at, task.code)
        for task in registry.tasks.values()
        if task.file_pattern and (at := name.find(task.file_pattern.lower())) >= 0
    ]
    if split is None or language is None or not places:
        return None
    config = f"{language}_{min(places)[1]}"
    return (config, split) if config in registry.configs else None


@dataclass(frozen=True)
class _Place:
    """Where a row stands, and the label sets of that place."""

    config: Config
    split: Split
    task: Task
    licence: str
    task_words: Mapping[str, Sequence[str]]
    text_labels: Collection[str] | None
    word_labels: Mapping[str, Collection[str] | None]

    @classmethod
    def of(cls, registry: Registry, config: Config, split: Split) -> _Place:
        task = registry.task(config.task)
        word_labels = {word: registry.word_labels(config, word) for word in task.words}
        licence = registry.source(SOURCE).licence
        return cls(config, split, task, licence, registry.task_words, registry.text_labels(config), word_labels)


def _read_file(file: Path, place: _Place) -> Iterator[Row]:
    count = 0
    for index, (where, row) in enumerate(read_json(file)):
        count += 1
        name = f"{place.config.name}-{place.split}-{index:06d}"
        strings = _strings(row)
        if strings is None:
            yield Drop(name, "no_input_output", f"{where}: the row lacks the strings input and output", dump(row))
        else:
            yield from _read_row(name, strings, place)
    if note := _compare(count, place.config, place.split):
        yield note


def _strings(row: Any) -> tuple[str, str] | None:
    values = (row.get("input"), row.get("output")) if isinstance(row, dict) else (None, None)
    return cast(tuple[str, str], values) if all(isinstance(value, str) for value in values) else None


def _read_row(name: str, raw: tuple[str, str], place: _Place) -> Iterator[Row]:
    text, word, notes = _read_input(name, raw, place.task)
    label, items, more = _read_output(name, raw[1], text, word, place)
    yield from notes + more
    fields = (name, place.config.language, place.task.code, word, text, label, items)
    yield Record(*fields, "published", SOURCE, name, place.licence, split=place.split, raw=raw)


def _read_input(name: str, raw: tuple[str, str], task: Task) -> tuple[str, str, list[Note]]:
    parts = split_input(raw[0], task.words)
    if isinstance(parts, tuple):
        return *parts, []
    word = find_word(raw[1], task.words, "published") or task.words[0]
    return raw[0], word, [Note(name, f"input_{parts.kind}", parts.detail)]


def _read_output(
    name: str, output: str, text: str, word: str, place: _Place
) -> tuple[str | None, tuple[Item, ...] | None, list[Note]]:
    labels = place.word_labels[word]
    decoded = decode(output, word, text=text, labels=labels, form="published", task_words=place.task_words)
    if isinstance(decoded, Failure):
        label, mark, _ = output.partition(f"/{word}/")
        return label if mark and label else None, None, [Note(name, f"output_{decoded.kind}", decoded.detail)]
    notes = [Note(name, issue.kind, issue.detail) for issue in decoded.issues]
    if decoded.ambiguous:
        notes.append(Note(name, "ambiguous", "another reading of the separators fits as well"))
    if place.text_labels is not None and decoded.label not in place.text_labels:
        notes.append(Note(name, "unknown_text_label", f"{decoded.label!r} is not in the label set"))
    return decoded.label, decoded.items, notes


def _compare(count: int, config: Config, split: Split) -> Note | None:
    paper: int | None = getattr(config, split)
    if paper is None or count == paper:
        return None
    detail = f"{count:,} rows, {paper:,} in the paper"
    known = config.deviation or {}
    if known.get(split) == count:
        detail += f"; known deviation: {known['why']} ({known['provenance']})"
    return Note(f"{config.name}-{split}", "row_count", detail)
