"""The offset rule, held against what can be said of it without knowing how it works."""

from __future__ import annotations

import itertools
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mmm_f1.locate import locate, occurrences

texts = st.text(st.sampled_from("aab "), max_size=14)
lists = st.lists(st.tuples(st.sampled_from("XY"), st.text(st.sampled_from("ab"), max_size=3)), max_size=6)


@given(texts, lists)
def test_offsets_hold_their_entity(text, items):
    for (_, entity), place in zip(items, locate(text, items), strict=True):
        assert place is None or (place[0] < place[1] and text[slice(*place)] == entity)


@given(texts, lists)
def test_none_only_where_occurrences_run_out(text, items):
    places = locate(text, items)
    for item, listed in Counter(items).items():
        there = sum(text.startswith(item[1], at) for at in range(len(text))) if item[1] else 0
        found = [place for other, place in zip(items, places, strict=True) if other == item and place]
        assert len(found) == len(set(found)) == min(listed, there)


@given(texts, lists)
def test_one_occurrence_each_means_that_occurrence(text, items):
    for (_, entity), place in zip(items, locate(text, items), strict=True):
        if place and list(occurrences(text, entity)) == [place[0]]:
            assert place[0] == text.index(entity)


@given(texts, lists)
def test_deterministic_and_whole_words_first(text, items):
    places = locate(text, items)
    assert places == locate(text, list(items))
    if fits(text, items) != fits(text, items[::-1]):
        return
    for item, place in zip(items, places, strict=True):
        whole = {(m.start(), m.start() + len(item[1])) for m in re.finditer(rf"\b{item[1]}\b", text) if item[1]}
        taken = {other for one, other in zip(items, places, strict=True) if one == item}
        assert place in whole or whole <= taken


def fits(text, items):
    """Whether the entities stand in the text one behind the other."""
    end = 0
    for _, entity in items:
        start = text.find(entity, end) if entity else -1
        if start < 0:
            return False
        end = start + len(entity)
    return True


@given(
    st.text(st.sampled_from("あいう "), max_size=14),
    st.lists(st.text(st.sampled_from("あいう"), min_size=1, max_size=3)),
)
def test_a_list_that_fits_in_one_direction_only_stands_so(text, entities):
    items = [("X", entity) for entity in entities]
    if fits(text, items) and not fits(text, items[::-1]):
        places = locate(text, items)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))
        assert locate(text, items[::-1]) == places[::-1]


@given(st.text(st.sampled_from("ab"), max_size=10), st.text(st.sampled_from("ab"), max_size=3))
def test_occurrences_are_all_of_them(text, entity):
    assert list(occurrences(text, entity)) == [
        at for at in range(len(text) - len(entity) + 1) if entity and text[at : at + len(entity)] == entity
    ]


def test_the_rule_by_example():
    assert locate("東京大学は東京にある", [("地名", "東京"), ("施設名", "東京大学")]) == [(5, 7), (0, 4)]
    assert locate("東京と東京", [("地名", "東京"), ("地名", "東京"), ("地名", "東京")]) == [(0, 2), (3, 5), None]
    assert locate("東京", [("地名", "東京"), ("法人名", "東京")]) == [(0, 2), (0, 2)]
    assert locate("東京大学", [("施設名", "東京大学"), ("地名", "東京")]) == [(0, 4), (0, 2)]
    assert locate("x", [("地名", "東京"), ("地名", "")]) == [None, None]
    assert locate("👩‍👩‍👧か\u3099", [("a", "か\u3099")]) == [(5, 7)]


def test_where_everything_is_taken_the_leftmost_is_used():
    places = locate("東京大学東京大学", [("学校", "東京大学"), ("学校", "東京大学"), ("地名", "東京")])
    assert places == [(0, 4), (4, 8), (0, 2)]


def test_one_shared_character_is_an_overlap_and_touching_is_none():
    assert locate("京都東京と京都", [("a", "都東京"), ("b", "京都")]) == [(1, 4), (5, 7)]
    assert locate("東京京都と京都", [("a", "東京京"), ("b", "京都")]) == [(0, 3), (5, 7)]
    assert locate("京都都東京と京都", [("a", "都東京"), ("b", "京都")]) == [(2, 5), (0, 2)]
    assert locate("都東京京都と京都", [("a", "都東京"), ("b", "京都")]) == [(0, 3), (3, 5)]


def test_whole_words_in_scripts_with_spaces():
    assert locate("Anna met Ann", [("a", "Ann")]) == [(9, 12)]
    assert locate("Anna met Ann", [("a", "Ann"), ("a", "Ann")]) == [(9, 12), (0, 3)]
    assert locate("Anna met Ann", [("a", "Ann"), ("b", "Ann")]) == [(9, 12), (9, 12)]
    assert locate("Hannah", [("a", "anna")]) == [(1, 5)]
    assert locate("Ann's aunt, Joann", [("a", "Ann")]) == [(0, 3)]
    assert locate("Иванов и Иван", [("a", "Иван")]) == [(9, 13)]
    assert locate("école e\u0301t e", [("a", "e")]) == [(10, 11)]
    for text, entity in (("東京都の東京", "東京"), ("서울시와 서울", "서울"), ("ไทยไท", "ไท"), ("GMの車", "車")):
        assert locate(text, [("a", entity)]) == [(text.index(entity), text.index(entity) + len(entity))]


def test_a_list_in_the_order_of_the_text_by_example():
    text = "6分中的2分"
    items = [("best", "6"), ("value", "2"), ("unit", "分")]
    assert locate(text, items) == [(0, 1), (4, 5), (5, 6)]
    assert locate(text, items[::-1]) == [(5, 6), (4, 5), (0, 1)]
    assert locate(text, items[1:]) == [(4, 5), (1, 2)]  # fits in both directions
    assert locate("ab ab", [("x", "ab"), ("x", "ab"), ("x", "b")]) == [(0, 2), (3, 5), (1, 2)]
