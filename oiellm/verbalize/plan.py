"""What a run of ``oiellm verbalize`` is to do, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from oiellm.verbalize.learn import Tuning
from oiellm.verbalize.templates import Template
from oiellm.verbalize.verbalizer import Calibration
from oiellm.verbalize.words import Ranking

Filter = Literal["shared", "prior", "relevance"]
FILTERS: Final = ("shared", "prior", "relevance")
Learning = Literal["tune", "context"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run.

    Attributes:
        template: how rows are written.
        rankings: which lists of words are tried, beside the label words alone.
        words_file: a list of one's own, tried as well.
        top: words a label, before the filters.
        min_rows: see :func:`oiellm.verbalize.words.candidates`.
        filters: which words are dropped.
        prior_cut: share of the words that the filter ``prior`` drops.
        support: unlabelled train texts that priors and relevance are averaged over.
        calibrate: what a word's score is divided by.
        learn: whether shots tune the model or stand in the prompt.
        tuning: how they tune it.
        shots: numbers of rows a label to learn from; 0 is none.
        seeds: of the draws of shots.
    """

    template: Template
    rankings: tuple[Ranking, ...] = ("frequency", "pmi", "tfidf")
    words_file: Path | None = None
    top: int = 100
    min_rows: int = 2
    filters: tuple[Filter, ...] = FILTERS
    prior_cut: float = 0.5
    support: int = 200
    calibrate: Calibration = "support"
    learn: Learning = "tune"
    tuning: Tuning = field(default_factory=Tuning)
    shots: tuple[int, ...] = (0, 1, 5, 10, 20)
    seeds: tuple[int, ...] = (0, 1, 2)

    def settings(self) -> dict[str, Any]:
        """What decides a cell of the run, as JSON types. Which cells there are is not among it: more may be added."""
        from dataclasses import asdict

        from mmm_dataset.files import sha256

        return {
            "template": asdict(self.template),
            "words_file": None if self.words_file is None else sha256(self.words_file),
            "top": self.top,
            "min_rows": self.min_rows,
            "filters": sorted(self.filters),
            "prior_cut": self.prior_cut,
            "support": self.support,
            "calibrate": self.calibrate,
            "learn": self.learn,
            "tuning": asdict(self.tuning) if self.learn == "tune" else None,
        }
