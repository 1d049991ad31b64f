"""The metric alone: ``pip install ./metrics`` needs numpy and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import mmm_dataset

METRICS = Path(__file__).parents[2] / "metrics"

SCRIPT = """
import sys
import numpy
import numpy.random
sys.path.insert(0, sys.argv[1])
before = {name.partition(".")[0] for name in sys.modules}
from mmm_f1 import compare, score
from mmm_f1.cli import main
assert sys.modules["mmm_f1"].__file__.startswith(sys.argv[1])
assert main(["score", "--from", "conll", sys.argv[2], "--resamples", "9", "--format", "markdown", "--extended"]) == 0
gold = ["A/NER/:P;x"]
assert compare(gold, gold, gold, resamples=9)["all"]["a"] == score([{"label": "A", "entities": []}], gold)["tl"] == 1
known = {*sys.stdlib_module_names, "mmm_f1", *before}
print(*sorted({name.partition(".")[0] for name in sys.modules} - known))
"""


def test_the_wheel_needs_numpy_alone(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(METRICS),
    ]
    subprocess.run(command, check=True, capture_output=True)
    wheel = next(tmp_path.glob("mmm_f1-*.whl"))
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        metadata = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
        scripts = file.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
        file.extractall(tmp_path / "alone")
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: numpy>=1.26"
    ]
    assert "mmm-f1 = mmm_f1.cli:main" in scripts
    assert {f"mmm_f1/{path.name}" for path in (METRICS / "mmm_f1").glob("*.py")} | {"mmm_f1/py.typed"} <= names
    (tmp_path / "tags.conll").write_text("x B-P B-P\ny O B-P\n")
    given = [sys.executable, "-I", "-c", SCRIPT, str(tmp_path / "alone"), str(tmp_path / "tags.conll")]
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| WL |" in done.stdout and done.stdout.splitlines()[-1] == ""


def test_it_has_the_version_of_the_kit():
    project = tomllib.loads((METRICS / "pyproject.toml").read_text())["project"]
    assert project["version"] == mmm_dataset.__version__ and project["dependencies"] == ["numpy>=1.26"]
