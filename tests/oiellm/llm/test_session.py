"""Live sessions: order, equal calls, faults, what ends a run, and what a server does not take."""

import asyncio
import gc
import itertools
import logging
import signal
import threading
import time

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.calls import ask
from oiellm.llm.session import Session
from tests.double.server import Answer, Double, Faults, Reject
from tests.oiellm.llm.talk import call, chain, run, settings, single


def test_results_come_in_the_order_of_the_jobs_whatever_the_replies_do(tmp_path):
    async def late(messages, model, attempt):
        await asyncio.sleep(0.2 if messages[-1]["content"].endswith(("0", "7")) else 0)
        return messages[-1]["content"].upper()

    with Double(late) as double:
        found, session = run(settings(double.url, tmp_path, concurrency=4), 100)
    assert found == [(number, f"ROW {number}") for number in range(100)]
    assert double.peak == 4 and session.unfinished == 0


def test_a_rerun_asks_nothing_and_uses_the_same(tmp_path):
    with Double() as double:
        first, before = run(settings(double.url, tmp_path), 30, chain)
        again, after = run(settings(double.url, tmp_path), 30, chain)
        assert again == first and sum(double.requests.values()) == 90
    assert before.usage() == after.usage()
    assert [(row["purpose"], row["calls"]) for row in after.usage()] == [("first", 30), ("second", 60)]
    assert (before.ledger.paid_calls, after.ledger.paid_calls) == (90, 0)
    assert sum(row["dollars"] for row in after.usage()) == pytest.approx(double.dollars)


def test_without_anything_missing_no_server_is_needed(tmp_path):
    with Double() as double:
        first, _ = run(settings(double.url, tmp_path), 5)
    assert run(settings("http://127.0.0.1:9/v1", tmp_path), 5)[0] == first


def test_equal_calls_are_asked_once_even_at_the_same_time(tmp_path):
    def same(number):
        first, second = yield [call("hello"), call("hello")]
        third = yield from ask(call("hello", "other purpose"))
        return first.text + second.text + third.text

    with Double(latency=0.05) as double:
        found, session = run(settings(double.url, tmp_path), 20, same)
        assert {text for _, text in found} == {"hellohellohello"} and list(double.requests.values()) == [1]
    assert session.ledger.calls == 1


def test_votes_are_calls_of_their_own(tmp_path):
    numbers = itertools.count()

    def votes(number):
        replies = yield [call("hello", vote=vote, temperature=1.0) for vote in range(3)]
        return {reply.text for reply in replies}

    with Double(lambda *_: str(next(numbers))) as double:
        ((_, texts),), _ = run(settings(double.url, tmp_path), 1, votes)
    assert texts == {"0", "1", "2"}


def test_a_job_without_calls_and_no_jobs_at_all(tmp_path):
    def silent(number):
        return number
        yield

    asked = settings("http://127.0.0.1:9/v1", tmp_path)
    assert run(asked, 3, silent)[0] == [(0, 0), (1, 1), (2, 2)]
    assert run(asked, 0)[0] == []


def test_jobs_are_started_as_they_are_needed_and_not_all_at_once(tmp_path):
    started = []

    def jobs():
        for number in range(1000):
            started.append(number)
            yield number

    with Double() as double, Session(settings(double.url, tmp_path, concurrency=2)) as session:
        rows = session.run(jobs, single)
        next(rows)
        assert len(started) <= 80
        rows.close()


def test_no_more_jobs_wait_than_will_soon_be_sent(tmp_path):
    begun, waiting = itertools.count(), []

    def start(number):
        next(begun)
        reply = yield from ask(call(f"row {number}"))
        waiting.append(next(begun) - 2 * len(waiting) - 1)
        return reply.text

    with Double(latency=0.02) as double:
        run(settings(double.url, tmp_path, concurrency=8), 400, start)
    # In flight, next to be sent, begun at once, and answered but not gone on; the window has room for 160.
    assert max(waiting) <= 8 + 8 + 32 + 8


@pytest.mark.parametrize(
    "faults",
    [
        Faults(too_many=0.3),
        Faults(error=0.3),
        Faults(dropped=0.3),
        Faults(cut=0.3),
        Faults(slow=0.2, delay=2.0),
        Faults(too_many=0.05, error=0.05, dropped=0.05, cut=0.05, slow=0.05, delay=2.0),
    ],
    ids=["429", "500", "dropped", "cut", "slow", "all"],
)
def test_faults_of_the_server_are_overcome_and_nothing_is_paid_twice(tmp_path, faults):
    with Double(faults=faults) as double:
        found, _ = run(settings(double.url, tmp_path, timeout=0.5, retries=12), 60, chain)
        assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(60)]
        assert set(double.billed.values()) == {1} and len(double.billed) == 180
        assert sum(double.requests.values()) > 180


def test_retry_after_is_honoured(tmp_path):
    times = []

    def busy(messages, model, attempt):
        times.append(time.monotonic())
        if attempt == 0:
            raise Reject(429, "slow down", **{"Retry-After": "1"})
        return "ok"

    with Double(busy) as double:
        assert run(settings(double.url, tmp_path), 1)[0] == [(0, "ok")]
    assert times[1] - times[0] >= 1.0


def test_an_hour_that_a_server_asks_for_is_given_and_nonsense_is_not():
    from oiellm.llm.errors import retry_after

    def asked(**headers):
        return retry_after({name.replace("_", "-"): text for name, text in headers.items()})

    assert asked(retry_after="90") == 90 and asked(retry_after_ms="1500") == 1.5 and asked(retry_after="3600") == 3600
    assert asked(retry_after="Wed, 21 Oct 2015 07:28:00 GMT") == 0 and asked(retry_after="-5") == 0
    for text in ("soon", "", "nan", "inf", "1e10", "Wed, 21 Oct 99999 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert asked(retry_after=text) is None
    assert asked() is None and asked(retry_after_ms="soon", retry_after="2") == 2


def test_requests_a_minute(tmp_path):
    with Double(faults=Faults(error=0.3)) as double:
        started = time.monotonic()
        run(settings(double.url, tmp_path, rpm=600), 25)
        asked = sum(double.requests.values())
        # Retried requests count as well.
        assert asked > 25 and time.monotonic() - started >= (asked - 11) / 10


def test_tokens_a_minute(tmp_path):
    with Double() as double:
        started = time.monotonic()
        run(settings(double.url, tmp_path, tpm=30000), 150)
        assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "set OPENAI_API_KEY"), (404, "is the model called 'm' there"), (402, "pay"), (405, "log")],
)
def test_a_refusal_of_all_stops_the_run_in_one_line(tmp_path, status, message):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 50":
            raise Reject(status, "no\nsecond line")
        return "ok"

    with Double(answer) as double:
        with pytest.raises(OiellmError, match=message) as error:
            run(settings(double.url, tmp_path), 400)
        asked = len(double.requests)
        assert asked < 200 and "\n" not in str(error.value) and "second" not in str(error.value)
        double.answer = lambda *_: "ok"
        run(settings(double.url, tmp_path), 400)
        # What was answered before is not asked again; the refused one is.
        assert {key for key, count in double.requests.items() if count > 1} <= set(double.requests) - set(
            list(double.billed)[: asked - 16]
        )
        assert set(double.billed.values()) == {1}


@pytest.mark.parametrize(("status", "message"), [(403, "set OPENAI_API_KEY"), (418, "log")])
def test_a_refusal_that_others_do_not_meet_is_of_its_call(tmp_path, status, message):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3" or double.rejects:
            raise Reject(status, "no teapots")
        return "ok"

    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path), 8, full)
        assert found[3] == (3, ("failed", f"{status}: no teapots")) and found[4] == (4, ("stop", "ok"))
        double.rejects = ("nothing",)
        with pytest.raises(OiellmError, match=message):
            run(settings(double.url, tmp_path / "other"), 400)
        assert len(double.requests) < 60


def test_replies_under_way_when_the_run_stops_are_kept(tmp_path):
    async def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 0":
            await asyncio.sleep(0.1)
            raise Reject(401, "no")
        await asyncio.sleep(0.4)
        return "ok"

    with Double(answer) as double:
        with pytest.raises(OiellmError):
            run(settings(double.url, tmp_path), 400)
        paid = len(double.billed)
        double.answer = lambda *_: "ok"
        _, session = run(settings(double.url, tmp_path), 400)
    assert paid == 15 and session.ledger.paid_calls == 385


def test_used_up_retries_stop_the_run(tmp_path):
    with Double(faults=Faults(error=1.0)) as double:
        with pytest.raises(OiellmError, match="refused with 500 .something went wrong.*goes on from there"):
            run(settings(double.url, tmp_path, retries=2), 5)
        assert set(double.requests.values()) == {3} or max(double.requests.values()) == 3


def test_a_used_up_quota_is_not_tried_again(tmp_path):
    def answer(messages, model, attempt):
        raise Reject(429, "You exceeded your current quota", code="insufficient_quota")

    with Double(answer) as double, pytest.raises(OiellmError, match="quota is used up"):
        run(settings(double.url, tmp_path, retries=50, backoff=1.0), 1)


def test_nobody_at_the_address(tmp_path):
    with pytest.raises(OiellmError, match="no answer .nobody.*start the server, or correct --base-url"):
        run(settings("http://127.0.0.1:9/v1", tmp_path), 5)


def test_an_address_that_serves_something_else(tmp_path):
    class Other(Double):
        def _completion(self, body, answer):
            return b'{"status": "fine"}'

    with Other() as double, pytest.raises(OiellmError, match="no completion came back.*fine") as error:
        run(settings(double.url, tmp_path, retries=1), 5)
    assert "/v1?" not in str(error.value)


def full(number):
    reply = yield from ask(call(f"row {number}"))
    return reply.finish, reply.text


def test_one_call_that_is_never_answered_does_not_end_the_run_and_is_asked_anew_by_the_next(tmp_path):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3":
            raise Reject(500, "boom on this one")
        return "ok"

    with Double(answer) as double:
        for _ in range(2):  # the second time nothing else is asked
            found, session = run(settings(double.url, tmp_path, retries=2), 8, full)
            assert found[3] == (3, ("failed", "500: boom on this one"))
            assert [text for _, text in found[4:]] == [("stop", "ok")] * 4 and session.ledger.calls == 7
            assert "1 calls got no reply" in session.summary()
        assert sorted(double.requests.values()) == [*[1] * 7, 6]
        double.answer = lambda *_: "ok"
        assert run(settings(double.url, tmp_path), 8, full)[0][3] == (3, ("stop", "ok"))


def test_a_call_that_takes_too_long_does_not_end_the_run(tmp_path):
    async def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3":
            await asyncio.sleep(30)
        return "ok"

    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path, retries=1, timeout=0.5), 5, full)
    assert found[3] == (3, ("failed", "no reply within 0.5 s")) and found[4] == (4, ("stop", "ok"))


def test_an_endpoint_that_dies_in_mid_run_ends_it(tmp_path):
    def answer(messages, model, attempt):
        if int(messages[-1]["content"].split()[1]) >= 50:
            raise Reject(503, "overloaded")
        return "ok"

    with Double(answer) as double:
        with pytest.raises(OiellmError, match="refused with 503 .overloaded.*goes on from there"):
            run(settings(double.url, tmp_path, retries=2, concurrency=4), 400)
        # Ten calls in a row, and those under way with them; not the other 340.
        assert 60 <= len(double.requests) < 70


def test_nobody_at_the_address_any_more(tmp_path):
    with Double() as double:
        run(settings(double.url, tmp_path), 20)
        url = double.url
    with pytest.raises(OiellmError, match="no answer .*start the server"):
        run(settings(url, tmp_path, retries=1), 21)


def test_long_waits_are_told(tmp_path, capsys):
    def busy(messages, model, attempt):
        raise Reject(429, "slow down", **{"Retry-After": "3600"})

    with Double(busy) as double, Session(settings(double.url, tmp_path)) as session:
        rows = session.run(lambda: range(3), single)
        timer = threading.Timer(2, signal.raise_signal, [signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            next(rows)
    shown = capsys.readouterr().err
    assert shown.count("429: slow down; asked again in 3,6") == 1 and "(1 retries so far)" in shown


def test_what_another_run_has_asked_meanwhile_is_not_asked_again(tmp_path):
    with Double(latency=0.05) as double, Session(settings(double.url, tmp_path, concurrency=1)) as session:
        rows = session.run(lambda: range(20), single)
        next(rows)
        run(settings(double.url, tmp_path), 20)
        assert len(list(rows)) == 19
        # But for the call that is under way.
        assert sum(double.requests.values()) <= 21 and session.ledger.calls == 20


def test_a_limit_that_the_model_does_not_take_is_lowered(tmp_path, capsys):
    def answer(messages, model, attempt):
        if (most := double.bodies[-1]["max_tokens"]) > 4096:
            raise Reject(
                400, f"max_tokens is too large: {most}. This model supports at most 4096 completion tokens, not {most}."
            )
        return str(most)

    def long(number):
        reply = yield from ask(call(f"row {number}", max_tokens=5000 if number else 100))
        return reply.text

    for batch in (False, True):
        with Double(answer) as double:
            found, _ = run(settings(double.url, tmp_path / str(batch), batch=batch, concurrency=1), 4, long)
        assert found == [(0, "100"), (1, "4096"), (2, "4096"), (3, "4096")]
        assert capsys.readouterr().err.count("does not take max_tokens above 4096") == 1


def test_no_reply_in_time(tmp_path):
    with Double(latency=5) as double, pytest.raises(OiellmError, match="raise --timeout"):
        run(settings(double.url, tmp_path, timeout=0.2, retries=1), 2)


def test_one_request_that_is_refused_is_a_reply_and_is_asked_anew_by_the_next_run(tmp_path):
    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 3":
            raise Reject(400, "not this one\nand more")
        return "ok"

    def both(number):
        reply = yield from ask(call(f"row {number}"))
        again = yield from ask(call(f"row {number}"))
        return reply.finish, reply.text, again.text

    with Double(answer) as double:
        found, session = run(settings(double.url, tmp_path), 5, both)
        assert found[3] == (3, ("refused", *["not this one"] * 2))
        assert found[4] == (4, ("stop", "ok", "ok")) and session.ledger.calls == 4
        run(settings(double.url, tmp_path), 5, both)
        assert sorted(double.requests.values()) == [1, 1, 1, 1, 2]


def test_a_server_that_refuses_everything_stops_the_run(tmp_path):
    def answer(messages, model, attempt):
        raise Reject(400, "no template")

    with Double(answer) as double:
        with pytest.raises(OiellmError, match="refuses every request .no template."):
            run(settings(double.url, tmp_path), 500)
        assert len(double.requests) < 60


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (Answer("cut of", "length"), "length", "cut of"),
        (Answer("", "content_filter"), "filter", ""),
        (Answer(None, "content_filter"), "filter", ""),
        (Answer(None, "stop", "I cannot"), "filter", "I cannot"),
        (Answer(None, "length"), "length", ""),
        (Answer("東京\ud83d", "stop"), "stop", "東京?"),
    ],
)
def test_how_a_reply_ends(tmp_path, answer, finish, text):
    def whole(number):
        reply = yield from ask(call(f"row {number}"))
        return reply

    with Double(lambda *_: answer) as double:
        for cached in (False, True):
            ((_, reply),), _ = run(settings(double.url, tmp_path), 1, whole)
            assert (reply.finish, reply.text, reply.cached) == (finish, text, cached)


def test_a_server_that_counts_no_tokens_is_estimated(tmp_path):
    with Double(usage=False) as double:
        _, before = run(settings(double.url, tmp_path), 10)
        _, after = run(settings(double.url, tmp_path), 10)
    assert before.usage() == after.usage()
    assert 10 * 10 < before.usage()[0]["prompt_tokens"] < 10 * 30


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def formatted(number):
    reply = yield from ask(call(f"row {number}", schema=SCHEMA))
    return reply.text


def test_structured_outputs_are_asked_for(tmp_path):
    with Double() as double:
        run(settings(double.url, tmp_path / "a"), 1, formatted)
        run(settings(double.url, tmp_path / "b", structured="off"), 1, formatted)
        run(settings(double.url, tmp_path / "c"), 1)
        with_schema, off, without = double.bodies
    wrapped = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA}}
    assert with_schema["response_format"] == wrapped
    assert "response_format" not in off and "response_format" not in without


def test_a_server_without_structured_outputs_is_asked_without_from_then_on(tmp_path, capsys):
    with Double(rejects=("response_format",)) as double:
        found, _ = run(settings(double.url, tmp_path / "auto", concurrency=4), 40, formatted)
        assert [text for _, text in found] == [f"row {number}" for number in range(40)]
        assert sum("response_format" in body for body in double.bodies) <= 4
    for batch in (False, True):
        strict = pytest.raises(OiellmError, match="no structured outputs there.*--structured auto")
        with Double(rejects=("response_format",)) as double, strict:
            run(settings(double.url, tmp_path / f"on{batch}", structured="on", batch=batch), 40, formatted)
    assert capsys.readouterr().err.count("going on without") == 1


def test_parameters_that_newer_models_do_not_take(tmp_path):
    def answer(messages, model, attempt):
        body = double.bodies[-1]
        if "max_tokens" in body:
            raise Reject(
                400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            )
        if "temperature" in body:
            raise Reject(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        return "ok"

    with Double(answer) as double:
        assert run(settings(double.url, tmp_path, concurrency=1), 3)[0] == [(n, "ok") for n in range(3)]
        assert len(double.bodies) == 5 and double.bodies[-1]["max_completion_tokens"] == 20


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_the_key_goes_to_the_server_and_nowhere_else(tmp_path, monkeypatch, capsys, caplog, batch):
    secret = "sk-very-secret-42"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    caplog.set_level(logging.DEBUG)

    def answer(messages, model, attempt):
        if messages[-1]["content"] == "row 1":
            raise Reject(400, f"bad request with {secret}")
        if messages[-1]["content"] == "row 2":
            raise Reject(401, f"Incorrect key provided: {secret}")
        return "ok"

    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path, batch=batch), 2)
        with pytest.raises(OiellmError) as error:
            run(settings(double.url, tmp_path, batch=batch), 3)
        assert double.authorised or batch
    assert found[1] == (1, "bad request with [key]") and "[key]" in str(error.value)
    shown = capsys.readouterr()
    assert secret not in shown.out + shown.err + caplog.text + str(error.value)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
@pytest.mark.parametrize("status", [400, 401])
def test_no_part_of_the_key_is_shown_where_a_message_is_cut(tmp_path, monkeypatch, status, batch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-42")

    def answer(messages, model, attempt):
        raise Reject(status, "x" * 290 + " sk-very-secret-42 and more")

    shown = ""
    with Double(answer) as double:
        try:
            shown = str(run(settings(double.url, tmp_path, batch=batch), 3, full)[0])
        except OiellmError as error:
            shown = str(error)
    assert "x" * 290 in shown and "sk-" not in shown


@pytest.mark.parametrize("key", ["sk-a b", "sk-é", "sk-\x07"])
def test_a_key_that_cannot_be_one(tmp_path, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(OiellmError, match="copy it anew") as error:
        run(settings("http://127.0.0.1:9/v1", tmp_path), 1)
    assert key not in str(error.value)


def test_openai_itself_needs_a_key(tmp_path):
    with pytest.raises(OiellmError, match="OPENAI_API_KEY is not set"):
        run(settings("https://api.openai.com/v1", tmp_path), 1)


def test_a_run_that_is_left_asks_nothing_more(tmp_path, caplog):
    def start(number):
        reply = yield from ask(call("for all of them"))
        if number:
            reply = yield from ask(call(f"row {number}"))
        return reply.text

    with Double(latency=0.05) as double:
        with Session(settings(double.url, tmp_path, concurrency=4)) as session:
            results = session.run(lambda: range(60), start)
            assert next(results) == (0, "for all of them")  # most of the others are about to go on
            results.close()
        time.sleep(0.2)
        gc.collect()
        assert double.requests.total() == 1
    assert not [record for record in caplog.records if record.name == "asyncio" and record.levelno > logging.DEBUG]


def test_a_mistake_in_a_dialogue_is_raised(tmp_path):
    def broken(number):
        yield from ask(call(f"row {number}"))
        raise ZeroDivisionError

    with Double() as double, pytest.raises(ZeroDivisionError):
        run(settings(double.url, tmp_path), 5, broken)


def test_progress_where_there_is_no_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("oiellm.llm.meter.EVERY", 0.1)
    with Double(latency=0.3) as double:
        run(settings(double.url, tmp_path), 40, total=40, describe="ja to en", word=lambda: "97 % kept")
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("ja to en: ") and "of 40 rows, 97 % kept, $0.00, " in line and "calls/s" in line
