"""The figures of a review: rates with intervals, and how far reviewers agree beyond chance. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt

_Z = 1.959963984540054
"""Of a two-sided 95 % interval."""


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where nothing was counted."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z / (1 + square / total) * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return (0.0 if not hits else middle - half), (1.0 if hits == total else middle + half)


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa (1960) of two reviewers' verdicts on the same rows; None where chance alone explains everything.

    >>> round(cohen([("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15), 2)
    0.4
    """
    if not pairs:
        return None
    total = len(pairs)
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / total
    chance = sum(left[name] * right[name] for name in left) / total**2
    return None if chance == 1 else (observed - chance) / (1 - chance)


def krippendorff(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for names: any number of reviewers, rows that some of them left out.

    One minus observed over expected disagreement, from the table of coincidences; see Krippendorff, "Computing
    Krippendorff's Alpha-Reliability" (2011), whose example is in the tests.

    Args:
        units: the verdicts on each row; rows with fewer than two say nothing.

    Returns:
        1 for perfect agreement, 0 for chance; None where there is no second verdict or only one kind of verdict.
    """
    kinds: Counter[str] = Counter()
    disagreeing = 0.0
    for verdicts in units:
        if len(verdicts) > 1:
            counts = Counter(verdicts)
            kinds.update(counts)
            disagreeing += sum(n * (len(verdicts) - n) for n in counts.values()) / (len(verdicts) - 1)
    total = kinds.total()
    expected = sum(n * (total - n) for n in kinds.values())
    return None if not expected else 1 - (total - 1) * disagreeing / expected


def rate(counts: Mapping[str, int], unknown: int = 0) -> dict[str, float | int | None]:
    """The share of rows that did not pass as they were, of those accepted, edited, rejected or in conflict.

    A conflict counts as not passed, since somebody found something wrong. If it did not count, the rows with the most to say
    about would be left out, and the rate would be too low.

    Args:
        counts: rows by state.
        unknown: rows that belong to the sample but are not decided: the interval allows for all and for none of them.
    """
    total = sum(counts.get(name, 0) for name in ("accept", "edit", "reject", "conflict"))
    hits = total - counts.get("accept", 0)
    low, high = wilson(hits, total + unknown)[0], wilson(hits + unknown, total + unknown)[1]
    share = round(hits / total, 4) if total else None
    return {"share": share, "low": round(low, 4), "high": round(high, 4), "corrected": hits, "rows": total}
