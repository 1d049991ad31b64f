"""Results: the figures are those of the one scorer, nothing is missing, and what is grouped is grouped right."""

from __future__ import annotations

import dataclasses

import pytest

from build.export import build_release
from build.readers import published
from mmm_dataset import Item, encode, load
from mmm_f1 import score
from oiellm.data import open_release, strings
from oiellm.errors import OiellmError
from oiellm.evaluate import protocols
from oiellm.evaluate.columns import Gold, Output, columns, gold, label_set
from oiellm.evaluate.compare import compare
from oiellm.evaluate.protocols import chosen, select
from oiellm.evaluate.results import FIGURES, evaluate, figures, paper_figures
from tests.published_folder import UNPARSABLE, make_published_folder
from tests.records import make_record

REGISTRY = load()


@pytest.fixture
def release(demo_release):
    return open_release(demo_release, REGISTRY)


@pytest.fixture
def the_published(tmp_path):
    folder = make_published_folder(tmp_path / "files")
    build_release(published.read(folder, REGISTRY), tmp_path / "published", REGISTRY, split="published")
    return open_release(tmp_path / "published", REGISTRY)


def read(release, selection):
    records = list(chosen(release, selection.ids))
    return records, gold(records, REGISTRY)


def right(records):
    return {(r.config, r.id): Output(encode(r)[1], r.form) for r in records}


def damaged(records):
    """Every third output loses its last item, every fourth its form."""
    outputs = {}
    for n, record in enumerate(records):
        text = encode(record)[1]
        text = text.rpartition(":")[0] or text if n % 3 == 0 else text
        outputs[record.config, record.id] = Output("nothing" if n % 4 == 0 else text, record.form)
    return outputs


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_gold_against_gold_is_exactly_one(release, protocol):
    selection = select(release, protocol=protocol)
    records, rows = read(release, selection)
    result = evaluate(selection, rows, right(records), resamples=20)
    assert list(result["configs"]) == list(REGISTRY.configs)
    for entry in [*result["configs"].values(), result["overall"]]:
        assert [entry[name] for name in FIGURES] == [1.0] * 4 == list(figures(entry).values())
        assert entry["tl_ci95"][1] == entry["wl_ci95"][1] == 1.0 and entry["hallucinated_entity_rate"] == 0
    assert set(result["overall"]["mean_over_configs"].values()) == {1.0}


def test_figures_are_those_of_the_scorer(release):
    selection = select(release, ["ja_tcree", "en_tconer", "zh_scpos_n"])
    records, rows = read(release, selection)
    outputs = damaged(records)
    result = evaluate(selection, rows, outputs, seed=3)
    for name, entry in result["configs"].items():
        mine = [r for r in records if r.config == name]
        direct = score(
            [outputs[name, r.id].text for r in mine],
            [encode(r)[1] for r in mine],
            [f"{r.text}/{r.word}" for r in mine],
            [name] * len(mine),
            label_sets={name: label_set(name, REGISTRY)},
            resamples=1000,
            seed=3,
        )
        shared = entry.keys() & direct.keys()
        assert {*FIGURES, "wl_by_label", "parse_failures", "tl_ci95", "all_ci95", "hallucinated_entities"} <= shared
        assert {key: entry[key] for key in shared} == {key: direct[key] for key in shared}
        assert 0 < entry["all"] < 1 and entry["tl_ci95"][0] <= entry["tl"] <= entry["tl_ci95"][1]
        assert entry["parse_failures"]["no_task_word"] == sum(outputs[name, r.id].text == "nothing" for r in mine)
    means = result["overall"]["mean_over_configs"]
    assert means["tl"] == pytest.approx(sum(e["tl"] for e in result["configs"].values()) / 3)
    assert result["overall"]["rows"] == len(records)
    assert result["scoring"] == "mode=default matching=set form=escaped"
    assert result["protocol"] == selection.line


def test_a_missing_prediction_is_named(release):
    selection = select(release, ["ja_scnm"])
    records, rows = read(release, selection)
    outputs = right(records)
    del outputs["ja_scnm", records[3].id]
    with pytest.raises(OiellmError, match=f"ja_scnm: no prediction for '{records[3].id}'; run the prediction"):
        evaluate(selection, rows, outputs)
    del outputs["ja_scnm", records[5].id]
    with pytest.raises(OiellmError, match=f"'{records[3].id}' and 1 more rows"):
        evaluate(selection, rows, outputs)


def test_rows_outside_the_selection_are_not_looked_at(release):
    selection = select(release, ["ja_scnm"])
    records, rows = read(release, selection)
    extra = {("en_scnm", "x"): Output("rubbish", "escaped")}
    assert evaluate(selection, rows, right(records) | extra) == evaluate(selection, rows, right(records))


def test_length_buckets():
    lengths = [0, 49, 50, 99, 100, 199, 200, 499, 500, 999, 1000, 5000]
    records = [make_record("x" * n, [], id=f"r{n}", source_id=f"s{n}") for n in lengths]
    selection = protocols.Selection("full", {"ja_scnm": tuple(r.id for r in records)}, {})
    outputs = right(records) | {("ja_scnm", "r50"): Output("学問/NER/", "escaped")}
    found = evaluate(selection, gold(records, REGISTRY), outputs, resamples=0)["configs"]["ja_scnm"]["by_length"]
    assert {name: entry["rows"] for name, entry in found.items()} == dict.fromkeys(
        ["0-49", "50-99", "100-199", "200-499", "500-999", "1000-"], 2
    )
    assert {name: entry["tl"] for name, entry in found.items() if entry["tl"] < 1} == {"50-99": 0.5}


def test_label_sets_are_those_of_the_registry_with_aliases():
    assert "そのほかの組織名" in label_set("ja_scnm", REGISTRY) and "人名" in label_set("ja_scnm", REGISTRY)
    assert label_set("en_tconer", REGISTRY) is None
    both = label_set("en_tcree", REGISTRY)
    assert {"works for"} < both and len(both) > 9  # relations and events
    record = make_record("東京", [Item.pair("地名", "東京", 0, 2)])
    selection = protocols.Selection("full", {"ja_scnm": ("r1",)}, {})
    outputs = {("ja_scnm", "r1"): Output("社会/NER/:そのほかの組織名;東京:宇宙;東京", "escaped")}
    entry = evaluate(selection, gold([record], REGISTRY), outputs, resamples=0)["configs"]["ja_scnm"]
    assert entry["unknown_label_pairs"] == 1 and "tl_ci95" not in entry


def test_paper_protocol_means_over_draws(monkeypatch, release):
    monkeypatch.setattr(protocols, "SIZE", 5)
    selection = select(release, ["ja_scnm", "en_tcree"], "paper", seed=1)
    records, rows = read(release, selection)
    outputs = damaged(records)
    entry = evaluate(selection, rows, outputs)["configs"]["ja_scnm"]
    assert [draw["rows"] for draw in entry["draws"]] == [5, 5, 5]
    by_id = {r.id: r for r in records if r.config == "ja_scnm"}
    for name in FIGURES:
        hand = []
        for ids, draw in zip(selection.draws["ja_scnm"], entry["draws"]):
            pairs = [outputs["ja_scnm", one].text for one in ids], [encode(by_id[one])[1] for one in ids]
            hand.append(score(*pairs)[name])
            assert draw[name] == pytest.approx(hand[-1])
            assert draw["paper_mode"][name] == pytest.approx(score(*pairs, mode="paper")[name])
        assert entry["mean_over_draws"][name] == pytest.approx(sum(hand) / 3) == figures(entry)[name]
        paper = [draw["paper_mode"][name] for draw in entry["draws"]]
        assert (
            entry["mean_over_draws"]["paper_mode"][name] == pytest.approx(sum(paper) / 3) == paper_figures(entry)[name]
        )
    assert len({draw["tl"] for draw in entry["draws"]} | {draw["wl"] for draw in entry["draws"]}) > 1
    assert entry["rows"] == len(by_id)  # the other figures are over the distinct rows


def test_published_rows_are_scored_by_their_own_bytes(the_published):
    selection = select(the_published)
    records, rows = read(the_published, selection)
    assert {r.form for r in records} == {"published"}
    result = evaluate(selection, rows, right(records), resamples=0)
    broken = sum(r.raw[1] == UNPARSABLE["output"] for r in records)
    assert broken == 1 and result["overall"]["reference_failures"] == 1
    assert result["overall"]["all_correct"] == len(records) - broken
    assert result["scoring"] == "mode=default matching=set form=published"


def test_escaped_outputs_for_published_rows_are_scored_in_escaped_form(the_published):
    """What a grammar writes is escaped, the authors' rows are not: ``J:COM`` must still count as found."""
    text = "J:COM春日部は春日部市の会社。"
    raw = (f"{text}/NER", "社会/NER/:法人名;J:COM春日部:地名;春日部市")
    items = [Item.pair("法人名", "J:COM春日部"), Item.pair("地名", "春日部市")]
    record = make_record(text, items, raw=raw, origin="published")
    escaped = encode(dataclasses.replace(record, raw=None))[1]
    assert escaped == r"社会/NER/:法人名;J\:COM春日部:地名;春日部市"
    selection = protocols.Selection("full", {"ja_scnm": ("r1",)}, {})
    rows = gold([record], REGISTRY)
    for output in (Output(escaped, "escaped"), Output(raw[1], "published")):
        result = evaluate(selection, rows, {("ja_scnm", "r1"): output}, resamples=0)
        assert result["overall"]["all"] == result["overall"]["wl"] == 1.0
        assert result["scoring"].endswith(f"form={output.form}")


def test_the_label_set_settles_what_a_published_string_says():
    """Without labels and text ``:地名;x:y;z`` would be two pairs."""
    raw = ("x:y;z/NER", "社会/NER/:地名;x:y;z")
    record = make_record("x:y;z", [Item.pair("地名", "x:y;z")], raw=raw, origin="published")
    selection = protocols.Selection("full", {"ja_scnm": ("r1",)}, {})
    output = Output(encode(dataclasses.replace(record, raw=None))[1], "escaped")
    result = evaluate(selection, gold([record], REGISTRY), {("ja_scnm", "r1"): output}, resamples=0)
    assert result["overall"]["all"] == 1.0 and result["overall"]["pairs_gold"] == 1


def test_two_systems_of_different_forms_share_one_form():
    record = make_record("a:b", [Item.pair("地名", "a:b")], raw=("a:b/NER", "社会/NER/:地名;a:b"), origin="published")
    rows = Gold("ja_scnm", REGISTRY, label_set("ja_scnm", REGISTRY))
    rows.add(record)
    key = ("ja_scnm", "r1")
    free, closed = columns(
        rows, {key: Output("社会/NER/:地名;a:b", "published")}, {key: Output(r"社会/NER/:地名;a\:b", "escaped")}
    )
    assert free == closed and free.predictions == free.references and free.forms == ["escaped"]
    hopeless = columns(rows, {key: Output("no word at all", "published")}, {key: Output("x", "escaped")})[0]
    assert hopeless.predictions == ["no word at all"]


def test_a_task_word_of_ones_own_registry_is_known_to_the_scorer():
    """The scorer finds no word that it was not told, so the registry tells every word of its tasks."""
    registry = load("xsid")
    items = [Item.pair("song", "old tune", 7, 15)]
    record = make_record("hum an old tune", items, "music/hum", "xsid", "Slot Filling", "en")
    selection = protocols.Selection("full", {"en_xsid": ("r1",)}, {})
    for form, raw in (("escaped", None), ("published", ("hum an old tune/Slot Filling", encode(record)[1]))):
        rows = gold([dataclasses.replace(record, raw=raw)], registry)
        outputs = {("en_xsid", "r1"): Output(encode(record)[1], form)}
        result = evaluate(selection, rows, outputs, resamples=0)
        assert result["overall"]["all"] == 1.0 and result["overall"]["reference_failures"] == 0
        assert compare(outputs, outputs, rows, resamples=5)["overall"]["all"]["a"] == 1.0


def test_strings_to_score_are_those_of_the_release(release):
    record = next(chosen(release, {"zh_tcree": select(release).ids["zh_tcree"]}))
    rows = gold([record], REGISTRY)["zh_tcree"]
    assert (rows.inputs[0], rows.references[0]) == strings(record, REGISTRY)


def test_labels_outside_the_closed_sets_are_counted_over_all_rows_too(release):
    selection = select(release, ["en_scnm", "ja_scnm"])
    records, rows = read(release, selection)
    outputs = {key: Output(out.text.replace(":Person;", ":Human;"), out.form) for key, out in right(records).items()}
    found = evaluate(selection, rows, outputs, resamples=10)
    of_configs = sum(entry["unknown_label_pairs"] for entry in found["configs"].values())
    assert found["overall"]["unknown_label_pairs"] == of_configs > 0
