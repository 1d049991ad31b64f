"""Closed labels are written as the release writes them."""

from __future__ import annotations

import pytest

from mmm_dataset import load
from oiellm.data import open_release
from oiellm.predict.questions import questions
from oiellm.predict.spellings import own_spellings, release_spellings
from oiellm.recipe import View

REGISTRY = load()


@pytest.fixture(scope="module")
def release(demo_release):
    return open_release(demo_release, REGISTRY)


def test_every_label_keeps_one_spelling_and_aliases_that_are_used_stay():
    own = own_spellings(REGISTRY)
    for place, spellings in REGISTRY.label_index.items():
        assert sorted(own.label_index[place].values()) == sorted(set(spellings.values()))
    assert set(own.label_set("scpos_word", "en")) == {"positive", "neutral", "negative"}
    place = ("scpos_word", "en")
    assert set(own_spellings(REGISTRY, {place: {"Positive", None, "other"}}).label_set(*place)) == {
        "Positive",
        "neutral",
        "negative",
    }
    both = own_spellings(REGISTRY, {place: {"Positive", "positive"}}).label_set(*place)
    assert both == {"Positive": "positive", "positive": "positive", "neutral": "neutral", "negative": "negative"}


def test_no_alias_is_allowed_and_every_gold_label_is(release):
    registry = release_spellings(release, release.configs)
    records = [record for name in release.configs for record in release.records(name, "test")]
    asked = questions(records, registry, True, {}, View(), None)
    aliases = {(label.set, label.language, alias) for label in REGISTRY.labels for alias in label.aliases}
    for record, question in zip(records, asked, strict=True):
        config = registry.config(record.config)
        task = registry.task(config.task)
        if question.text_labels is not None:
            assert record.label in question.text_labels
            assert not any((task.text_labels, config.language, one) in aliases for one in question.text_labels)
        if question.word_labels is not None:
            assert {item.label for item in record.items} <= set(question.word_labels)
            assert not any(
                (task.word_labels[record.word], config.language, one) in aliases for one in question.word_labels
            )


def test_an_alias_is_no_rival_of_its_own_label(release):
    from types import SimpleNamespace

    from oiellm.study.inside import _labels

    assert sorted(_labels(SimpleNamespace(release=release), "en_scpos_n")) == ["negative", "positive"]
