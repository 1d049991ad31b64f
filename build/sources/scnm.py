"""SCNM from its own source: the sentences and entities of stockmark's ``ner.json``, sentence classes joined by text.

The classes were added by the authors of SCNM (``SCNM_Dataset.csv``); without them the records have no text-level label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from build.files import dump
from build.sources.inputs import Unique, find, is_json, read_json, read_table, text_id
from build.steps import Drop, KitError, Note, Row
from mmm_dataset import Item, Record, Registry, RegistryError
from mmm_f1.locate import locate

SOURCE = "stockmark-ner"
CONFIG = "ja_scnm"
LANGUAGE = "ja"


def read(path: Path, registry: Registry, classes: str | Path | None = None) -> Iterator[Row]:
    """Read ``ner.json``, or the folder that holds it.

    Args:
        path: the file or its folder.
        registry: label sets and licence.
        classes: ``SCNM_Dataset.csv``, or JSON with ``text`` and ``sc``: gives the text-level labels.

    Raises:
        KitError: a file is missing or not of this shape.
    """
    source = registry.source(SOURCE)
    file = find(path, source)
    unused = _read_classes(Path(classes), registry) if classes else None
    known = dict(unused or {})
    unique = Unique()
    for where, row in read_json(file):
        if not _is_row(row):
            yield Drop(where, "no_text_or_entities", "the row lacks the keys text and entities", dump(row))
            continue
        text = row["text"]
        source_id = unique(f"{row.get('curid', 'page')}-{text_id(text)}")
        name = f"{CONFIG}-{source_id}"
        label = None
        if unused is not None:
            unused.pop(text.strip(), None)
            label, notes = _label(name, known.get(text.strip()), registry)
            yield from notes
        items, notes = _items(name, text, row["entities"], registry)
        yield from notes
        word = registry.task("scnm").words[0]
        yield Record(name, LANGUAGE, "scnm", word, text, label, items, "rebuilt", SOURCE, source_id, source.licence)
    if unused:
        detail = f"{len(unused):,} of {len(known):,} sentences are not in {file.name}"
        yield Note(str(classes), "classes_unused", detail)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("text"), str) and isinstance(row.get("entities"), list)


def _read_classes(path: Path, registry: Registry) -> dict[str, str]:
    file = find(path, registry.source("scnm-classes"))
    classes: dict[str, str] = {}
    for where, row in read_json(file) if is_json(file) else _read_csv(file):
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("sc"), str):
            found = ", ".join(map(str, row)) if isinstance(row, dict) else type(row).__name__
            raise KitError(f"{file}: {where} needs the fields text and sc, and has: {found}")
        text, label = row["text"].strip(), row["sc"].strip()
        if classes.setdefault(text, label) != label:
            both = f"{classes[text]!r} and {label!r}"
            raise KitError(f"{file}: {where} gives {text[:30]!r} a second class ({both}): keep one")
    return classes


def _read_csv(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    rows = read_table(file)
    _, header = next(rows, (0, []))
    yield from ((f"line {number}", dict(zip(header, fields, strict=False))) for number, fields in rows)


def _label(name: str, spelling: str | None, registry: Registry) -> tuple[str | None, list[Note]]:
    if spelling is None:
        return None, [Note(name, "no_sentence_class", "the sentence is not among the classes")]
    try:
        return registry.canonical("scnm_text", spelling, LANGUAGE), []
    except RegistryError as error:
        return None, [Note(name, "unknown_text_label", str(error))]


def _items(
    name: str, text: str, entities: list[Mapping[str, Any]], registry: Registry
) -> tuple[tuple[Item, ...], list[Note]]:
    items, notes = [], []
    for entity in entities:
        try:
            label, mention, (start, end) = entity["type"], entity["name"], entity["span"]
        except (KeyError, TypeError, ValueError):
            notes.append(Note(name, "broken_entity", f"needs name, type and span: {dump(entity)}"))
            continue
        if text[start:end] != mention:
            place = locate(text, [(label, mention)])[0]
            if place is None:
                notes.append(Note(name, "entity_not_in_text", f"{mention!r}: left out"))
                continue
            notes.append(Note(name, "offset_error", f"{mention!r} is at {place}, not {(start, end)}: corrected"))
            start, end = place
        try:
            label = registry.canonical("scnm_word", label, LANGUAGE)
        except RegistryError as error:
            notes.append(Note(name, "unknown_label", str(error)))
        items.append(Item.pair(label, mention, start, end))
    return tuple(items), notes
