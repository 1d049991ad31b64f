"""The main job, as the README's first command runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from build.main_job import METRIC, copy_metric, damage, run
from build.steps import KitError
from mmm_dataset import load

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_main_command_prints_the_table(tmp_path):
    environment = {**os.environ, "MMM_BUILD_IN_PLACE": "1", "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "build", "main", "--out", str(tmp_path / "release" / "mmm")]
    for _ in range(2):  # a second run replaces the first
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0].split()[:4] == ["config", "train", "test", "pairs"]
        table = {line.split()[0]: line.split()[1:] for line in lines[2 : lines.index("")]}
        assert list(table) == list(load().configs)
        for name, (train, test, pairs, *scores) in table.items():
            assert int(train) + int(test) in (44, 45) and int(pairs) > 50
            assert scores[:3] == ["1.000"] * 3, name
            tl, wl, exact = map(float, scores[3:])
            assert tl < 1 and wl < 1 and exact < 1, name
    manifest = json.loads((tmp_path / "release" / "mmm" / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {p.name for p in (ROOT / "build" / "demo").glob("*.jsonl")}
    assert {p.name for p in (tmp_path / "release").iterdir()} == {"mmm", "mmm_f1", "mmm.report.jsonl"}


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
    (tmp_path / "mmm_f1" / "old.py").write_text("")
    copy_metric(tmp_path / "mmm_f1")
    assert not (tmp_path / "mmm_f1" / "old.py").exists()
    (tmp_path / "theirs" / "mmm_f1").mkdir(parents=True)
    (tmp_path / "theirs" / "mmm_f1" / "thesis.tex").write_text("years of work")
    for target in (tmp_path / "theirs" / "mmm_f1", METRIC):
        with pytest.raises(KitError, match="choose another --out"):
            copy_metric(target)
    assert (tmp_path / "theirs" / "mmm_f1" / "thesis.tex").exists() and (METRIC / "mmm_f1.py").exists()
    for out in (METRIC.parent / "mmm", tmp_path / "mmm_f1"):
        with pytest.raises(KitError, match="that is where the metric stands"):
            run(out)
