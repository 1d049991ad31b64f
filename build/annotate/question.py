"""One question about one level of a row, ready to be asked of any text: messages, schema, the labels allowed, a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from build.annotate.replies import field_key
from mmm_dataset.files import dump
from mmm_f1.unified import LABEL

PHRASES: Final = ("data", "reply_text", "reply_word", "again", "repair")
"""Sentences that all questions share, see ``prompts/common.toml``."""

_CONFIDENCE: Final = 0.9
"""What worked examples state; the schema is filled in by it, so it decides nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and temperature.

    Attributes:
        temperature: of calls where several votes are asked for; one vote is greedy.
        label_characters: an open label longer than this is no label.
        text_tokens: limit of a reply with a label.
        word_tokens: limit of a reply with items: so many,
        word_tokens_per_character: and so many for each character of the text. A reply cut there is asked for once more
            with twice the limit.
    """

    temperature: float
    label_characters: int
    text_tokens: int
    word_tokens: int
    word_tokens_per_character: float


LIMITS: Final[Mapping[str, Any]] = {
    "temperature": (int, float),
    "label_characters": int,
    "text_tokens": int,
    "word_tokens": int,
    "word_tokens_per_character": (int, float),
}
"""Keys of ``[limits]`` and their kinds."""


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: its text and the label, or the items as a reply writes them."""

    text: str
    label: str | None
    items: tuple[Mapping[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        level: ``text`` or ``word``.
        roles: of the fields of an item, see ``mmm_f1.unified``; empty for the text level.
        labels: every spelling that is read, to the one that is written; None if labels are open.
        head: system message and worked examples.
        schema: of the reply.
        phrases: the sentences of a second try.
        limits: see :class:`Limits`.
        hash: SHA-256 of all that is the same for every text.
    """

    level: str
    roles: tuple[str, ...]
    labels: Mapping[str, str] | None
    head: tuple[tuple[str, str], ...]
    schema: Mapping[str, Any]
    phrases: Mapping[str, str]
    limits: Limits
    hash: str

    def messages(self, text: str) -> tuple[tuple[str, str], ...]:
        """The question about a text, which goes in as a JSON string, as data."""
        return (*self.head, ("user", dump({"text": text})))

    def max_tokens(self, text: str) -> int:
        """Limit of the reply."""
        if self.level == "text":
            return self.limits.text_tokens
        return self.limits.word_tokens + int(self.limits.word_tokens_per_character * len(text))


def make_question(
    level: str,
    instruction: str,
    lines: Sequence[str],
    labels: Mapping[str, str] | None,
    roles: tuple[str, ...],
    examples: Sequence[Example],
    phrases: Mapping[str, str],
    limits: Limits,
) -> Question:
    """Put a question together.

    Args:
        level: ``text`` or ``word``.
        instruction: with ``{labels}`` where the labels and their definitions go, if they are closed.
        lines: the labels with their definitions.
        labels: every spelling to the one that is written, or None.
        roles: of the items.
        examples: worked ones in the language of the rows.
        phrases: see ``PHRASES``.
        limits: see :class:`Limits`.

    Raises:
        ValueError: the instruction has no place for closed labels, or an example's item has other keys than the roles.
    """
    if labels is not None and "{labels}" not in instruction:
        raise ValueError("the instruction lacks {labels}, the place where the labels go")
    form = {"label": "..."} if level == "text" else {"items": [{field_key(role): "..." for role in roles}]}
    reply = phrases[f"reply_{level}"].replace("{form}", dump({**form, "confidence": _CONFIDENCE}))
    system = "\n\n".join((instruction.replace("{labels}", "\n".join(lines)), phrases["data"], reply))
    head = [("system", system)]
    for example in examples:
        head += [("user", dump({"text": example.text})), ("assistant", dump(_answer(example, roles)))]
    schema = _schema(level, list(dict.fromkeys(labels.values())) if labels is not None else None, roles)
    asked = [head, schema, dict(phrases), repr(limits), sorted((labels or {}).items())]
    digest = hashlib.sha256(dump(asked).encode()).hexdigest()
    return Question(level, roles, labels, tuple(head), schema, phrases, limits, digest)


def _answer(example: Example, roles: Sequence[str]) -> dict[str, Any]:
    if example.items is None:
        return {"label": example.label, "confidence": _CONFIDENCE}
    keys = {field_key(role): role.endswith("?") for role in roles}
    items = []
    for item in example.items:
        if wrong := set(item) ^ {key for key in keys if key in item or not keys[key]}:
            raise ValueError(f"an example's item must have the keys {', '.join(keys)}: see {min(wrong)!r}")
        items.append({key: item.get(key) for key in keys})
    return {"items": items, "confidence": _CONFIDENCE}


def _schema(level: str, labels: Sequence[str] | None, roles: Sequence[str]) -> dict[str, Any]:
    # Strict servers want every key required and no other key, and null as a type of its own.
    label: dict[str, Any] = {"type": "string"} if labels is None else {"type": "string", "enum": list(labels)}
    if level == "text":
        answer = {"label": {"anyOf": [label, {"type": "null"}]}}
    else:
        fields = {
            field_key(role): label
            if role == LABEL
            else {"type": ["string", "null"] if role.endswith("?") else "string"}
            for role in roles
        }
        items = {"type": "array", "items": _object(fields)}
        answer = {"items": {"anyOf": [items, {"type": "null"}]}}
    return _object({**answer, "confidence": {"type": "number"}})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
