"""From comparisons to verdicts, and what the report says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm_f1.intervals import ALL_RIGHT, GOLD, HIT, LABEL_RIGHT, PREDICTED
from oiellm.study.effects import association
from oiellm.study.report import _unequal
from oiellm.study.spec import Study
from oiellm.study.verdicts import by_chance, verdicts

CONFIGS = [f"c{at}" for at in range(21)]


def study(needs: str) -> Study:
    return Study.model_validate(
        {
            "name": "x",
            "question": "?",
            "recipe": "oiellm-nano",
            "configs": tuple(CONFIGS),
            "arms": {"a": {}, "b": {}},
            "comparisons": {
                "text": {"figure": "tl", "of": "a", "against": "b"},
                "word": {"figure": "wl", "of": "a", "against": "b"},
            },
            "verdicts": {"claim": {"claim": "c", "comparisons": ("text", "word"), "needs": needs}},
        }
    )


def compared(text: int, word: int) -> dict[str, Any]:
    """Comparisons that find the first so many configs better, and all others worse by sign alone."""

    def entry(at: int, better: int) -> dict[str, Any]:
        return {"found": "better" if at < better else "no difference found", "difference": 0.1 if at < better else -0.1}

    return {
        name: {config: entry(at, count) for at, config in enumerate(CONFIGS)}
        for name, count in (("text", text), ("word", word))
    }


def test_what_chance_gives_when_comparisons_share_arms():
    both_controls = [("gold", "neutral"), ("gold", "shuffled")]
    assert by_chance(both_controls, "all") == pytest.approx(1 / 3)
    assert by_chance([*both_controls, ("w", "x"), ("w", "y")], "all") == pytest.approx(1 / 9)
    assert by_chance([("a", "b"), ("c", "d")], "any") == 0.75
    assert by_chance([("a", "b"), ("b", "c")], "any") == pytest.approx(5 / 6)


@pytest.mark.parametrize(("needs", "shown", "chance"), [("any", 16, 0.75), ("all", 4, 0.25)])
def test_the_share_of_configs_and_what_chance_would_give(needs: str, shown: int, chance: float):
    found = verdicts(study(needs), compared(16, 4))["claim"]
    assert len(found["shown"]) == len(found["positive"]) == shown and found["configs"] == 21
    assert found["positive_by_chance"] == chance
    low, high = found["share_interval"]
    assert low < shown / 21 < high


def test_a_config_that_was_not_compared_does_not_count():
    some = compared(16, 4)
    del some["word"]["c0"]
    assert verdicts(study("any"), some)["claim"]["configs"] == 20


def test_what_was_unequal_is_named_whether_it_was_meant_or_not():
    trainings = {
        "a": {"rows": [10, 10], "steps": [5, 5], "tokens": [100, 120]},
        "b": {"rows": [10, 10], "steps": [7, 7], "tokens": [80, 80]},
    }
    one = {"of": "a/own", "against": "b", "differs": ["tokens"]}
    assert list(_unequal("text", one, {"trainings": trainings})) == [
        "text: steps 7 against 5 (which the study does not name)",
        "text: tokens 80 against 100 to 120 (as the study says)",
    ]


def outcomes(label: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    right = np.where(label & pairs, LABEL_RIGHT + ALL_RIGHT, np.where(label, LABEL_RIGHT, 0)).astype(np.int64)
    return right + np.where(pairs, HIT, 0) + GOLD + PREDICTED


def test_errors_that_go_together_are_found_and_others_are_not():
    draw = np.random.default_rng(0)
    label = [draw.random(800) < 0.6 for _ in range(3)]
    bound = [outcomes(one, np.where(draw.random(800) < 0.9, one, draw.random(800) < 0.5)) for one in label]
    free = [outcomes(one, draw.random(800) < 0.5) for one in label]
    together, apart = association(bound), association(free)
    assert together and apart
    assert together.low > 0.5 and apart.low < 0 < apart.high


def test_association_by_hand():
    label, pairs = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 0, 1], bool)
    found = association([outcomes(label, pairs)] * 2)
    assert found and found.difference == pytest.approx(1 / 2 - 1 / 3)
    assert association([outcomes(np.ones(4, bool), np.ones(4, bool))] * 2) is None
