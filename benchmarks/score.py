"""Time and memory of the scorer on as many rows as the paper's test sets have, against a bare Algorithm 1 loop.

python benchmarks/score.py [--rows 659628] [--repeats 3]

The rows are made from real ones (stockmark entities; jrte-pn sentences with made-up pairs) if ``MMM_REAL_DATA`` or
``../shared/data`` is there, else from the embedded rows. Every string is an object of its own, 40 % of the predictions
are damaged. Times are CPU seconds, medians of runs that alternate, so that a busy machine disturbs all of them alike.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmm_f1.paper import parse_output
from mmm_f1.scoring import score
from mmm_f1.unified import render

ROOT = Path(__file__).resolve().parent.parent
PAPER_ROWS = 659_628
DAMAGED = 0.4
CLASSES = ("社会", "文芸", "学問", "技術", "自然")
POLARITIES = ("positive", "negative")
Row = tuple[str, str, str, str, list[tuple[str, str]]]  # config, word, text, label, pairs


def seeds(rng: random.Random) -> list[Row]:
    """Rows to make more rows from."""
    data = Path(os.environ.get("MMM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "stockmark-ner" / "ner.json").is_file():
        return embedded()
    rows: list[Row] = []
    for row in json.loads((data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8")):
        pairs = [(e["type"], e["name"]) for e in row["entities"]]
        rows.append(("ja_scnm", "NER", row["text"], rng.choice(CLASSES), pairs))
    with (data / "jrte-pn" / "pn.tsv").open(encoding="utf-8", newline="") as file:
        for _, polarity, text, *_ in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            label = POLARITIES[polarity == "-1"]
            rows.append(("ja_scpos_adj_n", "Sentiment Adj and N", text, label, made_up(text, rng)))
    return rows


def embedded() -> list[Row]:
    """The rows that ship with the kit."""
    rows: list[Row] = []
    for path in sorted((ROOT / "build" / "demo").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for language, version in json.loads(line).items():
                if isinstance(version, dict) and "text" in version:
                    text = version["text"]
                    rows.append((f"{language}_{path.stem}", "NER", text, "label", made_up(text, random.Random(text))))
    return rows


def made_up(text: str, rng: random.Random) -> list[tuple[str, str]]:
    """Zero to seven pairs: short pieces of the text with a polarity."""
    plain = text.replace(":", "").replace(";", "")
    starts = [rng.randrange(max(1, len(plain) - 3)) for _ in range(rng.randrange(8))]
    return [(rng.choice(POLARITIES), plain[at : at + rng.randrange(1, 5)] or "x") for at in starts]


def damage(label: str, word: str, pairs: list[tuple[str, str]], rng: random.Random) -> str:
    """A prediction that is wrong in one of seven ways."""
    kind = rng.randrange(7)
    if kind == 0:
        return "申し訳ありません。" + label
    if kind == 1:
        return render(label, word, pairs) + ":壊れた"
    if kind == 2:
        label = rng.choice(CLASSES + POLARITIES)
    elif kind == 3:
        pairs = [("地名", entity) for _, entity in pairs]
    elif kind == 4:
        pairs = pairs[1:]
    elif kind == 5:
        pairs = [*pairs, ("人名", f"架空{rng.randrange(9999)}")]
    else:
        pairs = [*pairs, *pairs[:1]]
    return render(label, word, pairs)


def make(size: int, escapes: bool = False, published: bool = False) -> dict[str, list[str]]:
    """Predictions, references, inputs and configs of ``size`` rows, and the task word of each."""
    rng = random.Random(0)
    base = seeds(rng)
    columns: dict[str, list[str]] = {name: [] for name in ("predictions", "references", "inputs", "configs", "words")}
    for _ in range(size):
        config, word, text, label, pairs = base[rng.randrange(len(base))]
        if escapes:
            pairs = [(kind, f"{entity}:;{entity}") for kind, entity in pairs] or [("x", "a:b")]
        reference = render(label, word, pairs, form="published" if published else "escaped")
        wrong = rng.random() < DAMAGED
        columns["predictions"].append(damage(label, word, pairs, rng) if wrong else (reference + " ")[:-1])
        columns["references"].append(reference)
        columns["inputs"].append(f"{text}/{word}")
        columns["configs"].append(config)
        columns["words"].append(f"/{word}/")
    return columns


def bare(rows: dict[str, list[str]]) -> tuple[int, int, int, int, int]:
    """The loop to beat: Algorithm 1 on both sides, and the counts of tl, wl and all; the task words are given."""
    tl = exact = hits = gold = predicted = 0
    for prediction, reference, mark in zip(rows["predictions"], rows["references"], rows["words"]):
        label, pairs = parse_output(prediction, mark, False)
        real_label, real = parse_output(reference, mark, False)
        tl += label == real_label
        exact += label == real_label and pairs == real
        hits += len(pairs & real)
        gold += len(real)
        predicted += len(pairs)
    return tl, exact, hits, gold, predicted


def scorer(rows: dict[str, list[str]], *columns: str, **options: Any) -> Callable[[], object]:
    """A run of the scorer with these optional columns."""
    given = {name: rows[name] for name in ("predictions", "references", *columns)}
    return lambda: score(**given, **options)


def timed(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each run, the runs alternating."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(runs: dict[str, Callable[[], object]], repeats: int) -> None:
    """Print seconds and the ratio to the first run."""
    first = None
    for name, seconds in timed(runs, repeats).items():
        first = first or seconds
        print(f"{name:<44} {seconds:8.2f} s  {seconds / first:6.2f}x", flush=True)


def peak(size: int) -> None:
    """Print peak memory of this process before and after scoring; called in a process of its own."""
    rows = make(size)
    rows.pop("words")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    score(**rows, resamples=1000)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'peak memory, input strings included':<44} {after / 1024:8.0f} MiB")
    print(f"{'of it added by scoring':<44} {(after - before) / 1024:8.0f} MiB")


def ordinary(size: int, repeats: int) -> None:
    """The table for ordinary rows."""
    rows = make(size)
    print(f"{size:,} rows, {sum(p != r for p, r in zip(rows['predictions'], rows['references'])):,} damaged")
    runs: dict[str, Callable[[], object]] = {
        "bare Algorithm 1 loop": lambda: bare(rows),
        "scorer: kinds, labels": scorer(rows),
        "scorer: kinds, labels, grounding": scorer(rows, "inputs"),
        "the same + 1,000 resamples": scorer(rows, "inputs", resamples=1000),
        "the same + intervals by label": scorer(rows, "inputs", resamples=1000, label_intervals=True),
        "the same without resamples, + configs": scorer(rows, "inputs", "configs"),
        "scorer, multiset, grounding": scorer(rows, "inputs", matching="multiset"),
        "scorer, mode paper": scorer(rows, mode="paper"),
        "scorer, published form, inputs": scorer(rows, "inputs", form="published"),
    }
    report(runs, repeats)


def escaped(size: int, repeats: int) -> None:
    """The table for rows full of escapes."""
    rows = make(size, escapes=True)
    print("every entity holds two escapes:")
    report({"bare Algorithm 1 loop": lambda: bare(rows), "scorer, grounding": scorer(rows, "inputs")}, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=PAPER_ROWS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peak", action="store_true", help="only the memory, in this process")
    args = parser.parse_args()
    if args.peak:
        peak(args.rows)
        return
    ordinary(args.rows, args.repeats)
    escaped(args.rows, args.repeats)
    subprocess.run([sys.executable, __file__, "--peak", "--rows", str(args.rows)], check=True)


if __name__ == "__main__":
    main()
