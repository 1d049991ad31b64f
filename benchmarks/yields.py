"""What the two ways of translating keep of the same rows, with a test double of a translator in the model's place. Simulated.

    python benchmarks/yields.py [--seeds 0 1 2 3 4] [--data DATA] [--replies]

The double answers from aligned rows and makes mistakes at set rates: it loses one tag (for the paper's way: one entity) in
ten, and makes each of its other mistakes (``tests/double/mistakes.py``) in one reply of fifty. It knows the truth, so wrong
rows that were kept are counted, those of swapped tags apart. DATA adds xSID (folder xsid-0.7): real sentences in three
languages. This measures the pipeline and says nothing of any translator. Last comes how many right answers of the annotator
and of the baseline ``chat`` are read in every way of writing of ``tests/double/replies.py``; ``--replies`` prints it alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from build.translate.yields import Yield
from cards.yields import share, table
from tests.double.replies import read_by_annotation, read_by_baselines
from tests.double.trial import FOURTEEN, Mistakes, attempt, embedded, xsid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--replies", action="store_true")
    options = parser.parse_args()
    if options.replies:
        return report_replies()
    sets = [("the embedded rows, the paper's 14 runs", embedded(), FOURTEEN, {})]
    if options.data:
        pairs = [(f"{a}_xsid", b) for a in ("ja", "en", "zh") for b in ("ja", "en", "zh") if a != b]
        sets.append(("xSID", xsid(options.data), pairs, {"keep_labels": True}))
    for title, (rows, registry), runs, plan in sets:
        for method in ("tags", "paper"):
            report(f"{title}: method {method}", rows, registry, runs, options.seeds, {"method": method, **plan})
    report_replies()


def report_replies() -> None:
    rows, registry = embedded()
    rows = [row for row in rows if row.is_annotated]
    print(f"\n## Ways of writing a right answer: {len(rows)} embedded rows\n")
    print("| read by | replies | whole | not read | read as something else |\n|---|--:|--:|--:|--:|")
    for name, found in (
        ("annotation, JSON", read_by_annotation(rows, registry)),
        ("chat, unified format", read_by_baselines(rows, registry, False)),
        ("chat, JSON", read_by_baselines(rows, registry, True)),
    ):
        counts = (
            f"{found.whole:,} ({share(found.whole, found.total)}) | {found.failed.total():,} | {found.wrong.total():,}"
        )
        print(f"| {name} | {found.total:,} | {counts} |")


def report(title, rows, registry, runs, seeds, plan) -> None:
    lines, whole, bad, swapped, causes = [], Yield(), Counter(), 0, Counter()
    for config, target in runs:
        together = Yield()
        for seed in seeds:
            trial = attempt(rows, registry, config, target, Mistakes.usual(seed), **plan)
            for one in (together, whole):
                one.merge(trial.found)
            bad.update(trial.bad)
            swapped += trial.swapped
            causes.update(made[-1] if made else "none" for *_, made in trial.wrong if "swapped" not in made)
        lines.append((f"{config} -> {target}", together.as_dict()))
    print(f"\n## {title}, seeds {' '.join(map(str, seeds))}\n\n{table([*lines, ('all', whole.as_dict())])}\n")
    kept, wrong = whole.whole + whole.minus_items, bad["text"] + bad["items"]
    print(
        f"kept rows that are not the truth, swapped tags aside: {wrong} of {kept:,} ({share(wrong, kept)}): {dict(causes)}"
    )
    if swapped:
        print(
            f"rows on which tags were swapped: {swapped}, kept so: {bad['swapped']} ({share(bad['swapped'], swapped)})"
        )
    print(f"kept rows with the right word at another of its occurrences: {bad['place']}")
    print(f"calls of the ladder: {dict(sorted(whole.tried.items()))}; flags: {dict(sorted(whole.flags.items()))}")


if __name__ == "__main__":
    main()
