"""The multinomial bootstrap against a row-by-row one, how often intervals hold the truth, and the paired comparison."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_f1 import compare, parse, render, score
from mmm_f1 import intervals as intervals_module
from mmm_f1.intervals import FIGURES, GOLD, HIT, LABEL_RIGHT, PREDICTED, Patterns, wilson

SIZE = 300


def make(share: float, seed: int) -> tuple[list[str], list[str]]:
    """Predictions of which about ``share`` are right, and references."""
    rng = random.Random(seed)
    predictions, references = [], []
    for _ in range(SIZE):
        pairs = [(rng.choice("PQ"), rng.choice("uvwxyz")) for _ in range(rng.randrange(4))]
        references.append(render("A", "NER", pairs))
        kept = [pair for pair in pairs if rng.random() < share]
        predictions.append(render("A" if rng.random() < share else "B", "NER", kept) if rng.random() < 0.95 else "?")
    return predictions, references


def resampled(predictions: list[str], references: list[str], size: int) -> dict[str, np.ndarray]:
    """Figures of resamples of rows, by scoring every one of them."""
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, len(references), len(references)) for _ in range(size)]
    results = [score([predictions[i] for i in rows], [references[i] for i in rows]) for rows in drawn]
    return {name: np.array([result[name] for result in results]) for name in FIGURES}


def test_equals_a_row_bootstrap():
    predictions, references = make(0.7, 0)
    result = score(predictions, references, resamples=4000, seed=3)
    naive = resampled(predictions, references, 800)
    for name in FIGURES:
        low, high = result[f"{name}_ci95"]
        assert low < result[name] < high
        assert [low, high] == pytest.approx(np.quantile(naive[name], [0.025, 0.975]), abs=0.25 * (high - low))


def test_seed_and_confidence():
    predictions, references = make(0.7, 1)
    one, same, other = (score(predictions, references, resamples=200, seed=seed) for seed in (5, 5, 6))
    assert one == same and one["wl_ci95"] != other["wl_ci95"]
    order = list(range(SIZE))[::-1]
    turned = score([predictions[i] for i in order], [references[i] for i in order], resamples=200, seed=5)
    assert turned["wl_ci95"] == one["wl_ci95"]
    narrow = score(predictions, references, resamples=200, seed=5, confidence=0.5)["wl_ci50"]
    assert one["wl_ci95"][0] < narrow[0] < narrow[1] < one["wl_ci95"][1]
    assert (one["bootstrap_resamples"], one["bootstrap_seed"]) == (200, 5)


def test_blocks_do_not_change_the_draw(monkeypatch):
    predictions, references = make(0.7, 1)
    whole = score(predictions, references, resamples=50)
    monkeypatch.setattr("mmm_f1.intervals._CELLS", 100)
    assert score(predictions, references, resamples=50) == whole


def test_compare_a_better_system():
    (worse, references), better = make(0.5, 2), None
    better = [gold if number % 3 else row for number, (row, gold) in enumerate(zip(worse, references, strict=True))]
    result = compare(worse, better, references, resamples=2000)
    a, b = score(worse, references), score(better, references)
    for name in FIGURES:
        row = result[name]
        assert (row["a"], row["b"]) == pytest.approx((a[name], b[name]))
        assert row["difference"] == pytest.approx(b[name] - a[name])
        low, high = row["difference_ci95"]
        assert 0 < low < row["difference"] < high
        assert row["p"] == pytest.approx(1 / 2001)
    assert result["broken"] == []
    right = [score([p], [g])["all"] for p, g in zip(worse, references, strict=True)]
    assert result["fixed"] == [n for n in range(SIZE) if n % 3 and not right[n]]
    mirrored = compare(better, worse, references, resamples=2000)
    assert mirrored["broken"] == result["fixed"] and mirrored["wl"]["difference"] == -result["wl"]["difference"]


def test_compare_equal_systems():
    predictions, references = make(0.7, 3)
    result = compare(predictions, predictions, references, resamples=100)
    assert all(result[name]["p"] == 1 and result[name]["difference_ci95"] == [0, 0] for name in FIGURES)
    assert result["fixed"] == result["broken"] == []


def test_p_values_of_systems_that_do_not_differ_are_not_small():
    p = []
    for seed in range(40):
        rng = random.Random(seed)
        references = ["A/NER/"] * 200
        a, b = (["A/NER/" if rng.random() < 0.7 else "B/NER/" for _ in references] for _ in range(2))
        p.append(compare(a, b, references, resamples=400)["tl"]["p"])
    assert sum(value < 0.05 for value in p) <= 6 and max(p) > 0.5


def test_p_is_that_of_all_permutations():
    rng = random.Random(0)
    a, b = ([rng.choice(["A/NER/", "A/NER/:P;x", "B/NER/:P;x:P;y", "?"]) for _ in range(8)] for _ in range(2))
    gold = ["A/NER/:P;x"] * 8
    found = compare(a, b, gold, resamples=20_000)
    for name in ("tl", "wl", "all"):
        differences = []
        for swapped in itertools.product((False, True), repeat=8):
            sides = zip(*((y, x) if swap else (x, y) for x, y, swap in zip(a, b, swapped, strict=True)), strict=True)
            one, other = (score(list(side), gold)[name] for side in sides)
            differences.append(abs(other - one))
        exact = sum(one >= differences[0] - 1e-12 for one in differences) / len(differences)
        assert found[name]["p"] == pytest.approx(exact, abs=0.015)
    one_row = compare(["A/NER/"], ["A/NER/:P;x"], ["A/NER/:P;x"], resamples=100)
    assert one_row["wl"]["p"] == one_row["all"]["p"] == 1  # a single row says nothing


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [(["x"], ["x", "y"], "predictions_a has 1 rows"), (["x", "y"], ["x", 1], "predictions_b, row 1")],
)
def test_errors_name_the_system(a, b, message):
    with pytest.raises(ValueError, match=message):
        compare(a, b, ["A/NER/", "A/NER/"])


def test_a_percentile_interval_leaves_half_of_the_rest_on_either_side():
    values = np.arange(1001) / 1000
    assert intervals_module.percentile(values, 0.95) == pytest.approx([0.025, 0.975])
    assert intervals_module.percentile(values, 0.5) == pytest.approx([0.25, 0.75])


# ------------------------------------------------------------------------------------------------------------ coverage

RATES = np.linspace(0.5, 0.998, 250)


def coverage(rows: int) -> np.ndarray:
    """How often Wilson's interval of each rate over so many rows holds the truth: exactly, by the binomial distribution."""
    right = np.arange(rows + 1)
    chosen = np.array([math.lgamma(rows + 1) - math.lgamma(k + 1) - math.lgamma(rows - k + 1) for k in right])
    rates = RATES[:, None]
    weights = np.exp(chosen + right * np.log(rates) + (rows - right) * np.log(1 - rates))
    low, high = np.array([wilson(k / rows, rows) for k in right]).T
    return (weights * ((low <= rates) & (rates <= high))).sum(axis=1)


@pytest.mark.parametrize("rows", [*range(20, 60), 81, 100, 150, 200, 350, 500, 750, 1000])
def test_intervals_of_rates_hold_the_truth(rows):
    assert coverage(rows).min() >= 0.949


def test_tl_and_all_have_wilsons_interval():
    predictions, references = make(0.97, 4)
    result = score(predictions, references, resamples=2, confidence=0.9)
    assert result["tl_ci90"] == wilson(result["tl"], SIZE, 0.9) and result["all_ci90"] == wilson(
        result["all"], SIZE, 0.9
    )
    # Newcombe 1998, table I, method 4: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for part, whole, bounds in ((81, 263, (0.2535, 0.3682)), (15, 148, (0.0598, 0.1644)), (0, 20, (0, 0.2005))):
        assert wilson(part / whole, whole) == pytest.approx(bounds, abs=5e-5)
    assert wilson(1 / 29, 29) == pytest.approx((0.0018, 0.1963), abs=5e-5)


@pytest.mark.parametrize(("rows", "bad"), [(20, 0.02), (50, 0.02), (200, 0.02), (200, 0.2), (200, 0.6)])
def test_intervals_of_f1_hold_the_truth_near_the_ceiling_too(rows, bad):
    """Rows of zero to four pairs; half of the pairs of a bad row are wrong."""
    rng = np.random.default_rng(rows)

    def draw(size):
        gold = rng.integers(0, 5, size)
        hits = rng.binomial(gold, np.where(rng.random(size) < bad, 0.5, 1.0))
        return hits * HIT + gold * GOLD + gold * PREDICTED + LABEL_RIGHT

    keys, counts = np.unique(draw(400_000), return_counts=True)
    truth = float(Patterns.of(keys).figures(counts)["wl"])
    held = 0
    for seed in range(300):
        keys, counts = np.unique(draw(rows), return_counts=True)
        low, high = intervals_module.intervals(keys, counts, 200, seed=seed)["wl_ci95"]
        held += low <= truth <= high
    assert held >= 0.93 * 300  # the bootstrap alone: 20, 45, 80, 92, 94 %


def test_few_rows_are_said():
    gold = ["A/NER/:P;x"] * 60
    assert "49 rows" in score(gold[:49], gold[:49], resamples=5)["caution"]
    assert "49 rows" in compare(gold[:49], gold[:49], gold[:49], resamples=5)["caution"]
    assert "caution" not in score(gold[:50], gold[:50], resamples=5) and "caution" not in score(gold[:9], gold[:9])


@given(
    st.lists(st.tuples(*[st.sampled_from(["A/NER/", "A/NER/:P;x", "B/NER/:P;x:P;y", "?"])] * 3), min_size=1, max_size=9)
)
@settings(max_examples=60, deadline=None)
def test_swapped_systems_have_the_same_p_and_mirrored_intervals(rows):
    a, b, gold = (list(column) for column in zip(*rows, strict=True))
    gold = ["A/NER/:P;x" if row == "?" else row for row in gold]
    one, other = compare(a, b, gold, resamples=40), compare(b, a, gold, resamples=40)
    for name in FIGURES:
        assert one[name]["p"] == other[name]["p"]
        assert one[name]["difference"] == -other[name]["difference"]
        assert one[name]["difference_ci95"] == [-bound for bound in other[name]["difference_ci95"][::-1]]
    turned = compare(a[::-1], b[::-1], gold[::-1], resamples=40)
    assert {name: turned[name] for name in FIGURES} == {name: one[name] for name in FIGURES}


def test_intervals_by_label_are_those_of_the_label_alone():
    predictions, references = make(0.7, 5)
    plain = score(predictions, references, resamples=300)
    result = score(predictions, references, resamples=300, label_intervals=True)
    shared = [{key: value for key, value in row.items() if "_ci" not in key} for row in result["wl_by_label"].values()]
    assert shared == [*plain["wl_by_label"].values()]
    assert {key: result[key] for key in result if key != "wl_by_label"} == {
        key: plain[key] for key in plain if key != "wl_by_label"
    }
    for label, row in result["wl_by_label"].items():
        for name in ("precision", "recall", "f1"):
            low, high = row[f"{name}_ci95"]
            assert low < row[name] <= high < low + 0.3
        only = [
            [pair for pair in parse(one, "NER").items if pair[0] == label] if one != "?" else [] for one in predictions
        ]
        gold = [[pair for pair in parse(one, "NER").items if pair[0] == label] for one in references]
        alone = score(*([render("A", "NER", pairs) for pairs in side] for side in (only, gold)), resamples=300)
        assert row["f1_ci95"] == pytest.approx(alone["wl_ci95"], abs=0.02)
    with pytest.raises(ValueError, match="label_intervals needs"):
        score(predictions, references, label_intervals=True)
