"""`oiellm verbalize` as it is typed: what it writes, going on, what must not leak, and mistakes."""

import json
import random
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from build.export import build_release
from mmm_dataset import load
from oiellm.cli import main
from oiellm.data import open_release
from oiellm.evaluate.protocols import select
from oiellm.verbalize.baselines import majority, matching, ngrams
from oiellm.verbalize.cells import Cell, grid
from oiellm.verbalize.experiment import Done
from oiellm.verbalize.models import open_model
from oiellm.verbalize.report import figures, outcomes
from oiellm.verbalize.task import Example, read_task
from oiellm.verbalize.templates import read_template
from oiellm.verbalize.words_file import read_words
from tests.oiellm.verbalize.tiny_kinds import SAVERS
from tests.records import make_record

SMALL = [
    "--shots",
    "0",
    "2",
    "--seeds",
    "0",
    "1",
    "--top",
    "4",
    "--words",
    "frequency",
    "--support",
    "5",
    "--epochs",
    "1",
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: save(folder / kind, positions=640) for kind, save in SAVERS.items()}


def typed(release, out, *more, config="ja_scnm"):
    return ["verbalize", "--data", str(release), "--config", config, "--out", str(out), *SMALL, *map(str, more)]


def failed(capsys, *command):
    assert main(list(command)) == 2
    said = capsys.readouterr().err.strip().splitlines()
    return said[-1]


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("learn", ["tune", "context"])
@pytest.mark.parametrize("kind", SAVERS)
def test_every_kind_of_model_gives_a_table(kind, learn, models, demo_release, tmp_path, capsys):
    command = typed(demo_release, tmp_path / "out", "--model", models[kind], "--learn", learn)
    assert main(command) == 0
    said = capsys.readouterr().out
    found = read(tmp_path / "out" / "results.json")
    assert found["settings"]["kind"] == kind and found["settings"]["learn"] == learn
    systems = {(entry["system"], entry["shots"]): entry for entry in found["figures"]}
    expected = {(name, k) for name in ("plain", "frequency") for k in ("0", "2")}
    assert set(systems) == expected | {
        ("matching frequency", "all"),
        ("n-grams", "2"),
        ("n-grams", "all"),
        ("majority", "all"),
    }
    assert all(name in said for name, _ in systems)
    assert systems["plain", "2"]["seeds"].keys() == {"0", "1"} and systems["plain", "0"]["sd"] is None
    assert set(systems["frequency", "2"]["against"]) == {"plain", "n-grams"}
    assert "demonstration rows" in (tmp_path / "out" / "table.md").read_text()
    cell = read(tmp_path / "out" / "cells" / "frequency-k2-seed1.json")
    assert Counter(len(row["scores"]) for row in cell["predictions"]) == {5: len(cell["predictions"])}
    assert all(row["predicted"] in found["labels"] for row in cell["predictions"])
    shown = {row["demonstrations"] for row in cell["predictions"]}
    assert shown == {0} if learn == "tune" else max(shown) > 0
    assert ("demonstrations fit into a prompt" in said) == (learn == "context" and min(shown) < 10)


def test_the_same_again_and_after_a_stop(models, demo_release, tmp_path, capsys):
    command = typed(demo_release, tmp_path / "out", "--model", models["masked"])
    assert main(command) == 0
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / "cells" / "frequency-k2-seed0.json").unlink()
    (tmp_path / "out" / "results.json").unlink()
    kept = tmp_path / "out" / "cells" / "plain-k2-seed0.json"
    before = kept.stat().st_mtime_ns
    assert main(command) == 0
    assert contents(tmp_path / "out") == whole and kept.stat().st_mtime_ns == before
    assert main([*command, "--shots", "0", "1", "2"]) == 0  # more cells in the same folder
    assert kept.stat().st_mtime_ns == before
    capsys.readouterr()
    assert "top = 4, not 5; choose another --out" in failed(capsys, *command, "--top", "5")
    words = tmp_path / "out" / "words" / "frequency.tsv"
    words.write_text(words.read_text().replace("社会\t社会", "社会\t世間", 1))
    assert "was made with other words" in failed(capsys, *command)
    kept.write_text("{")
    assert "plain-k2-seed0.json: cannot be read" in failed(capsys, *command)


@pytest.mark.parametrize("kind", ["masked", "encoder-decoder"])
def test_calibration_divides_by_what_the_model_expects_anyway(kind, models, demo_release, tmp_path):
    found, texts = {}, 8
    for way in ("none", "content-free", "support"):
        out = tmp_path / way
        more = ["--model", models[kind], "--calibrate", way, "--support", texts, "--shots", "0"]
        assert main(typed(demo_release, out, *more)) == 0
        cell = read(out / "cells" / "plain-k0.json")
        found[way] = np.array([row["scores"] for row in cell["predictions"]])
    scorer = open_model(str(models[kind])).scorer
    template = read_template(None, None, "scnm", "ja")
    words = [scorer.tokens(label) for label in cell["labels"]]
    release = open_release(demo_release, load())
    task = read_task(release, select(release, ["ja_scnm"]), "ja_scnm")
    asked = {
        "content-free": [Example("", text, "NER", "") for text in ("N/A", "[MASK]", "")],
        "support": random.Random("support").sample(list(task.train), texts),
    }
    for way, rows in asked.items():
        expected = np.exp(scorer.matrix([template.fill(row) for row in rows], words)).mean(axis=0)
        assert np.allclose(found["none"] - found[way], np.log(expected), atol=1e-5)


def test_half_precision_is_left_for_tuning(models, demo_release, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    half = tmp_path / "half"
    AutoModelForMaskedLM.from_pretrained(models["masked"], dtype="bfloat16").save_pretrained(half)
    AutoTokenizer.from_pretrained(models["masked"]).save_pretrained(half)
    for more, dtype in (["--learn", "tune"], "float32"), (["--learn", "context"], "bfloat16"):
        out = tmp_path / dtype
        assert main([*typed(demo_release, out, "--model", half, *more), "--shots", "0"]) == 0
        assert read(out / "run.json")["settings"]["dtype"] == dtype


def test_words_of_ones_own_are_used_as_they_are(models, demo_release, tmp_path, capsys):
    mine = tmp_path / "mine.tsv"
    mine.write_text("label\tword\n社会\tまち\n社会\tくに\n", encoding="utf-8")
    command = typed(
        demo_release, tmp_path / "out", "--model", models["causal"], "--learn", "tune", "--words-file", mine
    )
    assert main(command) == 0
    found = read(tmp_path / "out" / "results.json")
    assert found["words"]["file"] == {"社会": 2, "文芸": 1, "学問": 1, "技術": 1, "自然": 1}
    assert found["own_word_only"]["file"] == ["文芸", "学問", "技術", "自然"]
    assert "file: no word but their own stands for 文芸, 学問, 技術, 自然." in capsys.readouterr().out
    mine.write_text("label\tword\n社会\tまち\n", encoding="utf-8")
    assert "words_file" in failed(capsys, *command)
    assert "no such file" in failed(capsys, *command[:-1], str(tmp_path / "none.tsv"))


def test_without_a_model_there_are_words_and_baselines(demo_release, tmp_path, capsys):
    assert main(typed(demo_release, tmp_path / "out")) == 0
    words = read_words(tmp_path / "out" / "words" / "frequency.tsv", ["社会", "文芸", "学問", "技術", "自然"])
    assert all(len(entry) <= 5 and entry[0].word == label for label, entry in words.items())
    assert {entry["system"] for entry in read(tmp_path / "out" / "results.json")["figures"]} == {
        "matching frequency",
        "n-grams",
        "majority",
    }


def test_mistakes_are_one_line(models, demo_release, tmp_path, capsys):
    out = tmp_path / "out"
    said = failed(capsys, *typed(demo_release, out, config="ja_tconer"))
    assert "text-level labels are open" in said and "ja_scnm" in said and "--registry" in said
    assert "no config 'ja_x'" in failed(capsys, *typed(demo_release, out, config="ja_x"))
    assert "no model" in failed(capsys, *typed(demo_release, out, "--model", tmp_path / "none"))
    assert "no template 'x'" in failed(capsys, *typed(demo_release, out, "--template", "x"))
    assert not out.exists()
    (out / "cells").mkdir(parents=True)
    assert "holds cells but no run.json" in failed(capsys, *typed(demo_release, out))
    # A tokenizer that cannot write a label's own word leaves the plain verbalizer nothing to say.
    said = failed(capsys, *typed(demo_release, tmp_path / "o", "--model", models["masked"], config="zh_scpos_rw"))
    assert "has no word that the model can score" in said and "--words-file" in said


@pytest.mark.parametrize(
    "option, value", [("--top", "0"), ("--shots", "-1"), ("--prior-cut", "1"), ("--learning-rate", "0")]
)
def test_numbers_out_of_range_are_refused(demo_release, tmp_path, option, value, capsys):
    with pytest.raises(SystemExit):
        main(typed(demo_release, tmp_path / "out", option, value))
    assert option in capsys.readouterr().err


def planted(folder):
    """A release whose config has twins: a test text among the train rows, and rows without a label."""
    rows = []
    for at in range(12):
        side = "test" if at < 4 else "train"
        label = ("社会", "文芸")[at % 2]
        rows.append(make_record(f"text {at} about w{at}", [], label, id=f"r{at}", source_id=f"s{at}", split=side))
    build_release(rows, folder, load())
    return open_release(folder, load())


def test_test_rows_enter_neither_words_nor_shots(tmp_path, monkeypatch):
    release = planted(tmp_path / "release")
    selection = select(release, ["ja_scnm"])
    test = list(release.records("ja_scnm", "test"))
    twin = replace(test[0], id="twin", split="train")
    alien = replace(test[0], id="alien", label="宇宙", text="other", split="train")
    real = type(release).records

    def with_twins(self, config, split):
        yield from real(self, config, split)
        yield from (twin, alien) if split == "train" else ()

    monkeypatch.setattr(type(release), "records", with_twins)
    task = read_task(release, selection, "ja_scnm")
    assert {row.id for row in task.train} == {row.id for row in real(release, "ja_scnm", "train")}
    assert {row.id for row in task.test} == {row.id for row in test}
    assert task.left_out == {"train rows with the text of a test row": 1, "train rows without a label of the set": 1}


def test_aliases_count_as_the_label(tmp_path):
    rows = [
        make_record(
            f"t{at}", [], label, "scpos_rw", "Sentiment Relation Word", id=f"r{at}", source_id=f"s{at}", split=side
        )
        for at, (label, side) in enumerate([("積極", "train"), ("ポジティブ", "train"), ("消極", "test")])
    ]
    build_release(rows, tmp_path / "release", load())
    release = open_release(tmp_path / "release", load())
    task = read_task(release, select(release, ["ja_scpos_rw"]), "ja_scpos_rw")
    assert [row.label for row in (*task.train, *task.test)] == ["ポジティブ", "ポジティブ", "ネガティブ"]
    assert task.labels == ("ポジティブ", "ネガティブ")


def rows_of(*pairs):
    return [Example(text, text, "NER", label) for text, label in pairs]


def test_baselines_do_what_they_say():
    train = rows_of(("good film", "a"), ("good book", "a"), ("bad film", "b"), ("bad book", "b"), ("a good one", "a"))
    test = rows_of(("very good", "a"), ("so bad", "b"), ("neither", "b"))
    assert majority(train, test) == ["a", "a", "a"]
    assert ngrams(train, test)[:2] == ["a", "b"]
    assert ngrams(train[:1], test) == ["a", "a", "a"]
    known = rows_of(("", "A"), ("", "A"), ("", "B"))  # of as many words, or of none, the more frequent label
    words = {"A": ("A", "film"), "B": ("B", "bad", "so bad")}
    assert matching(words, known, rows_of(("bad film", ""), ("so bad film", ""), ("none", ""))) == ["A", "B", "A"]


def test_a_row_counts_with_the_share_of_seeds():
    cells = [{"predictions": [{"label": "a", "predicted": one} for one in said]} for said in ("aab", "abb", "abb")]
    from mmm_f1.intervals import Patterns

    found = Patterns.of(outcomes(cells)).row_f1
    assert found.tolist() == pytest.approx([1, 1 / 3, 0])


def test_figures_are_over_seeds_rows_and_labels():
    def cell(seed, said):
        rows = [{"label": label, "predicted": one} for label, one in zip("aaab", said)]
        return {"seed": seed, "learnt_from": ["r"], "predictions": rows}

    cells = {Cell("plain", 1, seed): cell(seed, said) for seed, said in ((0, "aaaa"), (1, "aabb"))}
    cells |= {Cell("pmi", 1, seed): cell(seed, "aaab") for seed in (0, 1)}
    plain, pmi = figures(Done(cells, {}), resamples=200)
    assert plain["accuracy"] == 0.75 and plain["seeds"] == {"0": 0.75, "1": 0.75} and plain["sd"] == 0
    assert plain["macro"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert pmi["accuracy"] == pmi["macro"] == pmi["accuracy_ci95"][1] == 1 > pmi["accuracy_ci95"][0]
    assert pmi["against"]["plain"]["difference"] == 0.25 and plain["against"] == {}
    assert pmi["against"]["plain"]["seeds_ahead"] == 2


def test_a_difference_that_rests_on_one_draw_of_shots_is_not_sure():
    """Over rows alone it would be: 30 points with 200 rows."""

    def cell(seed, right):
        rows = [{"label": "a", "predicted": "a" if at < right else "b"} for at in range(200)]
        return {"seed": seed, "learnt_from": ["r"], "predictions": rows}

    plain = {Cell("plain", 1, seed): cell(seed, 100) for seed in (0, 1, 2)}
    lucky = {Cell("pmi", 1, seed): cell(seed, right) for seed, right in enumerate((180, 100, 200))}
    sure = {Cell("pmi", 1, seed): cell(seed, right) for seed, right in enumerate((160, 158, 162))}
    for own, is_sure in ((lucky, False), (sure, True)):
        against = figures(Done({**plain, **own}, {}), resamples=200)[1]["against"]["plain"]
        assert against["difference"] == pytest.approx(0.3)
        assert (against["low"] > 0) is is_sure and (against["p"] < 0.05) is is_sure


def test_more_systems_on_the_same_shots_do_not_make_seeds_surer():
    def cell(seed, right):
        rows = [{"label": "a", "predicted": "a" if at < right else "b"} for at in range(200)]
        return {"seed": seed, "learnt_from": ["r"], "predictions": rows}

    cells = {Cell("plain", 1, seed): cell(seed, 60 + 40 * seed) for seed in (0, 1, 2)}
    for system in ("pmi", "tfidf", "frequency"):
        cells |= {Cell(system, 1, seed): cell(seed, 120 + 40 * seed) for seed in (0, 1, 2)}
        against = figures(Done(cells, {}), resamples=200)[1]["against"]["plain"]
        assert against["seeds_se"] > 3 * against["rows_se"] and 2 <= against["freedom"] < 4


def test_cells_without_shots_are_not_drawn():
    assert list(grid("pmi", [0, 1], [4, 5])) == [Cell("pmi", 0), Cell("pmi", 1, 4), Cell("pmi", 1, 5)]
    assert [cell.name for cell in grid("pmi", [0, 1], [4])] == ["pmi-k0", "pmi-k1-seed4"]
    assert Cell("n-grams", None).name == "n-grams-all"


def test_a_model_that_knows_the_words_wins(demo_release, tmp_path, models):
    """Planted: texts that hold a word of their label and nothing else to go by; matching must find all, calibration too."""
    rows = []
    for at in range(60):
        label, word = (("社会", "まち"), ("文芸", "うた"))[at % 2]
        text = f"{word}の話{at}"
        rows.append(make_record(text, [], label, id=f"r{at}", source_id=f"s{at}", split="test" if at < 20 else "train"))
    from mmm_dataset import Item

    rows = [replace(row, items=(Item.pair("人名", row.text[:2], 0, 2),)) for row in rows]
    build_release(rows, tmp_path / "release", load())
    assert main(typed(tmp_path / "release", tmp_path / "out")) == 0
    found = {entry["system"]: entry["accuracy"] for entry in read(tmp_path / "out" / "results.json")["figures"]}
    assert found["matching frequency"] == 1.0 and found["majority"] == 0.5
    shutil.rmtree(tmp_path / "out")
    more = [
        "--model",
        models["causal"],
        "--learn",
        "tune",
        "--learning-rate",
        "3e-3",
        "--epochs",
        "8",
        "--filters",
        "none",
    ]
    assert main([*typed(tmp_path / "release", tmp_path / "out"), *map(str, more), "--shots", "5", "--seeds", "0"]) == 0
    learnt = {entry["system"]: entry["accuracy"] for entry in read(tmp_path / "out" / "results.json")["figures"]}
    assert learnt["plain"] > 0.8 and learnt["frequency"] > 0.8
