"""Servers that answer oddly, over HTTP: a typed failure of the row with the server's own words, and the run goes on."""

import gzip
import json
import ssl
import subprocess

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.calls import PROMPT, Call, ask
from oiellm.predict.endpoint import EndpointEngine
from oiellm.predict.engine import Request
from tests.double.server import Answer, Double, Raw, Reject
from tests.oiellm.llm.talk import MODEL, call, run, settings

HTML = {"Content-Type": "text/html"}
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
ERROR = json.dumps({"error": {"message": "no worker is free", "code": 503}}).encode()

ODD = {
    "empty": (Raw(), "an empty answer"),
    "204": (Raw(status=204), "an empty answer"),
    "201": (Raw(b'{"id": "later"}', 201), "later"),
    "html": (Raw(b"<html><title>Sign in</title></html>", headers=HTML), "Sign in"),
    "html, said to be JSON": (Raw(b"<html><title>Sign in</title></html>"), "Sign in"),
    "cut JSON": (Raw(b'{"choices": [{"mess'), "mess"),
    "cut connection": (Raw(b'{"choices": [{"message": {"content": "yes"}}]}', cut=True), "the connection was lost"),
    "cut chunks": (
        Raw(b'{"choices": [{"message": {"content": "yes"}}]}', cut=True, chunked=True),
        "the connection was lost",
    ),
    "garbage for gzip": (Raw(b"garbage", headers=GZIP), "cannot be decompressed"),
    "gzip of HTML": (Raw(gzip.compress(b"<html><title>Sign in</title>"), headers=GZIP), "Sign in"),
    "no choices": (Raw(b'{"choices": [], "detail": "draining"}'), "draining"),
    "null choices": (Raw(b'{"choices": [null]}'), "null"),
    "error in a 200": (Raw(ERROR), "no worker is free"),
    "500 of a proxy": (Raw(b"<html><title>502 Bad Gateway</title></html>", 502, HTML), "Bad Gateway"),
    "lone surrogate": (Raw(b'{"error": "half \\ud83d of it"}', 500), "of it"),
    "teapot": (Raw(b"short and stout", 418, {"Content-Type": "text/plain"}), "short and stout"),
}
ENDS = {
    "wrong key": (Raw(b'{"error": {"message": "who are you"}}', 401), "who are you.*OPENAI_API_KEY"),
    "wrong key in a 200": (Raw(b'{"error": {"message": "who are you", "code": 401}}'), "who are you.*OPENAI_API_KEY"),
    "no model": (Raw(b'{"error": "model not found"}', 404), "model not found.*is the model called"),
    "quota": (Raw(b'{"error": {"message": "pay", "code": "insufficient_quota"}}', 429), "pay.*quota is used up"),
    "redirect": (
        Raw(status=307, headers={"Location": "http://me:pw@elsewhere.example/v1"}),
        "elsewhere.example.*prompts hold",
    ),
    "redirect here": (Raw(status=302, headers={"Location": "/other"}), "127.0.0.1.*prompts hold"),
}


def whole(number):
    reply = yield from ask(call(f"row {number}"))
    return reply.finish, reply.text


def only(odd):
    """Row 3 meets what is odd, and the others an answer."""
    return lambda messages, model, attempt: odd if messages[-1]["content"] == "row 3" else "ok"


@pytest.mark.parametrize("odd", ODD)
def test_chats(tmp_path, odd):
    raw, words = ODD[odd]
    with Double(only(raw)) as double:
        found, session = run(settings(double.url, tmp_path, retries=1), 6, whole)
        assert [row for _, row in found if row == ("stop", "ok")] == [("stop", "ok")] * 5
        finish, said = found[3][1]
        assert finish == "failed" and words in said and "/v1" not in said and session.ledger.calls == 5
        double.answer = only("ok")
        assert run(settings(double.url, tmp_path), 6, whole)[0][3][1] == ("stop", "ok")


@pytest.mark.parametrize("odd", ODD)
def test_completions(odd):
    raw, words = ODD[odd]
    with Double(only(raw)) as double:
        engine, found = EndpointEngine(double.url, "m", retries=1), []
        with pytest.raises(OiellmError, match="1 requests got no reply") as error:
            found.extend(reply.text for reply in engine.generate([Request(n, f"row {n}") for n in range(6)], 4))
    assert words in str(error.value) and "/v1?" not in str(error.value)


@pytest.mark.parametrize("odd", ENDS)
def test_what_every_request_would_meet_ends_the_run(tmp_path, odd):
    raw, message = ENDS[odd]
    with Double(lambda *_: raw) as double:
        with pytest.raises(OiellmError, match=message) as error:
            run(settings(double.url, tmp_path, retries=3), 6, whole)
        assert set(double.requests.values()) == {1} and "pw" not in str(error.value)
        with pytest.raises(OiellmError, match=message):
            list(EndpointEngine(double.url, "m").generate([Request(0, "a")], 4))


def test_nothing_is_sent_to_another_host(tmp_path):
    with Double() as other:
        headers = {"Location": f"http://127.0.0.1:{other.port}/v1/chat/completions"}
        for status in (301, 302, 303, 307, 308):
            with Double(lambda *_, status=status: Raw(status=status, headers=headers)) as double:
                for batch in (False, True):
                    double.instead = lambda method, path, s=status: (
                        Raw(status=s, headers=headers) if "files" in path else None
                    )
                    with pytest.raises(OiellmError, match="redirected to"):
                        run(settings(double.url, tmp_path / f"{status}{batch}", batch=batch), 2)
        assert not other.bodies


def test_an_empty_reply_is_asked_for_again(tmp_path):
    with Double(lambda messages, model, attempt: "" if len(double.bodies) < 3 else "at last") as double:
        assert run(settings(double.url, tmp_path), 1, whole)[0] == [(0, ("stop", "at last"))]
        assert len(double.bodies) == 3 and run(settings(double.url, tmp_path), 1, whole)[0] == [
            (0, ("stop", "at last"))
        ]
        assert len(double.bodies) == 3


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_reply_that_stays_empty_is_never_kept_and_is_paid(tmp_path, content, batch):
    with Double(only(Answer(content)), remembers=False) as double:
        for times in (1, 2):
            found, session = run(settings(double.url, tmp_path, batch=batch), 6, whole)
            assert found[3][1][0] == "empty" and not found[3][1][1].strip()
            assert session.ledger.calls == 6 and double.requests.total() == 5 + 3 * times
        double.answer = only("ok")
        assert run(settings(double.url, tmp_path, batch=batch), 6, whole)[0][3][1] == ("stop", "ok")


def test_empty_replies_of_earlier_versions_in_a_cache_are_asked_for_again(tmp_path):
    from oiellm.llm.cache import Answered, Cache
    from oiellm.llm.calls import Reply

    cache, key = Cache(tmp_path), call("row 0").key
    cache.put([Answered(key, MODEL, "first", Reply(" \n", "stop", 5, 0), 5)])
    cache.close()
    with Double(lambda *_: "ok") as double:
        for _ in range(2):
            assert run(settings(double.url, tmp_path), 1, whole)[0] == [(0, ("stop", "ok"))]
        assert double.requests.total() == 1


def test_a_usage_of_nothing_in_the_cache_of_an_earlier_version_is_estimated(tmp_path):
    from oiellm.llm.cache import Answered, Cache
    from oiellm.llm.calls import Reply

    cache = Cache(tmp_path)
    cache.put([Answered(call("row 0").key, MODEL, "first", Reply("a long reply", "stop", 0, 0), 21)])
    cache.close()
    (used,) = run(settings("http://127.0.0.1:9/v1", tmp_path), 1)[1].usage()
    assert used["prompt_tokens"] == 21 and used["completion_tokens"] > 0


def test_the_budget_does_not_trust_a_usage_of_nothing(tmp_path):
    class Free(Double):
        def _completion(self, body, answer):
            found = json.loads(super()._completion(body, answer))
            return json.dumps({**found, "usage": {"prompt_tokens": 0, "completion_tokens": 0}}).encode()

    with Free() as free, Double(usage=False) as silent:
        _, session = run(settings(free.url, tmp_path / "a"), 10)
        _, other = run(settings(silent.url, tmp_path / "b"), 10)
        assert session.usage() == other.usage() and session.ledger.spent > 0
        _, session = run(settings(free.url, tmp_path / "c", max_cost=session.ledger.spent * 0.9), 10)
        assert 0 < session.unfinished < 10


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "System role not supported"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Developer instruction is not enabled for this model"),
        (422, "Template error: Only user and assistant roles are supported!"),
        (500, "Jinja Exception: System role not supported"),
    ],
)
def test_a_model_without_a_system_role_is_told_in_the_users_message(tmp_path, capsys, status, words, batch):
    def answer(messages, model, attempt):
        if messages[0]["role"] == "system":
            raise Reject(status, words)
        return "/".join(message["content"] for message in messages)

    if batch and status == 500:
        pytest.skip("a batch asks again for what failed with 500")
    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path, batch=batch, concurrency=2), 4)
        assert [text for _, text in found] == [f"echo\n\nrow {number}" for number in range(4)]
        assert len(double.bodies) <= 8 if batch else 6
    assert capsys.readouterr().err.count("the instruction goes into the user's message") == 1


def test_examples_keep_their_places_without_a_system_role():
    from oiellm.llm.wire import Dialect

    dialect = Dialect(True, {})
    asked = Call("m", (("system", "do"), ("user", "a"), ("assistant", "b"), ("user", "c")), 5)
    assert dialect.give_up(dialect.body(asked), "System role not supported")
    found = [(one["role"], one["content"]) for one in dialect.body(asked)["messages"]]
    assert found == [("user", "do\n\na"), ("assistant", "b"), ("user", "c")]
    alone = dialect.body(Call("m", (("system", "do"),), 5))["messages"]
    assert alone == [{"role": "user", "content": "do"}]
    assert dialect.body(Call("m", ((PROMPT, "a"),), 5))["prompt"] == "a"


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_what_goes_into_every_request_is_part_of_the_key(tmp_path, batch):
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "temperature": 0.6}
    with Double(lambda *_: str(len(double.bodies))) as double:
        plain = run(settings(double.url, tmp_path, batch=batch), 1)
        asked = settings(double.url, tmp_path, batch=batch, extra_body=extra)
        other = run(asked, 1)
        assert plain[0] != other[0] and double.bodies[-1].items() >= extra.items()
        assert run(asked, 1)[0] == other[0] and len(double.bodies) == 2


def test_what_is_not_taken_of_it_is_not_asked_for_ever(tmp_path):
    def answer(messages, model, attempt):
        raise Reject(400, "Unsupported parameter: 'temperature' and response_format are not supported")

    extra = {"temperature": 1, "response_format": {"type": "json_object"}}
    with Double(answer) as double, pytest.raises(OiellmError, match="Unsupported parameter"):
        run(settings(double.url, tmp_path, extra_body=extra), 2)
    assert len(double.bodies) == 2


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_rows_that_are_too_long_for_the_server_do_not_end_the_run(tmp_path, batch):
    def answer(messages, model, attempt):
        if int(messages[-1]["content"].split()[1]) < 30:
            raise Reject(400, "request (99 tokens) exceeds the available context size (64 tokens)")
        return "ok"

    with Double(answer) as double:
        found, session = run(settings(double.url, tmp_path, batch=batch), 35, whole)
        assert [finish for _, (finish, _) in found] == ["too_long"] * 30 + ["stop"] * 5
        assert "context size" in found[0][1][1] and session.ledger.calls == 5
        with pytest.raises(OiellmError, match="no request was answered .*context size"):
            run(settings(double.url, tmp_path, batch=batch), 30, whole)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *subject]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_a_certificate_that_nobody_vouches_for(tmp_path, certificate, monkeypatch, batch):
    context, path = certificate
    with Double(tls=context) as double:
        with pytest.raises(OiellmError, match="TLS: the server's certificate is not accepted: .*SSL_CERT_FILE"):
            run(settings(double.url, tmp_path, retries=1, batch=batch), 2)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert run(settings(double.url, tmp_path, batch=batch), 2)[0] == [(0, "row 0"), (1, "row 1")]


@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_http_and_https_mixed_up(tmp_path, certificate, batch):
    with Double() as double, pytest.raises(OiellmError, match="TLS: .*does the server speak http://"):
        run(settings(double.url.replace("http:", "https:"), tmp_path, retries=1, batch=batch), 2)
    with Double(tls=certificate[0]) as double, pytest.raises(OiellmError, match="the same command"):
        run(settings(double.url.replace("https:", "http:"), tmp_path, retries=1, batch=batch), 2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
@pytest.mark.parametrize("proxy", ["http://me:pw@127.0.0.1:9", "odd://me:pw@127.0.0.1:9", "socks5://me:pw@127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used(tmp_path, monkeypatch, proxy, batch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    message = (
        "no answer .*" if batch else "the proxy could not be used.*HTTP_PROXY"
    )  # httpx does not tell which address it is
    with pytest.raises(OiellmError, match=message) as error:
        run(settings("http://server.invalid/v1", tmp_path, retries=1, batch=batch), 2)
    assert "pw" not in str(error.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_proxy_that_wants_another_password(tmp_path, monkeypatch):
    with Double() as double:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pw@127.0.0.1:{double.port}")
        with pytest.raises(OiellmError, match="the proxy could not be used.*HTTP_PROXY"):
            run(settings("https://server.invalid/v1", tmp_path, retries=1), 2)


def test_no_host_of_that_name(tmp_path):
    with pytest.raises(OiellmError, match="no host of that name"):
        run(settings("http://server.invalid/v1", tmp_path, retries=1), 2)


LINES = {
    "junk": lambda line: b"junk",
    "html": lambda line: b"<html><title>504</title></html>",
    "cut": lambda line: line[: len(line) // 2],
    "a list": lambda line: b"[" + line + b"]",
    "a string": lambda line: json.dumps(line.decode()).encode(),
    "null": lambda line: b"null",
    "other bytes": lambda line: b"\xff\xfe" + line,
    "deep": lambda line: b"[" * 50_000,
    "response a string": lambda line: _with(line, response="ok"),
    "response a list": lambda line: _with(line, response=[]),
    "response null": lambda line: _with(line, response=None),
    "status a string": lambda line: _with(line, response={"status_code": "fine", "body": None}),
    "body a string": lambda line: _with(line, response={"status_code": 200, "body": "ok"}),
    "body null": lambda line: _with(line, response={"status_code": 200, "body": None}),
    "choices null": lambda line: _with(line, response={"status_code": 200, "body": {"choices": [None]}}),
    "error a string": lambda line: _with(line, response=None, error="lost"),
    "error a list": lambda line: _with(line, response=None, error=["lost"]),
    "no id": lambda line: _with(line, custom_id=None),
    "id a list": lambda line: _with(line, custom_id=[1]),
    "gone": lambda line: b"",
}


def _with(line, **about):
    return json.dumps({**json.loads(line), **about}).encode()


@pytest.mark.parametrize("odd", LINES)
def test_a_bad_line_of_a_batch_costs_its_row_alone(tmp_path, odd):
    def results(lines):
        return [LINES[odd](line) if key in line else line for line in lines]

    key = call("row 3").key.encode()
    with Double(results=results) as double:
        found, session = run(settings(double.url, tmp_path, batch=True), 6, whole)
        assert [row[1] for row in found if row[0] != 3] == [("stop", f"row {n}") for n in range(6) if n != 3]
        assert found[3][1][0] == "failed" and found[3][1][1] and session.ledger.calls == 5
        assert len(double.batches) == 3
        double.results = list
        found, _ = run(settings(double.url, tmp_path, batch=True), 6, whole)
        assert found[3] == (3, ("stop", "row 3")) and len(double.batches) == 4
    assert [path.name for path in (tmp_path / "batches").iterdir() if path.name != "lock"] == []


def test_lines_are_ended_by_a_line_feed_alone(tmp_path):
    text = "a\u2028b\x85c\u2029d"

    def results(lines):
        found = [json.dumps(json.loads(line), ensure_ascii=False).encode() for line in lines]
        return [b"\xef\xbb\xbf" + found[0] + b"\r", *found[1:], b"", b" "]

    with Double(lambda *_: text, results=results) as double:
        assert run(settings(double.url, tmp_path, batch=True), 3)[0] == [(n, text) for n in range(3)]
        assert len(double.batches) == 1


def test_a_batch_that_is_completed_without_files_is_an_error_after_one_try(tmp_path):
    with Double(results=lambda lines: lines) as double:
        double.instead = lambda method, path: (
            Raw(json.dumps({"id": path[-7:], "status": "completed", "output_file_id": None}).encode())
            if method == "GET" and "/batches/" in path
            else None
        )
        with pytest.raises(OiellmError, match="completed .it names no file of results"):
            run(settings(double.url, tmp_path, batch=True), 3)
        assert len(double.batches) == 1
        double.instead = lambda method, path: None
        assert run(settings(double.url, tmp_path, batch=True), 3)[0] == [(n, f"row {n}") for n in range(3)]


@pytest.mark.parametrize("where", ["/files", "/batches", "/batches/", "/content"])
@pytest.mark.parametrize(
    "odd",
    [
        Raw(b"<html><title>Sign in</title></html>", headers=HTML),
        Raw(b"{}"),
        Raw(b"[1]"),
        Raw(b'"ok"'),
        Raw(b""),
        Raw(b'{"id": "x", "status": "comp', cut=True),
        Raw(b"garbage", headers=GZIP),
        Raw(b'{"error": {"message": "no worker is free"}}', 500),
        Raw(b'{"error": {"message": "who are you"}}', 401),
        Raw(b'{"id": 5, "status": 7, "request_counts": "many", "errors": "none"}'),
    ],
    ids=["html", "object", "list", "string", "nothing", "cut", "gzip", "500", "401", "odd types"],
)
def test_a_batch_api_that_answers_oddly_ends_in_one_line_and_a_rerun_goes_on(tmp_path, where, odd):
    with Double() as double:
        double.instead = lambda method, path: (
            odd if (where in path if where.endswith(("/", "content")) else path.endswith(where)) else None
        )
        try:
            found, _ = run(settings(double.url, tmp_path, batch=True, retries=0), 3, whole)
            assert where == "/content" and {finish for _, (finish, _) in found} <= {"failed"}
        except OiellmError as error:
            assert "\n" not in str(error) and double.url in str(error)
        double.instead = lambda method, path: None
        found, _ = run(settings(double.url, tmp_path, batch=True), 3, whole)
        assert found == [(n, ("stop", f"row {n}")) for n in range(3)]
