"""JSON objects in replies: bare, fenced, among words, after thoughts; never a guess."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oiellm.llm.answers import is_nothing, message_text, read_object
from oiellm.llm.calls import Reply

ANSWER = '{"translation": "a <1>b</1> {c}"}'


@pytest.mark.parametrize("loop", ["`", " ", "\n", "```\n", "{", "[", "[{", '{"a":', "{} ", "{'a': "])
def test_a_loop_is_no_answer_and_takes_no_time(loop):
    start = time.process_time()
    assert read_object(Reply(f"```{loop * (200_000 // len(loop))}```")) is None
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        f"```json\n{ANSWER}\n```",
        f"<think></think>{ANSWER}",
        f'<think>\nPerhaps {{"translation": "x"}}? No.\n</think>\n\n```\n{ANSWER}\n```',
        f"first I think</think>{ANSWER}",
        f"{ANSWER}\nI hope this helps.",
        f"Here it is:\n```json\n{ANSWER}\n```\nAnything else?",
        f"```json\n{ANSWER}",
        f"{ANSWER}\n{ANSWER}",
        f"{ANSWER} (with {{braces}} and a note [1])",
        f"\ufeff{ANSWER}\u200b",
        f"{ANSWER}<|im_end|>\n<|im_start|>user {{}}",
        f"<Thinking>{{}}</Thinking>{ANSWER}</s>",
        f"<|channel|>analysis<|message|>{{}}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}",
        json.dumps(ANSWER),
        f"[{ANSWER}]",
        "{'translation': 'a <1>b</1> {c}',} // done",
        '{translation: "a <1>b</1> {c}", /* sure */}',
        "{“translation”: “a <1>b</1> {c}”}",
    ],
)
def test_the_one_object_is_found(text):
    assert read_object(Reply(text)) == json.loads(ANSWER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no object",
        '"a string"',
        f'{ANSWER} or {{"translation": "x"}}',
        f"{ANSWER} or {{",
        '{"translation": "x", "translation": "y"}',
        '{"translation": "x", "items": [{"label": "y"}',
        '[{"translation": "x"}, {"translation"',
        '"{\\"translation\\": \\"x"',
        f"<|channel|>analysis<|message|>{ANSWER}<|end|>",
        '{"translation": "\\ud83d"}',
        'Here: {"items": [{"\\uDE00": 1}]}',
        '{"translation": "\ud83d"}',
        f"<think>{ANSWER}",
        '{"items": [{"translation": "x"}',
        "{" * 100_000,
    ],
)
def test_anything_else_is_none(text):
    assert read_object(Reply(text)) is None


@given(
    st.dictionaries(st.text(), st.text() | st.integers(), min_size=1),
    st.text(alphabet="ab \n.:"),
    st.text(alphabet="ab \n.!}"),
)
def test_words_around_an_object_change_nothing(value, before, after):
    assert read_object(Reply(f"{before}{json.dumps(value, ensure_ascii=False)}{after}")) == value


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": ANSWER}, ANSWER),
        ({"content": [{"type": "text", "text": ANSWER}]}, ANSWER),
        ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": ANSWER}]}, ANSWER),
        (
            {"content": [{"type": "output_text", "text": "a "}, "b", {"type": "image_url", "image_url": {}}, None, 5]},
            "a b",
        ),
        (
            {"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": ANSWER}}]},
            ANSWER,
        ),
        ({"content": "", "tool_calls": [{"function": {"arguments": {"a": "東"}}}]}, '{"a": "東"}'),
        ({"content": None, "function_call": {"name": "f", "arguments": ANSWER}}, ANSWER),
        ({"content": "yes", "tool_calls": [{"function": {"arguments": ANSWER}}]}, "yes"),
        ({"content": "yes", "reasoning_content": f"perhaps</think>{ANSWER}"}, "yes"),
        ({"content": None, "reasoning_content": f"perhaps {{}} </think>{ANSWER}"}, ANSWER),
        ({"content": "", "reasoning": f"perhaps {ANSWER}"}, ""),
        ({"content": " ", "tool_calls": [None], "reasoning": 5}, " "),
        ({"content": None, "tool_calls": {}, "function_call": []}, ""),
        ({"content": [{"text": {"value": "x"}}, []], "tool_calls": [{"function": {"arguments": 3}}]}, ""),
        ({}, ""),
    ],
)
def test_what_a_message_says_wherever_it_stands(message, text):
    assert message_text(message) == text


SHARED = Path(__file__).parents[4] / "shared/cases/replies/replies.json"


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the shared cases")
def test_parts_of_real_messages_are_read():
    for content in json.loads(SHARED.read_text(encoding="utf-8"))["message_content_parts"]:
        assert read_object(Reply(message_text({"content": content})))["label"] == "Literature"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"Label": "x", "why": "y"}', {"label": "x", "why": "y"}),
        ('{"answer": {"label": "x"}}', {"label": "x"}),
        ('[{"label": "x", "confidence": 1}]', {"label": "x", "confidence": 1}),
        ('[{"label": "Person", "text": "Mia"}]', None),
        ('{"a": {"label": "x"}, "b": {"label": "y"}}', {"a": {"label": "x"}, "b": {"label": "y"}}),
    ],
)
def test_keys_are_found_in_other_case_and_one_level_down(text, found):
    assert read_object(Reply(text), "label") == found


@pytest.mark.parametrize(
    "words", ["None", "null", "[]", "(no entities)", ":None", "無", "該当なし。", "未提及", "N/A."]
)
def test_words_for_an_empty_list(words):
    assert is_nothing(words)


@pytest.mark.parametrize("words", ["Mia", "no", "Nonesuch", ":", "", "None;Mia", "(Mia)"])
def test_other_words_are_something(words):
    assert not is_nothing(words)
