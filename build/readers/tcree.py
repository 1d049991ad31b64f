"""TCREE: the authors' CSV when it is given, else snippets of the livedoor news corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from build.core import Drop, KitError, Row
from build.readers import livedoor
from build.readers.inputs import Unique, read_table, record_or_drop, row_note, some, text_id
from build.readers.labels import check_record
from build.readers.livedoor import LANGUAGE, TASK
from mmm_dataset import Failure, Item, Registry, decode, split_input
from mmm_dataset.files import dump
from mmm_f1.unified import UNKNOWN_LABEL

Odd = tuple[str, str, str]
"""Reason and detail of a note, and the string it is about."""

Read = tuple[str | None, tuple[Item, ...] | None, list[Odd]]


def read(path: Path, registry: Registry, unknown_labels: str = "stop") -> Iterator[Row]:
    """Read ``TCREE_dataset.csv`` (or a folder with it), the livedoor folder, or ``ldcc-20140209.tar.gz``.

    Raises:
        KitError: nothing of the kind is there, the CSV has other columns than those known, or a row has a label that the label
            sets lack and ``unknown_labels`` is not ``drop``.
    """
    table = path if path.suffix == ".csv" else path / registry.source("tcree").files[0]
    yield from _read_csv(table, registry, unknown_labels) if table.is_file() else livedoor.read(path, registry)


def _read_csv(file: Path, registry: Registry, unknown_labels: str) -> Iterator[Row]:
    rows = read_table(file)
    _, header = next(rows, (0, []))
    unified = {"input", "output"} <= set(header)
    if not unified and not {"text", "label"} <= set(header):
        found = ", ".join(header) or "none"
        raise KitError(f"{file}: name the columns input and output, or text and label; found: {found}")
    unique, licence = Unique(), registry.source("tcree").licence
    for number, fields in some(rows, file, "a table with rows below its header"):
        where = f"{file.name}:{number}"
        row = dict(zip(header, fields, strict=False))
        text, word, read = _read_unified(row, registry) if unified else _read_plain(row, registry)
        if not text:
            yield Drop(where, "empty_text", "the row has no text", dump(row))
            continue
        source_id = unique(text_id(text))
        label, items, odds = read
        name = f"{LANGUAGE}_{TASK}-{source_id}"
        parts = (name, LANGUAGE, TASK, word, text, label, items)
        record = record_or_drop(where, row, *parts, "rebuilt", "tcree", source_id, licence)
        record = (
            record if isinstance(record, Drop) else check_record(record, registry, f"{file}: {where}", unknown_labels)
        )
        if not isinstance(record, Drop):
            yield from (row_note(name, reason, where, detail, string) for reason, detail, string in odds)
        yield record


def _read_unified(row: dict[str, str], registry: Registry) -> tuple[str, str, Read]:
    words = registry.task(TASK).words
    given, output = row.get("input", ""), row.get("output", "")
    parts = split_input(given, words)
    if isinstance(parts, Failure):
        return given, words[0], (None, None, [(f"input_{parts.kind}", parts.detail, given)])
    text, word = parts
    labels = registry.word_labels(registry.configs[f"{LANGUAGE}_{TASK}"], word)
    decoded = decode(output, word, text=text, labels=labels, form="published")
    if isinstance(decoded, Failure):
        return text, word, (None, None, [(f"output_{decoded.kind}", decoded.detail, output)])
    odds = [(issue.kind, issue.detail, output) for issue in decoded.issues if issue.kind != UNKNOWN_LABEL]
    return text, word, (_category(decoded.label, registry), decoded.items, odds)


def _read_plain(row: dict[str, str], registry: Registry) -> tuple[str, str, Read]:
    label = _category(row.get("label", ""), registry)
    odds = [] if label else [("no_text_label", "the category is empty", row.get("text", ""))]
    return row.get("text", ""), registry.task(TASK).words[0], (label, None, odds)


def _category(spelling: str, registry: Registry) -> str | None:
    known = spelling in registry.label_set("tcree_text", LANGUAGE)
    return registry.canonical("tcree_text", spelling, LANGUAGE) if known else spelling or None
