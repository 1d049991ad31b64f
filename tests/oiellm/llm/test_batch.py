"""The Batch API: rounds, partial failures, a kill while a batch is under way, and the same cache."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oiellm.errors import OiellmError
from oiellm.llm import parts
from tests.double.server import Answer, Double, Faults, Reject
from tests.oiellm.llm import talk
from tests.oiellm.llm.talk import call, chain, run, settings


def batched(double, cache, **about):
    return settings(double.url, cache, batch=True, **about)


def test_batches_give_what_live_calls_give_from_the_same_cache(tmp_path):
    with Double() as double:
        live, _ = run(settings(double.url, tmp_path / "live"), 30, chain)
        double._answered.clear()
        found, session = run(batched(double, tmp_path / "batch"), 30, chain)
        assert found == live and len(double.batches) == 2
        assert [(row["purpose"], row["calls"], row["batch"]) for row in session.usage()] == [
            ("first", 30, True),
            ("second", 60, True),
        ]
        assert session.ledger.paid_calls == 90
        again, after = run(settings(double.url, tmp_path / "batch"), 30, chain)
        assert again == live and after.usage() == session.usage() and after.ledger.paid_calls == 0
        run(batched(double, tmp_path / "live"), 30, chain)
        assert len(double.batches) == 2
    assert [path.name for path in (tmp_path / "batch" / "batches").iterdir() if path.name != "lock"] == []


def test_what_fails_or_expires_is_submitted_again(tmp_path):
    with Double(faults=Faults(error=0.2, expired=0.2), looks=2) as double:
        found, _ = run(batched(double, tmp_path), 60, chain)
        assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(60)]
        assert len(double.batches) > 2 and set(double.billed.values()) == {1}
        assert "expired" in {batch["status"] for batch in double.batches.values()}


def test_equal_calls_are_submitted_once(tmp_path):
    def same(number):
        first, second = yield [call("hello"), call("hello")]
        return first.text + second.text

    with Double() as double:
        assert run(batched(double, tmp_path), 20, same)[0] == [(number, "hellohello") for number in range(20)]
        assert list(double.requests.values()) == [1]


def test_a_refused_request_is_a_reply(tmp_path):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3":
            raise Reject(400, "too long")
        return Answer("ok", "length")

    def full(number):
        reply = yield from talk.ask(call(f"row {number}"))
        return reply.finish, reply.text

    with Double(answer) as double:
        found, _ = run(batched(double, tmp_path), 5, full)
    assert found[3] == (3, ("refused", "too long")) and found[4] == (4, ("length", "ok"))


def test_a_server_without_structured_outputs_is_asked_without(tmp_path, capsys):
    def formatted(number):
        reply = yield from talk.ask(call(f"row {number}", schema={"type": "object"}))
        return reply.text

    with Double(rejects=("response_format",)) as double:
        found, _ = run(batched(double, tmp_path), 5, formatted)
        assert found == [(number, f"row {number}") for number in range(5)] and len(double.batches) == 2
    assert capsys.readouterr().err.count("going on without") == 1


def test_batches_are_split_at_the_limits_by_model_and_by_purpose(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MOST_REQUESTS", 10)

    def two(number):
        first, second = yield [call(f"row {number}"), call(f"line {number}", "other")]
        return first.text, second.text

    with Double() as double:
        assert len(run(batched(double, tmp_path / "a"), 25, two)[0]) == 25
        assert len(double.batches) == 6
        monkeypatch.setattr(parts, "MOST_BYTES", 1500)
        run(batched(double, tmp_path / "b"), 10, two)
        sizes = [len(content) for content in double._files.values() if b'"method"' in content]
        assert len(double.batches) > 8 and max(sizes[6:]) <= 1500


def test_the_budget_holds(tmp_path):
    with Double() as double:
        whole, _ = run(settings(double.url, tmp_path / "whole"), 40, chain)
        cost = double.dollars
    with Double() as double:
        for share in (0.3, 0.6, 1.5):
            asked = batched(double, tmp_path / "cache", max_cost=cost * share)
            found, session = run(asked, 40, chain)
            assert double.dollars <= cost * share and set(double.requests.values()) == {1}
            assert (session.unfinished > 0) == (share < 1)
            assert all(texts is None or texts == whole[job][1] for job, texts in found)
        assert found == whole


def test_batches_that_answer_nothing_end_the_run(tmp_path):
    with Double(faults=Faults(error=1.0)) as double:
        with pytest.raises(OiellmError, match=r"30 requests failed in 3 rounds running .something went wrong."):
            run(batched(double, tmp_path), 10)
        double.faults = Faults()
        assert len(run(batched(double, tmp_path), 10)[0]) == 10


def test_an_endpoint_without_the_batch_api(tmp_path):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        with pytest.raises(OiellmError, match="has no Batch API; run the same command without --batch"):
            run(settings(url, tmp_path, batch=True, retries=0), 3)
        server.shutdown()


def test_a_request_that_fails_round_after_round_is_given_up_and_the_others_are_kept(tmp_path):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3":
            raise Reject(500, "boom on this one")
        return "ok"

    def full(number):
        reply = yield from talk.ask(call(f"row {number}"))
        return reply.finish, reply.text

    with Double(answer) as double:
        for _ in range(2):
            found, session = run(batched(double, tmp_path), 8, full)
            assert found[3] == (3, ("failed", "boom on this one")) and found[4] == (4, ("stop", "ok"))
            assert session.ledger.calls == 7 and session.ledger.failed == 1
        assert sorted(double.requests.values()) == [*[1] * 7, 6]


def test_many_requests_that_fail_round_after_round_end_the_run(tmp_path):
    def answer(messages, model, attempt):
        if int(messages[-1]["content"].split()[1]) >= 5:
            raise Reject(500, "down")
        return "ok"

    with Double(answer) as double, pytest.raises(OiellmError, match=r"failed in 3 rounds running .down."):
        run(batched(double, tmp_path), 20)


def test_an_answer_that_is_none_is_told_in_words(tmp_path):
    class Other(Double):
        def _completion(self, body, answer):
            return b'{"status": "fine", "usage": {}}'

    with Other() as double, pytest.raises(OiellmError, match=r"running .no completion came back.*fine"):
        run(batched(double, tmp_path), 3)


def test_two_runs_at_once_share_a_cache_and_pay_nothing_twice(tmp_path):
    with Double(looks=10**6) as double:
        running = []
        for rows, batches in ((20, 1), (30, 2)):
            running.append(started(double, tmp_path, rows))
            until(lambda batches=batches: len(double.batches) == batches)
        double.looks = 1
        for process, rows in zip(running, (20, 30)):
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            found = [json.loads(line) for line in out.splitlines()[1:-1]]
            assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(rows)]
        assert set(double.requests.values()) == {1} and len(double.requests) == 90
    assert [path.name for path in (tmp_path / "batches").iterdir()] == ["lock"]


def test_batches_of_another_run_are_kept_and_not_counted(tmp_path):
    with Double(looks=10**6) as double:
        process = started(double, tmp_path, 20)
        until(lambda: double.batches and next(iter(double.batches.values()))["looks"] > 3)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        double.looks = 1

        def other(number):
            reply = yield from talk.ask(call(f"line {number}"))
            return reply.text

        # Nothing is left of a budget in which the other run's calls count.
        _, session = run(batched(double, tmp_path, max_cost=0.001), 2, other)
        assert [row["calls"] for row in session.usage()] == [2] and session.ledger.calls == 2 and not session.unfinished
        _, session = run(settings(double.url, tmp_path), 20)
        assert session.ledger.paid_calls == 0 and session.ledger.calls == 20


def test_a_batch_that_the_endpoint_has_forgotten_is_submitted_again(tmp_path, capsys):
    with Double(looks=10**6) as double:
        process = started(double, tmp_path, 5)
        until(lambda: double.batches and next(iter(double.batches.values()))["looks"] > 3)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        double.batches.clear()
        double.looks = 1
        found, _ = run(batched(double, tmp_path), 5, chain)
    assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(5)]
    shown = capsys.readouterr().err
    assert "does not know the batch batch-0" in shown and "-000000.json; what it should" in shown


def test_a_broken_state_is_named(tmp_path):
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "000000.json").write_text("{")
    with Double() as double, pytest.raises(OiellmError, match=r"000000\.json: broken"):
        run(batched(double, tmp_path), 3)


def test_what_another_endpoint_does_is_left_alone(tmp_path):
    state = tmp_path / "batches" / "000000.json"
    state.parent.mkdir()
    about = {
        "base_url": "http://elsewhere/v1",
        "model": "m",
        "purpose": "",
        "count": 1,
        "file_id": "f",
        "batch_id": "b",
    }
    state.write_text(json.dumps(about))
    state.with_suffix(".jsonl").write_text("")
    with Double() as double:
        run(batched(double, tmp_path), 3)
    assert state.exists()


def started(double, cache, rows):
    command = [sys.executable, str(Path(talk.__file__)), double.url, str(cache), str(rows), "batch=true"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_that_is_killed_while_it_waits_finds_its_batches_again(tmp_path):
    with Double(looks=10**6) as double:
        process = started(double, tmp_path, 20)
        until(lambda: double.batches and next(iter(double.batches.values()))["looks"] > 3)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        double.looks = 1
        found, _ = run(batched(double, tmp_path), 20, chain)
        assert len(double.batches) == 2 and set(double.requests.values()) == {1}
        assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(20)]


def test_a_batch_that_was_created_but_not_noted_down_is_found_by_its_file(tmp_path):
    with Double(looks=10**6) as double:
        process = started(double, tmp_path, 20)
        until(lambda: double.batches and next(iter(double.batches.values()))["looks"] > 3)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        (state,) = (tmp_path / "batches").glob("*.json")
        state.write_text(json.dumps({**json.loads(state.read_text()), "batch_id": ""}))
        double.looks = 1
        run(batched(double, tmp_path), 20, chain)
        assert len(double.batches) == 2 and set(double.requests.values()) == {1}


def test_ctrl_c_while_a_batch_is_under_way(tmp_path):
    with Double(looks=10**6) as double:
        process = started(double, tmp_path, 5)
        until(lambda: double.batches and next(iter(double.batches.values()))["looks"] > 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        process.communicate()
