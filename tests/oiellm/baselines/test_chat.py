"""Chat models: what they are told, and what is made of their replies, strictly and leniently, as text and as JSON."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_dataset import Item, Span, encode, load
from oiellm.baselines.chat import Chat
from oiellm.baselines.instruction import SHIPPED, read_instruction
from oiellm.baselines.labels import ConfigLabels
from oiellm.errors import OiellmError
from oiellm.predict.engine import Reply
from oiellm.predict.questions import questions
from oiellm.recipe import View
from tests.records import make_record, records
from tests.strategies import garbage

REGISTRY = load()
CONFIGS = ("en_scnm", "ja_scnm", "zh_scnm", "en_tcree", "ja_tcree", "en_tconer")
ROW = make_record("Kazan began in Paris.", [Item.pair("Person", "Kazan")], "Literature", language="en")
GOLD = "Literature/NER/:Person;Kazan"
OPEN = make_record("Kazan began.", [Item.pair("Director", "Kazan")], "Film", "tconer", language="en")


def chat(structured=False, examples=()):
    labels = {name: ConfigLabels(REGISTRY, REGISTRY.config(name)) for name in CONFIGS}
    shown = {row.config: [row] for row in examples}
    return Chat(read_instruction(None, structured), labels, shown, REGISTRY, structured=structured)


def ask(row, style):
    (plain,) = questions([row], REGISTRY, False, {}, View(), False)
    return style.question(row, plain)


def read(text, row=ROW, structured=False, finish="stop"):
    style = chat(structured)
    return style.read(ask(row, style), Reply(0, text, finish, 1, -1))


# ---------------------------------------------------------------------------------------------------------------- asking


def test_what_a_model_is_told():
    asked = ask(ROW, chat())
    (role, system), (last, user) = asked.messages
    assert (role, last, user) == ("system", "user", "Kazan began in Paris./NER")
    assert "TEXT_LABEL/NER/:LABEL;entity:LABEL;entity" in system and "English" in system
    assert "one of: Society, Literature, Academia, Technology, Nature" in system and "Literature and Art" not in system
    assert asked.schema is None and "{" not in system
    assert "of your own choice, in English" in ask(OPEN, chat()).messages[0][1]


def test_examples_are_turns_of_the_chat():
    other = make_record("Ann left.", [Item.pair("Person", "Ann")], "Society", language="en", id="t")
    asked = ask(ROW, chat(examples=[other]))
    assert [role for role, _ in asked.messages] == ["system", "user", "assistant", "user"]
    assert asked.messages[1:3] == (("user", "Ann left./NER"), ("assistant", "Society/NER/:Person;Ann"))
    asked = ask(ROW, chat(True, [other]))
    assert json.loads(asked.messages[2][1]) == {"label": "Society", "items": [{"label": "Person", "entity": "Ann"}]}


def test_the_schema_holds_closed_labels_and_leaves_open_ones_open():
    schema = ask(ROW, chat(True)).schema
    assert schema["properties"]["label"]["enum"] == ["Society", "Literature", "Academia", "Technology", "Nature"]
    item = schema["properties"]["items"]["items"]
    assert list(item["properties"]) == ["label", "entity"] == item["required"] and not item["additionalProperties"]
    assert (
        "Product Name" in item["properties"]["label"]["enum"] and "Product" not in item["properties"]["label"]["enum"]
    )
    assert "enum" not in ask(OPEN, chat(True)).schema["properties"]["label"]
    spans = (Span("Kazan", role="subject"),)
    event = make_record("Kazan began.", [Item("begin", spans)], "Movies", "tcree", "Event Extraction", "en")
    assert list(ask(event, chat(True)).schema["properties"]["items"]["items"]["properties"]) == [
        *("subject", "label", "object", "time")
    ]


@pytest.mark.parametrize(
    "old, new, says",
    [
        (
            '[free]\nsystem = """You',
            '[free]\nsystem = """{you}',
            "[free] system has {you}; there are: description, form",
        ),
        ("\n\n{form}\n", "\n", "[free] system lacks {form}"),
        ('user = "{prompt}"', 'user = "x"', "[free] user lacks {prompt}"),
        ("\n[words]\n", "\n[wards]\n", "words is missing"),
        ('before = ["output"', "before = [1", "[replies] before: a list of texts is due"),
        ("[free]", "[free", "not TOML"),
    ],
)
def test_a_wrong_instruction_is_one_line(tmp_path, old, new, says):
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(OiellmError) as error:
        read_instruction(path, False)
    assert says in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_text_with_braces_is_a_text():
    row = make_record("{form} {0} {", [], "Literature", language="en")
    assert ask(row, chat()).messages[-1][1] == "{form} {0} {/NER"


# --------------------------------------------------------------------------------------------------------------- reading


def test_a_reply_in_the_format_needs_no_leniency():
    found = read(GOLD)
    assert found.output == GOLD and found.lenient is None and found.deviations == ()


@pytest.mark.parametrize(
    "reply, deviations",
    [
        (f"Sure! Here it is:\n{GOLD}\nAnything else?", {"unknown_text_label", "surrounded", "entity_not_in_text"}),
        (f"```\n{GOLD}\n```", {"unknown_text_label", "surrounded", "entity_not_in_text"}),
        (
            f"<think>\nPerhaps Society/NER/? No.\n</think>\n\n{GOLD}",
            {"unknown_text_label", "surrounded", "broken_pair"},
        ),
        (f"Output: {GOLD}", {"unknown_text_label", "surrounded"}),
        ("The label is Literature/NER/:Person;Kazan", {"unknown_text_label", "surrounded"}),
        ("**Literature**/NER/:Person;Kazan", {"unknown_text_label", "surrounded"}),
        ("Literature/NER/：Person；Kazan", {"broken_pair", "punctuation"}),
        ("Literature / NER / :Person;Kazan", {"no_task_word", "surrounded", "punctuation"}),
        ("Literature/NER/: Person; Kazan", {"unknown_label", "entity_not_in_text", "punctuation"}),
        ("Literature/NER/Person;Kazan", {"broken_pair", "punctuation"}),
        ("Literature/NER/:Person;Kazan:", {"broken_pair", "punctuation"}),
        ("literature/NER/:person;Kazan", {"unknown_text_label", "unknown_label", "spelling"}),
        ("Literature and Art/NER/:Person Name;Kazan", {"spelling"}),
        ("Literature/NER/\n:Person;Kazan", {"broken_pair", "punctuation"}),
        (f"{GOLD}\n\n{GOLD}", {"broken_pair", "entity_not_in_text", "surrounded"}),
    ],
)
def test_an_answer_is_found_wherever_it_stands(reply, deviations):
    found = read(reply)
    assert found.lenient == GOLD, found
    assert found.output == reply, "the strict reading is that of every other model: the reply as it stands"
    assert deviations >= set(found.deviations) and {"surrounded", "punctuation", "spelling"} & set(found.deviations)


@pytest.mark.parametrize(
    "reply, deviations",
    [
        ("", ("empty",)),
        ("I'm sorry, but I cannot help with that.", ("declined",)),
        ("The text is about film.", ("no_task_word",)),
        ("Kazan began in Paris./NER", ("no_task_word",)),
        (f"{GOLD}\nor\nSociety/NER/", None),
        ("<think>It may be Literature/NER/:Person;Kazan", None),
    ],
)
def test_where_there_is_no_answer_or_more_than_one_none_is_made_up(reply, deviations):
    found = read(reply)
    assert found.lenient is None and (deviations is None or found.deviations == deviations)


def test_open_labels_lose_the_words_around_them_too():
    assert read("Answer: Film/NER/:Director;Kazan", OPEN).lenient == "Film/NER/:Director;Kazan"
    assert read("`Film`/NER/:Director;Kazan", OPEN).lenient == "Film/NER/:Director;Kazan"
    assert read("Film/NER/:Director;Kazan", OPEN).deviations == ()


def test_entities_over_several_lines_are_whole():
    row = make_record("Kazan\nbegan in Paris.", [Item.pair("Person", "Kazan\nbegan")], "Literature", language="en")
    found = read(encode(row)[1], row)
    assert found.deviations == () and found.lenient is None
    assert read("Literature and Art/NER/:Person;Kazan\nbegan", row).lenient == encode(row)[1]


@pytest.mark.parametrize("loop", ["`", "```a\n", "Literature/NER/:Person;Kazan\n", "/NER/\n", ":a;b\n", ": "])
def test_a_loop_is_read_in_no_time(loop):
    start = time.process_time()
    read(f"Literature/NER/:Person;{loop * (200_000 // len(loop))}")
    assert time.process_time() - start < 3


def test_no_items_in_words():
    assert read("Literature/NER/none").lenient == "Literature/NER/"
    assert read("Literature/NER/").deviations == ()


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("finish", ["filter", "refused", "too_long"])
def test_what_was_withheld_says_nothing(structured, finish):
    found = read(GOLD, structured=structured, finish=finish)
    assert (found.output, found.lenient, found.deviations) == ("", None, (finish,))


OBJECT = {"label": "Literature", "items": [{"label": "Person", "entity": "Kazan"}]}


@pytest.mark.parametrize(
    "reply, output, lenient, deviations",
    [
        (json.dumps(OBJECT), GOLD, None, ()),
        (f"```json\n{json.dumps(OBJECT)}\n```", "", GOLD, ("not_json", "surrounded")),
        (f"Here: {json.dumps(OBJECT)} Bye", "", GOLD, ("not_json", "surrounded")),
        (json.dumps({**OBJECT, "why": "x"}), "", GOLD, ("wrong_keys",)),
        (
            json.dumps({"label": "literature", "items": []}),
            "literature/NER/",
            "Literature/NER/",
            ("spelling", "unknown_text_label"),
        ),
        (json.dumps({"label": "Literature"}), "", None, ("wrong_keys",)),
        (json.dumps({"label": "Literature", "items": [{"label": "Person"}]}), "", None, ("wrong_keys",)),
        (json.dumps({"items": []}), "", None, ("wrong_keys",)),
        ('{"label": "Literature", "items": [{"lab', "", None, ("not_json",)),
        (GOLD, "", GOLD, ("not_json",)),
        ("Sorry, I can't.", "", None, ("declined",)),
        ("", "", None, ("empty",)),
    ],
)
def test_replies_as_json(reply, output, lenient, deviations):
    found = read(reply, structured=True)
    assert (found.output, found.lenient, found.deviations) == (output, lenient, deviations)


def test_json_of_events_may_leave_out_what_may_be_absent():
    row = make_record("Kazan began.", [], "Movies", "tcree", "Event Extraction", "en")
    whole = {"label": "Movies", "items": [{"subject": "Kazan", "label": "begin", "object": "", "time": ""}]}
    found = read(json.dumps(whole), row, True)
    assert found.output == "Movies/Event Extraction/:Kazan;begin;;:"
    short = {"label": "Movies", "items": [{"subject": "Kazan", "label": "begin"}]}
    again = read(json.dumps(short), row, True)
    assert (again.output, again.lenient) == ("", found.output) and again.deviations[0] == "wrong_keys"


@given(records(), st.booleans())
def test_gold_is_read_as_gold(row, structured):
    style = chat(structured)
    found = style.read(ask(row, style), Reply(0, style.reply(row), "stop", 1, -1))
    assert found.output == encode(row, REGISTRY.task_words)[1]
    assert not {"no_task_word", "broken_pair", "empty_field", "not_json", "wrong_keys"} & set(found.deviations)


@given(garbage, st.booleans())
def test_any_reply_at_all_is_an_answer(reply, structured):
    found = read(reply, structured=structured)
    assert found.lenient is None or "/NER/" in found.lenient
    again = None if found.lenient is None else read(found.lenient)
    assert again is None or structured or not {"no_task_word", "broken_pair"} & set(again.deviations)
