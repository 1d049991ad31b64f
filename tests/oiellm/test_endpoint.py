"""The completions endpoint: a scripted double on 127.0.0.1, and a real ``transformers serve`` where it is installed."""

import json
import socket
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from oiellm.errors import OiellmError
from oiellm.predict.endpoint import EndpointEngine
from oiellm.predict.engine import Reply, Request
from oiellm.predict.store import read_predictions
from tests.oiellm.serving import transformers_serve
from tests.oiellm.test_run import gold, people, run
from tests.oiellm.tiny import save_tiny


class Server(ThreadingHTTPServer):
    """Answers ``POST /v1/completions`` with what ``script(body, number of the request)`` gives: status and JSON."""

    daemon_threads = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.bodies, self.headers, self.lock = script, [], [], threading.Lock()
        self.now = self.most = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.headers.append(self.headers)
            number = len(server.bodies)
            server.now += 1
            server.most = max(server.most, server.now)
        status, answer = server.script(body, number)
        with server.lock:
            server.now -= 1
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status if self.path == "/v1/completions" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(content)


def completion(text, finish="stop", tokens=3):
    choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    return 200, {
        "id": "x",
        "object": "text_completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def refusal(status, message):
    return status, {"error": {"message": message, "code": status}}


@pytest.fixture
def serve(monkeypatch):
    """Start a double with a script."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    started = []

    def start(script):
        server = Server(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def free_port():
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_what_is_sent_and_what_comes_back(serve):
    server = serve(lambda body, _: completion(body["prompt"].upper(), "length" if "b" in body["prompt"] else "stop"))
    requests = [Request(7, "a\n東京 /NER"), Request(9, "b/NER", "start: /x/", 4)]
    replies = sorted(EndpointEngine(server.url, "m").generate(requests, 17), key=lambda reply: reply.key)
    assert replies == [Reply(7, "A\n東京 /NER", "stop", 3, -1), Reply(9, "B/NER", "length", 3, -1)]
    free, constrained = sorted(server.bodies, key=lambda body: body["prompt"])
    assert free == {"model": "m", "prompt": "a\n東京 /NER", "max_tokens": 17, "temperature": 0.0}
    assert constrained["structured_outputs"] == {"grammar": "start: /x/"}


def test_the_key_comes_from_the_environment(serve, monkeypatch):
    server = serve(lambda body, _: completion("x"))
    list(EndpointEngine(server.url, "m").generate([Request(0, "a")], 1))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    list(EndpointEngine(server.url, "m").generate([Request(0, "a")], 1))
    assert [headers["Authorization"] for headers in server.headers] == ["Bearer none", "Bearer sk-mine"]


def test_replies_arrive_one_by_one_and_not_more_are_in_flight_than_asked(serve):
    gate = threading.Event()

    def script(body, number):
        if number > 4:
            gate.wait(20)
        time.sleep(0.02)
        return completion(body["prompt"])

    server = serve(script)
    replies = EndpointEngine(server.url, "m", concurrency=4).generate([Request(n, str(n)) for n in range(20)], 1)
    first = next(replies)
    gate.set()
    assert {first.key, *(reply.key for reply in replies)} == set(range(20)) and 2 <= server.most <= 4


def test_too_many_requests_and_lost_connections_are_tried_again(serve):
    def script(body, number):
        if number in (1, 2):
            return refusal(429, "slow down")
        if number == 3:
            return refusal(503, "starting")
        return (None, None) if number == 4 else completion("done")

    server = serve(script)
    replies = list(EndpointEngine(server.url, "m", concurrency=1).generate([Request(0, "a"), Request(1, "b")], 1))
    assert [reply.text for reply in replies] == ["done", "done"] and len(server.bodies) == 6


def test_a_prompt_that_does_not_fit_is_a_reply(serve):
    too_long = "This model's maximum context length is 64 tokens. However, you requested 99 tokens"
    server = serve(lambda body, _: refusal(400, too_long) if len(body["prompt"]) > 9 else completion("x"))
    replies = EndpointEngine(server.url, "m").generate([Request(0, "a" * 99), Request(1, "a")], 1)
    assert {reply.key: reply.finish for reply in replies} == {0: "too_long", 1: "stop"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refusal(401, "bad key"), "set OPENAI_API_KEY"),
        (refusal(404, "no such model"), "is the model called 'm' there"),
        (refusal(400, "grammar is invalid\nlong trace"), r"grammar is invalid.*see the server's log"),
        ((200, b'{"status": "ok"}'), "is no completion"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_the_key(serve, monkeypatch, answer, message):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server = serve(lambda body, _: answer)
    with pytest.raises(OiellmError, match=message) as caught:
        list(EndpointEngine(server.url, "m", retries=0).generate([Request(0, "a")], 1))
    assert server.url in str(caught.value) and "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_dead_endpoint_is_a_clear_error():
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(OiellmError, match=rf"{url}: no answer after 1 retries; start the server .* a rerun goes on"):
        list(EndpointEngine(url, "m", retries=1).generate([Request(0, "a")], 1))


def test_it_works_inside_a_running_loop(serve):
    import asyncio

    server = serve(lambda body, _: completion("x"))

    async def notebook():
        return list(EndpointEngine(server.url, "m").generate([Request(0, "a")], 1))

    assert asyncio.run(notebook())[0].text == "x"


def test_what_a_dying_server_answered_is_kept_and_a_rerun_asks_for_the_rest(serve, tmp_path):
    rows = people(30)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}
    alive = [True]

    def script(body, number):
        if number > 12 and alive[0]:
            return None, None
        return completion(answers[body["prompt"]])

    server = serve(script)
    engine = EndpointEngine(server.url, "m", concurrency=4, retries=0)
    with pytest.raises(OiellmError, match="a rerun goes on from there"):
        run(rows, engine, tmp_path / "out")
    alive[0], before = False, len(server.bodies)
    assert run(rows, engine, tmp_path / "out")["rows"] == 30
    assert before < 30 and len(server.bodies) - before == 30 - 12
    found, about = read_predictions(tmp_path / "out")
    assert [row["output"] for row in found] == gold(rows) and {row["dtype"] for row in found} == {"unknown"}
    assert "openai" in about["settings"]["versions"] and "torch" not in about["settings"]["versions"]


@pytest.mark.slow
def test_a_real_transformers_serve_gives_what_the_model_gives(tmp_path):
    from oiellm.predict.local import LocalEngine, load_model

    folder = save_tiny(tmp_path / "model", dtype="float32")
    requests = [Request(at, f"{text}/NER") for at, text in enumerate(("Kazan", "東京 1954", "a/NER"))]
    with transformers_serve(folder, tmp_path / "log") as url:
        engine = EndpointEngine(url, str(folder), concurrency=2)
        served = sorted(engine.generate(requests, 12), key=lambda reply: reply.key)
    local = sorted(LocalEngine(load_model(folder, device="cpu"), 1).generate(requests, 12), key=lambda r: r.key)
    assert [(r.text, r.finish, r.tokens) for r in served] == [(r.text, r.finish, r.tokens) for r in local]
