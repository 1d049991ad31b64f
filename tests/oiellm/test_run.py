"""Runs: every record has a row, resume, forms, the summary. Engines here are doubles with scripted replies."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_dataset import Item, encode, load
from mmm_f1.scoring import score
from mmm_f1.unified import render
from oiellm.errors import OiellmError
from oiellm.predict.engine import Reply
from oiellm.predict.local import LocalEngine, load_model
from oiellm.predict.run import Run
from oiellm.predict.store import PARTS, read_predictions
from tests.oiellm.tiny import save_tiny
from tests.records import EVENTS, RELATIONS, make_record, records
from tests.strategies import garbage

REGISTRY = load()
ROOT = Path(__file__).parents[2]


DEAD = OiellmError("dead")


class Double:
    """An engine that knows its replies, key by key, and may fail after some."""

    name, model, dtype = "transformers", "double", "float32"

    def __init__(self, replies, fail_after=None, error=DEAD, batch=4):
        self.replies, self.fail_after, self.error, self.batch = replies, fail_after, error, batch
        self.asked = []

    def generate(self, requests, max_new_tokens):
        self.asked.append([request.key for request in requests])
        for number, request in enumerate(requests):
            if number == self.fail_after:
                raise self.error
            given = self.replies[request.key]
            text, finish = given if isinstance(given, tuple) else (given, "stop")
            yield Reply(request.key, text, finish, len(text), -1 if finish == "too_long" else number // self.batch)


def people(count):
    return [
        make_record(
            f"{number} " + "東京 " * (number % 3), [Item.pair("地名", "東京")] if number % 3 else [], id=f"r{number}"
        )
        for number in range(count)
    ]


def gold(rows):
    return [encode(row)[1] for row in rows]


def run(rows, engine, out, chunk=4096, **options):
    return Run(rows, engine, out, registry=REGISTRY, **options).finish(chunk)


def test_every_record_has_a_row_in_the_order_of_the_input(tmp_path):
    rows = people(10)
    summary = run(rows, Double(gold(rows)), tmp_path / "out")
    found, about = read_predictions(tmp_path / "out")
    assert [row["id"] for row in found] == [row.id for row in rows]
    assert [row["output"] for row in found] == gold(rows)
    assert found[2]["entities"][0] == {"label": "地名", "text": "東京", "start": 2, "end": 4}
    assert found[2]["tuples"] == [] and found[2]["label"] == "社会"
    assert found[0]["input"] == f"{rows[0].text}/NER"
    assert {row["engine"] for row in found} == {"transformers"} and {row["dtype"] for row in found} == {"float32"}
    assert summary == about["summary"] and summary["rows"] == 10 and summary["failures"] == {}
    assert summary["new_tokens"] == sum(map(len, gold(rows)))
    # Scored from the file alone, they are what they were predicted to be.
    assert score([row["output"] for row in found], gold(rows), [row["input"] for row in found])["all"] == 1


def test_failures_and_issues_are_rows_and_are_counted(tmp_path):
    rows = people(6)
    outputs = [
        "no word",
        "社会/NER/:x",
        "社会/NER/:動物;東京",
        "社会/NER/:地名;大阪",
        "社会/NER/:地名;東京:地名;東京",
        ("", "too_long"),
    ]
    summary = run(rows, Double(outputs), tmp_path / "out")
    found, _ = read_predictions(tmp_path / "out")
    assert [row["failure"] for row in found] == ["no_task_word", "broken_pair", None, None, None, "no_task_word"]
    assert "does not fit" in found[5]["failure_detail"] and found[5]["finish"] == "too_long" and found[5]["batch"] == -1
    assert found[0]["label"] is None and found[0]["entities"] is None and found[0]["issues"] == []
    assert found[4]["entities"] == [
        {"label": "地名", "text": "東京", "start": 2, "end": 4},
        {"label": "地名", "text": "東京", "start": None, "end": None},
    ]
    assert summary["failures"] == {"broken_pair": 1, "no_task_word": 2}
    assert summary["issues"] == {"entity_not_in_text": 1, "repeated_pair": 1, "unknown_label": 1}
    assert summary["finish"] == {"stop": 5, "too_long": 1}


@pytest.mark.parametrize("error", [OiellmError("dead"), KeyboardInterrupt()])
def test_a_stopped_run_goes_on_where_it_stopped(tmp_path, error):
    rows = people(10)
    with pytest.raises(type(error)):
        run(rows, Double(gold(rows), fail_after=5, error=error), tmp_path / "out")
    second = Double(gold(rows), fail_after=3)
    with pytest.raises(OiellmError):
        run(rows, second, tmp_path / "out")
    third = Double(gold(rows))
    run(rows, third, tmp_path / "out")
    assert len(second.asked[0]) == 5 and len(third.asked[0]) == 2
    found, _ = read_predictions(tmp_path / "out")
    assert [row["output"] for row in found] == gold(rows)
    # Batches of the three runs are told apart.
    assert [row["batch"] for row in sorted(found, key=lambda row: row["batch"])] == [0] * 4 + [1] + [2] * 3 + [3] * 2
    fourth = Double({})
    assert run(rows, fourth, tmp_path / "out")["rows"] == 10 and fourth.asked == []


def test_rows_are_stored_while_the_engine_works(tmp_path, monkeypatch):
    monkeypatch.setattr("oiellm.predict.run.PART_ROWS", 3)
    rows, seen = people(8), []

    class Watching(Double):
        def generate(self, requests, max_new_tokens):
            for reply in super().generate(requests, max_new_tokens):
                seen.append(len(list((tmp_path / "out" / PARTS).glob("0*.parquet"))))
                yield reply

    run(rows, Watching(gold(rows)), tmp_path / "out", chunk=5)
    assert seen == [0, 0, 0, 1, 1, 2, 2, 2]


def test_the_longest_rows_are_asked_first(tmp_path):
    rows = people(7)
    engine = Double(gold(rows))
    run(rows, engine, tmp_path / "out", chunk=3)
    lengths = [len(rows[key].text) for keys in engine.asked for key in keys]
    assert lengths == sorted(lengths, reverse=True) and [len(keys) for keys in engine.asked] == [3, 3, 1]


def test_other_settings_and_other_rows_need_another_folder(tmp_path):
    rows = people(3)
    run(rows, Double(gold(rows)), tmp_path / "out", settings={"model_digest": "a"})
    for changes in ({"max_new_tokens": 9}, {"settings": {"model_digest": "b"}}, {"settings": {}}):
        with pytest.raises(OiellmError, match="choose another --out"):
            run(rows, Double(gold(rows)), tmp_path / "out", **{"settings": {"model_digest": "a"}, **changes})
    for other in (rows[:2], [*rows[:2], replace(rows[2], text="x東京東京")], rows[::-1]):
        with pytest.raises(OiellmError, match="rows"):
            run(other, Double(gold(other)), tmp_path / "out", settings={"model_digest": "a"})


def test_an_id_that_is_there_twice_and_an_unknown_config_are_refused(tmp_path):
    rows = people(2)
    with pytest.raises(OiellmError, match=r"'r0' of ja_scnm is there twice"):
        run([rows[0], rows[1], rows[0]], Double({}), tmp_path / "out")
    with pytest.raises(OiellmError, match=r"no config 'xx_scnm'.*--registry"):
        run([replace(rows[0], language="xx")], Double({}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_engine_that_forgets_a_row_is_caught(tmp_path):
    class Forgetful(Double):
        def generate(self, requests, max_new_tokens):
            yield from list(super().generate(requests, max_new_tokens))[1:]

    rows = people(3)
    with pytest.raises(OiellmError, match="2 replies to 3 records"):
        run(rows, Forgetful(gold(rows)), tmp_path / "out")


def test_rows_without_gold_can_be_predicted(tmp_path):
    rows = [replace(row, label=None, items=None) for row in people(3)]
    assert run(rows, Double(gold(people(3))), tmp_path / "out")["failures"] == {}


def test_labels_of_the_closed_setting_stand_in_the_prompt_and_are_the_label_set(tmp_path):
    row = make_record("Tokyo", [], task="tconer", language="en", id="a")
    run([row], Double(["x/NER/:City;Tokyo"]), tmp_path / "out", labels={("en_tconer", "a"): ["Place", "a;b"]})
    found, _ = read_predictions(tmp_path / "out")
    assert found[0]["input"] == r"Tokyo/Place;a\;b/NER" and found[0]["issues"] == ["unknown_label"]


PUBLISHED = make_record(
    "J:COM春日部は埼玉にある",
    [],
    id="p",
    origin="published",
    raw=("J:COM春日部は埼玉にある/NER", "学問/NER/:法人名;J:COM春日部:地名;埼玉"),
)


def test_a_free_reply_to_a_published_row_is_read_in_published_form(tmp_path):
    run([PUBLISHED], Double([PUBLISHED.raw[1]]), tmp_path / "out")
    (row,), _ = read_predictions(tmp_path / "out")
    assert row["form"] == "published" and row["output"] == row["raw"] == PUBLISHED.raw[1]
    assert [(e["label"], e["text"], e["start"]) for e in row["entities"]] == [
        ("法人名", "J:COM春日部", 0),
        ("地名", "埼玉", 9),
    ]


def test_a_constrained_reply_to_a_published_row_is_scored_in_published_form(tmp_path):
    raw = r"学問/NER/:法人名;J\:COM春日部:地名;埼玉"
    run([PUBLISHED], Double([raw]), tmp_path / "out", constrained=True)
    (row,), _ = read_predictions(tmp_path / "out")
    assert row["raw"] == raw and row["output"] == PUBLISHED.raw[1] and row["constrained"]
    figures = score([row["output"]], [PUBLISHED.raw[1]], [row["input"]], form="published")
    assert figures["all"] == 1 and row["entities"][0]["end"] == 8


@pytest.mark.parametrize("finish", ["length", "closed"])
def test_a_cut_constrained_reply_is_repaired_and_counted_and_a_free_one_is_not(tmp_path, finish):
    text = "社会/NER/:地名;東京:地"
    rows = people(2)
    free = run(rows, Double([(text, finish)] * 2), tmp_path / "free")
    assert free["failures"] == {"broken_pair": 2} and free["dropped_items"] == 0
    constrained = run(rows, Double([(text, finish)] * 2), tmp_path / "constrained", constrained=True)
    found, _ = read_predictions(tmp_path / "constrained")
    assert constrained["failures"] == {} and constrained["dropped_items"] == sum(r["dropped_items"] for r in found) > 0
    assert found[0]["raw"] == text and found[0]["output"].startswith("社会/NER/") and found[0]["output"] != text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hostile_records_and_replies_become_rows(tmp_path, data):
    rows = data.draw(st.lists(records(), min_size=1, max_size=4))
    replies = [data.draw(st.one_of(st.just(reply), garbage)) for reply in gold(rows)]
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    run(rows, Double(replies), out)
    found, _ = read_predictions(out)
    assert [row["raw"] for row in found] == replies and len(found) == len(rows)
    for record, reply, row in zip(rows, replies, found, strict=True):
        if reply == encode(record)[1]:
            items = row["entities"] if record.word not in (RELATIONS, EVENTS) else row["tuples"]
            assert row["failure"] is None and row["label"] == record.label and len(items) == len(record.items)
        for entity in row["entities"] or ():
            if entity["start"] is not None:
                assert record.text[entity["start"] : entity["end"]] == entity["text"]


def test_events_are_rows_of_the_release_schema(tmp_path):
    fields = [("王", "移動", "", "昨日")]
    row = make_record("昨日王は去った", [], "政治", "tcree", EVENTS)
    run([row], Double([render("政治", EVENTS, fields)]), tmp_path / "out")
    (found,), _ = read_predictions(tmp_path / "out")
    roles = [(a["role"], a["start"]) for a in found["tuples"][0]["arguments"]]
    assert roles == [("subject", 2), ("time", 0)] and found["entities"] == []


KILLED = """
import sys
from pathlib import Path
from oiellm.predict.local import LocalEngine, load_model
import oiellm.predict.run as run
from tests.oiellm.test_run import REGISTRY, people
run.PART_ROWS = 4
engine = LocalEngine(load_model(sys.argv[1], device="cpu"), 2)
plain = engine.generate
def dying(requests, limit):
    for number, reply in enumerate(plain(requests, limit)):
        if number == 11 and len(sys.argv) > 3:
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
        yield reply
engine.generate = dying
print(run.Run(people(20), engine, Path(sys.argv[2]), registry=REGISTRY, max_new_tokens=6).finish())
"""


@pytest.mark.slow
def test_after_kill_9_the_rest_is_predicted_and_equals_an_unbroken_run(tmp_path):
    folder = save_tiny(tmp_path / "model")

    def start(out, *more):
        command = [sys.executable, "-c", KILLED, str(folder), str(out), *more]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)

    assert start(tmp_path / "out", "die").returncode == -signal.SIGKILL
    assert len(list((tmp_path / "out" / PARTS).glob("0*.parquet"))) == 2
    done = start(tmp_path / "out")
    assert done.returncode == 0, done.stderr.decode()
    run(people(20), LocalEngine(load_model(folder, device="cpu"), 2), tmp_path / "whole", max_new_tokens=6)
    (resumed, about), (whole, other) = read_predictions(tmp_path / "out"), read_predictions(tmp_path / "whole")
    assert [{**row, "batch": 0} for row in resumed] == [{**row, "batch": 0} for row in whole] and about == other
