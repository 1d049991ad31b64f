"""Time to the first row of one config: ``load_dataset`` with an empty cache, with a warm one, and streaming.

    python benchmarks/load.py [--rows 187528] [--repeat 5]

The release is made with the rows of benchmarks/build_release.py. Every load runs in a process of its own; the time to import
``datasets`` is taken off and reported apart. The yardstick of the ratios is pyarrow reading the first row of the same file.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from build_release import rows  # noqa: E402

_PYARROW = """
import time, glob
import pyarrow.parquet as pq
started = time.perf_counter()
row = next(pq.ParquetFile(glob.glob("mmm/data/ja_scpos_n/train-*.parquet")[0]).iter_batches(1)).to_pylist()[0]
print(0, time.perf_counter() - started)
"""
_LOAD = """
import time
started = time.perf_counter()
import datasets
imported = time.perf_counter()
datasets.disable_progress_bars()
row = next(iter(datasets.load_dataset("mmm", "ja_scpos_n", streaming={streaming})["train"]))
print(imported - started, time.perf_counter() - imported)
"""


def run(code: str, folder: Path, cache: Path) -> tuple[float, float]:
    environment = {**os.environ, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    imported, seconds = map(float, done.stdout.split())
    return imported, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=187_528)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    from build.export import build_release
    from mmm_dataset import load

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_release(rows(options.rows), folder / "mmm", load())
        times: dict[str, list[float]] = {}
        imports = []
        for number in range(options.repeat):
            cold, shared = folder / f"cold{number}", folder / "warm"
            for what, code, cache in (
                ("pyarrow", _PYARROW, shared),
                ("load_dataset, empty cache", _LOAD.format(streaming=False), cold),
                ("load_dataset, second time", _LOAD.format(streaming=False), cold),
                ("load_dataset, streaming", _LOAD.format(streaming=True), cold),
            ):
                imported, seconds = run(code, folder, cache)
                times.setdefault(what, []).append(seconds)
                imports += [imported] if imported else []
    base = statistics.median(times["pyarrow"])
    print(f"{options.rows:,} rows; import datasets: {statistics.median(imports):.2f} s\n")
    print("| to the first row | median s | ratio to pyarrow |\n|---|--:|--:|")
    for what, seconds in times.items():
        print(f"| {what} | {statistics.median(seconds):.3f} | {statistics.median(seconds) / base:.1f} |")


if __name__ == "__main__":
    main()
