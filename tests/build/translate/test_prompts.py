"""Prompts from editable files: what is wrong in them is one line; texts cannot break out of them."""

import json

import pytest
from hypothesis import given

from build.translate.language import read_language
from build.translate.prompts import FOLDER, Prompts
from mmm_dataset import load
from oiellm.errors import OiellmError
from tests.strategies import hostile


def prompts(source="ja", target="en", family="scnm", folder=None):
    return Prompts(read_language(source, load()), read_language(target, load()), family, folder)


@pytest.mark.parametrize("family", ["scnm", "scpos", "tcree", "tconer"])
@pytest.mark.parametrize(
    "source, target", [("ja", "en"), ("ja", "zh"), ("en", "ja"), ("en", "zh"), ("zh", "ja"), ("zh", "en")]
)
def test_every_pair_and_task_has_a_worked_example(source, target, family):
    made = prompts(source, target, family)
    assert made.example and len(made.tagged("x")) == 4
    system = made.tagged("x")[0][1]
    assert load().languages[source].name in system and load().languages[target].name in system
    assert "{source}" not in made.instruction and "{target}" not in made.instruction


def test_another_family_has_none_and_other_prompts_another_digest():
    assert prompts(family="mine").example is None and len(prompts(family="mine").tagged("x")) == 2
    digests = {prompts(*pair, family).digest for pair in (("ja", "en"), ("ja", "zh")) for family in ("scnm", "mine")}
    assert len(digests) == 4


@given(hostile)
def test_a_text_stays_inside_its_json(text):
    made = prompts()
    for messages in (
        made.tagged(text),
        made.tagged(text, text),
        made.spans(text, text, {1: text}),
        made.rewrite(text, text, [text]),
    ):
        asked = json.loads(messages[-1][1])
        assert text in asked.values() and messages[-1][0] == "user"
    assert json.loads(made.plain("judge", source=text, translation="")[-1][1])["source"] == text


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("instructions.toml", "[tagged]\nsystem = 'x'\n", "[span] needs system"),
        ("instructions.toml", "[tagged\n", "not TOML"),
        ("examples.toml", "[scnm]\nja = '<1>a</1>'\nen = 'a'\n", "different tags"),
        ("examples.toml", "[scnm]\nja = '<1>a'\nen = 'a'\n", "pairs"),
        ("other.toml", "", "holds neither"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(OiellmError) as error:
        prompts(folder=tmp_path)
    assert says in str(error.value) and str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_what_a_users_folder_lacks_is_taken_from_what_ships(tmp_path):
    text = (FOLDER / "examples.toml").read_text(encoding="utf-8")
    (tmp_path / "examples.toml").write_text(text.replace("大森さゆり", "小森さゆり"), encoding="utf-8")
    assert "小森さゆり" in prompts(folder=tmp_path).tagged("x")[1][1]
    assert prompts(folder=tmp_path).tagged("x")[0] == prompts().tagged("x")[0]
