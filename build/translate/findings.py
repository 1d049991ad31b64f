"""What a check finds in a translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and where in the target text, in code points, if it is at one place."""

    check: str
    detail: str
    start: int | None = None
    end: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """A flag of ``review.jsonl``."""
        return {"check": self.check, "detail": self.detail, "start": self.start, "end": self.end}
