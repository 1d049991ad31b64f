"""The pilot: a run whose first rows come to nothing stops there, with the server's words and a code that is not zero."""

import json

import pytest

from build.cli import main as build
from build.readers import demo
from mmm_dataset import Record, load, to_dict
from oiellm.cli import main as oiellm
from oiellm.errors import OiellmError
from oiellm.llm.calls import ask
from oiellm.llm.session import Session
from tests.double.server import Answer, Double, Raw, Reject
from tests.oiellm.llm.talk import call, chain, run, settings, single


def refuse(messages, model, attempt):
    raise Reject(400, "the template of this chat is broken")


def unwanted(text):
    return "" if text == "good" else f"malformed: {text!r}"


@pytest.mark.parametrize("rows", [1, 6, 19])
@pytest.mark.parametrize("batch", [False, True], ids=["live", "batch"])
def test_a_run_in_which_nothing_is_answered_is_an_error(tmp_path, rows, batch):
    with Double(refuse) as double:
        for problem in (None, unwanted):
            with pytest.raises(OiellmError, match="template of this chat is broken"):
                run(settings(double.url, tmp_path, batch=batch), rows, problem=problem)
        double.answer = lambda *_: Answer("")
        with pytest.raises(OiellmError, match="(replies are|reply is) empty"):
            run(settings(double.url, tmp_path, batch=batch), rows)


def test_a_model_that_thinks_and_does_not_answer_is_named(tmp_path):
    message = {"content": None, "reasoning_content": "It may be the first."}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    with (
        Double(lambda *_: Raw(body)) as double,
        pytest.raises(OiellmError, match="thinks and does not answer.*--extra-body"),
    ):
        run(settings(double.url, tmp_path), 3)


def test_no_more_than_the_first_rows_are_asked_about_until_one_comes_to_something(tmp_path):
    with Double(lambda *_: "bad", latency=0.01) as double:
        asked = settings(double.url, tmp_path, concurrency=64)
        with pytest.raises(OiellmError, match="none of the first 20 rows.*malformed: 'bad'.*--no-pilot"):
            run(asked, 500, problem=unwanted)
        assert len(double.requests) == 20
        with pytest.raises(OiellmError, match="none of the first 20 rows"):  # from the cache
            run(asked, 500, problem=unwanted)
        assert len(double.requests) == 20
        found, _ = run(settings(double.url, tmp_path, pilot=False), 100, problem=unwanted)
        assert len(found) == 100 and double.requests.total() == 100


def test_fewer_rows_that_are_answered_are_written_with_what_is_wrong(tmp_path):
    with Double(lambda *_: "bad") as double:
        assert len(run(settings(double.url, tmp_path), 19, problem=unwanted)[0]) == 19


@pytest.mark.parametrize("good", [0, 7, 19])
def test_one_good_row_among_the_first_is_enough(tmp_path, good):
    def answer(messages, model, attempt):
        return "good" if messages[-1]["content"] == f"row {good}" else "bad"

    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path, concurrency=64), 300, problem=unwanted)
    assert [number for number, _ in found] == list(range(300)) and len(double.requests) == 300


def test_rows_that_nothing_is_asked_about_or_that_are_too_long_do_not_count(tmp_path):
    def answer(messages, model, attempt):
        if int(messages[-1]["content"].split()[1]) < 80:
            raise Reject(400, "prompt is too long: 99 tokens > 64 maximum")
        return "good"

    def start(number):
        if number % 2:
            return "left out"
        reply = yield from ask(call(f"row {number}"))
        return reply.text

    with Double(answer) as double:
        found, _ = run(settings(double.url, tmp_path), 90, start, problem=unwanted)
    assert [text for _, text in found[80:]] == ["good", "left out"] * 5


def test_what_two_rows_ask_is_asked_once_though_one_is_held_back(tmp_path):
    def start(number):
        first = yield from ask(call(f"row {number % 25}"))
        second = yield from ask(call("for all"))
        return first.text, second.text

    with Double(latency=0.02) as double:
        found, _ = run(settings(double.url, tmp_path, concurrency=64), 200, start, problem=lambda texts: "")
        assert set(double.requests.values()) == {1} and len(double.requests) == 26
    assert found == [(number, (f"row {number % 25}", "for all")) for number in range(200)]


@pytest.mark.parametrize("concurrency", [1, 3, 64])
def test_results_are_the_same_at_any_concurrency(tmp_path, concurrency):
    with Double() as double:
        found, session = run(settings(double.url, tmp_path, concurrency=concurrency), 70, chain, problem=lambda _: "")
        assert [texts[0] for _, texts in found] == [f"row {number}" for number in range(70)]
        assert set(double.requests.values()) == {1} and session.ledger.calls == 210


def test_refusals_after_an_answer_of_an_earlier_run_do_not_end_the_run(tmp_path):
    def answer(messages, model, attempt):
        return "ok" if messages[-1]["content"] == "row 0" else refuse(messages, model, attempt)

    with Double(answer) as double:
        asked = settings(double.url, tmp_path, concurrency=4)
        run(asked, 1)
        with Session(asked) as session:
            session.recall(lambda: range(60), single)
            assert len(list(session.run(lambda: range(1, 60), single))) == 59


def test_progress_shows_calls_in_flight_and_tokens(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("oiellm.llm.meter.EVERY", 0.1)
    with Double(latency=0.4) as double:
        run(settings(double.url, tmp_path), 60)
    lines = capsys.readouterr().err.splitlines()
    assert any("calls in flight" in line for line in lines) and any(" tokens, " in line for line in lines)


# ------------------------------------------------------------------------------------------------------------- the verbs


@pytest.fixture
def rows():
    return [row for row in demo.read(demo.FOLDER, load()) if isinstance(row, Record) and row.config == "en_scnm"]


def typed(verb, rows, tmp_path, release, url, count, *more):
    """Type a verb for so many rows; returns its exit code."""
    where = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), *more]
    model = ["--base-url", url, "--model", "m", "--retries", "1"]
    if verb == "translate":
        asked = ["--source", "en_scnm", "--to", "ja", "--release", str(release), "--sample", str(count)]
        return build([verb, *asked, *where, *model])
    if verb == "annotate":
        path = tmp_path / "list" / "worklist.jsonl"
        path.parent.mkdir(exist_ok=True)
        lines = [json.dumps({**to_dict(row), "label": None}, ensure_ascii=False) for row in rows[:count]]
        path.write_text("\n".join(lines), encoding="utf-8")
        return build([verb, str(path), *where, *model])
    style = ["--style", "chat"] if verb == "chat" else []
    return oiellm(["predict", "--data", str(release), "--configs", "en_scnm", *style, *where, *model])


VERBS = ("translate", "annotate", "chat", "endpoint")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_the_server_says_and_writes_nothing(verb, rows, tmp_path, demo_release, capsys):
    with Double(refuse) as double:
        assert typed(verb, rows, tmp_path, demo_release, double.url, 6) == 2
    assert "the template of this chat is broken" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.jsonl")) and not list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize("verb", ("translate", "annotate"))
def test_a_run_of_which_nothing_can_be_kept_stops_after_twenty_rows(verb, rows, tmp_path, demo_release, capsys):
    with Double(lambda *_: "I am a teapot.") as double:
        assert typed(verb, rows, tmp_path, demo_release, double.url, 40) == 2
        said = capsys.readouterr().err
        assert "teapot" in said and "--no-pilot" in said
        assert not list((tmp_path / "out").rglob("*.jsonl"))
        asked = len(double.requests)
        assert typed(verb, rows, tmp_path, demo_release, double.url, 40, "--no-pilot") == 0
        assert len(double.requests) > asked


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_or_shows_a_password_in_an_address(verb, rows, tmp_path, demo_release, capsys):
    try:
        code = typed(verb, rows, tmp_path, demo_release, "http://me:secret@127.0.0.1:9/v1", 6)
    except SystemExit as end:
        code = end.code
    shown = capsys.readouterr()
    assert code == 2 and "secret" not in shown.out + shown.err and "password" in shown.err
    assert not any("secret" in str(path) or b"secret" in path.read_bytes() for path in tmp_path.rglob("*.js*"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_an_extra_body(verb, rows, tmp_path, demo_release):
    with Double(refuse) as double:
        assert typed(verb, rows, tmp_path, demo_release, double.url, 6, "--extra-body", '{"top_k": 7}') == 2
        assert double.bodies and {body["top_k"] for body in double.bodies} == {7}


def test_labels_of_the_worklist_that_are_unknown_are_said_to_be_its_own_before_any_call(tmp_path, rows, capsys):
    path = tmp_path / "list" / "worklist.jsonl"
    path.parent.mkdir()
    lines = [{**to_dict(rows[0]), "label": None}, {**to_dict(rows[1]), "label": "Gossip", "items": None}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with Double() as double:
        where = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--base-url", double.url]
        assert build(["annotate", str(path), *where]) == 2 and not double.requests
    said = capsys.readouterr().err
    assert f"{path}:2: " in said and "Gossip" in said and rows[1].id in said
