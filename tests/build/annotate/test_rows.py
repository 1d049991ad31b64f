"""Which levels of a row are asked for, and under which task word."""

from dataclasses import replace

import pytest

from mmm_dataset import Item
from tests.build.annotate.driver import annotator, drive, row, say, script
from tests.records import EVENTS, RELATIONS


def by_purpose(text, word):
    return lambda call: text if call.purpose.startswith("text") else word


def test_both_levels_are_asked_at_the_same_time():
    dialogue = annotator().start(row())
    assert [call.purpose for call in next(dialogue)] == ["text", "word"]
    dialogue.close()


@pytest.mark.parametrize(
    "levels, label, items", [(("text",), "社会", None), (("word",), None, ()), (("text", "word"), "社会", ())]
)
def test_only_the_levels_wanted_are_filled_in(levels, label, items):
    result, _ = drive(annotator(levels=levels).start(row()), by_purpose(say(label="社会"), say(items=[])))
    assert (result.record.label, result.record.items) == (label, items)


def test_what_is_there_is_never_asked_for_nor_changed():
    item = Item.pair("地名", "青葉市", 0, 3)
    record = row(label="自然", items=(item,))
    result, asked = drive(annotator().start(record), script())
    assert result.record is record and not asked and not result.decisions
    published = replace(row(), raw=("a/NER", "b"))
    assert drive(annotator().start(published), script())[0].record is published


def test_one_level_may_fail_and_the_other_is_kept():
    result, _ = drive(annotator().start(row()), by_purpose(say(label=None), say(items=[])))
    assert result.record.items == () and result.record.label is None
    assert [level for level, _ in result.failures()] == ["text"]


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"text": " \n"}, "empty_text"),
        ({"label": "経済"}, "unknown_label"),
        ({"items": (Item.pair("都市", "青葉市"),)}, "unknown_label"),
        ({"word": "Slot Filling"}, "unknown_label"),
    ],
)
def test_a_row_that_no_answer_can_make_whole_is_not_paid_for(fields, reason):
    result, asked = drive(annotator().start(row(**fields)), script())
    assert result.problem[0] == reason and not asked


def words(relations, events):
    def answer(call):
        schema = call.schema["properties"]["items"]["anyOf"][0]["items"]["properties"]
        return relations if "head" in schema else events

    return answer


NEWS = row("森社はソランを発売した。", "ITライフハック", task="tcree", word=RELATIONS)
RELATION = say(items=[{"head": "ソラン", "label": "製造元", "tail": "森社"}])
EVENT = say(items=[{"subject": "森社", "label": "発売", "object": "ソラン", "time": None}])
NONE, UNSURE = say(items=[]), say(items=None)


@pytest.mark.parametrize(
    "wanted, relations, events, word, label",
    [
        (None, RELATION, EVENT, RELATIONS, "製造元"),
        (EVENTS, RELATION, EVENT, EVENTS, "発売"),
        ("any", RELATION, EVENT, RELATIONS, "製造元"),
        ("any", NONE, EVENT, EVENTS, "発売"),
        ("any", UNSURE, EVENT, EVENTS, "発売"),
        ("any", NONE, NONE, RELATIONS, None),
        ("any", NONE, UNSURE, RELATIONS, "open"),
    ],
)
def test_the_task_word_is_the_rows_own_or_the_richest(wanted, relations, events, word, label):
    result, _ = drive(annotator(word=wanted).start(NEWS), words(relations, events))
    assert result.record.word == word
    if label == "open":
        assert result.record.items is None and result.failures()
    else:
        assert [item.label for item in result.record.items] == ([label] if label else [])
