"""The multinomial bootstrap against a row-by-row one, and the paired comparison."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mmm_f1 import compare, render, score
from mmm_f1 import intervals as intervals_module
from mmm_f1.intervals import FIGURES

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
        assert row["p"] == pytest.approx(2 / 2001)
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
