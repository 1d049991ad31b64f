"""The command `oiellm`, as it is typed."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oiellm.cli import main

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


def test_a_long_text_is_refused_and_the_model_folder_is_checked(model, tmp_path, capsys):
    (tmp_path / "long.txt").write_text("x" * 100_000, encoding="utf-8")
    line = ["extract", "--task", "NER", "--language", "en", str(tmp_path / "long.txt"), "--model"]
    assert main([*line, str(model)]) == 2
    assert "100000 characters; the model" in capsys.readouterr().err
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in model.iterdir():
        if path.name != "tokenizer.json" and path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    assert main([*line, str(broken)]) == 2
    assert "tokenizer.json" in capsys.readouterr().err


def test_wrong_options_are_one_line():
    command = [sys.executable, "-m", "oiellm", "evaluate", "--protocol", "quick"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "standard" in done.stderr
