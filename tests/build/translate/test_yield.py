"""Against a double that loses one tag in ten and makes every other mistake in one reply of fifty, and knows the truth."""

import json
import random
import re
from collections import Counter

import pytest

from build.markup import tag, untag
from build.row_checks import Report, check_row
from build.translate.tagging import take_apart
from build.translate.yields import Yield
from mmm_dataset.schema import to_row
from tests.double.trial import FOURTEEN, Mistakes, attempt, embedded

SEEDS = range(4)
RIGHT = {  # what a mistake may lead to, if nothing repaired it
    "lost": {"lost_tag", "doubled_tag", "broken_tag"},
    "doubled": {"doubled_tag", "lost_tag"},
    "broken": {"broken_tag", "lost_tag", "markup_left"},
    "malformed": {"malformed_reply"},
    "kana": {"residual_kana"},
    "kanji": {"residual_kanji", "copied_span", "copied_run"},
    "echo": {"prompt_leak", "residual_kana", "residual_kanji", "untranslated_copy", "wrong_language", "length_ratio"},
    "wrong_language": {"wrong_language", "residual_kanji", "residual_kana", "length_ratio", "lost_tag"},
    "truncated": {"truncated", "unfinished", "length_ratio", "lost_tag", "malformed_reply"},
    "not_in_text": {"lost_tag", "doubled_tag", "broken_tag"},
    "wrapped": {"added_text", "markup_left"},
    "inside": {"markup_left", "span_mark", "invalid_row"},
    "swapped": {"lost_tag"},
    "absent": {"no_counterpart", "lost_tag", "doubled_tag"},
}


@pytest.fixture(scope="module")
def rows():
    return embedded()


@pytest.mark.slow
@pytest.mark.parametrize("config, target", FOURTEEN)
def test_each_run_keeps_97_percent_whole_and_no_bad_row(rows, config, target):
    records, registry = rows
    found, wrong = Yield(), 0
    for seed in SEEDS:
        trial = attempt(records, registry, config, target, Mistakes.usual(seed))
        for row, _, mistakes in trial.wrong:  # the blind spots: swapped tags, and a word that both languages write
            assert "swapped" in mistakes or ("kanji" in mistakes and target == "zh"), (row.text, mistakes)
        wrong += trial.bad["text"] + trial.bad["items"]
        found.merge(trial.found)
        for drop, mistakes in trial.drops:
            assert any(drop.reason in RIGHT[kind] for kind in mistakes if kind in RIGHT), (drop, mistakes)
            assert drop.raw is not None and drop.id.startswith(config)
        report = Report()
        for row in trial.rows:
            check_row(to_row(row, registry.task_words), row.config, registry, row.id, report)
        assert not report.errors, report
    assert found.rows == len(SEEDS) * sum(row.config == config for row in records)
    assert found.whole / found.rows >= 0.97, found.as_dict()
    assert wrong <= 0.01 * found.rows
    assert found.rows == found.whole + found.minus_items + found.reasons.total()


@pytest.mark.slow
def test_the_papers_way_keeps_far_fewer_and_some_bad_ones(rows):
    found, bad = Yield(), Counter()
    for config, target in FOURTEEN:
        trial = attempt(*rows, config, target, Mistakes.usual(0), method="paper")
        found.merge(trial.found)
        bad.update(trial.bad)
    assert 0.5 < found.whole / found.rows < 0.75  # the paper's own: 64.7 %
    assert bad["text"] > 0  # its filters are blind to kanji, wrong languages, and what is cut
    assert {"entity_not_in_text", "malformed_reply", "residual_kana", "wrong_labels"} == set(found.reasons)


KANA, KANJI = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]{2}"), re.compile(r"[\u4e00-\u9fff]{2}")


@pytest.mark.parametrize("fault, runs", [("kana", KANA), ("kanji", KANJI)])
def test_the_double_makes_a_mistake_whenever_it_is_drawn_in_tags_and_outside(rows, fault, runs):
    from tests.double.translator import Translator

    double, made, outside = Translator(*rows, Mistakes(**{fault: 1.0})), 0, 0
    for row in rows[0]:
        if row.language == "ja" and runs.search(row.text):
            text = tag(row.text, take_apart(row).spans)
            messages = [{"content": "from Japanese to Chinese"}, {"content": json.dumps({"text": text})}]
            plain, _ = untag(json.loads(double.answer(messages, "m", 0))["translation"])
            assert plain != double.truth(row.text, "zh").text, row.id
            made += 1
            outside += double.made[-1][1].endswith(":")
    assert made == len(double.made) > 100 and 0.2 < outside / made < 1


def test_the_double_breaks_tags_in_many_ways():
    from tests.double.mistakes import broken

    said = {broken("a <1>b</1> c", 1, random.Random(seed)) for seed in range(200)}
    assert said >= {"a <1>b c", "a <1b</1> c", "a 1>b</1> c", "a <1>b</1 c", "a <x1>b</x1> c", "a [1]b[/1] c"}


def test_without_mistakes_both_ways_keep_everything(rows):
    for method in ("tags", "paper"):
        for config, target in (("ja_scnm", "zh"), ("ja_scpos_rw", "en"), ("en_tconer", "ja")):
            trial = attempt(*rows, config, target, Mistakes(), method=method)
            assert trial.found.whole == trial.found.rows and set(trial.bad) <= {"place"}, (method, config, target)


def test_what_has_no_counterpart_is_never_invented(rows):
    """A model that finds no counterpart for what it lost costs items, each with a note, and no row turns bad."""
    trial = attempt(*rows, "ja_scnm", "en", Mistakes(lost=0.5, absent=1.0))
    assert not trial.bad and trial.found.minus_items > 0
    kept = sum(len(row.items) for row in trial.rows)
    assert kept == trial.found.items_kept < trial.found.items


def test_a_stronger_model_saves_what_is_left(rows):
    hard = Mistakes(kana=0.5, malformed=0.3)
    weak = attempt(*rows, "ja_scnm", "zh", hard).found
    strong = attempt(*rows, "ja_scnm", "zh", hard, stronger="strong-model").found
    assert weak.whole < strong.whole == strong.rows and strong.repair_levels["stronger_model"] > 0


def test_a_double_gives_one_request_one_answer(rows):
    from tests.double.translator import Translator

    double = Translator(*rows, Mistakes.usual(3))
    text = '{"text": "高い。とにかく高い。駅前なら半額で食べられる。"}'
    messages = [
        {"role": "system", "content": "from Japanese to English"},
        {"role": "user", "content": text},
    ]
    assert len({str(double.answer(messages, "m", attempt)) for attempt in range(3)}) == 1
