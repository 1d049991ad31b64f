"""The closed setting of configs with open word-level labels (TCONER): the labels to choose from stand in the prompt.

The list of a row holds the row's OWN GOLD LABELS and distractors, as in the label-list setting of UniversalNER and GLiNER. So
it tells which labels occur, up to the distractors: a closed score is to be set beside theirs, never beside an open one.
Distractors are drawn from the labels of the train split in proportion to how many train rows hold them. The scorer knows
nothing of the list.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from mmm_dataset import Record, Registry

SIZE: Final = 16
"""Labels listed for a row; more if its gold alone has more, fewer if the train split has fewer."""

NOTE: Final = (
    "word-level labels stood in the prompt (closed setting): the row's own gold labels among distractors, at least 16 in all "
    "where the train split has as many; not to be set beside open-label figures, the paper's among them."
)
"""What must stand beside figures of the closed setting."""


def has_open_labels(record: Record, registry: Registry) -> bool:
    """Whether the record's word-level labels are open, which is what the closed setting is for."""
    return registry.word_labels(registry.config(record.config), record.word) is None


def pool(records: Iterable[Record]) -> dict[str, int]:
    """Label to the number of records that hold it, sorted by label: what distractors are drawn from.

    Args:
        records: the train rows of ONE config; rows that could not be parsed hold no label.
    """
    counts = Counter(label for record in records for label in {item.label for item in record.items or ()})
    return dict(sorted(counts.items()))


def closed_labels(record: Record, labels: Mapping[str, int], size: int = SIZE, seed: int = 0) -> list[str]:
    """The labels to list in the prompt of a row; the same for the same row, pool and seed, in training and evaluation.

    Args:
        record: an annotated row; one that could not be parsed has no gold labels, and all of its list are distractors.
        labels: the pool of its config, see :func:`pool`.
        size: labels to list.
        seed: of the draw.
    """
    gold = {item.label for item in record.items or ()}
    row = f"{seed}\0{record.config}\0{record.id}"
    draw = random.Random(row)
    # Exponential waiting times: the smallest are a draw without replacement in proportion to the weights.
    times = [(-math.log(1.0 - draw.random()) / weight, label) for label, weight in labels.items()]
    others = [label for _, label in heapq.nsmallest(size, times) if label not in gold]
    listed = [*gold, *others[: max(0, size - len(gold))]]
    return sorted(listed, key=lambda label: hashlib.sha256(f"{row}\0{label}".encode()).digest())
