"""A release loads, streams and concatenates on datasets 5.x, 3.6 and 2.14, each in its own environment; so does the builder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from build.bootstrap import COMPAT, VENV, python_of
from build.export import build_release
from tests.records import make_record

ROOT = Path(__file__).parents[1]
VERSIONS = {"datasets-5": "5.", "datasets-3.6": "3.6.", "datasets-2.14": "2.14."}

LOAD = """
import json, pathlib, datasets
from datasets import concatenate_datasets, load_dataset
found = {"version": datasets.__version__}
names = json.load(open("mmm/manifest.json"))["configs"]
sets = {name: load_dataset("mmm", name) for name in names}
found["rows"] = {name: [s.num_rows for s in splits.values()] for name, splits in sets.items()}
found["all"] = concatenate_datasets([s for splits in sets.values() for s in splits.values()]).num_rows
found["first"] = sets["en_tcree"]["train"][0]
found["streamed"] = next(iter(load_dataset("mmm", "en_tcree", streaming=True)["train"]))
found["elsewhere"] = load_dataset("../" + pathlib.Path.cwd().name + "/mmm", "ja_scnm")["test"].num_rows
print("FOUND" + json.dumps(found))
"""

BUILDER = """
import json, pathlib
from mmm_dataset.builder import MMM
builder = MMM(release="mmm", config_name="en_tcree")
builder.download_and_prepare()
rows = builder.as_dataset()
streamed = next(iter(builder.as_streaming_dataset(split="test")))
MMM(release="mmm", config_name="zh_scnm").download_and_prepare("prepared", file_format="parquet")
files = sorted(path.name for path in pathlib.Path("prepared").glob("*.parquet"))
print("FOUND" + json.dumps({"configs": len(MMM.BUILDER_CONFIGS), "first": rows["test"][0], "streamed": streamed,
                            "files": files}))
"""

STALE = """
import json
from datasets import load_dataset
print("FOUND" + json.dumps(load_dataset("mmm", "ja_scnm")["train"]["label"][0]))
"""


@pytest.fixture(params=sorted(VERSIONS))
def python(request):
    if request.param == "datasets-5":
        return sys.executable, VERSIONS[request.param]
    path = python_of(VENV / "compat" / request.param)
    assert (COMPAT / f"{request.param}.txt").is_file()
    if not path.exists():
        pytest.fail(f"no environment {request.param}: run the tests through `python3 -m build test`, which makes it")
    return str(path), VERSIONS[request.param]


def run(python, code, folder, hf_home):
    environment = {
        **os.environ,
        "HF_HOME": str(hf_home),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "metrics")]),
    }
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [python, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.split("FOUND")[-1])


@pytest.mark.slow
@pytest.mark.compat
def test_load_dataset(python, demo_release, tmp_path):
    program, version = python
    found = run(program, LOAD, demo_release.parent, tmp_path)
    assert found["version"].startswith(version)
    manifest = json.loads((demo_release / "manifest.json").read_text())
    expected = {n: [f["rows"] for f in c["files"].values()] for n, c in manifest["configs"].items()}
    assert found["rows"] == expected and found["all"] == 927 and found["elsewhere"] == expected["ja_scnm"][1]
    assert found["first"] == found["streamed"]
    assert set(found["first"]["tuples"][0]) == {"label", "arguments", "attributes"}
    assert set(found["first"]["tuples"][0]["arguments"][0]) == {"role", "text", "start", "end"}


@pytest.mark.slow
@pytest.mark.compat
def test_builder(python, demo_release, tmp_path):
    found = run(python[0], BUILDER, demo_release.parent, tmp_path)
    assert found["configs"] == 21 and found["first"] == found["streamed"]
    assert found["files"] == ["mmm-test.parquet", "mmm-train.parquet"]


@pytest.mark.slow
@pytest.mark.compat
def test_a_rebuilt_release_is_not_hidden_by_the_cache(python, tmp_path):
    from mmm_dataset import load

    for label in ("社会", "自然"):
        rows = (make_record(f"{n} {n * n}", [], label, id=f"r{n}", source_id=f"s{n}") for n in range(40))
        build_release(rows, tmp_path / "mmm", load())
        assert run(python[0], STALE, tmp_path, tmp_path / "hf") == label
