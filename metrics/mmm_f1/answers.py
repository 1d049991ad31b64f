"""Rows of a label and entities, however they are written down, as answers: what a text is labeled, and its entities.

Understood are entities as objects (``label`` and ``text``, with ``start`` and ``end`` or not) under ``entities``, ``items`` or
``spans``, as lists (``[0, 3, "PER"]``), by label (``{"PER": ["Mia"]}``), the ``extractions`` of LangExtract, GLiNER's words
with numbers, and words with a tag each (``tokens`` and ``ner_tags``). Offsets are half-open code points of the text; those of
words are in the text that the words make, one blank between them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from .errors import UserError
from .schemes import Style, Tag, decode, parse_tag, style_of, why_no_tags
from .tables import Table

Offsets = tuple[int, int]

TAGS: Final = ("ner_tags", "tags", "labels", "ner")
"""Keys of the tags of ``tokens``."""

_ENTITIES: Final = ("entities", "items", "spans", "extractions", "predictions", "ner", "label", "labels")
_LABELS: Final = ("label", "type", "entity_group", "entity_type", "extraction_class")
_TEXTS: Final = ("text", "word", "extraction_text", "name")
_STARTS: Final = ("start", "start_offset", "start_pos")
_ENDS: Final = ("end", "end_offset", "end_pos")

_EXPECTED: Final = (
    'a list of {"label", "text"}, with "start" and "end" or not, of [start, end, "label"], or {"label": ["text"]}'
)


class Entity(NamedTuple):
    """An entity: its label, its text, and where it stands if the row says so."""

    label: str
    text: str
    offsets: Offsets | None


class Answer(NamedTuple):
    """What a row says: the text-level label (None: there is none), the entities, and the text if the row has it."""

    label: str | None
    entities: list[Entity]
    text: str | None


class _ShapeError(Exception):
    """A cell that is not what is expected; its message goes behind the place of the row."""


def has_answers(table: Table) -> bool:
    """Whether the rows hold entities in one of the ways above."""
    return has_tags(table) or any(map(table.has_any, _ENTITIES[:-2])) or any(map(_key_of_entities, table.rows))


def has_tags(table: Table) -> bool:
    """Whether the rows are words with tags."""
    return table.has_any("tokens") and any(map(table.has_any, TAGS))


def read_answers(
    table: Table, texts: Sequence[str | None] | None = None, tag_names: Sequence[str] | None = None
) -> list[Answer]:
    """The answers of all rows.

    Args:
        table: the rows.
        texts: texts known from elsewhere, for rows that have none.
        tag_names: names of tags that are numbers, in their order.

    Raises:
        UserError: a row is of no shape that is understood; one line that names it.
    """
    if has_tags(table):
        return _read_tags(table, tag_names)
    answers = []
    for at, row in enumerate(table.rows):
        try:
            answers.append(_answer(row, texts[at] if texts else None))
        except _ShapeError as error:
            raise table.error(at, str(error)) from error
    return answers


# --------------------------------------------------------------------------------------------------------------- spans


def _key_of_entities(row: Mapping[str, Any]) -> str | None:
    """The key under which a row has entities: the first that holds a list or an object, in CSV written as JSON."""
    for key in _ENTITIES:
        value = row.get(key)
        if isinstance(value, (list, tuple, dict)) or (
            isinstance(value, str) and key not in ("label", "labels") and value.lstrip()[:1] in ("[", "{")
        ):
            return key
    return None


def _answer(row: Mapping[str, Any], known: str | None) -> Answer:
    key = _key_of_entities(row)
    if key is None and any(row.get(name) is not None for name in _ENTITIES[:-2]):
        raise _ShapeError(f"needs entities as {_EXPECTED}")
    words = row.get("tokenized_text")
    text = next((row[name] for name in ("text", "sentence") if isinstance(row.get(name), str)), None)
    places: list[Offsets] = []
    if isinstance(words, (list, tuple)):
        text, places = _joined(words)
    text = known if text is None else text
    found = [_entity(label, value, text, places) for label, value in _listed(row[key] if key else ())]
    label = row.get("label")
    if label is not None and key != "label" and not isinstance(label, str):
        raise _ShapeError(f"needs a string `label`, not {label!r:.80}")
    return Answer(label if isinstance(label, str) and label else None, found, text)


def _listed(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Every entity with the label that it stands under, if it does."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _ShapeError(f"entities are no JSON ({error}); needs {_EXPECTED}") from error
    if isinstance(value, dict):
        for label, several in value.items():
            for one in several if isinstance(several, (list, tuple)) else (several,):
                yield label, one
    elif isinstance(value, (list, tuple)):
        yield from ((None, one) for one in value)
    else:
        raise _ShapeError(f"needs entities as {_EXPECTED}, not {value!r:.80}")


def _entity(label: str | None, value: Any, text: str | None, words: Sequence[Offsets]) -> Entity:
    piece = start = end = None
    exact = False  # whether the text stated must be that at the place stated
    if isinstance(value, Mapping):
        inside = value.get("char_interval")
        both = {**value, **inside} if isinstance(inside, Mapping) else value
        label = label if label is not None else _first(both, _LABELS)
        piece, start, end = _first(both, _TEXTS), _first(both, _STARTS), _first(both, _ENDS)
        exact = isinstance(value.get("text"), str)
    elif isinstance(value, str) and label is not None:
        piece = value
    elif isinstance(value, (list, tuple)) and len(value) >= 3 and label is None:
        start, end, label = value[:3]
    if not isinstance(label, str) or not label or not (piece is None or isinstance(piece, str)):
        raise _ShapeError(f"needs entities as {_EXPECTED}, not {value!r:.80}")
    offsets = None if start is None and end is None else _offsets(start, end, text, words)
    if offsets is not None and text is not None:
        if exact and text[slice(*offsets)] != piece:
            found = text[slice(*offsets)]
            raise _ShapeError(
                f"{piece!r:.60} is not at {start} to {end}, {found!r:.60} is: offsets are code points of the text"
            )
        piece = text[slice(*offsets)]
    elif piece is None:
        if offsets is None:
            raise _ShapeError(f"an entity has neither a text nor offsets: {value!r:.80}")
        piece = f"{offsets[0]}-{offsets[1]}"
    return Entity(label, piece, offsets)


def _first(value: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _offsets(start: Any, end: Any, text: str | None, words: Sequence[Offsets]) -> Offsets:
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in (start, end)):
        raise _ShapeError(f"offsets are whole numbers, not {start!r} and {end!r}")
    if words:
        if not 0 <= start <= end < len(words):
            raise _ShapeError(f"words {start} to {end} are none of {len(words)}")
        return words[start][0], words[end][1]
    if not 0 <= start < end or (text is not None and end > len(text)):
        size = "" if text is None else f" in a text of {len(text):,} characters"
        raise _ShapeError(f"offsets {start} to {end} are no span{size}")
    return start, end


# ---------------------------------------------------------------------------------------------------------------- tags


def _joined(words: Sequence[Any]) -> tuple[str, list[Offsets]]:
    """The text that words make, one blank between them, and the place of each in it."""
    if not all(isinstance(word, str) for word in words):
        raise _ShapeError(f"tokens are strings, not {next(w for w in words if not isinstance(w, str))!r:.80}")
    ends = list(accumulate(len(word) + 1 for word in words))
    return " ".join(words), [(end - len(word) - 1, end - 1) for word, end in zip(words, ends)]


def _read_tags(table: Table, names: Sequence[str] | None) -> list[Answer]:
    key = next(filter(table.has_any, TAGS))
    rows = [_tags_of(table, at, key, names) for at in range(len(table.rows))]
    style = style_of(counts := Counter(tag for tags in rows for tag in tags))
    if style is None:
        some = ", ".join(sorted(counts)[:3])
        raise UserError(f"{table.path}: {why_no_tags(counts) or f'{key!r} holds no tags, such as B-PER, but {some}'}")
    return [_tagged(table, at, tags, style) for at, tags in enumerate(rows)]


def _tags_of(table: Table, at: int, key: str, names: Sequence[str] | None) -> list[str]:
    row = table.rows[at]
    tokens, tags = row.get("tokens"), row.get(key)
    if not isinstance(tokens, (list, tuple)) or not isinstance(tags, (list, tuple)) or len(tokens) != len(tags):
        raise table.error(at, f"needs lists of equal length in 'tokens' and {key!r}")
    found = []
    for tag in tags:
        if isinstance(tag, int) and not isinstance(tag, bool):
            if names is None:
                raise table.error(at, f"{key!r} are numbers: say what they stand for with --tag-names O,B-PER,I-PER")
            if not 0 <= tag < len(names):
                raise table.error(at, f"{key!r} has the number {tag}, but there are {len(names)} names")
            tag = names[tag]
        if not isinstance(tag, str):
            raise table.error(at, f"{key!r} holds {tag!r}, which is no tag")
        found.append(tag)
    return found


def _tagged(table: Table, at: int, cells: Sequence[str], style: Style) -> Answer:
    tags: list[Tag] = []
    for cell in cells:
        if (tag := parse_tag(cell, style)) is None:
            raise table.error(at, f"{cell!r} is no tag like those of the other words")
        tags.append(tag)
    row = table.rows[at]
    try:
        text, places = _joined(row["tokens"])
    except _ShapeError as error:
        raise table.error(at, str(error)) from error
    spans, _ = decode(tags, "any")
    offsets = [(kind, (places[first][0], places[last][1])) for kind, first, last in spans]
    label = row.get("label")
    return Answer(
        label if isinstance(label, str) and label else None,
        [Entity(kind, text[slice(*place)] or "-", place) for kind, place in offsets],
        text,
    )
