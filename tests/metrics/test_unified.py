"""The unified format: the round trip, the published bytes, every failure, and the published form's split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_f1 import locate
from mmm_f1.unified import (
    BROKEN_PAIR,
    EMPTY_FIELD,
    EMPTY_LABEL,
    NO_TASK_WORD,
    NOTHING_MARKER,
    PAIR,
    PARSE_FAILURES,
    TASK_WORDS,
    Failure,
    Parsed,
    escape_label,
    find_word,
    input_word,
    parse,
    render,
)
from tests.strategies import TYPED, garbage, hostile, items, rows, tame, words

OFFICIAL = (
    "Literature/NER/:Person;Marlon Brando:Product Name;On the Waterfront:Person;Kazan:Person;Spiegel"  # on three cards
)
OFFICIAL_PAIRS = (
    ("Person", "Marlon Brando"),
    ("Product Name", "On the Waterfront"),
    ("Person", "Kazan"),
    ("Person", "Spiegel"),
)


@given(rows() | rows(words=st.sampled_from(sorted(TYPED))))
def test_round_trip(row):
    label, word, items = row
    table = {**TASK_WORDS, **TYPED}
    output = render(label, word, items, task_words=table)
    assert parse(output, word, task_words=table) == Parsed(label, word, tuple(items))


@given(rows(tame))
def test_ordinary_rows_are_the_published_bytes(row):
    label, word, items = row
    assert render(label, word, items) == render(label, word, items, form="published")


def test_official_example():
    assert render("Literature", "NER", OFFICIAL_PAIRS) == OFFICIAL
    for form in ("escaped", "published"):
        assert parse(OFFICIAL, "NER", form=form) == Parsed("Literature", "NER", OFFICIAL_PAIRS)


def test_relations_end_in_a_colon():
    output = render("sports", "Relation Extraction", [("Kazan", "works for", "Spiegel")])
    assert output == "sports/Relation Extraction/:Kazan;works for;Spiegel:"
    for form in ("escaped", "published"):
        parsed = parse(output, "Relation Extraction", form=form)
        assert parsed.items == (("Kazan", "works for", "Spiegel"),)


def test_events_may_lack_object_and_time():
    output = render("news", "Event Extraction", [("he", "lost", "", "")])
    assert output == "news/Event Extraction/:he;lost;;:"
    assert parse(output, "Event Extraction").items == (("he", "lost", "", ""),)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("", NO_TASK_WORD),
        ("Literature NER", NO_TASK_WORD),
        ("Literature\\/NER/", NO_TASK_WORD),
        ("/NER/:a;b", EMPTY_LABEL),
        ("x/NER/a;b", BROKEN_PAIR),
        ("x/NER/:a", BROKEN_PAIR),
        ("x/NER/:a;b;c", BROKEN_PAIR),
        ("x/NER/:a;b:", BROKEN_PAIR),
        ("x/NER/:;b", EMPTY_FIELD),
        ("x/NER/:a;", EMPTY_FIELD),
        ("x/NER/:a\\;b", BROKEN_PAIR),
    ],
)
def test_failures(output, kind):
    failure = parse(output, "NER")
    assert isinstance(failure, Failure) and failure.kind == kind and failure.detail


@given(garbage, st.sampled_from(("escaped", "published")))
def test_any_string_gives_items_or_a_known_failure(output, form):
    result = parse(output, "NER", form=form)
    assert isinstance(result, Parsed) or result.kind in PARSE_FAILURES


@given(garbage)
def test_what_parses_renders_to_the_same_reading(output):
    result = parse(output, "NER")
    if isinstance(result, Parsed):
        assert parse(render(result.label, "NER", result.items), "NER") == result


@pytest.mark.parametrize("items", [[("", "x")], [("x", "")], [("x",)], [("x", "y", "z")]])
def test_render_refuses_items_that_could_not_be_read_back(items):
    with pytest.raises(ValueError, match=r"broken_pair|empty_field"):
        render("label", "NER", items)
    with pytest.raises(ValueError, match="label is empty"):
        render("", "NER", [])


WRONG = (None, 3, 1.5, True, b"x", object(), ["A/NER/:P;x"])


@pytest.mark.parametrize("wrong", WRONG)
def test_arguments_of_wrong_types_are_one_clear_line(wrong):
    output, pairs = "A/NER/:P;x", [("P", "x")]
    calls = {
        "output": [
            lambda: parse(wrong, "NER"),
            lambda: find_word(wrong),
            lambda: parse(wrong, "NER", form="published"),
        ],
        "word": [lambda: parse(output, wrong), lambda: render("A", wrong, pairs)],
        "form": [lambda: parse(output, "NER", form=wrong), lambda: render("A", "NER", pairs, form=wrong)],
        "task_words": [
            lambda: parse(output, "NER", task_words=wrong),
            lambda: render("A", "NER", pairs, task_words=wrong),
        ],
        "label": [lambda: render(wrong, "NER", pairs)],
        "items|fields": [lambda: render("A", "NER", wrong), lambda: locate("x", wrong)],
        "item|broken_pair": [
            lambda: render("A", "NER", [wrong]),
            lambda: render("A", "NER", [("P", wrong)]),
            lambda: locate("x", [wrong]),
            lambda: locate("x", [("P", wrong)]),
        ],
    }
    if wrong is not None:
        calls["text"] = [lambda: parse(output, "NER", text=wrong), lambda: locate(wrong, pairs)]
    if not isinstance(wrong, (list, type(None))):
        calls["labels"] = [lambda: parse(output, "NER", labels=wrong), lambda: parse(output, "NER", labels="P")]
    for name, group in calls.items():
        for call in group:
            with pytest.raises(ValueError, match=name) as error:
                call()
            assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="form is 'json'"):
        parse(output, "NER", form="json")


slashed = st.lists(st.sampled_from((*TASK_WORDS, "POS", "/", "//", "\\", "a")), min_size=1, max_size=8).map("".join)
"""A label of little but task words and slashes."""


@given(st.one_of(hostile, slashed), words, st.data())
def test_find_word_is_right_for_whatever_render_wrote(label, word, data):
    parts = data.draw(items(word))
    output = render(label, word, parts)
    assert find_word(output) == word
    assert parse(output, word) == Parsed(label, word, tuple(parts))


@given(st.one_of(hostile, slashed), st.sampled_from(("POS", "Slot Filling")))
def test_so_it_is_with_other_task_words(label, word):
    table = {"POS": ("LABEL", "entity"), "Slot Filling": ("LABEL", "entity")}
    output = render(label, word, [], task_words=table)
    assert find_word(output, table) == word
    assert find_word(render(label, "own", []), ("own",)) == "own"  # a word that no table knows is escaped too


@given(st.lists(st.sampled_from((*TASK_WORDS, "a", "Science", "")), min_size=1, max_size=4).map("/".join), words)
def test_a_slash_that_starts_no_task_word_stays(label, word):
    assert escape_label(label, word).count("\\") == sum(
        piece in TASK_WORDS for piece in [*label.split("/"), word][1:-1]
    )


def test_labels_by_example():
    assert escape_label("Science/Technology", "NER") == "Science/Technology"
    assert escape_label("x/NER", "NER") == "x\\/NER"
    assert escape_label("x/Sentiment N", "NER") == "x\\/Sentiment N"
    assert escape_label("x/NER/y", "Relation Extraction") == "x\\/NER/y"
    assert escape_label("x/own", "own") == "x\\/own"
    assert render("x/POS/y", "NER", [], task_words={"NER": PAIR, "POS": PAIR}) == "x\\/POS/y/NER/"
    assert escape_label("x/Slot Filling", "NER") == "x/Slot Filling"
    assert escape_label("x/Slot Filling", "NER", ("Slot Filling",)) == "x\\/Slot Filling"


def test_the_input_settles_the_word_of_the_published_form():
    output = "x/NER/y/Sentiment N/"
    assert find_word(output, line="t/Sentiment N", form="published") == "Sentiment N"
    assert find_word(output, line="t/Sentiment N") == "NER"
    assert find_word(output, line="t/Sentiment Adj", form="published") == "NER"
    assert find_word(output, line="Sentiment N", form="published") == "NER"
    assert input_word("a/b/NER") == "NER" and input_word("a/NER/") is None and input_word("NER") is None


def test_find_word_takes_the_first_bare_one():
    assert find_word("x/NER/:a;/Sentiment N/") == "NER"
    assert find_word("x\\/NER/y/Sentiment N/") == "Sentiment N"
    assert find_word("x\\/NER/y/Sentiment N/", form="published") == "NER"
    assert find_word("映画/音楽/Sentiment Adj and N/") == "Sentiment Adj and N"
    assert find_word("NER") is find_word("NER:") is find_word("x/NER:") is None


# ------------------------------------------------------------------------------------------------------- published form


def published(rest, **given):
    return parse(f"社会/NER/{rest}", "NER", form="published", **given)


def test_a_separator_inside_an_entity():
    pairs = (("法人名", "J:COM春日部"), ("地名", "春日部"))
    for given_ in ({}, {"labels": {"法人名", "地名"}}, {"text": "J:COM春日部は春日部にある。"}):
        parsed = published(":法人名;J:COM春日部:地名;春日部", **given_)
        assert parsed.items == pairs
    assert published(":人名;a;b", labels={"人名"}, text="a;b").items == (("人名", "a;b"),)


def test_ambiguity_is_reported():
    parsed = published(":A;x:B;y", labels={"A", "B"}, text="x:B;y")
    assert parsed.items == (("A", "x"), ("B", "y")) and parsed.ambiguous
    assert not published(":A;x:B;y", labels={"A", "B"}, text="x y").ambiguous
    assert not published(":A;x:B;y").ambiguous


def test_nothing_marker_is_the_empty_list():
    assert published(NOTHING_MARKER).items == ()
    assert parse(f"社会/NER/{NOTHING_MARKER}", "NER").kind == EMPTY_FIELD


@given(st.lists(st.tuples(tame.filter(str.strip), hostile.filter(str.strip)), max_size=3), garbage)
def test_published_rows_with_text_keep_every_entity_in_it(items, between):
    text = between.join(entity for _, entity in items)
    output = render("x", "NER", items, form="published")
    parsed = parse(output, "NER", form="published", text=text)
    if output.endswith(NOTHING_MARKER):
        return
    assert isinstance(parsed, Parsed)
    assert render("x", "NER", parsed.items, form="published") == output
    assert all(entity in text for _, entity in parsed.items)


def test_published_rows_with_loose_ends_read_as_algorithm_1_reads_them():
    for rest in (":地名;東京:", ":地名;東京 ", ": 地名;東京", "::地名;東京::"):
        read = parse(f"社会/NER/{rest}", "NER", form="published", text="東京", labels={"地名"})
        assert read.items == (("地名", "東京"),), rest
    assert parse("社会/NER/:", "NER", form="published").items == ()
    kept = parse("社会/NER/:製品名;Re:", "NER", form="published", text="Re: を見た", labels={"製品名"})
    assert kept.items == (("製品名", "Re:"),)  # where the text has the colon, it is the entity's
