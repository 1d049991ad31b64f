"""TCONER passages from questions per entity type: UniversalNER conversations, or SLIMER's row per passage and type.

Both shapes are read into one record per passage with the items of all its types, in the order asked; the text-level
label is still to be made. Pile-NER-type asks all types in one conversation, CrossNER asks one type per conversation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from build.core import Drop, Note, Row
from build.readers.inputs import (
    Unique,
    extra_keys,
    find_all,
    raw_text,
    read_json,
    record_or_drop,
    row_note,
    text_id,
)
from mmm_dataset import Item, Registry
from mmm_dataset.files import progress
from mmm_dataset.record import Origin
from mmm_f1.locate import locate

SOURCE = "pile-ner-type"
CONFIG = "en_tconer"
LANGUAGE = "en"
TASK = "tconer"

_KEYS = ("conversations", "id", "input", "tagName", "output", "doc_question_pairID", "instruction")
_PREFIX = "Text: "
_QUESTION = re.compile(r"(?s)What describes (.+) in the text\?\s*")

Answer = tuple[str, str]
"""Entity type, and the answer as it stands: a JSON list in a string."""


@dataclass
class _File:
    """What the rows of a file come from: the evaluation sets of UniversalNER until a row says otherwise."""

    source: str = "universalner"
    origin: Origin = "own"


@dataclass
class _Passage:
    where: str
    source_id: str
    file: _File
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Entity type to the place of its answer and the answer."""


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read a JSON array, JSON lines, or a folder of such files.

    Raises:
        KitError: there is no such file, or it is not JSON.
    """
    passages: dict[str, _Passage] = {}
    unique = Unique()
    files, notes = find_all(path, registry.source(SOURCE), ".json", ".jsonl")
    yield from notes
    for file in files:
        rows = _File()
        extra: Counter[str] = Counter()
        for where, row in progress(read_json(file, _KEYS, extra), file.name):
            parts = take_apart(row, rows)
            if parts is None:
                detail = "neither a conversation that begins with 'Text: ' nor a row with input, tagName and output"
                yield Drop(where, "no_passage", detail, raw_text(row))
                continue
            name, text, answers = parts
            if text not in passages:
                passages[text] = _Passage(where, unique(name or text_id(text)), rows)
            yield from _add(where, passages[text], answers)
        yield from extra_keys(file, extra)
    for text, passage in passages.items():
        yield from _record(text, passage, registry)


@dataclass
class _Odd:
    """A turn that is not read: why, and what it says."""

    reason: str
    detail: str
    turn: str


Parts = tuple[str | None, str, list[Answer | _Odd]]
"""Id, text, and answers."""


def take_apart(row: Any, file: _File | None = None) -> Parts | None:
    """Id, text and answers of a row; None if it is neither a conversation about a text nor a row of SLIMER."""
    file = file or _File()
    if not isinstance(row, dict):
        return None
    return _conversation(row, file) if "conversations" in row else _slimer(row, file)


def _conversation(row: dict[str, Any], file: _File) -> Parts | None:
    turns = row["conversations"] if isinstance(row["conversations"], list) else []
    values = [turn["value"] for turn in turns if isinstance(turn, dict) and isinstance(turn.get("value"), str)]
    if len(values) != len(turns) or not values or not values[0].startswith(_PREFIX):
        return None
    answers: list[Answer | _Odd] = []
    # The first answer only acknowledges the text; then questions and answers alternate.
    for question, answer in zip(values[2::2], values[3::2], strict=False):
        match = _QUESTION.fullmatch(question)
        answers.append((match[1], answer) if match else _Odd("bad_question", "asks for no type", question))
    if len(values) % 2:
        answers.append(_Odd("no_answer", "the conversation ends in a question", values[-1]))
    # The evaluation sets in this format ask one type per conversation; Pile-NER-type, MMM's own source, asks all types
    # of a passage in one, which a passage of a single type does not show: the other rows of its file do.
    if len(answers) > 1:
        file.source, file.origin = SOURCE, "rebuilt"
    name = row.get("id")
    return name if isinstance(name, str) else None, values[0].removeprefix(_PREFIX), answers


def _slimer(row: dict[str, Any], file: _File) -> Parts | None:
    text, label, output = (row.get(key) for key in ("input", "tagName", "output"))
    if not (isinstance(text, str) and isinstance(label, str) and isinstance(output, str)):
        return None
    name = str(row.get("doc_question_pairID", "")).rpartition(":")[0]
    # SLIMER keeps a sample of the types of each passage, so its passages only stand in for the whole ones.
    file.source = SOURCE
    return name or None, text, [(label, output)]


def _add(where: str, passage: _Passage, answers: list[Answer | _Odd]) -> Iterator[Note]:
    for answer in answers:
        if isinstance(answer, _Odd):
            yield row_note(passage.source_id, answer.reason, where, answer.detail, answer.turn)
        elif passage.answers.setdefault(answer[0], (where, answer[1]))[1] != answer[1]:
            detail = f"{answer[0]!r} is answered twice; the first one counts"
            yield row_note(passage.source_id, "repeated_question", where, detail, answer[1])


def _record(text: str, passage: _Passage, registry: Registry) -> Iterator[Row]:
    name = f"{CONFIG}-{passage.source_id}"
    if not text.strip():
        yield Drop(name, "empty_text", f"{passage.where}: the passage is empty")
        return
    notes: list[Note] = []
    pairs: list[tuple[str, str]] = []
    places: list[str] = []
    for label, (where, answer) in passage.answers.items():
        entities = entities_of(answer)
        if entities is None:
            detail = f"{label!r} is answered by no JSON list of strings"
            notes.append(row_note(name, "bad_answer", where, detail, answer))
        pairs += [(label, entity) for entity in entities or ()]
        places += [where] * len(entities or ())
    items = []
    for (label, entity), where, place in zip(pairs, places, locate(text, pairs), strict=True):
        if place:
            items.append(Item.pair(label, entity, *place))
        elif entity and entity in text:
            detail = f"{entity!r} ({label!r}) is listed more often than it occurs: left out"
            notes.append(row_note(name, "repeated_pair", where, detail, text))
        else:
            detail = f"{entity!r} ({label!r}) left out"
            notes.append(row_note(name, "entity_not_in_text", where, detail, text))
    word = registry.task(TASK).words[0]
    source = registry.source(passage.file.source)
    fields = (name, LANGUAGE, TASK, word, text, None, tuple(items))
    provenance = (passage.file.origin, source.name, passage.source_id, source.licence)
    record = record_or_drop(passage.where, text, *fields, *provenance)
    yield from () if isinstance(record, Drop) else notes
    yield record


def entities_of(answer: str) -> list[str] | None:
    """The entities of an answer; None if it is no JSON list of strings."""
    try:
        entities = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entities, list) or not all(isinstance(entity, str) for entity in entities):
        return None
    return entities
