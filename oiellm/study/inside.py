"""Does the label follow the pairs? What a model that writes both levels would call a row if it had to write the gold pairs.

The label is written first, so that pairs cannot be given before it. But a model of ``Label/NER/pairs`` says of each label how
likely it is with the pairs behind it: the label that is most likely together with the gold pairs, p(label, pairs | text), is
by Bayes' rule the one that the model gives these pairs, p(label | pairs, text). It is compared with the label that is most
likely alone. (The other way round, pairs behind the gold label, is a test with ``forced: gold``.)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mmm_dataset import Record, encode, prompt
from mmm_dataset.files import atomic, pretty
from oiellm.evaluate.protocols import chosen
from oiellm.predict.likelihood import log_likelihoods
from oiellm.predict.spellings import release_spellings
from oiellm.study.plan import Cell, Plan
from oiellm.tokens import completion_ids, prompt_ids

FILE: Final = "inside.json"
ROWS: Final = 200
"""Rows of a config that are looked into, of its test rows those with the smallest hash of their id."""
LABELS: Final = 30
"""Labels that are weighed against each other where they are open: the most frequent of the training rows. Of closed ones
all are, in the spelling of the release: an alias is no rival of its own label."""


def look(engine: Any, plan: Plan, cell: Cell, folder: Path) -> None:
    """Write ``inside.json``: by config the ids of rows, and whether the likeliest label is right without and with the pairs."""
    path = folder / FILE
    if path.is_file():
        return
    found = {config: _config(engine.loaded, plan, config) for config in cell.configs}
    with atomic(path) as file:
        file.write(pretty(found))


def _config(loaded: Any, plan: Plan, config: str) -> dict[str, Any]:
    records = [record for record in chosen(plan.release, {config: plan.selection.ids[config]}) if record.is_annotated]
    rows = sorted(records, key=lambda record: hashlib.sha256(record.id.encode()).digest())[:ROWS]
    labels = _labels(plan, config)
    alone, together = (_likeliest(loaded, rows, labels, plan, items) for items in (False, True))
    return {
        "ids": [record.id for record in rows],
        "labels": labels,
        "alone": [int(label == record.label) for label, record in zip(alone, rows)],
        "with_pairs": [int(label == record.label) for label, record in zip(together, rows)],
    }


def _labels(plan: Plan, config: str) -> list[str]:
    registry = release_spellings(plan.release, [config])
    known = registry.text_labels(registry.config(config))
    if known is not None:
        return list(known)
    counts = Counter(record.label for record in plan.release.records(config, "train") if record.label is not None)
    return [label for label, _ in counts.most_common(LABELS)]


def _likeliest(loaded: Any, rows: Sequence[Record], labels: Sequence[str], plan: Plan, items: bool) -> list[str]:
    """The label of each row that the model finds likeliest, with its gold pairs behind it or with what follows left open."""
    words, tokenizer = plan.release.registry.task_words, loaded.tokenizer
    pairs = []
    for record in rows:
        line = prompt_ids(tokenizer, prompt(record.text, record.word))
        for label in labels:
            said = encode(replace(record, label=label, raw=None, items=record.items if items else ()), words)[1]
            ids = completion_ids(tokenizer, said)
            pairs.append((line, ids if items else ids[:-1]))  # EOS would say that there are no pairs
    scores = log_likelihoods(loaded.model, pairs)
    size = len(labels)
    return [
        max(zip(scores[at * size : (at + 1) * size], labels), key=lambda pair: pair[0])[1] for at in range(len(rows))
    ]
