"""Records to the unified text format and back.

The string grammar itself lives in ``mmm_f1.unified`` and the offset rule in ``mmm_f1.locate``, because the metric needs
both and must work alone; this module is where they meet the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mmm_dataset.record import Item, Record, Span
from mmm_f1.locate import Offsets, locate
from mmm_f1.unified import (
    ENTITY_NOT_IN_TEXT,
    LABEL,
    NO_TASK_WORD,
    REPEATED_PAIR,
    TASK_WORDS,
    UNKNOWN_LABEL,
    Failure,
    Form,
    escape_field,
    is_span,
    parse,
    render,
    role_name,
    shape,
    shown,
)

_NOWHERE: Final = (None, None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an output string says.

    Attributes:
        label: text-level label.
        items: in order and multiplicity; offsets by the rule of ``mmm_f1.locate`` if the text was given.
        issues: content failures (unknown label, entity not in the text, pair listed more often than it occurs).
        ambiguous: the published form allowed another reading.
    """

    label: str
    items: tuple[Item, ...]
    issues: tuple[Failure, ...] = ()
    ambiguous: bool = False


def prompt(text: str, word: str, labels: Sequence[str] | None = None, context: str | None = None) -> str:
    """The input of a model: the text, a slash, the task word. The one prompt function of the kit.

    Args:
        text: the row's text.
        word: its task word.
        labels: the word-level labels to choose from, for the closed setting; the paper has none, so this form is ours.
        context: what is told of the level that is not asked (``oiellm.view``); the paper says that it is concatenated to the
            input and not how, so this form is ours.

    >>> prompt("Kazan began.", "NER")
    'Kazan began./NER'
    >>> prompt("Kazan began.", "NER", ["Person", "Place"])
    'Kazan began./Person;Place/NER'
    >>> prompt("Kazan began.", "NER", context=":Place;Kazan")
    'Kazan began./:Place;Kazan/NER'
    """
    listed = [] if labels is None else [";".join(map(escape_field, labels))]
    told = [] if context is None else [context]
    return "/".join([text, *listed, *told, word])


def encode(record: Record, task_words: Mapping[str, Sequence[str]] = TASK_WORDS) -> tuple[str, str]:
    """Input and output string of an annotated record; a published row gives back its own bytes.

    Raises:
        ValueError: the record has no label or no items yet, or an item does not have the fields of the task word.
    """
    if record.raw is not None:
        return record.raw
    if record.label is None or record.items is None:
        raise ValueError(f"record {record.id!r} is not annotated yet: it belongs on a worklist")
    roles = shape(record.word, task_words)
    try:
        fields = [item_fields(item, roles) for item in record.items]
        return prompt(record.text, record.word), render(record.label, record.word, fields, task_words=task_words)
    except ValueError as error:
        raise ValueError(f"record {record.id!r}: {error}") from error


def item_fields(item: Item, roles: Sequence[str]) -> tuple[str, ...]:
    """The fields of an item in the order of ``roles``; a role ending in ``?`` may be absent and is then empty.

    Of several spans with one role, the mentions of one argument, the first is written. A pair has one span.

    Raises:
        ValueError: the item's spans and attributes do not have these roles.
    """
    spans: dict[str, str] = {}
    for span in item.spans:
        spans[span.role] = spans.get(span.role) or span.text
    attributes = dict(item.attributes)
    fields = []
    for role in roles:
        if role == LABEL:
            fields.append(item.label)
            continue
        name, given = role_name(role), spans if is_span(role) else attributes
        if name not in given and not role.endswith("?"):
            raise ValueError(f"item {item.label!r} has no {name}")
        fields.append(given.pop(name, ""))
    if spans or attributes:
        unknown = ", ".join([*spans, *attributes])
        raise ValueError(f"item {item.label!r} has fields that its task word does not write: {unknown}")
    if len(roles) == 2 and len(item.spans) > 1:
        raise ValueError(f"item {item.label!r} has {len(item.spans)} spans; a pair has one")
    return tuple(fields)


def split_input(line: str, words: Collection[str]) -> tuple[str, str] | Failure:
    """Take an input string apart into text and task word, which is one of ``words`` (the longest that fits)."""
    fitting = [word for word in words if line.endswith(f"/{word}")]
    if not fitting:
        return Failure(NO_TASK_WORD, f"the input ends in none of {', '.join('/' + word for word in words)}")
    word = max(fitting, key=len)
    return line[: -len(word) - 1], word


def decode(
    output: str,
    word: str,
    *,
    text: str | None = None,
    labels: Collection[str] | None = None,
    form: Form = "escaped",
    strict: bool = False,
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
) -> Decoded | Failure:
    """Read an output string.

    Args:
        output: what a model wrote, or the ``output`` column of a row.
        word: the task word of the row.
        text: the row's text: gives offsets, and checks that entities are in it.
        labels: the closed set of word-level labels, or None if they are open.
        form: the form the string is in; recorded with the data, never guessed.
        strict: return the first content failure instead of listing them in ``Decoded.issues``.
        task_words: roles per task word.

    Returns:
        :class:`Decoded`, or a ``Failure`` whose kind is in ``mmm_f1.unified`` (``PARSE_FAILURES``, ``CONTENT_FAILURES``).
    """
    parsed = parse(output, word, form=form, task_words=task_words, labels=labels, text=text)
    if isinstance(parsed, Failure):
        return parsed
    roles = shape(word, task_words)
    items = _to_items(parsed.items, roles, text)
    issues = _content_failures(items, text, labels)
    if strict and issues:
        return issues[0]
    return Decoded(parsed.label, items, issues, parsed.ambiguous)


def _to_items(rows: Sequence[tuple[str, ...]], roles: Sequence[str], text: str | None) -> tuple[Item, ...]:
    at_label = roles.index(LABEL)
    at_spans = [(at, role_name(role)) for at, role in enumerate(roles) if is_span(role)]
    at_attributes = [(at, role_name(role)) for at, role in enumerate(roles) if role != LABEL and not is_span(role)]

    def item(fields: tuple[str, ...], places: Sequence[Offsets | None]) -> Item:
        spans = tuple(
            Span(fields[at], start, end, name)
            for (at, name), (start, end) in zip(at_spans, (place or _NOWHERE for place in places))
            if fields[at]
        )
        return Item(
            fields[at_label], spans, None, tuple([(name, fields[at]) for at, name in at_attributes if fields[at]])
        )

    # Equal items are one object as far as their places allow it: a model that loops writes hundreds of thousands.
    distinct = dict.fromkeys(rows)
    if len(at_spans) == 1:
        at, role = at_spans[0]
        once = {fields: item(fields, [None]) for fields in distinct}
        if text is None:
            return tuple([once[fields] for fields in rows])
        keys = {fields: ((*fields[:at], *fields[at + 1 :]), fields[at]) for fields in distinct}
        located = locate(text, [keys[fields] for fields in rows])
        return tuple([_placed(once[fields], place, role) for fields, place in zip(rows, located)])
    # The arguments of relations and events name a mention, not a new one each time: equal strings share their place.
    arguments = list(dict.fromkeys(fields[at] for fields in distinct for at, _ in at_spans if fields[at]))
    found = dict(zip(arguments, locate(text, [("", a) for a in arguments]))) if text is not None else {}
    once = {fields: item(fields, [found.get(fields[at]) for at, _ in at_spans]) for fields in distinct}
    return tuple([once[fields] for fields in rows])


def _placed(item: Item, place: Offsets | None, role: str) -> Item:
    """An item of one span at its place."""
    if place is None:
        return item
    return Item(item.label, (Span(item.spans[0].text, *place, role),), None, item.attributes)


def _content_failures(items: Sequence[Item], text: str | None, labels: Collection[str] | None) -> tuple[Failure, ...]:
    issues: list[Failure] = []
    unplaced: Counter[str] = Counter()
    known: dict[tuple[str, ...], tuple[list[Failure], str | None]] = {}
    for item in items:
        key = (
            (item.label, *[span.text for span in item.spans])
            if len(item.spans) != 1
            else (item.label, item.spans[0].text)
        )
        if key not in known:
            known[key] = _content_failures_of(item, text, labels)
        found, pair = known[key]
        if found:
            issues += found
        if pair is not None and item.spans[0].start is None:
            unplaced[pair] += 1
    for pair, count in unplaced.items():
        issues.append(Failure(REPEATED_PAIR, f"{pair} is listed more often than it occurs, by {count}"))
    return tuple(issues)


def _content_failures_of(
    item: Item, text: str | None, labels: Collection[str] | None
) -> tuple[list[Failure], str | None]:
    """The failures of an item wherever it stands; and its pair, if the text has its entity."""
    issues = []
    if labels is not None and item.label not in labels:
        issues.append(Failure(UNKNOWN_LABEL, f"{shown(item.label)} is not in the label set"))
    if text is None:
        return issues, None
    lost = [span.text for span in item.spans if span.text not in text]
    issues += [Failure(ENTITY_NOT_IN_TEXT, f"{shown(piece)} is not in the text") for piece in lost]
    return issues, f"{item.label};{item.spans[0].text}" if item.is_pair and not lost else None
