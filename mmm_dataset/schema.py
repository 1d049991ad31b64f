"""The columns of a release, once: what a row of the Parquet tree holds, and how a record becomes one.

Column: ``input``, ``output`` as a model reads and writes them, ``form`` of the output string; ``id``, ``language``, ``task``,
``task_word``, ``text``, ``label``; ``entities`` (label-entity pairs with half-open code-point offsets, null where unknown),
``tuples`` (items of any other shape: label, arguments, attributes), both null where a published row could not be parsed;
``source``, ``source_id``, ``alignment`` (per item the index of the source row's item, null if no item has one), ``origin``,
``licence``. All configs share it, so all can be concatenated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm_dataset.codec import encode
from mmm_dataset.record import Item, Record, RecordError, Span, current_origin
from mmm_f1.unified import FORMS, PAIR, shape

if TYPE_CHECKING:
    import pyarrow as pa

_STRINGS_BEFORE = ("input", "output", "form", "id", "language", "task", "task_word", "text", "label")
_STRINGS_AFTER = ("origin", "licence")
COLUMNS = (*_STRINGS_BEFORE, "entities", "tuples", "source", "source_id", "alignment", *_STRINGS_AFTER)


def arrow_schema() -> pa.Schema:
    """The schema of the Parquet files, without any ``huggingface`` metadata: older readers refuse the newer ones' types."""
    import pyarrow as pa

    span = [pa.field("text", pa.string()), pa.field("start", pa.int32()), pa.field("end", pa.int32())]
    entity = pa.struct([pa.field("label", pa.string()), *span])
    argument = pa.struct([pa.field("role", pa.string()), *span])
    attribute = pa.struct([pa.field("name", pa.string()), pa.field("value", pa.string())])
    relation = pa.struct(
        [
            pa.field("label", pa.string()),
            pa.field("arguments", pa.list_(argument)),
            pa.field("attributes", pa.list_(attribute)),
        ]
    )
    types = {"entities": pa.list_(entity), "tuples": pa.list_(relation), "alignment": pa.list_(pa.int32())}
    return pa.schema([pa.field(name, types.get(name, pa.string())) for name in COLUMNS])


def field_types(schema: pa.Schema) -> dict[str, str]:
    """Dotted name to type of every field, those inside lists and structs as well: ``tuples.arguments.role``."""
    import pyarrow as pa

    def fields(name: str, kind: Any) -> Iterator[tuple[str, str]]:
        while pa.types.is_list(kind):
            kind = kind.value_type
        if not pa.types.is_struct(kind):
            yield name, str(kind)
            return
        for field in kind:
            yield from fields(f"{name}.{field.name}", field.type)

    return dict(found for field in schema for found in fields(field.name, field.type))


def missing_columns(path: Path) -> list[str]:
    """The fields that a Parquet file lacks, as an earlier version's does; none if it is missing or no Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = field_types(pq.read_schema(path))
    except (OSError, pa.ArrowException):
        return []
    return [name for name in field_types(arrow_schema()) if name not in found]


def to_row(record: Record, task_words: Mapping[str, Any]) -> dict[str, Any]:
    """One release row of a record. Raises ValueError if the record is neither annotated nor published."""
    line, output = encode(record, task_words)
    items = record.items
    pairs = tuple(shape(record.word, task_words)) == PAIR  # all items of a row go to one column, so their order is kept
    aligned = items is not None and any(item.source_item is not None for item in items)
    return {
        "input": line,
        "output": output,
        "form": record.form,
        "id": record.id,
        "language": record.language,
        "task": record.task,
        "task_word": record.word,
        "text": record.text,
        "label": record.label,
        "entities": None if items is None else [_entity(item) for item in items if pairs],
        "tuples": None if items is None else [_tuple(item) for item in items if not pairs],
        "source": record.source,
        "source_id": record.source_id,
        "alignment": [item.source_item for item in items or ()] if aligned else None,
        "origin": record.origin,
        "licence": record.licence,
    }


def from_row(row: Mapping[str, Any]) -> Record:
    """The record of a release row, checked as every record is; its split is the file's and not in the row.

    Raises:
        RecordError: an offset or field is wrong.
    """
    if row["form"] not in FORMS:
        raise RecordError(f"record {row['id']!r}: form {row['form']!r} is not one of {', '.join(FORMS)}")
    items: tuple[Item, ...] | None = None
    if row["entities"] is not None or row["tuples"] is not None:
        pairs = [Item.pair(e["label"], e["text"], e["start"], e["end"]) for e in row["entities"] or ()]
        relations = [
            Item(
                t["label"],
                tuple(Span(a["text"], a["start"], a["end"], a["role"]) for a in t["arguments"] or ()),
                attributes=tuple((a["name"], a["value"]) for a in t["attributes"] or ()),
            )
            for t in row["tuples"] or ()
        ]
        sources = row["alignment"] or [None] * (len(pairs) + len(relations))
        if len(sources) != len(pairs) + len(relations):
            raise RecordError(
                f"record {row['id']!r}: alignment has {len(sources)} entries for {len(pairs) + len(relations)} items"
            )
        items = tuple(Item(i.label, i.spans, s, i.attributes) for i, s in zip([*pairs, *relations], sources))
    return Record(
        id=row["id"],
        language=row["language"],
        task=row["task"],
        word=row["task_word"],
        text=row["text"],
        label=row["label"],
        items=items,
        origin=current_origin(row["origin"]),
        source=row["source"],
        source_id=row["source_id"],
        licence=row["licence"],
        raw=(row["input"], row["output"]) if row["form"] == "published" else None,
    )


def _entity(item: Item) -> dict[str, Any]:
    span = item.spans[0]
    return {"label": item.label, "text": span.text, "start": span.start, "end": span.end}


def _tuple(item: Item) -> dict[str, Any]:
    arguments = [{"role": s.role, "text": s.text, "start": s.start, "end": s.end} for s in item.spans]
    attributes = [{"name": name, "value": value} for name, value in item.attributes]
    return {"label": item.label, "arguments": arguments, "attributes": attributes}
