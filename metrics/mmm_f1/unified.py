"""The unified text format of MMM: ``text/NER`` in, ``Label/NER/:type;entity:type;entity`` out.

This is the one grammar of the kit: everything that writes or reads an output string does it here. ``docs/format.md``
explains it to users. Two forms exist, and which one a string is in is told by the caller, never guessed:

- ``escaped`` (what this kit writes): inside a field ``:`` and ``;`` are written ``\\:`` and ``\\;``; a backslash is doubled
  only where it would otherwise start an escape (before one of ``\\ : ; /``, or at the end of a field); a ``/`` of the
  text-level label is written ``\\/`` only where it would otherwise start a task word (``/NER/``), be it the row's own or
  another's: the first bare ``/WORD/`` of a string is that of its row. Rows without such characters are byte-identical to
  the published ones, and every row survives the round trip.
- ``published`` (the authors' files): no escape exists. Entities that hold a separator are put together again by rule,
  see :func:`mmm_f1.published.split_published`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .arguments import FORMS, Form, check_reading, check_strings, check_writing
from .published import NOTHING_MARKER, split_published
from .roles import (
    ATTRIBUTE,
    BROKEN_PAIR,
    CONTENT_FAILURES,
    EMPTY_FIELD,
    EMPTY_LABEL,
    EMPTY_PIECE,
    ENTITY_NOT_IN_TEXT,
    LABEL,
    NO_TASK_WORD,
    OVERLONG,
    PAIR,
    PARSE_FAILURES,
    REPEATED_PAIR,
    TASK_WORDS,
    UNKNOWN_LABEL,
    Failure,
    check_fields,
    is_span,
    is_tuple,
    role_name,
    shape,
    shown,
)

__all__ = [
    "ATTRIBUTE",
    "BROKEN_PAIR",
    "CONTENT_FAILURES",
    "EMPTY_FIELD",
    "EMPTY_LABEL",
    "EMPTY_PIECE",
    "ENTITY_NOT_IN_TEXT",
    "FORMS",
    "LABEL",
    "MAX_LENGTH",
    "NOTHING_MARKER",
    "NO_TASK_WORD",
    "OVERLONG",
    "PAIR",
    "PARSE_FAILURES",
    "REPEATED_PAIR",
    "TASK_WORDS",
    "UNKNOWN_LABEL",
    "Failure",
    "Form",
    "Parsed",
    "escape_field",
    "escape_label",
    "find_word",
    "input_word",
    "is_span",
    "is_tuple",
    "parse",
    "render",
    "role_name",
    "shape",
    "shown",
    "unescape",
]

MAX_LENGTH: Final = 1 << 21
"""Longest string that is read, in characters: no reading of it has more items than an outcome of the scorer can count."""

_ESCAPABLE: Final = frozenset("\\:;/")
_TOKEN: Final = re.compile(r"\\[\\:;/]|[:;]|[^\\:;]+|\\")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An output string taken apart.

    Attributes:
        label: text-level label.
        word: task word, without slashes.
        items: one tuple of fields per item, in order and multiplicity, fields in the order of the word's roles.
        ambiguous: the string is in published form and another reading fits as well.
    """

    label: str
    word: str
    items: tuple[tuple[str, ...], ...]
    ambiguous: bool = False


def escape_field(field: str) -> str:
    """Write one field of an item in escaped form; fields without ``:``, ``;`` and backslash come back unchanged."""
    if ":" not in field and ";" not in field and "\\" not in field:
        return field
    return _double_backslashes(field, ":;")


def escape_label(label: str, word: str, task_words: Collection[str] = TASK_WORDS.keys()) -> str:
    """Write the text-level label in escaped form, so that the first bare task word is the ``/WORD/`` that follows it."""
    if "/" not in label and "\\" not in label:
        return label
    marks, whole = tuple(f"/{known}/" for known in (word, *task_words)), f"{label}/{word}/"
    return _double_backslashes(label, "", {at for at in range(len(label)) if whole.startswith(marks, at)})


def _double_backslashes(field: str, special: str, positions: Collection[int] = ()) -> str:
    out = []
    for at, char in enumerate(field):
        if char == "\\":
            following = field[at + 1 : at + 2]
            out.append("\\\\" if not following or following in _ESCAPABLE else "\\")
        else:
            out.append("\\" + char if char in special or at in positions else char)
    return "".join(out)


def unescape(field: str) -> str:
    """Undo :func:`escape_field` and :func:`escape_label`; a backslash before any other character stands for itself."""
    if "\\" not in field:
        return field
    return re.sub(r"\\([\\:;/])", r"\1", field)


def render(
    label: str,
    word: str,
    items: Sequence[Sequence[str]],
    *,
    form: Form = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
) -> str:
    """Write an output string; the inverse of :func:`parse`.

    Args:
        label: text-level label, not empty.
        word: task word, without slashes.
        items: one sequence of fields per item, in the order of the word's roles.
        form: ``published`` joins the fields as they are, which is lossy for fields that hold a separator.
        task_words: roles per task word, all of them escaped in the label; a word not in it writes label-entity pairs.

    Raises:
        ValueError: the label is empty, or an item has the wrong number of fields or an empty one that must not be.
    """
    if not label:
        raise ValueError("the text-level label is empty: annotate the row first")
    check_writing(label, word, items, form, task_words)
    roles = shape(word, task_words)
    for item in items:
        if failure := check_fields(tuple(item), roles):
            raise ValueError(f"{failure.kind}: {failure.detail}")
    if form == "escaped":
        label = escape_label(label, word, task_words)
        items = [[escape_field(field) for field in item] for item in items]
    pairs = "".join(":" + ";".join(item) for item in items)
    return f"{label}/{word}/{pairs}{':' if items and is_tuple(roles) else ''}"


def input_word(line: str, words: Collection[str] = TASK_WORDS.keys()) -> str | None:
    """The task word that ends a model's input, ``text/NER``; None if none of ``words`` does."""
    _, slash, word = line.rpartition("/")
    return word if slash and word in words else None


def find_word(
    output: str, words: Collection[str] = TASK_WORDS.keys(), form: Form = "escaped", line: str | None = None
) -> str | None:
    """The task word of an output string: of ``words``, the one whose ``/WORD/`` comes first; None if none does.

    That is the word of the row in everything that :func:`render` wrote in escaped form with ``words`` as task words. In
    published form nothing tells the row's own word from one inside the label but its input, ``line``: there the word
    that ends the input is taken, if the output holds it.
    """
    check_strings(output=output)
    if form == "published" and line is not None:
        word = input_word(line, words)
        if word is not None and f"/{word}/" in output:
            return word
    slash = output.find("/")
    while slash >= 0 and (end := output.find("/", slash + 1)) >= 0:
        word = output[slash + 1 : end]
        if word in words and (form == "published" or _backslashes_before(output, slash) % 2 == 0):
            return word
        slash = end
    return None


def split_at_word(output: str, word: str, form: Form) -> tuple[str, str] | Failure:
    """What stands before and behind the first bare ``/WORD/`` of an output string; the failure if there is none."""
    if len(output) > MAX_LENGTH:
        return Failure(OVERLONG, f"{len(output):,} characters, more than {MAX_LENGTH:,}")
    mark, at = f"/{word}/", -1
    while (at := output.find(mark, at + 1)) >= 0:
        if form == "published" or _backslashes_before(output, at) % 2 == 0:
            return output[:at], output[at + len(mark) :]
    return Failure(NO_TASK_WORD, f"no '{mark}' in the output")


def _backslashes_before(output: str, at: int) -> int:
    first = at
    while first and output[first - 1] == "\\":
        first -= 1
    return at - first


def parse(
    output: str,
    word: str,
    *,
    form: Form = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
    labels: Collection[str] | None = None,
    text: str | None = None,
) -> Parsed | Failure:
    """Take an output string apart, strictly.

    Args:
        output: the string a model wrote, or a row's ``output`` column.
        word: the task word it must hold, without slashes.
        form: the form the string is in.
        task_words: roles per task word; a word that is not in it has label-entity pairs.
        labels: word-level labels, used only to put separator-bearing entities of the published form together.
        text: the row's text, for the same use.

    Returns:
        :class:`Parsed`, or a :class:`Failure` whose kind is one of ``PARSE_FAILURES``.

    Raises:
        ValueError: an argument is of a wrong type.
    """
    check_reading(output, word, form, task_words, labels, text)
    halves = split_at_word(output, word, form)
    if isinstance(halves, Failure):
        return halves
    label, rest = halves
    if not label:
        return Failure(EMPTY_LABEL, f"nothing before '/{word}/'")
    roles = shape(word, task_words)
    if form == "published":
        split = split_published(rest, roles, labels=labels, text=text)
        return split if isinstance(split, Failure) else Parsed(label, word, split[0], split[1])
    items = _split_escaped(rest, roles)
    return items if isinstance(items, Failure) else Parsed(unescape(label), word, items)


def _split_escaped(rest: str, roles: Sequence[str]) -> tuple[tuple[str, ...], ...] | Failure:
    if not rest:
        return ()
    if rest[0] != ":":
        return Failure(BROKEN_PAIR, f"{shown(rest)} stands where ':' or the end was due")
    if is_tuple(roles) and len(rest) > 1 and rest[-1] == ":" and _backslashes_before(rest, len(rest) - 1) % 2 == 0:
        rest = rest[:-1]
    items = tokenize(rest[1:])
    for item in dict.fromkeys(items):
        if failure := check_fields(item, roles):
            return failure
    return tuple(items)


def tokenize(rest: str) -> list[tuple[str, ...]]:
    """The fields of every piece of a string in escaped form, pieces being what stands between two bare ``:``."""
    if "\\" in rest:
        return list(_unescaped(rest))
    chunks = rest.split(":")
    made = {chunk: tuple(chunk.split(";")) for chunk in dict.fromkeys(chunks)}
    return [made[chunk] for chunk in chunks]


def _unescaped(rest: str) -> Iterator[tuple[str, ...]]:
    fields: list[str] = []
    field: list[str] = []
    for token in _TOKEN.findall(rest):
        if token in (":", ";"):
            fields.append("".join(field))
            field = []
            if token == ":":
                yield tuple(fields)
                fields = []
        else:
            field.append(token[1:] if len(token) == 2 and token[0] == "\\" and token[1] in _ESCAPABLE else token)
    yield (*fields, "".join(field))
