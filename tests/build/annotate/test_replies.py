"""Replies are read however they are written, and nothing is made up."""

import json
from pathlib import Path

import pytest

from build.annotate.prompts import Prompts
from build.annotate.replies import Unreadable, match_label, read_items, read_label
from oiellm.llm.calls import Reply
from tests.build.annotate.driver import REGISTRY
from tests.double.replies import read_by_annotation
from tests.double.trial import embedded

PAIR, EVENT = ("LABEL", "entity"), ("subject", "LABEL", "object?", "time?")


@pytest.mark.parametrize(
    "text, answer",
    [
        ('{"label": "社会", "confidence": 0.5}', ("社会", 0.5)),
        ('{"label": " 社会 "}', ("社会", None)),
        ('```json\n{"label": "社会", "confidence": 1}\n```', ("社会", 1.0)),
        ('Sure: {"label": "社会"} I hope this helps.', ("社会", None)),
        ('\n{"label": null, "confidence": null, "why": "unclear"}\n', (None, None)),
        ('{"label": "none"}', (None, None)),
        ('{"label": ["社会"]}', ("社会", None)),
        ('{"Label": "社会\u200b", "Confidence": "90%"}', ("社会", None)),
        ('[{"label": "社会", "confidence": "0.5"}]', ("社会", 0.5)),
        ('{"answer": {"label": "社会"}}<|eot_id|>', ("社会", None)),
    ],
)
def test_a_label_is_read(text, answer):
    assert read_label(Reply(text)) == answer


@pytest.mark.parametrize(
    "text",
    [
        "社会",
        "",
        '"社会"',
        '["社会"]',
        '{"label": 1}',
        '{"class": "社会"}',
        '{"label": ["社会", "自然"]}',
        '{"label": "社会"} {"label": "自然"}',
        '{"label": "社会", "label": "自然"}',
        '[{"label": "社会", "text": "東京"}]',
        '{"label": "社',
        '{"label": "\\ud800"}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_answer(text):
    with pytest.raises(Unreadable) as caught:
        read_label(Reply(text))
    assert caught.value.reason == "malformed_reply"


def test_items_are_read_in_the_order_of_the_roles():
    text = '{"items": [{"text": " 東京 ", "label": "地名"}], "confidence": 0.25}'
    assert read_items(Reply(text), PAIR) == ([("地名", "東京")], 0.25)
    text = '{"items": [{"label": "win", "subject": "A", "object": null}]}'
    assert read_items(Reply(text), EVENT) == ([("A", "win", "", "")], None)
    assert read_items(Reply('{"items": null}'), PAIR) == (None, None)
    assert read_items(Reply('{"items": []}'), PAIR) == ([], None)


@pytest.mark.parametrize(
    "items",
    [
        '{"label": "地名"}',
        '"東京"',
        '["地名", "東京"]',
        '{"label": null, "text": "東京"}',
        '{"label": "地名", "text": ["東京"]}',
        "7",
    ],
)
def test_a_list_with_a_broken_item_is_no_answer(items):
    with pytest.raises(Unreadable):
        read_items(Reply(f'{{"items": [{items}]}}'), PAIR)
    with pytest.raises(Unreadable):
        read_items(Reply(f'{{"items": {items}}}'), PAIR)


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        *(("0.9", 0.9), ('"0.9"', 0.9), ('" 0.9 "', 0.9), ("95", 0.95), ('"95%"', 0.95), ('"5 %"', 0.05), ("100", 1.0)),
        *(
            ("1", 1.0),
            ("1.0000000000000002", 1.0),
            ("0", 0.0),
            ("-0.5", None),
            ("2", None),
            ("101", None),
            ("1e400", None),
        ),
        *(
            ("NaN", None),
            ("Infinity", None),
            ('"high"', None),
            ("true", None),
            ("null", None),
            ("[0.9]", None),
            ('""', None),
        ),
        ("9" * 400, None),
    ],
)
def test_a_confidence_of_any_kind_never_throws_an_answer_away(said, confidence):
    assert read_label(Reply(f'{{"label": "社会", "confidence": {said}}}')) == ("社会", pytest.approx(confidence))
    items, stated = read_items(Reply(f'{{"items": [], "confidence": {said}}}'), ("label", "entity"))
    assert (items, stated) == ([], pytest.approx(confidence))


@pytest.mark.parametrize(
    "text",
    [
        '[{"label": "地名", "text": "東京"}]',
        '{"entities": [{"type": "地名", "entity": "東京"}]}',
        '{"result": {"items": [{"Label": "地名", "word": "東京"}]}}',
        "{'items': [{'label': '地名', 'text': '東京',},], // all\n}",
        'First {"items": [{"label": "地名", "text": "東京"}]}, so {"items": [{"label": "地名", "text": "東京"}]}',
    ],
)
def test_items_under_other_names_are_read(text):
    assert read_items(Reply(text), PAIR)[0] == [("地名", "東京")]


@pytest.mark.parametrize("text", ['{"items": "none"}', '{"items": "該当なし"}', "[]", '{"entities": []}'])
def test_no_items_in_words(text):
    assert read_items(Reply(text), PAIR)[0] == []


@pytest.mark.parametrize(
    "text", ["", "{}", "no items", '{"label": "x"}', '{"items": [{"label": "地名", "te', "- 地名;東京"]
)
def test_what_does_not_say_so_is_not_empty(text):
    with pytest.raises(Unreadable):
        read_items(Reply(text), PAIR)


LABELS = {"Literature": "Literature", "Arts": "Literature", "Society": "Society"}


@pytest.mark.parametrize(
    "label",
    [
        "Literature",
        "LITERATURE",
        "Ｌｉｔｅｒａｔｕｒｅ",
        "Literature.",
        '"Literature"',
        "1. Literature",
        "arts",
        "**Literature**",
    ],
)
def test_a_label_of_a_closed_set_is_known_in_any_dress(label):
    assert match_label(label, LABELS) == "Literature"
    assert match_label(f"{label} x", LABELS) is None


def test_a_bare_label_of_a_closed_set_is_an_answer():
    assert read_label(Reply("Literature\n"), LABELS) == ("Literature", None)
    for text, labels in [("Film", LABELS), ("Literature", None), ("The label is Literature", LABELS)]:
        with pytest.raises(Unreadable):
            read_label(Reply(text), labels)


SHARED = Path(__file__).parents[4] / "shared/cases/replies/replies.json"
NO_LABEL = {"two-differ", "dup", "trunc", "empty", "spaces"}
"""Replies of the shared cases that say nothing, or two things."""
UNKNOWN = {"ja", "zh"}
"""Labels in another language, which are asked for again."""


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the shared cases")
def test_real_replies_about_the_text_level_are_read():
    question = Prompts().question("text", REGISTRY.config("en_scnm"), "NER", REGISTRY)
    read = {}
    for name, text in json.loads(SHARED.read_text(encoding="utf-8"))["text_level"].items():
        try:
            label, _ = read_label(Reply(text), question.labels)
            read[name] = label and match_label(label, question.labels)
        except Unreadable:
            read[name] = "unreadable"
    wanted = dict.fromkeys(read, "Literature") | dict.fromkeys(NO_LABEL, "unreadable")
    assert read == {**wanted, "nonestr": None, **dict.fromkeys(UNKNOWN)}


def test_right_answers_are_read_however_they_are_written():
    rows, registry = embedded()
    found = read_by_annotation([row for row in rows if row.is_annotated][::20], registry)
    assert found.wrong.total() == 0 and found.whole == found.total, found
