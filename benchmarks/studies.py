"""The studies on planted data whose truth is known, and what the engine costs.

    python benchmarks/studies.py WORK [--sets 20] [--overhead 4]

WORK takes data, models and predictions; a second run goes on where the first one stopped. For each of ``--sets`` seeds there is
a set in which the label decides the pairs and one in which the levels are independent (tests/oiellm/study/planted.py), each
with four arms, three training seeds and two comparisons of tiny models. Printed are the sets in which an effect was found, and,
for ``--overhead`` trainings, the time of the engine over that of the same trainings and predictions without it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


EPOCHS = 60
"""Of a training whose overhead is measured: about half a minute."""
BOUND = 5
"""Sets with an effect; it is large, so a few show whether it is found."""


def planted(work: Path, sets: int) -> None:
    """Verdicts over many sets."""
    from oiellm.study.verdicts import at_least
    from tests.oiellm.study.planted import study

    found: dict[str, list[dict[str, Any]]] = {"bound": [], "free": []}
    for seed in range(sets):
        for kind, results in found.items():
            if kind == "bound" and seed >= BOUND:
                continue
            folder = work / f"{kind}-{seed}"
            path = folder / "study.yaml" if (folder / "study.yaml").is_file() else study(folder, kind, seed, epochs=6)
            command = [sys.executable, "-m", "oiellm", "study", str(path), "--out", str(folder / "out")]
            with (folder / "log.txt").open("w") as log:
                subprocess.run(command, check=True, stdout=log, stderr=log)
            results.append(json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))["comparisons"])
            print(f"{kind} {seed}", {name: one["en_planted"]["found"] for name, one in results[-1].items()}, flush=True)
    for kind, results in found.items():
        verdicts = [[one["en_planted"]["found"] for one in entry.values()] for entry in results]
        both, some = (sum(how(each != "no difference found" for each in one) for one in verdicts) for how in (all, any))
        p = at_least(some, len(results), 0.05)
        print(f"{kind}: some effect in {some} of {len(results)}, both in {both}; so many or more at 5 %: p {p:.3f}")


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
    options = parser.parse_args()
    work = options.work.resolve()
    if options.overhead:
        overhead(work / f"overhead-{time.time_ns()}", options.overhead)
    if options.sets:
        planted(work, options.sets)


if __name__ == "__main__":
    main()
