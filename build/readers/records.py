"""Bring your own: JSON lines of records, as ``mmm_dataset.to_dict`` writes them; ``docs/sources.md`` has an example.

Put right, and noted: offsets in UTF-16 units or bytes, told by the text over the whole file; spans without offsets, by the
rule of :mod:`mmm_f1.locate`; blanks at the ends of labels. Rows with the authors' own strings stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from build.core import KitError, Note, Row
from build.readers.foreign.formats import KEYS, formats_of
from build.readers.inputs import clean_label, find_all, read_json
from build.readers.offsets import CODE_POINTS, Marked, Offsets, Scale, find_scale
from mmm_dataset import Item, Record, RecordError, Registry, RegistryError, Span, from_dict
from mmm_f1.locate import locate

OPTIONS: Final = {"offsets": "what offsets count: codepoints, utf16 or bytes (default: told by the text)"}
"""Options of the reader; their help."""


def read(path: Path, registry: Registry, offsets: str | None = None) -> Iterator[Row]:
    """Read a file of records (JSON lines or an array, gzipped or not), or all ``*.jsonl`` of a folder.

    Raises:
        KitError: a line is not a valid record, its config or a label is not in the registry, or its id is there twice.
    """
    seen: dict[str, set[str]] = {}
    files, notes = find_all(path, registry.source("user"), ".jsonl")
    yield from notes
    for file in files:
        parser = _Parser(file, find_scale(list(_spans(file)), str(file), offsets) if offsets else None)
        for place, row in _rows(file):
            where = str(file.with_name(place))
            record = parser.parse(row, where)
            _check(record, where, registry, seen.setdefault(record.config, set()))
            yield from parser.notes
            parser.notes.clear()
            yield record


@dataclass
class _Parser:
    """Makes records of the rows of a file; ``scale`` is None as long as all offsets fit as code points."""

    file: Path
    scale: Scale | None
    notes: list[Note] = field(default_factory=list)

    def parse(self, row: Any, where: str) -> Record:
        """The record of a row. Raises KitError if it is none."""
        if not isinstance(row, dict):
            raise KitError(f"{where}: a {type(row).__name__} where a record (a JSON object) was due{_hint(row)}")
        try:
            record = self._make(row)
        except RecordError as error:
            if self.scale is not None or not any(True for _ in _marked(row)):
                raise KitError(f"{where}: {error}{_hint(row)}") from error
            self.scale = self._find_scale(row.get("id"))
            if self.scale == CODE_POINTS:
                raise KitError(f"{where}: {error}") from error
            self.notes.append(
                Note(self.file.name, "offsets_converted", f"from {where} on, offsets count {self.scale}: put right")
            )
            try:
                record = self._make(row)
            except RecordError:
                raise KitError(f"{where}: {error}") from error
        return record if record.raw else self._put_right(record, where)

    def _make(self, row: dict[str, Any]) -> Record:
        if self.scale not in (None, CODE_POINTS):
            for span, marked in _marked(row):
                if (place := self.scale.place(marked)) is not None:
                    span["start"], span["end"] = place
        return from_dict(row)

    def _find_scale(self, id: Any) -> Scale:
        """What the offsets of the whole file count, after a row that does not fit as code points.

        Raises:
            KitError: rows before this one fit either way.
        """
        scale = find_scale(list(_spans(self.file)), str(self.file))
        for _, row in _rows(self.file):
            if row.get("id") == id:
                return scale
            spans = [marked for _, marked in _marked(row)]
            if any(scale.place(span) != CODE_POINTS.place(span) for span in spans):
                raise KitError(
                    f"{self.file}: record {row.get('id')!r} fits as code points, others only as {scale}: give "
                    f"--offsets {scale.unit}"
                )
        return scale

    def _put_right(self, record: Record, where: str) -> Record:
        label = clean_label(record.label or "") or record.label
        items = [_trimmed(item) for item in record.items or ()]
        if trimmed := sum(a != b for a, b in zip(items, record.items or ())) + (label != record.label):
            self.notes.append(Note(record.id, "label_trimmed", f"{where}: blanks at the ends of {trimmed:,} labels"))
        added = 0
        if any(span.start is None and span.text for item in items for span in item.spans):
            items, added = _located(record.text, items)
        if added:
            self.notes.append(Note(record.id, "offsets_added", f"{where}: {added:,} spans had no offsets"))
        return replace(record, label=label, items=record.items and tuple(items)) if trimmed or added else record


def _rows(file: Path) -> Iterator[tuple[str, Any]]:
    return read_json(file, KEYS, any_rows=True)  # `read` leaves an empty file where all rows went to another


def _hint(row: Any) -> str:
    """What else the row may be."""
    found = [] if isinstance(row, dict) and "source_id" in row else formats_of([row])
    return f"; this looks like {' or '.join(found)}: read it with `read foreign`" if found else ""


def _check(record: Record, where: str, registry: Registry, ids: set[str]) -> None:
    if record.config not in registry.configs:
        raise KitError(f"{where}: no config {record.config!r} in the registry: add it (--registry FILE.toml)")
    if record.raw is None:
        if not all(map(clean_label, (record.label or "x", *(item.label for item in record.items or ())))):
            raise KitError(
                f"{where}: record {record.id!r} has a label of nothing but blanks: name it, or leave the item out"
            )
        try:
            registry.check_labels(record)
        except RegistryError as error:
            raise KitError(f"{where}: {error}") from error
    if record.id in ids:
        raise KitError(f"{where}: the id {record.id!r} is in {record.config} already: make it unique")
    ids.add(record.id)


def _marked(row: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Marked]]:
    """The spans of a row that have offsets and say their text, as they stand in the row and for comparison."""
    text, items = row.get("text"), row.get("items")
    for item in items if isinstance(items, list) else ():
        spans = item.get("spans", [item]) if isinstance(item, dict) else ()
        for span in spans if isinstance(text, str) and isinstance(spans, list) else ():
            if not isinstance(span, dict) or not isinstance(span.get("text"), str):
                continue
            if type(span.get("start")) is int and type(span.get("end")) is int:
                yield span, Marked(str(text), span["start"], span["end"], span["text"])


def _spans(file: Path) -> Iterator[Marked]:
    for _, row in _rows(file):
        if isinstance(row, dict):
            yield from (marked for _, marked in _marked(row))


def _trimmed(item: Item) -> Item:
    label = clean_label(item.label)
    return item if label == item.label or not label else replace(item, label=label)


def _located(text: str, items: list[Item]) -> tuple[list[Item], int]:
    """The items with the offsets that the text tells, and how many spans got some.

    A pair takes a place that no equal pair has; the arguments of relations and events are mentions, so equal strings share one.
    """
    single = [item for item in items if len(item.spans) == 1]
    keys = [((item.label, item.attributes), item.spans[0].text) for item in single]
    taken = {(key, item.spans[0].start) for key, item in zip(keys, single)}
    free: dict[Any, list[Offsets]] = {}
    for key, place in zip(keys, locate(text, keys)):
        if place is not None and (key, place[0]) not in taken:
            free.setdefault(key, []).append(place)
    arguments = list(dict.fromkeys(s.text for item in items if len(item.spans) > 1 for s in item.spans if s.text))
    shared = dict(zip(arguments, locate(text, [("", argument) for argument in arguments])))
    added = 0

    def placed(item: Item, span: Span) -> Span:
        nonlocal added
        if span.start is not None:
            return span
        mine = free.get(((item.label, item.attributes), span.text))
        place = (mine.pop(0) if mine else None) if len(item.spans) == 1 else shared.get(span.text)
        added += place is not None
        return span if place is None else replace(span, start=place[0], end=place[1])

    found = [replace(item, spans=tuple([placed(item, span) for span in item.spans])) for item in items]
    return found, added
