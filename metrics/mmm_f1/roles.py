"""What the fields of an item are, and the kinds of failure: the words that all readers and writers of the format share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LABEL: Final = "LABEL"
"""The role of the field that holds the label of an item."""

ATTRIBUTE: Final = "@"
"""Beginning of the roles of attributes, further labels of an item. Fields of all other roles are pieces of the text."""

PAIR: Final = (LABEL, "entity")

TASK_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "NER": PAIR,
    "Sentiment Relation Word": PAIR,
    "Sentiment Adj and N": PAIR,
    "Sentiment Adj": PAIR,
    "Sentiment N": PAIR,
    "Relation Extraction": ("head", LABEL, "tail"),
    "Event Extraction": ("subject", LABEL, "object?", "time?"),
}
"""Task word to the roles of an item's fields, in the order they are written; ``?`` at the end marks a field that may be empty,
``@`` at the beginning an attribute: ``("aspect?", "@category", "LABEL", "opinion?")``.

The words and the relation triple are those of figure 5 of the paper. How MMM writes events is not published: the order
here follows figure 1 and is ours. Other data sets pass their own table, see ``task_words`` of :func:`mmm_f1.unified.parse`.
"""

NO_TASK_WORD: Final = "no_task_word"
EMPTY_LABEL: Final = "empty_label"
BROKEN_PAIR: Final = "broken_pair"
EMPTY_FIELD: Final = "empty_field"
OVERLONG: Final = "overlong"
UNKNOWN_LABEL: Final = "unknown_label"
ENTITY_NOT_IN_TEXT: Final = "entity_not_in_text"
REPEATED_PAIR: Final = "repeated_pair"
EMPTY_PIECE: Final = "empty_piece"
"""Nothing between two ``:``, or behind the last one: the scorer passes over it, as Algorithm 1 does, and counts it."""

PARSE_FAILURES: Final = (NO_TASK_WORD, EMPTY_LABEL, BROKEN_PAIR, EMPTY_FIELD, OVERLONG)
"""Kinds of failure that leave nothing to score: the string is not of the format, or too long to be read."""

CONTENT_FAILURES: Final = (UNKNOWN_LABEL, ENTITY_NOT_IN_TEXT, REPEATED_PAIR)
"""Kinds that concern a well-formed string: what it says does not fit the label set, the text, or itself."""

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a string could not be decoded: one of the kinds above, and the place in words."""

    kind: str
    detail: str


def shape(word: str, task_words: Mapping[str, Sequence[str]] = TASK_WORDS) -> Sequence[str]:
    """Roles of the fields of ``word``'s items; a word that no table knows writes label-entity pairs."""
    return task_words.get(word, PAIR)


def is_tuple(roles: Sequence[str]) -> bool:
    """Whether items of these roles are tuples (relations, events), which are closed by a trailing ``:``."""
    return roles[0] != LABEL


def is_span(role: str) -> bool:
    """Whether the field of a role is a piece of the text: neither the label nor an attribute."""
    return role != LABEL and not role.startswith(ATTRIBUTE)


def role_name(role: str) -> str:
    """A role without its marks: ``category`` for ``@category?``."""
    return role.removeprefix(ATTRIBUTE).removesuffix("?")


def check_fields(item: tuple[str, ...], roles: Sequence[str]) -> Failure | None:
    """Why an item cannot have these fields; None if it can."""
    if len(item) != len(roles):
        return Failure(BROKEN_PAIR, f"{shown(';'.join(item))} has {len(item)} fields, not {len(roles)}")
    if "" not in item:
        return None
    for field, role in zip(item, roles):
        if not field and role[-1] != "?":
            return Failure(EMPTY_FIELD, f"{shown(';'.join(item))} has an empty {role.lower()}")
    if not any(field for field, role in zip(item, roles) if role != LABEL):
        return Failure(EMPTY_FIELD, f"{shown(';'.join(item))} has nothing but a label")
    return None


def shown(string: str) -> str:
    """A string as messages show it, its beginning if it is long."""
    return repr(string) if len(string) <= _SHOWN else f"{string[:_SHOWN]!r}..."
