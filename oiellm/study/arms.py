"""Arms as recipes: the study's recipe with the study's and the arm's values, for one config and one seed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from mmm_dataset import Registry
from oiellm.data import Release, open_release
from oiellm.errors import OiellmError
from oiellm.recipe import Recipe
from oiellm.recipe_file import load_recipe
from oiellm.study.spec import Arm, Study
from oiellm.train.dataset import training_records

_OF_STUDY: Final = ("data.registry", "train.seed", "evaluate")
"""Keys of a recipe that are the same for all arms; a study names registry and seeds itself."""
_WHOLE: Final = ("data.view", "model.shape", "data.weights", "model.lora")
"""Keys whose value is a mapping."""


def recipe_of(study: Study, release: Release, name: str, config: str, seed: int) -> Recipe:
    """What an arm trains for a config and a seed.

    Args:
        study: with its configs by name.
        release: of the study.
        name: of the arm.
        config, seed: which training.

    Raises:
        OiellmError: it is no recipe, or changes what is the same for all arms.
    """
    arm = study.arms[name]
    values: dict[str, Any] = {
        "data.registry": list(study.registry),
        "data.release": study.release,
        "data.configs": _trained_on(arm, release, config),
        **study.set,
    }
    _check_keys(name, study, arm)
    try:
        recipe = _load(study.recipe, {**values, **arm.set, "train.seed": seed})
    except OiellmError as error:
        raise OiellmError(f"study {study.name}, arm {name}: {error}") from error
    if arm.steps_of is None:
        return _all_rows(recipe, study, release)
    steps = _steps(recipe_of(study, release, arm.steps_of, config, seed), release.registry, arm.steps_of)
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"steps": steps})})


def _load(recipe: str, values: Mapping[str, Any]) -> Recipe:
    return load_recipe(recipe, [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()])


def _check_keys(name: str, study: Study, arm: Arm) -> None:
    for key, value in (*study.set.items(), *arm.set.items()):
        if any(key == other or (key.startswith(f"{other}.") and key in arm.set) for other in _OF_STUDY):
            raise OiellmError(f"arm {name}: {key} is the same for all arms: it is the study's to set")
        if isinstance(value, dict) and key not in _WHOLE:
            raise OiellmError(
                f"arm {name}: {key}: write dotted keys, such as {key}.{next(iter(value), 'seed')}, to keep the others"
            )


def _trained_on(arm: Arm, release: Release, config: str) -> list[str]:
    if arm.trains_on == "config":
        return [config]
    registry, own = release.registry, release.registry.config(config)
    rows = [registry.config(name) for name in release.configs if release.size(name, "train")]
    if arm.trains_on == "same_task":
        return [one.name for one in rows if one.task == own.task]
    return [one.name for one in rows if one.language == own.language]


def _all_rows(recipe: Recipe, study: Study, release: Release) -> Recipe:
    """``data.rows`` that takes all rows there are is no limit: arms that differ in it alone are one training."""
    data = recipe.data
    names = release.configs if data.configs == "all" else data.configs
    sizes = [release.size(name, "train") if name in release.configs else math.inf for name in names]
    if data.rows is None or data.release != study.release or max(sizes, default=math.inf) > data.rows:
        return recipe
    return recipe.model_copy(update={"data": data.model_copy(update={"rows": None})})


def _steps(recipe: Recipe, registry: Registry, name: str) -> int:
    if recipe.train.packing:
        raise OiellmError(f"steps_of {name}: steps are known before the training only with train.packing: false")
    if recipe.train.steps is not None:
        return recipe.train.steps
    return math.ceil(math.ceil(training_rows(recipe, registry) / recipe.train.packs_per_step) * recipe.train.epochs)


def training_rows(recipe: Recipe, registry: Registry) -> int:
    """Rows of one epoch: by the counts of the release if nothing else decides them."""
    data = recipe.data
    release = open_release(data.release, registry)
    if data.records or not data.hard_negatives or not data.view.is_plain:
        return len(training_records(recipe, release))
    names = release.choose(None if data.configs == "all" else data.configs)
    total = 0.0
    for name in names:
        size = release.size(name, "train")
        total += (size if data.rows is None else min(size, data.rows)) * data.weights.get(name, 1.0)
    return round(total)
