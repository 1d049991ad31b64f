"""The scorer against a brute-force one, its invariants over hostile rows, and its definitions by example."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmm_f1 import Failure, Parsed, compare, parse, reading, render, score, scoring
from mmm_f1 import rows as columns
from mmm_f1.intervals import WIDTH
from mmm_f1.tolerant import read_output
from mmm_f1.unified import EMPTY_PIECE, MAX_LENGTH, PARSE_FAILURES, TASK_WORDS, input_word
from tests.strategies import garbage, items, rows, tame, texts_around

MATCHINGS = st.sampled_from(("set", "multiset"))
UNREADABLE = "I cannot help with that."
FIGURES = ("tl", "wl", "all", "wl_mean_row_f1", "wl_micro_precision", "wl_micro_recall", "tl_macro_f1", "wl_macro_f1")

few = st.sampled_from(("a", "b", "x:y", "p;q", "\\"))
readable = st.tuples(few, st.lists(st.tuples(few, few), max_size=4))
sides = st.one_of(st.none(), readable)
"""Label and pairs of one side, None for a side that cannot be read."""


def written(side):
    return UNREADABLE if side is None else render(side[0], "NER", side[1])


def values(result):
    """All numbers of a result, at any depth."""
    for value in result.values() if isinstance(result, dict) else result:
        if isinstance(value, (dict, list)):
            yield from values(value)
        elif not isinstance(value, str):
            yield value


# ------------------------------------------------------------------------------------------------------------- oracles


@given(st.lists(st.tuples(sides, readable), min_size=1), MATCHINGS)
@example([(None, ("a", [("a", "a"), ("a", "a")]))], "multiset")
@example([(("b", [("a", "a")]), ("a", [("a", "a"), ("a", "a")]))], "multiset")
@example([(("a", [("a", "a"), ("a", "a")]), ("a", [("a", "a")]))], "multiset")
def test_against_brute_force(pairs, matching):
    kept = (lambda pairs: Counter(set(pairs))) if matching == "set" else Counter
    hits = gold_pairs = predicted_pairs = tl = every = 0
    row_f1 = []
    for predicted, gold in pairs:
        left, right = kept(gold[1]), kept(predicted[1] if predicted else [])
        common = (left & right).total()
        hits, gold_pairs, predicted_pairs = hits + common, gold_pairs + left.total(), predicted_pairs + right.total()
        tl += predicted is not None and predicted[0] == gold[0]
        every += predicted is not None and predicted[0] == gold[0] and left == right
        size = left.total() + right.total()
        row_f1.append(2 * common / size if size else float(predicted is not None))
    result = score([written(p) for p, _ in pairs], [written(g) for _, g in pairs], matching=matching)
    failures = sum(predicted is None for predicted, _ in pairs)
    assert [result[key] for key in ("pairs_correct", "pairs_gold", "pairs_predicted")] == [
        hits,
        gold_pairs,
        predicted_pairs,
    ]
    assert (result["tl_correct"], result["all_correct"], result["rows"]) == (tl, every, len(pairs))
    size = gold_pairs + predicted_pairs
    assert result["wl"] == pytest.approx(2 * hits / size if size else float(not failures))
    assert result["wl_mean_row_f1"] == pytest.approx(sum(row_f1) / len(pairs))
    assert result["parse_failure_rate"] == failures / len(pairs)
    assert result["wl_by_label"] == by_label(pairs, kept)


def by_label(pairs, kept):
    table = {}
    for predicted, gold in pairs:
        left, right = kept(gold[1]), kept(predicted[1] if predicted else [])
        for name, side in (("hits", left & right), ("gold", left), ("predicted", right)):
            for (label, _), count in side.items():
                table.setdefault(label, Counter())[name] += count
    return {
        label: {
            "precision": n["hits"] / n["predicted"] if n["predicted"] else 0.0,
            "recall": n["hits"] / n["gold"] if n["gold"] else 0.0,
            "f1": 2 * n["hits"] / (n["gold"] + n["predicted"]),
            "gold": n["gold"],
            "predicted": n["predicted"],
        }
        for label, n in table.items()
    }


@st.composite
def any_rows(draw):
    """Prediction, reference, input, config and form of a row, all related, none trusted."""
    label, word, parts = draw(rows())
    form = draw(st.sampled_from(("escaped", "published")))
    reference = draw(st.one_of(st.just(render(label, word, parts, form=form)), garbage))
    changed = [*parts[1:], *draw(items(word))]
    prediction = draw(
        st.sampled_from((reference, render(label, word, changed, form=form), reference + ":", draw(garbage)))
    )
    text = draw(texts_around(word, parts)) + draw(st.sampled_from(("", f"/{word}")))
    return prediction, reference, text, draw(st.sampled_from("cd")), form


def by_grammar(columns, tally):
    """``reading.count`` without its fast way."""
    for (_, _, _, config, _), row in zip(columns, columns.rows(), strict=True):
        reading._count_by_grammar(tally, tally.pair_labels[config], row, columns.rules)
    return tally


@given(st.lists(any_rows(), min_size=1, max_size=5), MATCHINGS, st.booleans(), st.booleans())
@example([("A/NER/:P;x:Q;y", "A/NER/:P;x:Q;y", "x:Q;y", "c", "published")], "set", True, False)  # two readings
@example([("A/NER/:P;x:Q;z", "A/NER/:P;x", "x y", "c", "published")], "set", True, False)  # not in the text
@example([("A/NER/:P;x:Q;z", "A/NER/:P;x", "x y", "c", "published")], "set", True, True)
def test_fast_path_equals_the_grammar(drawn, matching, with_inputs, with_sets):
    predictions, references, inputs, configs, forms = map(list, zip(*drawn, strict=True))
    label_sets = {"c": {"a", "x:y", "人名"}, "d": None} if with_sets else None
    arguments = (predictions, references, inputs if with_inputs else None, configs)
    options = {"matching": matching, "form": forms, "label_sets": label_sets}
    fast = score(*arguments, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "count", by_grammar)
        assert score(*arguments, **options) == fast
    json.dumps(fast)
    assert all(0 <= fast[key] <= 1 for key in FIGURES)


@given(st.sampled_from(("", "a", "a:b;", " a\n", " ")), st.text(st.sampled_from(":;abc/\n "), max_size=12))
def test_split_equals_the_grammar(label, rest):
    output = f"{label}/NER/{rest}"
    expected = read_output(output, "NER")
    for multiset in (False, True):
        items, broken = expected.items, expected.broken
        if not multiset:
            items, broken = list(dict.fromkeys(items)), list(dict.fromkeys(broken))
        side = reading._split(output, "/NER/", multiset)
        assert side[0] == expected.label and pairs_of(side) == items and side[4] == expected.stripped
        assert side[2] == (len(set(expected.items)) != len(expected.items))
        kinds = Counter(kind for _, kind in broken)
        assert side[3] == kinds + Counter({"empty_label": expected.label is None, EMPTY_PIECE: expected.empty})
    parsed = parse(output, "NER")
    strict = read_output(output, "NER", strict=True)
    if isinstance(parsed, Failure):  # blanks alone can make it readable
        assert isinstance(strict, Failure) or strict.stripped
    else:
        assert [tuple(f.strip() or f for f in item) for item in parsed.items] == list(strict.items)
    assert reading._split(rest, "/NER/", False) == "no_task_word"


def pairs_of(side):
    return [(label, entity) for label, _, entity in side[1].values()]


# ---------------------------------------------------------------------------------------------------------- invariants


@given(st.lists(rows(), min_size=1, max_size=5), MATCHINGS, st.data())
def test_gold_against_gold_is_exactly_one(drawn, matching, data):
    gold = [render(*row) for row in drawn]
    inputs = [data.draw(texts_around(word, parts)) + f"/{word}" for _, word, parts in drawn]
    result = score(gold, gold, inputs, ["c"] * len(gold), matching=matching, extended=True, resamples=5)
    assert all(result[key] == 1.0 for key in FIGURES)
    assert all(value == 1.0 for key, value in result.items() if key.endswith("_f1"))
    assert result["all_mean_over_configs"] == result["tl_normalised"] == 1.0
    assert result["wl_ci95"][1] == result["all_ci95"][1] == 1.0
    assert result["unknown_label_rate"] == 0.0
    assert result["hallucinated_entity_rate"] == 0.0
    assert result["parse_failure_rate"] == result["reference_failures"] == 0
    assert result["pairs_gold"] == sum(len(parts if matching == "multiset" else set(parts)) for _, _, parts in drawn)


@given(st.lists(rows(), min_size=1, max_size=4), MATCHINGS, st.data())
def test_gold_against_gold_in_published_form(drawn, matching, data):
    drawn = [(data.draw(tame), word, data.draw(published_items(word))) for _, word, _ in drawn]
    gold = [render(*row, form="published") for row in drawn]
    inputs = [data.draw(texts_around(word, parts)) for _, word, parts in drawn]
    if data.draw(st.booleans()) or any(map(input_word, inputs)):  # a text that looks like an input is taken for one
        inputs = [f"{text}/{word}" for text, (_, word, _) in zip(inputs, drawn, strict=True)]
    result = score(gold, gold, inputs, form="published", matching=matching, extended=True)
    assert all(result[key] == 1.0 for key in FIGURES)
    assert all(value == 1.0 for key, value in result.items() if key.endswith("_f1"))


@st.composite
def published_items(draw, word):
    """Hostile entities under labels without separators, as published files have them; a blank one is none there."""
    roles = TASK_WORDS[word]
    drawn = [item for item in draw(items(word)) if not any(field.isspace() for field in item)]
    label = tame.filter(str.strip)
    return [
        tuple(draw(label) if role == "LABEL" else field for field, role in zip(i, roles, strict=True)) for i in drawn
    ]


@given(st.lists(st.tuples(sides, sides), min_size=1), MATCHINGS, st.integers(1, 4))
def test_duplicates_never_push_a_score_over_one(pairs, matching, times):
    predictions = [written(p and (p[0], p[1] * times)) for p, _ in pairs]
    result = score(predictions, [written(g) for _, g in pairs], matching=matching, extended=True)
    assert all(0 <= value <= 1 for key, value in result.items() if isinstance(value, float))
    if times > 1 and matching == "set":
        once = score([written(p) for p, _ in pairs], [written(g) for _, g in pairs])
        assert {key: result[key] for key in FIGURES} == {key: once[key] for key in FIGURES}


@given(st.lists(st.tuples(readable, readable), min_size=1), MATCHINGS)
def test_precision_and_recall_change_places_with_the_sides(pairs, matching):
    a, b = ([written(side) for side in column] for column in zip(*pairs, strict=True))
    one, other = score(a, b, matching=matching), score(b, a, matching=matching)
    assert one["wl"] == other["wl"] and one["all"] == other["all"]
    if one["pairs_gold"] and one["pairs_predicted"]:
        assert one["wl_micro_precision"] == other["wl_micro_recall"]


# ------------------------------------------------------------------------------------------------------------ by example


def test_by_hand():
    gold = ["A/NER/:P;x:P;y", "B/NER/", "A/NER/:Q;z"]
    predicted = ["A/NER/:P;x", "B/NER/", "B/NER/:Q;z:Q;z:P;w"]
    result = score(predicted, gold)
    assert (result["tl"], result["wl"], result["all"]) == (2 / 3, 2 * 2 / 6, 1 / 3)
    assert result["wl_mean_row_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert (result["wl_micro_precision"], result["wl_micro_recall"]) == (2 / 3, 2 / 3)
    assert result["tl_macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert result["wl_macro_f1"] == pytest.approx((2 / 4 + 1) / 2)
    assert result["repeated_pair_rows"] == 1
    assert result["protocol"] == "mode=default matching=set form=escaped"
    multiset = score(predicted, gold, matching="multiset")
    assert (multiset["wl"], multiset["pairs_predicted"]) == (2 * 2 / 7, 4)


def test_nothing_on_either_side_is_one_and_unparsable_is_not():
    right = score(["A/NER/"], ["A/NER/"])
    assert all(right[key] == 1.0 for key in FIGURES)
    wrong = score([UNREADABLE], ["A/NER/"])
    assert all(wrong[key] == 0.0 for key in FIGURES)
    one_sided = score(["A/NER/"], ["A/NER/:P;x"])
    assert (one_sided["wl"], one_sided["wl_micro_precision"], one_sided["wl_micro_recall"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("prediction", "kind"),
    [(UNREADABLE, "no_task_word"), ("/NER/", "empty_label"), ("A/NER/:x", "broken_pair"), ("A/NER/:x;", "empty_field")],
)
@pytest.mark.parametrize("reference", ["A/NER/:P;x", "A/NER/:P;x\\:"])
def test_failures_are_counted_by_kind(prediction, kind, reference):
    result = score([prediction], [reference], ["x"], strict=True)
    assert result["parse_failures"] == {**NONE_FAILED, kind: 1}
    assert (result["pairs_gold"], result["pairs_predicted"], result["tl_correct"]) == (1, 0, 0)
    result = score([prediction], [reference], ["x"])
    assert result["parse_failures"] == {**NONE_FAILED, kind: 1}
    read = prediction[0] == "A"
    assert (result["pairs_gold"], result["pairs_predicted"], result["tl_correct"]) == (1, read, read)


# --------------------------------------------------------------------------------------------- broken outputs and blanks

CUT = (":Q", ":Q;", ":;y", ":Q;y;z", ":garbage")
"""Broken pieces: what is left of a pair, too much of one, something else."""
NONE_FAILED = dict.fromkeys((*PARSE_FAILURES, EMPTY_PIECE), 0)


def broken_rows(piece, entity):
    """A gold, and predictions that hold all of it and a broken piece."""
    predictions = [f"A/NER/:P;x:R;{entity}{piece}", f"A/NER/:P;x{piece}:R;{entity}", f"A/NER/{piece}:P;x:R;{entity}"]
    return [f"A/NER/:P;x:R;{entity}"] * 3, predictions, [f"x y {entity}"] * 3


@pytest.mark.parametrize("entity", ["z", "\\z"])
@pytest.mark.parametrize("piece", CUT)
def test_a_broken_output_loses_what_is_broken_and_no_more(piece, entity):
    gold, predictions, _ = broken_rows(piece, entity)
    kind = "empty_field" if piece in (":Q;", ":;y") else "broken_pair"
    result = score(predictions, gold)
    assert (result["tl"], result["wl"], result["all"], result["parse_failure_rate"]) == (1, 0.8, 0, 1)
    assert (result["pairs_correct"], result["pairs_predicted"], result["pairs_gold"]) == (6, 9, 6)
    assert {kind: n for kind, n in result["parse_failures"].items() if n} == {kind: 3}
    strict = score(predictions, gold, strict=True)
    assert strict["protocol"] == f"{result['protocol']} strict"
    assert (strict["tl"], strict["wl"], strict["all"], strict["pairs_predicted"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("form", ["escaped", "published"])
@pytest.mark.parametrize("word", ["NER", "Relation Extraction", "Event Extraction"])
@pytest.mark.parametrize("empty", [":", ":\n", "::", ": :"])
@pytest.mark.parametrize("text", ["x y", None])
def test_an_empty_piece_predicts_nothing_and_is_counted(form, word, empty, text):
    items = {"NER": ("P", "x"), "Relation Extraction": ("x", "P", "y"), "Event Extraction": ("x", "P", "", "y")}
    pairs = render("A", word, [items[word]], form=form)
    last = render("A", word, [(*items[word][:-1], "z")], form=form).removeprefix(f"A/{word}/")
    gold = [f"{pairs.removesuffix(':')}{last}", pairs, f"A/{word}/"]
    predictions = [f"{pairs.removesuffix(':')}{empty}{last}", f"{pairs}{empty}", f"A/{word}/{empty}"]
    texts = None if text is None else [f"{text} z"] * 3
    result = score(predictions, gold, texts, form=form, extended=True)
    assert all(result[key] == 1 for key in ("tl", "wl", "all", "wl_mean_row_f1", "span_micro_f1"))
    assert {kind for kind, n in result["parse_failures"].items() if n} == {EMPTY_PIECE}
    closing = word != "NER" and empty.count(":") == 2  # the last one of the third row closes an item
    assert result["parse_failures"][EMPTY_PIECE] == 3 * empty.count(":") - closing
    assert result["parse_failure_rate"] == 0
    broken = score([f"{gold[0]}{empty}Q"], gold[:1], form=form, strict=form == "escaped")
    assert broken["all"] == 0
    strict = score(predictions, gold, texts, form=form, strict=True)
    assert strict["all"] == (form == "published")
    assert strict["parse_failures"]["broken_pair"] == (3 if form == "escaped" else 0)
    assert score(predictions, gold, mode="paper")["parse_failures"] == NONE_FAILED


@pytest.mark.parametrize("piece", [":Q", ":Q;", ":;y", ":garbage"])
def test_so_it_is_in_published_form_where_the_text_tells(piece):
    gold, predictions, texts = broken_rows(piece, "z")
    for label_sets in (None, {"c": {"P", "Q", "R"}}):
        result = score(predictions, gold, texts, ["c"] * 3, label_sets=label_sets, form="published")
        assert (result["tl"], result["all"], result["parse_failure_rate"]) == (1, 0, 1)
        assert (result["pairs_correct"], result["pairs_predicted"], result["pairs_gold"]) == (6, 9, 6)
    whole = "学問/NER/:法人名;J:COM春日部:地名;春日部"
    for cut in (":地名", ":地名;"):
        for texts in (["J:COM春日部は春日部に"], None):
            result = score([whole + cut], [whole], texts, form="published")
            assert (result["pairs_correct"], result["pairs_predicted"]) == (2, 3)


def test_broken_pieces_are_a_set_or_a_multiset():
    gold, prediction = ["A/NER/:P;x"], ["A/NER/:P;x:Q:Q:R;"]
    for matching, broken in (("set", 2), ("multiset", 3)):
        result = score(prediction, gold, matching=matching, extended=True)
        assert (result["pairs_correct"], result["pairs_predicted"]) == (1, 1 + broken)
        assert sum(result["parse_failures"].values()) == broken
        assert result["span_micro_f1"] == result["wl"] == 2 / (2 + broken)


def test_a_row_without_its_label_keeps_its_pairs():
    result = score(["/NER/:P;x"], ["A/NER/:P;x"])
    assert (result["tl"], result["wl"], result["all"]) == (0, 1, 0)
    tuples = score(["A/Relation Extraction/:a;r;b:c;r"], ["A/Relation Extraction/:a;r;b:"])
    assert (tuples["tl"], tuples["pairs_correct"], tuples["pairs_predicted"]) == (1, 1, 2)


def test_a_broken_reference_is_not_read():
    result = score(["A/NER/:P;x", "A/NER/:P;x:Q"], ["A/NER/:P;x:Q"] * 2)
    assert (result["reference_failures"], result["tl"], result["pairs_gold"], result["all"]) == (2, 0, 0, 0)
    assert result["parse_failures"]["broken_pair"] == 1


@pytest.mark.parametrize("blank", [" ", "\n", "\u3000", "\r\n"])
@pytest.mark.parametrize("word", ["NER", "Relation Extraction", "Event Extraction"])
@pytest.mark.parametrize("form", ["escaped", "published"])
def test_blanks_at_the_ends_do_not_count(blank, word, form):
    items = {"NER": ("P", "x\\a"), "Relation Extraction": ("x", "P", "y"), "Event Extraction": ("x", "P", "", "y")}[
        word
    ]
    gold = render("A", word, [items, (*items[:-1], "z")], form=form)
    for old, new in (("A", f"{blank}A"), ("A/", f"A{blank}/"), (";", f"{blank};{blank}"), (":", f"{blank}:{blank}")):
        assert_equal_but_blank(gold.replace(old, new), gold, form)
    assert_equal_but_blank(gold + blank, gold, form)


def assert_equal_but_blank(prediction, gold, form):
    for strict in (False, True):
        for pair in ((prediction, gold), (gold, prediction)):
            result = score([pair[0], gold], [pair[1], gold], ["x\\a y z"] * 2, form=form, strict=strict, extended=True)
            assert all(result[key] == 1 for key in ("tl", "wl", "all", "span_micro_f1", "tl_normalised"))
            assert (result["stripped_rows"], result["parse_failure_rate"], result["reference_failures"]) == (1, 0, 0)


def test_a_reference_that_cannot_be_read_is_wrong_and_counted():
    result = score(["A/NER/:P;x", UNREADABLE], ["A:P;x", UNREADABLE])
    assert (result["reference_failures"], result["tl"], result["wl"], result["all"]) == (2, 0, 0, 0)
    assert (result["pairs_predicted"], result["pairs_gold"]) == (1, 0)
    assert result["parse_failures"]["no_task_word"] == 1
    for unclosed in ("A/NER:", "NER:"):
        result = score(["A/Sentiment N/:P;x"], [unclosed])
        assert (result["reference_failures"], result["pairs_predicted"], result["parse_failure_rate"]) == (1, 1, 0)


def test_keys_that_need_a_column_are_absent_without_it():
    gold = ["A/NER/:P;x"]
    plain, full = score(gold, gold, extended=True), score(gold, gold, ["x"], ["c"], extended=True)
    grounding = {"hallucinated_entity_rate", "hallucinated_entities", "predicted_entities"}
    grounding |= {f"wl_{name}_micro_f1" for name in ("offset", "exact", "partial", "type")}
    configs = {"by_config", "unknown_label_rate", "unknown_label_pairs", "unknown_label_sets"}
    configs |= {f"{name}_mean_over_configs" for name in ("tl", "wl", "all")}
    assert set(full) - set(plain) == grounding | configs
    assert not {key for key in score(gold, gold) if "_ci" in key or "span" in key}
    assert {"tl_ci95", "wl_ci95"} <= set(score(gold, gold, resamples=2))


def test_hallucinated_entities():
    result = score(
        ["A/NER/:P;x:P;y", "A/Relation Extraction/:x;r;q:"], ["A/NER/", "A/Relation Extraction/"], ["x", "x q"]
    )
    assert (result["hallucinated_entities"], result["predicted_entities"]) == (1, 4)
    assert score(["A/NER/:P;NER"], ["A/NER/"], ["x/NER"])["hallucinated_entities"] == 1
    for twice in ("A/NER/:P;x:P;x", "A/NER/:P;x\\::P;x\\:"):
        for matching, size in (("set", 1), ("multiset", 2)):
            assert score([twice], ["A/NER/"], ["-"], matching=matching)["hallucinated_entities"] == size


def test_unknown_labels_and_configs():
    gold = ["A/NER/:P;x", "A/NER/:Q;x", "A/NER/:R;x"]
    predicted = ["A/NER/:Q;x", "A/NER/:Q;x", "A/NER/:Z;x"]
    result = score(predicted, gold, configs=["c", "d", "e"], label_sets={"d": {"P"}, "e": None})
    assert result["unknown_label_sets"] == {"c": "references", "d": "given", "e": "open"}
    assert (result["unknown_label_pairs"], result["unknown_label_rate"]) == (2, 1.0)
    assert {name: row["wl"] for name, row in result["by_config"].items()} == {"c": 0, "d": 1, "e": 0}
    assert result["wl_mean_over_configs"] == pytest.approx(1 / 3)
    assert "unknown_label_rate" not in score(gold, gold, configs=["c"] * 3, label_sets={"c": None})


def test_extended_figures():
    text = ["東京大学は東京にある。"]
    result = score(
        ["Ａ/NER/:地名．;東京:施設名;東京大学は"], ["a/NER/:地名.;東京:施設名;東京大学"], text, extended=True
    )
    assert (result["tl"], result["tl_normalised"]) == (0, 1)
    assert (result["wl"], result["wl_normalised_label_micro_f1"], result["span_micro_f1"]) == (0, 0.5, 0.5)
    places = [result[f"wl_{name}_micro_f1"] for name in ("offset", "exact", "partial", "type")]
    assert places == [0, 0.5, 0.75, 0.5]
    twice = score(["A/NER/:P;x:P;x"], ["A/NER/:P;x"], ["x x"], extended=True)
    assert (twice["wl"], twice["wl_offset_micro_f1"]) == (1, 2 / 3)


def test_partial_matches_are_one_to_one():
    result = score(["A/NER/:P;東京大学"], ["A/NER/:P;東京:P;大学"], ["東京大学"], extended=True)
    assert result["wl_type_micro_f1"] == pytest.approx(2 / 3)
    assert result["wl_partial_micro_f1"] == pytest.approx(1 / 3)


def test_a_prediction_takes_the_closest_gold_it_overlaps():
    gold, predicted = ["A/NER/:P;aa:P;bbbbbb"], ["A/NER/:P;aa bbbbbb:P;a"]
    places = {"prediction_offsets": [[(0, 9), (1, 2)]], "reference_offsets": [[(0, 2), (3, 9)]]}
    result = score(predicted, gold, **places, extended=True)
    assert [result[f"wl_{name}_micro_f1"] for name in ("offset", "exact", "partial", "type")] == [0, 0, 0.25, 1]


def test_offsets_that_both_sides_state_are_used():
    text, gold = ["Ms. Lee, Kim and Kim"], ["A/NER/:P;Kim"]
    assert score(gold, gold, text, extended=True)["wl_offset_micro_f1"] == 1
    for matching in ("set", "multiset"):
        options = {"matching": matching, "extended": True}
        result = score(gold, gold, text, prediction_offsets=[[(9, 12)]], reference_offsets=[[(17, 20)]], **options)
        assert (result["wl"], result["all"], result["wl_offset_micro_f1"], result["span_micro_f1"]) == (0, 0, 0, 1)
        assert result["protocol"].endswith("offsets=stated") and result["wl_by_label"]["P"]["predicted"] == 1
        both = [[(9, 12), (17, 20)]]
        twice = score(["A/NER/:P;Kim:P;Kim"], gold, prediction_offsets=both, reference_offsets=[[(17, 20)]], **options)
        assert (twice["wl"], twice["wl_offset_micro_f1"]) == (2 / 3, 2 / 3)
    for one in (None, [None], [[None]]):  # one side alone states them
        assert score(gold, gold, text, prediction_offsets=one, reference_offsets=[[(9, 12)]])["all"] == 1
    compared = compare(gold, gold, gold, offsets_a=[[(9, 12)]], offsets_b=[[(17, 20)]], reference_offsets=[[(17, 20)]])
    assert (compared["wl"]["a"], compared["wl"]["b"], compared["fixed"]) == (0, 1, [0])


def test_published_rows_are_read_with_text_and_label_sets():
    gold = ["社会/NER/:法人名;J:COM春日部", "社会/NER/:無い;"]
    result = score(gold, gold, ["J:COM春日部", "x"], form="published")
    assert (result["pairs_gold"], result["wl"], result["ambiguous_rows"]) == (1, 1, 0)
    ambiguous = score(["A/NER/:A;x:B;y"], ["A/NER/:A;x:B;y"], ["x:B;y"], form="published")
    assert ambiguous["ambiguous_rows"] == 1
    mixed = score(["A/NER/:P;x\\:y"] * 2, ["A/NER/:P;x\\:y"] * 2, ["x:y x\\:y"] * 2, form=["escaped", "published"])
    assert mixed["hallucinated_entities"] == 0 and mixed["protocol"].endswith("form=escaped+published")


def test_a_label_that_holds_another_task_word():
    row = ("a/Sentiment N/b", "NER", [("P", "x")])
    gold = [render(*row)]
    assert gold == ["a\\/Sentiment N/b/NER/:P;x"]
    result = score(gold, gold, ["x/NER"])
    assert (result["pairs_correct"], result["reference_failures"], result["hallucinated_entities"]) == (1, 0, 0)
    published = [render(*row, form="published")]
    assert score(published, published, ["x"], form="published")["reference_failures"] == 1
    for mode in ("default", "paper"):
        settled = score(published, published, ["x/NER"], form="published", mode=mode)
        assert (settled["pairs_correct"], settled["reference_failures"]) == (1, 0)


def test_the_input_settles_the_word_of_a_published_row():
    gold = ["a/NER/b/Relation Extraction/:h;r;t:"]
    failures = {
        form: [
            score(gold, gold, inputs, form=form)["reference_failures"] for inputs in (None, ["h t/Relation Extraction"])
        ]
        for form in ("published", "escaped")
    }
    assert failures == {"published": [1, 0], "escaped": [1, 1]}  # no escaped string is written like that
    plain, text = ["a/NER/:P;x/Sentiment N/:P;x"], "x/Sentiment N/"
    sizes = [score(plain, plain, [text + end], form="published")["pairs_gold"] for end in ("", "/NER", "/Sentiment N")]
    assert sizes == [2, 2, 1]
    pairs = ["a/NER/:P;x"]
    assert score(pairs, pairs, ["x/Sentiment N"], form="published")["reference_failures"] == 0  # not in the output


def test_own_task_words():
    words = {"POS": ("LABEL", "entity"), "Triple": ("head", "LABEL", "tail")}
    gold = ["A/POS/:P;x", "A/Triple/:h;r;t:"]
    result = score(gold, gold, task_words=words)
    assert result["wl"] == 1 and set(result["wl_by_label"]) == {"P", "r"}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((["a"], ["a", "b"]), {}, "predictions has 1 rows, references has 2"),
        ((["a"], ["a"], ["b", "c"]), {}, "inputs has 2 rows"),
        ((["a"], ["a"]), {"form": ["escaped", "published"]}, "form has 2 rows"),
        ((["a", None], ["a", "b"]), {}, "predictions, row 1: None is no string"),
        ((["a"], [3]), {}, "references, row 0: 3 is no string but int"),
        ((["a"], ["a"], None, [None]), {}, "configs, row 0"),
        (("a", ["a"]), {}, "predictions is one string"),
        (([], []), {}, "nothing to score"),
        ((["a"], ["a"]), {"mode": "papre"}, "mode is 'papre'; it must be one of: default, paper"),
        ((["a"], ["a"]), {"matching": "bag"}, "matching is 'bag'"),
        ((["a"], ["a"]), {"form": "json"}, "form is 'json'"),
        ((["a"], ["a"]), {"form": ["json"]}, "form, row 0 is 'json'"),
        ((["a"], ["a"]), {"resamples": -1}, "resamples is -1"),
        ((["a"], ["a"]), {"confidence": 95}, "confidence is 95"),
        ((["a"], ["a"]), {"label_sets": {"c": {"P"}}}, "label_sets needs configs"),
        ((["a"], ["a"], None, ["c"]), {"label_sets": {"c": "P"}}, "label_sets, config 'c'"),
        ((["a"], ["a"]), {"task_words": {"N/R": ("LABEL", "entity")}}, "task_words: 'N/R'"),
        ((["a"], ["a" * (MAX_LENGTH + 1)]), {}, "references, row 0: longer than"),
        ((["a"], ["a"]), {"mode": "paper", "strict": True}, "strict=True needs mode='default'"),
        (
            (["A/NER/:P;x"],) * 2,
            {"prediction_offsets": [], "reference_offsets": [[]]},
            "offsets of predictions has 0 rows",
        ),
        ((["A/NER/:P;x"],) * 2, {"prediction_offsets": [[]], "reference_offsets": [[]]}, "row 0: 0 for 1 pairs"),
        (
            (["A/NER/:P;x"],) * 2,
            {"prediction_offsets": [["1"]], "reference_offsets": [[]]},
            "row 0: '1' is no (start, end)",
        ),
    ],
)
def test_wrong_arguments_are_one_clear_line(arguments, options, message):
    with pytest.raises(ValueError) as error:
        score(*arguments, **options)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{}, {"form": "published"}, {"mode": "paper"}, {"extended": True}])
def test_one_overlong_prediction_is_a_failure_and_the_others_are_scored(options):
    gold = "社会/NER/:人名;坂本"
    assert MAX_LENGTH <= 2 << WIDTH
    long = gold + ":" * (MAX_LENGTH + 1 - len(gold))
    result = score([gold, long, gold], [gold] * 3, ["坂本"] * 3, **options)
    assert result["parse_failures"]["overlong"] == 1 and result["all"] == pytest.approx(2 / 3)


def test_row_numbers_count_across_blocks():
    rows = ["A/NER/"] * (columns._BLOCK + 3)
    with pytest.raises(ValueError, match=f"references, row {columns._BLOCK + 1}: None"):
        score(rows, [*rows[: columns._BLOCK + 1], None, "A/NER/"])
    assert score(rows, rows)["rows"] == len(rows)


def test_iterables_and_parsed_export():
    assert score(iter(["A/NER/"]), (row for row in ["A/NER/"]))["all"] == 1
    assert isinstance(parse("A/NER/", "NER"), Parsed)
