"""Lexicon annotation of 187,528 reviews on one core: `substring` against a plain loop, and `morpheme`.

Reviews of MARC-ja's number and length are made of real ones: jrte-pn sentences, drawn at random with a fixed seed, are
joined until a review has at least 200 characters. The plain loop tests `word in text` for every lexicon word; it is
timed on a sample and scaled by characters, as is `morpheme`. Times are CPU seconds of one process, medians of three
runs (--repeat).

    python benchmarks/annotate.py [--data FOLDER] [--repeat N]

The folder is the real data: MMM_REAL_DATA, else ../shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from build.readers import annotate_lexicon, lexicon, scpos  # noqa: E402
from mmm_dataset import load  # noqa: E402

ROWS = 187_528
SHORTEST = 200


def reviews(sentences: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Reviews of at least SHORTEST characters, joined of randomly drawn sentences."""
    draw, out = random.Random(seed), []
    for _ in range(count):
        text = ""
        while len(text) < SHORTEST:
            text += draw.choice(sentences)
        out.append(text)
    return out


def seconds(work: Callable[[str], object], texts: Sequence[str], repeat: int) -> float:
    """Median CPU time of `work` over all texts."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        for text in texts:
            work(text)
        times.append(time.process_time() - start)
    return median(times)


def main() -> None:
    """Print one line per method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = os.environ.get("MMM_REAL_DATA", ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=beside, help="folder with jrte-pn and ja-polarity-tohoku")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument(
        "--sample", type=int, default=400, help="reviews for the plain loop; ten times as many for morpheme"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, of which the median counts")
    options = parser.parse_args()
    registry = load()
    words = lexicon.load(options.data / "ja-polarity-tohoku", registry)
    rows = scpos.read(options.data / "jrte-pn", registry, options.data / "ja-polarity-tohoku")
    sentences = [row.text for row in rows if getattr(row, "task", None) == "scpos_n"]
    texts = reviews(sentences, options.rows)
    total = sum(map(len, texts))
    every = list(words.words["adj"].keys() | words.words["n"].keys())
    print(f"{len(texts):,} reviews, mean {total / len(texts):.0f} characters; {len(every):,} words")

    def scaled(work: Callable[[str], object], size: int) -> float:
        part = texts[:size]
        return seconds(work, part, options.repeat) * total / sum(map(len, part))

    plain = scaled(lambda text: [word for word in every if word in text], options.sample)
    substring = annotate_lexicon.substring(words)
    fast = seconds(substring, texts, options.repeat)
    slow = scaled(annotate_lexicon.morpheme(words), options.sample * 10)
    hits = sum(len(substring(text)) for text in texts)
    print(f"plain loop  {plain:8.1f} s  (from {options.sample:,} reviews)")
    print(f"substring   {fast:8.1f} s  {plain / fast:.0f}x  ({hits:,} items)")
    print(f"morpheme    {slow:8.1f} s  (from {min(options.sample * 10, len(texts)):,} reviews)")


if __name__ == "__main__":
    main()
