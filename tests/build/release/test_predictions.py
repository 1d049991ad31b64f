"""The predictions that go along with a model: no words of sources that may not go out."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from build.core import KitError
from build.release.gates import left_out_of_results, refuse_training_terms
from build.release.predictions import without_texts
from cards.errors import CardError
from mmm_dataset import load
from oiellm.predict.store import schema

REGISTRY = load()
CONFIGS = ("ja_tcree", "ja_scnm")
WORDLESS = {
    "id", "config", "task_word", "form", "failure", "issues", "finish", "dropped_items", "new_tokens", "batch", "engine",
    "dtype", "constrained", "model", "deviations",
}  # fmt: skip


def row(config, number):
    """A prediction with something in every column."""
    entity = {"label": "LIVEDOOR", "text": "LIVEDOOR", "start": 0, "end": 8}
    words = dict.fromkeys(
        ("text", "input", "output", "raw", "label", "failure_detail", "lenient"), f"LIVEDOOR {config}"
    )
    kinds = {"failure": "no_label", "issues": ["unknown_label"], "deviations": ["cut"], "finish": "stop"}
    counts = {"dropped_items": 0, "new_tokens": 7, "batch": number, "constrained": False}
    counts |= {"label_confidence": 0.5, "item_confidences": [0.25]}
    how = dict.fromkeys(("task_word", "form", "engine", "dtype", "model"), "x")
    return {
        "id": f"{config}-{number}", "config": config, **words, "entities": [entity], "tuples": [], **kinds, **counts, **how,
    }  # fmt: skip


def write(path, rows, columns=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=columns or schema()), path)
    return path


@pytest.fixture
def staged(tmp_path):
    """Results of two runs in ``evaluation/``, linked to the user's own files; and the latter."""
    own = [
        write(tmp_path / "results" / place / "predictions.parquet", [row(c, n) for n in range(3) for c in CONFIGS])
        for place in ("free", "constrained")
    ]
    for path in own:
        place = tmp_path / "evaluation" / path.parent.name
        place.mkdir(parents=True)
        os.link(path, place / path.name)
    return tmp_path / "evaluation", own


def test_rows_of_barred_configs_keep_all_but_words(staged):
    folder, own = staged
    before = [path.read_bytes() for path in own]
    without_texts(folder, {"ja_tcree": "reason"})
    for path in folder.rglob("*.parquet"):
        table = pq.read_table(path)
        assert table.schema.equals(schema()) and "LIVEDOOR ja_tcree" not in str(table.to_pylist())
        assert b"LIVEDOOR ja_tcree" not in path.read_bytes()
        for got, was in zip(table.to_pylist(), [row(c, n) for n in range(3) for c in CONFIGS], strict=True):
            if was["config"] == "ja_tcree":
                assert {name: value for name, value in got.items() if value is not None} == {
                    n: was[n] for n in WORDLESS
                }
            else:
                assert {**got, "entities": 0} == {**was, "entities": 0} and got["entities"][0]["text"] == "LIVEDOOR"
    assert [path.read_bytes() for path in own] == before, "the user's own predictions are whole"
    assert sorted(path.name for path in folder.rglob("*.*")) == ["predictions.parquet"] * 2


@pytest.mark.parametrize("barred", [{}, {"en_scnm": "reason"}])
def test_files_without_barred_rows_are_not_touched(staged, barred):
    folder, own = staged
    without_texts(folder, barred)
    assert all(path.samefile(folder / path.parent.name / path.name) for path in own)


def test_a_new_column_and_a_row_of_no_config_carry_no_words_out(tmp_path):
    columns = schema().append(pa.field("thought", pa.string()))
    rows = [{**row("ja_tcree", 0), "thought": "LIVEDOOR"}, {**row("ja_scnm", 1), "config": None, "thought": "LIVEDOOR"}]
    path = write(tmp_path / "free" / "predictions.parquet", rows, columns)
    without_texts(tmp_path, {"ja_tcree"})
    assert "LIVEDOOR" not in str(pq.read_table(path).to_pylist()) and pq.read_schema(path).equals(columns)


def test_what_cannot_be_told_apart_or_read_stops(tmp_path):
    path = write(tmp_path / "free" / "predictions.parquet", [{"text": "LIVEDOOR"}], pa.schema([("text", pa.string())]))
    with pytest.raises(KitError, match=r"free/predictions.parquet: has no column config"):
        without_texts(tmp_path, {"ja_tcree"})
    path.write_bytes(b"PAR1")
    with pytest.raises(KitError, match=r"free/predictions.parquet: cannot be rewritten") as caught:
        without_texts(tmp_path, {"ja_tcree"})
    assert "\n" not in str(caught.value) and path.read_bytes() == b"PAR1"


def learned(**configs):
    """``mmm.json`` of a model; by config its sources, and the origin."""
    entries = {
        name: {"rows": 9, "origins": {origin: 9}, "licences": {}, "sources": dict.fromkeys(sources, 9)}
        for name, (origin, *sources) in configs.items()
    }
    return {"data": {"origins": [], "configs": entries}}


def scored(**origins):
    return {"data": {"origins": {name: [origin] for name, origin in origins.items()}}}


def test_which_predictions_go_without_texts():
    mmm = learned(ja_scnm=("rebuilt", "stockmark-ner"), ja_tcree=("own", "livedoor"), en_scnm=("demo", "demo"))
    results = scored(ja_scnm="rebuilt", ja_tcree="own", en_scnm="demo", ja_scpos_n="published", zh_scnm="demo")
    out = left_out_of_results(results, mmm, REGISTRY, [])
    assert list(out) == ["ja_tcree", "ja_scpos_n"] and "withdrawn" in out["ja_scpos_n"]
    assert out["ja_tcree"] == "livedoor news corpus (ldcc-20140209): no-derivatives"
    assert left_out_of_results(results, mmm, REGISTRY, ["livedoor", "marc-ja"]) == {}
    tree = {"configs": {"en_scnm": {"sources": ["demo"], "origins": ["demo"], "also_from": ["livedoor"]}}}
    assert "en_scnm" in left_out_of_results(results, mmm, REGISTRY, [], tree), "test rows have sources of their own"
    with pytest.raises(CardError, match=r"results.json: has no data.origins"):
        left_out_of_results({"data": {}}, mmm, REGISTRY, [])


def test_rows_from_nobody_knows_where_go_without_texts():
    results = scored(ja_scnm="own")
    assert "not recorded" in left_out_of_results(results, learned(), REGISTRY, [])["ja_scnm"]
    tree = {"configs": {"ja_scnm": {"sources": ["jrte-pn"], "origins": ["own"]}}}
    assert left_out_of_results(results, learned(), REGISTRY, [], tree) == {}


def test_a_model_that_learned_from_what_may_not_go_out_stops():
    may = learned(
        en_scnm=("demo", "demo"),
        ja_scpos_n=("own", "jrte-pn", "tohoku-polarity"),
        ja_scnm=("rebuilt", "stockmark-ner"),
    )
    refuse_training_terms(may, REGISTRY, [])
    model = learned(ja_tcree=("published", "mmm"), ja_scpos_n=("published", "mmm"))
    with pytest.raises(KitError) as caught:
        refuse_training_terms(model, REGISTRY, ["tcree"], Path("release/x/mmm.json"))
    said = str(caught.value)
    assert said.startswith("release/x/mmm.json: trained on what may not be released (") and "\n" not in said
    assert "livedoor news corpus (ldcc-20140209): no-derivatives" in said and "withdrawn" in said
    assert said.endswith("--accept-licence livedoor --accept-licence marc-ja")
    refuse_training_terms(model, REGISTRY, ["livedoor", "marc-ja", "tcree"])
    with pytest.raises(KitError, match="--accept-licence livdoor: no such source"):
        refuse_training_terms(may, REGISTRY, ["livdoor"])
    with pytest.raises(CardError, match=r"mmm.json: has no data.configs"):
        refuse_training_terms({"data": {}}, REGISTRY, [])
