"""The paper's way: its prompt, and each of its filters."""

import pytest

from build.core import Drop
from build.translate.rows import Translator
from build.translate.rules import Plan, read_rules
from mmm_dataset import load
from oiellm.llm.calls import Reply
from tests.build.translate.test_ladder import SOURCE
from tests.dialogues import drive

GOOD = "Input: Omori founded Aoba in Nagoya./NER\nOutput: Society/NER/:Person;Omori:Place;Nagoya:Corporation;Aoba"


def run(reply, log=None):
    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules(), method="paper"))
    return drive(made.start(SOURCE), lambda call: reply, log)


def test_one_call_with_labels_translated_and_a_worked_example():
    log = []
    outcome = run(GOOD, log)
    assert [(i.label, i.spans[0].text) for i in outcome.row.items] == [
        ("Person", "Omori"),
        ("Place", "Nagoya"),
        ("Corporation", "Aoba"),
    ]
    assert outcome.row.text == "Omori founded Aoba in Nagoya." and outcome.result.repair_level == "paper"
    (call,) = log
    shown = "Output: Society/NER/:Person;大森:Place;名古屋:Corporation;青葉社"
    assert call.messages[-1][1] == f"Input: {SOURCE.text}/NER\n{shown}" and call.schema is None
    example = call.messages[0][1]
    assert "Output: Society/NER/:Person;大森さゆり" in example and ":Person;Sayuri Omori" in example


@pytest.mark.parametrize(
    "reply, reason",
    [
        ("Omori founded Aoba in Nagoya.", "malformed_reply"),
        (GOOD.replace("/NER\n", "\n"), "malformed_reply"),
        (GOOD.replace("Society/NER/", "Society"), "malformed_reply"),
        (Reply(GOOD, "length"), "malformed_reply"),
        (GOOD.replace("Person", "Name"), "wrong_labels"),
        (GOOD.replace(":Place;Nagoya", ""), "wrong_labels"),
        (GOOD.replace("Society", "Nature"), "wrong_labels"),
        (GOOD.replace("in Nagoya.", "in なごや."), "residual_kana"),
        (GOOD.replace(";Aoba", ";Aoba Inc."), "entity_not_in_text"),
    ],
)
def test_one_mismatch_drops_the_row(reply, reason):
    outcome = run(reply)
    assert isinstance(outcome.row, Drop) and outcome.row.reason == reason and outcome.row.raw


def test_its_filters_do_not_see_kanji():
    assert run(GOOD.replace("in Nagoya.", "in Nagoya, 名古屋.")).is_whole
