"""The folder of a run: parts, order, resume, settings."""

import json

import pyarrow.parquet as pq
import pytest

from oiellm.errors import OiellmError
from oiellm.predict.store import PARTS, PREDICTIONS, ROW, Store, read_predictions, schema

SETTINGS = {"model": "m", "max_new_tokens": 8, "versions": {"torch": "2"}}


def row(number, **changes):
    values = dict.fromkeys(schema().names, "")
    values |= {"entities": [], "tuples": None, "failure": None, "issues": [], "dropped_items": 0, "new_tokens": 1}
    values |= {"label_confidence": None, "item_confidences": None}
    return {ROW: number, **values, "id": f"r{number}", "batch": number // 2, "constrained": False, **changes}


def test_parts_come_out_in_the_order_of_the_input(tmp_path):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(4), row(0)])
    store.add([row(2)])
    assert Store(tmp_path / "out", SETTINGS).so_far() == ({4, 0, 2}, 3)
    store.add([row(1), row(3, entities=[{"label": "人名", "text": "a:b", "start": None, "end": None}])])
    store.finish(store.merged(), {"rows": 5})
    rows, run = read_predictions(tmp_path / "out")
    assert [r["id"] for r in rows] == ["r0", "r1", "r2", "r3", "r4"]
    assert rows[3]["entities"] == [{"label": "人名", "text": "a:b", "start": None, "end": None}]
    assert run == {"settings": SETTINGS, "summary": {"rows": 5}}
    assert not (tmp_path / "out" / PARTS).exists()
    assert pq.read_schema(tmp_path / "out" / PREDICTIONS).names == schema().names


def test_a_run_of_other_settings_is_not_touched(tmp_path):
    Store(tmp_path / "out", SETTINGS).add([row(0)])
    with pytest.raises(OiellmError, match=r"holds a run with max_new_tokens = 8, not 9; choose another --out"):
        Store(tmp_path / "out", {**SETTINGS, "max_new_tokens": 9})
    with pytest.raises(OiellmError, match=r"with data = null, not \"x\""):
        Store(tmp_path / "out", {**SETTINGS, "data": "x"})
    with pytest.raises(OiellmError, match=r"versions"):
        Store(tmp_path / "out", {**SETTINGS, "versions": {"torch": "3"}})
    assert Store(tmp_path / "out", SETTINGS).so_far() == ({0}, 1)


def test_settings_are_compared_as_json(tmp_path):
    Store(tmp_path / "out", {"configs": ("a", "b")})
    Store(tmp_path / "out", {"configs": ["a", "b"]})


def test_an_unfinished_run_cannot_be_read(tmp_path):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(0)])
    assert store.summary() is None
    with pytest.raises(OiellmError, match="not finished; run the same predict command again"):
        read_predictions(tmp_path / "out")
    with pytest.raises(OiellmError, match=r"no predictions there: run.json is missing"):
        read_predictions(tmp_path / "nowhere")


def test_leftovers_of_a_kill_are_not_parts(tmp_path):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(0)])
    (tmp_path / "out" / PARTS / ".000001.parquet.77").write_bytes(b"half a file")
    assert store.so_far() == ({0}, 1)
    store.add([row(1)])
    store.finish(store.merged(), {"rows": 2})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [PREDICTIONS, "run.json"]


def test_a_kill_before_the_summary_finishes_at_the_next_start(tmp_path):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(0)])
    store._write(store.merged(), tmp_path / "out" / PREDICTIONS)
    assert store.summary() is None and store.so_far() == ({0}, 1)


def test_a_broken_part_is_named(tmp_path):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(0)])
    (tmp_path / "out" / PARTS / "000000.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(OiellmError, match=r"000000.parquet: cannot be read .* delete this file"):
        store.so_far()


def test_other_peoples_files_are_not_overwritten(tmp_path):
    (tmp_path / PREDICTIONS).write_bytes(b"mine")
    with pytest.raises(OiellmError, match=r"no run.json"):
        Store(tmp_path, SETTINGS)
    assert (tmp_path / PREDICTIONS).read_bytes() == b"mine"
    (tmp_path / "run.json").write_text(json.dumps(["x"]))
    with pytest.raises(OiellmError, match=r"run.json is missing or broken"):
        Store(tmp_path, SETTINGS)


def test_a_full_disk_is_a_clear_error_and_keeps_what_is_there(tmp_path, monkeypatch):
    store = Store(tmp_path / "out", SETTINGS)
    store.add([row(0)])

    def full(table, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        with pytest.raises(OiellmError, match=r"No space left.*make room and run again"):
            store.add([row(1)])
    assert [path.name for path in (tmp_path / "out" / PARTS).iterdir()] == ["000000.parquet"]
    assert store.so_far() == ({0}, 1)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OiellmError, match="cannot be written"):
        Store(tmp_path / "file" / "out", SETTINGS)
