"""Replies of a model: one JSON object, whatever is around it and however keys and labels are spelled. Nothing is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mmm_f1.unified import LABEL, role_name
from oiellm.baselines.objects import LISTS, find_list, read_fields
from oiellm.llm.answers import INVISIBLE, final_text, is_nothing, read_json, read_object
from oiellm.llm.calls import Reply
from oiellm.predict.surface import label_forms

MALFORMED: Final = "malformed_reply"
"""The reason for a reply that is not of the form that was asked for."""


class Unreadable(ValueError):
    """A reply that is no answer: ``reason`` is the one of the report, the message is for the model to try again."""

    def __init__(self, reason: str, complaint: str) -> None:
        super().__init__(complaint)
        self.reason = reason


def read_label(reply: Reply, labels: Mapping[str, str] | None = None) -> tuple[str | None, float | None]:
    """The label, None if the model abstains, and the confidence it states.

    Args:
        reply: what came back.
        labels: every spelling of a closed set to the one that is written. One of them alone is an answer as well.

    Raises:
        Unreadable: the reply is no object with a ``label`` that is a string or null.
    """
    bare = (final_text(reply.text) or "").strip().strip(INVISIBLE)
    if labels is not None and match_label(bare, labels) is not None:
        return bare, None
    answer = _read(read_object(reply, "label"))
    label = answer.get("label", ...)
    if isinstance(label, list) and len(label) == 1:
        (label,) = label
    if not isinstance(label, str) and label is not None:
        raise Unreadable(MALFORMED, "it needs the key label, a string or null")
    label = label and label.strip().strip(INVISIBLE).strip()
    if label and is_nothing(label) and (labels is None or match_label(label, labels) is None):
        label = None
    return label, _confidence(answer)


def match_label(label: str, labels: Mapping[str, str]) -> str | None:
    """The label that is meant, as it is written; case, width, a number before it, and marks around it do not count.

    Args:
        label: of a reply.
        labels: every spelling of a closed set to the one that is written.
    """
    if label in labels:
        return labels[label]
    for form in label_forms(label):
        same = {written for spelled, written in labels.items() if label_forms(spelled)[0] == form}
        if len(same) == 1:
            return same.pop()
    return None


def read_items(reply: Reply, roles: Sequence[str]) -> tuple[list[tuple[str, ...]] | None, float | None]:
    """The fields of every item in the order of ``roles``, None if the model abstains, and the confidence it states.

    Blanks at the ends of a field are taken off. An absent optional field is empty. The list may stand alone.

    Raises:
        Unreadable: the reply is no object with ``items``, a list of objects with a string for each role, or null.
    """
    value = read_json(reply.text)
    answer = {"items": value} if isinstance(value, list) else _read(read_object(reply, *LISTS))
    items = find_list(answer)
    if items is not None and not isinstance(items, list):
        raise Unreadable(MALFORMED, "it needs the key items, a list of objects or null")
    return items if items is None else [_fields(item, roles) for item in items], _confidence(answer)


def field_key(role: str) -> str:
    """What a reply calls the field of a role: the only span of a pair is its ``text``."""
    return {LABEL: "label", "entity": "text"}.get(role, role_name(role))


def _fields(item: Any, roles: Sequence[str]) -> tuple[str, ...]:
    fields = read_fields(item, roles)
    if fields is None:
        keys = ", ".join(map(field_key, roles))
        raise Unreadable(MALFORMED, f"every item needs the keys {keys}, each a string")
    return tuple(field.strip() for field in fields)


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


def _read(answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        raise Unreadable(MALFORMED, "it is not one JSON object")
    return answer
