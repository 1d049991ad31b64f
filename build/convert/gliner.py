"""GLiNER: a JSON array of ``tokenized_text``, ``ner`` and ``relations``, places in words with both ends included.

GLiNER passes over further keys, so the text and the metadata stay in the row.
"""

from __future__ import annotations

from typing import Any

from build.convert.losses import Losses
from build.convert.rows import graph, is_readable, metadata, text_label
from build.convert.tokens import words
from mmm_dataset import Record, Registry


def to_row(record: Record, registry: Registry, losses: Losses) -> dict[str, Any] | None:
    """A row of GLiNER's training data; None if the record has no words or its items are not known."""
    if not is_readable(record, losses):
        return None
    found = graph(record, registry, losses, trim=True)
    places = words(record.text, record.language, [at for _, start, end in found.entities for at in (start, end)])
    if not places:
        losses.add(record, "no_tokens")
        return None
    starts = {start: number for number, (start, _) in enumerate(places)}
    ends = {end: number for number, (_, end) in enumerate(places)}
    row: dict[str, Any] = {
        "tokenized_text": [record.text[start:end] for start, end in places],
        "ner": [[starts[start], ends[end], label] for label, start, end in found.entities],
    }
    if found.relations:
        row["relations"] = [list(relation) for relation in found.relations]
    return row | {"text": record.text, **metadata(record, text_label(record, registry))}
