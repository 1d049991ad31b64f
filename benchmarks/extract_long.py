"""`extract_long` against sentence by sentence on one long text: recall and precision of pairs in their places, and seconds.

The text is made of rows of a config, test rows first, over and over until it is long enough; a "sentence" is a row, asked
about as the model was trained, one call each, and all in one call. Gold are the items of the rows at their places. Windows are
those of whole sentences of the long text, which need not be rows.

    OMP_NUM_THREADS=1 python benchmarks/extract_long.py --model FOLDER [--release FOLDER] [--config en_scnm] [--windows 300]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmm_dataset import Record, load  # noqa: E402
from oiellm.data import open_release  # noqa: E402
from oiellm.predict.extract import Extraction  # noqa: E402
from oiellm.predict.extract import load as load_model  # noqa: E402

Place = tuple[str, int, int]


def long_text(rows: Sequence[Record], characters: int) -> tuple[str, list[tuple[int, str]], set[Place]]:
    """A text of rows, where each of them begins, and the gold pairs in their places."""
    text, gold = "", set[Place]()
    parts: list[tuple[int, str]] = []
    while len(text) < characters:
        row = rows[len(parts) % len(rows)]
        at = len(text)
        parts.append((at, row.text))
        text += row.text + ("" if row.text[-1] in "。！？" else " ")
        for item in row.items or ():
            gold |= {
                (item.label, s.start + at, s.end + at) for s in item.spans if s.start is not None and s.end is not None
            }
    return text, parts, gold


def moved(found: Extraction, at: int) -> list[Place]:
    """Entities in their places in the long text."""
    return [(one.label, one.start + at, one.end + at) for one in found.entities]


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--release", default="mmm")
    parser.add_argument("--config", default="en_scnm")
    parser.add_argument("--characters", type=int, default=16_000)
    parser.add_argument("--windows", type=int, nargs="+", default=[300])
    options = parser.parse_args()
    registry = load()
    release, config = open_release(options.release, registry), registry.config(options.config)
    rows = [row for split in ("test", "train") for row in release.records(options.config, split)]
    rows = [row for row in rows if row.text == row.text.strip() and "\n" not in row.text]
    text, parts, gold = long_text(rows, options.characters)
    print(f"{options.config}: {len(text):,} characters, {len(parts)} rows, {len(gold)} pairs")
    model = load_model(options.model, device="cpu")
    asked: dict[str, Any] = {"task": config.task, "language": config.language, "max_new_tokens": 256}
    model.extract(parts[0][1], **asked)

    def timed(name: str, run: Callable[[], list[Place]]) -> None:
        start = time.perf_counter()
        found = set(run())
        seconds, right = time.perf_counter() - start, len(found & gold)
        figures = f"recall {100 * right / len(gold):.1f}, precision {100 * right / max(1, len(found)):.1f}"
        print(f"{name}: {seconds:.1f} s, {figures}", flush=True)

    for size in options.windows:

        def windows(size: int = size) -> list[Place]:
            return moved(model.extract_long(text, window=size, **asked), 0)

        timed(f"windows of {size}", windows)

    def one_by_one() -> list[Place]:
        return [place for at, one in parts for place in moved(model.extract(one, **asked), at)]

    def at_once() -> list[Place]:
        found = model.extract([one for _, one in parts], **asked)
        return [place for (at, _), one in zip(parts, found) for place in moved(one, at)]

    timed("rows, one call each", one_by_one)
    timed("rows, all in one call", at_once)


if __name__ == "__main__":
    main()
