"""TCREE: the authors' CSV when it is given, else snippets of the livedoor news corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from build.files import dump
from build.sources import livedoor
from build.sources.inputs import Unique, read_table, text_id
from build.sources.livedoor import LANGUAGE, TASK
from build.steps import Drop, KitError, Note, Row
from mmm_dataset import Failure, Item, Record, Registry, decode, split_input

Read = tuple[str | None, tuple[Item, ...] | None, list[Note]]


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read ``TCREE_dataset.csv`` (or a folder with it), the livedoor folder, or ``ldcc-20140209.tar.gz``.

    Raises:
        KitError: nothing of the kind is there, or the CSV has other columns than those known.
    """
    table = path if path.suffix == ".csv" else path / registry.source("tcree").files[0]
    yield from _read_csv(table, registry) if table.is_file() else livedoor.read(path, registry)


def _read_csv(file: Path, registry: Registry) -> Iterator[Row]:
    rows = read_table(file)
    _, header = next(rows, (0, []))
    unified = {"input", "output"} <= set(header)
    if not unified and not {"text", "label"} <= set(header):
        found = ", ".join(header) or "none"
        raise KitError(f"{file}: name the columns input and output, or text and label; found: {found}")
    unique, licence = Unique(), registry.source("tcree").licence
    for number, fields in rows:
        row = dict(zip(header, fields, strict=False))
        text, word, read = _read_unified(row, registry) if unified else _read_plain(row, registry)
        if not text:
            yield Drop(f"{file.name}:{number}", "empty_text", "the row has no text", dump(row))
            continue
        source_id = unique(text_id(text))
        label, items, notes = read
        name = f"{LANGUAGE}_{TASK}-{source_id}"
        yield from (Note(name, note.reason, note.detail) for note in notes)
        yield Record(name, LANGUAGE, TASK, word, text, label, items, "rebuilt", "tcree", source_id, licence)


def _read_unified(row: dict[str, str], registry: Registry) -> tuple[str, str, Read]:
    words = registry.task(TASK).words
    parts = split_input(row.get("input", ""), words)
    if isinstance(parts, Failure):
        return row.get("input", ""), words[0], (None, None, [Note("", f"input_{parts.kind}", parts.detail)])
    text, word = parts
    labels = registry.word_labels(registry.configs[f"{LANGUAGE}_{TASK}"], word)
    decoded = decode(row.get("output", ""), word, text=text, labels=labels, form="published")
    if isinstance(decoded, Failure):
        return text, word, (None, None, [Note("", f"output_{decoded.kind}", decoded.detail)])
    notes = [Note("", issue.kind, issue.detail) for issue in decoded.issues]
    label, more = _category(decoded.label, registry)
    return text, word, (label, decoded.items, notes + more)


def _read_plain(row: dict[str, str], registry: Registry) -> tuple[str, str, Read]:
    label, notes = _category(row.get("label", ""), registry)
    return row.get("text", ""), registry.task(TASK).words[0], (label, None, notes)


def _category(spelling: str, registry: Registry) -> tuple[str | None, list[Note]]:
    # How the authors renamed the categories is unknown: a name that the table lacks is kept as it is.
    if spelling in registry.label_set("tcree_text", LANGUAGE):
        return registry.canonical("tcree_text", spelling, LANGUAGE), []
    return spelling or None, [Note("", "unknown_text_label", f"{spelling!r} is not in the label set")]
