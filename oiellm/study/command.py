"""The verb ``study``: plan, fix the criterion, work, report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mmm_dataset import __version__
from mmm_dataset.files import atomic, pretty, sha256
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.files import refuse_others
from oiellm.study.cost import cost, describe, hardware, left
from oiellm.study.plan import Cell, Plan, plan
from oiellm.study.spec import Study
from oiellm.study.work import done, printer, work
from oiellm.train.facts import digest_of
from oiellm.typed_yaml import read_yaml

FIXED: Final = "study.json"
RESULTS: Final = "results.json"
REPORT: Final = "report.md"
PLOT: Final = "differences.png"
_FREE: Final = frozenset({"question", "recipe", "keep_models", "launch"})
"""Keys of a study that may change when it goes on: no figure depends on them. What a recipe says is in ``trainings``."""


def read_study(path: Path, overrides: Sequence[str] = ()) -> Study:
    """Read and check a study; a recipe that is a file beside it is taken from there.

    Raises:
        OiellmError: one line for each mistake, ``FILE:LINE: KEY: what is wrong``.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OiellmError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    study = read_yaml(str(path), text, Study, overrides)
    beside = path.parent / study.recipe
    return study.model_copy(update={"recipe": str(beside)}) if beside.is_file() else study


def run(options: argparse.Namespace) -> None:
    """Run a study, or what is left of it, and report."""
    study = read_study(options.study, options.set)
    jobs = options.jobs = options.jobs or options.gpus or 1
    if options.gpus and jobs > options.gpus:
        raise OiellmError(f"--jobs {jobs} on --gpus {options.gpus}: one training takes a GPU of its own")
    found = plan(study)
    machine = hardware(options.hardware, jobs, options.hardware_file)
    costs = [cost(cell, found) for cell in found.cells]
    out = options.out or Path("results") / study.name
    if not options.worker:
        print(describe(found, costs, machine))
    if options.plan:
        return
    fixed = _fix(study, found, out)
    if options.slurm:
        print(f"sbatch {_slurm(options, found, out)}")
        return
    if jobs > 1 and not options.worker:
        _spread(options, found, out)
    busy = work(found, out, printer("study"), lambda: left(found, costs, machine, _took(found, out)))
    if options.worker:
        return
    if busy:
        raise OiellmError(
            f"{out}: {busy} trainings are under way in other processes; run the same command again for the report"
        )
    print(report(found, out, fixed))
    print(f"\n{out / REPORT}: the report; {out / RESULTS}: every figure; predictions are in {out / 'cells'}")


def _took(found: Plan, out: Path) -> list[float | None]:
    cells = [done(cell, out) for cell in found.cells]
    return [None if one is None else sum(one["seconds"].values()) for one in cells]


def _fix(study: Study, found: Plan, out: Path) -> str:
    """Write down what is asked and by which criterion, before the first training; afterwards it cannot change.

    Returns:
        The date on which it was fixed.
    """
    what = {
        "manifest_sha256": found.release.digest,
        "trainings": {cell.name: _inputs(cell, found) for cell in found.cells},
    }
    path, asked = out / FIXED, {**study.model_dump(mode="json"), **what}
    if path.is_file():
        before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key, value in asked.items():
            if key not in _FREE and before["study"].get(key) != value:
                raise OiellmError(
                    f"{out}: {key} was fixed on {before['fixed']} and is another one now; a criterion is not changed after the "
                    "first look: take another --out"
                )
        return str(before["fixed"])
    refuse_others(out, (RESULTS, REPORT), lambda _: False)
    if (out / "cells").exists():
        raise OiellmError(f"{out}: holds trainings but no {FIXED}: take another --out")
    fixed = datetime.now(UTC).isoformat(timespec="seconds")
    with atomic(path) as file:
        file.write(pretty({"fixed": fixed, "study": asked}))
    return fixed


def _inputs(cell: Cell, found: Plan) -> dict[str, Any]:
    """What a cell is trained on and asked by, beyond names: another base, release or file of records is another study."""
    recipe, registry = cell.recipe, found.release.registry
    return {
        "recipe": digest_of(recipe),
        "base": recipe.model.base,
        "revision": recipe.model.revision,
        "evaluate": recipe.evaluate.model_dump(mode="json"),
        "release": open_release(recipe.data.release, registry).digest,
        "records": {name: sha256(Path(name)) for name in recipe.data.records},
        "registry": dict(registry.files),
    }


def report(found: Plan, out: Path, fixed: str) -> str:
    """Write ``results.json``, ``report.md`` and the plot; returns what to print.

    Raises:
        OiellmError: a training is not done.
    """
    from oiellm.study.plot import plot
    from oiellm.study.report import markdown, terminal
    from oiellm.study.results import results

    versions = {"kit": __version__, "python": platform.python_version()}
    everything = {"fixed": fixed, "versions": versions, **results(found, out)}
    with atomic(out / RESULTS) as file:
        file.write(pretty(everything))
    plot(everything, out / PLOT)
    with atomic(out / REPORT) as file:
        file.write(markdown(everything))
    return terminal(everything)


# ----------------------------------------------------------------------------------------------------- several at once


def _again(options: argparse.Namespace, out: Path) -> list[str]:
    """The command of a worker."""
    command = [sys.executable, "-m", "oiellm", "study", str(options.study), "--out", str(out), "--worker"]
    for value in options.set:
        command += ["--set", value]
    return command


def _spread(options: argparse.Namespace, found: Plan, out: Path) -> None:
    """Workers side by side on this machine, each with a GPU of its own, or with its share of the cores."""
    left_over = sum(done(cell, out) is None for cell in found.cells)
    workers = [
        subprocess.Popen(_again(options, out), env={**os.environ, **_share(number, options)})
        for number in range(min(options.jobs, left_over))
    ]
    codes = []
    try:
        codes = [worker.wait() for worker in workers]
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait()
    if failed := sum(code != 0 for code in codes):
        raise OiellmError(
            f"{failed} of {len(workers)} workers failed, see above; the same command goes on from what is done"
        )


def _share(number: int, options: argparse.Namespace) -> Mapping[str, str]:
    if options.gpus:
        mine = os.environ.get("CUDA_VISIBLE_DEVICES")  # a mask that is there already is shared out, not replaced
        devices = mine.split(",") if mine else list(map(str, range(options.gpus)))
        if len(devices) < options.gpus:
            raise OiellmError(f"--gpus {options.gpus}: CUDA_VISIBLE_DEVICES shows {len(devices)}")
        return {"CUDA_VISIBLE_DEVICES": devices[number]}
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // options.jobs))}


def _slurm(options: argparse.Namespace, found: Plan, out: Path) -> Path:
    """A Slurm array whose tasks are workers, and which can be submitted again after any failure."""
    path = out / "study.sbatch"
    command = ["python", *_again(options, out)[1:]]
    lines = [
        "#!/bin/bash",
        f"#SBATCH --job-name={found.study.name}",
        f"#SBATCH --array=0-{max(1, min(options.jobs, len(found.cells))) - 1}",
        f"#SBATCH --gpus-per-task={1 if options.gpus else 0}",
        "#SBATCH --ntasks=1",
        "#SBATCH --requeue",
        f"#SBATCH --output={out}/slurm-%A_%a.log",
        "",
        f"cd {shlex.quote(os.getcwd())}",
        shlex.join(command),
        "",
        "# When all tasks are over, the same command without --worker writes the report.",
    ]
    with atomic(path) as file:
        file.write("\n".join(lines) + "\n")
    return path
