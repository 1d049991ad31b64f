"""Words of labels against naive counting, filters of words, and lists as files."""

import math
import string
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oiellm.errors import OiellmError
from oiellm.verbalize.task import Example, draw
from oiellm.verbalize.words import (
    LabelWord,
    candidates,
    drop_shared,
    statistics,
    used,
)
from oiellm.verbalize.words_file import read_words, write_words
from tests.strategies import hostile

LABELS = ("a", "b", "c")
words = st.lists(st.sampled_from("pqrst"), max_size=6).map(tuple)
rows = st.lists(st.builds(lambda label, held: Example("r", "", "NER", label, held), st.sampled_from(LABELS), words))


def row(label, *held):
    return Example(f"{label}{held}", "", "NER", label, held)


@given(rows)
def test_counts_pmi_and_tfidf_equal_their_definitions(examples):
    found = statistics(examples, LABELS)
    assert tuple(found) == LABELS
    for label in LABELS:
        own = [one for one in examples if one.label == label]
        assert [one.word for one in found[label]] == sorted({word for one in own for word in one.words})
        for one in found[label]:
            assert one.count == sum(example.words.count(one.word) for example in own)
            assert one.rows == sum(one.word in example.words for example in own)
            both = one.rows / len(examples)
            word = sum(one.word in example.words for example in examples) / len(examples)
            assert one.pmi == pytest.approx(math.log2(both / (word * len(own) / len(examples))))
            share = one.count / sum(len(example.words) for example in own)
            holding = sum(any(one.word in e.words for e in examples if e.label == other) for other in LABELS)
            assert one.tfidf == pytest.approx(share * (math.log(4 / (1 + holding)) + 1))


def test_rankings_differ_as_they_should():
    examples = [row("a", "common", "telling"), row("a", "common", "telling"), row("a", "common", "once")]
    examples += [row("b", "common"), row("b", "common"), row("b", "other")]
    found = statistics(examples, ["a", "b"])
    first = {name: candidates(found, name, 2)["a"] for name in ("frequency", "pmi", "tfidf")}
    assert [one.word for one in first["frequency"]] == ["a", "common", "telling"]
    assert [one.word for one in first["pmi"]] == ["a", "telling", "common"]  # once is in one row alone
    assert [one.word for one in first["tfidf"]] == ["a", "common", "telling"]
    assert [one.word for one in candidates(found, "pmi", 2, min_rows=1)["a"]] == ["a", "telling", "once"]
    assert [one.word for one in candidates(found, "tfidf", 1)["b"]] == ["b", "common"]
    assert first["frequency"][0].count == 0  # no row holds the label's own word


@given(rows, st.integers(1, 4), st.sampled_from(["frequency", "pmi", "tfidf"]))
def test_own_word_comes_first_and_top_is_kept(examples, top, ranking):
    for label, entry in candidates(statistics(examples, LABELS), ranking, top, 1).items():
        assert entry[0].word == label
        assert len(entry) - 1 <= top and len({one.word for one in entry}) == len(entry)


@given(rows)
def test_after_sharing_no_word_stands_for_two_labels(examples):
    kept = used(drop_shared(candidates(statistics(examples, LABELS), "frequency", 9)))
    every = [word for own in kept.values() for word in own]
    assert len(every) == len(set(every))
    assert all(label in own for label, own in kept.items())


def test_a_shared_word_goes_to_the_label_it_tells_most_of():
    examples = [row("a", "w"), row("a", "w"), row("b", "w"), row("b", "x"), row("b", "a")]
    lists = drop_shared(candidates(statistics(examples, ["a", "b"]), "frequency", 9))
    assert used(lists) == {"a": ("a", "w"), "b": ("b", "x")}
    reasons = {one.word: one.dropped for one in lists["b"] if one.dropped}
    assert reasons == {"w": "tells more of a", "a": "own word of a"}
    even = [row("a", "w"), row("b", "w")]
    assert used(drop_shared(candidates(statistics(even, ["a", "b"]), "frequency", 9))) == {"a": ("a",), "b": ("b",)}


texts = hostile.map(str.strip).filter(bool)


@settings(max_examples=30)
@example({"x\ry": ""})
@given(st.dictionaries(texts, st.text(string.ascii_letters, max_size=5), min_size=1, max_size=6))
def test_a_list_survives_its_file(tmp_path_factory, dropped):
    path = tmp_path_factory.mktemp("words") / "list.tsv"
    before = {"a": [LabelWord("a", word, 3, 2, 0.5, 0.25, -1.5, 1.25, why) for word, why in dropped.items()]}
    write_words(path, before)
    assert read_words(path, ["a"]) == before


def test_a_list_of_ones_own_needs_two_columns(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("word\tlabel\tdropped\ngood\ta\t\nbad\ta\tmine\n", encoding="utf-8-sig")
    found = read_words(path, ["a", "b"])
    assert used(found) == {"a": ("good",), "b": ("b",)}
    assert replace(found["a"][1], dropped="").word == "bad"


@pytest.mark.parametrize(
    "text, message",
    [
        ("word\ngood\n", ":1: no column 'label'"),
        ("", ":1: no column 'label'"),
        ("label\tword\nz\tgood\n", ":2: no label 'z'; the labels are a, b"),
        ("label\tword\na\t\n", ":2: no word"),
        ("label\tword\na\tx\na\tx\n", ":3: 'x' stands twice under 'a'"),
        ("label\tword\na\tx\ty\n", ":2: more cells"),
        ("label\tword\tcount\na\tx\tmany\n", ":2: could not convert"),
        ('label\tword\na\t"x\n', "cannot be read"),
    ],
)
def test_mistakes_in_a_list_are_named(tmp_path, text, message):
    path = tmp_path / "mine.tsv"
    path.write_text(text)
    with pytest.raises(OiellmError, match=message) as error:
        read_words(path, ["a", "b"])
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_shots_are_drawn_per_label_and_nested():
    train = [Example(f"{label}{at}", "", "NER", label) for label in "ab" for at in range(30)]
    train += [Example("c0", "", "NER", "c")]
    five, ten = ({one.id for one in draw(train, "abc", k, 7)} for k in (5, 10))
    assert five < ten and len(ten) == 21  # all that c has
    assert five != {one.id for one in draw(train, "abc", 5, 8)}
    assert [one.id for one in draw(train, "abc", 5, 7)] == [one.id for one in draw(train, "abc", 5, 7)]
    assert draw(train, "abc", 0, 7) == []
