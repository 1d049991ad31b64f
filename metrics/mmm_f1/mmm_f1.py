"""MMM F1 for ``evaluate``: a thin cover of ``scoring.score``, loaded by ``evaluate.load("metrics/mmm_f1")``."""
# ruff: noqa: F401

from __future__ import annotations

from typing import Any

import datasets
import evaluate

# evaluate copies only the files that this one imports, so all of them are named here, also those used indirectly.
from .answers import read_answers
from .arguments import choice
from .errors import UserError
from .extended import extended_figures
from .figures import summary
from .intervals import FIGURES
from .locate import locate
from .paper import parse_output
from .published import split_published
from .reading import read
from .roles import shape
from .rows import Rows
from .schemes import decode
from .scoring import compare, score
from .sources import from_rows
from .tables import Table
from .tally import Tally
from .tolerant import read_output
from .unified import parse, render

_DESCRIPTION = """\
Scores rows of the unified text format of MMM, the Multilingual Mutual Reinforcement Effect Mix datasets, in which one
string holds a text-level label and word-level label-entity pairs: "Literature/NER/:Person;Kazan". `tl` is the accuracy
of the text-level label, `wl` the micro F1 over pairs, `all` the share of rows in which both are exactly right. Beside
them stand macro and per-label figures, failures by kind, grounding in the text, scores by config, bootstrap intervals,
and the paper's own Algorithm 1 (mode="paper").
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions: output strings, one per row, as a model wrote them.
    references: gold output strings; each holds the task word that its prediction must hold.
    inputs: optional, texts of the rows, with or without the final "/NER"; adds the grounding keys.
    configs: optional, name of each row's config; adds scores by config and unknown labels.
    mode: "default", or "paper" for Algorithm 1 of the paper to the letter.
    matching: "set", or "multiset" in which a pair listed twice must be found twice.
    form: "escaped" or "published", one for all rows or one per row.
    extended: add span-only, label-normalized and, with inputs, offset and partial-overlap F1.
    resamples, seed, confidence: number, seed and level of the resamples behind intervals.
    label_intervals: add intervals to the figures of every label.
Returns:
    tl, wl, all: figures in [0, 1], and the counts and further figures that README.md describes.
Examples:
    >>> metric = evaluate.load("metrics/mmm_f1")
    >>> gold = ["Literature/NER/:Person;Kazan:Person;Spiegel", "Science/NER/"]
    >>> result = metric.compute(predictions=["Literature/NER/:Person;Kazan", "Science/NER/"], references=gold)
    >>> result["tl"], round(result["wl"], 3), result["all"]
    (1.0, 0.667, 0.5)
"""

_CITATION = """\
@misc{gan2024mmm,
    title = {MMM: Multilingual Mutual Reinforcement Effect Mix Datasets & Test with Open-domain Information Extraction
             Large Language Models},
    author = {Chengguang Gan and Qingyu Yin and Xinyang He and Hanjun Wei and Yunhao Liang and
              Younghun Lim and Shijian Wang and Hexiang Huang and Qinghao Zhang and Shiwen Ni and Tatsunori Mori},
    year = {2024},
    eprint = {2407.10953},
    archivePrefix = {arXiv},
    primaryClass = {cs.CL},
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class MmmF1(evaluate.Metric):  # type: ignore[misc]
    """The metric as ``evaluate`` sees it."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
            homepage="https://arxiv.org/abs/2407.10953",
        )

    def compute(self, *, predictions: Any = None, references: Any = None, **options: Any) -> dict[str, Any] | None:
        """Score; what was not added row by row goes straight to the scorer, which takes rows and frames as well.

        Raises:
            ValueError: an argument is not what it should be; one line, rows counted from 0.
        """
        if predictions is not None and references is not None and self.writer is None and self.num_process == 1:
            return score(predictions, references, **options)
        sides = {"predictions": predictions, "references": references}
        found: dict[str, Any] | None = super().compute(
            **{name: side for name, side in sides.items() if side is not None}, **options
        )
        return found

    def _compute(
        self,
        predictions: list[str],
        references: list[str],
        inputs: list[str] | None = None,
        configs: list[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        return score(predictions, references, inputs, configs, **options)
