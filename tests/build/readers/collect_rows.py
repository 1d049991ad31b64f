"""Run a reader and take its rows apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from build.core import Drop, Note, Row
from mmm_dataset import Record


@dataclass
class Rows:
    """What a reader yielded, by kind."""

    records: list[Record] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def dropped(self) -> Counter[str]:
        return Counter(drop.reason for drop in self.drops)

    @property
    def noted(self) -> Counter[str]:
        return Counter(note.reason for note in self.notes)

    def detail(self, reason: str) -> str:
        """Detail of the one note or drop of this reason."""
        (row,) = (row for row in (*self.notes, *self.drops) if row.reason == reason)
        return row.detail


def collect(rows: Iterable[Row]) -> Rows:
    """Exhaust a reader; ids must be unique within a config, and every record sound."""
    out = Rows()
    for row in rows:
        kind = {Record: out.records, Drop: out.drops, Note: out.notes}[type(row)]
        kind.append(row)
    ids = Counter((record.config, record.id) for record in out.records)
    assert not ids or max(ids.values()) == 1, f"repeated id {ids.most_common(1)}"
    return out


def pairs(record: Record) -> list[tuple[str, str]]:
    """Label and entity of every item; offsets, where given, were checked by the record itself."""
    assert record.items is not None
    return [(item.label, item.spans[0].text) for item in record.items]
