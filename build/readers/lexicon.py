"""The polarity lexicon of SCPOS: Tohoku University's noun and predicate files, cleaned by stated rules.

- Nouns: every entry of the noun file labelled ``p``, ``n`` or ``e`` (neutral); those with another label are left out.
- Adjectives: the entries of both files whose head is an adjective. An entry is a phrase in pieces (``気持ち が 悪い``,
  ``心外 だ``); the pieces are joined, SudachiPy (mode C) tokenizes the whole, and one closing ``だ です の と な に`` is
  taken off. The last token left is the head; what is left is the word. In either file 形容詞 (i-adjective) and 形状詞
  (na-adjective) are adjectives. In the predicate file a noun that the dictionary marks as usable as one (形状詞可能)
  and a suffix that makes one (形容詞的, 形状詞的) are as well; in the noun file such a word stands as a noun.
- Adjectives of the noun file stay in the noun list too: the published noun lists are substrings of a noun lexicon.
- A word listed twice counts once; with two polarities in one list it has none free of context and is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from build.core import KitError, Note
from build.readers.inputs import find, missing, read_table
from mmm_dataset import Registry

SOURCE = "tohoku-polarity"
NOUN_FILE = "pn.csv.m3.120408.trim"
PREDICATE_FILE = "wago.121808.pn"

Kind = Literal["adj", "n"]
Tokenize = Callable[[str], Sequence[Any]]

_NOUN_LABELS = {"p": "positive", "n": "negative", "e": "neutral"}
_PREDICATE_LABELS = {
    f"{polarity}（{what}）": key
    for polarity, key in (("ポジ", "positive"), ("ネガ", "negative"))
    for what in ("評価", "経験")
}
_QUOTED = re.compile(r'^"(.*)"$')
_TAILS = frozenset({"だ", "です", "の", "と", "な", "に"})
_TAIL_CLASSES = ("助動詞", "助詞")
_ADJECTIVES = ("形容詞", "形状詞")

Entry = tuple[str, str]
"""A word and its polarity key, or why it has none (``!dirty_label``)."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words with their polarity key (``positive``, ``neutral``, ``negative``), apart by kind, and what was left out."""

    words: Mapping[Kind, Mapping[str, str]]
    left_out: Mapping[str, int]

    def notes(self) -> Iterator[Note]:
        """Sizes, and the entries left out; the figures are part of the reason, so that a summary shows them."""
        for kind, words in self.words.items():
            sizes = ", ".join(f"{count:,} {key}" for key, count in sorted(Counter(words.values()).items()))
            yield Note("lexicon", f"lexicon_{kind}: {len(words):,} words ({sizes})")
        for reason, count in sorted(self.left_out.items()):
            yield Note("lexicon", f"lexicon_{reason}: {count:,}")


def load(folder: Path, registry: Registry) -> Lexicon:
    """Read both files of a folder.

    Raises:
        KitError: a file is missing (which, from where, under which licence), or has no entry.
    """
    source = registry.source(SOURCE)
    if not folder.is_dir():
        raise missing(folder, f"folder with {NOUN_FILE} and {PREDICATE_FILE}", source)
    left_out: Counter[str] = Counter()
    tokenize = tokenizer()
    noun_file, predicate_file = (find(folder, source, [name]) for name in (NOUN_FILE, PREDICATE_FILE))
    entries = _some(_nouns(noun_file), noun_file, "a noun, a tab and p, n or e")
    predicates = _some(_predicates(predicate_file, tokenize), predicate_file, "ポジ（評価）, a tab and an adjective")
    nouns = _collect(entries, "n", left_out)
    adjectives = _collect(chain(predicates, _noun_adjectives(entries, tokenize)), "adj", left_out)
    both = sum(adjectives[word] != nouns[word] for word in adjectives.keys() & nouns.keys())
    if both:
        left_out["conflict_between_files"] = both
    return Lexicon({"adj": adjectives, "n": nouns}, left_out)


def _some(entries: Iterable[Entry], file: Path, due: str) -> list[Entry]:
    found = list(entries)
    if all(polarity.startswith("!") for _, polarity in found):
        raise KitError(f"{file}: no entry can be used: lines with {due} were due")
    return found


def _nouns(file: Path) -> Iterator[Entry]:
    # Very few words stand in quotation marks, so a lone mark must not open a field over many lines.
    for _, (word, *rest) in read_table(file, "\t", quoted=False):
        word = _QUOTED.sub(r"\1", word).strip()
        yield word, _NOUN_LABELS.get(rest[0] if rest and word else "", "!dirty_label")


def _noun_adjectives(nouns: Iterable[Entry], tokenize: Tokenize) -> Iterator[Entry]:
    for word, polarity in nouns:
        if not polarity.startswith("!") and tokenize(word)[-1].part_of_speech()[0] in _ADJECTIVES:
            yield word, polarity


def _predicates(file: Path, tokenize: Tokenize) -> Iterator[Entry]:
    for _, (spelling, *rest) in read_table(file, "\t", quoted=False):
        phrase = "".join(rest[:1]).replace(" ", "").strip()
        word = adjective(phrase, tokenize) if phrase else None
        if spelling not in _PREDICATE_LABELS or not phrase:
            yield phrase, "!dirty_label"
        else:
            yield (word, _PREDICATE_LABELS[spelling]) if word else (phrase, "!not_adjective")


def _collect(entries: Iterable[Entry], kind: Kind, left_out: Counter[str]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for word, polarity in entries:
        if polarity.startswith("!"):
            left_out[f"{kind}_{polarity[1:]}"] += 1
        elif word in found:
            left_out[f"{kind}_repeated"] += 1
            found[word].add(polarity)
        else:
            found[word] = {polarity}
    if conflicts := sum(len(polarities) > 1 for polarities in found.values()):
        left_out[f"{kind}_conflict"] = conflicts
    return {word: next(iter(polarities)) for word, polarities in found.items() if len(polarities) == 1}


def adjective(phrase: str, tokenize: Tokenize) -> str | None:
    """The phrase without its closing copula or particle if its head is an adjective, else None."""
    tokens = list(tokenize(phrase))
    last = tokens[-1]
    if len(tokens) > 1 and last.surface() in _TAILS and last.part_of_speech()[0] in _TAIL_CLASSES:
        tokens.pop()
    head = tokens[-1]
    return phrase[: head.end()] if "adj" in kinds(tuple(head.part_of_speech())) else None


@cache
def kinds(part_of_speech: tuple[str, ...]) -> tuple[Kind, ...]:
    """What a SudachiPy part of speech counts as: adjective, noun, both or neither."""
    first, *rest = part_of_speech
    is_adjective = first in _ADJECTIVES or any(
        part.endswith("形状詞可能") or part in ("形容詞的", "形状詞的") for part in rest
    )
    found: dict[Kind, bool] = {"adj": is_adjective, "n": first == "名詞"}
    return tuple(kind for kind, is_kind in found.items() if is_kind)


@cache
def tokenizer() -> Tokenize:
    """SudachiPy in split mode C (whole words)."""
    from sudachipy import Dictionary, SplitMode

    dictionary = Dictionary()
    # SudachiPy 0.7 renamed the method and deprecates the old name.
    make = getattr(dictionary, "tokenizer", None) or dictionary.create
    tokenize: Tokenize = make(mode=SplitMode.C).tokenize
    return tokenize
