"""Replies of a model, read strictly: one JSON object, whatever words are around it. Anything else is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mmm_f1.unified import LABEL, role_name
from oiellm.llm.answers import read_object
from oiellm.llm.calls import Reply

MALFORMED: Final = "malformed_reply"
"""The reason for a reply that is not of the form that was asked for."""


class Unreadable(ValueError):
    """A reply that is no answer: ``reason`` is the one of the report, the message is for the model to try again."""

    def __init__(self, reason: str, complaint: str) -> None:
        super().__init__(complaint)
        self.reason = reason


def read_label(reply: Reply) -> tuple[str | None, float | None]:
    """The label, None if the model abstains, and the confidence it states.

    Raises:
        Unreadable: the reply is no object with a ``label`` that is a string or null.
    """
    answer = _read_object(reply)
    label = answer.get("label", ...)
    if not isinstance(label, str) and label is not None:
        raise Unreadable(MALFORMED, "it needs the key label, a string or null")
    return label if label is None else label.strip(), _confidence(answer)


def read_items(reply: Reply, roles: Sequence[str]) -> tuple[list[tuple[str, ...]] | None, float | None]:
    """The fields of every item in the order of ``roles``, None if the model abstains, and the confidence it states.

    Blanks at the ends of a field are taken off. An absent optional field is empty.

    Raises:
        Unreadable: the reply is no object with ``items``, a list of objects with a string for each role, or null.
    """
    answer = _read_object(reply)
    items = answer.get("items", ...)
    if items is not None and not isinstance(items, list):
        raise Unreadable(MALFORMED, "it needs the key items, a list of objects or null")
    return items if items is None else [_fields(item, roles) for item in items], _confidence(answer)


def field_key(role: str) -> str:
    """What a reply calls the field of a role: the only span of a pair is its ``text``."""
    return {LABEL: "label", "entity": "text"}.get(role, role_name(role))


def _fields(item: Any, roles: Sequence[str]) -> tuple[str, ...]:
    given = item if isinstance(item, dict) else {}
    fields = []
    for role in roles:
        value = given.get(field_key(role), "" if role.endswith("?") else None)
        value = "" if value is None and role.endswith("?") else value
        if not isinstance(value, str):
            keys = ", ".join(map(field_key, roles))
            raise Unreadable(MALFORMED, f"every item needs the keys {keys}, each a string")
        fields.append(value.strip())
    return tuple(fields)


def _confidence(answer: dict[str, Any]) -> float | None:
    """What the model says of its sureness, 0 to 1, also as text or in percent; None where it says nothing of the kind.

    It is beside the answer, which is good without it.
    """
    value = answer.get("confidence")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except (ValueError, OverflowError):
        return None
    if text.endswith("%") or 10 <= number <= 100:  # from 1 to 10 it may be another scale
        number /= 100
    return min(number, 1.0) if 0 <= number <= 1 + 1e-6 else None


def _read_object(reply: Reply) -> dict[str, Any]:
    answer = read_object(reply)
    if answer is None:
        raise Unreadable(MALFORMED, "it is not one JSON object")
    return answer
