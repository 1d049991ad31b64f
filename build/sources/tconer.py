"""TCONER passages from questions per entity type: UniversalNER conversations, or SLIMER's row per passage and type.

Both shapes are read into one record per passage with the items of all its types, in the order asked; the text-level
label is still to be made. Pile-NER-type asks all types in one conversation, CrossNER asks one type per conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from build.files import dump, progress
from build.sources.inputs import Unique, find_all, read_json, text_id
from build.steps import Drop, Note, Row
from mmm_dataset import Item, Record, Registry
from mmm_dataset.record import Origin
from mmm_f1.locate import locate

SOURCE = "pile-ner-type"
CONFIG = "en_tconer"
LANGUAGE = "en"
TASK = "tconer"

_PREFIX = "Text: "
_QUESTION = re.compile(r"(?s)What describes (.+) in the text\?\s*")

Answer = tuple[str, str]
"""Entity type, and the answer as it stands: a JSON list in a string."""


@dataclass
class _Passage:
    source_id: str
    source: str
    origin: Origin
    answers: dict[str, str] = field(default_factory=dict)


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read a JSON array, JSON lines, or a folder of such files.

    Raises:
        KitError: there is no such file, or it is not JSON.
    """
    passages: dict[str, _Passage] = {}
    unique = Unique()
    for file in find_all(path, registry.source(SOURCE), "*.json", "*.jsonl"):
        for where, row in progress(read_json(file), file.name):
            parts = _take_apart(row)
            if parts is None:
                detail = "neither a conversation that begins with 'Text: ' nor a row with input, tagName and output"
                yield Drop(f"{file.name}:{where}", "no_passage", detail, dump(row))
                continue
            name, text, answers, source, origin = parts
            if text not in passages:
                passages[text] = _Passage(unique(name or text_id(text)), source, origin)
            yield from _add(passages[text], answers)
    for text, passage in passages.items():
        yield from _record(text, passage, registry)


Parts = tuple[str | None, str, list[Answer | Note], str, Origin]


def _take_apart(row: Any) -> Parts | None:
    if not isinstance(row, dict):
        return None
    return _conversation(row) if "conversations" in row else _slimer(row)


def _conversation(row: dict[str, Any]) -> Parts | None:
    turns = row["conversations"] if isinstance(row["conversations"], list) else []
    values = [turn["value"] for turn in turns if isinstance(turn, dict) and isinstance(turn.get("value"), str)]
    if len(values) != len(turns) or not values or not values[0].startswith(_PREFIX):
        return None
    answers: list[Answer | Note] = []
    # The first answer only acknowledges the text; then questions and answers alternate.
    for question, answer in zip(values[2::2], values[3::2], strict=False):
        match = _QUESTION.fullmatch(question)
        answers.append((match[1], answer) if match else Note("", "bad_question", question[:80]))
    if len(values) % 2:
        answers.append(Note("", "no_answer", values[-1][:80]))
    name = row.get("id")
    # The evaluation sets in this format ask one type per conversation; Pile-NER-type, MMM's own source, asks them all.
    source = SOURCE if len(answers) > 1 else "universalner"
    origin: Origin = "rebuilt" if source == SOURCE else "stand-in"
    return name if isinstance(name, str) else None, values[0].removeprefix(_PREFIX), answers, source, origin


def _slimer(row: dict[str, Any]) -> Parts | None:
    text, label, output = (row.get(key) for key in ("input", "tagName", "output"))
    if not (isinstance(text, str) and isinstance(label, str) and isinstance(output, str)):
        return None
    name = str(row.get("doc_question_pairID", "")).rpartition(":")[0]
    # SLIMER keeps a sample of the types of each passage, so its passages only stand in for the whole ones.
    return name or None, text, [(label, output)], SOURCE, "stand-in"


def _add(passage: _Passage, answers: list[Answer | Note]) -> Iterator[Note]:
    for answer in answers:
        if isinstance(answer, Note):
            yield Note(passage.source_id, answer.reason, answer.detail)
        elif passage.answers.setdefault(answer[0], answer[1]) != answer[1]:
            yield Note(passage.source_id, "repeated_question", f"{answer[0]!r} is answered twice; the first one counts")


def _record(text: str, passage: _Passage, registry: Registry) -> Iterator[Row]:
    name = f"{CONFIG}-{passage.source_id}"
    if not text.strip():
        yield Drop(name, "empty_text", "the passage is empty")
        return
    pairs: list[tuple[str, str]] = []
    for label, answer in passage.answers.items():
        entities = _entities(answer)
        if entities is None:
            yield Note(name, "bad_answer", f"{label!r}: not a JSON list of strings: {answer[:80]}")
        pairs += [(label, entity) for entity in entities or ()]
    items = []
    for (label, entity), place in zip(pairs, locate(text, pairs), strict=True):
        if place:
            items.append(Item.pair(label, entity, *place))
        elif entity and entity in text:
            yield Note(name, "repeated_pair", f"{label};{entity} is listed more often than it occurs: left out")
        else:
            yield Note(name, "entity_not_in_text", f"{label};{entity}: left out")
    word = registry.task(TASK).words[0]
    licence = registry.source(passage.source).licence
    fields = (name, LANGUAGE, TASK, word, text, None, tuple(items))
    yield Record(*fields, passage.origin, passage.source, passage.source_id, licence)


def _entities(answer: str) -> list[str] | None:
    try:
        entities = json.loads(answer)
    except json.JSONDecodeError:
        return None
    if not isinstance(entities, list) or not all(isinstance(entity, str) for entity in entities):
        return None
    return entities
