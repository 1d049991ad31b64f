"""What the verbs of the command do. Heavy imports happen inside them, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oiellm.errors import OiellmError
from oiellm.files import locked

if TYPE_CHECKING:
    from oiellm.recipe import Recipe

BATCH: Final = 256
"""Lines that are asked about together."""


def _read_recipe(options: argparse.Namespace) -> Recipe:
    from oiellm.recipe_file import load_recipe

    more = [f"data.registry={json.dumps(options.registry)}"] if options.registry else []
    return load_recipe(options.recipe, [*more, *options.set])


# ------------------------------------------------------------------------------------------------------------- recipes


def ls(_: argparse.Namespace) -> None:
    """Print the recipes that ship."""
    from tabulate import tabulate

    from oiellm.recipe_file import list_recipes

    rows = [(entry.name, entry.base or "from scratch", entry.description) for entry in list_recipes()]
    print(tabulate(rows, ("recipe", "base", "what it is"), tablefmt="plain"))


def show(options: argparse.Namespace) -> None:
    """Print a recipe, or the memory it needs."""
    from oiellm.memory import table
    from oiellm.recipe_file import dump, raw

    recipe = _read_recipe(options)
    if options.memory:
        print(table(recipe, options.gpus, options.sharding))
    else:
        print(dump(recipe) if options.set or options.registry else raw(options.recipe), end="")


def validate(options: argparse.Namespace) -> None:
    """Check a recipe."""
    recipe = _read_recipe(options)
    _check_new_tokens(recipe)
    print(f"{options.recipe}: {recipe.name} is a valid recipe")


def _check_new_tokens(recipe: Recipe) -> None:
    """Refuse a recipe whose model could not be evaluated once it is trained: too few new tokens for a label."""
    from mmm_dataset import load
    from oiellm.data import MANIFEST, open_release, release_folder
    from oiellm.evaluate.model import check_limit

    data = recipe.data
    registry = load(*data.registry)
    configs = tuple(registry.configs)
    folder = release_folder(data.release)
    if folder is not None and (folder / MANIFEST).is_file():
        release = open_release(folder, registry)
        registry, configs = release.registry, release.configs
    chosen = [name for name in (configs if data.configs == "all" else data.configs) if name in registry.configs]
    if recipe.evaluate.constrained != "free":
        limit = recipe.evaluate.max_new_tokens
        check_limit(registry, chosen, limit, f"{recipe.name}: evaluate.max_new_tokens", data.view)


def train(options: argparse.Namespace) -> None:
    """Train a recipe."""
    recipe = _read_recipe(options)
    _check_new_tokens(recipe)
    from mmm_dataset import load
    from oiellm.train import job

    out = options.out or Path("release") / recipe.name
    # Of several processes of one training the first one holds the lock.
    with locked(out) if os.environ.get("RANK", "0") == "0" else nullcontext():
        job.train(
            recipe,
            out,
            registry=load(*recipe.data.registry),
            resume=not options.restart,
            processes=options.processes,
            base=options.base,
            cache=options.cache,
        )


# ------------------------------------------------------------------------------------------------ predict and evaluate


def predict(options: argparse.Namespace) -> None:
    """Predict test rows."""
    from oiellm.predicting import predicted

    predicted(options)


def evaluate(options: argparse.Namespace) -> None:
    """Predict if a model is named, and score."""
    from oiellm.evaluate.hub import check_dataset
    from oiellm.evaluate.job import evaluate_runs
    from oiellm.evaluate.runs import read_run
    from oiellm.predicting import name_of, predicted

    check_dataset(options.dataset)
    if (found := predicted(options)) is None:
        return
    runs = {f"{name_of(options.model)} {folder.name}": read_run(folder) for folder in found.folders}
    runs |= {str(folder): read_run(folder) for folder in options.predictions}
    print(evaluate_runs(found.release, found.selection, runs, found.out, dataset=options.dataset))
    print(f"\n{found.out / 'table.md'}: as Table 1 of the paper; {found.out / 'results.json'}: every figure")


def compare(options: argparse.Namespace) -> None:
    """Compare two folders of predictions."""
    from mmm_dataset import load
    from oiellm.data import open_release
    from oiellm.evaluate.compare import compare_runs
    from oiellm.evaluate.runs import leniently, read_run

    release = open_release(options.data, load(*options.registry))
    runs = {str(folder): read_run(folder) for folder in (options.a, options.b)}
    if options.lenient:
        runs = {name: leniently(run) for name, run in runs.items()}
    if len(runs) < 2:
        raise OiellmError(f"{options.a}: compared with itself; name two folders of predictions")
    print(compare_runs(release, runs, options.out))
    print(f"\n{options.out / 'comparison.json'}: which rows changed")


def study(options: argparse.Namespace) -> None:
    """Run a study."""
    from oiellm.study.command import run

    run(options)


# ------------------------------------------------------------------------------------------------------------- extract


def extract(options: argparse.Namespace) -> None:
    """Ask about the lines of a file."""
    from mmm_dataset import load
    from oiellm.predict.extract import Extractor, TextError, lines
    from oiellm.predicting import opened, wanted

    how, files, view = wanted(options)
    if not view.is_plain:
        raise OiellmError(
            f"{options.model}: was trained to write the {view.output} level alone, as an arm of a study: evaluate it"
        )
    extractor = Extractor(opened(options, how).engine, load(*files))
    asked = {
        "task": options.task,
        "language": options.language,
        "constrain": not options.free,
        "max_new_tokens": options.max_new_tokens or how.max_new_tokens,
        "window": options.window,
    }
    refused = 0
    texts = lines(options.file)
    while batch := list(islice(texts, BATCH)):
        try:
            found = list(zip(batch, extractor.extract_many([text for _, text in batch], **asked)))
        except TextError:  # one of them; the others are answered all the same
            found = []
            for number, text in batch:
                try:
                    found.append(((number, text), extractor.extract(text, **asked)))
                except TextError as error:
                    refused += 1
                    print(f"oiellm: {options.file}:{number}: {error}", file=sys.stderr)
        for (number, _), extraction in found:
            print(json.dumps({"line": number, **asdict(extraction)}, ensure_ascii=False), flush=True)
    if refused:
        raise OiellmError(f"{options.file}: {refused} texts could not be asked about, see above; all others were")
