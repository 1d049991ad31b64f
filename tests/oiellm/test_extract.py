"""The two-line first use, on random weights: what is constrained holds whatever the model would say."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_dataset import load as load_registry
from mmm_f1.unified import parse
from oiellm.errors import OiellmError
from oiellm.predict.engine import Reply, Token
from oiellm.predict.extract import Argument, Entity, Extractor, Relation, load
from tests.oiellm.tiny import TEXT, save_tiny
from tests.strategies import garbage, hostile

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model"), positions=1024, dtype="float32")


@pytest.fixture(scope="module")
def model(folder):
    return load(folder, device="cpu")


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    """Writes item after item, up to the limit."""
    folder = save_tiny(tmp_path_factory.mktemp("talker"), positions=1024, dtype="float32", stops=0)
    return load(folder, device="cpu")


class Says:
    """An engine that says what it is told."""

    name, model, dtype, positions = "transformers", "double", "float32", 77

    def __init__(self, *outputs, finish="stop"):
        self.outputs, self.finish, self.requests = outputs, finish, []

    def generate(self, requests, max_new_tokens):
        self.requests = requests
        yield from (Reply(r.key, self.outputs[r.key], self.finish, 1, 0) for r in reversed(requests))


def free(*outputs, text="王は東京から東京へ", **options):
    says = Extractor(Says(*outputs), REGISTRY)
    return says.extract(text, **{"task": "NER", "language": "ja", "constrain": False, **options})


def test_entities_have_their_places():
    found = free("社会/NER/:地名;東京:地名;東京:人名;王")
    assert found.label == "社会" and found.failure is None and found.unplaced == () and not found.cut
    places = {Entity("地名", "東京", 2, 4), Entity("地名", "東京", 6, 8), Entity("人名", "王", 0, 1)}
    assert set(found.entities) == places and len(found.entities) == 3


def test_items_without_a_place_are_kept_apart():
    found = free("社会/NER/:地名;大阪:人名;王:人名;王")
    assert found.entities == (Entity("人名", "王", 0, 1),)
    assert [item.spans[0].text for item in found.unplaced] == ["大阪", "王"]


def test_relations_and_events():
    found = free("社会/Relation Extraction/:王;出身;東京:", task="Relation Extraction")
    assert found.relations == (Relation("出身", (Argument("head", "王", 0, 1), Argument("tail", "東京", 2, 4))),)
    found = free("社会/Event Extraction/:王;移動;;東京:", task="Event Extraction")
    assert [argument.role for argument in found.relations[0].arguments] == ["subject", "time"] and found.entities == ()


def test_a_free_output_that_cannot_be_read_says_why():
    found = free("それは社会です")
    assert found.label is None and found.entities == () and found.failure.startswith("no_task_word: ")
    assert found.output == "それは社会です"


def test_many_come_back_in_order():
    says = Extractor(Says("a/NER/", "b/NER/", "c/NER/"), REGISTRY)
    found = says.extract_many(iter(["1", "2", "3"]), task="NER", language="en", constrain=False)
    assert [(one.text, one.label) for one in found] == [("1", "a"), ("2", "b"), ("3", "c")]
    assert says.engine.requests[0].prompt == "1/NER" and says.engine.requests[0].grammar is None
    assert says.extract_many([], task="NER", language="en") == []


def labels_asked(task, language):
    text_labels, word_labels = Extractor(Says(), REGISTRY)._resolve(task, language)[1:]
    return text_labels and set(text_labels), word_labels and set(word_labels)


def test_label_sets_are_those_of_the_task_and_language():
    texts, words = labels_asked("scnm", "ja")
    assert "社会" in texts and "人名" in words
    assert labels_asked("tconer", "ja") == (None, None)
    # Two tasks share the word: the closed labels win, on both levels.
    assert labels_asked("NER", "ja") == labels_asked("scnm", "ja")
    # Aliases are read and never written.
    assert labels_asked("scpos_adj", "en") == ({"positive", "negative"}, {"positive", "neutral", "negative"})
    assert "Location" not in labels_asked("scnm", "en")[1] and "Place" in labels_asked("scnm", "en")[1]
    assert (
        labels_asked("Sentiment Adj", "en")[0]
        == labels_asked("scpos_adj", "en")[0]
        != labels_asked("scpos_adj", "ja")[0]
    )
    assert labels_asked("Relation Extraction", "en")[1] is not None


@pytest.mark.parametrize(
    ("task", "language", "message"),
    [
        ("NER", "jp", r"no language 'jp'; there are: ja, en, zh"),
        ("ner", "ja", r"no task 'ner' in 'ja'; there are: scnm, NER, .*Event Extraction"),
        ("tcree", "ja", r"'tcree' has several words: say 'Relation Extraction' or 'Event Extraction'"),
    ],
)
def test_wrong_tasks_and_languages_list_what_there_is(model, task, language, message):
    with pytest.raises(OiellmError, match=message):
        model.extract("x", task=task, language=language)


def test_a_task_that_a_language_does_not_have():
    registry = load_registry("xsid")
    with pytest.raises(OiellmError, match=r"no task 'xsid' in 'ja'|no task 'xsid'"):
        Extractor(Says(), REGISTRY).extract("x", task="xsid", language="ja")
    languages = {config.language for config in registry.configs.values() if config.task == "xsid"}
    missing = next(code for code in registry.languages if code not in languages or code == "en")
    if missing not in languages:
        with pytest.raises(OiellmError, match="no task"):
            Extractor(Says(), registry).extract("x", task="xsid", language=missing)


@pytest.mark.parametrize("text", ["", "\ud800", None])
def test_texts_that_are_none_are_refused(model, text):
    with pytest.raises(OiellmError, match="text 2 is empty or no text"):
        model.extract_many(["x", text], task="NER", language="ja")


def test_a_text_of_100k_characters_is_refused_with_the_limit(model):
    with pytest.raises(OiellmError, match=r"text 2 has 100000 characters; .* takes 1024 tokens.*split the text"):
        model.extract_many(["x", "東" * 100_000], task="scnm", language="ja")


def holds(found, text):
    """What a constrained extraction promises."""
    assert found.failure is None and found.label
    for entity in found.entities:
        assert entity.text and text[entity.start : entity.end] == entity.text
    for relation in found.relations:
        for argument in relation.arguments:
            assert argument.text and text[argument.start : argument.end] == argument.text
    for item in found.unplaced:
        assert all(span.text in text for span in item.spans)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(hostile, min_size=1, max_size=3), task=st.sampled_from(["scnm", "Relation Extraction"]))
def test_random_weights_on_hostile_texts(talker, texts, task):
    found = talker.extract_many(texts, task=task, language="ja", max_new_tokens=100)
    for one, text in zip(found, texts, strict=True):
        holds(one, text)


@settings(max_examples=200)
@given(text=hostile, output=garbage)
def test_any_free_output_keeps_offsets_true(text, output):
    found = free(output, text=text)
    assert (found.label is None) == (found.failure is not None)
    for entity in found.entities:
        assert text[entity.start : entity.end] == entity.text


@pytest.mark.parametrize("task", ["scnm", "NER", "scpos_n", "Relation Extraction", "Event Extraction"])
def test_random_weights_keep_to_the_form_when_cut(talker, task):
    text = f"{TEXT}/NER/:人名;x"
    found = talker.extract(text, task=task, language="ja", max_new_tokens=300)
    holds(found, text)
    assert found.entities or found.relations or task == "scpos_n"  # for which these weights want no item
    word = task if task in REGISTRY.task_words else REGISTRY.tasks[task].words[0]
    assert parse(found.output, word).label == found.label
    text_labels, word_labels = labels_asked(task, "ja")
    assert text_labels is None or found.label in text_labels
    assert word_labels is None or all(one.label in word_labels for one in (*found.entities, *found.relations))


def test_a_cut_output_says_so(talker):
    tasks = ("scnm", "Relation Extraction", "Event Extraction")
    found = [talker.extract(TEXT, task=task, language="ja", max_new_tokens=60) for task in tasks]
    for one in found:
        holds(one, TEXT)
    assert any(one.cut for one in found)
    assert free("社会/NER/:地名;東").cut is False


def test_batches_give_what_single_texts_give(talker):
    texts = [TEXT, "東京", "Brando/NER", "a:b;c"]
    options = {"task": "scnm", "language": "ja", "max_new_tokens": 60}
    assert talker.extract_many(texts, **options) == [talker.extract(text, **options) for text in texts]


def test_too_few_new_tokens_for_the_form_are_refused(talker):
    with pytest.raises(OiellmError, match="max_new_tokens 4 is too small"):
        talker.extract(TEXT, task="scnm", language="ja", max_new_tokens=4)


@pytest.mark.slow
def test_the_registry_and_errors_need_no_torch(folder):
    code = (
        "import sys, oiellm.predict.extract, oiellm.predict.run, oiellm.predict.store, oiellm.predict.local\n"
        "import oiellm.predict.endpoint, oiellm.predict.continuous\n"
        "print([name for name in ('torch', 'transformers', 'openai', 'pyarrow', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout.replace("'", '"')) == [], done.stderr


def test_a_list_a_file_and_one_text(tmp_path):
    (tmp_path / "texts.txt").write_text("\ufeff1\n\n2\r\n", encoding="utf-8")
    options = {"task": "NER", "language": "en", "constrain": False}
    for texts in (["1", "2"], iter(["1", "2"]), tmp_path / "texts.txt"):
        found = Extractor(Says("a/NER/", "b/NER/"), REGISTRY).extract(texts, **options)
        assert [(one.text, one.label) for one in found] == [("1", "a"), ("2", "b")]
    assert Extractor(Says("a/NER/"), REGISTRY).extract("1\n\n2", **options).text == "1\n\n2"
    with pytest.raises(OiellmError, match=r"gone\.txt: cannot be read"):
        Extractor(Says(), REGISTRY).extract(tmp_path / "gone.txt", **options)


def test_nothing_is_said_twice():
    found = free("社会/Relation Extraction/" + ":王;出身;東京" * 3 + ":", task="Relation Extraction")
    assert len(found.relations) == 1
    found = free("社会/NER/" + ":地名;大阪" * 3 + ":人名;王" * 3)
    assert found.entities == (Entity("人名", "王", 0, 1),)
    assert [item.spans[0].text for item in found.unplaced] == ["大阪", "王"]
    found = free("社会/NER/" + ":地名;東京" * 9, constrain=True, task="scnm")
    assert len(found.entities) == 2 and found.unplaced == () and found.output == "社会/NER/:地名;東京:地名;東京"


class Names:
    """An engine that finds every Kazan of its text, surely, and the label of what it sees."""

    name, model, dtype, positions = "transformers", "double", "float32", 77

    def generate(self, requests, max_new_tokens):
        for request in requests:
            text = request.prompt.removesuffix("/NER")
            label = "Society" if "vote" in text else "Literature"
            output = f"{label}/NER/{':Person;Kazan' * text.count('Kazan')}"
            tokens = (Token(0, len(label), 0.5), Token(len(label), len(output), 0.75))
            yield Reply(request.key, output, "stop", 1, 0, tokens)


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(["Kazan", "a", ". ", "\n", "。", "vote", " "]), min_size=1, max_size=60),
    st.integers(12, 60),
)
def test_windows_find_what_is_there_at_its_place_and_once(words, window):
    text = "".join(words)
    found = Extractor(Names(), REGISTRY).extract_long(text, task="scnm", language="en", window=window)
    places = [at for at in range(len(text)) if text.startswith("Kazan", at)]
    sentences = re.split(r"(?<=[.。\n])", text)
    if all(len(one) <= window // 2 for one in sentences):  # else a sentence is cut, perhaps within a name
        assert sorted((one.start, one.end) for one in found.entities) == [(at, at + 5) for at in places]
    assert {one.start for one in found.entities} <= set(places)
    assert len(found.entities) == len({one.start for one in found.entities})
    assert {one.confidence for one in found.entities} <= {0.75} and found.text == text


def test_a_name_at_a_cut_is_found_whole():
    text = "x" * 40 + "Kazan" + "y" * 200
    for window in range(40, 60):
        found = Extractor(Names(), REGISTRY).extract_long(text, task="scnm", language="en", window=window)
        assert [(one.start, one.end) for one in found.entities] == [(40, 45)]


def test_the_label_of_a_long_text_is_that_of_most_of_it():
    text = "Kazan. " * 30 + "vote. " * 10
    found = Extractor(Names(), REGISTRY).extract_long(text, task="scnm", language="en", window=60)
    assert found.label == "Literature" and 0.3 < found.label_confidence < 0.45
    short = Extractor(Names(), REGISTRY).extract_long("Kazan", task="scnm", language="en")
    assert short == Extractor(Names(), REGISTRY).extract("Kazan", task="scnm", language="en")
    assert short.label_confidence == 0.5


def test_two_closed_tasks_that_differ_are_named():
    registry = Extractor(Says(), REGISTRY)
    config = REGISTRY.config("ja_scnm")
    task = replace(REGISTRY.task("scnm"), code="other", word_labels={"NER": "scpos_word"})
    more = replace(
        REGISTRY,
        tasks={**REGISTRY.tasks, "other": task},
        configs={**REGISTRY.configs, "ja_other": replace(config, name="ja_other", task="other")},
    )
    with pytest.raises(OiellmError, match="'scnm' or 'tconer' or 'other'"):
        Extractor(Says(), more).extract("x", task="NER", language="ja")
    assert registry._resolve("NER", "ja") == registry._resolve("scnm", "ja")


def test_confidence_is_the_models_own(model):
    found = model.extract(TEXT, task="scnm", language="ja", max_new_tokens=60)
    assert 0 <= found.label_confidence <= 1
    assert all(0 <= one.confidence <= 1 for one in found.entities)
