"""Build and write releases of growing size: rows a second, peak memory, and what the near-duplicate search costs in it.

    python benchmarks/build_release.py [--sizes 10000,100000,680000] [--repeat 3]

Every size runs in a process of its own. Rows are made: reviews of 40 to 220 characters, drawn from a Japanese alphabet of
syllables, 2 to 8 pairs each, one row in fifty a near duplicate of an earlier one.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

SYLLABLES = [chr(code) for code in range(0x3042, 0x3094)] + list(
    "東京大阪部屋朝食夜景温泉料理接客清潔満足不満最高残念静便利"
)


def rows(count: int) -> Iterator:
    from mmm_dataset import Item, Record

    rng, recent = random.Random(0), "はじめ"
    for number in range(count):
        text = recent[:-1] + "！" if number % 50 == 49 else "".join(rng.choices(SYLLABLES, k=rng.randint(40, 220)))
        recent = text
        starts = rng.sample(range(len(text) - 3), min(len(text) - 3, rng.randint(2, 8)))
        items = tuple(Item.pair("ポジティブ", text[s : s + 3], s, s + 3) for s in sorted(starts))
        yield Record(
            f"ja_scpos_n-{number}", "ja", "scpos_n", "Sentiment N", text, "ポジティブ", items, "own", "bench",
            str(number), "CC0-1.0",
        )  # fmt: skip


def measure(count: int) -> dict[str, float]:
    """One build of ``count`` rows in this process: seconds in all, in the near-duplicate search, and peak memory in MiB."""
    from build import duplicates
    from build.export import build_release
    from mmm_dataset import load

    searching = {"s": 0.0}

    def timed(function):
        def wrapper(*arguments):
            started = time.perf_counter()
            result = function(*arguments)
            searching["s"] += time.perf_counter() - started
            return result

        return wrapper

    duplicates.Index.add = timed(duplicates.Index.add)
    duplicates.Index.groups = timed(duplicates.Index.groups)
    started = time.perf_counter()
    for _ in rows(count):
        pass
    making = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        build_release(rows(count), Path(folder) / "mmm", load())
        seconds = time.perf_counter() - started - making
    return {
        "seconds": seconds,
        "search": searching["s"],
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,680000")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    print(
        "| rows | rows/s | us a row | without the search | near-duplicate search | peak memory |\n|--:|--:|--:|--:|--:|--:|"
    )
    for count in map(int, options.sizes.split(",")):
        command = [sys.executable, __file__, "--one", str(count)]
        runs = []
        for _ in range(options.repeat):
            runs.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        seconds, search, mib = (statistics.median(run[key] for run in runs) for key in ("seconds", "search", "mib"))
        rest = seconds - search
        print(
            f"| {count:,} | {count / seconds:,.0f} | {seconds / count * 1e6:.0f} | {rest / count * 1e6:.0f} us a row | "
            f"{search:.1f} s ({search / count * 1e6:.0f} us a row) | {mib:,.0f} MiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
