"""The tables: the paper's figures beside ours, the baselines beside all, and a caption that keeps them apart."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from build.export import build_release
from build.readers import published
from mmm_dataset import encode, load
from mmm_dataset.evaluation import table_1
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.evaluate import closed, protocols
from oiellm.evaluate.columns import Output
from oiellm.evaluate.job import evaluate_runs
from oiellm.evaluate.protocols import chosen, select
from oiellm.evaluate.runs import Run, read_run
from oiellm.evaluate.tables import markdown, origin_warning, terminal
from oiellm.predict.store import Store
from tests.published_folder import make_published_folder
from tests.records import make_record

REGISTRY = load()


def right(records):
    return {(r.config, r.id): Output(encode(r)[1], r.form) for r in records}


@pytest.fixture(scope="module")
def release(demo_release):
    return open_release(demo_release, REGISTRY)


@pytest.fixture(scope="module")
def done(release, tmp_path_factory):
    """An evaluation of two made-up systems on the demo data: its folder and what it printed."""
    out = tmp_path_factory.mktemp("evaluation")
    selection = select(release)
    records = list(chosen(release, selection.ids))
    half = {key: Output("x", o.form) if n % 2 else o for n, (key, o) in enumerate(right(records).items())}
    runs = {"gold": Run(right(records)), "a|b*": Run(half, about={"dtype": "bfloat16"}, note="made up for a test")}
    return out, evaluate_runs(release, selection, runs, out, resamples=100)


def rows_of(page):
    """Table rows of a Markdown page as lists of cells, under the heading they stand below."""
    found, heading = [], ""
    for line in page.splitlines():
        heading = line if line.startswith("#") else heading
        if line.startswith("|"):
            found.append((heading, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]))
    return found


def test_all_files_are_there(done):
    out, _ = done
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {
        "results.json",
        "table.md",
        "ids.json",
        ".eval_results/gold.yaml",
        ".eval_results/a-b.yaml",
    }


def test_results_hold_what_is_needed_to_check_them(done, release):
    out, _ = done
    results = json.loads((out / "results.json").read_text())
    assert results["data"]["manifest_sha256"] == release.digest and results["data"]["origins"]["ja_scnm"] == ["demo"]
    assert results["selection"]["rows"] == 225 and results["selection"]["draws"]["ja_scnm"] == [12]
    assert list(results["runs"]) == ["gold", "a|b*"] and list(results["baselines"]) == ["majority", "lookup"]
    assert results["runs"]["gold"]["overall"]["all"] == 1.0
    assert results["runs"]["a|b*"]["overall"]["parse_failures"]["no_task_word"] == 112
    assert results["runs"]["a|b*"]["about"] == {"dtype": "bfloat16"}
    ids = json.loads((out / "ids.json").read_text())
    assert ids["draws"] == {name: [list(d) for d in draws] for name, draws in select(release).draws.items()}


def test_every_printed_figure_of_the_paper_stands_in_its_cell(done):
    out, _ = done
    table = rows_of((out / "table.md").read_text())
    widths = {len(cells) for _, cells in table}
    assert widths == {10, 4}  # three configs by three levels; TCONER alone
    languages = {"ja": "## Japanese", "en": "## English", "zh": "## Chinese"}
    for figures in table_1():
        config = REGISTRY.config(figures.config)
        head, name = None, figures.model.replace("*", "\\*") + " (paper)"
        title = REGISTRY.task(config.task).title
        found = []
        for heading, cells in table:
            head = cells if cells[0] == "model" else head
            if heading == languages[config.language] and cells[0] == name and f"{title} TL" in head:
                at = head.index(f"{title} TL")
                found.append(tuple(cells[at : at + 3]))
        assert found == [(figures.tl, figures.wl, figures.all)], figures


def test_ours_have_intervals_and_the_baselines_stand_beside_them(done):
    out, _ = done
    results = json.loads((out / "results.json").read_text())
    table = rows_of((out / "table.md").read_text())
    blocks = sum(cells[0] == "model" for _, cells in table)
    for name in ("majority", "lookup", "**gold**", r"**a\|b\***"):
        ours = [cells for _, cells in table if cells[0] == name]
        assert len(ours) == blocks == 9
        assert all(re.fullmatch(r"\d+\.\d\d \[\d+\.\d, \d+\.\d\]", cell) for cells in ours for cell in cells[1:])
    scpos = next(cells for _, cells in table if cells[0] == "lookup")[4:7]
    entry = results["baselines"]["lookup"]["configs"]["ja_scpos_rw"]
    tcree = results["runs"]["a|b*"]["configs"]["ja_tcree"]
    heads = [cells for _, cells in table if cells[0] == "model"]
    block = next(at for at, cells in enumerate(heads) if f"{REGISTRY.task('tcree').title} WL" in cells)
    cell = [cells for _, cells in table if cells[0] == r"**a\|b\***"][block][
        heads[block].index(f"{REGISTRY.task('tcree').title} WL")
    ]
    assert cell.startswith(f"{100 * tcree['paper_mode']['wl']:.2f} [") and tcree["paper_mode"]["wl"] != tcree["wl"]
    for cell, level in zip(scpos, ("tl", "wl", "all")):  # beside the paper's figures, so by its Algorithm 1
        low, high = entry["paper_mode"][f"{level}_ci95"]
        assert cell == f"{100 * entry['paper_mode'][level]:.2f} [{100 * low:.1f}, {100 * high:.1f}]"
    assert len(set(scpos)) == 3


def test_the_caption_says_protocol_origin_and_whose_the_figures_are(done):
    out, text = done
    page = (out / "table.md").read_text()
    for shown in (page, text):
        assert "Protocol standard: 225 rows of 21 configs" in shown and "baselines that know nothing but" in shown
        assert "The data are demonstration rows written for this kit" in shown
        assert "must not be compared with the paper's" in shown and "a|b*: made up for a test" in shown


def test_only_where_the_paper_has_figures_its_figures_are_spoken_of(done):
    out, text = done
    assert "all other rows are ours" in (out / "table.md").read_text()
    assert "arXiv" not in text


def test_the_terminal_has_a_line_per_config_and_one_for_all(done):
    _, text = done
    first, second = text.split("a|b*\n")[:2]
    assert first.startswith("gold\nconfig") and "not parsed" in first and "lookup" in first
    lines = {line.split()[0]: line for line in second.splitlines() if line}
    assert set(REGISTRY.configs) < set(lines)
    assert "49.8 %" in next(line for line in second.splitlines() if line.startswith("all rows"))


def test_the_yaml_says_what_the_data_are(done):
    out, _ = done
    entries = yaml.safe_load((out / ".eval_results" / "a-b.yaml").read_text())
    assert [e["dataset"]["task_id"] for e in entries] == list(REGISTRY.configs)
    assert {e["dataset"]["id"] for e in entries} == {"local/mmm"}
    assert all("demonstration rows" in e["notes"] and "made up for a test" in e["notes"] for e in entries)


def test_origins():
    assert origin_warning({"a": ["published"], "b": ["published"]}) == ""
    both = origin_warning({"ja_scnm": ["published"], "en_scnm": ["own"]})
    assert "the authors' rows" in both and "rows from other sources" in both and "must not be compared" in both
    assert origin_warning({"de_dorf": ["own"]}) == "" != origin_warning({"ja_scnm": ["own"]})
    assert "rebuilt from" in origin_warning({"a": ["rebuilt"]})


def test_published_data_of_the_authors_and_the_paper_protocol(tmp_path, monkeypatch):
    folder = make_published_folder(tmp_path / "files", rows_per_file=8)
    build_release(published.read(folder, REGISTRY), tmp_path / "published", REGISTRY, split="published")
    release = open_release(tmp_path / "published", REGISTRY)
    monkeypatch.setattr(protocols, "SIZE", 4)
    selection = select(release, protocol="paper", seed=2)
    records = list(chosen(release, selection.ids))
    text = evaluate_runs(release, selection, {"gold": Run(right(records))}, tmp_path / "out", resamples=50)
    page = (tmp_path / "out" / "table.md").read_text()
    assert "must not be compared" not in page + text and "the mean over the draws" in page and "seed 2" in page
    assert json.loads((tmp_path / "out" / "ids.json").read_text())["draws"] == {
        name: [list(ids) for ids in draws] for name, draws in selection.draws.items()
    }
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    forms = {run["scoring"] for run in (*results["runs"].values(), *results["baselines"].values())}
    assert forms == {"mode=default matching=set form=published"}


def test_full_does_not_repeat_all_ids(release, tmp_path):
    evaluate_runs(release, select(release, ["ja_scnm"], "full"), {}, tmp_path, resamples=10)
    assert not (tmp_path / "ids.json").exists() and (tmp_path / "results.json").exists()
    assert "Evaluation of the baselines" in (tmp_path / "table.md").read_text()


def test_a_config_without_train_rows_has_no_baseline_and_that_is_said(tmp_path):
    rows = [
        make_record("東京", [], id=f"{split}{n}", source_id=f"{split}{n}", split=split, language=language, label=label)
        for language, label, splits in (("ja", "社会", ["test"]), ("en", "Society", ["train", "test"]))
        for split in splits
        for n in range(3)
    ]
    build_release(rows, tmp_path / "mmm", REGISTRY, split="published")
    release = open_release(tmp_path / "mmm", REGISTRY)
    selection = select(release)
    runs = {"gold": Run(right(chosen(release, selection.ids)))}
    text = evaluate_runs(release, selection, runs, tmp_path / "out", resamples=10)
    assert "No baselines, because there are no train rows: ja_scnm." in text
    ja, en = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("ja_scnm", "en_scnm"))
    assert ja.rstrip().endswith("%") and en.rstrip().endswith("100.0 / 100.0 / 100.0")
    only = select(release, ["ja_scnm"])
    with pytest.raises(OiellmError, match="nothing to evaluate"):
        evaluate_runs(release, only, {}, tmp_path / "none")
    assert evaluate_runs(release, only, runs, tmp_path / "one", resamples=10).startswith("gold\n")


def test_mistakes_write_nothing(release, tmp_path):
    selection = select(release, ["ja_scnm"])
    records = list(chosen(release, selection.ids))
    outputs = right(records)
    key = ("ja_scnm", records[0].id)
    with pytest.raises(OiellmError, match="two would share a file"):
        evaluate_runs(release, selection, {"a b": Run(outputs), "a-b": Run(outputs)}, tmp_path)
    with pytest.raises(OiellmError, match="x: ja_scnm .* was predicted from another text"):
        evaluate_runs(release, selection, {"x": Run(outputs, texts={key: "other"})}, tmp_path)
    with pytest.raises(OiellmError, match="x: the predictions of ja_scnm were published without texts"):
        evaluate_runs(release, selection, {"x": Run(outputs, texts={key: None})}, tmp_path)
    with pytest.raises(OiellmError, match="no prediction for"):
        evaluate_runs(release, selection, {"x": Run({})}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_tables_are_made_of_results_alone(done):
    """Whoever has results.json can print the tables again."""
    out, text = done
    results = json.loads((out / "results.json").read_text())
    assert markdown(results, REGISTRY) == (out / "table.md").read_text() and terminal(results) == text


def stored(folder, rows, settings):
    """A finished prediction run, written by the store that predictions are written by."""
    store = Store(folder, settings)
    store.add([{"row": n, **row} for n, row in enumerate(rows)])
    store.finish(store.merged(), {"rows": len(rows)})
    return folder


def test_predictions_are_read_from_their_folder(release, tmp_path):
    records = list(chosen(release, {"en_tconer": select(release).ids["en_tconer"]}))
    rows = [{"config": r.config, "id": r.id, "text": r.text, "output": encode(r)[1], "form": r.form} for r in records]
    run = read_run(stored(tmp_path / "closed", rows, {"closed": True, "dtype": "float32"}))
    assert run.outputs == right(records) and run.note == closed.NOTE
    assert run.about["settings"] == {"closed": True, "dtype": "float32"}
    text = evaluate_runs(release, select(release, ["en_tconer"]), {"nano": run}, tmp_path / "out", resamples=10)
    assert f"nano: {closed.NOTE}" in text and "en_tconer" in text
    assert read_run(stored(tmp_path / "open", rows, {})).note == ""
    with pytest.raises(OiellmError, match="1 rows come twice"):
        read_run(stored(tmp_path / "twice", [*rows, rows[0]], {}))
    with pytest.raises(OiellmError, match="no predictions there"):
        read_run(tmp_path / "nowhere")
