"""From many comparisons to verdicts: correction for their number, what counts, and what chance alone would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any, Final, Literal

from oiellm.study.effects import Estimate
from oiellm.study.spec import Study

Found = Literal["better", "worse", "no difference found", "not judged", "the same training"]
SAME: Final = "the same training"


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values corrected for their number, which bounds the probability of any false one (Holm 1979)."""
    ordered, found, before = sorted(p, key=lambda name: p[name]), {}, 0.0
    for number, name in enumerate(ordered):
        before = max(before, min(1.0, p[name] * (len(ordered) - number)))
        found[name] = before
    return {name: found[name] for name in p}


def judge(effect: Estimate, corrected: float, alpha: float, minimum: float) -> Found:
    """The verdict on one comparison.

    Args:
        effect: the comparison.
        corrected: its p value, corrected for the number of comparisons.
        alpha: what it must not exceed.
        minimum: smallest difference that counts, in percentage points.
    """
    if not effect.is_judged:
        return "not judged"
    if corrected > alpha or 100 * abs(effect.difference) < minimum or effect.difference == 0:
        return "no difference found"
    return "better" if effect.difference > 0 else "worse"


def by_chance(sides: Sequence[tuple[str, str]], needs: Literal["any", "all"]) -> float:
    """Probability that any, or all, of some comparisons come out positive if all arms are alike.

    Comparisons that share an arm are not independent: one arm is above two others in a third of all orders, not in a quarter.

    Args:
        sides: the two arms of each comparison, the one that is to be above first; of arms that share nothing, any names.
        needs: how many must be positive.
    """
    groups: list[list[tuple[str, str]]] = []
    for pair in sides:  # groups of comparisons that hang together by the arms they share
        touched = [group for group in groups if any(set(pair) & set(other) for other in group)]
        groups = [group for group in groups if group not in touched]
        groups.append([pair, *(other for group in touched for other in group)])
    found = 1.0
    for group in groups:
        names = sorted({name for pair in group for name in pair})
        orders = [dict(zip(names, order)) for order in permutations(range(len(names)))]
        wins = [[order[of] > order[against] for of, against in group] for order in orders]
        right = sum(all(one) if needs == "all" else not any(one) for one in wins)
        found *= right / len(orders)
    return found if needs == "all" else 1 - found


def at_least(successes: int, trials: int, chance: float) -> float:
    """Probability of so many successes or more when each has the probability ``chance`` (the binomial tail)."""
    from scipy.stats import binom

    return float(binom.sf(successes - 1, trials, chance))


def share_interval(successes: int, trials: int, alpha: float = 0.05) -> tuple[float, float]:
    """The exact interval of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = 0.0 if successes == 0 else float(beta.ppf(alpha / 2, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - alpha / 2, successes + 1, trials - successes))
    return low, high


def verdicts(study: Study, compared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What comparisons say of the claims of a study.

    Args:
        study: with its configs by name.
        compared: by comparison and config, with ``found`` and ``difference``.

    Returns:
        By verdict: configs that show it, that show something worse, and that have it by sign alone, beside what chance gives.
    """
    table = {}
    for name, verdict in study.verdicts.items():
        configs = [one for one in study.configs if all(one in compared[part] for part in verdict.comparisons)]
        decide = any if verdict.needs == "any" else all
        shown = [c for c in configs if decide(compared[part][c]["found"] == "better" for part in verdict.comparisons)]
        positive = [c for c in configs if decide(compared[part][c]["difference"] > 0 for part in verdict.comparisons)]
        worse = [c for c in configs if any(compared[part][c]["found"] == "worse" for part in verdict.comparisons)]
        named = [(study.comparisons[part], part) for part in verdict.comparisons]
        sides = [(f"{one.figure} {one.of}", f"{one.figure} {one.against}") for one, _ in named]
        chance = by_chance(sides, verdict.needs)
        table[name] = {
            "claim": verdict.claim,
            "needs": verdict.needs,
            "comparisons": list(verdict.comparisons),
            "configs": len(configs),
            "shown": shown,
            "share_interval": share_interval(len(shown), len(configs)) if configs else None,
            "worse": worse,
            "positive": positive,
            "positive_by_chance": chance,
            "positive_p": at_least(len(positive), len(configs), chance) if configs else None,
            "quoted": verdict.quoted,
        }
    return table
