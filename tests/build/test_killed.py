"""kill -9, SIGTERM and SIGHUP at random moments of the commands that write: the end is as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from build.readers import demo
from mmm_dataset import Record, load, to_dict
from mmm_dataset.files import dump
from tests.build.annotate.truth import Truth
from tests.double.server import Double
from tests.double.translator import Mistakes, Translator

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("MMM_KILLS", "4"))
"""Moments per command; MMM_KILLS=20 for more."""
PARTS = (".staging", ".scratch", ".previous")


def rows(config):
    return [row for row in demo.read(demo.FOLDER, load()) if isinstance(row, Record) and row.config == config]


@pytest.fixture
def double(request):
    registry, verb = load(), request.getfixturevalue("verb")
    everything = [row for row in demo.read(demo.FOLDER, registry) if isinstance(row, Record)]
    answer = Truth(rows("ja_scnm")) if verb == "annotate" else Translator(everything, registry, Mistakes()).answer
    with Double(answer, latency=0.05, record=False) as double:
        yield double


def arguments(verb, folder, release, double):
    """The command, the place that it writes, and a folder of its inputs that is made once."""
    source = folder / "source" / "records.jsonl"
    source.parent.mkdir(parents=True, exist_ok=True)
    server = ["--base-url", double.url, "--model", "double", "--price", "0,0", "--concurrency", "4"]
    server += ["--cache", str(folder / "cache")]
    if verb == "export":
        source.write_text("".join(dump(to_dict(row)) + "\n" for row in rows("ja_scnm")))
        return ["export", str(source), "--out", str(folder / "out")]
    if verb == "translate":
        where = ["--release", str(release), "--out", str(folder / "out")]
        return ["translate", "--source", "ja_scnm", "--to", "en,zh", *where, *server]
    if verb == "annotate":
        open_rows = (to_dict(replace(row, label=None)) for row in rows("ja_scnm"))
        source.write_text("".join(dump(row) + "\n" for row in open_rows))
        return ["annotate", str(source), "--out", str(folder / "out"), *server]
    settings = folder / "source" / "release.yaml"
    parts = {"dataset": {"tree": str(release), "name": "mmm", "title": None}, "metric": {"name": "mmm_f1"}}
    settings.write_text(json.dumps({**parts, "models": [], "space": None}))
    return ["release", "--demo", "--to", str(folder / "out"), "--settings", str(settings), "--no-verify"]


def start(command, folder):
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MMM_BUILD_IN_PLACE": "1", "TMPDIR": str(folder / "tmp")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "metrics")])
    errors = (folder / "stderr").open("w")
    return subprocess.Popen(
        [sys.executable, "-m", "build", *command], cwd=folder, env=environment, stdout=errors, stderr=errors
    )


def parts(folder):
    """What unfinished runs have left, and what a run at work has made."""
    return {(path, path.stat().st_ino) for path in folder.rglob(".*") if path.suffix in PARTS}


def begun(running, folder, left):
    """Wait until a command writes; False if it ended before."""
    while running.poll() is None:
        try:
            if parts(folder) - left:
                return True
        except FileNotFoundError:
            continue
        time.sleep(0.002)
    return False


def tree(folder):
    """What is there and may be compared: everything but the cache of replies."""
    skipped = (folder / "cache", folder / "source", folder / "stderr")
    paths = [path for path in folder.rglob("*") if path.is_file() and not any(path.is_relative_to(s) for s in skipped)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["export", "translate", "annotate", "release"])
def test_killed_at_random_moments(verb, tmp_path, demo_release, double):
    draw, whole, folder = random.Random(verb), tmp_path / "whole", tmp_path / "killed"
    running = start(arguments(verb, whole, demo_release, double), whole)
    assert begun(running, whole, set()), (whole / "stderr").read_text()
    before = time.perf_counter()
    assert running.wait() == 0, (whole / "stderr").read_text()
    lasts = time.perf_counter() - before
    command = arguments(verb, folder, demo_release, double)
    for number in range(KILLS):
        left = parts(folder)
        running = start(command, folder)
        if begun(running, folder, left):
            time.sleep(draw.uniform(0, lasts))
        running.send_signal((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)[number % 4])
        code = running.wait()
        # A signal that can be heard leaves nothing to clean up.
        assert code == -signal.SIGKILL or not parts(folder), (folder / "stderr").read_text()
    running = start(command, folder)
    assert running.wait() == 0, (folder / "stderr").read_text()
    found, expected = tree(folder), tree(whole)
    assert found.keys() == expected.keys()
    for name in found:
        if name != "out/.step.json" and "manifest.json" not in name:  # usage counts what was asked again
            assert found[name].replace(b"killed", b"whole") == expected[name], name
    assert not parts(folder)
    assert not list((folder / "tmp").iterdir())
