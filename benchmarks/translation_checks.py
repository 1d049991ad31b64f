"""What the checks of a translation say of gold parallel text, where everything they find is a false alarm.

    python benchmarks/translation_checks.py [--data DATA] [--show 3] [--planted]

Every row goes through the reading of replies and all checks as if a model had answered with the gold translation. Pairs: the
embedded rows and, with DATA, xSID (folder xsid-0.7) between Japanese, English and Chinese; rows of xSID whose slots can be
aligned have tags, the others none. Per direction: rows with a finding of each severity. Aims: fail 0.2 %, ask 2 %, flag 3 %.

With --planted every gold translation gets every mistake of a list, one at a time: how often reading mends it, how often a
check finds it, and how often it passes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

from build.markup import tag
from build.readers import READERS
from build.translate.rows import Translator
from build.translate.rules import Plan, read_rules
from build.translate.tagging import Tagged, take_apart
from cards.yields import share
from mmm_dataset import Record, Registry, load
from oiellm.llm.calls import Reply
from tests.double.mistakes import INSIDES, SPELLINGS, WRAPPINGS, spelled, untranslated
from tests.double.translator import swappable
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
    rules, counts = read_rules(), Counter[str]()
    findings: dict[str, dict[str, list[tuple[str, str, str, str]]]] = defaultdict(lambda: defaultdict(list))
    for source, target, translator in with_translators(rows, registry):
        direction = f"{source.language}-{target.language}"
        tagged, text, places = reply_of(source, target)
        draft, found = translator.examine(tagged, said(tag(text, places)))
        counts[direction] += 1
        if draft.text != text or draft.spans != places:
            findings[direction]["changed"].append(("changed", str(draft.text), source.text, text))
        for finding in {f.check: f for f in found}.values():
            severity = rules.severity.get(finding.check, "fail")
            findings[direction][severity].append((finding.check, finding.detail, source.text, text))
    for direction, count in counts.items():
        yield direction, count, findings[direction]


def with_translators(rows: Sequence[Record], registry: Registry) -> Iterator[tuple[Record, Record, Translator]]:
    """Every pair with the translator of its config and language."""
    rules, made = read_rules(), {}
    for source, target in pairs(rows):
        key = (source.config, target.language)
        if key not in made:
            made[key] = Translator(registry, *key, Plan("gold", rules, keep_labels=True))
        yield source, target, made[key]


def said(tagged: str) -> Reply:
    """A reply with this translation."""
    return Reply(json.dumps({"translation": tagged}, ensure_ascii=False))


def plant(
    tagged: Tagged, text: str, places: dict[int, tuple[int, int]], source: Record, target: Record, draw: random.Random
) -> Iterator[tuple[str, str]]:
    """Tagged translations with one mistake each, by its name."""
    good, given = tag(text, places), tag(tagged.text, tagged.spans)
    for wrapping in WRAPPINGS:
        yield (
            f"wrapped {wrapping!r}",
            wrapping.replace("{target}", "English").replace("{source}", given).replace("{}", good),
        )
    if places:
        for spelling in SPELLINGS:
            yield f"tags {spelling!r}", spelled(good, spelling)
        number = draw.choice(sorted(places))
        words = text[slice(*places[number])]
        for way in INSIDES:
            if text.count(words) == 1 and not (way.endswith(".</{n}>") and not words[-1].isalnum()):
                wrong = way.replace("{n}", str(number)).replace("{}", r"\g<1>")
                yield f"in a tag {way!r}", re.sub(rf"<{number}>(.*?)</{number}>", wrong, good)
    if pair := swappable(text, places, draw):
        a, b = pair
        yield f"swapped {source.task.partition('_')[0]}", tag(text, {**places, a: places[b], b: places[a]})
    if (numbers := re.findall(r"(?<![\d.,:])[3-9]\d+(?![\d.,:])", text)) and any(n in tagged.text for n in numbers):
        yield "another number", good.replace(next(n for n in numbers if n in tagged.text), "2199")
    yield "the source", given
    yield "half the text", re.sub(r"<[^>]*$", "", good[: len(good) // 2])
    yield "again and again", good + text[-12:] * 5
    for kind in ("kana", "kanji") if source.language == "ja" else ():
        left = untranslated(kind, tagged.text, tagged.spans, text, places, draw)
        if left and (kind == "kanji" or target.language != "ja"):
            yield f"{kind} left", tag(left[0], left[1])


def measure_planted(rows: Sequence[Record], registry: Registry, show: int = 0) -> dict[str, Counter[str]]:
    """By mistake: how many rows it was made in, and was mended by reading, found, or passed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    draw = random.Random(0)
    for source, target, translator in with_translators(rows, registry):
        tagged, text, places = reply_of(source, target)
        right, before = translator.examine(tagged, said(tag(text, places)))
        had = {finding.check for finding in before}
        for name, wrong in plant(tagged, text, places, source, target, draw):
            draft, found = translator.examine(tagged, said(wrong))
            is_mended = draft.text == right.text and draft.spans == right.spans
            is_found = {finding.check for finding in found} - had
            became = "mended" if is_mended else "found" if is_found else "passed"
            counts[name][became] += 1
            if became == "passed" and counts[name]["passed"] <= show:
                print(f"passed {name}: {tagged.text!r}\n    {text!r}\n    {draft.tagged!r}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="N findings of each check")
    parser.add_argument("--planted", action="store_true", help="plant mistakes, and say what becomes of them")
    options = parser.parse_args()
    sets = [("embedded rows", *embedded())]
    if options.data:
        sets.append(("xSID", *xsid_rows(options.data)))
    for name, rows, registry in sets:
        print(f"\n{name}\n")
        if options.planted:
            for mistake, counts in measure_planted(rows, registry, options.show).items():
                found = ", ".join(
                    f"{kind} {share(counts[kind], counts.total())}" for kind in ("mended", "found", "passed")
                )
                print(f"{mistake}: {counts.total():,} rows: {found}")
            continue
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
