"""Two systems on the same rows: the same rows or nothing, and every changed row is named."""

from __future__ import annotations

import json

import pytest

from mmm_dataset import encode, load
from mmm_f1 import compare as paired
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.evaluate.columns import Output, gold
from oiellm.evaluate.compare import compare, compare_runs, compared
from oiellm.evaluate.protocols import chosen, select
from oiellm.evaluate.runs import Run

REGISTRY = load()


@pytest.fixture
def release(demo_release):
    return open_release(demo_release, REGISTRY)


@pytest.fixture
def records(release):
    return list(chosen(release, select(release, ["ja_scnm", "en_tcree"]).ids))


def outputs(records, wrong=()):
    found = {(r.config, r.id): Output(encode(r)[1], r.form) for r in records}
    return found | {(records[n].config, records[n].id): Output("nothing", records[n].form) for n in wrong}


def test_changed_rows_are_named_and_figures_are_the_scorers(records):
    rows = gold(records, REGISTRY)
    a, b = outputs(records, wrong=[0, 1, 14]), outputs(records, wrong=[1, 2, 3, 4])
    result = compare(a, b, rows, resamples=500, seed=4)
    scnm, tcree = result["configs"]["ja_scnm"], result["configs"]["en_tcree"]
    assert scnm["fixed"] == [records[0].id] and scnm["broken"] == [r.id for r in records[2:5]]
    assert tcree["fixed"] == [records[14].id] and tcree["broken"] == []
    overall = result["overall"]
    assert (overall["fixed"], overall["broken"], overall["rows"]) == (2, 3, len(records))
    assert overall["all"]["difference"] == pytest.approx(-1 / len(records))
    mine = [r for r in records if r.config == "ja_scnm"]
    keys, references = [("ja_scnm", r.id) for r in mine], [encode(r)[1] for r in mine]
    direct = paired([a[k].text for k in keys], [b[k].text for k in keys], references, resamples=500, seed=4)
    assert {name: scnm[name] for name in ("tl", "wl", "all")} == {name: direct[name] for name in ("tl", "wl", "all")}
    assert scnm["tl"]["difference"] == pytest.approx(-2 / 12)


def test_a_system_against_itself_changes_nothing(records):
    a = outputs(records, wrong=[0])
    result = compare(a, dict(a), gold(records, REGISTRY), resamples=100)
    for entry in (*result["configs"].values(), result["overall"]):
        assert entry["tl"]["difference"] == 0 and entry["tl"]["difference_ci95"] == [0, 0] and entry["all"]["p"] == 1
        assert not entry["fixed"] and not entry["broken"]


def test_different_rows_are_refused(records, release, tmp_path):
    a, b = outputs(records), outputs(records)
    del b["ja_scnm", records[2].id]
    with pytest.raises(OiellmError, match=f"ja_scnm: '{records[2].id}' is predicted by A alone, one of 1 such rows"):
        compare(a, b, gold(records, REGISTRY))
    with pytest.raises(OiellmError, match="predicted by B alone"):
        compare_runs(release, {"x": Run(b), "y": Run(a)}, tmp_path)
    with pytest.raises(OiellmError, match="ja_scnm has no test row 'gone'"):
        compare_runs(release, {"x": Run(a | {("ja_scnm", "gone"): a["ja_scnm", records[0].id]}), "y": Run(a)}, tmp_path)
    with pytest.raises(OiellmError, match="x: name two different runs"):
        compare_runs(release, {"x": Run(a)}, tmp_path)
    with pytest.raises(OiellmError, match="x: no predictions"):
        compare_runs(release, {"x": Run({}), "y": Run({})}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_files_and_text(records, release, tmp_path):
    runs = {
        "old": Run(outputs(records, wrong=range(12))),
        "new": Run(outputs(records, wrong=[15]), about={"dtype": "bf16"}),
    }
    text = compare_runs(release, runs, tmp_path, resamples=200)
    lines = text.splitlines()
    assert lines[0].split()[:2] == ["config", "rows"] and "TL: new - old" in lines[0]
    scnm = next(line for line in lines if line.startswith("ja_scnm "))
    assert "+100.00 [+100.0, +100.0] p" in scnm and scnm.split()[-2:] == ["12", "0"]
    assert f"ja_scnm: fixed: {records[0].id}, " in text and text.rstrip().splitlines()[-2].endswith("and 2 more")
    assert f"en_tcree: broken: {records[15].id}" in text and "only new gets exactly right" in text
    stored = json.loads((tmp_path / "comparison.json").read_text())
    assert len(stored["configs"]["ja_scnm"]["fixed"]) == 12 and stored["about"]["new"] == {"dtype": "bf16"}
    assert (stored["a"], stored["b"], stored["manifest_sha256"]) == ("old", "new", release.digest)
    page = (tmp_path / "comparison.md").read_text()
    assert page.startswith("# new against old\n\n| config") and compared(stored, "old", "new", "pipe") in page


def test_other_texts_under_the_same_ids_are_refused(records, release, tmp_path):
    key = (records[0].config, records[0].id)
    runs = {"x": Run(outputs(records)), "y": Run(outputs(records), texts={key: "another text"})}
    with pytest.raises(OiellmError, match=f"y: ja_scnm '{records[0].id}' was predicted from another text"):
        compare_runs(release, runs, tmp_path)
