"""What a translation run kept and lost: the figures of its manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from build.translate.result import REPAIR_LEVELS
from build.translate.rows import Outcome
from cards.yields import share
from mmm_dataset import Record


@dataclass
class Yield:
    """Three figures that must not be mixed: rows kept whole, rows kept without some items, items kept."""

    rows: int = 0
    whole: int = 0
    minus_items: int = 0
    items: int = 0
    items_kept: int = 0
    repair_levels: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count a row."""
        self.rows += 1
        self.items += outcome.items_in
        self.tried.update(outcome.result.tried)
        if not isinstance(outcome.row, Record):
            self.reasons[outcome.row.reason] += 1
            return
        self.whole += outcome.is_whole
        self.minus_items += not outcome.is_whole
        self.items_kept += len(outcome.row.items or ())
        self.repair_levels[outcome.result.repair_level] += 1
        self.flags.update({flag.check for flag in outcome.flags})

    def merge(self, other: Yield) -> None:
        """Add the figures of another run."""
        for name in ("rows", "whole", "minus_items", "items", "items_kept"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("repair_levels", "tried", "reasons", "flags"):
            getattr(self, name).update(getattr(other, name))

    def as_dict(self) -> dict[str, Any]:
        """The figures in a fixed order, for the manifest."""
        order = {name: self.repair_levels[name] for name in (*REPAIR_LEVELS, "paper") if self.repair_levels[name]}
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("tried", "reasons", "flags")}
        return {
            "rows": self.rows,
            "kept_whole": self.whole,
            "kept_minus_items": self.minus_items,
            "items": self.items,
            "items_kept": self.items_kept,
            "rungs": order,
            **counts,
        }

    def words(self) -> str:
        """The yield so far, for the progress bar."""
        return f"kept {share(self.whole, self.rows)} whole" if self.rows else ""


BUDGET: Final = "budget"
