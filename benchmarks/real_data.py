"""Train nano on real data, test it on rows it never saw, and set it beside the baselines.

    python benchmarks/real_data.py DATA WORK [--seeds 0 1 2] [--only scpos xsid scnm]

DATA holds the sources as they are published (folders jrte-pn, ja-polarity-tohoku, xsid-0.7, stockmark-ner). WORK takes
releases, models and predictions; a second run goes on where the first one stopped. Three data sets:

- scpos: jrte-pn reviews (positive, negative) with the words of the Tohoku dictionaries, as config ja_scpos_adj_n, in the
  source's own train and test; nothing is chosen on its dev rows, so they train as well.
- xsid: intents and slots in Japanese, English and Chinese, valid trains and test tests, as the source names them.
- scnm: the word level of SCNM alone. Its sentence classes are not public here, so every row has the same text-level label
  and TL says nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from build.core import Row
from build.export import build_release
from build.readers import READERS
from build.reading import read
from mmm_dataset import Record, from_dict, load

WORDS = """
labels = "words.csv"

[task.scnm_words]
title = "SCNM, word level"
description = "Named entity recognition"
family = "scnm_words"
words = ["NER"]
text_labels = "one_label"
word_labels = { "NER" = "scnm_word" }

[train_share]
scnm_words = 0.8

[config.ja_scnm_words]
language = "ja"
task = "scnm_words"
version = "1.0.0"
"""
ONE_LABEL = "文"
LEVELS = ("tl", "wl", "all")


def scpos(data: Path, work: Path) -> tuple[list[Row], list[str]]:
    """jrte-pn in its own split, one config."""
    source = data / "jrte-pn" / "pn.tsv"
    with source.open(encoding="utf-8", newline="") as file:
        split = {row[0]: row[4] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    read(READERS["scpos"], source, work / "read", load(), {"lexicon": str(data / "ja-polarity-tohoku")})
    rows = [record for record in _records(work / "read" / "records.jsonl") if record.task == "scpos_adj_n"]
    sides = {"train": "train", "dev": "train", "test": "test"}
    return [replace(row, split=sides[split[row.source_id]]) for row in rows], []


def xsid(data: Path, work: Path) -> tuple[list[Row], list[str]]:
    """xSID, three configs: its validation rows train."""
    options = {"task": "xsid", "source": "xsid", "split_from": "file-name"}
    read(READERS["conll"], data / "xsid-0.7", work / "read", load("xsid"), options)
    rows = _records(work / "read" / "records.jsonl")
    return [replace(row, split="train" if row.split == "validation" else row.split) for row in rows], ["xsid"]


def scnm(data: Path, work: Path) -> tuple[list[Row], list[str]]:
    """SCNM's sentences and entities, every row with the same text-level label."""
    read(READERS["scnm"], data / "stockmark-ner", work / "read", load(), {})
    table, registry = work / "words.csv", work / "words.toml"
    table.write_text(
        f"set,key,language,label,aliases,provenance\none_label,text,ja,{ONE_LABEL},,ours\n", encoding="utf-8"
    )
    registry.write_text(WORDS, encoding="utf-8")
    rows = [
        replace(record, task="scnm_words", label=ONE_LABEL, id=f"ja_scnm_words-{record.source_id}")
        for record in _records(work / "read" / "worklist.jsonl")
    ]
    return list(rows), [str(registry)]


SETS = {"scpos": scpos, "xsid": xsid, "scnm": scnm}
EPOCHS = {"scpos": 8, "xsid": 16, "scnm": 6}
"""Chosen by time alone, some minutes each; nothing was tuned on test rows."""


def _records(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield from_dict(json.loads(line))


def release(name: str, data: Path, work: Path) -> list[str]:
    """Build the release of one data set; returns the options that name its registry."""
    work.mkdir(parents=True, exist_ok=True)
    rows, extra = SETS[name](data, work)
    if not (work / "release" / "manifest.json").is_file():
        build_release(rows, work / "release", load(*extra))
    return [part for file in extra for part in ("--registry", file)]


def run(*arguments: str) -> None:
    """One command of the kit, its output shown."""
    print("+ oiellm", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "oiellm", *arguments], check=True)


def figures_in_words(figures: dict[str, Any]) -> Callable[[str], str]:
    """A level as percent with its interval."""

    def words(level: str) -> str:
        low, high = figures[f"{level}_ci95"]
        return f"{100 * figures[level]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"

    return words


def report(name: str, folder: Path, seeds: list[int]) -> None:
    """TL and WL of every seed and way, and of the baselines, as a Markdown table."""
    from tabulate import tabulate

    lines: dict[tuple[str, str], list[str]] = {}
    for seed in seeds:
        results = json.loads((folder / f"results-{seed}" / "results.json").read_text(encoding="utf-8"))
        scored = {run.split()[-1]: entry for run, entry in (results["runs"] | results["baselines"]).items()}
        for run, entry in scored.items():
            for config, figures in entry["configs"].items():
                who = run if run in results["baselines"] else f"nano, {run}, seed {seed}"
                cells = [
                    f"{100 * figures[k]:.1f} [{', '.join(f'{100 * b:.1f}' for b in figures[f'{k}_ci95'])}]"
                    for k in LEVELS
                ]
                lines[config, who] = [f"{100 * figures['hallucinated_entity_rate']:.1f} %", *cells]
    rows = [(config, who, *cells) for (config, who), cells in sorted(lines.items())]
    print(
        f"\n## {name}\n\n{tabulate(rows, ('config', 'system', 'not in text', *map(str.upper, LEVELS)), tablefmt='pipe')}\n"
    )


def main() -> None:
    """Releases, then per seed: train, predict freely and constrained, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    options = parser.parse_args()
    for name in options.only:
        folder = options.work.resolve() / name
        registry = release(name, options.data.resolve(), folder)
        for seed in options.seeds:
            model, data = str(folder / f"nano-{seed}"), str(folder / "release")
            settings = [f"data.release={data}", f"train.seed={seed}", f"train.epochs={EPOCHS[name]}"]
            run("train", "oiellm-nano", "--out", model, *registry, *(part for s in settings for part in ("--set", s)))
            out = str(folder / f"results-{seed}")
            run("evaluate", "--model", model, "--data", data, "--protocol", "full", "--out", out, *registry)
        report(name, folder, options.seeds)


if __name__ == "__main__":
    main()
