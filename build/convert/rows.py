"""What the formats share: metadata of a row, items as entities and relations between them, files of JSON rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build.convert.losses import Losses, Placed, first_mentions, placed_pairs
from mmm_dataset import Item, Record, Registry
from mmm_dataset.files import dump
from mmm_f1.unified import is_span, role_name, shape

ToRow = Callable[[Record, Registry, Losses], "dict[str, Any] | None"]
"""A record in the format; None if the format cannot hold it."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A file that was written: its config, its split, its path in the folder, the rows in it."""

    config: str
    split: str
    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Items as the annotation tools have them.

    Attributes:
        entities: label, start and end.
        relations: the entities at both ends, by number, and the label.
    """

    entities: Sequence[Placed]
    relations: Sequence[tuple[int, int, str]] = ()


def metadata(record: Record, label: str | None = None) -> dict[str, str]:
    """What a format with room for it keeps of a row, under the keys that ``read foreign`` looks for.

    Args:
        record: the row.
        label: of the text, for formats without another place for it.
    """
    values = {
        "id": record.id,
        "text_label": label,
        "task_word": record.word,
        "source": record.source,
        "source_id": record.source_id,
        "license": record.licence,
        "split": record.split,
    }
    return {key: value for key, value in values.items() if value is not None}


def text_label(record: Record, registry: Registry) -> str | None:
    """The label of the text; None as well if every row of the task has the same."""
    return record.label if registry.fixed_text_label(registry.config(record.config)) is None else None


def argument_roles(record: Record, registry: Registry) -> list[str]:
    """Roles of the arguments of the record's items, in the order of its task word."""
    return [role_name(role) for role in shape(record.word, registry.task_words) if is_span(role)]


def has_pairs(record: Record, registry: Registry) -> bool:
    """Whether the items of the record's task word have one span, as label-entity pairs do and relations and events do not."""
    return len(argument_roles(record, registry)) == 1


def is_readable(record: Record, losses: Losses) -> bool:
    """Whether the items are known; counts the record if not. Call it once for each record."""
    losses.add(record, "alignment", int(any(item.source_item is not None for item in record.items or ())))
    losses.add(record, "not_parsed", int(record.items is None))
    return record.items is not None


def graph(record: Record, registry: Registry, losses: Losses, trim: bool = False) -> Graph:
    """The record's items as entities and relations.

    The label of an argument is its type, an attribute such as ``head_type``, else its role. A relation runs from the first
    argument to each other one and has the item's label; so an event is the relations that leave one entity, which is no
    other event's. With ``trim``, blanks at the ends of entities are taken off.
    """
    roles = argument_roles(record, registry)
    if len(roles) == 1:
        losses.add(record, "attributes", attributes_of(record))
        return Graph(placed_pairs(record, losses, trim))
    entities: list[Placed] = []
    relations: list[tuple[int, int, str]] = []
    numbers: dict[Placed, int] = {}
    for item in record.items or ():
        arguments = first_mentions(record, item, losses, trim)
        if arguments is None:
            continue
        if len(arguments) < 2:
            losses.add(record, "one_argument")
            continue
        arguments.sort(key=lambda span: roles.index(span[0]))
        types = argument_types(item, roles)
        losses.add(record, "attributes", len(item.attributes) - len(types))
        ends = []
        for place, (role, start, end) in enumerate(arguments):
            entity = (types.get(role, role), start, end)
            if entity not in numbers or (place == 0 and len(roles) > 2):
                numbers[entity] = len(entities)
                entities.append(entity)
            ends.append(numbers[entity])
        relations += [(ends[0], end, item.label) for end in ends[1:]]
    return Graph(entities, relations)


def argument_types(item: Item, roles: Sequence[str]) -> dict[str, str]:
    """Role to type of a relation's two arguments, as its attributes say it; an event's arguments go by their roles."""
    types = {name.removesuffix("_type"): value for name, value in item.attributes if name.endswith("_type")}
    present = {span.role for span in item.spans if span.text}
    return {role: types[role] for role in roles if role in types and role in present} if len(roles) == 2 else {}


def attributes_of(record: Record) -> int:
    """How many attributes the record's items have."""
    return sum(len(item.attributes) for item in record.items or ())


def write_json_lines(rows: Iterable[dict[str, Any]], path: Path) -> int:
    """Write a row on each line; returns how many."""
    return _write(rows, path, "", "\n", "\n")


def write_json_array(rows: Iterable[dict[str, Any]], path: Path) -> int:
    """Write one array, a row on each line; returns how many."""
    return _write(rows, path, "[\n", ",\n", "\n]\n")


def _write(rows: Iterable[dict[str, Any]], path: Path, before: str, between: str, after: str) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        for row in rows:
            file.write((between if count else "") + dump(row))
            count += 1
        file.write(after if count or before else "")
    return count
