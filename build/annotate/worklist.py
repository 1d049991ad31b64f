"""The rows to annotate: a worklist as it stands, a sample of it, or its texts for another task."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from build.core import Drop, KitError, Note, Row
from build.readers import records
from build.readers.inputs import Unique
from mmm_dataset import Record, Registry

NOT_SAMPLED: Final = "not_sampled"
SAME_ITEM: Final = "same_source_item"
LEFT_OUT: Final = (NOT_SAMPLED, SAME_ITEM)
"""Why a row is no part of the run."""


@dataclass
class Worklist:
    """A file of records.

    Attributes:
        path: JSON lines.
        registry: what knows the configs.
        sample: so many rows, drawn by a hash of seed and id; None is all.
        seed: of the sample.
        task: annotate for this task, each source item once; None is the rows' own.
        left_out: rows that a sample leaves out, by reason, once they were read.
    """

    path: Path
    registry: Registry
    sample: int | None = None
    seed: int = 0
    task: str | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Row]:
        """The rows in file order; a row that is there already, for another task, is dropped as ``same_source_item``.

        Raises:
            KitError: the file is missing or has no rows, or a line is wrong.
            RegistryError: there is no such task or config.
        """
        if not self.path.is_file():
            raise KitError(f"{self.path}: no such file; `python3 -m build read SOURCE` writes worklist.jsonl")
        self.left_out.clear()
        chosen = None if self.sample is None else self._draw(self.sample)
        found = False
        for number, row in enumerate(self._all()):
            found = found or isinstance(row, Record)
            if chosen is None or number in chosen or isinstance(row, Note):
                yield row
            else:  # of a sample, what it leaves out is counted only: it may be nearly all
                self.left_out[row.reason if isinstance(row, Drop) else NOT_SAMPLED] += 1
        if not found:
            raise KitError(f"{self.path}: no rows to annotate; nothing was written")

    def _all(self) -> Iterator[Row]:
        rows: Iterable[Row] = records.read(self.path, self.registry)
        yield from rows if self.task is None else self._for_task(rows, self.task)

    def _draw(self, size: int) -> set[int]:
        def key(pair: tuple[int, Row]) -> bytes:
            row = pair[1]
            return (
                hashlib.sha256(f"{self.seed}\0{row.config}\0{row.id}".encode()).digest()
                if isinstance(row, Record)
                else b""
            )

        candidates = ((number, row) for number, row in enumerate(self._all()) if isinstance(row, Record))
        return {number for number, _ in heapq.nsmallest(size, candidates, key=key)}

    def _for_task(self, rows: Iterable[Row], code: str) -> Iterator[Row]:
        task = self.registry.task(code)
        seen: dict[bytes, str] = {}
        unique = Unique()
        for row in rows:
            if not isinstance(row, Record):
                yield row
                continue
            key = hashlib.blake2b(f"{row.language}\0{row.source}\0{row.source_id}".encode(), digest_size=16).digest()
            if key in seen:
                yield Drop(row.id, SAME_ITEM, f"its text is there already, as {seen[key]}")
                continue
            name = f"{row.language}_{code}"
            self.registry.config(name)
            seen[key] = row.id
            same = task.text_labels and task.text_labels == self.registry.task(row.task).text_labels
            yield replace(
                row,
                id=unique(f"{name}-{row.source_id}"),
                task=code,
                word=task.words[0],
                label=row.label if same else None,
                items=None,
                raw=None,
            )
