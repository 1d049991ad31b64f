"""CoNLL: a word and its IOB2 tag on each line, the row's text, label and metadata in comments above.

``python3 -m build read conll`` reads it back. Items that overlap, relations and events have no place in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from build.convert.losses import Losses, Placed, placed_pairs, without_overlaps
from build.convert.rows import attributes_of, has_pairs, is_readable, metadata, text_label
from build.convert.tokens import Offsets, words
from mmm_dataset import Record, Registry

# A line must stay one line, and a tab ends a column. One character for another, so that offsets stay.
_ONE_LINE = str.maketrans(dict.fromkeys("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029", " "))


def write(records: Iterator[Record], path: Path, registry: Registry, losses: Losses) -> int:
    """Write a file of blocks; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            if block := to_block(record, registry, losses):
                file.write(block + "\n")
                count += 1
    return count


def to_block(record: Record, registry: Registry, losses: Losses) -> str | None:
    """Comments and tagged words of a record, ending in a newline; None if the format cannot hold the record."""
    if not is_readable(record, losses):
        return None
    if not has_pairs(record, registry):
        losses.add(record, "relations", len(record.items or ()))
        losses.add(record, "row_of_relations")
        return None
    losses.add(record, "attributes", attributes_of(record))
    text = record.text.translate(_ONE_LINE)
    pairs = without_overlaps(record, placed_pairs(record, losses, trim=True), losses)
    places = words(text, record.language, [at for _, start, end in pairs for at in (start, end)])
    if not places:
        losses.add(record, "no_tokens")
        return None
    label = text_label(record, registry)
    losses.add(record, "line_breaks", int(text != record.text))
    losses.add(record, "labels", sum(kind != _one_line(kind) for kind, _, _ in pairs))
    losses.add(record, "labels", int(label is not None and label != _one_line(label)))
    comments = {"text": text, "label": label, **metadata(record)}
    lines = [f"# {key} = {_one_line(value)}" for key, value in comments.items() if value is not None]
    lines[0] = f"# text = {text}"
    return "\n".join([*lines, *_tagged(text, places, pairs)]) + "\n"


def _tagged(text: str, places: list[Offsets], pairs: list[Placed]) -> Iterator[str]:
    waiting = iter(pairs)
    label, first, last = next(waiting, ("", len(text), len(text)))
    for start, end in places:
        while start >= last:
            label, first, last = next(waiting, ("", len(text) + 1, len(text) + 1))
        tag = "O" if end <= first else f"{'B' if start == first else 'I'}-{_one_line(label)}"
        yield f"{text[start:end]}\t{tag}"


def _one_line(value: str) -> str:
    return value.translate(_ONE_LINE).strip()
