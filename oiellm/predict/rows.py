"""Rows of a run: a reply as a row of the predictions, and counts over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmm_dataset import Failure, Record
from mmm_dataset.schema import to_row
from oiellm.predict.checkpoint import called
from oiellm.predict.engine import Engine, Reply
from oiellm.predict.reading import Question
from oiellm.predict.store import ROW
from oiellm.predict.style import Style

if TYPE_CHECKING:
    import pyarrow as pa


def prediction(
    record: Record,
    question: Question,
    reply: Reply,
    engine: Engine,
    style: Style,
    task_words: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """A record and the reply to it as a row of :func:`oiellm.predict.store.schema`, with the number of the record."""
    found = style.read(question, reply)
    read = found.read
    failure = read if isinstance(read, Failure) else None
    said: dict[str, Any] = {}
    if not isinstance(read, Failure):
        said = to_row(replace(record, label=read.label, items=read.items, raw=None), task_words)
    return {
        ROW: reply.key,
        "id": record.id,
        "config": record.config,
        "task_word": record.word,
        "text": record.text,
        "input": question.prompt,
        "output": found.output,
        "raw": reply.text,
        "form": record.form,
        **{name: said.get(name) for name in ("label", "entities", "tuples")},
        "failure": failure and failure.kind,
        "failure_detail": failure and failure.detail,
        "issues": [] if isinstance(read, Failure) else [issue.kind for issue in read.issues],
        "lenient": found.lenient,
        "deviations": list(found.deviations),
        "finish": reply.finish,
        "dropped_items": found.dropped_items,
        "label_confidence": found.confidence.label,
        "item_confidences": list(found.confidence.items) or None,
        "new_tokens": reply.tokens,
        "batch": reply.batch,
        "engine": engine.name,
        "dtype": engine.dtype,
        "constrained": question.constrained,
        "model": called(engine.model),
    }


def summarise(table: pa.Table) -> dict[str, Any]:
    """Counts over a table of predictions."""
    columns = {name: table[name].to_pylist() for name in ("failure", "issues", "finish", "dropped_items", "new_tokens")}
    return {
        "rows": table.num_rows,
        "failures": dict(sorted(Counter(filter(None, columns["failure"])).items())),
        "issues": dict(sorted(Counter(kind for kinds in columns["issues"] for kind in kinds).items())),
        "finish": dict(sorted(Counter(columns["finish"]).items())),
        "dropped_items": sum(columns["dropped_items"]),
        "new_tokens": sum(max(0, count) for count in columns["new_tokens"]),
    }
