"""The record: what exists is valid, and JSON brings it back."""

import dataclasses

import pytest
from hypothesis import given

from mmm_dataset import Item, Record, RecordError, Span, from_dict, to_dict
from tests.records import make_record, records
from tests.strategies import TYPED


def test_offsets_are_checked_at_construction():
    make_record("東京は晴れ", [Item.pair("地名", "東京", 0, 2)])
    for start, end in ((1, 3), (-5, -3), (0, 9), (2, 2)):
        with pytest.raises(RecordError, match=r"record 'r1', item 0: text\["):
            make_record("東京は晴れ", [Item.pair("地名", "東京", start, end)])


def test_unknown_offsets_are_null_both_or_none():
    make_record("東京は晴れ", [Item.pair("地名", "大阪")])
    for start, end in ((0, None), (None, 2), ("0", 2), (False, 2), (0.0, 2)):
        with pytest.raises(RecordError, match="must both be null or whole numbers"):
            make_record("東京は晴れ", [Item.pair("地名", "東京", start, end)])


def test_offsets_count_code_points_not_bytes_or_utf16():
    make_record("👩‍🚀が東京へ", [Item.pair("地名", "東京", 4, 6)])


@pytest.mark.parametrize(
    "change",
    [
        {"label": ""},
        {"origin": "mine"},
        {"split": "dev"},
        {"id": ""},
        {"word": ""},
        {"licence": ""},
        {"text": None},
        {"text": "\ud83d"},
        {"raw": ("a",)},
        {"raw": "ab"},
        {"raw": (1, 2)},
    ],
)
def test_bad_fields_are_refused_with_the_id(change):
    with pytest.raises(RecordError, match="record "):
        dataclasses.replace(make_record("x", []), **change)


@pytest.mark.parametrize(
    "item",
    [
        Item.pair("", "x"),
        Item.pair(5, "x"),
        Item.pair("a", 5),
        Item("a", ()),
        Item("a", (Span("x", role=""),)),
        Item("a", (Span("x"),), attributes=(("b", ""),)),
        Item("a", (Span("x"),), attributes=(("b", "c"), ("b", "d"))),
        Item("a", (Span("x"),), attributes={"b": "c"}),
        Item("a", (Span("x"),), attributes=(("b", 1),)),
        Item.pair("a", "\ud83d"),
        Item.pair("a", "x", source_item="1"),
        Item.pair("a", "x", source_item=-1),
    ],
)
def test_bad_items_are_refused_with_their_place(item):
    with pytest.raises(RecordError, match="record 'r1', item 1: "):
        make_record("x", [Item.pair("a", "x", 0, 1), item])


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_record("x", []).text = "y"


def test_text_level_label_may_be_absent_before_annotation():
    record = dataclasses.replace(make_record("x", []), label=None)
    assert not record.is_annotated and make_record("x", []).is_annotated


@given(records() | records(words=list(TYPED)))
def test_json_round_trip(record):
    assert from_dict(to_dict(record)) == record


def test_short_items_and_unknown_keys():
    row = {**to_dict(make_record("東京", [])), "items": [{"label": "地名", "text": "東京", "start": 0, "end": 2}]}
    assert from_dict(row).items == (Item("地名", (Span("東京", 0, 2),)),)
    with pytest.raises(RecordError, match="unknown key 'colour'"):
        from_dict({**row, "colour": 1})
    del row["licence"]
    with pytest.raises(RecordError, match="missing 'licence'; expected"):
        from_dict(row)
    for item in ({"label": "a", "text": "東", "strat": 0}, {"label": "a", "spans": [{"text": "東", "begin": 0}]}):
        with pytest.raises(RecordError, match="record 'r1': an item has the unknown key '(strat|begin)'"):
            from_dict({**row, "items": [item], "licence": "x"})
    for wrong in ("FOOD", [["category", "FOOD"]]):
        with pytest.raises(RecordError, match="attributes must be an object of strings"):
            from_dict({**row, "items": [{"label": "地名", "text": "東京", "attributes": wrong}], "licence": "x"})
    named = {"label": "地名", "text": "東京", "attributes": {"kind": "city"}}
    assert from_dict({**row, "items": [named], "licence": "x"}).items[0].attributes == (("kind", "city"),)
    with pytest.raises(RecordError, match="lacks the key 'label'"):
        from_dict({**row, "items": [{"text": "東京"}], "licence": "x"})
    for item in ("地名;東京", ["地名", "東京"], 3, None, {"label": "地名", "spans": ["東京"]}):
        with pytest.raises(RecordError, match="record 'r1': an item and a span must be objects, not "):
            from_dict({**row, "items": [item], "licence": "x"})


def test_config_and_form():
    record = make_record("x", [])
    assert record.config == "ja_scnm" and record.form == "escaped"
    assert isinstance(record, Record) and dataclasses.replace(record, raw=("x/NER", "y/NER/")).form == "published"
