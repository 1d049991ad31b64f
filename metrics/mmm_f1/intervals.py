"""From outcomes of rows to micro figures, their intervals and the paired comparison of two systems.

The outcome of a row is one integer: pairs hit, gold and predicted, and three flags. Large data sets have few distinct
outcomes, so a bootstrap over rows is one multinomial over the outcomes, exact and nearly free: the counts of distinct
outcomes in a resample of n rows drawn with replacement follow Multinomial(n, counts / n) (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapters 13 and 16).

Near 0 and 1 a bootstrap cannot draw the errors that it has not seen, and its intervals are too narrow. So fractions of rows
(``tl``, ``all``) have Wilson's interval with continuity correction (Newcombe 1998, Statistics in Medicine 17, method 4).
``wl`` and ``wl_mean_row_f1`` have the percentiles of the bootstrap, each bound moved out to Wilson's where that is further
out; its number of rows is the effective one, the number of independent rows whose variance is that of the figure (Kish,
Survey Sampling, 1965). ``tests/metrics/test_intervals.py`` measures how often these intervals hold the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
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

FEW_ROWS: Final = 50
"""Below so many rows there is a caution."""

_TINY: Final = 1e-12
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


def wilson(rate: float, rows: float, confidence: float = 0.95) -> list[float]:
    """Wilson's interval, with continuity correction, of a rate that was found on so many independent rows."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    denominator = 2 * (rows + z * z)

    def bound(rate: float) -> float:
        root = z * z - 2 - 1 / rows + 4 * rate * (rows * (1 - rate) + 1)
        return max(0.0, (2 * rows * rate + z * z - 1 - z * math.sqrt(max(root, 0.0))) / denominator)

    low, high = bound(rate), 1 - bound(1 - rate)
    return [low if rate > 0 else 0.0, high if rate < 1 else 1.0]


def effective_rows(part: Floats, whole: Floats, counts: Ints | Floats) -> float:
    """The number of independent rows that the ratio of two sums over rows is worth.

    Args:
        part, whole: what a row with each outcome adds to either sum; no part is more than its whole.
        counts: rows with each outcome.

    Returns:
        ``r (1 - r) / variance of r`` for the ratio r, by the usual linear approximation of the variance of a ratio; the number
        of rows with a whole where that is unknown, because all their ratios are equal.
    """
    total, rows = float(counts @ whole), float(counts[whole > 0].sum())
    if rows < 2:
        return rows
    rate = float(counts @ part) / total
    variance = float(counts @ (part - rate * whole) ** 2) / total**2 * rows / (rows - 1)
    return rate * (1 - rate) / variance if variance > 0 and 0 < rate < 1 else rows


def ratio_interval(part: Floats, whole: Floats, counts: Ints, drawn: Floats, confidence: float) -> list[float]:
    """The interval of a ratio of two sums over rows: percentiles of its resamples, or Wilson's bounds if further out.

    Args:
        part, whole, counts: see :func:`effective_rows`.
        drawn: the ratio in each resample.
        confidence: nominal coverage.
    """
    low, high = percentile(drawn, confidence)
    if rows := effective_rows(part, whole, counts):
        least, most = wilson(float(counts @ part) / float(counts @ whole), rows, confidence)
        low, high = min(low, least), max(high, most)
    return [low, high]


def interval_name(figure: str, confidence: float) -> str:
    """Key of a figure's interval, ``tl_ci95``."""
    return f"{figure}_ci{100 * confidence:g}"


def caution(rows: int) -> dict[str, str]:
    """What to say beside intervals of few rows; nothing from ``FEW_ROWS`` rows on."""
    return (
        {"caution": f"{rows} rows are few: below {FEW_ROWS}, figures and intervals are rough"}
        if rows < FEW_ROWS
        else {}
    )


def intervals(
    outcomes: Ints, counts: Ints, size: int, *, seed: int = 0, confidence: float = 0.95, nothing: float = 1.0
) -> dict[str, list[float]]:
    """Intervals ``[low, high]`` of the figures, over rows.

    Args:
        outcomes: distinct outcomes.
        counts: rows with each.
        size: number of resamples.
        seed: of the generator (PCG64).
        confidence: nominal coverage.
        nothing: F1 where there are no pairs on either side.
    """
    patterns = Patterns.of(outcomes, nothing)
    blocks = [patterns.figures(weights) for weights in resamples(counts, size, seed)]
    drawn = {name: np.concatenate([block[name] for block in blocks]) for name in ("wl", "wl_mean_row_f1")}
    real, rows = patterns.figures(counts), int(counts.sum())
    pairs = patterns.gold + patterns.predicted
    found = {
        "tl": wilson(float(real["tl"]), rows, confidence),
        "wl": ratio_interval(2 * patterns.hits, pairs, counts, drawn["wl"], confidence),
        "all": wilson(float(real["all"]), rows, confidence),
        "wl_mean_row_f1": ratio_interval(
            patterns.row_f1, np.ones_like(pairs), counts, drawn["wl_mean_row_f1"], confidence
        ),
    }
    return {interval_name(name, confidence): found[name] for name in FIGURES}


def paired(
    a: Ints, b: Ints, size: int, *, seed: int = 0, confidence: float = 0.95, nothing: float = 1.0
) -> dict[str, Any]:
    """Compare two systems on the same rows.

    Returns:
        Per figure ``a``, ``b``, ``difference`` (b minus a); its interval, the percentiles of a paired bootstrap: both systems
        are scored on each resample of rows; and ``p``, two-sided, of a paired permutation test: the fraction of resamples in
        which a difference at least as large comes out if in every row a coin decides which system is which, counted as
        (k + 1) / (size + 1) (Yeh 2000, COLING; Davison and Hinkley, Bootstrap Methods and their Application, 1997, 4.2.3).
        Both depend on neither the order of the rows nor that of the systems: swapped systems have the same ``p``.
    """
    (keys_a, code_a), (keys_b, code_b) = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
    joint, counts = np.unique(code_a * len(keys_b) + code_b, return_counts=True)
    both = np.stack([keys_a[joint // len(keys_b)], keys_b[joint % len(keys_b)]])
    order = np.lexsort(both)  # that of the systems swapped
    mirrored, mirrored_counts = both[::-1, order], counts[order]
    if swapped := (*mirrored.flat, *mirrored_counts) < (*both.flat, *counts):
        both, counts = mirrored, mirrored_counts
    first, second = Patterns.of(both[0], nothing), Patterns.of(both[1], nothing)
    real = [side.figures(counts.astype(np.float64)) for side in (first, second)]
    drawn: dict[str, list[Floats]] = {name: [] for name in FIGURES}
    for weights in resamples(counts, size, seed):
        left, right = first.figures(weights), second.figures(weights)
        for name in FIGURES:
            drawn[name].append(right[name] - left[name])
    at_least = _permuted(both, counts, size, seed, nothing)
    found = {}
    for name in FIGURES:
        ends = [float(side[name]) for side in real]
        low, high = percentile(np.concatenate(drawn[name]), confidence)
        one, other = reversed(ends) if swapped else ends
        found[name] = {
            "a": one,
            "b": other,
            "difference": other - one,
            interval_name("difference", confidence): [0.0 - high, 0.0 - low] if swapped else [low, high],
            "p": (at_least[name] + 1) / (size + 1),
        }
    return found


def _permuted(both: Ints, counts: Ints, size: int, seed: int, nothing: float) -> dict[str, int]:
    """In how many of ``size`` permutations each figure differs at least as much as it does.

    Args:
        both: distinct pairs of outcomes, those of the first system in the first row.
        counts: rows with each pair.
        size, seed, nothing: see :func:`paired`.
    """
    sides, generator = Patterns.of(both.ravel(), nothing), np.random.Generator(np.random.PCG64(seed))
    found = dict.fromkeys(FIGURES, 0)

    def difference(swapped: Ints | Floats) -> dict[str, Floats]:
        first, second = (
            sides.figures(np.concatenate(order, axis=-1).astype(np.float64))
            for order in ((counts - swapped, swapped), (swapped, counts - swapped))
        )
        return {name: np.abs(second[name] - first[name]) for name in FIGURES}

    real = difference(np.zeros_like(counts))
    block = max(1, _CELLS // (2 * len(counts)))
    for start in range(0, size, block):
        swapped = generator.binomial(counts, 0.5, size=(min(block, size - start), len(counts)))
        for name, values in difference(swapped).items():
            found[name] += int((values >= real[name] - _TINY).sum())  # sums of other parts may differ in the last bits
    return found
