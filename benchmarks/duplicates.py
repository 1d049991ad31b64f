"""Plant edits into real texts, count how many the near-duplicate search finds and what else it joins, and time it.

    python benchmarks/duplicates.py DATA [--more zh=FILE] [--edits 1000] [--rows 680000]

DATA holds the sources as they are published (folders stockmark-ner, jrte-pn, livedoor, xsid-0.7, wnut17,
universalner-crossner, pile-ner-slimer). ``--more`` adds texts of a language, one a line. The edits lie among all texts of the
language. Joined are the pairs of different unedited texts in one group, per 300,000 pairs, with and without xSID. They are of
three kinds: one edit apart (a character, a word, or a fifth cut off: what the first three columns plant), other near
duplicates, and chained pairs, which are in one group through others alone. No rule finds the planted edits and not the pairs of
the sources that are one edit apart, and the short commands of xSID (set alarm for 5 am, set alarm for 6 am) are full of them:
how many such pairs there are stands in "one edit apart, all" (for at most ``ALL_PAIRS`` texts).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "metrics")]

PER = 300_000
KINDS = ("one edit apart", "other", "chained")
ALL_PAIRS = 2_000
Edit = Callable[[str, random.Random, Sequence[str]], str]


COMMANDS = "xsid-0.7"
TOKENS: dict[str, list[str]] = {}
"""The words of Chinese texts, where their source gives them."""


def texts_of(data: Path) -> dict[str, dict[str, str]]:
    """Distinct real texts by language, each with the folder it is from."""
    from build.duplicates import normalise

    out: dict[str, dict[str, tuple[str, str]]] = {}
    for language, source, text in _texts(data):
        if normalise(text):
            out.setdefault(language, {}).setdefault(normalise(text), (text, source))
    return {language: dict(rows.values()) for language, rows in out.items()}


def _texts(data: Path) -> Iterator[tuple[str, str, str]]:
    from build.readers import READERS
    from mmm_dataset import Record, load

    for row in json.loads((data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8")):
        yield "ja", "stockmark-ner", row["text"]
    for line in (data / "jrte-pn" / "pn.tsv").read_text(encoding="utf-8").splitlines():
        yield "ja", "jrte-pn", line.split("\t")[2]
    files = {"tcree": ["livedoor"], "tconer": ["universalner-crossner", "pile-ner-slimer/validation.jsonl"]}
    for reader, name in ((reader, name) for reader, names in files.items() for name in names):
        for row in READERS[reader].read(data / name, load()):
            if isinstance(row, Record):
                yield row.language, name, row.text
    for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"):
        for block in re.split(r"\n\s*\n", (data / "wnut17" / name).read_text(encoding="utf-8")):
            yield "en", "wnut17", " ".join(line.split("\t")[0] for line in block.strip().splitlines())
    for file in sorted((data / COMMANDS).glob("*.conll")):
        for block in file.read_text(encoding="utf-8").split("\n\n"):
            if text := re.search("^# text = (.*)", block, re.MULTILINE):
                if file.name.startswith("zh"):
                    TOKENS[text[1]] = [line.split("\t")[1] for line in block.splitlines() if line[0] != "#"]
                yield file.name[:2], COMMANDS, text[1]


@cache
def words(text: str) -> tuple[str, ...]:
    """The text in words: its source's, or SudachiPy's if it holds kana, or runs of two characters of Han, or by blanks."""
    if text in TOKENS:
        return tuple(TOKENS[text])
    if re.search("[぀-ヿ]", text):
        return tuple(token.surface() for token in _sudachi().tokenize(text))
    if re.search("[一-鿿]", text):
        return tuple(re.findall(r"\w{1,2}|\W", text))
    return tuple(re.findall(r"\S+|\s+", text))


@cache
def _sudachi() -> Any:
    from sudachipy import Dictionary

    return Dictionary().tokenizer()


@cache
def _taiwan() -> Any:
    from opencc import OpenCC

    return OpenCC("s2twp")


def one_character(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """One character replaced, inserted or deleted."""
    at, new = rng.randrange(len(text)), rng.choice(rng.choice(others))
    return text[:at] + rng.choice((new, new + text[at], "")) + text[at + 1 :]


def one_word(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """One word replaced by one of another text."""
    mine, theirs = list(words(text)), [word for word in words(rng.choice(others)) if word.isalnum()]
    places = [at for at, word in enumerate(mine) if re.search(r"\w", word)]
    if places and theirs:
        mine[rng.choice(places)] = rng.choice(theirs)
    return "".join(mine)


def cut(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """A fifth of the text cut off, at its end or its beginning."""
    size = len(text) // 5
    return text[size:] if rng.random() < 0.5 else text[: len(text) - size]


def punctuation(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """The last mark dropped or replaced, or all commas and full stops those of another script."""
    if rng.random() < 0.5:
        return text.rstrip("。.!！?？") + rng.choice(("", "!", "。", "..."))
    return text.translate(str.maketrans("、，。,", ",,.、"))


def width(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """ASCII in full width, blanks doubled."""
    return re.sub(r"[!-~]", lambda match: chr(ord(match[0]) + 0xFEE0), text).replace(" ", "  ")


def other_script(text: str, rng: random.Random, others: Sequence[str]) -> str:
    """Simplified Chinese as written in Taiwan, with its own words."""
    return _taiwan().convert(text)


EDITS: dict[str, Edit] = {
    "one character": one_character,
    "one word": one_word,
    "a fifth cut off": cut,
    "punctuation": punctuation,
    "width, blanks": width,
    "Traditional": other_script,
}


def found(texts: Sequence[str], edits: int, kinds: Sequence[str]) -> dict[str, float]:
    """Share of the edits found, by kind."""
    from build.duplicates import Index

    rng, index = random.Random(0), Index()
    places: dict[str, list[tuple[int, int]]] = {kind: [] for kind in kinds}
    for text in texts:
        index.add(text)
    for kind in kinds:
        for text in rng.sample(texts, min(edits, len(texts))):
            edited = EDITS[kind](text, rng, texts)
            if edited != text:
                places[kind].append((index.add(text), index.add(edited)))
    groups = index.groups()
    return {kind: sum(groups[a] == groups[b] for a, b in of) / len(of) for kind, of in places.items()}


def one_edit(one: str, other: str) -> bool:
    """Whether two texts differ as a planted edit differs: in a character, a word, or a fifth at an end."""
    from rapidfuzz.distance import Levenshtein

    short, long = sorted((plain(one), plain(other)), key=len)
    if Levenshtein.distance(short, long, score_cutoff=1) <= 1:
        return True
    if len(long) - len(short) <= len(long) // 5 and (long.startswith(short) or long.endswith(short)):
        return True
    a, b = ([plain(word) for word in words(text) if re.search(r"\w", word)] for text in (one, other))
    start = next((at for at, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
    a, b = a[start:][::-1], b[start:][::-1]
    end = next((at for at, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
    return max(len(a), len(b)) - end <= 1


@cache
def plain(text: str) -> str:
    """The form that is compared."""
    from build.duplicates import _sign, normalise

    return _sign([normalise(text)])[0][0]


def near(one: str, other: str) -> bool:
    """Whether two texts are in one group when there are no others."""
    from build.duplicates import Index

    index = Index()
    numbers = [index.add(one), index.add(other)]
    return len(set(index.groups()[numbers])) == 1


def joined(texts: Sequence[str]) -> tuple[dict[str, float], list[int]]:
    """Pairs of unedited texts in one group, all and by kind, per ``PER``; the sizes of the largest groups."""
    from build.duplicates import Index

    index, groups = Index(), {}
    numbers = [index.add(text) for text in texts]
    for text, group in zip(texts, index.groups()[numbers].tolist(), strict=True):
        groups.setdefault(group, []).append(text)
    pairs = [pair for group in groups.values() for pair in itertools.combinations(group, 2)]
    kinds = Counter("one edit apart" if one_edit(*pair) else "other" if near(*pair) else "chained" for pair in pairs)
    per = PER / (len(texts) * (len(texts) - 1) // 2)
    rates = {"joined": len(pairs) * per} | {kind: kinds[kind] * per for kind in KINDS}
    return rates, sorted(map(len, groups.values()))[:-4:-1]


def made(count: int) -> Iterator[str]:
    """Texts of the length of reviews, one in fifty a near duplicate of the one before."""
    from benchmarks.build_release import rows

    return (row.text for row in rows(count))


def seconds(count: int) -> tuple[float, float]:
    """CPU seconds of the search over ``count`` made texts, and this process's peak memory in MiB."""
    from build.duplicates import Index

    spent, index = 0.0, Index()
    for text in made(count):
        started = time.process_time()
        index.add(text)
        spent += time.process_time() - started
    started = time.process_time()
    index.groups()
    spent += time.process_time() - started
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--more", action="append", default=[], metavar="LANGUAGE=FILE")
    parser.add_argument(
        "--edits", type=int, default=1000, metavar="N", help="of each kind and language (default: 1000)"
    )
    parser.add_argument("--rows", type=int, default=680_000, metavar="N", help="of the run that is timed; 0: none")
    options = parser.parse_args()
    texts = texts_of(options.data)
    for language, _, file in (more.partition("=") for more in options.more):
        texts[language] |= dict.fromkeys(filter(str.strip, Path(file).read_text(encoding="utf-8").split("\n")), file)
    names = [
        "",
        "texts",
        *EDITS,
        f"joined per {PER:,}",
        *KINDS,
        "without xSID",
        "one edit apart, all",
        "largest groups",
    ]
    print(f"| {' | '.join(names)} |\n|---|{'--:|' * (len(names) - 1)}")
    for language, of in texts.items():
        kinds = [kind for kind in EDITS if kind != "Traditional" or language == "zh"]
        shares = found(list(of), options.edits, kinds)
        rates, sizes = joined(list(of))
        others = [text for text, source in of.items() if source != COMMANDS]
        rate = f"{joined(others)[0]['joined']:.2f}" if others else ""
        pairs = list(itertools.combinations(of, 2)) if len(of) <= ALL_PAIRS else []
        every = f"{sum(one_edit(*pair) for pair in pairs) * PER / len(pairs):.0f}" if pairs else ""
        cells = [f"{shares[kind]:.3f}" if kind in shares else "" for kind in EDITS]
        cells = [language, f"{len(of):,}", *cells, *(f"{rate:.2f}" for rate in rates.values()), rate, every, f"{sizes}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    if options.rows:
        spent, mib = seconds(options.rows)
        print(f"\n{options.rows:,} made texts: {spent:.1f} s of CPU time, {mib:,.0f} MiB")


if __name__ == "__main__":
    main()
