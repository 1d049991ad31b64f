"""Corrections: spans that move along with a text, and what a corrected record must be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.core import KitError
from build.review.edits import corrected, missing, move_items, reanchor
from mmm_dataset import Item, from_dict, load, to_dict
from tests.build.review.review_files import pair, source_record, target_record
from tests.records import make_record, typed_registry
from tests.strategies import garbage, hostile


def places(text, *pieces):
    return [(text.index(piece), text.index(piece) + len(piece)) for piece in pieces]


def moved(old, new, *pieces):
    return [place and new[slice(*place)] for place in reanchor(old, new, places(old, *pieces))]


def test_spans_beside_a_change_move_along():
    old, new = "安在東京見到李", "安昨天在東京見到了李"
    assert moved(old, new, "安", "東京", "李") == ["安", "東京", "李"]
    assert reanchor(old, new, places(old, "東京")) == [(4, 6)]


def test_a_changed_span_is_lost():
    assert reanchor("安在東京", "安在東都", [(2, 4)]) == [None]
    assert reanchor("安在東京", "安在東京市", [(2, 4)]) == [(2, 4)]


def test_a_span_between_two_changes_is_found_by_its_count():
    assert reanchor("a東京b東京c", "x東京b東京y", [(1, 3), (4, 6)]) == [(1, 3), (4, 6)]
    assert reanchor("a東京b東京c", "x東京y", [(1, 3), (4, 6)]) == [None, None]


@pytest.mark.parametrize("new", ["東京", "東京と東京と東京"])
def test_where_two_places_would_do_none_is_guessed(new):
    assert reanchor("東京と東京", new, [(0, 2), (3, 5)]) == [None, None]


@given(st.data())
def test_what_moved_has_its_text_and_untouched_texts_keep_every_place(data):
    pieces = data.draw(st.lists(hostile, min_size=1, max_size=5))
    old = "".join(pieces)
    start = data.draw(st.integers(0, len(old) - 1))
    end = data.draw(st.integers(start + 1, len(old)))
    new = data.draw(garbage)
    for text in (new, old[:start] + new + old[start:end] + new):
        (place,) = reanchor(old, text, [(start, end)])
        assert place is None or text[slice(*place)] == old[start:end]
    assert reanchor(old, old, [(start, end)]) == [(start, end)]


def test_items_move_and_say_what_is_lost():
    record = target_record(1)
    new = record.text.replace("大阪", "大坂")
    city, person = move_items(record.text, new, to_dict(record)["items"])
    assert city["spans"][0] == {"text": "大阪", "start": None, "end": None, "role": "entity", "lost": True}
    assert person["spans"][0]["lost"] is False
    assert person["source_item"] == 1
    with pytest.raises(ValueError, match="do not belong"):
        move_items("別", new, to_dict(record)["items"])


def change(record, **values):
    return {**to_dict(record), **values}


def item(text, piece, label="地名", **more):
    start = text.index(piece)
    return {"label": label, "spans": [{"text": piece, "start": start, "end": start + len(piece)}], **more}


def test_a_good_correction_is_kept():
    target = target_record(1)
    text = target.text + "好"
    record = corrected(
        target, change(target, text=text, label="学术", items=[item(text, "大阪", source_item=0)]), load()
    )
    assert (record.text, record.label, record.items[0].source_item) == (text, "学术", 0)
    assert record.source_id == target.source_id


@pytest.mark.parametrize(
    "values, message",
    [
        ({"id": "other"}, "only the text, the label and the items"),
        ({"licence": "CC0-1.0"}, "only the text, the label and the items"),
        ({"label": "社會"}, "unknown text-level label"),
        ({"label": None}, "the label cannot be taken away"),
        ({"items": None}, "the items cannot be taken away"),
        ({"text": " ", "items": []}, "the text is empty"),
        ({"items": [{"label": "怪物", "text": "大阪"}]}, "unknown entity label"),
        ({"items": [{"label": "地名", "text": "京都"}]}, "'京都' is not in the text"),
        ({"items": [{"label": "地名", "text": "大阪", "start": 0, "end": 2}]}, r"text\[0:2\] is"),
        ({"items": [item(target_record(1).text, "大阪", source_item=9)]}, "the source has no item 9"),
        ({"items": [{"label": "地名", "spans": [{"text": "大阪", "role": "head"}]}]}, "has no entity"),
        ({"items": 3}, "not iterable"),
        ({"color": "red"}, "unknown key"),
    ],
)
def test_a_wrong_correction_is_refused_in_one_line(values, message):
    target = target_record(1)
    with pytest.raises(KitError, match=message) as caught:
        corrected(target, change(target, **values), load(), source_record(1))
    assert "\n" not in str(caught.value)
    assert "zh-1" not in str(caught.value) or "color" in values


def test_attributes_are_corrected_with_their_item(tmp_path):
    registry = load(str(typed_registry(tmp_path)))
    place = Item("neg", (), attributes=(("category", "PLACE"),))
    target = make_record("パスタは最高", [place], None, "absa", "Aspect Sentiment")
    (row,) = to_dict(target)["items"]
    other = {**row, "attributes": {"category": "FOOD"}}
    record = corrected(target, change(target, items=[row, other]), registry)
    assert [item.attributes for item in record.items] == [(("category", "PLACE"),), (("category", "FOOD"),)]
    for items, message in (
        ([row, row], "an item is there twice"),
        ([{**row, "attributes": {"kind": "x"}}], "has no category"),
    ):
        with pytest.raises(KitError, match=message):
            corrected(target, change(target, items=items), registry)


def test_a_published_row_is_never_rewritten():
    target = make_record("東京", [], raw=("東京/NER", "社会/NER/"))
    with pytest.raises(KitError, match="byte for byte"):
        corrected(target, change(target, label="学術"), load())


def open_record(**changes):
    """A row of a worklist."""
    return replace(target_record(1), **{"label": None, "items": None, **changes})


def test_a_row_of_a_worklist_gets_its_label_and_items_together_or_one_by_one():
    target, text = open_record(), target_record(1).text
    labelled = corrected(target, change(target, label="学术"), load())
    assert (labelled.label, labelled.items) == ("学术", None)
    marked = corrected(target, change(target, items=[item(text, "大阪")]), load())
    assert (marked.label, marked.items[0].label) == (None, "地名")
    assert corrected(target, change(target, label="学术", items=[]), load()).is_annotated
    assert missing(target) == ["label", "items"] and missing(marked) == ["label"]
    assert missing(make_record("東京", (), label=None, raw=("東京/NER", "?"))) == []


@pytest.mark.parametrize(
    "values, message",
    [
        ({"label": "怪"}, "unknown text-level label '怪'"),
        ({"items": [{"label": "怪物", "text": "大阪"}]}, "unknown entity label"),
        ({"items": [{"label": "地名", "text": "京都"}]}, "'京都' is not in the text"),
    ],
)
def test_what_is_given_to_a_row_of_a_worklist_is_checked_though_the_rest_is_missing(values, message):
    with pytest.raises(KitError, match=message):
        corrected(open_record(), change(open_record(), **values), load())


def test_an_item_is_not_added_twice_at_one_place_but_what_was_there_may_stay():
    record = to_dict(target_record(1))
    twice = {**record, "items": [*record["items"], record["items"][0]]}
    with pytest.raises(KitError, match="'大阪' is there twice as '地名' at one place"):
        corrected(target_record(1), twice, load())
    other = {**record, "items": [*record["items"], {**record["items"][0], "label": "设施名"}]}
    assert len(corrected(target_record(1), other, load()).items) == 3
    assert corrected(from_dict(twice), {**twice, "label": "自然"}, load()).label == "自然"


def test_added_items_stand_in_the_order_of_the_text_if_the_others_do():
    target = target_record(1)
    record = to_dict(target)
    added = [
        to_dict(replace(target, items=(pair("活动名", piece, target.text),)))["items"][0] for piece in ("讲话", "庆典")
    ]
    one, other = (
        corrected(target, {**record, "items": [*record["items"], *more]}, load()) for more in (added, added[::-1])
    )
    assert one == other
    assert [item.spans[0].text for item in one.items] == ["庆典", "大阪", "山田花子", "讲话"]
    turned = replace(target, items=target.items[::-1])
    kept = corrected(turned, {**to_dict(turned), "label": "自然"}, load())
    assert kept.items == turned.items
