"""From a bare Python to the environment: what is done once, what is not done again, and what is said when it fails."""

import subprocess
import sys

import pytest

from build import bootstrap
from build.bootstrap import SetupError, ensure, python_of, run


@pytest.fixture
def calls(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    made = []

    def call(command, cwd, stdin, check):
        made.append(command[1:])
        if "venv" in command:
            folder = python_of(tmp_path / ".venv").parent
            folder.mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, 1 if "broken" in command else 0)

    monkeypatch.setattr(bootstrap.subprocess, "run", call)
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    return made


def test_set_up_once_and_again_only_when_its_files_change(calls, tmp_path):
    constraints = tmp_path / "constraints.txt"
    for _ in range(2):
        ensure(tmp_path / ".venv", ["numpy"], constraints)
    assert [call[1] for call in calls] == ["venv", "pip"]
    constraints.write_text("numpy==3\n")
    ensure(tmp_path / ".venv", ["numpy"], constraints)
    assert len(calls) == 4


def test_torch_is_installed_first_and_by_its_version(calls, tmp_path):
    (tmp_path / "constraints.txt").write_text("numpy==2\ntorch==2.13.0\n")
    ensure(tmp_path / ".venv", ["numpy"], tmp_path / "constraints.txt")
    assert [call[-1] for call in calls[1:]] == ["torch==2.13.0", "numpy"]


def test_a_failed_install_is_not_taken_for_done(calls, tmp_path):
    for _ in range(2):
        with pytest.raises(SetupError, match="pip could not install"):
            ensure(tmp_path / ".venv", ["broken"], tmp_path / "constraints.txt")
    assert len(calls) == 4


def test_other_verbs_say_that_set_up_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("MMM_BUILD_IN_PLACE", raising=False)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    assert run(["validate"]) == 2
    assert "run `python3 -m build setup` first" in capsys.readouterr().err


def test_an_old_python_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 0))
    assert run(["main"]) == 2
    assert "Python 3.11 or newer is needed, this is 3.8" in capsys.readouterr().err


def test_the_bootstrap_needs_nothing_but_the_standard_library():
    code = "import sys, build.bootstrap; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "mmm_dataset" not in done.stdout.split()
