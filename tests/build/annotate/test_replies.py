"""Replies are read strictly."""

import pytest

from build.annotate.replies import Unreadable, read_items, read_label
from oiellm.llm.calls import Reply

PAIR, EVENT = ("LABEL", "entity"), ("subject", "LABEL", "object?", "time?")


@pytest.mark.parametrize(
    "text, answer",
    [
        ('{"label": "社会", "confidence": 0.5}', ("社会", 0.5)),
        ('{"label": " 社会 "}', ("社会", None)),
        ('```json\n{"label": "社会", "confidence": 1}\n```', ("社会", 1.0)),
        ('Sure: {"label": "社会"} I hope this helps.', ("社会", None)),
        ('\n{"label": null, "confidence": null, "why": "unclear"}\n', (None, None)),
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
        '{"label": ["社会"]}',
        '{"label": "社会"} {"label": "自然"}',
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
