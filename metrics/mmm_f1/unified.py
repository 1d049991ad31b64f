"""The unified text format of MMM: ``text/NER`` in, ``Label/NER/:type;entity:type;entity`` out.

This is the one grammar of the kit: everything that writes or reads an output string does it here. ``docs/format.md``
explains it to users. Two forms exist, and which one a string is in is told by the caller, never guessed:

- ``escaped`` (what this kit writes): inside a field ``:`` and ``;`` are written ``\\:`` and ``\\;``; a backslash is doubled
  only where it would otherwise start an escape (before one of ``\\ : ; /``, or at the end of a field); a ``/`` of the
  text-level label is written ``\\/`` only where it would otherwise start a task word (``/NER/``), be it the row's own or
  another's: the first bare ``/WORD/`` of a string is that of its row. Rows without such characters are byte-identical to
  the published ones, and every row survives the round trip.
- ``published`` (the authors' files): no escape exists. Entities that hold a separator are put together again by rule,
  see :func:`split_published`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["published", "escaped"]
FORMS: Final = ("published", "escaped")

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
here follows figure 1 and is ours. Other data sets pass their own table, see ``task_words`` of :func:`parse`.
"""

NO_TASK_WORD: Final = "no_task_word"
EMPTY_LABEL: Final = "empty_label"
BROKEN_PAIR: Final = "broken_pair"
EMPTY_FIELD: Final = "empty_field"
UNKNOWN_LABEL: Final = "unknown_label"
ENTITY_NOT_IN_TEXT: Final = "entity_not_in_text"
REPEATED_PAIR: Final = "repeated_pair"

PARSE_FAILURES: Final = (NO_TASK_WORD, EMPTY_LABEL, BROKEN_PAIR, EMPTY_FIELD)
"""Kinds of failure that leave nothing to score: the string is not of the format."""

CONTENT_FAILURES: Final = (UNKNOWN_LABEL, ENTITY_NOT_IN_TEXT, REPEATED_PAIR)
"""Kinds that concern a well-formed string: what it says does not fit the label set, the text, or itself."""

NOTHING_MARKER: Final = ":無い;"
"""How the authors' older converter wrote a row without any pair (inferred for MMM); read as the empty list."""

_ESCAPABLE: Final = frozenset("\\:;/")
_MANY: Final = 4
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


# ---------------------------------------------------------------------------------------------------------------- write


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
    roles = shape(word, task_words)
    for item in items:
        if failure := _check_fields(tuple(item), roles):
            raise ValueError(f"{failure.kind}: {failure.detail}")
    if form == "escaped":
        label = escape_label(label, word, task_words)
        items = [[escape_field(field) for field in item] for item in items]
    pairs = "".join(":" + ";".join(item) for item in items)
    return f"{label}/{word}/{pairs}{':' if items and is_tuple(roles) else ''}"


# ----------------------------------------------------------------------------------------------------------------- read


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


def _find_mark(output: str, word: str, form: Form) -> int:
    mark, at = f"/{word}/", -1
    while (at := output.find(mark, at + 1)) >= 0:
        if form == "published" or _backslashes_before(output, at) % 2 == 0:
            return at
    return -1


def _backslashes_before(output: str, at: int) -> int:
    return at - len(output[:at].rstrip("\\"))


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
    """
    at = _find_mark(output, word, form)
    if at < 0:
        return Failure(NO_TASK_WORD, f"no '/{word}/' in the output")
    label, rest = output[:at], output[at + len(word) + 2 :]
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
        return Failure(BROKEN_PAIR, f"{rest[:20]!r} stands where ':' or the end was due")
    if is_tuple(roles) and len(rest) > 1 and rest[-1] == ":" and _backslashes_before(rest, len(rest) - 1) % 2 == 0:
        rest = rest[:-1]
    items = [tuple(chunk.split(";")) for chunk in rest[1:].split(":")] if "\\" not in rest else _tokenize(rest[1:])
    for item in items:
        if failure := _check_fields(item, roles):
            return failure
    return tuple(items)


def _tokenize(rest: str) -> list[tuple[str, ...]]:
    items: list[tuple[str, ...]] = []
    fields: list[str] = []
    field = ""
    for token in _TOKEN.findall(rest):
        if token == ":":
            items.append((*fields, field))
            fields, field = [], ""
        elif token == ";":
            fields.append(field)
            field = ""
        else:
            field += token[1:] if len(token) == 2 and token[0] == "\\" and token[1] in _ESCAPABLE else token
    return [*items, (*fields, field)]


def _check_fields(item: tuple[str, ...], roles: Sequence[str]) -> Failure | None:
    if len(item) != len(roles):
        return Failure(BROKEN_PAIR, f"{';'.join(item)!r} has {len(item)} fields, not {len(roles)}")
    if "" not in item:
        return None
    for field, role in zip(item, roles):
        if not field and role[-1] != "?":
            return Failure(EMPTY_FIELD, f"{';'.join(item)!r} has an empty {role.lower()}")
    if not any(field for field, role in zip(item, roles) if role != LABEL):
        return Failure(EMPTY_FIELD, f"{';'.join(item)!r} has nothing but a label")
    return None


# ------------------------------------------------------------------------------------------------------- published form


def split_published(
    rest: str, roles: Sequence[str], *, labels: Collection[str] | None = None, text: str | None = None
) -> tuple[tuple[tuple[str, ...], ...], bool] | Failure:
    """Split what follows the task word of a published row, where separators inside entities are not escaped.

    Every ``:`` may end an item or belong to it, and every ``;`` may end a field or belong to it. A reading is good when
    each item has all its fields, its label is of ``labels`` (if given) and its entities are in ``text`` (if given). Of
    several good readings the one with the most items wins, then the one whose fields end at the earliest ``;``, and
    the row is reported as ambiguous. Where no reading is good, the same is tried without empty pieces and blanks at their
    ends, then without the text, then without the labels: then a piece without ``;`` continues the entity before it, so
    ``:法人名;J:COM春日部`` still reads well.

    Returns:
        The items, and whether another reading was as good; or a :class:`Failure`.
    """
    if not rest or rest == NOTHING_MARKER:
        return (), False
    if rest[0] != ":":
        return Failure(BROKEN_PAIR, f"{rest[:20]!r} stands where ':' or the end was due")
    body = rest[1:-1] if is_tuple(roles) and rest[-1] == ":" and len(rest) > 1 else rest[1:]
    chunks = body.split(":")
    plain = [tuple(chunk.split(";")) for chunk in chunks]
    well_formed = all(_check_fields(item, roles) is None for item in plain)
    if well_formed and labels is None and text is None:
        return tuple(plain), False
    # Algorithm 1 passes over empty pieces and blanks around a piece: so does every attempt but the one the text settles.
    trimmed = [chunk.strip() for chunk in chunks if chunk.strip()]
    exact = [(chunks, labels, text)] if text is not None else []
    for pieces, label_set, inside in (*exact, (trimmed, labels, text), (trimmed, labels, None), (trimmed, None, None)):
        items, readings = _best_reading(pieces, roles, label_set, inside)
        if items is not None:
            return items, readings > 1 and (label_set is not None or inside is not None)
    bad = next(item for item in plain if _check_fields(item, roles) is not None)
    return _check_fields(bad, roles) or Failure(BROKEN_PAIR, body)


def _best_reading(
    chunks: list[str], roles: Sequence[str], labels: Collection[str] | None, text: str | None
) -> tuple[tuple[tuple[str, ...], ...] | None, int]:
    """Most items over all ways to join chunks, from the right: (items, number of good readings)."""
    longest = len(chunks) if text is None else max(1, text.count(":") + 1)
    # Without the text the last field takes any continuation, so the shortest good item leaves room for most others, and
    # what is left to learn is whether there is a second reading. A model's endless output would else take seconds.
    settled = None if text is not None or roles[-1] == LABEL else 1 if labels is None else 2
    best: list[tuple[tuple[tuple[str, ...], ...] | None, int]] = [(None, 0)] * len(chunks) + [((), 1)]
    for start in range(len(chunks) - 1, -1, -1):
        items, readings = None, 0
        for stop in range(start + 1, min(len(chunks), start + longest * len(roles)) + 1):
            tail, tail_readings = best[stop]
            if tail is None:
                continue
            ways = _field_readings(":".join(chunks[start:stop]), roles, labels, text)
            readings += len(ways) * tail_readings
            if ways and (items is None or len(tail) + 1 > len(items)):
                items = (ways[0], *tail)
            if settled is not None and readings >= settled:
                break
        best[start] = (items, readings)
    return best[0]


def _field_readings(
    piece: str, roles: Sequence[str], labels: Collection[str] | None, text: str | None
) -> list[tuple[str, ...]]:
    parts = piece.split(";")
    extra = len(parts) - len(roles)
    if extra < 0:
        return []
    ways = []
    for surplus in _shares(extra, len(roles)):
        fields, at = [], 0
        for more in surplus:
            fields.append(";".join(parts[at : at + more + 1]))
            at += more + 1
        ways.append(tuple(fields))
    return [fields for fields in ways if _is_good(fields, roles, labels, text)]


def _shares(surplus: int, fields: int) -> list[tuple[int, ...]]:
    """Ways to share surplus separators among the fields of an item, those that end the first fields earliest first.

    More than ``_MANY`` separators are taken for one field's: a model's endless output has millions of ways.
    """
    if surplus > _MANY:
        return [tuple(surplus if at == one else 0 for at in range(fields)) for one in range(fields - 1, -1, -1)]
    if fields == 1:
        return [(surplus,)]
    return [(first, *rest) for first in range(surplus + 1) for rest in _shares(surplus - first, fields - 1)]


def _is_good(fields: tuple[str, ...], roles: Sequence[str], labels: Collection[str] | None, text: str | None) -> bool:
    if _check_fields(fields, roles) is not None:
        return False
    for field, role in zip(fields, roles):
        if not is_span(role):
            # Without a label set a label is taken to hold no ':', else every ':' of an entity could start one.
            if field not in labels if labels is not None and role == LABEL else ":" in field:
                return False
        elif text is not None and field not in text:
            return False
    return True
