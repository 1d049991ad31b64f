"""Labels from words, the filters that ask the model, calibration, prompts that fit, learning from a few rows."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oiellm.errors import OiellmError
from oiellm.verbalize.learn import Shot, Tuning, Weights, tune
from oiellm.verbalize.models import open_model
from oiellm.verbalize.prompts import fit
from oiellm.verbalize.task import Example
from oiellm.verbalize.templates import SHIPPED, Template, read_template
from oiellm.verbalize.verbalizer import (
    Verbalizer,
    drop_irrelevant,
    drop_rare,
    drop_unwritable,
    prior,
    relevance,
)
from oiellm.verbalize.words import LabelWord, used
from tests.oiellm.verbalize.tiny_kinds import SAVERS

TEMPLATE = Template("topic.ja", "{text}\nこの文章の分野は{slot}です。")
WORDS = {"社会": ("社会", "東京"), "文芸": ("文芸", "film", "自然の")}


@pytest.fixture(scope="module", params=SAVERS)
def scorer(request, tmp_path_factory):
    return open_model(str(SAVERS[request.param](tmp_path_factory.mktemp("model") / "tiny")), device="cpu").scorer


def example(text, label="社会", word="NER"):
    return Example(text, text, word, label)


@given(arrays(float, (3, 5), elements=st.floats(-20, 0)))
def test_a_label_has_the_mean_probability_of_its_words(scores):
    verbalizer = Verbalizer.of(WORDS)
    found = verbalizer.label_scores(torch.from_numpy(scores)).numpy()
    for row in range(3):
        for at, own in enumerate(verbalizer.of_label):
            mean = sum(math.exp(scores[row, one]) for one in own) / len(own)
            assert found[row, at] == pytest.approx(math.log(mean))


def test_a_word_of_two_labels_counts_for_both():
    verbalizer = Verbalizer.of({"a": ("a", "x"), "b": ("b", "x")})
    assert verbalizer.words == ("a", "x", "b") and verbalizer.of_label == ((0, 1), (2, 1))


def test_a_label_without_words_is_refused():
    with pytest.raises(OiellmError, match="label 'b' has no word that the model can score; give it one"):
        Verbalizer.of({"a": ("a",), "b": ()})


def test_a_sample_keeps_the_first_word_of_every_label():
    verbalizer = Verbalizer.of({"a": tuple("apqrst"), "b": ("b",)})
    seen = set()
    for seed in range(30):
        some = verbalizer.sample(3, random.Random(seed))
        assert len(some.of_label[0]) == 3 and some.words[0] == "a" and some.of_label[1] == (3,)
        seen.update(some.words)
    assert seen == set(verbalizer.words)


@given(arrays(float, (4, 3), elements=st.floats(-20, 0)))
def test_prior_and_relevance_equal_their_definitions(scores):
    probabilities = np.exp(scores)
    assert np.allclose(np.exp(prior(scores)), probabilities.mean(axis=0))
    found = relevance(scores, [0, 2])

    def cosine(one, other):
        a, b = probabilities[:, one], probabilities[:, other]
        return a @ b / math.sqrt((a @ a) * (b @ b))

    for word in range(3):
        like = [cosine(word, 0), cosine(word, 2)]
        if min(like) > 1e-9:
            assert found[word] == pytest.approx([like[0] / like[1], like[1] / like[0]], rel=1e-6)


def test_filters_spare_the_own_word_and_say_why():
    entry = [LabelWord("a", word, 1, 1, 0.0, 0.0, prior=level) for word, level in (("a", -9), ("x", -3), ("y", -8))]
    entry += [LabelWord("a", "z", 1, 1, 0.0, 0.0, prior=-1.0, relevance=0.9)]
    cut = drop_rare({"a": entry}, 0.5)
    assert {one.word: one.dropped for one in cut["a"]} == {"a": "", "x": "", "y": "prior too low", "z": ""}
    assert used(drop_irrelevant(cut)) == {"a": ("a", "x")}
    assert drop_rare({"a": entry}, 0.0) == {"a": entry}


def test_words_that_have_no_tokens_are_dropped_even_a_labels_own(scorer):
    lists = {"a": [LabelWord("a", word, 1, 1, 0.0, 0.0) for word in ("社会", "鬱", "社" * 25)]}
    reasons = {one.word: one.dropped for one in drop_unwritable(lists, scorer)["a"]}
    assert reasons["社" * 25] == "more than 24 tokens" and not reasons["社会"]
    assert bool(reasons["鬱"]) == (scorer.kind != "causal")  # this tokenizer writes it as bytes


def test_texts_are_cut_and_demonstrations_left_out_to_fit(scorer):
    size = 128
    scorer.positions, before = size, scorer.positions
    try:
        short = fit(scorer, TEMPLATE, example("東京"), 5)
        assert (short.cut, short.prompt) == (0, TEMPLATE.fill(example("東京")))
        long = fit(scorer, TEMPLATE, example("film " * 40), 5)
        assert 0 < long.cut < 200 and long.prompt.head.startswith("film film")
        assert scorer.length(long.prompt, 5) <= size < scorer.length(TEMPLATE.fill(example("film " * 40)), 5)
        assert scorer.length(TEMPLATE.fill(example("film " * 40), ("film " * 40)[: 201 - long.cut]), 5) > size
        shots = [example(f"film {at}" + " film" * 3, "文芸") for at in range(9)]
        shown = fit(scorer, TEMPLATE, example("東京"), 5, shots)
        assert 0 < shown.demonstrations < 9 and shown.cut == 0
        assert shown.prompt.head.count("文芸") == shown.demonstrations
        assert "film 8" in shown.prompt.head and "film 0" not in shown.prompt.head  # the last ones stay
        assert shown.prompt.head.endswith(TEMPLATE.fill(example("東京")).head)
        scorer.positions = 4
        with pytest.raises(OiellmError, match="template topic.ja: too long for a model of 4 positions"):
            fit(scorer, TEMPLATE, example("東京"), 5)
    finally:
        scorer.positions = before


def label_scores(scorer, verbalizer, rows):
    words = [scorer.tokens(word) for word in verbalizer.words]
    return verbalizer.label_scores(torch.from_numpy(scorer.matrix([TEMPLATE.fill(row) for row in rows], words)))


def test_a_few_rows_are_learnt_and_forgotten_again(scorer):
    rows = [
        example("東京にある。"),
        example("埼玉にある。"),
        example("film the prize", "文芸"),
        example("made the", "文芸"),
    ]
    gold = [0, 0, 1, 1]
    verbalizer = Verbalizer.of(WORDS)
    untouched = label_scores(scorer, verbalizer, rows)
    shots = [Shot(TEMPLATE.fill(row), row.task_word, label) for row, label in zip(rows, gold)]
    weights = Weights(scorer.model)
    settings = Tuning(epochs=12, learning_rate=1e-2, batch=2, words=2)
    learnt = []
    for _ in range(2):
        tune(scorer, verbalizer, TEMPLATE, shots, np.zeros(len(verbalizer.words)), settings, seed=3)
        learnt.append(label_scores(scorer, verbalizer, rows))
        weights.restore()
    assert torch.equal(learnt[0], learnt[1])
    assert learnt[0].argmax(1).tolist() == gold
    assert torch.equal(label_scores(scorer, verbalizer, rows), untouched)


def test_every_language_and_family_has_a_template():
    for family in ("scnm", "tcree", "scpos", "xsid"):
        for language in ("ja", "en", "zh"):
            found = read_template(None, None, family, language)
            prompt = found.fill(example("{slot} {text}"))
            assert prompt.head.startswith("{slot} {text}\n")  # a text that looks like a template stays text
    assert read_template(None, None, "mine", "en").name == "topic.en"
    ours = read_template(None, "oiellm", "scnm", "ko")
    assert ours.fill(example("東京")).head == "東京/NER" and ours.closed("社会", "NER") == "社会/NER/"
    english = read_template(None, None, "scnm", "en")
    assert english.closed("Society", "NER") == " Society"


@pytest.mark.parametrize(
    "text, message",
    [
        ("[families]\nother = 'x'\n", "no template 'x' for the family 'scnm'; there are"),
        ("[topic.ja]\ntext = '{text}{slot}'\n", "no template None"),
        ("[families]\nscnm = 'topic'\n[topic.ko]\ntext = '{text}{slot}'\n", r"no template \[topic.ja\]: write one"),
        ("[families]\nscnm = 'topic'\n[topic.ja]\ntext = '{text}'\n", "needs {text} and {slot} once each"),
        ("[families]\nscnm = 'topic'\n[topic.ja]\ntext = '{text}{slot}{x}'\n", "needs {text} and {slot}"),
        ("[families]\nscnm = 'topic'\n[topic.ja]\ntext = 5\n", "must be strings"),
        ("[families]\nscnm = 'topic'\n[topic.ja]\nblank = ''\n", "must have text and may have close"),
        (
            "[families]\nscnm = 'topic'\n[topic.ja]\ntext = '{text}{slot}'\nclose = '{text}'\n",
            "close knows {word} alone",
        ),
        ("[topic", "not TOML"),
    ],
)
def test_mistakes_in_templates_are_named(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(OiellmError, match=message) as error:
        read_template(path, None, "scnm", "ja")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert SHIPPED.is_file()
