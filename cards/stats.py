"""The one place that counts what is in a release tree: for the card, the plots and ``build stats``.

Everything is counted by Arrow, batch by batch, so hundreds of thousands of rows take seconds and little memory.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cards.errors import CardError
from cards.recorded import read_manifest
from mmm_dataset.record import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = ("task_word", "text", "label", "entities", "tuples")
_BATCH = 1 << 15


@dataclass(slots=True)
class Spread:
    """Whole numbers, and how often each occurs."""

    counts: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.counts.total()

    @property
    def sum(self) -> int:
        """Their sum."""
        return sum(value * count for value, count in self.counts.items())

    @property
    def mean(self) -> float:
        """Their mean; 0 if there is none."""
        return self.sum / self.total if self.total else 0.0

    def quantile(self, share: float) -> int:
        """The smallest value that at least this share of them do not exceed; 0 if there is none."""
        values = sorted(self.counts)
        reached = itertools.accumulate(self.counts[value] for value in values)
        return next((value for value, count in zip(values, reached) if count >= share * self.total), 0)


@dataclass(slots=True)
class Side:
    """The rows of one split of one config.

    Attributes:
        rows: how many.
        bytes: size of the file on disk.
        labels: text-level label to rows.
        items: task word to label to items.
        lengths: of the texts, in code points.
        per_row: items a row, of the rows that could be read.
        unread: rows whose output could not be read, so that they have no label and no items here.
        unplaced: entities and arguments whose place in the text is not known.
    """

    rows: int = 0
    bytes: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    items: dict[str, Counter[str]] = field(default_factory=dict)
    lengths: Spread = field(default_factory=Spread)
    per_row: Spread = field(default_factory=Spread)
    unread: int = 0
    unplaced: int = 0

    @property
    def item_count(self) -> int:
        """All items."""
        return sum(counts.total() for counts in self.items.values())


Stats = Mapping[str, Mapping[str, Side]]
"""Config to split to what is there."""


def stats(tree: Path) -> Stats:
    """Count a release tree.

    Raises:
        CardError: the manifest or a file that it names is missing or cannot be read.
    """
    return {
        name: {split: _counted(tree / file["path"]) for split, file in config["files"].items()}
        for name, config in read_manifest(tree)["configs"].items()
    }


def splits_of(found: Stats) -> tuple[str, ...]:
    """The splits that tables have columns for: train and test, and validation where any config has it."""
    return tuple(
        split for split in SPLITS if split != "validation" or any("validation" in sides for sides in found.values())
    )


def together(sides: Iterable[Side]) -> Side:
    """Several sides as one."""
    whole = Side()
    for side in sides:
        whole.rows += side.rows
        whole.bytes += side.bytes
        whole.unread += side.unread
        whole.unplaced += side.unplaced
        whole.labels.update(side.labels)
        whole.lengths.counts.update(side.lengths.counts)
        whole.per_row.counts.update(side.per_row.counts)
        for word, counts in side.items.items():
            whole.items.setdefault(word, Counter()).update(counts)
    return whole


def _counted(path: Path) -> Side:
    try:
        found = path.stat()
    except OSError as error:
        raise CardError(f"{path}: not there, although the manifest names it") from error
    return _count(path.resolve(), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)  # card, plots and tables of one run read the same files
def _count(path: Path, size: int, changed: int) -> Side:
    import pyarrow as pa
    import pyarrow.parquet as pq

    side = Side(bytes=size)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH, columns=list(_COLUMNS)):
                _add(side, batch)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise CardError(f"{path}: cannot be read ({error})") from error
    return side


def _add(side: Side, batch: pa.RecordBatch) -> None:
    import pyarrow.compute as pc

    words, texts, labels, entities, tuples = (batch.column(name) for name in _COLUMNS)
    side.rows += len(batch)
    side.labels.update(_tally(labels))
    side.lengths.counts.update(_tally(pc.utf8_length(texts)))
    readable = pc.or_(entities.is_valid(), tuples.is_valid())
    side.unread += len(batch) - pc.sum(readable).as_py()
    each = pc.add(*(pc.fill_null(pc.list_value_length(column), 0) for column in (entities, tuples)))
    side.per_row.counts.update(_tally(each.filter(readable)))
    for column, spans in ((entities, None), (tuples, "arguments")):
        items = pc.list_flatten(column)
        _add_items(side, words.take(pc.list_parent_indices(column)), pc.struct_field(items, "label"))
        places = items if spans is None else pc.list_flatten(pc.struct_field(items, spans))
        side.unplaced += pc.struct_field(places, "start").null_count


def _add_items(side: Side, words: pa.Array, labels: pa.Array) -> None:
    import pyarrow as pa

    grouped = pa.table({"word": words, "label": labels}).group_by(["word", "label"]).aggregate([([], "count_all")])
    for row in grouped.to_pylist():
        side.items.setdefault(row["word"], Counter())[row["label"]] += row["count_all"]


def _tally(column: pa.Array) -> dict[Any, int]:
    return {row["values"]: row["counts"] for row in column.value_counts().to_pylist() if row["values"] is not None}
