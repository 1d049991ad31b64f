"""The closed setting: the same list for the same row everywhere, and an order that gives nothing away."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_dataset import Item, load, prompt
from oiellm.data import open_release
from oiellm.evaluate.closed import SIZE, closed_labels, has_open_labels, pool
from tests.records import make_record


def row(number, *labels):
    text = "x" * (len(labels) + 1)
    return make_record(
        text, [Item.pair(label, "x", n, n + 1) for n, label in enumerate(labels)], "l", "tconer", id=f"r{number}"
    )


MANY = {f"label{n:03d}": 1 + n % 7 for n in range(200)}


def test_sixteen_labels_the_rows_own_among_them():
    found = closed_labels(row(1, "a", "b", "a"), MANY)
    assert len(found) == len(set(found)) == SIZE == 16
    assert {"a", "b"} < set(found) and set(found) <= MANY.keys() | {"a", "b"}


def test_the_same_row_has_the_same_list_and_other_rows_have_others():
    assert closed_labels(row(1, "a"), MANY) == closed_labels(row(1, "a"), dict(MANY))
    assert closed_labels(row(1, "a"), MANY) != closed_labels(row(2, "a"), MANY)
    assert closed_labels(row(1, "a"), MANY) != closed_labels(row(1, "a"), MANY, seed=1)


def test_the_order_does_not_tell_which_labels_are_gold():
    places = Counter(closed_labels(row(n, "label003"), MANY).index("label003") for n in range(1600))
    assert set(places) == set(range(SIZE)) and max(places.values()) < 150  # 100 each if even


def test_a_gold_label_is_no_less_a_label_of_the_pool():
    """A distractor list must not shrink or repeat because a gold label was drawn too."""
    for n in range(100):
        found = closed_labels(row(n, "label006", "label013"), MANY)
        assert len(found) == len(set(found)) == 16


def test_frequent_labels_are_drawn_more_often():
    weights = {f"rare{n}": 1 for n in range(50)} | {f"common{n}": 20 for n in range(50)}
    drawn = Counter(label[:4] for n in range(100) for label in closed_labels(row(n), weights))
    assert drawn["comm"] > 5 * drawn["rare"] > 0


def test_small_pools_and_large_golds():
    assert sorted(closed_labels(row(1, "a"), {"a": 3, "b": 1})) == ["a", "b"]
    assert sorted(closed_labels(row(1, "a"), {})) == ["a"]
    gold = [f"g{n}" for n in range(20)]
    assert sorted(closed_labels(row(1, *gold), MANY)) == sorted(gold)
    assert len(closed_labels(row(1, *gold[:4]), MANY, size=6)) == 6


@settings(max_examples=50)
@given(st.sets(st.text(min_size=1), max_size=30), st.lists(st.text(min_size=1), max_size=20), st.integers(0, 40))
def test_size_holds_for_any_pool_and_gold(names, gold, size):
    record = make_record("x", [Item.pair(label, "x", 0, 1) for label in gold], "l", "tconer")
    found = closed_labels(record, dict.fromkeys(sorted(names), 1), size=size)
    assert len(found) == len(set(found)) == max(len(set(gold)), min(size, len(names | set(gold))))


def test_pool_counts_rows_not_items():
    assert pool([row(1, "b", "b", "a"), row(2, "b")]) == {"a": 1, "b": 2}
    assert list(pool([row(1, "z", "a", "m")])) == ["a", "m", "z"]


def test_only_tconer_is_open(demo_release):
    registry = load()
    release = open_release(demo_release, registry)
    is_open = {name for name in release.configs if has_open_labels(next(release.records(name, "test")), registry)}
    assert is_open == {"ja_tconer", "en_tconer", "zh_tconer"}


@pytest.mark.parametrize("config", ["ja_tconer", "en_tconer"])
def test_real_rows_get_a_prompt_with_the_list(demo_release, config):
    release = open_release(demo_release, load())
    labels = pool(release.records(config, "train"))
    for record in release.records(config, "test"):
        listed = closed_labels(record, labels)
        line = prompt(record.text, record.word, listed)
        assert line.startswith(record.text + "/") and line.endswith("/NER") and line.count(";") >= len(listed) - 1
        assert {item.label for item in record.items} <= set(listed)
