"""A run that is ended from outside: kill -9 at any moment, Ctrl-C, and what a second run does about it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oiellm.llm.cache import Cache
from tests.double.server import Double, Faults
from tests.oiellm.llm import talk

ROWS = 150


def heed_ctrl_c():
    # In a shell's background job SIGINT is ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def started(url, cache, **about):
    more = [f"{name}={json.dumps(value)}" for name, value in about.items()]
    command = [sys.executable, str(Path(talk.__file__)), url, str(cache), str(ROWS), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )


def whole(tmp_path):
    with Double() as double:
        process = started(double.url, tmp_path / "whole")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out


@pytest.mark.slow
@pytest.mark.parametrize("remembers", [True, False], ids=["idempotent", "forgetful"])
def test_killed_at_ten_random_moments_the_output_is_the_same_and_no_call_is_paid_twice(tmp_path, remembers):
    expected, drawn, stored = whole(tmp_path), random.Random(0), {}
    # A reply that is lost on its way is billed again by a server that does not honour Idempotency-Key, kill or no kill.
    faults = Faults(too_many=0.02, error=0.02, dropped=0.02, cut=0.02 * remembers)
    with Double(faults=faults, latency=0.08, remembers=remembers) as double:
        for _ in range(10):
            process = started(double.url, tmp_path / "cache", concurrency=8)
            process.stdout.readline()
            # The library takes a while to load, in which nothing is asked.
            enough = double.requests.total() + drawn.randrange(1, 40)
            while double.requests.total() < enough:
                assert process.poll() is None
                time.sleep(0.005)
            time.sleep(drawn.random() * 0.1)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(0.2)  # what is under way ends at the server
            stored.update((key, double.requests[key]) for key in stored_keys(tmp_path / "cache", double.requests))
        process = started(double.url, tmp_path / "cache", concurrency=8)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out == expected
        assert len(stored) > 50 and all(double.requests[key] == times for key, times in stored.items())
        assert len(double.billed) == 3 * ROWS
        # Without the server's help, what was in flight at a kill is paid again: never more.
        assert double.billed.total() - 3 * ROWS <= (0 if remembers else 10 * 8)


def stored_keys(folder, keys):
    cache = Cache(folder)
    try:
        return list(cache.get(list(keys)))
    finally:
        cache.close()


def test_after_a_kill_only_what_was_under_way_is_asked_again_under_the_same_key(tmp_path):
    with Double(latency=0.1) as double:
        process = started(double.url, tmp_path / "cache", concurrency=8)
        while len(double.requests) < 60:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        time.sleep(0.3)
        before, stored = set(double.requests), stored_keys(tmp_path / "cache", double.requests)
        process = started(double.url, tmp_path / "cache", concurrency=8)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        repeated = {key for key, times in double.requests.items() if times > 1}
        assert repeated == before - set(stored) and len(repeated) <= 8 and len(stored) >= 50
        # The server knows them by their keys, so that they are not paid twice either.
        assert set(double.billed.values()) == {1}
    assert out == whole(tmp_path)


def test_ctrl_c_ends_at_once_and_the_cache_is_whole(tmp_path):
    with Double(latency=0.05) as double:
        process = started(double.url, tmp_path / "cache", concurrency=8)
        while len(double.requests) < 60:
            assert process.poll() is None
            time.sleep(0.01)
        double.latency = 30.0
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        at = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and time.monotonic() - at < 10, err
        assert "Traceback" not in err and "never retrieved" not in err
        assert len(stored_keys(tmp_path / "cache", double.requests)) >= 44


def test_ctrl_c_ends_the_verb_with_130_and_leaves_no_half_of_a_result(tmp_path, demo_release):
    root = Path(__file__).parents[3]
    options = ["--release", demo_release, "--out", tmp_path / "out", "--cache", tmp_path / "cache", "--price", "0,0"]
    command = [sys.executable, "-m", "build", "translate", "--source", "ja_scnm", "--to", "en", "--concurrency", "4"]
    paths = os.pathsep.join([str(root), str(root / "metrics")])
    with Double(lambda *_: "no translation", latency=0.1) as double:
        process = subprocess.Popen(
            [*command, *map(str, options), "--model", "m", "--base-url", double.url],
            cwd=root,
            env={**os.environ, "MMM_BUILD_IN_PLACE": "1", "PYTHONPATH": paths},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,
        )
        while double.requests.total() < 12:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and err.count("\n") == 1 and "interrupted" in err, err
        assert not list((tmp_path / "out").rglob("*.jsonl*"))
        assert len(stored_keys(tmp_path / "cache", double.requests)) >= 8


@pytest.mark.slow
def test_two_runs_at_once_share_a_cache(tmp_path):
    expected = whole(tmp_path)
    with Double(latency=0.01) as double:
        running = [started(double.url, tmp_path / "cache", concurrency=4) for _ in range(2)]
        for process in running:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0 and out == expected, err
        assert set(double.billed.values()) == {1}
        asked = double.requests.total()
        out, _ = started(double.url, tmp_path / "cache").communicate(timeout=60)
        assert out == expected and double.requests.total() == asked


@pytest.mark.slow
def test_a_disk_that_fills_up_in_mid_run_costs_no_reply(tmp_path):
    mount = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    disk, saved = tmp_path / "disk", tmp_path / "saved"
    disk.mkdir()
    with Double(lambda messages, *_: messages[-1]["content"][:40] + "." * 8000) as double:
        program = f"{sys.executable} {talk.__file__} {double.url} {disk}/cache {ROWS}"
        # The disk is gone with the process, so what is on it is copied: to where there is room.
        shell = f"mount -t tmpfs -o size=18m none {disk} && {program}; code=$?; cp -r {disk}/cache {saved}; exit $code"
        done = subprocess.run([*mount, "sh", "-c", shell], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "all replies are stored: make room and run the same command again" in done.stderr
        assert 50 < len(double.billed) < 3 * ROWS
        process = started(double.url, saved)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert set(double.requests.values()) == {1} and len(double.requests) == 3 * ROWS
