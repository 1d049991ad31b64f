"""From documents to records: text, task word, items, text-level label, and where the row is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from build.core import Drop, KitError, Row
from build.readers.conll.places import align, join
from build.readers.conll.records import UNSPACED
from build.readers.foreign.document import Document
from build.readers.foreign.items import Findings, Shape, fitting_relations, pair_items, place_mentions, relation_items
from build.readers.inputs import Unique, clean_label, listed, raw_text, record_or_drop, row_note, stem, text_id
from build.readers.labels import TextLabels, check_record
from build.readers.offsets import Offsets, Scale
from build.readers.provenance import Provenance, is_written_by_convert
from mmm_dataset import Item, Record, Registry
from mmm_dataset.record import SPLITS, Split
from mmm_dataset.registry import Config

_REBUILT: Final = "text rebuilt from the words"


@dataclass(frozen=True)
class Target:
    """What all rows of a run share."""

    registry: Registry
    config: Config
    provenance: Provenance
    labels: TextLabels
    unknown_labels: str
    root: Path
    unique: Unique = field(default_factory=Unique)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """What an item needs, for each task word of the task."""
        words = self.registry.task(self.config.task).words
        return {word: Shape(self.registry.task_words[word]) for word in words}

    @cached_property
    def only_label(self) -> str | None:
        """The text-level label of a task that has one only."""
        return self.registry.fixed_text_label(self.config)


@dataclass(frozen=True)
class Entry:
    """A document, where it stands (place, file, number in the file), and the split that the file's name says."""

    where: str
    file: Path
    number: int
    document: Document
    split: Split | None


@dataclass
class _Counts:
    """What a file has, and what became of it: most of it lost is a fault of the file."""

    mentions: int = 0
    placed: int = 0
    misplaced: int = 0
    relations: int = 0
    items: int = 0
    texts: int = 0
    differing: int = 0
    first: dict[str, str] = field(default_factory=dict)


def to_rows(entries: Sequence[Entry], target: Target, scale: Scale, where: Path) -> Iterator[Row]:
    """The records of a file, with drops and notes.

    Raises:
        KitError: most of its entities cannot be placed, no relation fits the task, or a label is not in the registry.
    """
    _check_key(entries, target.labels)
    counts = _Counts()
    joiner = _joiner(entries, target)
    rows: list[Row] = []
    for entry in entries:
        rows += _rows(entry, target, scale, joiner, counts)
    if fault := _fault(counts, rows, target):
        raise KitError(f"{where}: {fault}")
    yield from rows


def _check_key(entries: Sequence[Entry], labels: TextLabels) -> None:
    """Raise KitError if ``--label-from`` names a key that no row has."""
    if labels.kind != "key" or not entries:
        return
    keys = {key: None for entry in entries for key in (*entry.document.labels, *entry.document.meta)}
    if labels.key not in keys:
        raise KitError(
            f"{entries[0].file}: no row has the key {labels.key!r} (--label-from){listed(list(keys), '; there are: ')}"
        )


def _joiner(entries: Sequence[Entry], target: Target) -> str:
    """What stands between words if the rows have no text: nothing if the script has no blanks, or blanks are words."""
    words = [word for entry in entries for word in entry.document.tokens or ()]
    characters = " " in words and sum(len(word) == 1 for word in words) >= 0.95 * len(words)
    unspaced = UNSPACED & set(target.registry.languages[target.config.language].scripts)
    return "" if characters or unspaced else " "


def _fault(counts: _Counts, rows: Sequence[Row], target: Target) -> str | None:
    """What is wrong with a file of which most is lost."""
    first = next(iter(counts.first.values()), "")
    if counts.differing and counts.differing == counts.texts:
        return (
            f"no text is made of the words beside it, as in {counts.first['text_differs']}; without the key of the text it is "
            "made of the words"
        )
    if 2 * counts.misplaced > counts.mentions:
        return (
            f"the offsets of {counts.misplaced:,} of {counts.mentions:,} entities fit the text in no unit, such as: "
            f"{counts.first['offset_error']}; --offsets none places entities by their strings"
        )
    if counts.mentions > 2 * counts.placed:
        return f"{counts.mentions - counts.placed:,} of {counts.mentions:,} entities have no place: {first}"
    for reason, said in (
        ("region_without_label", "no region of it has a label"),
        ("region_of_other_field", "no region of it is on the text (--text-key)"),
    ):
        if not counts.mentions and reason in counts.first:
            return f"{said}: {counts.first[reason]}"
    if (counts.mentions or counts.relations) and not counts.items and first:
        return f"nothing in it fits the task {target.config.task}: {first}"
    lost = [row for row in rows if isinstance(row, Drop)]
    if lost and not any(isinstance(row, Record) for row in rows):
        return f"none of its {len(lost):,} rows makes a record: {lost[0].detail}"
    return None


def _rows(entry: Entry, target: Target, scale: Scale, joiner: str, counts: _Counts) -> Iterator[Row]:
    document, findings = entry.document, Findings(list(entry.document.notes))
    text, tokens = _text(entry, joiner, findings)
    counts.texts += document.tokens is not None and document.text is not None
    counts.differing += ("text_differs", _REBUILT) in findings.notes
    if not text.strip():
        yield Drop(entry.where, "empty_text", f"{entry.where}: the text is empty")
        return
    word = _word(document, target)
    shape = target.shapes[word]
    places = place_mentions(document, text, scale, tokens, findings)
    make = relation_items if len(shape.spans) > 1 else pair_items
    items = make(document, text, places, shape, findings)
    counts.mentions += len(document.mentions)
    counts.placed += len(places)
    counts.misplaced += sum(reason == "offset_error" for reason, _ in findings.notes)
    counts.relations += len(document.relations)
    counts.items += len(items)
    record = _record(entry, target, text, word, tuple(items), findings)
    for reason, detail in findings.notes:
        counts.first.setdefault(reason, f"{entry.where}: {detail}")
    if isinstance(record, Record):
        for reason, detail in findings.notes:
            yield row_note(record.id, reason, entry.where, raw_text(detail), text)
    yield record


def _text(entry: Entry, joiner: str, findings: Findings) -> tuple[str, list[Offsets]]:
    """The text, and where its words stand if the format has words."""
    document = entry.document
    if document.tokens is None:
        return document.text or "", []
    words = list(document.tokens)
    size = len(words)
    for mention in document.mentions.values():
        start, end = mention.start or 0, mention.end or 0
        if not 0 <= start <= end < size:
            raise KitError(
                f"{entry.file}: {entry.where}: an entity reaches from word {start} to {end} of {size:,}; words count from 0, "
                "and the end is the last word of the entity, not the one after it"
            )
    if document.text is not None and (places := align(document.text, words)) is not None:
        return document.text, places
    text, places = join(words, [joiner] * size)
    reason = "text_differs" if document.text is not None else "no_text"
    findings.add(reason, _REBUILT)
    return text, places


def _word(document: Document, target: Target) -> str:
    """The task word that the row names, else the one that most of its relations fit, else the first."""
    shapes = target.shapes
    if (named := document.meta.get("task_word")) in shapes:
        return str(named)
    if len(shapes) == 1:
        return next(iter(shapes))
    fits = {word: fitting_relations(document, shape) if len(shape.spans) > 1 else 0 for word, shape in shapes.items()}
    return max(fits, key=lambda word: fits[word])


def _record(
    entry: Entry, target: Target, text: str, word: str, items: tuple[Item, ...], findings: Findings
) -> Record | Drop:
    meta, config, given = entry.document.meta, target.config, target.provenance
    own = is_written_by_convert(meta)
    name = meta.get("id")
    plain = f"{config.name}-{name if isinstance(name, (str, int)) else f'{stem(entry.file)}-{entry.number:05d}'}"
    source_id = meta.get("source_id")
    record = record_or_drop(
        entry.where,
        text,
        id=target.unique(meta["id"] if own else plain),
        language=config.language,
        task=config.task,
        word=word,
        text=text,
        label=_label(entry, target, findings),
        items=items if entry.document.is_annotated else None,
        origin=given.origin,
        source=meta["source"] if own else given.source,
        source_id=source_id if isinstance(source_id, str) and source_id else text_id(text),
        licence=meta["license"] if own else given.license,
        split=_split(entry, own),
    )
    if isinstance(record, Drop):
        return record
    return check_record(record, target.registry, f"{entry.file}: {entry.where}", target.unknown_labels)


def _split(entry: Entry, own: bool) -> Split | None:
    said = entry.document.meta.get("split") if own else None
    return entry.split or next((split for split in SPLITS if split == said), None)


def _label(entry: Entry, target: Target, findings: Findings) -> str | None:
    """The text-level label: what the options say, else what the format has, else the only one that the task has."""
    document, labels = entry.document, target.labels
    if labels.kind == "key":
        given = document.labels.get(labels.key) or document.meta.get(labels.key)
        values = [
            str(value) for value in (given if isinstance(given, list) else [given]) if isinstance(value, (str, int))
        ]
    elif (fixed := labels.of_file(entry.file, target.root, target.config.language)) is not None:
        values = [fixed]
    elif isinstance(written := document.meta.get("text_label"), str):
        values = [written]
    elif (only := target.only_label) is not None:
        if others := [value for values in document.labels.values() for value in values if value != only]:
            findings.add("text_label_not_read", f"{', '.join(others)}: all rows of the task have the label {only!r}")
        values = [only]
    else:
        fields = {name: values for name, values in document.labels.items() if values}
        if len(fields) > 1:
            raise KitError(
                f"{entry.file}: {entry.where}: several fields label the text ({', '.join(fields)}): choose one with "
                f"--label-from key:{next(iter(fields))}"
            )
        values = next(iter(fields.values()), [])
    cleaned = list(dict.fromkeys(filter(None, map(clean_label, values))))
    if len(cleaned) > 1:
        findings.add("several_text_labels", f"{', '.join(cleaned)}: none is taken")
    if len(cleaned) != 1:
        return None
    if values[0] != cleaned[0]:
        findings.add("label_trimmed", f"{values[0]!r} is taken as {cleaned[0]!r}")
    return cleaned[0]
