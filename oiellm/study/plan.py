"""From a study to its cells: one training each, shared by all configs and comparisons that need it, and how each is tested.

Everything that can be wrong with a study is found here, before the first training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmm_dataset import load
from oiellm.data import Release, open_release
from oiellm.errors import OiellmError
from oiellm.evaluate.model import check_limit
from oiellm.evaluate.protocols import Selection, chosen, select
from oiellm.recipe import Recipe, View
from oiellm.study.arms import recipe_of, training_rows
from oiellm.study.spec import Arm, Study, Test
from oiellm.train.dataset import training_records
from oiellm.train.facts import digest_of

_LEVELS: Final = {"tl": ("both", "text"), "wl": ("both", "word"), "all": ("both",)}
"""What an arm must write for a figure to mean anything."""


@dataclass(slots=True)
class Cell:
    """One training and its tests.

    Attributes:
        name: of its folder: arm, configs, seed.
        recipe: what is trained.
        tests: name to the way of asking.
        configs: those whose test rows it is asked about.
        arms: the arms that it serves: arms that train the same share it.
    """

    name: str
    recipe: Recipe
    tests: dict[str, Test] = field(default_factory=dict)
    configs: list[str] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)

    def view(self, test: str) -> View:
        """What a test asks."""
        trained, asked = self.recipe.data.view, self.tests[test].context
        return trained if asked == "as_trained" else trained.model_copy(update={"context": asked})


@dataclass(frozen=True, slots=True)
class Plan:
    """A study, checked and laid out.

    Attributes:
        study: the file, with the configs of the release in place of ``all``.
        release: whose test rows are predicted.
        selection: of its test rows.
        cells: in the order in which they run.
        by_arm: (arm, config, seed) to its cell.
    """

    study: Study
    release: Release
    selection: Selection
    cells: Sequence[Cell]
    by_arm: Mapping[tuple[str, str, int], Cell]

    def compared(self, name: str) -> tuple[str, ...]:
        """The configs of a comparison."""
        configs = self.study.comparisons[name].configs
        return tuple(self.study.configs) if configs == "all" else tuple(configs)


def plan(study: Study) -> Plan:
    """Lay a study out.

    Raises:
        OiellmError: an arm is no recipe, a config is not there, an arm cannot answer for a figure it is compared by, or arms
            that are compared differ in training rows without saying so.
    """
    registry = load(*study.registry)
    release = open_release(study.release, registry)
    if study.configs == "all":
        both = [name for name in release.configs if release.size(name, "train") and release.size(name, "test")]
        study = study.model_copy(update={"configs": tuple(both)})
    release.choose(study.configs)
    cells: dict[str, Cell] = {}
    by_arm: dict[tuple[str, str, int], Cell] = {}
    for seed in study.seeds:  # whole seeds first: what is done can be looked at before all is
        for config in study.configs:
            for name, arm in study.arms.items():
                recipe = recipe_of(study, release, name, config, seed)
                key = _key(recipe)
                cell = cells.setdefault(key, Cell(_folder(name, recipe, config, seed), recipe))
                _add(cell, name, arm, config, study)
                by_arm[name, config, seed] = cell
    protocol = next(iter(cells.values())).recipe.evaluate.protocol
    found = Plan(study, release, select(release, study.configs, protocol), list(cells.values()), by_arm)
    _check_folders(found.cells)
    _check_figures(study, by_arm)
    _check_rows(found)
    _check_test_rows(found)
    if study.decoding == "constrained":
        limit = min(cell.recipe.evaluate.max_new_tokens for cell in found.cells)
        check_limit(release.registry, found.selection.ids, limit)
    return found


def _key(recipe: Recipe) -> str:
    """Trainings of one key give the same model."""
    data = recipe.data
    return json.dumps([digest_of(recipe), recipe.model.base, data.release, data.registry, data.records])


def _folder(arm: str, recipe: Recipe, config: str, seed: int) -> str:
    configs = recipe.data.configs
    group = config if configs == (config,) else configs if configs == "all" else _mixed(configs)
    return f"{arm}-{group}-seed{seed}"


def _mixed(configs: Sequence[str]) -> str:
    """A short name for several configs, or for files of records alone."""
    if not configs:
        return "records"
    return f"mixed_{hashlib.sha256(json.dumps(configs).encode()).hexdigest()[:6]}"


def _add(cell: Cell, name: str, arm: Arm, config: str, study: Study) -> None:
    if name not in cell.arms:
        cell.arms.append(name)
    if config not in cell.configs:
        cell.configs.append(config)
    for test, how in arm.tests.items():
        if cell.tests.setdefault(test, how) != how:
            raise OiellmError(
                f"arm {name}: shares its training with {cell.arms[0]}, whose test {test} is another one: rename it"
            )
        view = cell.view(test)
        if how.context not in ("as_trained", "none") and view.output == "both":
            raise OiellmError(
                f"arm {name}, test {test}: a context is of the level that is not asked, and the arm writes both"
            )
        if how.forced and (study.decoding != "constrained" or view.output == "text"):
            raise OiellmError(
                f"arm {name}, test {test}: forcing the label needs decoding: constrained, and an arm that writes pairs"
            )


def _check_folders(cells: Sequence[Cell]) -> None:
    seen: set[str] = set()
    for cell in cells:
        if cell.name in seen:
            raise OiellmError(f"two trainings would be called {cell.name}: rename an arm")
        seen.add(cell.name)


def _check_figures(study: Study, by_arm: Mapping[tuple[str, str, int], Cell]) -> None:
    for name, one in study.comparisons.items():
        for side in (one.of, one.against):
            arm, test = study.side(side)
            view = by_arm[arm, study.configs[0], study.seeds[0]].view(test)
            if view.output not in _LEVELS[one.figure]:
                raise OiellmError(
                    f"comparison {name}: {side} writes the {view.output} level alone, so it has no {one.figure.upper()}"
                )
    for arm in study.inside:
        if not by_arm[arm, study.configs[0], study.seeds[0]].recipe.data.view.is_plain:
            raise OiellmError(f"inside: arm {arm} writes one level alone; name one that writes both")


def _check_rows(found: Plan) -> None:
    for name, one in found.study.comparisons.items():
        if "rows" in one.differs:
            continue
        for config in found.compared(name):
            counts = []
            for side in (one.of, one.against):
                cell = found.by_arm[found.study.side(side)[0], config, found.study.seeds[0]]
                counts.append(training_rows(cell.recipe, found.release.registry))
            if counts[0] != counts[1]:
                raise OiellmError(
                    f"comparison {name}: on {config} {one.of} trains on {counts[0]:,} rows and {one.against} on {counts[1]:,}; "
                    "make them equal, or say that this is meant: differs: [rows]"
                )


def _check_test_rows(found: Plan) -> None:
    """An arm with a release of its own must not train on what the study tests; within one release training refuses it."""
    others: dict[str, Cell] = {}
    for cell in found.cells:
        data = cell.recipe.data
        if data.release != found.study.release or data.records:
            others.setdefault(json.dumps([data.release, data.configs, data.records]), cell)
    if not others:
        return
    held_out = {(record.config, record.text): record.id for record in chosen(found.release, found.selection.ids)}
    for cell in others.values():
        name = cell.recipe.data.release
        for record in training_records(cell.recipe, open_release(name, found.release.registry)):
            if (one := held_out.get((record.config, record.text))) is not None:
                raise OiellmError(
                    f"arm {cell.arms[0]}: row {record.id!r} of {name} has the text of test row {one!r} of {record.config}, "
                    "which the study tests: take it out, or split both releases alike"
                )
