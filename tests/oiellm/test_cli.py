"""The command `oiellm`, as it is typed."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmm_dataset import load
from oiellm.cli import main

ROOT = Path(__file__).parents[2]

TINY = """
name: tiny
description: for tests
model:
  shape: {hidden: 16, layers: 1, heads: 2, kv_heads: 2, intermediate: 32, positions: 1024, tie_embeddings: true}
data: {configs: [en_scnm, ja_tcree], max_tokens: 768}
train: {steps: 2, learning_rate: 2e-3, precision: fp32, pack_tokens: 768, packs_per_step: 1, optimizer: adamw_torch}
evaluate: {max_new_tokens: 256, constrained: both}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def model(recipe, demo_release, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "tiny"
    assert main(["train", str(recipe), "--set", f"data.release={demo_release}", "--out", str(out)]) == 0
    return out


def test_from_recipe_to_comparison(model, demo_release, tmp_path, capsys):
    data = ["--data", str(demo_release)]
    evaluate = [
        "evaluate",
        "--model",
        str(model),
        *data,
        "--configs",
        "en_scnm",
        "ja_tcree",
        "--out",
        str(tmp_path / "a"),
    ]
    assert main(evaluate) == 0
    said = capsys.readouterr().out
    assert "majority" in said and "lookup" in said and "tiny constrained" in said
    first = json.loads((tmp_path / "a" / "results.json").read_text())
    assert set(first["runs"]) == {"tiny free", "tiny constrained"}
    assert "OIELLM-8B" in (tmp_path / "a" / "table.md").read_text()
    assert {p.name for p in (tmp_path / "a" / ".eval_results").iterdir()} == {"tiny-free.yaml", "tiny-constrained.yaml"}

    (tmp_path / "a" / "results.json").write_text(json.dumps({**first, "date": "2026-01-02T03:04:05+00:00"}))
    assert main(evaluate) == 0  # the same figures: they keep the date on which they were found
    assert json.loads((tmp_path / "a" / "results.json").read_text()) == {**first, "date": "2026-01-02T03:04:05+00:00"}
    (tmp_path / "a" / "results.json").write_text(json.dumps({**first, "date": "2026-01-02", "protocol": "other"}))
    assert main(evaluate) == 0
    assert json.loads((tmp_path / "a" / "results.json").read_text())["date"] > "2026-01-03"

    folders = [str(tmp_path / "a" / way) for way in ("free", "constrained")]
    again = [
        "evaluate",
        "--predictions",
        *folders,
        *data,
        "--configs",
        "en_scnm",
        "ja_tcree",
        "--out",
        str(tmp_path / "b"),
    ]
    assert main(again) == 0  # without the model
    second = json.loads((tmp_path / "b" / "results.json").read_text())
    assert [run["overall"] for run in second["runs"].values()] == [run["overall"] for run in first["runs"].values()]

    assert main(["compare", *folders, *data, "--out", str(tmp_path / "c")]) == 0
    assert json.loads((tmp_path / "c" / "comparison.json").read_text())["a"] == folders[0]


def test_open_labels_can_be_listed_in_the_prompt(model, demo_release, tmp_path, capsys):
    line = ["predict", "--model", str(model), "--data", str(demo_release), "--closed", "--decoding", "constrained"]
    assert main([*line, "--out", str(tmp_path)]) == 0
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "constrained-closed" / "predictions.parquet").to_pylist()
    assert {row["config"] for row in rows} == {"ja_tconer", "en_tconer", "zh_tconer"}
    for row in rows:
        listed = row["input"].removeprefix(row["text"] + "/").removesuffix("/NER")
        assert {entity["label"].replace(":", "\\:").replace(";", "\\;") for entity in row["entities"]} <= set(
            listed.replace("\\;", "\0").split(";")
        ) or "\\" in listed
    assert main([*line, "--configs", "en_scnm", "--out", str(tmp_path)]) == 2
    assert "for configs with open word-level labels" in capsys.readouterr().err


def test_listed_labels_come_from_the_train_split(demo_release):
    from oiellm.data import open_release
    from oiellm.evaluate.model import _listed

    release = open_release(demo_release, load())
    rows = list(release.records("en_tconer", "test"))
    train = {item.label for record in release.records("en_tconer", "train") for item in record.items}
    for record in rows:
        listed = _listed(rows, release)["en_tconer", record.id]
        assert set(listed) <= train | {item.label for item in record.items}


def test_texts_in_and_json_lines_out(model, tmp_path, capsys, monkeypatch):
    (tmp_path / "texts.txt").write_text("Kazan filmed.\n\n a/NER: b;c \n", encoding="utf-8")
    line = ["extract", "--model", str(model), "--task", "scnm", "--language", "en"]
    assert main([*line, str(tmp_path / "texts.txt")]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["Kazan filmed.", " a/NER: b;c "]
    for row in rows:
        assert row["failure"] is None
        assert all(row["text"][e["start"] : e["end"]] == e["text"] for e in row["entities"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("Kazan filmed.\n"))
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out) == rows[0]
    assert [row["line"] for row in rows] == [1, 3]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["show", "oiellm-9b"], "oiellm-8b"),
        (["validate", "oiellm-nano", "--set", "train.lerning_rate=1"], "did you mean learning_rate"),
        (["train", "oiellm-nano", "--set", "data.release=nowhere"], "no release 'nowhere'"),
        (["evaluate", "--model", "nowhere/nothing", "--data", "RELEASE"], "nowhere/nothing"),
        (["evaluate", "--data", "RELEASE", "--configs", "xx_scnm"], "no config 'xx_scnm'; it has: ja_scnm"),
        (["evaluate", "--data", "RELEASE", "--predictions", "nowhere"], "nowhere"),
        (["extract", "--model", "MODEL", "--task", "scnm", "--language", "jp", "FILE"], "no language 'jp'"),
        (["extract", "--model", "MODEL", "--task", "scnm", "--language", "en", "nofile"], "nofile"),
        (["evaluate", "--data", "RELEASE", "--dataset", "not a name"], "no ORG/NAME"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, says, model, demo_release, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    Path("FILE").write_text("x\n")
    known = {"RELEASE": str(demo_release), "MODEL": str(model)}
    assert main([known.get(argument, argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("oiellm: error: ") and says in error and len(error.splitlines()) == 1


def test_a_text_that_is_too_long_does_not_cost_the_others(model, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text(f"one\n\n{'x' * 100_000}\ntwo\n", encoding="utf-8")
    line = ["extract", "--task", "NER", "--language", "en", "--model", str(model), str(tmp_path / "texts.txt")]
    assert main(line) == 2
    said = capsys.readouterr()
    assert [(row["line"], row["text"]) for row in map(json.loads, said.out.splitlines())] == [(1, "one"), (4, "two")]
    assert "texts.txt:3: text 1 has 100000 characters; the model" in said.err and "1 texts could not" in said.err


def test_the_model_folder_is_checked(model, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in model.iterdir():
        if path.name != "tokenizer.json" and path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    line = ["extract", "--task", "NER", "--language", "en", "--model"]
    assert main([*line, str(broken)]) == 2
    assert "tokenizer.json" in capsys.readouterr().err
    assert main([*line, str(model), "--device", "cuda:99"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_predictions_of_other_tools_are_scored(demo_release, tmp_path, capsys):
    from oiellm.data import open_release, strings

    release = open_release(demo_release, load())
    rows = [
        {"config": record.config, "id": record.id, "output": strings(record, load())[1]}
        for record in release.records("ja_tcree", "test")
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    line = ["evaluate", "--data", str(demo_release), "--configs", "ja_tcree", "--out", str(tmp_path / "out")]
    assert main([*line, "--predictions", str(file)]) == 0
    (run,) = json.loads((tmp_path / "out" / "results.json").read_text())["runs"].values()
    assert run["overall"]["tl"] == run["overall"]["wl"] == run["overall"]["all"] == 1
    file.write_text(json.dumps(rows[0]) + "\n" + json.dumps({**rows[1], "output": None}), encoding="utf-8")
    assert main([*line, "--predictions", str(file)]) == 2
    assert "theirs.jsonl:2: column 'output' holds None" in capsys.readouterr().err


def test_a_limit_too_small_for_labels_is_told_before_anything_is_predicted(model, demo_release, tmp_path, capsys):
    line = [
        "evaluate",
        "--model",
        str(model),
        "--data",
        str(demo_release),
        "--configs",
        "en_tconer",
        "--decoding",
        "both",
    ]
    assert main([*line, "--max-new-tokens", "60", "--out", str(tmp_path / "out")]) == 2
    assert "max_new_tokens 60 is too small to always finish the label" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_broken_pipe_never_looks_like_a_finished_training(recipe, demo_release, tmp_path):
    command = f"{sys.executable} -m oiellm train {recipe} --set data.release={demo_release} --out {tmp_path / 'm'} 2>&1 | true"
    done = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], cwd=ROOT)
    assert done.returncode != 0 or (tmp_path / "m" / "mmm.json").is_file()


def test_a_registry_file_is_part_of_the_recipe_and_remembered(recipe, tmp_path, capsys):
    assert main(["validate", str(recipe), "--set", "data.configs=[en_xsid]"]) == 2
    assert "data.configs: no config 'en_xsid'" in capsys.readouterr().err
    assert main(["validate", str(recipe), "--registry", "xsid", "--set", "data.configs=[en_xsid]"]) == 0
    assert main(["validate", str(recipe), "--set", "data.weights={en_scmn: 2}"]) == 2
    assert "did you mean en_scnm?" in capsys.readouterr().err


@pytest.mark.parametrize("option, says", [(["--protocol", "quick"], "standard"), (["--batch-size", "-1"], "1 or more")])
def test_wrong_options_are_one_line(option, says):
    command = [sys.executable, "-m", "oiellm", "evaluate", *option]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and says in done.stderr
