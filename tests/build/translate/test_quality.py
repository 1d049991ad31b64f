"""A second look at a translation: what it makes of ratings and ways back."""

import pytest

from build.translate.language import read_language
from build.translate.prompts import Prompts
from build.translate.quality import quality_check
from build.translate.rules import Plan, read_rules
from mmm_dataset import load
from oiellm.llm.calls import Reply
from tests.dialogues import drive


def look(reply, **plan):
    registry = load()
    prompts = Prompts(read_language("ja", registry), read_language("en", registry), "scnm")
    made = drive(
        quality_check("部屋は広い。", "Big.", "部屋は広い。", "Big.", prompts, Plan("m", read_rules(), **plan)),
        lambda call: reply,
    )
    return [(finding.check, finding.detail) for finding in made]


@pytest.mark.parametrize(
    "score, detail", [("85", None), ('"85"', None), ("70", None), ("20", "20 of 100"), ('"20"', "20 of 100")]
)
def test_a_rating(score, detail):
    assert look(f'{{"score": {score}}}', judge="j") == ([("quality", detail)] if detail else [])


@pytest.mark.parametrize("score", ["NaN", "true", "-5", "1e999", "101", "null", '"good"', "[]"])
def test_what_is_no_rating(score):
    assert look(f'{{"score": {score}}}', judge="j") == [("quality", "the reply cannot be read")]


def test_a_call_without_an_answer_cannot_be_read():
    assert look(Reply("500", "failed"), judge="j") == [("quality", "the reply cannot be read")]
    assert look(Reply("500", "failed"), back=True) == [("back_translation", "the reply cannot be read")]


def test_the_way_back():
    assert look('{"translation": "部屋は広い。"}', back=True) == []
    assert look('{"translation": "猫が好き"}', back=True)[0][0] == "back_translation"
    assert look('{"translation": 85}', back=True) == [("back_translation", "the reply cannot be read")]
