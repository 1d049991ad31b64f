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
from build.core import KitError
from build.export import build_release
from build.readers import demo
from build.release.command import run as publish
from build.release.options import add_options
from build.release.settings import SHIPPED, read_settings
from mmm_dataset import load
from mmm_dataset.files import progress, sha256
from oiellm.cli import main as oiellm
from oiellm.recipe_file import load_recipe

METRIC = ROOT / "metrics" / "mmm_f1"
_COLUMNS = ("config", "train", "test", "pairs", "TL", "WL", "ALL", "TL damaged", "WL damaged", "ALL damaged")


def run(out: Path, recipe: str = "oiellm-nano") -> None:
    """Build, load back and score all configs of the embedded data; train a model on them, let it predict, and score it; put
    all of it into folders as it would be on a Hub, and load it back from there.

    Args:
        out: the release folder; its name is what ``load_dataset`` is called with from the folder above it. Model, results
            and the folder ``hub`` are put beside it.
        recipe: name or file of the recipe that is trained.

    Raises:
        KitError: something else is where one of them is to be, or a step failed.
    """
    data(out)
    release(out, model(out, recipe))


def data(out: Path) -> None:
    """Build, load back and score all configs of the embedded data, and print one table."""
    if out.name == METRIC.name or out.resolve().is_relative_to(METRIC.parent):
        raise KitError(f"{out}: that is where the metric stands; choose another --out")
    check_target(out.parent / METRIC.name)
    registry = load()
    inputs = {path.name: sha256(path) for path in sorted(demo.FOLDER.glob("*.jsonl"))}
    manifest = build_release(demo.read(demo.FOLDER, registry), out, registry, inputs=inputs)
    copy_metric(out.parent / METRIC.name)
    rows = list(_score_all(out, manifest))
    from tabulate import tabulate

    print(tabulate(rows, headers=_COLUMNS, floatfmt=".3f"))
    python = os.path.relpath(sys.executable, out.parent) if sys.prefix == str(VENV) else "python"
    example = f'from datasets import load_dataset; print(load_dataset("{out.name}", "en_scnm"))'
    print(
        f"\n{len(rows)} configs built, loaded back and scored: gold against itself, and against a copy damaged on purpose."
        f"\nThe rows are demonstration data written for this kit, not MMM. Look at {out / 'README.md'}; load them with"
        f"\n  cd {out.parent} && {python} -c '{example}'"
    )


def model(release: Path, recipe: str) -> Path:
    """Train a recipe on a release, predict its test rows freely and constrained, and print how it did; returns its folder."""
    wanted = load_recipe(recipe, [f"data.release={release}"])
    folder, results = release.with_name(wanted.name), release.with_name(f"{wanted.name}-results")
    _remove_outdated(
        folder,
        results,
        {"recipe": wanted.model_dump(mode="json"), "manifest_sha256": sha256(release / "manifest.json")},
    )
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


def _remove_outdated(folder: Path, results: Path, wanted: dict[str, Any]) -> None:
    """Remove the model of another recipe or other data, and what it predicted; they would be refused."""
    try:
        there = json.loads((folder / "mmm.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if {key: there.get(key) for key in wanted} != wanted:
        print(f"\n{folder} is of another recipe or other data: training again", file=sys.stderr)
        for path in (folder, folder.with_name(f"{folder.name}.run"), results):
            shutil.rmtree(path, ignore_errors=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _oiellm(*arguments: str) -> None:
    """One command of the model side, shown as a user would type it."""
    print(f"\n$ oiellm {shlex.join(arguments)}", flush=True)
    if oiellm(arguments):
        raise KitError(f"stopped at `oiellm {arguments[0]}`, for the reason above; the same command goes on from there")


def check_target(target: Path) -> None:
    """Raise KitError if the metric cannot be copied to ``target``: something that is no copy of it is there."""
    if target.exists() and (target.resolve() == METRIC.resolve() or not (target / f"{METRIC.name}.py").is_file()):
        raise KitError(f"{target}: the metric is to be copied there, but it is no copy of it; choose another --out")


def copy_metric(target: Path) -> None:
    """Put the metric beside the release, where ``evaluate.load("mmm_f1")`` finds it; only an older copy is replaced."""
    check_target(target)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(METRIC, target, ignore=shutil.ignore_patterns("__pycache__"))


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
