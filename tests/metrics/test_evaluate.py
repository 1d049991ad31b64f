"""The metric as ``evaluate`` loads it: from the checkout, from a copied folder, offline and with an empty cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("evaluate")

FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "mmm_f1"

SCRIPT = """
import doctest, sys, evaluate
path = sys.argv[1]
gold = ["Literature/NER/:Person;Kazan:Person;Spiegel", "Science/NER/", "A/NER/:P;x\\\\:y"]
pred = ["Literature/NER/:Person;Kazan", "Science/NER/", "A/NER/:P;x\\\\:y"]
metric = evaluate.load(path)
result = metric.compute(predictions=pred, references=gold)
assert (result["tl"], result["all"], result["rows"]) == (1.0, 2 / 3, 3), result
assert "by_config" not in result and "hallucinated_entity_rate" not in result
metric.add_batch(predictions=pred[:2], references=gold[:2])
metric.add(prediction=pred[2], reference=gold[2])
more = metric.compute(inputs=["Kazan", "", "x:y"], configs=["c"] * 3, resamples=10, extended=True, matching="multiset")
assert more["wl"] == result["wl"] and more["by_config"]["c"]["rows"] == 3 and "wl_ci95" in more
assert metric.compute(predictions=pred, references=gold, mode="paper")["protocol"] == "mode=paper matching=set"
both = evaluate.combine([evaluate.load(path), evaluate.load(path)])
assert both.compute(predictions=pred, references=gold)["mmm_f1_0_tl"] == 1.0
assert "2407.10953" in metric.citation and "add_batch" not in metric.description
example = metric.inputs_description.replace("metrics/mmm_f1", path)
test = doctest.DocTestParser().get_doctest(example, {"evaluate": evaluate}, "inputs_description", None, 0)
assert test.examples
assert doctest.DocTestRunner().run(test).failed == 0
rows = [{"label": "A", "entities": [{"label": "P", "text": "x"}]}]
assert metric.compute(predictions=rows, references=["A/NER/:P;x"])["all"] == 1
good = {"predictions": pred, "references": gold}
for wrong in (None, 3, "x", b"x", object(), {}, set(pred), gold[:2], [None, "", ""], [1, 2, 3], [[], [], []], [{}, {}, {}]):
    for side in good if wrong is not None else ():
        try:
            metric.compute(**{**good, side: wrong})
        except ValueError as error:
            assert len(str(error).splitlines()) == 1, error
        else:
            raise AssertionError(wrong)
assert metric.compute(**good)["rows"] == 3
"""


@pytest.mark.parametrize("place", ["checkout", "copy"])
def test_load(tmp_path, place):
    if place == "copy":
        shutil.copytree(FOLDER, tmp_path / "mmm_f1", ignore=shutil.ignore_patterns("__pycache__"))
        path, cwd = "mmm_f1", tmp_path
    else:
        path, cwd = "metrics/mmm_f1", FOLDER.parents[1]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    for name in ("HF_MODULES_CACHE", "HF_EVALUATE_CACHE", "HF_METRICS_CACHE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr + done.stdout
