"""What a run is, for its checkpoints, and what ``mmm.json`` says of the finished model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset import Record
from mmm_dataset.files import dump
from oiellm.data import Release
from oiellm.predict.checkpoint import called, digest, find
from oiellm.recipe import Recipe
from oiellm.train.conditions import conditions

if TYPE_CHECKING:
    from oiellm.train.dataset import Rows

# What may change between a checkpoint and its resumption, because no weight depends on it...
_FREE: Final = frozenset({"log_every", "save_every", "keep", "trackers"})
# ... and what changes only how the same numbers are computed.
_HOW: Final = frozenset({"packs_at_once", "gradient_checkpointing", "compile", "chunked_loss"})


def digest_of(recipe: Recipe) -> str:
    """SHA-256 of everything in a recipe that decides the trained weights."""
    found = recipe.model_dump(mode="json", include={"model", "data", "train"})
    # Names of places; what is there is compared instead.
    for part, key in (
        ("model", "base"),
        ("model", "attention"),
        ("data", "release"),
        ("data", "registry"),
        ("data", "records"),
    ):
        del found[part][key]
    for key, default in (("view", recipe.data.view.is_plain), ("hard_negatives", recipe.data.hard_negatives)):
        if default:  # as before there were such keys
            del found["data"][key]
    found["train"] = {key: value for key, value in found["train"].items() if key not in _FREE | _HOW}
    return hashlib.sha256(dump(found).encode()).hexdigest()


def _base_digest(recipe: Recipe) -> str | None:
    """What tells one base from another, wherever it is and whatever it is called."""
    return recipe.model.base and digest(find(recipe.model.base, recipe.model.revision))


def facts(recipe: Recipe, digest: str, rows: Rows, world: int) -> dict[str, Any]:
    """What tells a run from another, and what it runs under; ``digest``: of :func:`digest_of`, ``world``: processes."""
    how = {key: getattr(recipe.train, key) for key in sorted(_HOW)}
    return {
        "recipe": digest,
        "base": _base_digest(recipe),
        "data": rows.digest(),
        "how": {**conditions(world), **how, "attention": recipe.model.attention},
    }


def about(
    named: Recipe,
    recipe: Recipe,
    release: Release,
    records: Sequence[Record],
    rows: Rows,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """What ``mmm.json`` says.

    Args:
        named: the recipe as it was given.
        recipe: the recipe with the base that was loaded.
        release: whose rows are trained on.
        records: all of them, those that were too long included.
        rows: what became of them.
        facts: see :func:`facts`.
    """
    return {
        "recipe": named.model_dump(mode="json"),
        "recipe_digest": facts["recipe"],
        "base": recipe.model.base and called(recipe.model.base),
        "base_digest": facts["base"],
        "release": release.manifest.get("name", release.path.name),
        "manifest_sha256": release.digest,
        "data_digest": facts["data"],
        "data": _sources(records),
        "counts": rows.counts,
        "left_out": rows.left_out,
        "dtype": "bfloat16" if recipe.train.precision == "bf16" else "float32",
        "seed": recipe.train.seed,
        "conditions": facts["how"],
        **({"registry": dict(release.registry.files)} if release.registry.extra else {}),
    }


def _sources(records: Sequence[Record]) -> dict[str, Any]:
    """Where the rows of an epoch come from: what a licence, and the name of the model, depend on."""
    configs: dict[str, dict[str, Any]] = {}
    for record in records:
        entry = configs.setdefault(record.config, {"rows": 0, "origins": {}, "licences": {}, "sources": {}})
        entry["rows"] += 1
        named = (("origins", record.origin), ("licences", record.licence), ("sources", record.source))
        for key, name in named:
            entry[key][name] = entry[key].get(name, 0) + 1
    origins = sorted({name for entry in configs.values() for name in entry["origins"]})
    return {"origins": origins, "configs": configs}
