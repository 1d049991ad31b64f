"""How long a run will take: which rows are predicted first to find out, and what they say about the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STRATA: Final = 4
"""Lengths that are measured, one batch of each: more say more and keep the reader waiting longer."""
SHARE: Final = 4
"""A pilot is at most one row in so many; a smaller run just runs, it is over soon."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is left of a run, and for how long.

    Attributes:
        rows: left to predict, of ``total`` in the run.
        characters: of the prompts of the rows left.
        seconds: that they will take.
        pilot_rows, pilot_seconds: what was predicted to find out; these rows are done.
    """

    rows: int
    total: int
    characters: int
    seconds: float
    pilot_rows: int
    pilot_seconds: float

    @property
    def line(self) -> str:
        """The estimate in one line, for people."""
        return (
            f"about {duration(self.seconds)} for {self.rows:,} of {self.total:,} rows ({self.characters:,} characters of "
            f"prompts), at the speed of a pilot of {self.pilot_rows:,} rows that took {duration(self.pilot_seconds)} "
            "and is kept; Ctrl-C keeps all that is done"
        )


def strata(sizes: Sequence[int]) -> list[range]:
    """Cut batches that are sorted by length into groups of neighbours with about as many characters each.

    A group is what one pilot batch speaks for. Equal characters and not equal rows: time goes by characters, and the
    few longest rows may be most of it.

    Args:
        sizes: characters of each batch, 1 or more.

    Returns:
        Numbers of the batches of every group, ``STRATA`` groups or fewer; no group is empty, each batch is in one.
    """
    ends: dict[int, int] = {}
    before, total = 0, sum(sizes)
    for number, size in enumerate(sizes):
        ends[STRATA * (2 * before + size) // (2 * total)] = number + 1
        before += size
    return [range(start, end) for start, end in zip([0, *ends.values()], ends.values())]


def duration(seconds: float) -> str:
    """A time in words, such as ``2.5 hours``."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"
