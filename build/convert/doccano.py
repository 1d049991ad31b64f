"""doccano: JSON lines of ``text``, ``cats``, ``entities`` and ``relations``; every other key becomes the row's metadata.

A project of the type "intent detection and slot filling" takes ``cats`` and ``entities``; one of "sequence labeling" with
relations takes ``entities`` and ``relations``. Offsets are code points. Both must allow overlapping spans.
"""

from __future__ import annotations

from typing import Any

from build.convert.losses import Losses
from build.convert.rows import graph, is_readable, metadata, text_label
from mmm_dataset import Record, Registry


def to_row(record: Record, registry: Registry, losses: Losses) -> dict[str, Any] | None:
    """A row of a doccano import; None if the record's items are not known."""
    if not is_readable(record, losses):
        return None
    label = text_label(record, registry)
    found = graph(record, registry, losses)
    return {
        "text": record.text,
        "cats": [label] if label else [],
        "entities": [
            {"id": number, "start_offset": start, "end_offset": end, "label": kind}
            for number, (kind, start, end) in enumerate(found.entities)
        ],
        "relations": [
            {"id": number, "from_id": head, "to_id": tail, "type": kind}
            for number, (head, tail, kind) in enumerate(found.relations)
        ],
        **metadata(record),
    }
