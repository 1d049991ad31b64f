"""Label Studio: tasks with their annotation, and the labeling configuration of their project.

Offsets are code points, as Label Studio counts them in a ``Text`` tag. The label of the text is a choice where the labels are
a closed set, else a text field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from build.convert.losses import Losses
from build.convert.rows import graph, is_readable, metadata, text_label, write_json_array
from build.review.label_studio import CLOSED, ITEMS, OPEN, TEXT, labeling_config
from mmm_dataset import Record, Registry

CONFIG_FILE: Final = "labeling_config.xml"


@dataclass
class Writer:
    """Writes the rows of one config; labels are collected over all of its splits."""

    entities: dict[str, None] = field(default_factory=dict)
    relations: dict[str, None] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)

    def write(self, records: Iterator[Record], path: Path, registry: Registry, losses: Losses) -> int:
        """Write an array of tasks; returns how many."""
        return write_json_array((t for r in records if (t := self.to_task(r, registry, losses)) is not None), path)

    def to_task(self, record: Record, registry: Registry, losses: Losses) -> dict[str, Any] | None:
        """A task with one annotation; None if the record's items are not known."""
        if not is_readable(record, losses):
            return None
        found = graph(record, registry, losses)
        closed = registry.text_labels(registry.config(record.config))
        self.texts |= dict.fromkeys(closed or ())
        self.entities |= dict.fromkeys(label for label, _, _ in found.entities)
        self.relations |= dict.fromkeys(label for _, _, label in found.relations)
        label = text_label(record, registry)
        result = [_label_result(label, closed is not None)] if label else []
        result += [_region(number, record.text, *entity) for number, entity in enumerate(found.entities)]
        result += [_relation(*relation) for relation in found.relations]
        data = {"text": record.text, **metadata(record)}
        return {"data": data, "annotations": [{"result": result}]}

    def finish(self, folder: Path) -> None:
        """Write the labeling configuration of the project."""
        found = labeling_config(list(self.texts), list(self.entities), list(self.relations), review=False)
        (folder / CONFIG_FILE).write_text(found, encoding="utf-8", newline="")


def _label_result(label: str, closed: bool) -> dict[str, Any]:
    name, kind, key = (CLOSED, "choices", "choices") if closed else (OPEN, "textarea", "text")
    return {"id": "label", "from_name": name, "to_name": TEXT, "type": kind, "value": {key: [label]}}


def _region(number: int, text: str, label: str, start: int, end: int) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
    return {"id": f"r{number}", "from_name": ITEMS, "to_name": TEXT, "type": "labels", "value": value}


def _relation(head: int, tail: int, label: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": f"r{head}", "to_id": f"r{tail}", "direction": "right", "labels": [label]}
