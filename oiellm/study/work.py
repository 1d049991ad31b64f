"""A cell of a study: train, test, look inside, keep what the report needs. Cells are claimed by a lock, so that any number of
processes, on any machines that share the folder, work on one study; a killed one leaves its cell to the next.
"""

from __future__ import annotations

import gc
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic, pretty
from oiellm.errors import OiellmError
from oiellm.evaluate.protocols import chosen
from oiellm.predict.run import Run
from oiellm.predict.spellings import release_spellings
from oiellm.study.plan import Cell, Plan

DONE: Final = "cell.json"
MODEL: Final = "model"
TESTS: Final = "tests"
CELLS: Final = "cells"
TOKENISED: Final = "tokenised"
_KEPT: Final = ("mmm.json", "train_log.jsonl")

Say = Callable[[str], None]


def folder_of(cell: Cell, out: Path) -> Path:
    """The folder of a cell."""
    return out / CELLS / cell.name


def done(cell: Cell, out: Path) -> dict[str, Any] | None:
    """What is known of a cell that is done: rows, tokens, steps, seconds; None if it is not."""
    path = folder_of(cell, out) / DONE
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def work(plan: Plan, out: Path, say: Say, left: Callable[[], str]) -> int:
    """Work on the cells that nobody works on, one after the other, until there are none.

    Args:
        plan: the study.
        out: its folder.
        say: told what is going on.
        left: says how long the rest will take.

    Returns:
        Number of cells that others were still working on.

    Raises:
        OiellmError: a training or a test failed; what is done stays done.
    """
    from filelock import FileLock, Timeout

    busy = 0
    for number, cell in enumerate(plan.cells, 1):
        folder = folder_of(cell, out)
        if done(cell, out) is not None and not (folder / MODEL).exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / "lock", timeout=0):
                if (known := done(cell, out)) is None:  # not since the lock was free
                    say(f"{number} of {len(plan.cells)}: {cell.name}{left()}")
                    _run(cell, plan, out)
                elif not known["kept"]:  # a kill came between
                    shutil.rmtree(folder / MODEL, ignore_errors=True)
        except Timeout:
            busy += 1
    return busy


def _run(cell: Cell, plan: Plan, out: Path) -> None:
    folder, spent, start = folder_of(cell, out), {}, time.perf_counter()
    model = folder / MODEL
    _train(cell, plan, model, out / TOKENISED)
    _free()
    spent["train"], start = time.perf_counter() - start, time.perf_counter()
    _test(cell, plan, folder, model)
    _free()
    spent["tests"] = time.perf_counter() - start
    for name in _KEPT:
        shutil.copyfile(model / name, folder / name)
    with atomic(folder / DONE) as file:
        about = {"name": cell.name, "arms": cell.arms, "kept": plan.study.keep_models}
        file.write(pretty({**about, **_facts(model), "seconds": spent}))
    if not plan.study.keep_models:
        shutil.rmtree(model)


def _free() -> None:
    """Let go of a model: trainers refer to themselves in circles, and a GPU rarely holds two large models."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def _train(cell: Cell, plan: Plan, model: Path, cache: Path) -> None:
    if plan.study.launch:
        from oiellm.recipe_file import dump

        recipe = model.with_name("recipe.yaml")
        with atomic(recipe) as file:
            file.write(dump(cell.recipe))
        command = [*shlex.split(plan.study.launch), "-m", "oiellm", "train", str(recipe), "--out", str(model)]
        command += ["--cache", str(cache)]
        code = subprocess.run(command, check=False).returncode
        if code:
            raise OiellmError(f"{cell.name}: the training ended with exit code {code}: {' '.join(command)}")
        return
    from oiellm.train import job

    job.train(cell.recipe, model, registry=plan.release.registry, cache=cache)


def _test(cell: Cell, plan: Plan, folder: Path, model: Path) -> None:
    from oiellm.evaluate.model import open_engine

    wanted = cell.recipe.evaluate
    opened = open_engine(str(model), batch_size=wanted.batch_size)
    ids = {name: plan.selection.ids[name] for name in cell.configs}
    records = list(chosen(plan.release, ids))
    constrained = plan.study.decoding == "constrained"
    registry = release_spellings(plan.release, ids) if constrained else plan.release.registry
    settings = {"model_digest": opened.settings["model_digest"], "data": plan.release.digest, "study": plan.study.name}
    for test, how in cell.tests.items():
        Run(
            records,
            opened.engine,
            folder / TESTS / test,
            registry=registry,
            constrained=constrained,
            max_new_tokens=wanted.max_new_tokens,
            view=cell.view(test),
            forced=how.forced,
            settings=settings,
        ).finish()
    if set(cell.arms) & set(plan.study.inside):
        from oiellm.study.inside import look

        look(opened.engine, plan, cell, folder)


def _facts(model: Path) -> dict[str, Any]:
    """Rows, tokens, supervised tokens, and what the training log ends with."""
    about = json.loads((model / "mmm.json").read_text(encoding="utf-8"))
    last = json.loads((model / "train_log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    return {
        "counts": about["counts"],
        "left_out": about["left_out"],
        "steps": last["step"],
        "tokens_seen": last["tokens"],
        "training_seconds": last["seconds"],
        "recipe_digest": about["recipe_digest"],
        "data_digest": about["data_digest"],
    }


def printer(prefix: str) -> Say:
    """A teller on stderr."""
    return lambda line: print(f"{prefix}: {line}", file=sys.stderr, flush=True)
