"""Annotations as JSON objects: the schema that servers enforce, how an example is written, and how a reply is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mmm_dataset import Record
from mmm_dataset.codec import item_fields
from mmm_dataset.files import dump
from mmm_f1.unified import LABEL, role_name, shape
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.parsed import ParsedAnswer, TaskWords
from oiellm.llm.answers import is_nothing, read_object, strict_schema, unique_keys
from oiellm.llm.calls import Reply
from oiellm.predict.deviations import NOT_JSON, SURROUNDED, WRONG_KEYS

_TEXT, _ITEMS = "label", "items"
LISTS: Final = (_ITEMS, "entities", "relations", "events", "annotations")
_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "label": ("type", "category", "class", "tag", "entity_type", "relation", "event", "sentiment"),
    "entity": ("text", "word", "mention", "name", "span"),
}
"""What models call the fields of an item."""


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


def read_strictly(text: str, word: str, task_words: TaskWords) -> ParsedAnswer | str:
    """What a reply says that is exactly an object of the schema; else the kind of its deviation."""
    try:
        found = json.loads(text, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):
        return NOT_JSON
    if not isinstance(found, dict):
        return NOT_JSON
    said = _said(found, word, task_words)
    return WRONG_KEYS if said is None or said.tolerated else said


def read_leniently(text: str, word: str, task_words: TaskWords) -> ParsedAnswer | None:
    """What the one JSON object in a reply says, wherever it stands; None if any part of it is not understood."""
    found = read_object(Reply(text), _TEXT, *LISTS)
    said = None if found is None else _said(found, word, task_words)
    if said is None:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return ParsedAnswer(said.label, said.items, (*said.tolerated, SURROUNDED))
    return said


def find_list(found: Mapping[str, Any]) -> Any:
    """The items of an object, under any of the names that models give them; ``...`` if it names none, or several."""
    given = [found[name] for name in LISTS if name in found]
    value = given[0] if len(given) == 1 else ...
    return [] if isinstance(value, str) and is_nothing(value) else value


def read_fields(item: Any, roles: Sequence[str]) -> tuple[str, ...] | None:
    """The fields of an item in the order of the roles, an absent one empty; None if it is no object with a string for each.

    Keys may be in other case, and labels and entities have the names of ``_SYNONYMS`` as well.
    """
    if not isinstance(item, dict):
        return None
    folded = {key.strip().casefold(): value for key, value in item.items()}
    found = []
    for name, role in zip(names(roles), roles):
        value = item.get(name)
        if value is None:
            others = [folded[key] for key in (name.casefold(), *_SYNONYMS.get(name, ())) if folded.get(key) is not None]
            value = others[0] if len(set(map(str, others))) == 1 else "" if role.endswith("?") else None
        if not isinstance(value, str):
            return None
        found.append(value)
    return tuple(found)


def _said(found: Mapping[str, Any], word: str, task_words: TaskWords) -> ParsedAnswer | None:
    label, items = found.get(_TEXT), find_list(found)
    if isinstance(label, list) and len(label) == 1:
        (label,) = label
    items = [] if items is None else items
    if not isinstance(label, str) or not label or not isinstance(items, list):
        return None
    roles = shape(word, task_words)
    read = [read_fields(item, roles) for item in items]
    fields = [one for one in read if one and all(field or role.endswith("?") for field, role in zip(one, roles))]
    if len(fields) < len(read):
        return None
    whole = set(found) == {_TEXT, _ITEMS} and all(set(item) == set(names(roles)) for item in items)
    return ParsedAnswer(label, tuple(fields), () if whole and isinstance(found[_ITEMS], list) else (WRONG_KEYS,))
