"""Algorithm 1 to the letter, and what paper mode makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given

from mmm_f1 import score
from mmm_f1.paper import parse_output
from tests.strategies import garbage


def test_examples():
    assert parse_output("Literature/NER/:Person;Kazan:Person;Kazan", "/NER/", False) == (
        "Literature",
        {("Person", "Kazan")},
    )
    assert parse_output(" a /NER/ : x;y : z ", "/NER/", False) == ("a", {("",), ("x", "y"), ("z",)})
    assert parse_output("a/NER/:x;y/NER/:z;w", "/NER/", False) == ("a", {("x", "y/NER/"), ("z", "w")})
    assert parse_output("a/NER/", "/NER/", False) == ("a", set())
    assert parse_output("a:x;y", "/NER/", False) == ("", set())
    assert parse_output("法/NER/:法人名;J:COM春日部", "/NER/", False) == ("法", {("法人名", "J"), ("COM春日部",)})


def test_tcree_is_one_element():
    mark = "/Relation Extraction/"
    assert parse_output(f"s{mark}:a;r;b:c;r;d:", mark, True) == ("s", {(":a", "r", "b:c", "r", "d:")})
    assert parse_output(f"s{mark}", mark, True) == ("s", {("",)})


@given(garbage)
def test_agrees_with_a_naive_transcript(output):
    label, pairs = parse_output(output, "/NER/", False)
    at = output.find("/NER/")
    assert label == ("" if at < 0 else output[:at].strip())
    rest = "" if at < 0 else output[at + 5 :]
    assert pairs == {tuple(p.strip().split(";")) for p in rest.split(":") if p}


def test_unparsable_is_wrong_even_against_unparsable():
    result = score(["nothing", "x/NER/"], ["nothing", "x/NER/"], mode="paper")
    assert (result["tl_correct"], result["all_correct"]) == (1, 1)
    assert result["parse_failures"]["no_task_word"] == result["reference_failures"] == 1
    assert result["protocol"] == "mode=paper matching=set"


def test_empty_is_right_for_all_and_nothing_for_wl():
    result = score(["x/NER/"], ["x/NER/"], mode="paper")
    assert (result["tl"], result["wl"], result["all"], result["wl_mean_row_f1"]) == (1, 0, 1, 0)


def test_the_word_is_that_of_the_reference_row():
    gold = ["s/Relation Extraction/:a;r;b:", "s/Event Extraction/:a;e;b;c:"]
    assert score(gold, gold, mode="paper")["wl"] == 1
    assert score(gold[::-1], gold, mode="paper")["parse_failures"]["no_task_word"] == 2
    partly = score(["s/Relation Extraction/:a;r;b:c;r;d:"], ["s/Relation Extraction/:a;r;b:"], mode="paper")
    assert partly["pairs_correct"] == 0 and partly["pairs_gold"] == 1


def test_quirks_are_kept_that_the_default_mode_has_not():
    gold, predicted = ["x/NER/:A;p:B;q"], ["x/NER/A;p:B;q:"]
    assert score(predicted, gold, mode="paper")["all"] == 1
    assert score(predicted, gold)["all"] == 0


@pytest.mark.parametrize("options", [{"matching": "multiset"}, {"extended": True}])
def test_what_algorithm_1_does_not_define_is_refused(options):
    with pytest.raises(ValueError, match="mode='default'"):
        score(["x/NER/"], ["x/NER/"], mode="paper", **options)


def test_keys_it_does_not_define_are_absent():
    result = score(["x/NER/:a;b"], ["x/NER/:a;b"], ["b"], ["c"], mode="paper")
    assert not {"wl_by_label", "wl_macro_f1", "hallucinated_entity_rate", "unknown_label_rate"} & set(result)
    assert result["by_config"]["c"]["wl"] == 1
