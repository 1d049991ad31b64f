"""A limit of new tokens that is too small is told before training, not after."""

from __future__ import annotations

import pytest

from oiellm.cli import main

SMALL = ["--set", "evaluate.max_new_tokens=64"]


@pytest.mark.parametrize("verb", ["validate", "train"])
def test_too_few_new_tokens_are_refused_before_training_with_the_config(demo_release, tmp_path, verb, capsys):
    out = ["--out", str(tmp_path / "model")] if verb == "train" else []
    assert main([verb, "oiellm-nano", "--set", f"data.release={demo_release}", *SMALL, *out]) == 2
    assert "evaluate.max_new_tokens 64 is too small to always finish the label of ja_tconer" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "more",
    [
        "data.configs=[ja_scnm,en_scpos_n]",
        "evaluate.constrained=free",
        "data.view={output: word}",
        "evaluate.max_new_tokens=250",
    ],
)
def test_what_is_enough_passes(more, capsys):
    assert main(["validate", "oiellm-nano", *SMALL, "--set", more]) == 0


def test_a_release_of_closed_configs_asks_for_no_more(tmp_path, demo_release):
    import json
    import shutil

    folder = shutil.copytree(demo_release, tmp_path / "closed")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["configs"] = {"ja_scnm": manifest["configs"]["ja_scnm"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert main(["validate", "oiellm-nano", "--set", f"data.release={folder}", *SMALL]) == 0


def test_training_says_which_outputs_would_be_cut():
    from oiellm.recipe_file import load_recipe
    from oiellm.train.dataset import Rows
    from oiellm.train.job import _summary

    rows = Rows([[1] * 400, [1] * 900], [20, 700], [])
    line = _summary(rows, 1, load_recipe("oiellm-nano"))
    assert "1 outputs have up to 700, more than evaluate.max_new_tokens 256" in line
    assert "max_new_tokens" not in _summary(rows, 1, load_recipe("oiellm-nano", ["evaluate.max_new_tokens=700"]))
