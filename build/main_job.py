"""The main job: everything the kit does, once, on the data that ships with it: data, scores, model, release."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from build.bootstrap import ROOT, VENV
from build.core import KitError, move_aside, write_step
from build.export import build_release
from build.readers import demo
from build.release.command import run as publish
from build.release.options import add_options
from build.release.settings import SHIPPED, read_settings
from build.step_record import Run
from mmm_dataset import load
from mmm_dataset.files import progress, sha256
from oiellm.cli import main as oiellm
from oiellm.recipe_file import load_recipe

METRIC = ROOT / "metrics" / "mmm_f1"
_COLUMNS = ("config", "train", "test", "pairs", "TL", "WL", "ALL", "TL damaged", "WL damaged", "ALL damaged")


def run(out: Path, recipe: str = "oiellm-nano", *, replace: bool = False) -> None:
    """Build, load back and score all configs of the embedded data; train a model on them, let it predict, and score it; put
    all of it into folders as it would be on a Hub, and load it back from there.

    Args:
        out: the release folder; its name is what ``load_dataset`` is called with from the folder above it. Model, results
            and the folder ``hub`` are put beside it.
        recipe: name or file of the recipe that is trained.
        replace: move what else is where one of them is to be to a dated name beside it.

    Raises:
        KitError: something else is where one of them is to be, or a step failed.
    """
    name = load_recipe(recipe).name
    _check_model(out.with_name(name), out.with_name(f"{name}-results"), None, replace=replace)
    data(out, replace=replace)
    release(out, model(out, recipe, replace=replace))


def data(out: Path, *, replace: bool = False) -> None:
    """Build, load back and score all configs of the embedded data, and print one table."""
    if out.name == METRIC.name or out.resolve().is_relative_to(METRIC.parent):
        raise KitError(f"{out}: that is where the metric stands; choose another --out")
    registry = load()
    inputs = {path.name: sha256(path) for path in sorted(demo.FOLDER.glob("*.jsonl"))}
    copy_metric(out.parent / METRIC.name, replace=replace)
    rows = demo.read(demo.FOLDER, registry)
    manifest = build_release(rows, out, registry, inputs=inputs, command="main", replace=replace)
    scores = list(_score_all(out, manifest))
    from tabulate import tabulate

    print(tabulate(scores, headers=_COLUMNS, floatfmt=".3f"))
    python = os.path.relpath(sys.executable, out.parent) if sys.prefix == str(VENV) else "python"
    example = f'from datasets import load_dataset; print(load_dataset("{out.name}", "en_scnm"))'
    print(
        f"\n{len(scores)} configs built, loaded back and scored: gold against itself, and against a copy damaged on purpose."
        f"\nThe rows are demonstration data written for this kit, not MMM. Look at {out / 'README.md'}; load them with"
        f"\n  cd {out.parent} && {python} -c '{example}'"
    )


def model(release: Path, recipe: str, *, replace: bool = False) -> Path:
    """Train a recipe on a release, predict its test rows freely and constrained, and print how it did; returns its folder."""
    wanted = load_recipe(recipe, [f"data.release={release}"])
    folder, results = release.with_name(wanted.name), release.with_name(f"{wanted.name}-results")
    made_of = {"recipe": wanted.model_dump(mode="json"), "manifest_sha256": sha256(release / "manifest.json")}
    _check_model(folder, results, made_of, replace=replace)
    _oiellm("train", recipe, "--set", f"data.release={release}", "--out", str(folder))
    _oiellm("evaluate", "--model", str(folder), "--data", str(release), "--out", str(results))
    return folder


def release(out: Path, folder: Path) -> None:
    """Put data, metric, model and a page for it into folders as they would be on a Hub, and load them back from there."""
    name, results = folder.name, folder.with_name(f"{folder.name}-results")
    models = json.dumps([{"folder": str(folder), "results": str(results), "name": name}])
    own = [f"dataset.tree={out}", f"models={models}", f"space.model={name}"]
    overrides = (
        [] if read_settings(SHIPPED, own) == read_settings(SHIPPED) else [x for one in own for x in ("--set", one)]
    )
    command = ["release", "--demo", "--to", str(out.with_name("hub")), "--settings", _shown(SHIPPED), *overrides]
    print(f"\n$ python3 -m build {shlex.join(command)}", flush=True)
    options = argparse.ArgumentParser()
    add_options(options)
    publish(options.parse_args(command[1:]))


def _check_model(folder: Path, results: Path, made_of: dict[str, Any] | None, *, replace: bool) -> None:
    """Refuse what is in the way of a model, or move it and its results aside.

    Args:
        folder: of the model.
        results: of its evaluation.
        made_of: what ``mmm.json`` must say; None before that is known: any model will do.
        replace: move it aside.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        found = json.loads((folder / "mmm.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    if found and made_of is None:
        return
    if made_of and {key: found.get(key) for key in made_of} == made_of:
        return
    if not replace:
        raise KitError(
            f"{folder}: holds something else than this model, or one of another recipe or other data: give another --out, or "
            "--replace to move it to a dated name beside it"
        )
    for path in (folder, folder.with_name(f"{folder.name}.run"), results):
        if path.exists():
            print(f"{path} is now {move_aside(path)}", file=sys.stderr)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _oiellm(*arguments: str) -> None:
    """One command of the model side, shown as a user would type it."""
    print(f"\n$ oiellm {shlex.join(arguments)}", flush=True)
    if oiellm(arguments):
        raise KitError(f"stopped at `oiellm {arguments[0]}`, for the reason above; the same command goes on from there")


def copy_metric(target: Path, *, replace: bool = False) -> None:
    """Put the metric beside the release, where ``evaluate.load("mmm_f1")`` finds it; only an earlier copy is replaced."""
    if target.resolve() == METRIC.resolve():
        raise KitError(f"{target}: that is where the metric stands; choose another --out")
    with write_step(target, Run(command="main: copy of the metric"), replace=replace) as step:
        shutil.copytree(METRIC, step.folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def damage(outputs: Sequence[str]) -> list[str]:
    """A copy with faults that models make: of five rows one loses its last item, one its form, one its label."""
    damaged = []
    for number, output in enumerate(outputs):
        label, slash, rest = output.partition("/")
        if number % 5 == 0:
            output = output.removesuffix(":").rpartition(":")[0] if ":" in rest else output
        elif number % 5 == 1:
            output = f"The answer is {label}."
        elif number % 5 == 2:
            output = f"not {label}{slash}{rest}"
        damaged.append(output)
    return damaged


def _score_all(out: Path, manifest: dict[str, Any]) -> Iterator[list[Any]]:
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here is on a Hub; a typo must not turn into retries against one
    import datasets
    import evaluate

    datasets.disable_progress_bars()
    with _inside(out.parent):
        metric = evaluate.load(METRIC.name)
        for name in progress(manifest["configs"], "scoring", unit=" configs"):
            rows = datasets.load_dataset(out.name, name)
            gold, texts = rows["test"]["output"], rows["test"]["text"]
            scores = [
                metric.compute(predictions=predictions, references=list(gold), inputs=list(texts))
                for predictions in (list(gold), damage(gold))
            ]
            levels = [score[level] for score in scores for level in ("tl", "wl", "all")]
            yield [name, len(rows["train"]), len(rows["test"]), manifest["configs"][name]["items"], *levels]


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
