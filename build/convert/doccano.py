"""doccano: JSON lines of ``text``, ``cats``, ``entities`` and ``relations``; every other key becomes the row's metadata.

A project of the type "intent detection and slot filling" takes ``cats`` and ``entities``; one of "sequence labeling" with
relations takes ``entities`` and ``relations``. Offsets are code points. Both must allow overlapping spans.
"""

from __future__ import annotations

from typing import Any

from build.convert.losses import Losses
from build.convert.rows import graph, is_readable, metadata
from mmm_dataset import Record, Registry


def to_row(record: Record, registry: Registry, losses: Losses) -> dict[str, Any] | None:
    """A row of a doccano import; None if the record's items are not known."""
    if not is_readable(record, losses):
        return None
    found = graph(record, registry, losses)
    return {
        "text": record.text,
        "cats": [] if record.label is None else [record.label],
        "entities": [
            {"id": number, "start_offset": start, "end_offset": end, "label": label}
            for number, (label, start, end) in enumerate(found.entities)
        ],
        "relations": [
            {"id": number, "from_id": head, "to_id": tail, "type": label}
            for number, (head, tail, label) in enumerate(found.relations)
        ],
        **metadata(record, text_label=False),
    }
