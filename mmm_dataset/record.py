"""The record: the only currency between the parts of the kit.

A row of MMM has a text, a text-level label, and word-level items of the same text. An item is a label with one span (a
label-entity pair) or with several spans in named roles (a relation, an event), and further labels as named attributes.
Records are frozen and checked when they are made: what exists is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from mmm_f1.errors import UserError

Origin = Literal["published", "rebuilt", "own", "demo"]
ORIGINS: Final = get_args(Origin)
"""``published``: the authors' files. ``rebuilt``: made from MMM's own upstream source. ``own``: any other data set.
``demo``: written for this kit. Only the first two are ever called MMM."""

_OLD_ORIGINS: Final = {"stand-in": "own"}
"""Names that earlier versions of the kit wrote."""

Split = Literal["train", "validation", "test"]
SPLITS: Final = get_args(Split)

_NAMES: Final = ("id", "language", "task", "word", "source", "source_id", "licence")
_PAIR_KEYS: Final = dict.fromkeys(("label", "text", "start", "end", "source_item", "attributes"))
_ITEM_KEYS: Final = dict.fromkeys(("label", "spans", "source_item", "attributes"))


class RecordError(UserError, ValueError):
    """A record that cannot exist; the message names the record, what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text.

    Attributes:
        text: the piece, as it stands in the text.
        start, end: half-open offsets in code points of the record's text, both None where they are unknown.
        role: what the piece is to its item: ``entity``, or ``head``, ``tail``, ``subject``, ``object``, ``time`` ...
    """

    text: str
    start: int | None = None
    end: int | None = None
    role: str = "entity"


@dataclass(frozen=True, slots=True)
class Item:
    """A word-level annotation: a label and the spans it is about.

    Attributes:
        label: entity type, polarity, relation or event.
        spans: one for a label-entity pair. A relation or event has one per role; more than one of a role are mentions of the
            same argument, the first being the one that is written; a role that may be absent can have none. A span with the
            empty text, as some files write an absent argument, is none and is left out.
        source_item: in a translated or aligned record, the index of the source record's item that this one renders.
        attributes: further labels, each a name and a value: the category of an opinion, the types of a relation's arguments.
            An item with attributes may have no span.
    """

    label: str
    spans: tuple[Span, ...]
    source_item: int | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for span in self.spans:
            if span.text == "":
                object.__setattr__(self, "spans", tuple([one for one in self.spans if one.text != ""]))
                return

    @classmethod
    def pair(
        cls, label: str, text: str, start: int | None = None, end: int | None = None, source_item: int | None = None
    ) -> Item:
        """A label-entity pair."""
        return cls(label, (Span(text, start, end),), source_item)

    @property
    def is_pair(self) -> bool:
        """Whether this is a label-entity pair, not a relation or an event."""
        return len(self.spans) == 1 and self.spans[0].role == "entity"


@dataclass(frozen=True, slots=True)
class Record:
    """One row.

    Attributes:
        id: unique within its config.
        language: code of the language registry (``ja``, ``en``, ``zh``, ...).
        task: code of the task registry (``scnm``, ``scpos_adj``, ...).
        word: task word of the row (``NER`` ...); TCREE has two, so the task does not settle it.
        text: the raw text; every offset counts its code points.
        label: text-level label; None before annotation.
        items: word-level items in order and multiplicity; None before annotation, empty if there are none.
        origin: see ``ORIGINS``.
        source: name of the source in the registry.
        source_id: id of the underlying item in its source: the same for a row, its translations and its SCPOS siblings.
        licence: SPDX-like name of the licence this row is under.
        split: ``train``, ``validation`` or ``test`` if the source settles it, else None.
        raw: the published row's own input and output string, byte for byte; None for rows this kit wrote.
    """

    id: str
    language: str
    task: str
    word: str
    text: str
    label: str | None
    items: tuple[Item, ...] | None
    origin: Origin
    source: str
    source_id: str
    licence: str
    split: Split | None = None
    raw: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for name in _NAMES:
            value = getattr(self, name)
            if not value or not _is_text(value):
                raise RecordError(f"record {self.id!r}: {name} must be a non-empty string, not {value!r}")
        if not _is_text(self.text):
            raise RecordError(f"record {self.id!r}: text must be a string that UTF-8 can hold, not {self.text!r:.80}")
        if self.label is not None and (not _is_text(self.label) or not self.label):
            raise RecordError(
                f"record {self.id!r}: the text-level label is {self.label!r}; leave it null if there is none"
            )
        if self.origin not in ORIGINS:
            raise RecordError(f"record {self.id!r}: origin {self.origin!r} is not one of {', '.join(ORIGINS)}")
        if self.split is not None and self.split not in SPLITS:
            raise RecordError(f"record {self.id!r}: split {self.split!r} is not one of {', '.join(SPLITS)}")
        if self.raw is not None and not (
            isinstance(self.raw, tuple) and len(self.raw) == 2 and all(map(_is_text, self.raw))
        ):
            raise RecordError(f"record {self.id!r}: raw must be null or the input and the output string")
        for index, item in enumerate(self.items or ()):
            if problem := _item_problem(item):
                raise RecordError(f"record {self.id!r}, item {index}: {problem}")
            for span in item.spans:
                if problem := _span_problem(span, self.text):
                    raise RecordError(f"record {self.id!r}, item {index}: {problem}")

    @property
    def config(self) -> str:
        """Name of the config this row belongs to, ``{language}_{task}``."""
        return f"{self.language}_{self.task}"

    @property
    def form(self) -> Literal["published", "escaped"]:
        """The form of the row's output string: ``published`` rows keep their own bytes."""
        return "escaped" if self.raw is None else "published"

    @property
    def is_annotated(self) -> bool:
        """Whether both levels are there; only then can the row enter a release (published rows always can)."""
        return self.label is not None and self.items is not None


_KEYS: Final = dict.fromkeys(Record.__slots__)
_REQUIRED: Final = tuple(key for key in Record.__slots__ if key not in ("split", "raw"))
_EXPECTED: Final = (
    '{"id": "1", "language": "en", "task": "scnm", "word": "NER", "text": "Ann left.", "label": "Society", "items": [{"label": '
    '"Person", "text": "Ann"}], "origin": "own", "source": "user", "source_id": "1", "licence": "CC0-1.0"}'
)
_SPAN_KEYS: Final = dict.fromkeys(Span.__slots__)


def _is_text(value: object) -> bool:
    """Whether this is a string that UTF-8 can hold: JSON escapes can smuggle in half a surrogate pair."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _item_problem(item: Item) -> str | None:
    if not _is_text(item.label) or not item.label or not (item.spans or item.attributes):
        return "an item needs a label, and a span or attributes"
    if item.attributes and not _are_attributes(item.attributes):
        return f"attributes must be pairs of two non-empty strings, each name once, not {item.attributes!r:.80}"
    if item.source_item is not None and (type(item.source_item) is not int or item.source_item < 0):
        return f"source_item must be null or the number of an item, not {item.source_item!r}"
    return None


def _are_attributes(pairs: object) -> bool:
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        return False
    return all(part and _is_text(part) for pair in pairs for part in pair) and len(dict(pairs)) == len(pairs)


def _span_problem(span: Span, text: str) -> str | None:
    start, end = span.start, span.end
    if not _is_text(span.text) or not _is_text(span.role) or not span.role:
        return f"a span needs a text and a role, not {span.text!r:.80} and {span.role!r:.80}"
    if start is None and end is None:
        return None
    if type(start) is not int or type(end) is not int:
        return f"the offsets of {span.text!r} must both be null or whole numbers, not {start!r} and {end!r}"
    if not 0 <= start < end <= len(text) or text[start:end] != span.text:
        return f"text[{start}:{end}] is {text[max(0, start) : max(0, end)]!r}, not {span.text!r}"
    return None


def to_dict(record: Record) -> dict[str, Any]:
    """The record as plain JSON types; the inverse of :func:`from_dict`. Offsets and fields that are None stay null."""
    out: dict[str, Any] = {name: getattr(record, name) for name in Record.__slots__}
    out["raw"] = None if record.raw is None else list(record.raw)
    if record.items is not None:
        out["items"] = [
            {
                "label": item.label,
                "spans": [{"text": s.text, "start": s.start, "end": s.end, "role": s.role} for s in item.spans],
                "source_item": item.source_item,
                **({"attributes": dict(item.attributes)} if item.attributes else {}),
            }
            for item in record.items
        ]
    return out


def from_dict(row: Mapping[str, Any]) -> Record:
    """Make a record of plain JSON types.

    An item may be written short, as ``{"label", "text", "start", "end"}``, with or without offsets. Its ``attributes`` are an
    object of strings, left out if there are none.

    Raises:
        RecordError: a key is missing or unknown, or the record is not valid.
    """
    where = f"record {row['id']!r}" if "id" in row else "record"
    if missing := [key for key in _REQUIRED if key not in row]:
        raise RecordError(f"{where}: missing {', '.join(map(repr, missing))}; expected {_EXPECTED}")
    if not row.keys() <= _KEYS.keys():
        unknown = min(row.keys() - _KEYS.keys())
        raise RecordError(f"{where}: unknown key {unknown!r}; known keys: {', '.join(_KEYS)}")
    values = dict(row)
    values["origin"] = current_origin(values.get("origin"))
    try:
        if values.get("items") is not None:
            values["items"] = tuple([_item_from_dict(item) for item in values["items"]])
        if isinstance(values.get("raw"), list):
            values["raw"] = tuple(values["raw"])
        return Record(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{where}: {_explain(error)}") from error
    except RecordError as error:
        raise RecordError(str(error) if str(error).startswith("record ") else f"{where}: {error}") from error


def current_origin(origin: Any) -> Any:
    """The origin under its name of today; files that an earlier version of the kit wrote have old names."""
    return _OLD_ORIGINS.get(origin, origin) if isinstance(origin, str) else origin


def _item_from_dict(item: Mapping[str, Any]) -> Item:
    _is_object(item)
    if "spans" not in item:
        _only(item, _PAIR_KEYS)
        span = Span(item["text"], item.get("start"), item.get("end"))
        return Item(item["label"], (span,), item.get("source_item"), _attributes(item))
    _only(item, _ITEM_KEYS)
    for span in item["spans"]:
        _is_object(span)
        _only(span, _SPAN_KEYS)
    spans = [Span(s["text"], s.get("start"), s.get("end"), s.get("role", "entity")) for s in item["spans"]]
    return Item(item["label"], tuple(spans), item.get("source_item"), _attributes(item))


def _attributes(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = item.get("attributes")
    if given is not None and not isinstance(given, Mapping):
        raise RecordError(f'attributes must be an object of strings, such as {{"category": "FOOD"}}, not {given!r:.80}')
    return tuple((given or {}).items())


def _is_object(row: object) -> None:
    if not isinstance(row, dict | Mapping):
        raise RecordError(f"an item and a span must be objects, not {row!r:.80}")


def _only(row: Mapping[str, Any], known: Mapping[str, None]) -> None:
    if not row.keys() <= known.keys():
        unknown = min(row.keys() - known.keys())
        raise RecordError(f"an item has the unknown key {unknown!r}; known keys: {', '.join(known)}")


def _explain(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"an item lacks the key {error.args[0]!r}"
    return f"{error}; expected {_EXPECTED}"
