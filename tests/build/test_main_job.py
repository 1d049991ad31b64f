"""The main job, as the README's first command runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from build.core import KitError
from build.main_job import METRIC, copy_metric, damage, run
from mmm_dataset import load

ROOT = Path(__file__).parents[2]


TINY = """
name: tiny
description: for tests
model:
  shape: {hidden: 16, layers: 1, heads: 2, kv_heads: 2, intermediate: 32, positions: 1024, tie_embeddings: true}
data: {max_tokens: 768}
train: {steps: 2, learning_rate: 2e-3, precision: fp32, packs_per_step: 1, optimizer: adamw_torch}
evaluate: {max_new_tokens: 256, constrained: both}
"""


@pytest.mark.slow
def test_the_main_command_prints_the_tables(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    environment = {**os.environ, "MMM_BUILD_IN_PLACE": "1", "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    out = tmp_path / "release" / "mmm"
    command = [sys.executable, "-m", "build", "main", "--recipe", str(tmp_path / "tiny.yaml"), "--out", str(out)]

    def main():
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        data, train, evaluate, release = re.split(r"\n\$ (?:oiellm|python3 -m build) ", done.stdout)
        lines = data.splitlines()
        assert lines[0].split()[:4] == ["config", "train", "test", "pairs"]
        table = {line.split()[0]: line.split()[1:] for line in lines[2 : lines.index("")]}
        assert list(table) == list(load().configs)
        for name, (train_rows, test_rows, pairs, *scores) in table.items():
            assert int(train_rows) + int(test_rows) in (44, 45) and int(pairs) > 50
            assert scores[:3] == ["1.000"] * 3, name
            tl, wl, exact = map(float, scores[3:])
            assert tl < 1 and wl < 1 and exact < 1, name
        assert train.startswith("train ") and evaluate.startswith("evaluate ")
        for name in load().configs:  # freely and constrained
            assert len(re.findall(rf"^{name} ", evaluate, re.MULTILINE)) == 2
            assert re.search(rf"datasets/mmm-demo: {name}: train \d+, test \d+$", release, re.MULTILINE)
        assert release.startswith("release --demo --to ")
        assert "spaces/mmm_f1: tl 1, wl 0.666667, all 0.5" in release and "models/tiny-demo: Kazan filmed" in release
        return done

    main()
    weights = (tmp_path / "release" / "tiny" / "model.safetensors").read_bytes()
    results = json.loads((tmp_path / "release" / "tiny-results" / "results.json").read_text())
    assert all(not sum(c["parse_failures"].values()) for c in results["runs"]["tiny constrained"]["configs"].values())
    hub = tmp_path / "release" / "hub"
    released = {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()}
    again = main()
    assert "already trained" in again.stderr  # a second run does only what is left to do
    assert again.stdout.count("nothing changed, v1.0.0") == 4
    assert {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()} == released
    assert (tmp_path / "release" / "tiny" / "model.safetensors").read_bytes() == weights
    (tmp_path / "tiny.yaml").write_text(TINY.replace("steps: 2", "steps: 1"))
    refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert refused.returncode == 2 and "another recipe" in refused.stderr  # and removes nobody's model
    assert (tmp_path / "release" / "tiny" / "model.safetensors").read_bytes() == weights
    command.append("--replace")
    main()
    assert (tmp_path / "release" / "tiny" / "model.safetensors").read_bytes() != weights
    (aside,) = (tmp_path / "release").glob("tiny.20*")
    assert (aside / "model.safetensors").read_bytes() == weights

    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {p.name for p in (ROOT / "build" / "demo").glob("*.jsonl")}
    expected = {"hub", "mmm", "mmm_f1", "mmm.report.jsonl", "tiny", "tiny-results"}
    assert {p.name for p in (tmp_path / "release").iterdir() if ".20" not in p.name} == expected


def test_damage_is_of_three_kinds():
    rows = ["社会/NER/:人名;A:地名;B"] * 5
    assert damage(rows) == [
        "社会/NER/:人名;A",
        "The answer is 社会.",
        "not 社会/NER/:人名;A:地名;B",
        rows[0],
        rows[0],
    ]
    assert damage(["x/Relation Extraction/:a;r;b:c;r;d:"]) == ["x/Relation Extraction/:a;r;b"]


def test_the_metric_is_copied_over_nothing_but_its_own_copies(tmp_path):
    copy_metric(tmp_path / "mmm_f1")
    copy_metric(tmp_path / "mmm_f1")
    (tmp_path / "theirs" / "mmm_f1").mkdir(parents=True)
    (tmp_path / "theirs" / "mmm_f1" / "thesis.tex").write_text("years of work")
    for target in (tmp_path / "theirs" / "mmm_f1", METRIC):
        with pytest.raises(KitError, match="another --out"):
            copy_metric(target)
    assert (tmp_path / "theirs" / "mmm_f1" / "thesis.tex").exists() and (METRIC / "mmm_f1.py").exists()
    for out in (METRIC.parent / "mmm", tmp_path / "mmm_f1"):
        with pytest.raises(KitError, match="that is where the metric stands"):
            run(out)
