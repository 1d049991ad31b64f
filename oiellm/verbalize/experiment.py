"""A run of ``oiellm verbalize``: all lists of words with all numbers of shots and seeds, and baselines on the same rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset.files import progress
from oiellm.verbalize.baselines import majority, matching, ngrams
from oiellm.verbalize.cells import Cell, Folder, grid
from oiellm.verbalize.learn import Shot, Weights, tune
from oiellm.verbalize.lists import FILE, PLAIN, Row, Words, score, support, word_list
from oiellm.verbalize.models import Model
from oiellm.verbalize.plan import Plan
from oiellm.verbalize.prompts import Fitted, fit
from oiellm.verbalize.slot import Scorer
from oiellm.verbalize.task import Example, Task, draw
from oiellm.verbalize.verbalizer import CONTENT_FREE, Verbalizer, prior
from oiellm.verbalize.words import used

if TYPE_CHECKING:
    from oiellm.verbalize.verbalizer import Floats

MAJORITY: Final = "majority"
NGRAMS: Final = "n-grams"
MATCHING: Final = "matching "
"""Before the name of the list of words that is looked up."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run has found.

    Attributes:
        cells: what is in each, see :meth:`oiellm.verbalize.cells.Folder.cell`.
        words: list of words by system.
    """

    cells: Mapping[Cell, Mapping[str, Any]]
    words: Mapping[str, Words]


class Experiment:
    """One config, one model or none, one folder."""

    def __init__(self, task: Task, plan: Plan, model: Model | None, folder: Folder) -> None:
        """Take what was opened; nothing is done yet.

        Args:
            task: the rows.
            plan: what to do.
            model: None: the lists of words are made, by counts alone, and the baselines run.
            folder: of the run.
        """
        self._task, self._plan, self._model, self._folder = task, plan, model, folder

    def run(self) -> Done:
        """Do what is left to do.

        Raises:
            OiellmError: a list of words or a cell of before cannot be used, or the model cannot score a label.
        """
        task, plan = self._task, self._plan
        systems = [PLAIN, *plan.rankings, *([FILE] if plan.words_file else [])]
        lists, cells = {}, {}
        for system in systems:
            scorer = self._model.scorer if self._model else None
            lists[system], digest = word_list(system, task, plan, scorer, self._folder.out)
            words = used(lists[system])
            if self._model is not None:
                trial = _Trial(task, plan, self._model.scorer, Verbalizer.of(words))
                for cell in grid(system, plan.shots, plan.seeds):
                    cells[cell] = self._folder.cell(cell, digest, partial(trial.make, cell))
                    print(_line(cell, cells[cell]), file=sys.stderr, flush=True)
            if system != PLAIN:
                cell = Cell(f"{MATCHING}{system}", None)
                cells[cell] = self._baseline(cell, partial(matching, words, task.train), digest=digest)
        return Done(cells | self._baselines(), lists)

    def _baselines(self) -> dict[Cell, dict[str, Any]]:
        task, plan = self._task, self._plan
        found = {}
        for cell in grid(NGRAMS, [k for k in plan.shots if k], plan.seeds):
            shots = _drawn(task, cell)
            found[cell] = self._baseline(cell, partial(ngrams, shots), shots)
        for name, make in ((NGRAMS, ngrams), (MAJORITY, majority)):
            cell = Cell(name, None)
            found[cell] = self._baseline(cell, partial(make, task.train))
        return found

    def _baseline(
        self,
        cell: Cell,
        predict: Callable[[Sequence[Example]], Sequence[str]],
        shots: Sequence[Example] = (),
        digest: str = "",
    ) -> dict[str, Any]:
        test = self._task.test

        def make() -> dict[str, Any]:
            rows = [{"id": row.id, "label": row.label, "predicted": label} for row, label in zip(test, predict(test))]
            return {"learnt_from": [shot.id for shot in shots], "predictions": rows}

        return self._folder.cell(cell, digest, make)


def _drawn(task: Task, cell: Cell) -> list[Example]:
    if not cell.shots:
        return []
    assert cell.seed is not None
    return draw(task.train, task.labels, cell.shots, cell.seed)


def _line(cell: Cell, found: Mapping[str, Any]) -> str:
    right = sum(row["label"] == row["predicted"] for row in found["predictions"])
    return f"{cell.name}: {100 * right / len(found['predictions']):.1f} %"


class _Trial:
    """A list of words with one model."""

    def __init__(self, task: Task, plan: Plan, scorer: Scorer, verbalizer: Verbalizer) -> None:
        self._task, self._plan, self._scorer, self._verbalizer = task, plan, scorer, verbalizer

    @cached_property
    def _longest(self) -> int:
        """Tokens of the longest word: all prompts leave room for it."""
        words = {row.task_word for row in self._task.test}
        closed = (self._plan.template.closed(one, word) for one in self._verbalizer.words for word in words)
        return max(len(self._scorer.tokens(one) or ()) for one in closed)

    @cached_property
    def _prior(self) -> Floats:
        """Of the words under the weights that the model came with."""
        return self._expected(())

    def _expected(self, shots: Sequence[Example]) -> Floats:
        import numpy as np

        task, plan, scorer = self._task, self._plan, self._scorer
        if plan.calibrate == "none":
            return np.zeros(len(self._verbalizer.words))
        if plan.calibrate == "support":
            rows = support(task, plan, scorer, shots)
        else:
            words = sorted({row.task_word for row in task.train})
            empty = [Example("", text, word, "") for word in words for text in CONTENT_FREE]
            rows = [(fit(scorer, plan.template, row, self._longest, shots).prompt, row.task_word) for row in empty]
        return prior(score(scorer, plan.template, rows, self._verbalizer.words, "calibrate"))

    def make(self, cell: Cell) -> dict[str, Any]:
        """The content of a cell."""
        shots = _drawn(self._task, cell)
        if not shots:
            return self._predictions(cell, shots, shots, self._prior)
        if self._plan.learn == "context":
            return self._predictions(cell, shots, shots, self._expected(shots))
        weights = Weights(self._scorer.model)
        try:
            self._tune(shots, cell)
            # What the tuned model expects whatever the text is what it has learnt of labels that no shot had.
            return self._predictions(cell, shots, (), self._prior)
        finally:
            weights.restore()

    def _tune(self, shots: Sequence[Example], cell: Cell) -> None:
        plan, numbers = self._plan, {label: at for at, label in enumerate(self._task.labels)}
        rows = [Shot(self._fit(shot).prompt, shot.task_word, numbers[shot.label]) for shot in shots]
        total = len(rows) * plan.tuning.epochs
        bar = progress(range(total), f"tune {cell.name}", total=total)
        assert cell.seed is not None
        tune(
            *(self._scorer, self._verbalizer, plan.template, rows, self._prior, plan.tuning, cell.seed),
            came=lambda count: [next(bar, None) for _ in range(count)],
        )
        next(bar, None)  # ends it

    def _fit(self, row: Example, shown: Sequence[Example] = ()) -> Fitted:
        return fit(self._scorer, self._plan.template, row, self._longest, shown)

    def _predictions(
        self, cell: Cell, shots: Sequence[Example], shown: Sequence[Example], expected: Floats
    ) -> dict[str, Any]:
        import torch

        test = self._task.test
        fitted = [self._fit(row, shown) for row in test]
        rows: list[Row] = [(one.prompt, row.task_word) for one, row in zip(fitted, test)]
        scores = score(self._scorer, self._plan.template, rows, self._verbalizer.words, f"predict {cell.name}")
        labels = self._verbalizer.label_scores(torch.from_numpy(scores - expected))
        best = labels.argmax(1).tolist()
        predictions = [
            {
                "id": row.id,
                "label": row.label,
                "predicted": self._verbalizer.labels[at],
                "scores": [round(value, 6) for value in values],
                "cut": one.cut,
                "demonstrations": one.demonstrations,
            }
            for row, at, values, one in zip(test, best, labels.tolist(), fitted)
        ]
        return {
            "learnt_from": [shot.id for shot in shots],
            "labels": self._verbalizer.labels,
            "predictions": predictions,
        }
