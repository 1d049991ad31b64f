"""Arithmetic of printed shares: which k/n give a figure of two decimals, and how often a random figure would fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal


def numerators(value: str, n: int) -> list[int]:
    """Every k for which k/n in percent, rounded to two decimals, is ``value``; a tie may be rounded either way."""
    hundredths = int(Decimal(value) * 100)
    near, reach = hundredths * n // 10_000, n // 20_000 + 1
    candidates = range(max(0, near - reach), min(n, near + reach + 1) + 1)
    return [k for k in candidates if 2 * abs(10_000 * k - hundredths * n) <= n]


def attainable(n: int) -> float:
    """Share of the 10,001 figures 0.00 to 100.00 that are some k/n, ties aside: how often a random figure fits."""
    return min(1.0, (n + 1) / 10_001)


def smallest_denominator(values: Sequence[str], most: int = 5000) -> int | None:
    """The smallest n up to ``most`` for which every value is some k/n, or None."""
    return next((n for n in range(1, most + 1) if all(numerators(value, n) for value in values)), None)


def expected_below(values: Sequence[str], n: int) -> float:
    """How many denominators below n explain all values by chance; a printed 0 fits every n and does not count."""
    informative = sum(Decimal(value) > 0 for value in values)
    return math.fsum(attainable(smaller) ** informative for smaller in range(1, n))


def log10_chance(cells: Iterable[tuple[str, int]]) -> float:
    """log10 of the probability that random figures would all be k/n; a printed 0 does not count."""
    return math.fsum(math.log10(attainable(n)) for value, n in cells if Decimal(value) > 0)
