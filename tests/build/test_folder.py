"""The folder of a long run: one run at a time, nothing left of a killed one, nothing written over another's result."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from build.core import KitError
from build.folder import check_same, earlier, held
from mmm_dataset.files import atomic, pretty

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from mmm_dataset.files import atomic
with atomic(Path(sys.argv[1])) as file:
    file.write("source text")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed(tmp_path):
    """Whatever name `atomic` gives to a file that is not finished."""
    path = tmp_path / "records.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, path], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 1
    with held(tmp_path, ["records.jsonl"]):
        assert not list(tmp_path.iterdir())
        with atomic(path) as file:
            file.write("whole")
    assert [file.name for file in tmp_path.iterdir()] == ["records.jsonl"]


def test_a_folder_is_written_by_one_run_at_a_time(tmp_path):
    with held(tmp_path / "out", ["a"]):
        with pytest.raises(KitError, match="another run writes it"), held(tmp_path / "out", ["a"]):
            pass
        with held(tmp_path / "other", ["a"]):
            pass
    with held(tmp_path / "out", ["a"]):
        pass


def test_another_runs_result_is_named_by_what_differs(tmp_path):
    check_same(tmp_path, {"options": {"model": "a"}})  # nothing is there
    (tmp_path / "manifest.json").write_text(pretty({"options": {"model": "a", "seed": None}, "usage": 3}))
    check_same(tmp_path, {"options": {"model": "a", "seed": None}})
    for now in ({"model": "b", "seed": None}, {"model": "a", "seed": None, "judge": "x"}, {"model": "a", "seed": 1}):
        with pytest.raises(KitError, match="holds the result of another run") as error:
            check_same(tmp_path, {"options": now})
        assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_manifest_that_cannot_be_read_is_not_replaced(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(KitError, match="no manifest"):
        earlier(tmp_path)
