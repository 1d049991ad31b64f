"""What a review found, as the manifest and the card give it and as ``build review --report`` prints it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
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
        ``correction_rate`` (over all orders), ``correction_rate_of_sample`` (see :func:`_sample`),
        ``correction_rate_by_order`` (that in which a row was first decided), ``correction_rate_by_check``, ``agreement``.
    """
    judged = {number: _judged(book, number, adjudicator) for number in book.rows()}
    states: Counter[str] = Counter()
    found: Counter[str] = Counter()
    orders: dict[str, Counter[str]] = defaultdict(Counter)
    checks: dict[str, Counter[str]] = defaultdict(Counter)
    for number, state in judged.items():
        states[state] += 1
        orders[book.first_order(number) or "unknown"][state] += 1
        for check in book.file.checks(number) or ("(none)",):
            checks[check][state] += 1
        decision = book.outcome(number, adjudicator).decision
        if state == "reject" and decision is not None:
            found[decision.reason] += 1
    return {
        "rows": len(book.file),
        "reviewers": len(_names(book)),
        "decided": book.decided,
        "accepted": states["accept"],
        "edited": states["edit"],
        "completed": states["complete"],
        "rejected": states["reject"],
        "conflicts": states["conflict"] + states["conflict to complete"],
        "stale": book.stale_rows(),
        "gone": len(book.gone),
        "undecided": len(book.file) - book.decided,
        "reasons": dict(sorted(found.items())),
        "correction_rate": rate(states),
        "correction_rate_of_sample": _sample(book, judged),
        "correction_rate_by_order": {name: rate(counts) for name, counts in sorted(orders.items())},
        "correction_rate_by_check": {name: rate(counts) for name, counts in sorted(checks.items())},
        "agreement": _agreement(book, adjudicator),
    }


def _judged(book: Book, number: int, adjudicator: str | None) -> str:
    """What became of a decided row; completing one that lacked something is kept apart, for it corrects nothing."""
    state = book.outcome(number, adjudicator).state
    lacks = state in ("edit", "conflict") and missing(book.file[number].target)
    return {"edit": "complete", "conflict": "conflict to complete"}[state] if lacks else state


def _sample(book: Book, judged: Mapping[int, str]) -> dict[str, Any] | None:
    """The correction rate that speaks for the whole file: of the rows of the random order, up to the last one decided in it.

    Chance alone put them there, so all of them count, however, in which order and by which filter each was decided; the
    interval allows for those that are undecided. None if nobody reviewed in random order.
    """
    order = book.file.order("random")
    drawn = (any(one.order == "random" for one in book.standing(number).values()) for number in order)
    size = max((place for place, is_drawn in enumerate(drawn, 1) if is_drawn), default=0)
    if not size:
        return None
    states = Counter(judged.get(number, "undecided") for number in order[:size])
    return {**rate(states, states["undecided"]), "undecided": states["undecided"]}


def _names(book: Book) -> list[str]:
    return sorted(name for name, count in book.decided_by.items() if count)


def _agreement(book: Book, adjudicator: str | None) -> dict[str, Any]:
    """How far reviewers agree in what they said before they could see what the others said."""
    settles = None if adjudicator is None else book.name(adjudicator)
    rows = []
    for number in book.blind_rows():
        said = {name: one for name, one in book.blind(number).items() if name != settles}
        if len(said) > 1:
            rows.append(said)
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
        f"not passed as they were: {_rate(found['correction_rate'])}; speaks for the rows that were looked at only",
        f"  {_of_sample(found['correction_rate_of_sample'])}",
    ]
    lines += [
        f"  first decided in the order {name}: {_rate(one)}" for name, one in found["correction_rate_by_order"].items()
    ]
    lines += [f"  flagged {name}: {_rate(one)}" for name, one in found["correction_rate_by_check"].items()]
    agreed = found["agreement"]
    if agreed["rows"]:
        kappa, alpha = agreed["cohen_kappa"], agreed["krippendorff_alpha"]
        lines.append(
            f"agreement, before anyone saw another's: {agreed['rows']:,} rows by two or more, "
            f"the same in {agreed['share']:.1%}; "
            f"Cohen's kappa {_or_dash(kappa)}, Krippendorff's alpha {_or_dash(alpha)}"
        )
    else:
        lines.append("agreement: no row was decided by two reviewers")
    if settles := unknown_adjudicator(book, adjudicator):
        lines.append(settles)
    return "\n".join(lines)


def unknown_adjudicator(book: Book, adjudicator: str | None) -> str:
    """A warning if the one who is to settle conflicts decided nothing, as after a slip in the name; else empty."""
    if adjudicator is None or book.decided_by[book.name(adjudicator)]:
        return ""
    return f"--adjudicator {adjudicator}: decided no row; those who did: {', '.join(_names(book)) or 'nobody'}"


def _of_sample(one: dict[str, Any] | None) -> str:
    if one is None:
        return "nothing speaks for the whole file: that takes a review with --order random"
    left = f", which allows for {one['undecided']:,} of them that are undecided" if one["undecided"] else ""
    return f"of the rows at the beginning of the random order: {_rate(one)}{left}; speaks for the whole file"


def _rate(one: dict[str, Any]) -> str:
    if not one["rows"]:
        return "no row"
    return f"{one['corrected']:,} of {one['rows']:,} = {one['share']:.1%} (95 % interval {one['low']:.1%} to {one['high']:.1%})"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
