"""One level alone: what is asked, what is told, and that nothing else of the kit needs to know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_dataset import Item, Record, decode, encode, load
from oiellm.data import strings
from oiellm.errors import OiellmError
from oiellm.predict.questions import questions
from oiellm.predict.reading import ask
from oiellm.recipe import View
from oiellm.recipe_file import load_recipe
from oiellm.view import HIDDEN, NEUTRAL, Forced, contexts, forced_labels, hidden, note, parsed
from tests.records import records as any_records

REGISTRY = load()
TEXT, WORD = View(output="text"), View(output="word")


def row(number: int, label: str = "social", name: str = "Kazan") -> Record:
    text = f"{name} came, day {number}."
    items = (Item.pair("person", name, 0, len(name)),)
    return Record(str(number), "en", "scnm", "NER", text, label, items, "own", "user", str(number), "CC0-1.0")


def test_each_level_alone_is_a_row_of_the_format():
    record = row(1)
    assert strings(hidden(record, TEXT), REGISTRY) == ("Kazan came, day 1./NER", "social/NER/")
    assert strings(hidden(record, WORD), REGISTRY) == ("Kazan came, day 1./NER", "-/NER/:person;Kazan")
    assert hidden(record, View()) is record


@pytest.mark.parametrize(
    ("view", "prompt", "output"),
    [
        (View(output="text", context="gold"), "Kazan came, day 1./:person;Kazan/NER", "social/NER/"),
        (View(output="word", context="gold"), "Kazan came, day 1./social/NER", "-/NER/:person;Kazan"),
        (View(output="word", context="neutral"), "Kazan came, day 1./______/NER", "-/NER/:person;Kazan"),
    ],
)
def test_what_a_prompt_tells_of_the_other_level(view: View, prompt: str, output: str):
    record = row(1)
    (told,) = contexts([record], view, REGISTRY)
    assert strings(hidden(record, view), REGISTRY, context=told) == (prompt, output)


@given(any_records())
def test_both_levels_together_say_what_the_row_says(record: Record):
    registry = load()
    views = [View(output="text", context="gold"), View(output="word", context="gold")]
    (items,), (label,) = (contexts([record], view, registry) for view in views)
    whole = f"{label}/{record.word}/{items}"
    assert decode(whole, record.word, task_words=registry.task_words).label == record.label
    assert whole == encode(replace(record, raw=None), registry.task_words)[1]


@given(st.integers(2, 40), st.integers(0, 5))
def test_shuffled_contexts_are_those_of_the_config_in_another_order(count: int, seed: int):
    rows = [row(at, name=f"N{at}") for at in range(count)]
    view = View(output="text", context="shuffled")
    told = contexts(rows, view, REGISTRY, seed)
    assert sorted(told) == sorted(contexts(rows, View(output="text", context="gold"), REGISTRY))
    assert told == contexts(rows, view, REGISTRY, seed)


def test_a_neutral_context_tells_nothing_of_the_row_not_even_its_length():
    rows = [row(at, name="N" * (at + 1)) for at in range(9)]
    told = contexts(rows, View(output="text", context="neutral"), REGISTRY)
    assert set(told) == {NEUTRAL * len(":person;NNNNN")}


def test_rows_that_could_not_be_parsed_have_no_view():
    whole, bare = row(1), replace(row(2), label=None, items=None, raw=("x/NER", "broken"))
    assert parsed([whole, bare]) == [whole]
    assert contexts([bare], View(output="text", context="gold"), REGISTRY) == [""]


def test_rows_of_two_configs_are_not_shuffled_into_each_other():
    en = [row(at, name=f"N{at}") for at in range(9)]
    ja = [replace(row(at, label="社会", name=f"名{at}"), language="ja") for at in range(9)]
    mixed = [one for pair in zip(en, ja) for one in pair]
    told = contexts(mixed, View(output="text", context="shuffled"), REGISTRY)
    assert all("N" in text for text in told[::2]) and all("名" in text for text in told[1::2])


def test_constrained_replies_hold_the_one_level_alone():
    def lark(view: View, forced: Forced | None = None) -> str:
        (question,) = questions([row(1)], REGISTRY, True, {}, view, forced)
        return ask(0, question, REGISTRY.task_words).grammar or ""

    assert "start: HEAD\n" in lark(TEXT)
    assert f'HEAD: ("{HIDDEN}")' in lark(WORD) and "start: HEAD (" in lark(WORD)
    assert 'HEAD: ("social")' in lark(View(), forced="gold")
    two = [row(1), row(2, label="literature")]
    misled = questions(two, REGISTRY, True, {}, View(), "other")
    assert [question.text_labels for question in misled] == [("literature",), ("social",)]
    with pytest.raises(OiellmError, match="constrained"):
        questions([row(1)], REGISTRY, False, {}, View(), "gold")


def test_a_wrong_label_is_that_of_another_row_of_the_config():
    labels = ["social", "literature", "social", "academia", "social"] * 40
    rows = [row(at, label=label) for at, label in enumerate(labels)]
    wrong = forced_labels(rows, "other")
    assert forced_labels(rows, "gold") == labels and wrong == forced_labels(rows, "other")
    assert all(label and label != own and label in labels for label, own in zip(wrong, labels))
    # As often as they are gold: three in four of the rows with another label than this one are "social".
    told = [label for label, own in zip(wrong, labels) if own == "academia"]
    assert told.count("social") > 2 * told.count("literature") > 0
    assert forced_labels([row(1), replace(row(2), label=None, items=None, raw=("a/NER", "b"))], "other") == [None, None]


def test_a_view_that_makes_no_sense_is_refused():
    with pytest.raises(OiellmError, match="set output to text or word"):
        load_recipe("oiellm-nano", ["data.view.context=gold"])
    with pytest.raises(OiellmError, match="take one of them"):
        load_recipe("oiellm-nano", ["data.view.output=text", "data.closed_share=0.5"])


def test_figures_of_a_view_say_so():
    assert note({"output": "both", "context": "none"}) == ""
    assert "GOLD" in note({"output": "text", "context": "gold"}) and "WL and ALL" in note(
        {"output": "text", "context": "gold"}
    )
