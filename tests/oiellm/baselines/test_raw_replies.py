"""What chat models write: read as what it says, or not at all; no reply makes up an empty list, an item or a label."""

import json
from pathlib import Path

import pytest
from hypothesis import given

from mmm_dataset import Failure, Item, encode
from tests.double.replies import LISTS, read_by_baselines
from tests.double.trial import embedded
from tests.oiellm.baselines import raw_replies
from tests.oiellm.baselines.test_chat import read
from tests.records import make_record
from tests.strategies import garbage

ROW = raw_replies.pair_rows()[0]


def said(reply, row, structured=False):
    """The answer by the reading that knows most; None if there is none."""
    found = read(reply, row, structured)
    stands = not isinstance(found.read, Failure) and not {"unknown_text_label", "entity_not_in_text"} & {
        *found.deviations
    }
    return found.lenient or (found.output if stands else None)


@pytest.mark.parametrize("name, row, reply", list(raw_replies.replies()))
def test_a_reply_is_read_as_what_it_says(name, row, reply):
    assert said(reply, row) == encode(row)[1]


@pytest.mark.parametrize("row, reply", list(raw_replies.json_replies()))
@pytest.mark.parametrize("structured", [False, True])
def test_json_is_read_as_what_it_says(row, reply, structured):
    assert said(reply, row, structured) == encode(row)[1]


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("reply", raw_replies.UNREADABLE)
def test_what_is_not_understood_is_a_failure_and_never_nothing(reply, structured):
    found = read(reply, ROW, structured)
    assert found.lenient is None and found.deviations


@pytest.mark.parametrize(
    "text, entity, copied",
    [
        ("ＫＤＩ went home.", "ＫＤＩ", "KDI"),
        ("The cafe\u0301 closed.", "cafe\u0301", "caf\u00e9"),
        ("She read “Dusk” twice.", "“Dusk”", '"Dusk"'),
        ("O’Hara left.", "O’Hara", "O'Hara"),
        ("ｶﾞﾙ left.", "ｶﾞﾙ", "ガル"),
    ],
)
def test_an_entity_of_other_width_composition_or_quotation_marks_takes_the_spelling_of_the_text(text, entity, copied):
    row = make_record(text, [Item.pair("Person", entity)], "Literature", language="en")
    found = read(f"Literature/NER/:Person;{copied}", row)
    assert found.lenient == encode(row)[1] and "entity_spelling" in found.deviations
    found = read(json.dumps({"label": "Literature", "items": [{"label": "Person", "entity": copied}]}), row, True)
    assert found.lenient == encode(row)[1] and "entity_spelling" in found.deviations


@pytest.mark.parametrize("structured", [False, True])
def test_right_answers_of_the_embedded_rows_are_read_however_they_are_written(structured):
    rows, registry = embedded()
    found = read_by_baselines([row for row in rows if row.is_annotated][::20], registry, structured)
    assert found.wrong.total() == 0 and found.whole >= 0.97 * found.total, found


@pytest.mark.parametrize("name, write", LISTS.items())
@pytest.mark.parametrize(
    "pairs", [[("Planet", "Zed")], [("Planet", "Mara Lind")], [("Person", "Zed"), ("Person", "Xu")]]
)
def test_a_list_of_what_is_unknown_is_never_an_empty_answer(name, write, pairs):
    found = read(f"Literature/NER/\n{write(pairs)}", ROW)
    assert found.lenient != "Literature/NER/" and found.output != "Literature/NER/"


@pytest.mark.parametrize("text", ["Literature/NER/\n{}", "Literature/NER/ {}", "Literature/NER/\n\n{}"])
@given(words=garbage)
def test_no_reply_makes_up_that_there_is_nothing(text, words):
    found = read(text.replace("{}", words), ROW)
    assert found.lenient != "Literature/NER/" or not any(name in words for name in ("Mara Lind", "Orbis", "Ghent"))


def test_an_answer_that_is_right_needs_none_of_this():
    for row in raw_replies.pair_rows():
        found = read(encode(row)[1], row)
        assert found.lenient is None and found.deviations == ()


SHARED = Path(__file__).parents[4] / "shared/cases/replies/replies.json"
BOTH, MIA, NOTHING, NONE = (
    "Literature/NER/:Person;Mia:Place;Oslo",
    "Literature/NER/:Person;Mia",
    "Literature/NER/",
    None,
)
READINGS = {
    **dict.fromkeys(("think2", "differ", "refuse", "missing", "trunc", "pos"), NONE),
    **dict.fromkeys(("none", "none2"), NOTHING),
    **dict.fromkeys(("json", "b4", "b5", "b7", "b8"), MIA),
    "alias": "Academia/NER/:Person;Mia",
    "loop": "Literature/NER/" + ":Person;Mia" * 60,
}
"""By the end of its key, what a shared reply says; every other one says ``BOTH``."""


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the shared cases")
def test_every_shared_reply_has_its_reading():
    row = make_record("Mia lives in Oslo now.", [Item.pair("Person", "Mia")], "Literature", language="en")
    for key, reply in json.loads(SHARED.read_text(encoding="utf-8"))["unified"].items():
        assert said(reply, row) == READINGS.get(key.removeprefix("u-"), BOTH), key
