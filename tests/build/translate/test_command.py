"""The verb, end to end, against the double behind HTTP."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from build.cli import main
from build.markup import scan
from build.readers import demo
from build.translate.labels import LabelTable
from build.validate import _is_translated
from mmm_dataset import Record, from_dict, load, to_dict
from mmm_dataset.files import dump
from tests.double.server import Double, Faults, Reject
from tests.double.translator import Mistakes, Translator
from tests.double.trial import LABELS, embedded

ROOT = Path(__file__).parents[3]
FILES = ("records.jsonl", "report.jsonl", "provenance.jsonl", "review.jsonl", "manifest.json")


@pytest.fixture
def double():
    with Double(Translator(*embedded()).answer) as running:
        yield running


@pytest.fixture
def translate(double, demo_release, tmp_path, capsys, monkeypatch):
    """Run the verb; returns exit code, what it printed, and what it complained of."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(source, to, *more, url=None):
        options = ["--release", str(demo_release), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
        model = ["--base-url", url or double.url, "--model", "double", "--price", "1,1"]
        code = main(["translate", "--source", str(source), "--to", to, *options, *model, *map(str, more)])
        return (code, *capsys.readouterr())

    return run


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_run_writes_records_with_provenance_and_what_the_review_needs(translate, tmp_path, double):
    code, out, _ = translate("ja_scnm", "en,zh")
    assert code == 0 and "ja_scnm-en" in out and "100.0 %" in out
    folder = tmp_path / "out" / "ja_scnm-en"
    assert {path.name for path in folder.iterdir()} == {*FILES, ".step.json"}
    records, truth = lines(folder / "records.jsonl"), {r.id: r for r in embedded()[0] if r.config == "en_scnm"}
    assert len(records) == 44
    for row in map(from_dict, records):
        assert (row.text, row.label) == (truth[row.id].text, truth[row.id].label)
        assert [i.spans for i in row.items] == [i.spans for i in truth[row.id].items]
        assert row.origin == "demo" and row.split in ("train", "test") and row.raw is None
    made = lines(folder / "provenance.jsonl")
    assert [row["id"] for row in made] == [row["id"] for row in records]
    assert {(row["method"], row["model"], row["rung"]) for row in made} == {("tags", "double", "tagged")}
    assert all(row["prompt"] and row["source_row"].startswith("ja_scnm-") and "alignment" in row for row in made)
    looked_at = lines(folder / "review.jsonl")
    assert [row["target"] for row in looked_at] == records
    assert all(row["source"]["language"] == "ja" and row["flags"] == [] for row in looked_at if not row["flags"])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["yield"]["kept_whole"] == manifest["steps"]["in"] == 44
    assert manifest["usage"][0]["calls"] == 44 and "127.0.0.1" not in dump(manifest)


def test_all_fourteen_runs_enter_a_release_of_21_configs(translate, tmp_path, double):
    own = tmp_path / "own" / "records.jsonl"
    own.parent.mkdir()
    rows = [
        row for row in embedded()[0] if (row.language == "ja" and row.task != "tconer") or row.config == "en_tconer"
    ]
    own.write_text("".join(dump(to_dict(row)) + "\n" for row in rows), encoding="utf-8")
    code, _, err = translate(own, "en,zh,ja", "--registry", LABELS)
    assert code == 0 and "--to en: en_tconer is in that language already" in err and err.count("already") == 7
    files = [str(path) for path in sorted((tmp_path / "out").glob("*/records.jsonl"))]
    assert len(files) == 14
    tree = tmp_path / "tree"
    assert main(["export", str(own), *files, "--split", "hash", "--out", str(tree)]) == 0
    assert main(["validate", str(tree)]) == 0
    manifest = json.loads((tree / "manifest.json").read_text())
    assert set(manifest["configs"]) == set(load().configs) and len(manifest["configs"]) == 21
    assert "kept whole" in (tree / "README.md").read_text()  # the yield table of the card
    written = [_is_translated(name, manifest) for name in manifest["configs"]]
    assert sum(written) == 14  # those of the source languages are no translations
    # Raw replies, caches and drop logs stay where they are.
    assert not [p for p in tree.rglob("*") if p.suffix == ".jsonl" or "cache" in p.name or "review" in p.name]


def test_mistakes_are_repaired_or_reported_with_the_reply(double, translate, tmp_path):
    double.answer = Translator(*embedded(), Mistakes(lost=0.3, kana=0.6)).answer
    code, out, _ = translate("ja_scpos_rw", "en")
    assert code == 0 and "residual_kana" in out
    dropped = [row for row in lines(tmp_path / "out/ja_scpos_rw-en/report.jsonl") if "dropped" in row]
    assert dropped and all("translation" in row["raw"] for row in dropped if row["dropped"] == "residual_kana")
    manifest = json.loads((tmp_path / "out/ja_scpos_rw-en/manifest.json").read_text())
    assert manifest["steps"]["dropped"] == manifest["yield"]["reasons"]
    assert manifest["yield"]["kept_whole"] + manifest["yield"]["kept_minus_items"] + len(dropped) == 44
    rungs = manifest["yield"]["rungs"]
    assert rungs["span"] and rungs["rewrite"] and manifest["yield"]["tried"]["span_repaired"]


def test_a_second_run_asks_nothing_and_writes_the_same(translate, tmp_path, double):
    translate("ja_tcree", "zh")
    first = {name: (tmp_path / "out/ja_tcree-zh" / name).read_bytes() for name in FILES}
    asked = double.requests.total()
    code, out, _ = translate("ja_tcree", "zh")
    assert code == 0 and double.requests.total() == asked and "0 of them asked now" in out
    assert {name: (tmp_path / "out/ja_tcree-zh" / name).read_bytes() for name in FILES} == first


def test_a_sample_is_drawn_by_its_seed(translate, tmp_path):
    def ids(name, *more):
        translate("ja_scnm", "en", "--sample", 10, "--out", tmp_path / name, *more)
        return [row["id"] for row in lines(tmp_path / name / "ja_scnm-en/records.jsonl")]

    first = ids("default")
    assert len(first) == 10 and ids("zero", "--seed", 0) == first != ids("one", "--seed", 1)
    everything = [row.id.replace("ja_", "en_", 1) for row in embedded()[0] if row.config == "ja_scnm"]
    assert set(first) < set(everything)


def test_a_dry_run_sends_nothing_and_names_a_price(translate, tmp_path, double):
    code, out, _ = translate("ja_scnm", "en,zh", "--dry-run")
    assert code == 0 and "price" in out and "ja_scnm-zh" in out
    assert not double.requests and not (tmp_path / "out").exists()


def test_a_dry_run_knows_the_second_look_and_adds_up_the_languages(translate, double):
    more = ["--back-translate", "--judge", "rater"]
    code, out, _ = translate("ja_scnm", "en,zh", "--dry-run", *more)
    assert code == 0 and out.count("44 to double then 44 to double, 44 to rater;") == 2
    assert "in all" in out and "88 to double then 88 to double, 88 to rater;" in out
    assert "prices of --price" in out and "calls    none" not in out


@pytest.mark.parametrize("other", ["--stronger-model", "--judge"])
def test_the_price_of_every_model_is_known_before_anything_is_paid(translate, double, other):
    # What the fixture gives is a price for all, so it is told apart by a name.
    code, _, err = translate("ja_scnm", "en", other, "better", "--price", "doubel=1,1")
    assert code == 2 and "--price doubel=: this run asks no model of that name: double, better" in err
    assert not double.requests


def test_a_budget_stops_cleanly_and_more_money_goes_on(translate, tmp_path, double):
    code, out, err = translate("ja_scnm", "en", "--max-cost", "0.02")
    assert code == 3 and (out + err).count("--max-cost") == 1 and double.dollars <= 0.02, err
    manifest = json.loads((tmp_path / "out/ja_scnm-en/manifest.json").read_text())
    missed = manifest["steps"]["dropped"]["budget"]
    assert 0 < missed < 44 and len(lines(tmp_path / "out/ja_scnm-en/records.jsonl")) == 44 - missed
    assert translate("ja_scnm", "en", "--max-cost", "5")[0] == 0
    assert len(lines(tmp_path / "out/ja_scnm-en/records.jsonl")) == 44
    assert set(double.billed.values()) == {1}


@pytest.mark.parametrize(
    "source, to, more, says",
    [
        ("ja_scnm", "xx", [], "no config xx_scnm"),
        ("ja_scnm", "ja", [], "in that language already"),
        ("ja_nothing", "en", [], "no config 'ja_nothing'"),
        ("missing.jsonl", "en", [], "no such file"),
        ("en_tconer", "ja", [], "no ja label for"),
        ("ja_scnm", "en", ["--checks", "missing.toml"], "missing.toml: no such file"),
        ("ja_scnm", "en", ["--prompts", "missing"], "no such folder"),
        ("ja_scnm", ",", [], "--to"),
        ("ja_scnm", "en", ["--labels", "keep"], "en_scnm has a closed set of labels: leave out --labels keep"),
        (
            "ja_scnm",
            "en",
            ["--method", "paper", "--stronger-model", "x"],
            "--stronger-model is a repair level of --method tags",
        ),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_asked(translate, double, tmp_path, source, to, more, says):
    code, _, err = translate(source, to, *more)
    assert code == 2 and says in err and err.count("\n") == 1 and err.startswith("build: error: ")
    assert not double.requests and not list(tmp_path.glob("out/*/*"))


def test_unknown_labels_are_named_and_written_out_to_be_filled_in(translate, tmp_path):
    _, _, err = translate("en_tconer", "ja")
    todo = tmp_path / "out" / "en_tconer-ja.labels.csv"
    assert "'person'" in err and str(todo) in err
    text = todo.read_text(encoding="utf-8")
    assert (
        text.startswith("set,key,language,label,aliases,provenance\n") and "tconer_word,person,en,person,,ours" in text
    )
    # Filled in, it is a label table.
    filled = "".join(line.replace(",ja,,", f",ja,和{number},") + "\n" for number, line in enumerate(text.splitlines()))
    (tmp_path / "filled.csv").write_text(filled, encoding="utf-8")
    (tmp_path / "filled.toml").write_text('labels = "filled.csv"\n')
    table = LabelTable(load(str(tmp_path / "filled.toml")), "tconer", "en", "ja")
    for row in embedded()[0]:
        if row.config == "en_tconer":
            assert table.text(row.label) and all(table.items(row))


def test_labels_may_be_the_same_in_all_languages(translate, tmp_path):
    assert translate("en_tconer", "ja", "--labels", "keep")[0] == 0
    assert "person" in (tmp_path / "out/en_tconer-ja/records.jsonl").read_text(encoding="utf-8")


def test_a_dead_endpoint_is_one_line(translate):
    code, _, err = translate("ja_scnm", "en", "--retries", 0, url="http://127.0.0.1:9/v1")
    assert code == 2 and "127.0.0.1:9" in err.splitlines()[-1]


def test_rows_without_a_text_label_are_translated_too(translate, tmp_path):
    """A worklist of SCNM has items and no classes yet: the items are carried over, the label stays open."""
    rows = [row for row in embedded()[0] if row.config == "ja_scnm"][:3]
    path = tmp_path / "worklist.jsonl"
    path.write_text("".join(dump({**to_dict(row), "label": None}) + "\n" for row in rows), encoding="utf-8")
    assert translate(path, "en")[0] == 0
    made = lines(tmp_path / "out/ja_scnm-en/records.jsonl")
    assert [row["label"] for row in made] == [None] * 3 and all(row["items"] for row in made)


KOREAN = """
labels = "ko.csv"

[language.ko]
name = "Korean"
scripts = ["hangul"]

[config.ko_scnm]
language = "ko"
task = "scnm"
version = "1.0.0"
"""


def test_a_new_language_is_rows_of_data(translate, tmp_path, double):
    labels = [label for label in load().labels if label.set.startswith("scnm") and label.language == "en"]
    table = "".join(f"{label.set},{label.key},ko,한{number},,ours\n" for number, label in enumerate(labels))
    (tmp_path / "ko.csv").write_text("set,key,language,label,aliases,provenance\n" + table, encoding="utf-8")
    (tmp_path / "ko.toml").write_text(KOREAN, encoding="utf-8")

    def korean(messages, model, attempt):
        assert "from Japanese to Korean" in messages[0]["content"]
        tagged = json.loads(messages[-1]["content"])["text"]
        out = "".join(c if c in "<>/0123456789" else "한" if c.isalpha() else c for c in tagged)
        return dump({"translation": out.replace("。", ".").replace("、", ",")})

    double.answer = korean
    code, out, _ = translate("ja_scnm", "ko", "--sample", 8, "--registry", tmp_path / "ko.toml")
    rows = [from_dict(row) for row in lines(tmp_path / "out/ja_scnm-ko/records.jsonl")]
    assert code == 0 and rows and {row.config for row in rows} == {"ko_scnm"}, out
    assert all(row.label.startswith("한") for row in rows)


def test_own_prompts_change_what_is_said_and_the_provenance(translate, tmp_path, double):
    translate("ja_scnm", "en", "--sample", 2)
    before = lines(tmp_path / "out/ja_scnm-en/provenance.jsonl")[0]["prompt"]
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (ROOT / "build/translate/prompts/instructions.toml").read_text(encoding="utf-8")
    (folder / "instructions.toml").write_text(text.replace("You translate", "Please: you translate"), encoding="utf-8")
    translate("ja_scnm", "en", "--sample", 2, "--prompts", folder, "--out", tmp_path / "own")
    assert double.bodies[-1]["messages"][0]["content"].startswith("Please: you translate annotated text from Japanese")
    assert lines(tmp_path / "own/ja_scnm-en/provenance.jsonl")[0]["prompt"] != before


def test_a_second_look_flags(translate, tmp_path, double):
    known = double.answer

    def answer(messages, model, attempt):
        if "You rate translations" in messages[0]["content"]:
            return '{"score": 20}'
        if "from English to Japanese" in messages[0]["content"]:
            return '{"translation": "まったく別の文。"}'
        return known(messages, model, attempt)

    double.answer = answer
    translate("ja_scnm", "en", "--sample", 2, "--back-translate", "--judge", "judge")
    for row in lines(tmp_path / "out/ja_scnm-en/review.jsonl"):
        assert {"back_translation", "quality"} <= {flag["check"] for flag in row["flags"]}


def test_a_source_without_derivatives_is_warned_of(translate, tmp_path):
    row = next(row for row in embedded()[0] if row.config == "ja_tcree")
    path = tmp_path / "snippets.jsonl"
    path.write_text(dump({**to_dict(row), "source": "livedoor"}) + "\n", encoding="utf-8")
    code, _, err = translate(path, "en")
    assert code == 0 and "CC-BY-ND" in err and "do not publish" in err


def test_another_runs_result_is_not_replaced(translate, tmp_path, double):
    assert translate("ja_scnm", "en")[0] == 0
    folder = tmp_path / "out/ja_scnm-en"
    before = {name: (folder / name).read_bytes() for name in FILES}
    asked = double.requests.total()
    for more, says in (
        (["--method", "paper"], "method 'tags', now 'paper'"),
        (["--model", "other"], "model 'double', now 'other'"),
        (["--sample", "5"], "sample None, now 5"),
    ):
        code, _, err = translate("ja_scnm", "en", *more)
        assert code == 2 and says in err and str(folder) in err and err.count("\n") == 1, err
    # Another cache, and no money for what it lacks: there would be fewer rows than the folder holds.
    code, _, err = translate("ja_scnm", "en", "--max-cost", "0", "--cache", tmp_path / "empty")
    assert code == 2 and "stays as it was: raise --max-cost" in err, err
    assert {name: (folder / name).read_bytes() for name in FILES} == before and double.requests.total() == asked
    assert translate("ja_scnm", "en", "--dry-run", "--model", "other")[0] == 0  # nothing is written


def test_rows_of_another_file_do_not_replace_those_that_are_there(translate, tmp_path):
    rows = [row for row in embedded()[0] if row.config == "ja_scnm"]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(dump(to_dict(row)) + "\n" for row in rows[:3]), encoding="utf-8")
    assert translate(path, "en")[0] == 0
    path.write_text("".join(dump(to_dict(row)) + "\n" for row in rows[3:6]), encoding="utf-8")
    code, _, err = translate(path, "en")
    assert code == 2 and "own.jsonl has changed" in err


def test_what_a_killed_run_left_is_removed(translate, tmp_path):
    folder = tmp_path / "out/ja_scnm-en"
    for _ in range(2):
        staging = folder.with_name(".ja_scnm-en.staging") / "out"
        staging.mkdir(parents=True)
        (staging / "records.jsonl").write_text("half of the source")
        assert translate("ja_scnm", "en")[0] == 0
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]
        (folder / "review.decisions.jsonl").write_text("a person's own")
    assert {path.name for path in folder.iterdir()} == {*FILES, ".step.json", "review.decisions.jsonl"}


def test_two_rows_that_would_have_one_id_are_named_before_anything_is_asked(translate, tmp_path, double):
    rows = [to_dict(row) for row in embedded()[0] if row.config == "ja_scnm"][:2]
    path = tmp_path / "own.jsonl"
    path.write_text(dump({**rows[0], "id": "a"}) + "\n" + dump({**rows[1], "id": "ja_scnm-a"}) + "\n", encoding="utf-8")
    code, _, err = translate(path, "en")
    assert code == 2 and "rename 'ja_scnm-a' or the other" in err and not double.requests


def test_a_release_says_which_model_made_its_rows(translate, tmp_path):
    translate("ja_scnm", "en")
    folder, tree = tmp_path / "out/ja_scnm-en", tmp_path / "tree"
    assert main(["export", str(folder / "records.jsonl"), "--out", str(tree)]) == 0
    step = json.loads((tree / "manifest.json").read_text())["steps"]["ja_scnm-en"]
    digest = json.loads((folder / "manifest.json").read_text())["options"]["prompts"]
    assert step["made_by"] == {"method": "tags", "model": "double", "prompts": digest}


COMMAND = [sys.executable, "-m", "build", "translate", "--source", "ja_scpos_rw", "--to", "en,zh", "--model", "double"]


@pytest.mark.slow
def test_killed_at_ten_moments_it_ends_with_the_same_bytes_and_pays_nothing_twice(demo_release, tmp_path):
    """kill -9: what had arrived is never asked for again, what was under way carries the same key."""
    environment = {
        **os.environ,
        "MMM_BUILD_IN_PLACE": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "metrics")]),
    }
    mistakes, faults = (
        Mistakes.usual(5),
        Faults(too_many=0.02, error=0.02, dropped=0.02, cut=0.02, slow=0.02, delay=0.2, seed=1),
    )
    draw = random.Random(7)
    with Double(Translator(*embedded(), mistakes).answer, faults, latency=0.1) as double:

        def start(out, cache, port):
            options = ["--release", demo_release, "--out", out, "--cache", cache, "--base-url", port, "--price", "0,0"]
            command = [*COMMAND, *map(str, options), "--concurrency", "8"]
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

        for _ in range(10):
            asked = double.requests.total()
            running = start(tmp_path / "killed", tmp_path / "cache", double.url)
            while double.requests.total() == asked and running.poll() is None:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, 0.35))
            running.send_signal(signal.SIGKILL)
            running.wait()
            assert not list((tmp_path / "killed").glob("[!.]*/*.jsonl"))
        assert start(tmp_path / "killed", tmp_path / "cache", double.url).wait() == 0
        assert set(double.billed.values()) == {1}
    with Double(Translator(*embedded(), mistakes).answer) as fresh:
        assert start(tmp_path / "whole", tmp_path / "other", fresh.url).wait() == 0
        assert fresh.billed.keys() == double.billed.keys()
    for folder in ("ja_scpos_rw-en", "ja_scpos_rw-zh"):
        assert {path.name for path in (tmp_path / "killed" / folder).iterdir()} == {*FILES, ".step.json"}
        for name in FILES:
            assert (tmp_path / "killed" / folder / name).read_bytes() == (
                tmp_path / "whole" / folder / name
            ).read_bytes()


def test_the_double_knows_every_embedded_row():
    rows, registry = embedded()
    double = Translator(rows, registry)
    for row in rows:
        assert isinstance(row, Record) and double.truth(row.text, "zh").text
    assert demo.FOLDER.is_dir()


def test_a_row_that_is_never_answered_is_dropped_with_the_reason(translate, tmp_path, double):
    answer, stubborn = double.answer, next(row.text for row in embedded()[0] if row.config == "ja_scnm")

    def broken(messages, model, attempt):
        if scan(json.loads(messages[-1]["content"]).get("text", "")).text == stubborn:
            raise Reject(500, "boom on this one")
        return answer(messages, model, attempt)

    double.answer = broken
    code, out, err = translate("ja_scnm", "en", "--retries", 1)
    assert code == 0 and "1 calls got no reply" in out, err
    (drop,) = [row for row in lines(tmp_path / "out/ja_scnm-en/report.jsonl") if "dropped" in row]
    assert drop["dropped"] == "no_reply" and "boom on this one" in drop["detail"]
    assert len(lines(tmp_path / "out/ja_scnm-en/records.jsonl")) == 43
