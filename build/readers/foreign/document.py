"""What every format is parsed into: a text, its labels, marked mentions, and relations between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from build.core import KitError


class ShapeError(KitError):
    """A row that is not of the format; the message says what is expected."""


@dataclass(slots=True)
class Mention:
    """A marked piece of the text.

    Attributes:
        label: its type; None if it is only an argument of a relation.
        start, end: offsets as the file counts them; None if the file has none.
        text: the piece, if the file says it.
        attributes: further labels by name.
    """

    label: str | None
    start: int | None = None
    end: int | None = None
    text: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Relation:
    """A relation or an event.

    Attributes:
        label: its type.
        arguments: role and key of the mention; a role of None is told by its place, or by the mention's label.
        trigger: key of the mention that is an event's trigger.
        attributes: further labels by name.
    """

    label: str
    arguments: list[tuple[str | None, Any]]
    trigger: Any = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """A row of a file.

    Attributes:
        text: the raw text; None if there are only ``tokens``.
        mentions: by key, in order.
        relations: in order.
        labels: labels of the text by the name of their field; several of a field are no single label.
        meta: further keys: what ``build convert`` wrote beside the row, or the user's own.
        tokens: the words, where mentions count words (last one included) and not characters.
        tags: of the words, until the scheme of the file is known.
        is_annotated: False if nobody has marked mentions in the row.
        notes: reason and detail of what was left out.
    """

    text: str | None
    mentions: dict[Any, Mention] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    tokens: Sequence[str] | None = None
    tags: Sequence[str] = ()
    is_annotated: bool = True
    notes: list[tuple[str, str]] = field(default_factory=list)

    def add(self, mention: Mention, key: Any = None) -> Any:
        """Add a mention; returns its key, which is its number if none is given."""
        key = ("mention", len(self.mentions)) if key is None else key
        if key in self.mentions:
            raise ShapeError(f"two entities have the id {key!r}")
        self.mentions[key] = mention
        return key


def expect(value: Any, kind: type | tuple[type, ...], name: str, shape: str) -> Any:
    """The value, if it is of this kind. Raises ShapeError with the field's name and the expected shape."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise ShapeError(f"{name} is {value!r:.80}; expected {shape}")
    return value


def get(row: Any, key: str, kind: type | tuple[type, ...], shape: str) -> Any:
    """The value of a key of a row. Raises ShapeError with the key and the expected shape if it is missing or another kind."""
    expect(row, dict, "the row", f"an object such as {shape}")
    if key not in row:
        raise ShapeError(f"the key {key!r} is missing; expected {shape}")
    return expect(row[key], kind, repr(key), shape)


def list_of(value: Any, kind: type, name: str, shape: str) -> list[Any]:
    """A list of values of this kind; empty if it is null. Raises ShapeError otherwise, as :func:`expect` does."""
    found = [] if value is None else expect(value, list, name, shape)
    return [expect(one, kind, f"an element of {name}", shape) for one in found]


def key_of(value: Any, shape: str) -> str | int:
    """The id of an entity, a string or a number. Raises ShapeError if it is neither."""
    return expect(value, (str, int), "the id of an entity", shape)  # type: ignore[no-any-return]


def offsets(start: Any, end: Any, shape: str) -> tuple[int, int]:
    """Start and end, if they are whole numbers. Raises ShapeError if not."""
    return expect(start, int, "an offset", shape), expect(end, int, "an offset", shape)


def rest(row: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The keys of a row beside the known ones; ``meta`` and ``metadata`` are opened."""
    found = {key: value for key, value in row.items() if key not in known}
    for key in ("meta", "metadata"):
        if isinstance(inner := found.get(key), dict):
            del found[key]
            found = {**inner, **found}
    return found
