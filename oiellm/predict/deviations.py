"""What is not in a reply as the format wants it, by kind, so that it can be counted. Whether it is right is another matter."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mmm_dataset import Decoded, Failure
from mmm_f1 import unified
from oiellm.predict.engine import Reply

CUT: Final = ("length", "closed")
"""Finishes of replies that reached the limit."""

SURROUNDED: Final = "surrounded"
SPELLING: Final = "spelling"
ENTITY_SPELLING: Final = "entity_spelling"
PUNCTUATION: Final = "punctuation"
NOT_JSON: Final = "not_json"
WRONG_KEYS: Final = "wrong_keys"
UNKNOWN_TEXT_LABEL: Final = "unknown_text_label"
DECLINED: Final = "declined"

KINDS: Final = {
    "too_long": "the prompt does not fit the model",
    "refused": "the server rejects the request",
    "filter": "withheld by a filter, or declined",
    DECLINED: "the model says that it cannot",
    "empty": "nothing was written",
    "cut": "cut at the limit",
    NOT_JSON: "no JSON object",
    WRONG_KEYS: "JSON without the keys of the schema",
    unified.NO_TASK_WORD: "no task word",
    unified.EMPTY_LABEL: "no text-level label",
    unified.BROKEN_PAIR: "a broken item",
    unified.EMPTY_FIELD: "an item with an empty field",
    unified.OVERLONG: "too long to be read",
    SURROUNDED: "words or a code fence around the answer",
    PUNCTUATION: "separators written otherwise",
    SPELLING: "a label spelled otherwise",
    ENTITY_SPELLING: "an entity in other width, composition or quotation marks than the text",
    UNKNOWN_TEXT_LABEL: "a text-level label that is not in the set",
    unified.UNKNOWN_LABEL: "a word-level label that is not in the set",
    unified.ENTITY_NOT_IN_TEXT: "an entity that is not in the text",
    unified.REPEATED_PAIR: "a pair more often than in the text",
}
"""Every kind, in words, in the order in which tables list them."""


UNREADABLE: Final = frozenset(
    {*unified.PARSE_FAILURES, "too_long", "refused", "filter", DECLINED, "empty", NOT_JSON, WRONG_KEYS}
)
"""Kinds that leave the strict reading without a result."""


def deviations(text_labels: Collection[str] | None, reply: Reply, read: Decoded | Failure) -> tuple[str, ...]:
    """Kinds that a reply shows once it was read as it stands.

    Args:
        text_labels: the closed set of text-level labels, or None if they are open.
        reply: what came back.
        read: what it says.
    """
    if reply.finish in ("too_long", "refused", "filter"):
        return (reply.finish,)
    if not reply.text.strip():
        return ("empty",)
    found = ["cut"] if reply.finish in CUT else []
    if isinstance(read, Failure):
        found.append(read.kind)
    else:
        if text_labels is not None and read.label not in text_labels:
            found.append(UNKNOWN_TEXT_LABEL)
        found += [issue.kind for issue in read.issues]
    return ordered(found)


def ordered(kinds: Collection[str]) -> tuple[str, ...]:
    """Each kind once, in the order of ``KINDS``."""
    return tuple(kind for kind in KINDS if kind in kinds)
