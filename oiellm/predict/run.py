"""A prediction run: records in, a folder of predictions out, with resume. Nothing is dropped: every record has a row."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset import Failure, Record, Registry, RegistryError, __version__, prompt
from mmm_dataset.files import dump, progress
from mmm_dataset.schema import to_row
from oiellm.errors import OiellmError
from oiellm.predict.engine import Engine, Reply
from oiellm.predict.reading import Question, answer, ask
from oiellm.predict.store import ROW, Store

if TYPE_CHECKING:
    import pyarrow as pa

ClosedLabels = Mapping[tuple[str, str], Sequence[str]]
"""(config, id) of a record to the word-level labels that its prompt lists."""

PART_ROWS: Final = 256
PART_SECONDS: Final = 20.0


def predict(
    records: Sequence[Record],
    engine: Engine,
    out: Path,
    *,
    registry: Registry,
    constrained: bool = False,
    max_new_tokens: int = 512,
    labels: ClosedLabels | None = None,
    settings: Mapping[str, Any] | None = None,
    chunk: int = 4096,
) -> dict[str, Any]:
    """Predict every record, or go on where an earlier call with the same settings stopped.

    Args:
        records: with or without gold; (config, id) is unique among them.
        engine: see :mod:`oiellm.predict.engine`.
        out: folder of the run, see :mod:`oiellm.predict.store`.
        registry: of configs, label sets and task words.
        constrained: guarantee the form, the label sets and that entities are in the text.
        max_new_tokens: limit of a reply, EOS included.
        labels: word-level labels to list in the prompt (the closed setting), for the records that have them.
        settings: further things that decide the predictions (digest of the model, of the data), as JSON types. Kept in
            ``run.json`` and compared, with those that are known here, when a run is resumed.
        chunk: rows that are handed to the engine at once, which sorts them by length.

    Returns:
        The summary, also in ``run.json``: counts of rows, of failures, issues and finishes by kind, of dropped items and of new
        tokens.

    Raises:
        OiellmError: two records share an id, a config is not in the registry, ``out`` holds another run, or the engine or the
            disk failed. Whatever stops a run, an interrupt included, its replies so far are stored.
    """
    questions = [_question(record, registry, constrained, labels or {}) for record in records]
    store = Store(out, {**_known(records, questions, engine, constrained, max_new_tokens), **(settings or {})})
    if (summary := store.summary()) is not None:
        return summary
    done, batches = store.so_far()
    # The longest first: what does not fit into memory fails at once and not after hours.
    pending = sorted(set(range(len(records))) - done, key=lambda at: (-len(questions[at].prompt), at))
    words, start = registry.task_words, time.monotonic()
    bar = iter(progress(range(len(pending)), "predict", total=len(pending)))
    for first in range(0, len(pending), chunk):
        requests = [ask(at, questions[at], words) for at in pending[first : first + chunk]]
        rows: list[dict[str, Any]] = []
        following = batches
        try:
            for reply in engine.generate(requests, max_new_tokens):
                next(bar, None)
                numbered = replace(reply, batch=reply.batch + batches) if reply.batch >= 0 else reply
                following = max(following, numbered.batch + 1)
                rows.append(_row(records[reply.key], questions[reply.key], numbered, engine, words))
                if len(rows) >= PART_ROWS or time.monotonic() - start > PART_SECONDS:
                    stored, rows, start = rows, [], time.monotonic()
                    store.add(stored)
        finally:
            store.add(rows)
        batches = following
    next(bar, None)
    return _finish(store, len(records))


def _finish(store: Store, total: int) -> dict[str, Any]:
    table = store.merged()
    if table.num_rows != total:
        raise OiellmError(f"{store.out}: {table.num_rows} replies to {total} records; run the same command again")
    summary = summarise(table)
    store.finish(table, summary)
    return summary


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


def _question(record: Record, registry: Registry, constrained: bool, labels: ClosedLabels) -> Question:
    try:
        config = registry.config(record.config)
        texts, words = registry.text_labels(config), registry.word_labels(config, record.word)
    except RegistryError as error:
        raise OiellmError(f"record {record.id!r}: {error}; name your registry file with --registry") from error
    listed = labels.get((record.config, record.id))
    if record.raw is not None and listed is None:
        line = record.raw[0]
    else:
        line = prompt(record.text, record.word, listed)
    return Question(
        record.text, record.word, line, texts, words if listed is None else listed, record.form, constrained
    )


def _known(
    records: Sequence[Record], questions: Sequence[Question], engine: Engine, constrained: bool, max_new_tokens: int
) -> dict[str, Any]:
    """The settings that are known here; the rows enter by a digest of their ids and prompts."""
    digest, seen = hashlib.sha256(), set()
    sets: dict[tuple[str, str], list[list[str] | None]] = {}  # lists in prompts are in the prompts
    for record, question in zip(records, questions):
        key = (record.config, record.id)
        if key in seen:
            raise OiellmError(f"record {record.id!r} of {record.config} is there twice; ids must be unique in a config")
        seen.add(key)
        digest.update(dump([*key, question.prompt]).encode() + b"\n")
        if (record.config, question.word) not in sets:
            sets[record.config, question.word] = [_sorted(question.text_labels), _sorted(question.word_labels)]
    libraries = ["openai"] if engine.name == "openai" else ["torch", "transformers"]
    if constrained:
        libraries.append("llguidance")
    return {
        "model": engine.model,
        "engine": engine.name,
        "dtype": engine.dtype,
        "constrained": constrained,
        "max_new_tokens": max_new_tokens,
        "rows": len(records),
        "rows_digest": digest.hexdigest(),
        "labels_digest": hashlib.sha256(dump(sorted(map(str, sets.items()))).encode()).hexdigest(),
        "versions": {"oiellm": __version__, **{name: _version(name) for name in libraries}},
    }


def _sorted(labels: Collection[str] | None) -> list[str] | None:
    return None if labels is None else sorted(labels)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _row(
    record: Record, question: Question, reply: Reply, engine: Engine, task_words: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    found = answer(question, reply, task_words)
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
        "finish": reply.finish,
        "dropped_items": found.dropped_items,
        "new_tokens": reply.tokens,
        "batch": reply.batch,
        "engine": engine.name,
        "dtype": engine.dtype,
        "constrained": question.constrained,
        "model": engine.model,
    }
