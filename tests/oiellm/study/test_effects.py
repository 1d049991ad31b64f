"""Differences over seeds: what a sceptic would check before believing a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmm_f1.intervals import ALL_RIGHT, GOLD, HIT, LABEL_RIGHT, PREDICTED
from oiellm.study.effects import effect, spread
from oiellm.study.verdicts import at_least, holm, judge, share_interval


def labels(right: np.ndarray) -> np.ndarray:
    """Outcomes of rows whose text-level label is right or wrong, with one pair each that is hit where the label is right."""
    return np.where(right, LABEL_RIGHT + ALL_RIGHT + HIT, 0).astype(np.int64) + GOLD + PREDICTED


def arm(draw: np.random.Generator, seeds: int, rows: np.ndarray, training: float) -> list[np.ndarray]:
    """Models of one arm: rows have a difficulty of their own, and every training shifts all rows alike."""
    return [labels(rows + draw.normal(0, training) + draw.normal(0, 0.5, len(rows)) > 0) for _ in range(seeds)]


def test_by_hand_with_two_seeds():
    a = [labels(np.array([1, 1, 0, 0], bool)), labels(np.array([1, 0, 0, 0], bool))]
    b = [labels(np.array([1, 1, 1, 0], bool)), labels(np.array([1, 1, 1, 1], bool))]
    found = effect(a, b, "tl", resampled=20_000)
    assert (found.a, found.b, found.difference) == (0.375, 0.875, 0.5)
    assert found.by_seed == (0.25, 0.75) and found.seeds_se == pytest.approx(0.25)
    # The mean difference of a row over the seeds is 0, .5, 1, .5; its bootstrap variance is theirs over 4.
    assert found.rows_se == pytest.approx(np.sqrt(np.var([0, 0.5, 1, 0.5]) / 4), rel=0.03)
    rows, seeds = found.rows_se**2, found.seeds_se**2
    assert found.freedom == pytest.approx((rows + seeds) ** 2 / (rows**2 / 3 + seeds**2 / 1))
    error = np.sqrt(rows + seeds)
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, found.freedom) * error)
    assert found.p == pytest.approx(2 * stats.t.sf(0.5 / error, found.freedom))


def test_the_same_models_do_not_differ():
    a = [labels(np.array([1, 0, 1], bool))] * 3
    found = effect(a, a, "wl")
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert judge(found, found.p, 0.05, 0) == "no difference found"


def test_two_arms_swapped_give_the_same_with_the_sign_turned():
    draw = np.random.default_rng(1)
    rows = draw.normal(0, 1, 200)
    a, b = arm(draw, 3, rows, 0.3), arm(draw, 3, rows + 0.4, 0.3)
    there, back = effect(a, b, "tl"), effect(b, a, "tl")
    assert back.difference == -there.difference and back.seeds_se == there.seeds_se
    assert back.low == pytest.approx(-there.high, abs=0.01) and back.p == pytest.approx(there.p, abs=0.01)


@pytest.mark.parametrize("training", [0.0, 0.3, 1.0])
def test_two_arms_without_a_difference_are_told_apart_as_often_as_promised(training):
    """The promise of the criterion: a false effect in at most 5 % of studies, however far apart trainings of one arm lie."""
    draw, false = np.random.default_rng(2), 0
    for _ in range(400):
        rows = draw.normal(0, 1, 150)
        a, b = arm(draw, 3, rows, training), arm(draw, 3, rows, training)
        false += effect(a, b, "tl", resampled=200).p <= 0.05
    assert stats.binom.sf(false - 1, 400, 0.05) > 0.01, f"{false} of 400"


def family(draw: np.random.Generator, sides: int, training: float, uneven: float) -> list[float]:
    """p values, times their number, of comparisons of arms that are all alike, as a study of so many arms makes them."""
    rows = draw.normal(0, 1, 400)
    spreads = training * np.exp(draw.normal(0, uneven, sides) / 2)
    models = [arm(draw, 3, rows, one) for one in spreads]
    pooled = spread(models, "tl")
    pairs = [(at, other) for at in range(sides) for other in range(at)]
    return [len(pairs) * effect(models[i], models[j], "tl", pooled=pooled, resampled=100).p for i, j in pairs]


@pytest.mark.slow
@pytest.mark.parametrize(("training", "uneven"), [(0.05, 0.0), (0.2, 0.0), (0.2, 0.7)])
def test_many_comparisons_together_keep_the_promise(training, uneven):
    """A false verdict in at most 5 % of studies of 28 comparisons, also where some arms vary more over seeds than others."""
    draw = np.random.default_rng(6)
    false = sum(min(family(draw, 8, training, uneven)) <= 0.05 for _ in range(120))
    assert stats.binom.sf(false - 1, 120, 0.05) > 0.01, f"{false} of 120"


def test_the_variance_of_two_arms_alone_would_break_it():
    """Why the variance is pooled: of many comparisons with three seeds, some have a variance that is small by luck."""
    draw, false = np.random.default_rng(7), 0
    for _ in range(60):
        rows = draw.normal(0, 1, 400)
        models = [arm(draw, 3, rows, 0.3) for _ in range(8)]
        pairs = [(at, other) for at in range(8) for other in range(at)]
        false += min(effect(models[i], models[j], "tl", resampled=100).p for i, j in pairs) * len(pairs) <= 0.05
    assert false > 9


def test_the_pooled_variance_is_the_mean_over_arms():
    a = [labels(np.array(one, bool)) for one in ([1, 1, 0, 0], [1, 0, 0, 0])]
    b = [labels(np.array(one, bool)) for one in ([1, 1, 1, 1], [0, 0, 0, 0])]
    found = spread([a, b], "tl")
    assert found.freedom == 2 and found.variance == pytest.approx((0.03125 + 0.5) / 2)
    one = effect(a, b, "tl", pooled=found)
    assert one.seeds_se**2 == pytest.approx(max(2 * found.variance / 2, np.var([0.5, -0.25], ddof=1) / 2))


def test_a_bootstrap_over_rows_alone_would_break_the_promise():
    """Why the seeds are in the interval: with one seed an arm differs from itself far too often, so it is not judged."""
    draw, false = np.random.default_rng(3), 0
    for _ in range(200):
        rows = draw.normal(0, 1, 150)
        found = effect(arm(draw, 1, rows, 1.0), arm(draw, 1, rows, 1.0), "tl", resampled=200)
        false += found.p <= 0.05
        assert judge(found, found.p, 0.05, 0) == "not judged"
    assert false > 60


def test_a_real_difference_is_found():
    draw, found = np.random.default_rng(4), 0
    for _ in range(50):
        rows = draw.normal(0, 1, 300)
        one = effect(arm(draw, 3, rows, 0.1), arm(draw, 3, rows + 0.8, 0.1), "tl", resampled=200)
        found += judge(one, one.p, 0.05, 0) == "better"
    assert found >= 45


def test_the_smallest_difference_that_counts():
    draw = np.random.default_rng(5)
    rows = draw.normal(0, 1, 2000)
    one = effect(arm(draw, 4, rows, 0.0), arm(draw, 4, rows + 0.2, 0.0), "tl", resampled=200)
    assert judge(one, one.p, 0.05, 0) == "better" and judge(one, one.p, 0.05, 20) == "no difference found"
    assert judge(one, 0.2, 0.05, 0) == "no difference found"


def test_arms_of_other_rows_or_seeds_are_refused():
    a = [labels(np.ones(3, bool))] * 2
    with pytest.raises(ValueError, match="same rows and seeds"):
        effect(a, a[:1], "tl")
    with pytest.raises(ValueError, match="same rows and seeds"):
        effect(a, [labels(np.ones(4, bool))] * 2, "tl")


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_procedure(p):
    """Rejected at alpha are those up to the first p above alpha / (number left), in order (Holm 1979)."""
    corrected = holm(p)
    assert list(corrected) == list(p) and all(p[name] <= corrected[name] <= 1 for name in p)
    for alpha in (0.01, 0.05, 0.3):
        rejected = set()
        for number, name in enumerate(sorted(p, key=lambda one: p[one])):
            if p[name] * (len(p) - number) > alpha:
                break
            rejected.add(name)
        assert {name for name in p if corrected[name] <= alpha} == rejected


def test_the_papers_share_against_chance():
    assert at_least(16, 21, 0.5) == pytest.approx(0.0133, abs=1e-4)
    low, high = share_interval(16, 21)
    exact = stats.binomtest(16, 21).proportion_ci(0.95, "exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))
    assert share_interval(0, 5)[0] == 0 and share_interval(5, 5)[1] == 1
