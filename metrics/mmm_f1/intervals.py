"""From outcomes of rows to micro figures, bootstrap intervals and the paired comparison of two systems.

The outcome of a row is one integer: pairs hit, gold and predicted, and three flags. Large data sets have few distinct
outcomes, so a bootstrap over rows is one multinomial over the outcomes, exact and nearly free: the counts of distinct
outcomes in a resample of n rows drawn with replacement follow Multinomial(n, counts / n) (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapters 13 and 16).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIDTH: Final = 20
"""Bits of each of the three counts in an outcome."""

HIT: Final = 1
GOLD: Final = 1 << WIDTH
PREDICTED: Final = 1 << 2 * WIDTH
LABEL_RIGHT: Final = 1 << 3 * WIDTH
ALL_RIGHT: Final = 1 << 3 * WIDTH + 1
FAILED: Final = 1 << 3 * WIDTH + 2
"""An outcome is ``hits * HIT + gold * GOLD + predicted * PREDICTED`` plus the flags that hold; FAILED: not parsed."""

FIGURES: Final = ("tl", "wl", "all", "wl_mean_row_f1")
"""The figures that have intervals."""

_CELLS: Final = 1 << 22
"""Resampled counts held at once, 32 MiB."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Distinct outcomes taken apart, one array element per outcome.

    Attributes:
        hits, gold, predicted: number of pairs.
        label_right, all_right, failed: flags, 0 or 1.
        row_f1: F1 of a row with this outcome, 2 * hits / (gold + predicted).
        nothing: F1 where there are no pairs on either side and nothing failed.
    """

    hits: Floats
    gold: Floats
    predicted: Floats
    label_right: Floats
    all_right: Floats
    failed: Floats
    row_f1: Floats
    nothing: float

    @classmethod
    def of(cls, outcomes: Ints, nothing: float = 1.0) -> Patterns:
        """Take distinct outcomes apart."""
        hits, gold, predicted = ((outcomes >> WIDTH * at & GOLD - 1).astype(np.float64) for at in range(3))
        label, every, failed = ((outcomes // flag & 1).astype(np.float64) for flag in (LABEL_RIGHT, ALL_RIGHT, FAILED))
        row_f1 = f1(hits, gold, predicted, failed, nothing)
        return cls(hits, gold, predicted, label, every, failed, row_f1, nothing)

    def totals(self, weights: Floats | Ints) -> dict[str, Floats]:
        """Sums of the counts and flags; ``weights`` is rows per outcome, or a matrix of resamples by outcomes."""
        names = ("hits", "gold", "predicted", "label_right", "all_right", "failed")
        return {name: np.asarray(weights @ getattr(self, name)) for name in names}

    def figures(self, weights: Floats | Ints) -> dict[str, Floats]:
        """The figures of ``FIGURES``, by resample if ``weights`` is a matrix."""
        sums, rows = self.totals(weights), weights.sum(axis=-1)
        return {
            "tl": sums["label_right"] / rows,
            "wl": f1(sums["hits"], sums["gold"], sums["predicted"], sums["failed"], self.nothing),
            "all": sums["all_right"] / rows,
            "wl_mean_row_f1": np.asarray(weights @ self.row_f1 / rows),
        }


def f1(hits: Floats, gold: Floats, predicted: Floats, failed: Floats, nothing: float) -> Floats:
    """2 * hits / (gold + predicted); ``nothing`` where both are 0, or 0 if a row failed there."""
    pairs = gold + predicted
    empty = np.where(failed > 0, 0.0, nothing)
    return np.where(pairs > 0, 2 * hits / np.maximum(pairs, 1), empty)


def resamples(counts: Ints, size: int, seed: int) -> Iterator[Floats]:
    """Rows per outcome in ``size`` bootstrap resamples, in blocks of a matrix of resamples by outcomes."""
    generator = np.random.Generator(np.random.PCG64(seed))
    rows, block = int(counts.sum()), max(1, _CELLS // len(counts))
    for start in range(0, size, block):
        yield generator.multinomial(rows, counts / rows, size=min(block, size - start)).astype(np.float64)


def percentile(values: Floats, confidence: float) -> list[float]:
    """The percentile interval: what lies between the outer (1 - confidence) / 2 of the values on either side."""
    tail = (1 - confidence) / 2
    return [float(bound) for bound in np.quantile(values, (tail, 1 - tail))]


def interval_name(figure: str, confidence: float) -> str:
    """Key of a figure's interval, ``tl_ci95``."""
    return f"{figure}_ci{100 * confidence:g}"


def intervals(
    outcomes: Ints, counts: Ints, size: int, *, seed: int = 0, confidence: float = 0.95, nothing: float = 1.0
) -> dict[str, list[float]]:
    """Percentile bootstrap intervals ``[low, high]`` of the figures, over rows.

    Args:
        outcomes: distinct outcomes.
        counts: rows with each.
        size: number of resamples.
        seed: of the generator (PCG64).
        confidence: share of the resamples inside the interval.
        nothing: F1 where there are no pairs on either side.
    """
    patterns = Patterns.of(outcomes, nothing)
    blocks = [patterns.figures(weights) for weights in resamples(counts, size, seed)]
    return {
        interval_name(name, confidence): percentile(np.concatenate([block[name] for block in blocks]), confidence)
        for name in FIGURES
    }


def paired(
    a: Ints, b: Ints, size: int, *, seed: int = 0, confidence: float = 0.95, nothing: float = 1.0
) -> dict[str, Any]:
    """Compare two systems on the same rows by a paired bootstrap: both are scored on each resample of rows.

    Returns:
        Per figure ``a``, ``b``, ``difference`` (b minus a), its percentile interval, and ``p``: two-sided, twice the
        smaller share of resamples in which the difference is at most, or at least, 0, each share counted as
        (k + 1) / (size + 1), at most 1 (Davison and Hinkley, Bootstrap Methods and their Application, 1997, 4.2.3).
    """
    (keys_a, code_a), (keys_b, code_b) = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
    joint, counts = np.unique(code_a * len(keys_b) + code_b, return_counts=True)
    first = Patterns.of(keys_a[joint // len(keys_b)], nothing)
    second = Patterns.of(keys_b[joint % len(keys_b)], nothing)
    real = [side.figures(counts.astype(np.float64)) for side in (first, second)]
    drawn: dict[str, list[Floats]] = {name: [] for name in FIGURES}
    for weights in resamples(counts, size, seed):
        left, right = first.figures(weights), second.figures(weights)
        for name in FIGURES:
            drawn[name].append(right[name] - left[name])
    return {name: _compared(real, name, np.concatenate(drawn[name]), confidence) for name in FIGURES}


def _compared(real: Sequence[Mapping[str, Floats]], name: str, drawn: Floats, confidence: float) -> dict[str, Any]:
    a, b = (float(side[name]) for side in real)
    smaller = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return {
        "a": a,
        "b": b,
        "difference": b - a,
        interval_name("difference", confidence): percentile(drawn, confidence),
        "p": min(1.0, 2 * (smaller + 1) / (len(drawn) + 1)),
    }
