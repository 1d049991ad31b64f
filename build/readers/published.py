"""The authors' released JSON: 42 files (21 configs, train and test), rows with ``input`` and ``output``.

File names are irregular (``Train_Ch_1_SCPOS_RW_clear2.json``, ``test_Cn_MRE_OIEDataset.json``), so split, language and
task are matched apart. Rows keep their own bytes and the authors' split; a row that cannot be read is kept and
reported with the reason.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from build.core import Drop, KitError, Note, Row
from build.files import GZIP
from build.readers.inputs import (
    extra_keys,
    find_all,
    listed,
    missing,
    raw_text,
    read_json,
    record_or_drop,
    row_note,
)
from mmm_dataset import Failure, Item, Registry, decode, split_input
from mmm_dataset.files import sha256
from mmm_dataset.record import Split
from mmm_dataset.registry import Config, Task
from mmm_f1.unified import find_word

SOURCE = "mmm"
_KEYS = ("input", "output")
_SPLITS: Final[tuple[Split, ...]] = ("train", "test")  # the authors have no validation files
# A file of at least FEW rows, of which this share fails in one way, fails as a whole.
FEW: Final = 3
WHOLE: Final = 0.95

Key = tuple[str, Split]
Odd = tuple[str, str]
"""Reason and detail of a note."""


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read the folder of released files, in the order of the registry.

    Raises:
        KitError: no file of the folder is one of the release, or files are broken: all of them are named.
    """
    source = registry.source(SOURCE)
    found, notes = find_all(path, source, ".json", ".jsonl")
    yield from notes
    unmatched = [note.id for note in notes]
    files: dict[Key, list[Path]] = {}
    # Of two files for one place the one with the shorter name is read: copies are named "... (1).json".
    for file in sorted(found, key=lambda file: (len(file.name), file.name)):
        if key := match_name(file.name, registry):
            files.setdefault(key, []).append(file)
        else:
            unmatched.append(file.name)
            yield Note(file.name, "unmatched_file", "the name does not tell split, language and task: not read")
    if not files:
        what = "file named like Train_Ja_0_SCNM_5343.json or test_Ja_5_TCREE_2k.json (42 in all)"
        raise missing(path, what + listed(unmatched, "; not matched: "), source)
    broken: list[str] = []
    for config in registry.configs.values():
        for split in _SPLITS:
            if given := files.get((config.name, split)):
                yield from _read_place(given, _Place.of(registry, config, split), broken)
            elif registry.task(config.task).file_pattern:
                detail = f"no {split} file of {config.name} in {path}{listed(unmatched, '; not matched: ')}"
                yield Note(f"{config.name}-{split}", "missing_file", detail)
    if broken:
        raise KitError(broken[0] if len(broken) == 1 else f"{len(broken)} files cannot be read: {'; '.join(broken)}")


def match_name(name: str, registry: Registry) -> Key | None:
    """Config and split that a file name tells: split by its beginning, language by its code, task by number or name."""
    name = re.sub(r"[\s-]+", "_", name).lower()
    split = next((split for split in _SPLITS if name.startswith(split)), None)
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


def _read_place(files: Sequence[Path], place: _Place, broken: list[str]) -> Iterator[Row]:
    """Rows of the first file; the others are second ones. What is broken is added to ``broken``."""
    first, *others = files
    for rows in (_read_file(first, place), *(_drop_file(other, first) for other in others)):
        try:
            yield from rows
        except KitError as error:
            broken.append(str(error))


def _drop_file(file: Path, first: Path) -> Iterator[Row]:
    if sha256(file) == sha256(first):
        yield Note(file.name, "identical_copy", f"read instead: {first.name}, the same bytes")
        return
    for where, row in read_json(file, _KEYS):
        yield Drop(where, "second_file", f"read instead: {first.name}; remove one of the two", raw_text(row))


def _read_file(file: Path, place: _Place) -> Iterator[Row]:
    count = 0
    extra: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    for index, (where, row) in enumerate(read_json(file, _KEYS, extra)):
        count += 1
        name = f"{place.config.name}-{place.split}-{index:06d}"
        strings = _strings(row)
        if strings is None:
            ways["no_input_output"] += 1
            yield Drop(name, "no_input_output", f"{where}: the row lacks the strings input and output", raw_text(row))
        else:
            rows = _read_row(name, where, strings, place)
            ways.update(_ways(strings, rows, place))
            yield from rows
    way, fails = max(ways.items(), key=lambda item: item[1], default=("", 0))
    if count >= FEW and fails >= WHOLE * count:
        yield Note(file.name, "whole_file", f"{fails:,} of {count:,} rows: {way}")
    yield from extra_keys(file, extra)
    yield from filter(
        None, (_compare(count, place.config, place.split), _compare_size(file, place.config, place.split))
    )


def _strings(row: Any) -> tuple[str, str] | None:
    values = (row.get("input"), row.get("output")) if isinstance(row, dict) else (None, None)
    return cast(tuple[str, str], values) if all(isinstance(value, str) for value in values) else None


def _ways(raw: tuple[str, str], rows: Sequence[Row], place: _Place) -> set[str]:
    """In which ways a row fails: the likely cause where it shows, else the reasons."""
    reasons = {row.reason for row in rows if isinstance(row, (Note, Drop))}
    cause = _cause(raw, place) if any(reason.startswith(("input_", "output_")) for reason in reasons) else None
    return {cause} if cause else reasons


def _cause(raw: tuple[str, str], place: _Place) -> str | None:
    words = place.task.words
    if find_word(raw[0], words, "published") and isinstance(split_input(raw[1], words), tuple):
        return "input and output are swapped"
    parts = split_input(raw[0], tuple(place.task_words))
    if isinstance(parts, tuple) and parts[1] not in words:
        return f"rows end in /{parts[1]}, the file name says {' or '.join(words)}"
    return None


def _read_row(name: str, where: str, raw: tuple[str, str], place: _Place) -> list[Row]:
    text, word, of_input = _read_input(raw, place.task)
    label, items, of_output = _read_output(raw[1], text, word, place)
    fields = (name, place.config.language, place.task.code, word, text, label, items)
    source = ("published", SOURCE, name, place.licence)
    record = record_or_drop(where, raw, *fields, *source, split=place.split, raw=raw)
    if isinstance(record, Drop):
        return [record]
    notes = [
        row_note(name, reason, where, detail, string)
        for string, odds in zip(raw, (of_input, of_output))
        for reason, detail in odds
    ]
    return [*notes, record]


def _read_input(raw: tuple[str, str], task: Task) -> tuple[str, str, list[Odd]]:
    parts = split_input(raw[0], task.words)
    if isinstance(parts, tuple):
        return *parts, []
    word = find_word(raw[1], task.words, "published") or task.words[0]
    return raw[0], word, [(f"input_{parts.kind}", parts.detail)]


def _read_output(
    output: str, text: str, word: str, place: _Place
) -> tuple[str | None, tuple[Item, ...] | None, list[Odd]]:
    labels = place.word_labels[word]
    decoded = decode(output, word, text=text, labels=labels, form="published", task_words=place.task_words)
    if isinstance(decoded, Failure):
        label, mark, _ = output.partition(f"/{word}/")
        return label if mark and label else None, None, [(f"output_{decoded.kind}", decoded.detail)]
    odds = [(issue.kind, issue.detail) for issue in decoded.issues]
    if decoded.ambiguous:
        odds.append(("ambiguous", "another reading of the separators fits as well"))
    if place.text_labels is not None and decoded.label not in place.text_labels:
        odds.append(("unknown_text_label", f"{decoded.label!r} is not in the label set"))
    return decoded.label, decoded.items, odds


def _compare(count: int, config: Config, split: Split) -> Note | None:
    paper: int | None = getattr(config, split)
    if paper is None or count == paper:
        return None
    detail = f"{count:,} rows, {paper:,} in the paper"
    known = config.deviation or {}
    if known.get(split) == count:
        detail += f"; known deviation: {known['why']} ({known['provenance']})"
    return Note(f"{config.name}-{split}", "row_count", detail)


@cache
def _sizes() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def known_size(config: str, split: str) -> int | None:
    """Size in bytes of the authors' file, as the Hub lists it; None where it is not known."""
    kilobytes = _sizes().get(split, {}).get(config)
    return None if kilobytes is None else 1000 * int(kilobytes)


def _compare_size(file: Path, config: Config, split: Split) -> Note | None:
    known, size = known_size(config.name, split), file.stat().st_size
    with file.open("rb") as content:
        zipped = content.read(len(GZIP)) == GZIP
    if known is None or zipped or abs(size - known) <= _sizes()["tolerance"] * known:
        return None
    return Note(
        f"{config.name}-{split}", "file_size", f"{file.name}: {size / 1000:,.0f} kB, {known / 1000:,.0f} kB at the Hub"
    )
