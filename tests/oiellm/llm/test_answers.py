"""JSON objects in replies: bare, fenced, among words, after thoughts; never a guess."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oiellm.llm.answers import read_object
from oiellm.llm.calls import Reply

ANSWER = '{"translation": "a <1>b</1> {c}"}'


@pytest.mark.parametrize("loop", ["`", " ", "\n", "```\n", "{", "["])
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
        f"{ANSWER} {ANSWER}",
        f"{ANSWER} or {{",
        '{"translation": "\\ud83d"}',
        'Here: {"items": [{"\\uDE00": 1}]}',
        '{"translation": "\ud83d"}',
        f"<think>{ANSWER}",
        '{"items": [{"translation": "x"}',
        'Use {braces}: {"translation": "x"}',
        "{" * 100_000,
    ],
)
def test_anything_else_is_none(text):
    assert read_object(Reply(text)) is None


@given(st.dictionaries(st.text(), st.text() | st.integers()), st.text(alphabet="ab \n.:"), st.text(alphabet="ab \n.!}"))
def test_words_around_an_object_change_nothing(value, before, after):
    assert read_object(Reply(f"{before}{json.dumps(value, ensure_ascii=False)}{after}")) == value
