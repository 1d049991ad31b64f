"""What a study found: every figure, comparison and verdict, from the predictions of its cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from mmm_f1.intervals import LABEL_RIGHT, Ints, Patterns
from mmm_f1.scoring import outcomes
from oiellm.errors import OiellmError
from oiellm.evaluate.baselines import learn
from oiellm.evaluate.columns import Gold, Output, columns, gold
from oiellm.evaluate.protocols import chosen
from oiellm.evaluate.runs import Run, read_run
from oiellm.study import effects
from oiellm.study.inside import FILE as INSIDE
from oiellm.study.plan import Plan
from oiellm.study.spec import Figure, Test
from oiellm.study.verdicts import SAME, Found, holm, judge, verdicts
from oiellm.study.work import TESTS, done, folder_of
from oiellm.view import Forced

FIGURES: Final[tuple[Figure, ...]] = ("tl", "wl", "all")


class Outcomes:
    """The outcomes of all predictions of a study, read once each."""

    def __init__(self, plan: Plan, out: Path) -> None:
        """Nothing is read yet but the gold rows."""
        self.plan, self.out = plan, out
        self.rows: dict[str, Gold] = gold(chosen(plan.release, plan.selection.ids), plan.release.registry)
        self._runs: dict[Path, Run] = {}
        self._found: dict[tuple[Path, str], Ints] = {}

    def of(self, arm: str, test: str, config: str) -> list[Ints]:
        """One array per seed.

        Raises:
            OiellmError: a prediction is missing.
        """
        found = []
        for seed in self.plan.study.seeds:
            cell = self.plan.by_arm[arm, config, seed]
            found.append(self._outcomes(folder_of(cell, self.out) / TESTS / test, config))
        return found

    def written(self, arm: str, test: str, config: str, seed: int) -> list[str]:
        """The output strings of one model, in the order of the rows."""
        run = self._run(folder_of(self.plan.by_arm[arm, config, seed], self.out) / TESTS / test)
        return [run.outputs[config, one].text for one in self.rows[config].ids]

    def _run(self, folder: Path) -> Run:
        if folder not in self._runs:
            self._runs[folder] = read_run(folder)
        return self._runs[folder]

    def _outcomes(self, folder: Path, config: str) -> Ints:
        if (folder, config) not in self._found:
            own = {key: value for key, value in self._run(folder).outputs.items() if key[0] == config}
            self._found[folder, config] = self.score(own, config)
        return self._found[folder, config]

    def score(self, own: Mapping[tuple[str, str], Output], config: str) -> Ints:
        """The outcomes of any outputs for the rows of a config."""
        rows = self.rows[config]
        (column,) = columns(rows, own)
        return outcomes(
            column.predictions,
            column.references,
            [config] * len(column.references),
            form=column.forms,
            task_words=rows.registry.task_words,
            label_sets={config: rows.labels},
        )


def results(plan: Plan, out: Path) -> dict[str, Any]:
    """Everything that a report says, as JSON types.

    Raises:
        OiellmError: a cell is not done.
    """
    if missing := [cell.name for cell in plan.cells if done(cell, out) is None]:
        raise OiellmError(
            f"{out}: {len(missing)} of {len(plan.cells)} trainings are not done ({missing[0]}): run the study again"
        )
    found = Outcomes(plan, out)
    compared = _compare(plan, found)
    return {
        "study": {**plan.study.model_dump(mode="json"), "recipe": plan.cells[0].recipe.name},
        "data": {
            "name": plan.release.manifest["name"],
            "manifest_sha256": plan.release.digest,
            "origins": {name: plan.release.manifest["configs"][name]["origins"] for name in plan.study.configs},
            "rows": {name: len(rows.ids) for name, rows in found.rows.items()},
        },
        "trainings": _trainings(plan, out),
        "arms": _arms(plan, found),
        "baselines": _baselines(plan, found),
        "comparisons": compared,
        "verdicts": verdicts(plan.study, compared),
        "inside": {arm: _inside(plan, out, found, arm) for arm in plan.study.inside},
    }


def _trainings(plan: Plan, out: Path) -> dict[str, Any]:
    """By arm: rows, steps and tokens of its trainings (lowest and highest), and the time they took."""
    found = {}
    for arm in plan.study.arms:
        cells = {cell.name: done(cell, out) or {} for cell in plan.cells if arm in cell.arms}
        sides = {
            "rows": [one["counts"]["rows"] for one in cells.values()],
            "supervised_tokens": [one["counts"]["supervised_tokens"] for one in cells.values()],
            "steps": [one["steps"] for one in cells.values()],
            "tokens": [one["tokens_seen"] for one in cells.values()],
        }
        seconds = sum(one["seconds"]["train"] + one["seconds"]["tests"] for one in cells.values())
        left_out = sum(len(one["left_out"]) for one in cells.values())
        found[arm] = {
            "cells": list(cells),
            **{name: [min(values), max(values)] for name, values in sides.items()},
            "left_out": left_out,
            "seconds": round(seconds, 1),
        }
    return found


def _arms(plan: Plan, found: Outcomes) -> dict[str, Any]:
    """By arm/test and config: every figure that the arm has, its mean, and seed by seed."""
    table: dict[str, Any] = {}
    for arm, one in plan.study.arms.items():
        for test in one.tests:
            entry = table.setdefault(f"{arm}/{test}", {})
            for config in plan.study.configs:
                view = plan.by_arm[arm, config, plan.study.seeds[0]].view(test)
                models = [Patterns.of(each).figures(np.ones(len(each))) for each in found.of(arm, test, config)]
                has = {"both": FIGURES, "text": ("tl",), "word": ("wl",)}[view.output]
                by_seed = {figure: [float(model[figure]) for model in models] for figure in has}
                entry[config] = {
                    "mean": {figure: float(np.mean(values)) for figure, values in by_seed.items()},
                    "by_seed": by_seed,
                }
    return table


def _baselines(plan: Plan, found: Outcomes) -> dict[str, Any]:
    """By name and config: the figures of what knows nothing but the config's train rows, all of them, whatever the arms saw."""
    table: dict[str, Any] = {}
    for config, learnt in learn(plan.release, plan.study.configs).items():
        asked = list(chosen(plan.release, {config: plan.selection.ids[config]}))
        for name, baseline in learnt.items():
            outputs = {(config, record.id): Output(baseline.predict(record), record.form) for record in asked}
            figures = Patterns.of(found.score(outputs, config)).figures(np.ones(len(asked)))
            table.setdefault(name, {})[config] = {figure: float(figures[figure]) for figure in FIGURES}
    return table


def _compare(plan: Plan, found: Outcomes) -> dict[str, dict[str, Any]]:
    study, criterion = plan.study, plan.study.criterion
    estimates: dict[tuple[str, str], effects.Effect] = {}
    spreads = _spreads(plan, found)
    for name, one in study.comparisons.items():
        for config in plan.compared(name):
            against, of = (found.of(*study.side(side), config) for side in (one.against, one.of))
            estimates[name, config] = effects.effect(
                against,
                of,
                one.figure,
                pooled=spreads[one.figure, config],
                resampled=criterion.resamples,
                alpha=criterion.alpha,
            )
    same = {(name, config) for name, config in estimates if _same(plan, name, config)}
    p = {"\0".join(key): one.p for key, one in estimates.items() if one.is_judged and key not in same}
    corrected = holm(p) if criterion.correction == "holm" else p
    table: dict[str, dict[str, Any]] = {}
    for (name, config), estimate in estimates.items():
        value = corrected.get(f"{name}\0{config}", 1.0)
        judged: Found = judge(estimate, value, criterion.alpha, criterion.minimum)
        judged = SAME if (name, config) in same else judged
        table.setdefault(name, {})[config] = {**asdict(estimate), "p_corrected": value, "found": judged}
    return table


def _spreads(plan: Plan, found: Outcomes) -> dict[tuple[Figure, str], effects.Spread]:
    """How far trainings lie apart, by figure and config, over all arms that are compared by the figure there."""
    sides: dict[tuple[Figure, str], dict[tuple[str, str], Any]] = {}
    for name, one in plan.study.comparisons.items():
        for config in plan.compared(name):
            for side in map(plan.study.side, (one.of, one.against)):
                sides.setdefault((one.figure, config), {})[side] = found.of(*side, config)
    return {key: effects.spread(models.values(), key[0]) for key, models in sides.items()}


def _same(plan: Plan, name: str, config: str) -> bool:
    """Whether both sides of a comparison are one training and one test, as when there are no more rows than a limit allows."""
    sides = [plan.study.side(side) for side in (plan.study.comparisons[name].of, plan.study.comparisons[name].against)]
    cells = [plan.by_arm[arm, config, plan.study.seeds[0]] for arm, _ in sides]
    return cells[0] is cells[1] and sides[0][1] == sides[1][1]


def _inside(plan: Plan, out: Path, found: Outcomes, arm: str) -> dict[str, Any]:
    tests = plan.study.arms[arm].tests
    own = next((name for name, how in tests.items() if how == Test()), next(iter(tests)))
    forced = {how.forced: name for name, how in reversed(tests.items()) if how.forced}  # the first of each kind
    table = {}
    for config in plan.study.configs:
        models = found.of(arm, own, config)
        criterion = plan.study.criterion
        together = effects.association(models, resampled=criterion.resamples, alpha=criterion.alpha)
        table[config] = {
            "association": together and asdict(together),
            **{
                f"{kind}_forced": _forced(plan, found, arm, (own, forced[kind]), config) if kind in forced else None
                for kind in get_args(Forced)
            },
            "given_pairs": _given_pairs(plan, out, arm, config),
        }
    return table


def _forced(plan: Plan, found: Outcomes, arm: str, tests: tuple[str, str], config: str) -> dict[str, Any]:
    """How often the pairs change when another label takes the place of the model's own, and what that does to their F1.

    Rows are those in which the two labels differ in being right: a wrong label that the gold one replaces, or a right one
    that a wrong one replaces.
    """
    rows = changed = 0
    before, after = [], []
    for seed, free, given in zip(plan.study.seeds, *(found.of(arm, test, config) for test in tests)):
        written = [found.written(arm, test, config, seed) for test in tests]
        moved = (free ^ given) // LABEL_RIGHT & 1 == 1
        for at in map(int, np.flatnonzero(moved)):
            rows += 1
            word = f"/{found.rows[config].inputs[at].rpartition('/')[2]}/"
            tails = [text[at].partition(word)[2] for text in written]
            changed += tails[0] != tails[1]
        before.append(free[moved])
        after.append(given[moved])
    figures = [_micro(np.concatenate(part)) if rows else None for part in (before, after)]
    return {"rows": rows, "pairs_changed": changed, "wl_before": figures[0], "wl_after": figures[1]}


def _micro(rows: Ints) -> float:
    """Micro F1 of the pairs of some rows."""
    return float(Patterns.of(rows).figures(np.ones(len(rows)))["wl"])


def _given_pairs(plan: Plan, out: Path, arm: str, config: str) -> dict[str, Any] | None:
    """The effect of gold pairs on which label is likeliest, from ``inside.json`` of every seed."""
    alone: list[Ints] = []
    together: list[Ints] = []
    for seed in plan.study.seeds:
        path = folder_of(plan.by_arm[arm, config, seed], out) / INSIDE
        entry = json.loads(path.read_text(encoding="utf-8"))[config]
        for side, values in ((alone, entry["alone"]), (together, entry["with_pairs"])):
            side.append(np.array(values, dtype=np.int64) * LABEL_RIGHT)
    if not alone or not len(alone[0]):
        return None
    criterion = plan.study.criterion
    return asdict(effects.effect(alone, together, "tl", resampled=criterion.resamples, alpha=criterion.alpha))
