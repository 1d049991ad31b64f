"""Where the time of an evaluation goes: rows of a release in, results with intervals and tables out. No model is run.

python benchmarks/evaluation.py [--rows 10000] [--repeats 3]

The rows are those of ``score.py``: made from real ones (stockmark entities; jrte-pn sentences with made-up pairs) if
``MMM_REAL_DATA`` or ``../shared/data`` is there, else from the embedded rows. They stand in two configs with 1,000 train rows
each. The predictions to score are simulated: gold, 40 % of them damaged. CPU seconds, medians. (The file is not called
``evaluate.py`` because it would hide the library of that name from every script of this folder.)
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from score import make

from build.export import build_release
from mmm_dataset import Decoded, Record, decode, load
from oiellm.data import Release, open_release
from oiellm.evaluate.baselines import BASELINES
from oiellm.evaluate.columns import Output, gold
from oiellm.evaluate.job import evaluate_runs
from oiellm.evaluate.protocols import chosen, select
from oiellm.evaluate.results import evaluate
from oiellm.evaluate.runs import Run

TRAIN = 1000
SPELLED = {"positive": "ポジティブ", "negative": "ネガティブ"}
Seconds = dict[str, list[float]]


def spelled(name: str, output: str) -> str:
    """An output string with the labels of the registry, so that none is unknown."""
    if "scpos" in name:
        for label, own in SPELLED.items():
            output = output.replace(label, own)
    return output


def data(rows: dict[str, list[str]], test: int) -> Iterator[Record]:
    """The made-up rows as records; the first of each config train, the others test."""
    seen: dict[str, int] = defaultdict(int)
    tested = 0
    for n, (line, output, name) in enumerate(zip(rows["inputs"], rows["references"], rows["configs"])):
        output, (text, word) = spelled(name, output), line.rsplit("/", 1)
        language, task = name.split("_", 1)
        read = decode(output, word, text=text)
        if not isinstance(read, Decoded):
            raise SystemExit(f"row {n} cannot be read: {output!r}")
        split = "train" if seen[name] < TRAIN else "test"
        seen[name] += 1
        tested += split == "test"
        if tested > test:
            return
        yield Record(
            f"{n}", language, task, word, text, read.label, read.items, "published", "demo", str(n), "none", split,
            (line, output),
        )  # fmt: skip


@contextmanager
def timed(stage: str, seconds: Seconds) -> Iterator[None]:
    start = time.process_time()
    yield
    seconds[stage].append(time.process_time() - start)


def stages(release: Release, predictions: dict[str, str], seconds: Seconds, out: Path) -> None:
    """One evaluation, stage by stage, and once more as the one call that users make."""
    registry = release.registry
    with timed("select the rows (protocol full)", seconds):
        selection = select(release, protocol="full")
    with timed("read the rows", seconds):
        records = list(chosen(release, selection.ids))
    with timed("strings to score against", seconds):
        rows = gold(records, registry)
    runs: dict[str, Any] = {"simulated": {(r.config, r.id): Output(predictions[r.id], r.form) for r in records}}
    for name, baseline in BASELINES.items():
        with timed(f"{name}: fit", seconds):
            fitted = {config: baseline(registry).fit(release.records(config, "train")) for config in selection.ids}
        with timed(f"{name}: predict", seconds):
            runs[name] = {(r.config, r.id): Output(fitted[r.config].predict(r), r.form) for r in records}
    for name, outputs in runs.items():
        with timed(f"{name}: score, 1,000 resamples", seconds):
            evaluate(selection, rows, outputs)
    with timed("all of it in one call, files written", seconds):
        evaluate_runs(release, selection, {"simulated": Run(runs["simulated"])}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    made = make(args.rows + 4 * TRAIN)
    predictions = {
        str(n): spelled(name, text) for n, (name, text) in enumerate(zip(made["configs"], made["predictions"]))
    }
    with tempfile.TemporaryDirectory() as folder:
        build_release(data(made, args.rows), Path(folder) / "bench", load(), split="published")
        release = open_release(Path(folder) / "bench", load())
        seconds: Seconds = defaultdict(list)
        for _ in range(args.repeats):
            stages(release, predictions, seconds, Path(folder) / "out")
        sizes = {name: release.size(name, "test") for name in release.configs}
    print(f"{sum(sizes.values()):,} test rows: {', '.join(f'{name} {size:,}' for name, size in sizes.items())}")
    total = statistics.median(seconds["all of it in one call, files written"])
    for stage, times in seconds.items():
        middle = statistics.median(times)
        print(f"{stage:<44} {middle:8.3f} s {100 * middle / total:6.1f} %")


if __name__ == "__main__":
    main()
