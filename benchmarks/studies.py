"""The studies on planted data whose truth is known, and what the engine costs.

    python benchmarks/studies.py WORK [--sets 20] [--first 0] [--overhead 4]

WORK takes data, models and predictions; a second run goes on where the first one stopped. For each of ``--sets`` seeds there is
a set in which the levels are independent, and for the first five one in which the label decides the pairs
(tests/oiellm/study/planted.py), each with six arms and three training seeds of tiny models. Printed is how often the verdicts
``text_told`` and ``word_told`` of studies/mre.yaml say that there is an effect, and each comparison that found one; and, for
``--overhead`` trainings, the time of the engine over that of the same trainings and predictions without it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


EPOCHS = 60
"""Of a training whose overhead is measured: about half a minute."""
BOUND = 5
"""Sets with an effect; it is large, so a few show whether it is found."""


LEVELS = {"text": ("text", "text_not_form"), "word": ("word", "word_not_form")}
"""The comparisons that a level's verdict needs."""


def planted(work: Path, seeds: Sequence[int]) -> None:
    """Verdicts over many sets."""
    from tests.oiellm.study.planted import Kind, study

    kinds: tuple[Kind, ...] = ("bound", "free")
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for seed in seeds:
        for kind in kinds if seed < BOUND else kinds[1:]:
            folder = work / f"{kind}-{seed}"
            path = folder / "study.yaml"
            if not path.is_file():
                study(folder, kind, seed, epochs=6, controls=True)
            command = [sys.executable, "-m", "oiellm", "study", str(path), "--out", str(folder / "out")]
            with (folder / "log.txt").open("w") as log:
                subprocess.run(command, check=True, stdout=log, stderr=log)
            results = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))["comparisons"]
            found[kind].append({name: one["en_planted"] for name, one in results.items()})
            print(f"{kind} {seed}", {name: one["found"] for name, one in found[kind][-1].items()}, flush=True)
    for kind, sets in found.items():
        if sets:
            summary(kind, sets)


def summary(kind: str, sets: Sequence[dict[str, Any]]) -> None:
    """What was found in all sets of a kind, and the mean differences."""
    from oiellm.study.verdicts import at_least

    found = [{name for name, one in each.items() if one["found"] == "better"} for each in sets]
    for level, needed in LEVELS.items():
        count = sum(one.issuperset(needed) for one in found)
        p = at_least(count, len(sets), 0.05)
        print(f"{kind}: verdict {level} in {count} of {len(sets)}; so many or more at 5 %: p {p:.3f}")
    some = sum(any(one["found"] != "no difference found" for one in each.values()) for each in sets)
    print(f"{kind}: any of the {len(sets[0])} comparisons, better or worse, in {some} of {len(sets)}")
    for name in sets[0]:
        differences = [100 * each[name]["difference"] for each in sets]
        error = statistics.stdev(differences) / len(sets) ** 0.5 if len(sets) > 1 else float("nan")
        said = sum(each[name]["found"] != "no difference found" for each in sets)
        print(
            f"{kind}: {name}: {statistics.fmean(differences):+.1f} points (standard error {error:.1f}), found in {said}"
        )


def overhead(work: Path, trainings: int) -> None:
    """A whole study of one training, its plan and report included, against the bare training and prediction; alternating."""
    from oiellm.cli import main
    from oiellm.evaluate.model import open_engine
    from oiellm.evaluate.protocols import chosen
    from oiellm.predict.run import Run
    from oiellm.study.command import read_study
    from oiellm.study.plan import plan
    from oiellm.train import job
    from tests.oiellm.study.planted import study

    path = study(work, "free", 0, seeds="[0]", epochs=EPOCHS)
    only = ["arms={joint: {}}", "comparisons={}", "verdicts={}"]
    ratios = []
    for number in range(trainings + 1):
        laid = plan(read_study(path, only))
        cell = laid.cells[0]
        start, model = time.perf_counter(), work / f"bare-{number}"
        job.train(cell.recipe, model, registry=laid.release.registry)
        engine = open_engine(str(model), batch_size=cell.recipe.evaluate.batch_size).engine
        rows = list(chosen(laid.release, laid.selection.ids))
        Run(rows, engine, work / f"run-{number}", registry=laid.release.registry, constrained=True).finish()
        bare, start = time.perf_counter() - start, time.perf_counter()
        options = [part for value in only for part in ("--set", value)]
        assert main(["study", str(path), "--out", str(work / f"study-{number}"), *options]) == 0
        if number:  # the first pays the imports of both
            ratios.append((time.perf_counter() - start) / bare)
            print(f"bare {bare:.1f} s, as a study {ratios[-1]:.3f} times", flush=True)
    print(f"median of {trainings}: {statistics.median(ratios):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--overhead", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="seed of the first set, to share the sets out")
    options = parser.parse_args()
    work = options.work.resolve()
    if options.overhead:
        overhead(work / f"overhead-{time.time_ns()}", options.overhead)
    if options.sets:
        planted(work, range(options.first, options.first + options.sets))


if __name__ == "__main__":
    main()
