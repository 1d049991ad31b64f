"""The completions endpoint: the double on 127.0.0.1, and a real ``transformers serve`` where it is installed."""

import asyncio
import socket
import threading
from contextlib import closing

import pytest

from oiellm.errors import OiellmError
from oiellm.predict.endpoint import EndpointEngine
from oiellm.predict.engine import Reply, Request
from oiellm.predict.store import read_predictions
from tests.double.server import Answer, Double, Faults, Raw, Reject
from tests.oiellm.serving import transformers_serve
from tests.oiellm.test_run import gold, people, run
from tests.oiellm.tiny import save_tiny


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_LOG"):
        monkeypatch.delenv(name, raising=False)


def free_port():
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def asked(messages, model, attempt):
    return messages[-1]["content"].upper()


def engine(double, **about):
    return EndpointEngine(double.url, "m", **{"retries": 2, **about})


def replies(double, texts, limit=1, **about):
    requests = [Request(number, text) for number, text in enumerate(texts)]
    return sorted(engine(double, **about).generate(requests, limit), key=lambda reply: reply.key)


def test_what_is_sent_and_what_comes_back():
    def answer(messages, model, attempt):
        text = messages[-1]["content"]
        return Answer(text.upper(), "length" if "b" in text else "stop")

    with Double(answer) as double:
        requests = [Request(7, "a\n東京 /NER"), Request(9, "b/NER", "start: /x/", 4)]
        found = sorted(engine(double).generate(requests, 17), key=lambda reply: reply.key)
        free, constrained = sorted(double.bodies, key=lambda body: body["prompt"])
    assert found == [Reply(7, "A\n東京 /NER", "stop", 5, -1), Reply(9, "B/NER", "length", 2, -1)]
    assert free == {"model": "m", "prompt": "a\n東京 /NER", "max_tokens": 17, "temperature": 0.0}
    assert constrained["structured_outputs"] == {"grammar": "start: /x/"}


def test_more_goes_into_every_request_if_it_is_said():
    with Double(asked) as double:
        replies(double, "ab", extra_body={"top_k": 1})
        assert [body["top_k"] for body in double.bodies] == [1, 1]


def test_the_key_comes_from_the_environment(monkeypatch):
    with Double(asked) as double:
        replies(double, "a")
        assert not double.authorised
        monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
        replies(double, "a")
        assert double.authorised


def test_replies_arrive_one_by_one_and_not_more_are_in_flight_than_asked():
    gate = threading.Event()

    async def answer(messages, model, attempt):
        while len(double.bodies) > 4 and not gate.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        return messages[-1]["content"]

    with Double(answer) as double:
        found = engine(double, concurrency=4).generate([Request(n, str(n)) for n in range(20)], 1)
        first = next(found)
        gate.set()
        assert {first.key, *(reply.key for reply in found)} == set(range(20)) and 2 <= double.peak <= 4


def test_too_many_requests_and_lost_connections_are_tried_again():
    faults = Faults(too_many=0.2, error=0.2, dropped=0.2, cut=0.2, retry_after=0.01)
    with Double(asked, faults) as double:
        found = replies(double, map(str, range(12)), retries=12)
        assert [reply.text for reply in found] == [str(n) for n in range(12)] and double.requests.total() > 12


def test_a_prompt_that_does_not_fit_is_a_reply_with_the_servers_words():
    def answer(messages, model, attempt):
        if len(messages[-1]["content"]) > 9:
            raise Reject(400, "request (99 tokens) exceeds the available context size (64 tokens)")
        return "x"

    with Double(answer) as double:
        long, short = replies(double, ["a" * 99, "a"])
    assert (long.finish, short.finish) == ("too_long", "stop") and "context size" in long.text


def test_a_request_that_is_refused_is_a_reply_and_the_others_are_answered(tmp_path):
    rows = people(30)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}

    def answer(messages, model, attempt):
        if (prompt := messages[-1]["content"]) == f"{rows[3].text}/NER":
            raise Reject(400, "this text is not wanted\nlong trace")
        return answers[prompt]

    with Double(answer) as double:
        assert run(rows, engine(double), tmp_path / "out")["finish"] == {"refused": 1, "stop": 29}
    found, _ = read_predictions(tmp_path / "out")
    assert found[3]["raw"] == "this text is not wanted" and "not wanted" in found[3]["failure_detail"]


@pytest.mark.parametrize("rows", [6, 40])
def test_a_server_that_refuses_every_row_stops_the_run_and_nothing_is_kept(tmp_path, rows):
    def answer(messages, model, attempt):
        raise Reject(400, "grammar is invalid")

    rows = people(rows)
    with Double(answer) as double:
        with pytest.raises(OiellmError, match="refuses every row .grammar is invalid"):
            run(rows, engine(double, concurrency=4), tmp_path / "out")
        assert len(double.bodies) < 30
        double.answer = lambda messages, *_: gold(rows)[0]
        summary = run(rows, engine(double), tmp_path / "out")
        assert summary["rows"] == len(rows) and summary["finish"] == {"stop": len(rows)}


@pytest.mark.parametrize(
    ("status", "words", "message"),
    [(401, "bad key sk-secret", "set OPENAI_API_KEY"), (404, "no such model", "is the model called 'm' there")],
)
def test_a_refusal_of_all_says_what_to_do_and_keeps_the_key(monkeypatch, status, words, message):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    def answer(messages, model, attempt):
        raise Reject(status, f"{words}\nlong trace")

    with Double(answer) as double, pytest.raises(OiellmError, match=message) as caught:
        replies(double, "a", retries=0)
    assert double.url in str(caught.value) and "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_dead_endpoint_is_a_clear_error():
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(OiellmError, match=rf"{url}: no answer .*; start the server, .* the same command goes on"):
        list(EndpointEngine(url, "m", retries=1).generate([Request(0, "a")], 1))


@pytest.mark.parametrize("url", ["http://me:pw@127.0.0.1:1/v1", "me:pw@host/v1", "ftp://host", "http://host:x/v1"])
def test_an_address_that_cannot_be_used_is_refused_and_no_secret_is_shown(url):
    with pytest.raises(OiellmError, match="address") as caught:
        EndpointEngine(url, "m")
    assert "pw" not in str(caught.value)


def test_it_works_inside_a_running_loop():
    async def notebook():
        return list(engine(double).generate([Request(0, "a")], 1))

    with Double(asked) as double:
        assert asyncio.run(notebook())[0].text == "A"


def test_what_a_dying_server_answered_is_kept_and_a_rerun_asks_for_the_rest(tmp_path):
    rows = people(60)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}
    alive = [True]

    def answer(messages, model, attempt):
        if len(double.bodies) > 12 and alive[0]:
            raise Reject(503, "going down")
        return answers[messages[-1]["content"]]

    with Double(answer) as double:
        with pytest.raises(OiellmError, match="the same command goes on from there"):
            run(rows, engine(double, concurrency=4, retries=0), tmp_path / "out")
        alive[0], before = False, len(double.bodies)
        assert run(rows, engine(double), tmp_path / "out")["rows"] == 60
        assert before < 60 and len(double.bodies) - before == 60 - 12
    found, about = read_predictions(tmp_path / "out")
    assert [row["output"] for row in found] == gold(rows) and {row["dtype"] for row in found} == {"unknown"}
    assert "openai" in about["settings"]["versions"] and "torch" not in about["settings"]["versions"]


def test_a_row_without_an_answer_is_asked_for_by_the_next_run_and_the_others_are_kept(tmp_path):
    rows = people(12)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}
    broken = [True]

    def answer(messages, model, attempt):
        if (prompt := messages[-1]["content"]) == f"{rows[5].text}/NER" and broken[0]:
            return Raw(b'{"choices": [null], "note": "no worker is free"}')
        return answers[prompt]

    with Double(answer) as double:
        with pytest.raises(OiellmError, match="1 requests got no reply .*no worker is free"):
            run(rows, engine(double), tmp_path / "out")
        broken[0] = False
        before = double.requests.total()
        assert run(rows, engine(double), tmp_path / "out")["rows"] == 12 and double.requests.total() == before + 1


def test_a_model_that_stops_at_once_is_asked_again_and_then_it_is_its_answer(tmp_path):
    rows = people(3)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}

    def answer(messages, model, attempt):
        return Answer(None) if (prompt := messages[-1]["content"]) == f"{rows[1].text}/NER" else answers[prompt]

    with Double(answer) as double:
        run(rows, engine(double), tmp_path / "out")
        assert sorted(double.requests.values()) == [1, 1, 1, 1, 1]
    found, _ = read_predictions(tmp_path / "out")
    assert (found[1]["raw"], found[1]["deviations"]) == ("", ["empty"]) and found[1]["failure"] is not None


@pytest.mark.slow
def test_a_real_transformers_serve_gives_what_the_model_gives(tmp_path):
    from oiellm.predict.local import LocalEngine, load_model

    folder = save_tiny(tmp_path / "model", dtype="float32")
    requests = [Request(at, f"{text}/NER") for at, text in enumerate(("Kazan", "東京 1954", "a/NER"))]
    with transformers_serve(folder, tmp_path / "log") as url:
        server = EndpointEngine(url, str(folder), concurrency=2)
        served = sorted(server.generate(requests, 12), key=lambda reply: reply.key)
    local = sorted(LocalEngine(load_model(folder, device="cpu"), 1).generate(requests, 12), key=lambda r: r.key)
    assert [(r.text, r.finish, r.tokens) for r in served] == [(r.text, r.finish, r.tokens) for r in local]
