"""The pilot of a long run: its rows are part of the run, and what it says about the others is right where it can be known."""

import re
from collections import defaultdict
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.export import build_release
from mmm_dataset import load
from oiellm.cli import main
from oiellm.predict.endpoint import EndpointEngine
from oiellm.predict.local import LocalEngine, load_model
from oiellm.predict.pilot import STRATA, Estimate, strata
from oiellm.predict.run import Run
from oiellm.predict.store import read_predictions
from tests.double.server import Double as Server
from tests.double.server import Reject
from tests.oiellm.test_run import DEAD, REGISTRY, Double, gold
from tests.oiellm.tiny import save_tiny
from tests.records import make_record


def texts(count):
    """Rows of many lengths: a few long ones, as in a real test set."""
    lengths = [3 + number * 7 % 40 + (number % 50 == 0) * 90 for number in range(count)]
    return [make_record("a" * length, [], id=f"r{number}") for number, length in enumerate(lengths)]


class Clocked(Double):
    """A double that works on ``at_once`` rows together and takes ``cost`` seconds, by a clock of its own, for a row."""

    at_once = 4

    def __init__(self, rows, cost, **options):
        super().__init__(gold(rows), batch=self.at_once, **options)
        self.cost, self.now = cost, 0.0

    @property
    def keys(self):
        return list(chain.from_iterable(self.asked))

    def generate(self, requests, max_new_tokens):
        for request, reply in zip(requests, super().generate(requests, max_new_tokens), strict=True):
            self.now += self.cost(request)
            yield reply


def begin(rows, engine, out):
    return Run(rows, engine, out, registry=REGISTRY)


def predicted(out):
    return [{**row, "batch": None} for row in read_predictions(out)[0]]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=200))
def test_groups_are_neighbours_and_every_batch_is_in_one(sizes):
    sizes = sorted(sizes, reverse=True)
    groups = strata(sizes)
    assert [batch for group in groups for batch in group] == list(range(len(sizes)))
    assert all(groups) and len(groups) <= STRATA
    share = sum(sizes) / STRATA
    assert all(sum(sizes[batch] for batch in group) <= share + sizes[group[0]] for group in groups)


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_time_that_goes_by_characters_is_told_exactly(tmp_path, rate):
    rows = texts(300)
    engine = Clocked(rows, lambda request: rate * len(request.prompt))
    run = begin(rows, engine, tmp_path / "out")
    found = run.pilot(lambda: engine.now)
    spent = engine.now
    assert found.pilot_seconds == pytest.approx(spent) and found.pilot_rows == len(engine.keys) == 20
    assert found.rows == 280 and found.total == 300
    run.finish()
    assert found.seconds == pytest.approx(engine.now - spent)
    assert found.characters * rate == pytest.approx(engine.now - spent)


def test_lengths_that_cost_more_a_character_are_told_apart_and_what_is_done_once_is_not_counted(tmp_path):
    rows = texts(400)
    engine = Clocked(rows, lambda request: 0.01 * len(request.prompt) ** 2 + 500 * (engine.now == 0))
    run = begin(rows, engine, tmp_path / "out")
    found, spent = run.pilot(lambda: engine.now), engine.now
    assert spent > 500
    run.finish()
    assert found.seconds == pytest.approx(engine.now - spent, rel=0.1)
    even = (
        (spent - 500) / found.pilot_rows * found.rows
    )  # what seconds a row of the pilot, lengths aside, would have said
    assert abs(even / (engine.now - spent) - 1) > 0.3


def test_the_longest_rows_are_asked_first_and_the_pilot_has_all_lengths(tmp_path):
    rows = texts(300)
    engine = Clocked(rows, lambda request: 1)
    begin(rows, engine, tmp_path / "out").pilot()
    lengths = sorted((len(row.text) for row in rows), reverse=True)
    first, others = ([len(rows[key].text) for key in keys] for keys in engine.asked)
    assert first == lengths[:4]
    assert len(others) == 4 * STRATA and others == sorted(others, reverse=True)
    assert others[0] > lengths[60] and others[-1] < lengths[200]


def test_rows_of_the_pilot_are_kept_and_nothing_is_asked_twice(tmp_path):
    rows = texts(200)
    plain = Clocked(rows, lambda request: 1)
    begin(rows, plain, tmp_path / "plain").finish()
    engine = Clocked(rows, lambda request: 1)
    run = begin(rows, engine, tmp_path / "out")
    run.pilot()
    summary = run.finish()
    assert sorted(engine.keys) == list(range(200)) and summary["rows"] == 200
    assert predicted(tmp_path / "out") == predicted(tmp_path / "plain")
    assert run.pilot() is None and run.finish() == summary  # a finished run


def test_a_resumed_run_counts_only_what_is_left(tmp_path):
    rows = texts(300)
    stopped = Clocked(rows, lambda request: 1, fail_after=70, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        begin(rows, stopped, tmp_path / "out").finish()
    engine = Clocked(rows, lambda request: 1)
    found = begin(rows, engine, tmp_path / "out").pilot()
    assert found.rows == 300 - 70 - found.pilot_rows and found.total == 300
    done = {*stopped.asked[0][:70], *engine.keys}
    assert found.characters == sum(len(f"{row.text}/NER") for at, row in enumerate(rows) if at not in done)


@pytest.mark.parametrize("error", [DEAD, KeyboardInterrupt()])
def test_a_pilot_that_is_stopped_keeps_what_it_has(tmp_path, error):
    rows = texts(200)
    engine = Clocked(rows, lambda request: 1, fail_after=4, error=error)  # in the second call
    with pytest.raises(type(error)):
        begin(rows, engine, tmp_path / "out").pilot()
    engine = Clocked(rows, lambda request: 1)
    begin(rows, engine, tmp_path / "out").finish()
    assert len(engine.keys) == 200 - 8


def test_a_small_run_has_no_pilot(tmp_path):
    rows = texts(79)
    engine = Clocked(rows, lambda request: 1)
    assert begin(rows, engine, tmp_path / "out").pilot() is None and engine.asked == []
    rows = texts(80)
    assert begin(rows, Clocked(rows, lambda request: 1), tmp_path / "more").pilot() is not None


def test_a_few_rows_longer_than_all_others_together(tmp_path):
    rows = [make_record("a" * (5000 if number < 6 else 5), [], id=f"r{number}") for number in range(100)]
    engine = Clocked(rows, lambda request: len(request.prompt))
    run = begin(rows, engine, tmp_path / "out")
    found, spent = run.pilot(lambda: engine.now), engine.now
    run.finish()
    assert found.seconds == pytest.approx(engine.now - spent)


def test_the_line():
    found = Estimate(659_468, 659_628, 98_123_456, 69_480.0, 160, 8.13)
    assert found.line == (
        "about 19.3 hours for 659,468 of 659,628 rows (98,123,456 characters of prompts), at the speed of a pilot of 160 rows "
        "that took 8.1 seconds and is kept; Ctrl-C keeps all that is done"
    )


def test_batches_of_a_model_are_the_same_with_and_without(tmp_path):
    """Other batches could mean other bytes in bf16."""
    rows = texts(90)
    engine = LocalEngine(load_model(save_tiny(tmp_path / "model"), device="cpu"), 4)

    def batches(out):
        found = defaultdict(set)
        for row in read_predictions(out)[0]:
            found[row["batch"]].add(row["id"])
        return set(map(frozenset, found.values()))

    options = {"registry": REGISTRY, "max_new_tokens": 6}
    Run(rows, engine, tmp_path / "plain", **options).finish()
    run = Run(rows, engine, tmp_path / "out", **options)
    assert run.pilot().pilot_rows == 20
    run.finish()
    assert batches(tmp_path / "out") == batches(tmp_path / "plain")
    assert predicted(tmp_path / "out") == predicted(tmp_path / "plain")


def test_an_endpoint_is_measured_with_all_its_requests_in_flight(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    rows = texts(100)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}
    with Server(lambda messages, *_: answers[messages[-1]["content"]]) as server:
        run = begin(rows, EndpointEngine(server.url, "m", concurrency=4), tmp_path / "out")
        found = run.pilot()
        assert found.rows == 80 and found.seconds > 0 and len(server.bodies) == 20
        assert run.finish()["rows"] == 100 == len(server.bodies)
    assert [row["output"] for row in read_predictions(tmp_path / "out")[0]] == gold(rows)


def test_rows_that_a_server_refuses_in_the_pilot_are_not_asked_about_again(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    rows = texts(100)
    answers = {f"{row.text}/NER": output for row, output in zip(rows, gold(rows), strict=True)}
    longest = max(answers, key=len)

    def answer(messages, model, attempt):
        if (prompt := messages[-1]["content"]) == longest:
            raise Reject(400, "not this one")
        return answers[prompt]

    with Server(answer) as server:
        run = begin(rows, EndpointEngine(server.url, "m", concurrency=4), tmp_path / "out")
        run.pilot()
        summary = run.finish()
        assert summary["rows"] == 100 == len(server.bodies)
    count = sum(f"{row.text}/NER" == longest for row in rows)
    assert summary["finish"] == {"refused": count, "stop": 100 - count}


@pytest.mark.parametrize("protocol", ["full", "standard"])
def test_full_says_how_long_each_decoding_takes_before_it_goes_on(tmp_path, capsys, protocol):
    rows = [make_record(f"{n} {n * 7919 % 10007}", [], id=f"r{n}", source_id=f"s{n}", split="test") for n in range(60)]
    build_release(rows, tmp_path / "release", load(), split="published")
    model = save_tiny(tmp_path / "model")
    line = ["evaluate", "--model", str(model), "--data", str(tmp_path / "release"), "--protocol", protocol]
    line += ["--decoding", "both", "--batch-size", "2", "--max-new-tokens", "90", "--out", str(tmp_path / "out")]
    main(line)
    said = capsys.readouterr()
    lines = [text for text in said.err.splitlines() if "pilot" in text]
    if protocol == "standard":
        assert lines == []
        return
    for way, text in zip(("free", "constrained"), lines, strict=True):
        assert text.startswith(f"{tmp_path / 'out' / way}: about ")
        assert re.search(
            r"for 50 of 60 rows \([\d,]+ characters of prompts\), at the speed of a pilot of 10 rows", text
        )
    main(line)  # a finished run
    assert "pilot" not in capsys.readouterr().err
