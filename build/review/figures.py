"""What a review found, as the manifest and the card give it and as ``build review --report`` prints it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from build.review.agreement import cohen, krippendorff, rate
from build.review.book import Book, verdict
from build.review.edits import missing


def figures(book: Book, adjudicator: str | None = None) -> dict[str, Any]:
    """Counts, correction rates and agreement; reviewers as their number, because these figures are published.

    An adjudicator settles rows but is left out of the agreement: they saw what the others said.

    Returns:
        JSON types: ``rows``, ``reviewers``, ``decided``, ``accepted``, ``edited``, ``completed`` (edits of rows that lacked
        something, which are no corrections), ``rejected``, ``conflicts``, ``stale``, ``gone``, ``undecided``, ``reasons``,
        ``correction_rate`` (over all orders), ``correction_rate_by_order``, ``correction_rate_by_check``, ``agreement``.
    """
    states: Counter[str] = Counter()
    found: Counter[str] = Counter()
    orders: dict[str, Counter[str]] = defaultdict(Counter)
    checks: dict[str, Counter[str]] = defaultdict(Counter)
    for number in book.rows():
        outcome = book.outcome(number, adjudicator)
        completes = outcome.state == "edit" and missing(book.file[number].target)
        state = "complete" if completes else outcome.state
        states[state] += 1
        if outcome.decision is None:
            continue
        orders[outcome.decision.order or "unknown"][state] += 1
        for check in book.file.checks(number) or ("(none)",):
            checks[check][state] += 1
        if state == "reject":
            found[outcome.decision.reason] += 1
    return {
        "rows": len(book.file),
        "reviewers": len(_names(book)),
        "decided": book.decided,
        "accepted": states["accept"],
        "edited": states["edit"],
        "completed": states["complete"],
        "rejected": states["reject"],
        "conflicts": states["conflict"],
        "stale": book.stale_rows(),
        "gone": len(book.gone),
        "undecided": len(book.file) - book.decided,
        "reasons": dict(sorted(found.items())),
        "correction_rate": rate(states),
        "correction_rate_by_order": {name: rate(counts) for name, counts in sorted(orders.items())},
        "correction_rate_by_check": {name: rate(counts) for name, counts in sorted(checks.items())},
        "agreement": _agreement(book, adjudicator),
    }


def _names(book: Book) -> list[str]:
    return sorted(name for name, count in book.decided_by.items() if count)


def _agreement(book: Book, adjudicator: str | None) -> dict[str, Any]:
    rows = []
    for number in book.rows():
        standing = {name: one for name, one in book.standing(number).items() if name != adjudicator}
        if len(standing) > 1:
            rows.append(standing)
    names = sorted({name for row in rows for name in row})
    kappa = None
    if len(names) == 2:
        kappa = cohen([(row[names[0]].action, row[names[1]].action) for row in rows])
    same = sum(len({verdict(one) for one in row.values()}) == 1 for row in rows)
    alpha = krippendorff([[one.action for one in row.values()] for row in rows])
    return {
        "rows": len(rows),
        "reviewers": len(names),
        "share": round(same / len(rows), 4) if rows else None,
        "cohen_kappa": kappa if kappa is None else round(kappa, 4),
        "krippendorff_alpha": alpha if alpha is None else round(alpha, 4),
    }


def report(book: Book, adjudicator: str | None = None) -> str:
    """The figures for people."""
    found = figures(book, adjudicator)
    lines = [
        f"{book.file.path}: {found['rows']:,} rows, {found['decided']:,} decided, {found['undecided']:,} undecided",
        *(f"  {name}: {book.decided_by[name]:,} rows" for name in _names(book)),
        f"accepted {found['accepted']:,}, edited {found['edited']:,}, completed {found['completed']:,}, "
        f"rejected {found['rejected']:,}, in conflict {found['conflicts']:,}; "
        f"to be decided again after a rebuild {found['stale']:,}, gone {found['gone']:,}",
        *(f"  rejected {count:,} x {reason}" for reason, count in found["reasons"].items()),
        f"corrected: {_rate(found['correction_rate'])}",
    ]
    for name, one in found["correction_rate_by_order"].items():
        note = "speaks for the whole file" if name == "random" else "speaks for the rows that were looked at only"
        lines.append(f"  shown in the order {name}: {_rate(one)}; {note}")
    lines += [f"  flagged {name}: {_rate(one)}" for name, one in found["correction_rate_by_check"].items()]
    agreed = found["agreement"]
    if agreed["rows"]:
        kappa, alpha = agreed["cohen_kappa"], agreed["krippendorff_alpha"]
        lines.append(
            f"agreement: {agreed['rows']:,} rows by two or more, the same in {agreed['share']:.1%}; "
            f"Cohen's kappa {_or_dash(kappa)}, Krippendorff's alpha {_or_dash(alpha)}"
        )
    else:
        lines.append("agreement: no row was decided by two reviewers")
    return "\n".join(lines)


def _rate(one: dict[str, Any]) -> str:
    if not one["rows"]:
        return "no row"
    return f"{one['corrected']:,} of {one['rows']:,} = {one['share']:.1%} (95 % interval {one['low']:.1%} to {one['high']:.1%})"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
