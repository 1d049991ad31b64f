"""SCNM from its own source: the sentences and entities of stockmark's ``ner.json``, sentence classes joined by text.

The classes were added by the authors of SCNM (``SCNM_Dataset.csv``); without them the records have no text-level label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from build.core import Drop, KitError, Note, Row
from build.readers.inputs import (
    Unique,
    extra_keys,
    find,
    is_json,
    raw_text,
    read_json,
    read_table,
    record_or_drop,
    row_note,
    some,
    text_id,
)
from build.readers.labels import check_record
from mmm_dataset import Item, Registry, RegistryError
from mmm_f1.locate import locate

SOURCE = "stockmark-ner"
CONFIG = "ja_scnm"
LANGUAGE = "ja"
_KEYS = ("curid", "text", "entities")

Class = tuple[str, str]
"""Sentence class (``sc``), and whether the sentence has entities (``con``: ``0``, ``1``, or empty if not given)."""


def read(
    path: Path, registry: Registry, classes: str | Path | None = None, unknown_labels: str = "stop"
) -> Iterator[Row]:
    """Read ``ner.json``, or the folder that holds it.

    Args:
        path: the file or its folder.
        registry: label sets and licence.
        classes: ``SCNM_Dataset.csv``, or JSON with ``text`` and ``sc``: gives the text-level labels. Its ``con`` is
            checked against the entities.
        unknown_labels: ``stop`` or ``drop``, for rows with an entity type that the label set lacks.

    Raises:
        KitError: a file is missing or not of this shape, or there is such a row and none is to be dropped.
    """
    source = registry.source(SOURCE)
    file = find(path, source)
    unused = _read_classes(Path(classes), registry) if classes else None
    known = dict(unused or {})
    unique = Unique()
    extra: Counter[str] = Counter()
    for where, row in read_json(file, _KEYS, extra):
        if not _is_row(row):
            yield Drop(where, "no_text_or_entities", "the row lacks the keys text and entities", raw_text(row))
            continue
        text = row["text"]
        source_id = unique(f"{row.get('curid', 'page')}-{text_id(text)}")
        name = f"{CONFIG}-{source_id}"
        label: str | None = None
        notes: list[Note] = []
        if unused is not None:
            unused.pop(text.strip(), None)
            label, notes = _label(name, where, row, known.get(text.strip()), registry)
        items, more = _items(name, where, text, row["entities"], registry)
        word = registry.task("scnm").words[0]
        fields = (name, LANGUAGE, "scnm", word, text, label, items)
        record = record_or_drop(where, row, *fields, "rebuilt", SOURCE, source_id, source.licence)
        record = (
            record if isinstance(record, Drop) else check_record(record, registry, f"{file}: {where}", unknown_labels)
        )
        yield from () if isinstance(record, Drop) else notes + more
        yield record
    yield from extra_keys(file, extra)
    if unused:
        detail = f"{len(unused):,} of {len(known):,} sentences are not in {file.name}"
        yield Note(str(classes), "classes_unused", detail)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("text"), str) and isinstance(row.get("entities"), list)


def _read_classes(path: Path, registry: Registry) -> dict[str, Class]:
    file = find(path, registry.source("scnm-classes"))
    classes: dict[str, Class] = {}
    for where, row in read_json(file, ("text", "sc")) if is_json(file) else _read_csv(file):
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("sc"), str):
            found = ", ".join(map(str, row)) if isinstance(row, dict) else type(row).__name__
            raise KitError(f"{file}: {where} needs the fields text and sc, and has: {found}")
        text, label = row["text"].strip(), row["sc"].strip()
        if classes.setdefault(text, (label, str(row.get("con", "")).strip()))[0] != label:
            both = f"{classes[text][0]!r} and {label!r}"
            raise KitError(f"{file}: {where} gives {text[:30]!r} a second class ({both}): keep one")
    return classes


def _read_csv(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    rows = read_table(file)
    _, header = next(rows, (0, []))
    due = "a table with the columns text and sc, or JSON with these keys,"
    for number, fields in some(rows, file, due):
        yield f"line {number}", dict(zip(header, fields, strict=False))


def _label(
    name: str, where: str, row: dict[str, Any], given: Class | None, registry: Registry
) -> tuple[str | None, list[Note]]:
    text = row["text"]
    if given is None:
        return None, [row_note(name, "no_sentence_class", where, "the sentence is not among the classes", text)]
    notes = []
    if given[1] not in ("", str(int(bool(row["entities"])))):
        detail = f"con is {given[1]!r} among the classes, and the row has {len(row['entities'])} entities"
        notes.append(row_note(name, "con_differs", where, detail, text))
    try:
        return registry.canonical("scnm_text", given[0], LANGUAGE), notes
    except RegistryError as error:
        return None, [*notes, row_note(name, "unknown_text_label", where, str(error), text)]


def _items(
    name: str, where: str, text: str, entities: list[Any], registry: Registry
) -> tuple[tuple[Item, ...], list[Note]]:
    items, notes = [], []
    for entity in entities:
        parts = _take_apart(entity, len(text))
        if parts is None:
            detail = "needs a name, a type and a span of two offsets in the text: left out"
            notes.append(row_note(name, "broken_entity", where, detail, raw_text(entity)))
            continue
        label, mention, start, end = parts
        if text[start:end] != mention:
            place = locate(text, [(label, mention)])[0]
            if place is None:
                notes.append(row_note(name, "entity_not_in_text", where, f"{mention!r} left out", text))
                continue
            detail = f"{mention!r} is at {place}, not {(start, end)}: corrected"
            notes.append(row_note(name, "offset_error", where, detail, text))
            start, end = place
        if label in registry.label_set("scnm_word", LANGUAGE):
            label = registry.canonical("scnm_word", label, LANGUAGE)
        items.append(Item.pair(label, mention, start, end))
    return tuple(items), notes


def _take_apart(entity: Any, length: int) -> tuple[str, str, int, int] | None:
    """Type, name, start and end; None if they are not of these types, empty, or outside the text."""
    given = entity if isinstance(entity, dict) else {}
    label, mention, span = (given.get(key) for key in ("type", "name", "span"))
    if not (isinstance(label, str) and label and isinstance(mention, str) and mention):
        return None
    if not (isinstance(span, list) and [type(offset) for offset in span] == [int, int]):
        return None
    start, end = span
    return (label, mention, start, end) if 0 <= start < end <= length else None
