"""Differences between two arms over several seeds: estimate, interval, p value.

Two things make a difference between two trained models uncertain: which rows are tested, and which random numbers the trainings
drew. A bootstrap over rows knows nothing of the second, and calls two runs of one arm different far too often. So both
variances are added:

    difference  = mean over seeds s of figure(b_s) - figure(a_s)
    variance    = rows + seeds
    rows        = variance of the difference over bootstrap resamples of the test rows, the same rows for all seeds
    seeds       = (variance of figure(b_s) - figure(a_s) over the S seeds) / S, or 2 V / S if that is more

V is the variance of a figure over seeds, pooled over all arms that are compared by that figure on the config. With three seeds
the variance of one comparison is now and then much too small by luck, and of thirty comparisons some are lucky: taken alone, it
makes a false verdict in 10 to 40 of 100 studies where 5 are promised. The larger of the two keeps the promise, also where
arms vary differently (``tests/oiellm/study/test_effects.py``).

Rows and seeds are crossed random effects; what is left beside them is in both terms, so the sum errs on the safe side. The
interval and the p value are those of Student's t with the degrees of freedom of Welch (1947) and Satterthwaite (1946) for a
sum of two variances, with those of V and n - 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from mmm_f1.intervals import Floats, Ints, Patterns, resamples
from oiellm.study.spec import Figure


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference, and how sure it is.

    Attributes:
        by_seed: the difference, seed by seed.
        difference: their mean.
        low, high: its interval, not corrected for other comparisons.
        p: two-sided, not corrected.
        rows: test rows.
        rows_se, seeds_se: standard errors from the rows and from the seeds.
        freedom: degrees of freedom.
    """

    by_seed: tuple[float, ...]
    difference: float
    low: float
    high: float
    p: float
    rows: int
    rows_se: float
    seeds_se: float
    freedom: float

    @property
    def is_judged(self) -> bool:
        """Whether there is more than one seed: one training says nothing of how far two trainings differ."""
        return len(self.by_seed) > 1


@dataclass(frozen=True, slots=True)
class Effect(Estimate):
    """The difference b minus a of a figure between two arms on the same rows.

    Attributes:
        a, b: the figure of each arm, mean over seeds, in [0, 1].
    """

    a: float
    b: float


class Spread(NamedTuple):
    """How far trainings of one arm lie apart: variance of a figure over seeds, and its degrees of freedom."""

    variance: float
    freedom: int


def spread(sides: Iterable[Sequence[Ints]], figure: Figure) -> Spread:
    """The variance of a figure over seeds, pooled over arms.

    Args:
        sides: outcomes of the rows by seed, for each arm.
        figure: which figure.
    """
    values = [[float(Patterns.of(one).figures(np.ones(len(one)))[figure]) for one in models] for models in sides]
    freedom = sum(len(one) - 1 for one in values)
    return Spread(sum(float(np.var(one)) * len(one) for one in values) / max(1, freedom), freedom)


def effect(
    a: Sequence[Ints],
    b: Sequence[Ints],
    figure: Figure,
    *,
    pooled: Spread | None = None,
    resampled: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
) -> Effect:
    """Compare two arms.

    Args:
        a, b: outcomes of the same rows (``mmm_f1.scoring.outcomes``), one array of n per seed, seeds in the same order.
        figure: which figure.
        pooled: how far trainings lie apart, from all arms there are; None: from these two alone, for one comparison.
        resampled, seed: of the bootstrap over rows.
        alpha: 1 minus the confidence of the interval.

    Raises:
        ValueError: the arms do not have the same seeds or rows.
    """
    if len(a) != len(b) or not a or len({len(one) for one in (*a, *b)}) != 1:
        raise ValueError("two arms are compared on the same rows and seeds")
    rows = len(a[0])
    joint, counts = _patterns(a, b)
    sides = [[Patterns.of(joint[:, at + len(a) * side]) for at in range(len(a))] for side in (0, 1)]
    real = [np.array([float(one.figures(counts)[figure]) for one in side]) for side in sides]
    by_seed = real[1] - real[0]
    drawn = np.concatenate(
        [
            np.mean([y.figures(block)[figure] - x.figures(block)[figure] for x, y in zip(*sides)], axis=0)
            for block in resamples(counts, resampled, seed)
        ]
    )
    found = estimate(by_seed, drawn, rows, alpha, pooled)
    return Effect(**asdict(found), a=float(real[0].mean()), b=float(real[1].mean()))


def estimate(by_seed: Floats, drawn: Floats, rows: int, alpha: float = 0.05, pooled: Spread | None = None) -> Estimate:
    """A difference from its value for each seed, and for each bootstrap resample of the rows (mean over seeds).

    Args:
        by_seed: S values.
        drawn: the values of the resamples.
        rows: number of rows that were drawn from.
        alpha: 1 minus the confidence of the interval.
        pooled: see :func:`effect`.
    """
    seeds = len(by_seed)
    own, each = float(by_seed.var(ddof=1)) / seeds if seeds > 1 else 0.0, seeds - 1
    if pooled:
        own, each = max(own, 2 * pooled.variance / seeds), pooled.freedom
    variances = float(drawn.var(ddof=1)), own
    freedom = _freedom(variances, (rows - 1, each))
    difference, error = float(by_seed.mean()), math.sqrt(sum(variances))
    half, p = _student(difference, error, freedom, alpha)
    return Estimate(
        by_seed=tuple(map(float, by_seed)),
        difference=difference,
        low=difference - half,
        high=difference + half,
        p=p,
        rows=rows,
        rows_se=math.sqrt(variances[0]),
        seeds_se=math.sqrt(variances[1]),
        freedom=freedom,
    )


def association(
    models: Sequence[Ints], *, resampled: int = 2000, seed: int = 0, alpha: float = 0.05
) -> Estimate | None:
    """Whether errors of the two levels go together: share of rows with wrong pairs among those with a wrong label, minus the
    same share among those with the right label. Pairs are right if they are exactly the gold ones.

    Args:
        models: outcomes of the same rows, one array per seed.
        resampled, seed, alpha: see :func:`effect`.

    Returns:
        The difference; None if some model has all labels right, or all wrong.
    """
    joint, counts = _patterns(models, [])
    patterns = [Patterns.of(joint[:, at]) for at in range(len(models))]

    def gaps(weights: Floats | Ints) -> Floats:
        found = []
        for one in patterns:
            wrong = ((one.hits < one.gold) | (one.hits < one.predicted) | (one.failed > 0)).astype(np.float64)
            right = one.label_right
            with np.errstate(invalid="ignore", divide="ignore"):
                bad = (weights @ ((1 - right) * wrong)) / (weights @ (1 - right))
                found.append(bad - (weights @ (right * wrong)) / (weights @ right))
        return np.stack(found)

    by_seed = gaps(counts)
    if not np.isfinite(by_seed).all():
        return None
    drawn = np.concatenate([gaps(block).mean(axis=0) for block in resamples(counts, resampled, seed)])
    return estimate(by_seed, drawn[np.isfinite(drawn)], len(models[0]), alpha)


def _patterns(a: Sequence[Ints], b: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Distinct outcomes of a row over all models (one column each), and rows with each: a resample is then one multinomial."""
    joint, counts = np.unique(np.stack([*a, *b], axis=1), axis=0, return_counts=True)
    return joint, counts.astype(np.int64)


def _freedom(variances: tuple[float, float], each: tuple[int, int]) -> float:
    """Degrees of freedom of the sum of two independent estimates of variance."""
    parts = sum(variance**2 / max(1, free) for variance, free in zip(variances, each))
    return sum(variances) ** 2 / parts if parts else float(max(each))


def _student(difference: float, error: float, freedom: float, alpha: float) -> tuple[float, float]:
    """Half the interval, and the two-sided p value; without any variance a difference is certain."""
    from scipy.stats import t

    if error == 0:
        return 0.0, 0.0 if difference else 1.0
    return float(t.ppf(1 - alpha / 2, freedom)) * error, float(2 * t.sf(abs(difference) / error, freedom))
