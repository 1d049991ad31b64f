"""Annotations as JSON objects: the schema that servers enforce, how an example is written, and how a reply is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mmm_dataset import Record
from mmm_dataset.codec import item_fields
from mmm_dataset.files import dump
from mmm_f1.unified import LABEL, role_name, shape
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.said import Said, TaskWords
from oiellm.llm.answers import read_object, strict_schema
from oiellm.llm.calls import Reply
from oiellm.predict.deviations import NOT_JSON, SURROUNDED, WRONG_KEYS

_TEXT, _ITEMS = "label", "items"


def names(roles: Sequence[str]) -> list[str]:
    """Keys of an item, in the order of the task word's roles."""
    return ["label" if role == LABEL else role_name(role) for role in roles]


def schema_of(word: str, labels: ConfigLabels, task_words: TaskWords) -> dict[str, Any]:
    """JSON schema of a reply: labels of closed sets are an enumeration, open ones any string."""
    roles = shape(word, task_words)
    fields = {
        name: _label(labels.words[word]) if role == LABEL else {"type": "string"}
        for name, role in zip(names(roles), roles)
    }
    item = {key: value for key, value in strict_schema("item", **fields).items() if key != "title"}
    return strict_schema("annotation", **{_TEXT: _label(labels.text), _ITEMS: {"type": "array", "items": item}})


def _label(labels: Labels) -> dict[str, Any]:
    return {"type": "string"} if labels.listed is None else {"type": "string", "enum": list(labels.listed)}


def example(record: Record, task_words: TaskWords) -> str:
    """An annotated row as a reply."""
    roles = shape(record.word, task_words)
    items = [dict(zip(names(roles), item_fields(item, roles))) for item in record.items or ()]
    return dump({_TEXT: record.label, _ITEMS: items})


def read_strictly(text: str, word: str, task_words: TaskWords) -> Said | str:
    """What a reply says that is exactly an object of the schema; else the kind of its deviation."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON
    if not isinstance(found, dict):
        return NOT_JSON
    said = _said(found, word, task_words)
    return WRONG_KEYS if said is None or said.overlooked else said


def read_leniently(text: str, word: str, task_words: TaskWords) -> Said | None:
    """What the one JSON object in a reply says, wherever it stands; items that are not as they should be are left out."""
    found = read_object(Reply(text))
    said = None if found is None else _said(found, word, task_words)
    if said is None:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return Said(said.label, said.items, (*said.overlooked, SURROUNDED))
    return said


def _said(found: Mapping[str, Any], word: str, task_words: TaskWords) -> Said | None:
    label, items = found.get(_TEXT), found.get(_ITEMS)
    if not isinstance(label, str) or not label:
        return None
    roles = shape(word, task_words)
    good = [fields for item in items if (fields := _fields(item, roles))] if isinstance(items, list) else []
    whole = isinstance(items, list) and len(good) == len(items) and set(found) == {_TEXT, _ITEMS}
    exact = whole and all(set(item) == set(names(roles)) for item in items or ())
    return Said(label, tuple(good), () if exact else (WRONG_KEYS,))


def _fields(item: Any, roles: Sequence[str]) -> tuple[str, ...] | None:
    if not isinstance(item, dict):
        return None
    found = []
    for name, role in zip(names(roles), roles):
        value = item.get(name)
        if value is None and role.endswith("?"):
            value = ""
        if not isinstance(value, str) or not (value or role.endswith("?")):
            return None
        found.append(value)
    return tuple(found)
