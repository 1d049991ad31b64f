"""What people found when they reviewed rows, in words for the card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def section(steps: Mapping[str, Any]) -> str:
    """The section of the card; nothing if no step was a review with decisions.

    Args:
        steps: step to its counts, with ``review`` as :func:`build.review.figures.figures` makes it.
    """
    found = [(step, counts["review"]) for step, counts in steps.items() if "review" in counts]
    texts = [f"`{step}`: {' '.join(_sentences(review))}" for step, review in found if review["decided"]]
    return "\n\n".join(["## What the review found", *texts, ""]) if texts else ""


def _sentences(review: Mapping[str, Any]) -> Iterator[str]:
    people = review["reviewers"]
    who = "one person" if people == 1 else f"{people:,} people"
    yield f"{review['decided']:,} of {review['rows']:,} rows were decided by {who}."
    if review["correction_rate"]["rows"]:
        yield f"{_rate(review['correction_rate'])} of those decided did not pass as they were."
    drawn = review["correction_rate_of_sample"]
    if drawn and drawn["rows"]:
        left = (
            f" and {drawn['undecided']:,} that are undecided, which the interval allows for"
            if drawn["undecided"]
            else ""
        )
        yield f"Of {drawn['rows']:,} rows drawn at random{left}, which speak for all rows, it is {_rate(drawn)}."
    else:
        yield "They were chosen by risk or by hand, so this is not the rate of all rows."
    agreed = review["agreement"]
    if agreed["rows"]:
        chance = {"Cohen's kappa": agreed["cohen_kappa"], "Krippendorff's alpha": agreed["krippendorff_alpha"]}
        beyond = [f"{name} {value:.2f}" for name, value in chance.items() if value is not None]
        said = f" ({', '.join(beyond)})" if beyond else ""
        yield (
            f"On {agreed['rows']:,} rows decided by several, all said the same in {agreed['share']:.1%}{said} before "
            "anyone saw what another had said."
        )
    if review["conflicts"]:
        yield f"{review['conflicts']:,} rows on which they differed were left out."


def _rate(rate: Mapping[str, Any]) -> str:
    return f"{rate['share']:.1%} (95 % interval {rate['low']:.1%} to {rate['high']:.1%})"
