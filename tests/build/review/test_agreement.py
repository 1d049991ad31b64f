"""The figures against published examples and by their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.review.agreement import cohen, krippendorff, rate, wilson


def test_wilson_against_a_known_interval():
    low, high = wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_holds_the_share_and_stays_within_bounds(hits, total):
    hits = min(hits, total)
    low, high = wilson(hits, total)
    assert 0 <= low <= hits / total <= high <= 1


def test_krippendorff_against_the_example_of_2011():
    """Four observers, twelve units, values missing: alpha for names is 0.743."""
    observers = [
        "1233214 12...".replace(" ", ""),
        "1233224125.3",
        ".33323422 51.".replace(" ", ""),
        "123324412 51.".replace(" ", ""),
    ]
    units = [[row[unit] for row in observers if row[unit] != "."] for unit in range(12)]
    assert krippendorff(units) == pytest.approx(0.743, abs=0.001)


def test_agreement_is_undefined_where_nothing_could_differ():
    assert krippendorff([]) is None
    assert krippendorff([["a"], ["b"]]) is None
    assert krippendorff([["a", "a"], ["a", "a"]]) is None
    assert cohen([]) is None
    assert cohen([("a", "a")]) is None


def test_perfect_and_opposite():
    assert cohen([("a", "a"), ("b", "b")]) == 1
    assert cohen([("a", "b"), ("b", "a")]) == -1
    assert krippendorff([["a", "a", "a"], ["b", "b"]]) == 1
    assert krippendorff([["a", "b"]]) == 0


def test_a_conflict_is_no_accept_and_a_completed_row_no_correction():
    found = rate({"accept": 6, "edit": 3, "reject": 1, "conflict": 5, "complete": 9})
    assert (found["corrected"], found["rows"], found["share"]) == (9, 15, 0.6)
    assert rate({})["share"] is None


def test_the_interval_allows_for_rows_of_the_sample_that_nobody_decided():
    found = rate({"accept": 8, "reject": 2}, unknown=10)
    assert (found["corrected"], found["rows"], found["share"]) == (2, 10, 0.2)
    assert (found["low"], found["high"]) == (round(wilson(2, 20)[0], 4), round(wilson(12, 20)[1], 4))
    assert rate({}, unknown=5)["share"] is None
