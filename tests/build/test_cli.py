"""The command line as a user meets it: exit codes, one-line errors, atomic results, Ctrl-C."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from build.cli import main
from mmm_dataset import Item, to_dict
from mmm_dataset.files import dump
from tests.records import make_record

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "MMM_BUILD_IN_PLACE": "1"}


def build(*arguments, **options):
    command = [sys.executable, "-m", "build", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, **options)


def records_file(folder, count=40):
    path = folder / "records.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(count):
            text = f"{n}号室は東京 {n * 7919 % 10007}"
            at = text.index("東京")
            record = make_record(text, [Item.pair("地名", "東京", at, at + 2)], id=f"r{n}", source_id=f"s{n}")
            file.write(dump(to_dict(record)) + "\n")
    return path


def test_no_verb_and_help_list_the_verbs():
    for arguments in ([], ["--help"]):
        done = build(*arguments)
        assert done.returncode == 0
        for verb in ("main", "test", "read", "export", "release", "import", "validate"):
            assert verb in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["validate", "nowhere"], "nowhere: no manifest.json"),
        (
            ["export", "nowhere.jsonl"],
            "nowhere.jsonl: no such file; `python3 -m build read SOURCE` writes records.jsonl",
        ),
        (["import", "--from", "nowhere"], "nowhere: not there; it should be MMM, the authors' release"),
        (["read", "scnm", "--from", "nowhere"], "nowhere: not there; it should be stockmark"),
        (["read", "records", "--from", "nowhere"], "nowhere: "),
        (["validate", "--registry", "nowhere.toml"], "no registry file 'nowhere.toml'"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, message):
    done = build(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("build: error: ") and message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_line_is_named(tmp_path, capsys):
    path = records_file(tmp_path)
    path.write_text(path.read_text() + '{"id": "x", "text"\n')
    assert main(["export", str(path), "--out", str(tmp_path / "mmm")]) == 2
    assert f"{path}:41: not JSON" in capsys.readouterr().err
    assert not (tmp_path / "mmm").exists()


def test_a_wrong_label_is_named_with_its_line(tmp_path, capsys):
    path = records_file(tmp_path, 3)
    path.write_text(path.read_text().replace('"地名"', '"宇宙"', 1), encoding="utf-8")
    for verb in (["export", str(path)], ["read", "records", "--from", str(path)]):
        assert main([*verb, "--out", str(tmp_path / "mmm")]) == 2
        assert f"{path}:1: record 'r0': unknown entity label '宇宙'; allowed: 人名" in capsys.readouterr().err


def test_read_release_validate(tmp_path, capsys):
    path = records_file(tmp_path)
    assert main(["read", "records", "--from", str(path), "--out", str(tmp_path / "mine")]) == 0
    assert main(["export", str(tmp_path / "mine" / "records.jsonl"), "--out", str(tmp_path / "mmm")]) == 0
    assert main(["validate", str(tmp_path / "mmm")]) == 0
    assert "40 rows checked: valid" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "mmm" / "manifest.json").read_text())
    assert manifest["steps"]["mine"]["kept"] == {"ja_scnm": 40}
    assert list(manifest["inputs"]) == ["mine/records.jsonl"]
    assert str(tmp_path) not in (tmp_path / "mmm" / "manifest.json").read_text()


def test_unlabelled_rows_go_to_the_worklist(tmp_path):
    path = records_file(tmp_path, 3)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["label"], rows[1]["items"] = None, None
    path.write_text("".join(dump(row) + "\n" for row in rows))
    assert main(["read", "records", "--from", str(path), "--out", str(tmp_path / "out")]) == 0
    ids = {
        name: [json.loads(line)["id"] for line in (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()]
        for name in ("records", "worklist")
    }
    assert ids == {"records": ["r2"], "worklist": ["r0", "r1"]}


def test_a_read_only_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", str(records_file(tmp_path)), "--out", str(tmp_path / "file" / "mmm")]) == 2
    assert capsys.readouterr().err.startswith("build: error: ")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_leaves_the_old_release(tmp_path):
    out = tmp_path / "mmm"
    assert main(["export", str(records_file(tmp_path, 40)), "--out", str(out)]) == 0
    before = (out / "manifest.json").read_bytes()
    big = records_file(tmp_path, 60_000)
    command = [sys.executable, "-m", "build", "export", str(big), "--out", str(out), "--replace"]
    # A shell that runs the tests in the background ignores Ctrl-C, and its children inherit that.
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    running = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **heed)
    while not list(tmp_path.glob(".mmm.*/out/.staged/ja_scnm.parquet")) and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130 and errors.strip().splitlines() == [
        "build: interrupted; nothing half-written was left behind"
    ]
    assert (out / "manifest.json").read_bytes() == before and not list(tmp_path.glob(".mmm.*"))


def test_a_copy_that_fails_names_the_place_that_could_not_be_written(monkeypatch, capsys):
    """The file that was copied was named, on a disk with room."""

    def copy(_):
        raise OSError(errno.ENOSPC, "No space left on device", "full of room", None, "full")

    monkeypatch.setattr("build.cli._validate", copy)
    assert main(["validate"]) == 2
    assert capsys.readouterr().err == "build: error: full: No space left on device\n"
