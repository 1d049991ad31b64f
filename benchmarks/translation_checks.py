"""What the checks of a translation say of gold parallel text, where everything they find is a false alarm.

    python benchmarks/translation_checks.py [--data DATA] [--show 3]

Every row goes through the reading of replies and all checks as if a model had answered with the gold translation. Pairs: the
embedded rows and, with DATA, xSID (folder xsid-0.7) between Japanese, English and Chinese; rows of xSID whose slots can be
aligned have tags, the others none. Per direction: rows with a finding of each severity. Aims: fail 0.2 %, ask 2 %, flag 3 %.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

from build.markup import tag
from build.readers import READERS
from build.translate.plan import Plan
from build.translate.rows import Translator
from build.translate.rules import read_rules
from build.translate.tagging import Tagged, take_apart
from cards.yields import share
from mmm_dataset import Record, Registry, load
from oiellm.llm.calls import Reply
from tests.double.trial import aligned, embedded

LANGUAGES = ("ja", "en", "zh")
SEVERITIES = ("fail", "ask", "flag")
Pair = tuple[Record, Record]


def pairs(rows: Sequence[Record]) -> Iterator[Pair]:
    """Every two rows of one source id and task in two languages, each text once a direction."""
    found: dict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
    for row in rows:
        found[row.task, row.source_id].setdefault(row.language, row)
    seen = set()
    for one in found.values():
        for a, b in permutations(one.values(), 2):
            if (key := (a.text, b.language, a.task)) not in seen:
                seen.add(key)
                yield a, b


def xsid_rows(data: Path) -> tuple[list[Record], Registry]:
    """All rows of xSID, with tags where slots can be aligned and without items elsewhere."""
    from dataclasses import replace

    registry = load("xsid")
    read = READERS["conll"].read(data / "xsid-0.7", registry, task="xsid", source="xsid")
    together: dict[str, dict[str, Record]] = defaultdict(dict)
    for row in read:
        if isinstance(row, Record):
            together[row.source_id][row.language] = row
    out = []
    for found in together.values():
        rows = list(aligned(found))
        out += rows or [replace(row, items=()) for row in found.values()]
    return out, registry


def reply_of(source: Record, target: Record) -> tuple[Tagged, str, dict[int, tuple[int, int]]]:
    """The source taken apart, the gold translation and the places of the source's tags in it."""
    here, there = take_apart(source), take_apart(target)
    order = {i if item.source_item is None else item.source_item: i for i, item in enumerate(target.items or ())}
    back = [i if item.source_item is None else item.source_item for i, item in enumerate(source.items or ())]
    places = {}
    for tags, index in zip(here.items, back):
        if index in order:
            places |= {a: there.spans[b] for a, b in zip(tags, there.items[order[index]]) if a and b}
    tagged = Tagged(here.text, {n: place for n, place in here.spans.items() if n in places}, here.items)
    return tagged, target.text, places


def measure(
    rows: Sequence[Record], registry: Registry
) -> Iterator[tuple[str, int, dict[str, list[tuple[str, str, str, str]]]]]:
    """By direction: its name, its rows, and by severity the findings (check, detail, source, target), one of a check a row."""
    rules, ladders = read_rules(), {}
    counts: Counter[str] = Counter()
    findings: dict[str, dict[str, list[tuple[str, str, str, str]]]] = defaultdict(lambda: defaultdict(list))
    for source, target in pairs(rows):
        direction = f"{source.language}-{target.language}"
        key = (source.config, target.language)
        if key not in ladders:
            ladders[key] = Translator(registry, source.config, target.language, Plan("gold", rules, keep_labels=True))
        tagged, text, places = reply_of(source, target)
        reply = Reply(json.dumps({"translation": tag(text, places)}, ensure_ascii=False))
        draft, found = ladders[key].examine(tagged, reply)
        counts[direction] += 1
        if draft.text != text or draft.spans != places:
            findings[direction]["changed"].append(("changed", str(draft.text), source.text, text))
        for finding in {f.check: f for f in found}.values():
            severity = rules.severity.get(finding.check, "fail")
            findings[direction][severity].append((finding.check, finding.detail, source.text, text))
    for direction, count in counts.items():
        yield direction, count, findings[direction]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="N findings of each check")
    options = parser.parse_args()
    sets = [("embedded rows", *embedded())]
    if options.data:
        sets.append(("xSID", *xsid_rows(options.data)))
    for name, rows, registry in sets:
        print(f"\n{name}\n")
        for direction, count, found in measure(rows, registry):
            cells = []
            for severity in (*SEVERITIES, "changed"):
                bad = {(f[2], f[3]) for f in found[severity]}
                checks = Counter(f[0] for f in found[severity])
                cells.append(f"{severity} {share(len(bad), count)} {dict(checks) or ''}")
            print(f"{direction} {count:,} rows: " + "; ".join(cells))
            shown: Counter[str] = Counter()
            for severity in (*SEVERITIES, "changed") if options.show else ():
                for check, detail, source, target in found[severity]:
                    shown[check] += 1
                    if shown[check] <= options.show:
                        print(f"    {severity} {check}: {detail!r}\n        {source!r}\n        {target!r}")


if __name__ == "__main__":
    main()
