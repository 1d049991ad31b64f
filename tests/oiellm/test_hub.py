"""The Hub's evaluation results: the Hub's own reader takes them, and no figure that is none gets out."""

from __future__ import annotations

import math

import pytest
import yaml

from oiellm.errors import OiellmError
from oiellm.evaluate.hub import eval_results, file_name, write

DATE = "2026-01-02T03:04:05+00:00"


def run(**changes):
    figures = {"tl": 0.75, "wl": 2 / 3, "all": 0.4, "wl_mean_row_f1": 0.5, "rows": 1000, **changes}
    return {"protocol": "standard: 1,000 rows", "scoring": "mode=default", "configs": {"ja_scnm": figures}}


def test_the_hub_reads_them(tmp_path):
    from huggingface_hub import _eval_results as hub

    path = write(run(), "nano, constrained", tmp_path, "org/mmm", DATE, "data mmm")
    assert path == tmp_path / ".eval_results" / "nano-constrained.yaml"
    (entry,) = hub.parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert (entry.dataset_id, entry.task_id, entry.value, entry.date) == ("org/mmm", "ja_scnm", 40.0, DATE)
    assert entry.notes == (
        "ALL; TL 75.00, WL 66.67 (micro F1 over pairs); 1,000 rows; standard: 1,000 rows; mode=default; data mmm"
    )
    # Byte for byte what the Hub's own writer makes of it.
    assert hub.eval_result_entries_to_yaml([entry]) == eval_results(run(), "org/mmm", DATE, "data mmm")


def test_the_mean_over_draws_is_what_is_published():
    means = {"tl": 0.1, "wl": 0.2, "all": 0.3, "wl_mean_row_f1": 0.4}
    (entry,) = eval_results(run(mean_over_draws=means), "org/mmm", DATE)
    assert entry["value"] == 30.0 and "TL 10.00, WL 20.00" in entry["notes"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
@pytest.mark.parametrize("name", ["tl", "all"])
def test_what_is_no_figure_is_refused(tmp_path, name, value):
    with pytest.raises(OiellmError, match=f"ja_scnm: {name} is"):
        write(run(**{name: value}), "x", tmp_path, "org/mmm", DATE)
    assert not (tmp_path / ".eval_results").exists() or not list((tmp_path / ".eval_results").iterdir())


@pytest.mark.parametrize("dataset", ["mmm", "a/b/c", "", "org/my set"])
def test_a_name_that_is_no_data_set_is_refused(dataset):
    with pytest.raises(OiellmError, match="is no ORG/NAME"):
        eval_results(run(), dataset, DATE)


def test_file_names():
    assert file_name("OIELLM-8B*") == "OIELLM-8B" and file_name("../../x y") == "x-y" and file_name("日本") == "run"
