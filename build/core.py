"""The step contract: a step takes records and yields records, or drops one with a reason. Nothing is lost uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mmm_dataset import Record
from oiellm.errors import OiellmError


class KitError(OiellmError):
    """A user's mistake in the pipeline: the message is one line that names the file, the row and the remedy."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that goes no further.

    Attributes:
        id: the row's id, or its place in the file.
        reason: short and countable, such as ``neutral_row``.
        detail: what a person needs to see why.
        raw: the row as it came in, for the drop file; it stays local and never enters a release.
    """

    id: str
    reason: str
    detail: str = ""
    raw: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The line of the report file."""
        return {"id": self.id, "dropped": self.reason, "detail": self.detail, "raw": self.raw}


@dataclass(frozen=True, slots=True)
class Note:
    """Something to report about a row that is kept: reasons are counted like those of drops."""

    id: str
    reason: str
    detail: str = ""

    def as_dict(self) -> dict[str, str | None]:
        """The line of the report file."""
        return {"id": self.id, "noted": self.reason, "detail": self.detail}


Row = Record | Drop | Note


@dataclass
class Tally:
    """What one step did: rows out by config, drops and notes by reason. It becomes part of the manifest."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def count(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, counting them."""
        for row in rows:
            if isinstance(row, Record):
                self.kept[row.config] += 1
            elif isinstance(row, Drop):
                self.dropped[row.reason] += 1
            else:
                self.noted[row.reason] += 1
            yield row

    def as_dict(self) -> dict[str, Any]:
        """Counts in a fixed order, for a manifest: rows that came in, and what became of them."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("kept", "dropped", "noted")}
        return {"in": self.kept.total() + self.dropped.total(), **counts}
