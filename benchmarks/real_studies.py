"""The studies on real data, on CPU: releases of what is public, then `oiellm study` for each of studies/*.yaml.

    python benchmarks/real_studies.py DATA WORK [--only mre languages ...] [--plan] [--jobs 2]

DATA holds the sources as they are published (see real_data.py). WORK takes releases, models and predictions; a second run goes
on where the first one stopped. None of these data are MMM.

- mre: xSID in three languages.
- mre_scpos: the reviews of jrte-pn, 150 rows to train. A dictionary made their word level, so it is a lookup and no evidence.
- forced: the joint arm of mre on xSID alone, with the gold label forced and with that of another row.
- languages: xSID, one language against three.
- tasks: the SCPOS tasks of jrte-pn, one against all, 150 rows of each.
- size, negatives: the word level of SCNM, in place of TCONER, which has no public rows with both levels.
- size_scpos: the same on the reviews of jrte-pn (a lookup at the word level), since such a model finds next to nothing on SCNM.
- rows: xSID from English to Chinese by the scripted double of tests/double, the paper's way against the repair ladder. Its
  translations are the aligned real ones and its mistakes are made up, so this is simulated.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import real_data  # noqa: E402

XSID = ["ja_xsid", "en_xsid", "zh_xsid"]
FEWER = {"train.packing": False, "data.rows": 150}
"""Reviews are long, and so are trainings on them."""
JOINT = {
    "arms": {"joint": {"tests": {"own": {}, "forced": {"forced": "gold"}, "misled": {"forced": "other"}}}},
    "comparisons": {
        "word_forced": {"figure": "wl", "of": "joint/forced", "against": "joint/own"},
        "word_misled": {"figure": "wl", "of": "joint/misled", "against": "joint/own"},
    },
    "verdicts": {},
}
"""The joint arm alone, to look inside it."""
SHORT = {"train.packing": False, "train.epochs": 2}
"""For thousands of rows."""


class Runner:
    """Runs studies on the releases of one folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.data, self.work, self.options = options.data.resolve(), options.work.resolve(), options

    def study(self, name: str, release: str, configs: list[str], out: str = "", **values: object) -> None:
        """One study on one release."""
        folder = self.work / release
        registry = real_data.release(release, self.data, folder)[1::2]
        values = {"release": str(folder / "release"), "registry": registry, "configs": configs, **values}
        command = [sys.executable, "-m", "oiellm", "study", str(ROOT / "studies" / f"{name}.yaml")]
        command += ["--out", str(self.work / "studies" / (out or name)), "--jobs", str(self.options.jobs)]
        for key, value in values.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        print("+", *command[1:], flush=True)
        subprocess.run(command + (["--plan"] if self.options.plan else []), check=True, cwd=ROOT)


def scpos_tasks(data: Path, work: Path) -> tuple[list[real_data.Row], list[str]]:
    """jrte-pn in its own split, every SCPOS task that a dictionary can make."""
    source = data / "jrte-pn" / "pn.tsv"
    with source.open(encoding="utf-8", newline="") as file:
        split = {row[0]: row[4] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    lexicon = {"lexicon": str(data / "ja-polarity-tohoku")}
    real_data.read(real_data.READERS["scpos"], source, work / "read", real_data.load(), lexicon)
    sides = {"train": "train", "dev": "train", "test": "test"}
    rows = real_data._records(work / "read" / "records.jsonl")
    return [replace(row, split=sides[split[row.source_id]]) for row in rows], []


def translated(runner: Runner) -> dict[str, Path]:
    """Train rows of xSID from English to Chinese by the double, with both methods, as files of records."""
    from mmm_dataset import to_dict
    from mmm_dataset.files import atomic, dump
    from oiellm.data import open_release
    from tests.double.trial import Mistakes, attempt, xsid

    folder = runner.work / "xsid"
    real_data.release("xsid", runner.data, folder)
    rows, registry = xsid(runner.data)
    train = {row.source_id for row in open_release(folder / "release", registry).records("en_xsid", "train")}
    rows = [replace(row, split="train") for row in rows if row.source_id in train]
    found = {}
    for method in ("paper", "tags"):
        trial = attempt(rows, registry, "en_xsid", "zh", Mistakes.usual(0), method=method, keep_labels=True)
        print(
            f"{method}: {len(trial.rows)} of {trial.found.rows} rows kept, {sum(trial.bad.values())} of them not the truth"
        )
        found[method] = runner.work / f"{method}.jsonl"
        with atomic(found[method]) as file:
            file.writelines(dump(to_dict(row)) + "\n" for row in trial.rows)
    return found


def rows_study(runner: Runner) -> None:
    """Rows of the paper's way against repaired rows."""
    files = translated(runner)
    arms: dict[str, dict[str, object]] = {
        name: {"set": {"data.configs": [], "data.records": [str(files[method])]}}
        for name, method in (("paper", "paper"), ("repaired", "tags"), ("longer", "paper"))
    }
    arms["longer"]["steps_of"] = "repaired"
    runner.study("rows", "xsid", ["zh_xsid"], arms=arms)


STUDIES: dict[str, Callable[[Runner], None]] = {
    "mre": lambda run: run.study("mre", "xsid", XSID),
    "languages": lambda run: run.study("languages", "xsid", XSID),
    "mre_scpos": lambda run: run.study("mre", "scpos", ["ja_scpos_adj_n"], "mre_scpos", set=FEWER),
    "tasks": lambda run: run.study("tasks", "scpos_tasks", ["ja_scpos_adj_n", "ja_scpos_adj", "ja_scpos_n"], set=FEWER),
    "size": lambda run: run.study("size", "scnm", ["ja_scnm_words"], set=SHORT),
    "size_scpos": lambda run: run.study("size", "scpos", ["ja_scpos_adj_n"], "size_scpos", set=SHORT),
    "negatives": lambda run: run.study("negatives", "scnm", ["ja_scnm_words"], set={**SHORT, "data.rows": 2000}),
    "rows": rows_study,
    "forced": lambda run: run.study("mre", "xsid", XSID, "forced", **JOINT),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--plan", action="store_true", help="print what each takes, and stop")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    real_data.SETS["scpos_tasks"] = scpos_tasks
    runner = Runner(options)
    for name in options.only:
        STUDIES[name](runner)


if __name__ == "__main__":
    main()
