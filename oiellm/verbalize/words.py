"""Words that tell of a label, counted in the training rows.

MMM's knowledgeable verbalizer takes for each text-level label the most frequent word-level items of its rows. Two more rankings
stand beside it: pointwise mutual information (Church and Hanks, 1990), which asks how much more often a word occurs with
the label than by chance, and TF-IDF with a label's rows as one document, which plays down the words of all labels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from oiellm.verbalize.task import Example

Ranking = Literal["frequency", "pmi", "tfidf"]
RANKINGS: Final = ("frequency", "pmi", "tfidf")


@dataclass(frozen=True, slots=True)
class LabelWord:
    """A word of a label.

    Attributes:
        label: the label it stands for.
        word: as it is written.
        count: items of the label's train rows that are this word; 0 for a label's own word that no row holds.
        rows: train rows of the label that hold it.
        pmi: log2 of rows * all / (rows of any label with it * rows of the label), in bits.
        tfidf: its share of the label's items, times ln((1 + labels) / (1 + labels that hold it)) + 1.
        prior: log-probability, mean over its tokens, averaged over unlabelled texts; None if it was not asked for.
        relevance: similarity to the label's own word against that to the other labels' (Hu et al. 2022); None as above.
        dropped: why it is not used; empty if it is.
    """

    label: str
    word: str
    count: int
    rows: int
    pmi: float
    tfidf: float
    prior: float | None = None
    relevance: float | None = None
    dropped: str = ""


def statistics(rows: Iterable[Example], labels: Sequence[str]) -> dict[str, list[LabelWord]]:
    """Per label all words of its rows, by word.

    Args:
        rows: the train rows, each with one of the labels.
        labels: those that count as documents of TF-IDF, with rows or without.
    """
    count: dict[str, Counter[str]] = {label: Counter() for label in labels}
    holds: dict[str, Counter[str]] = {label: Counter() for label in labels}
    size: Counter[str] = Counter()
    for row in rows:
        size[row.label] += 1
        count[row.label].update(row.words)
        holds[row.label].update(set(row.words))
    anywhere = sum(holds.values(), Counter())
    spread = Counter(word for label in labels for word in holds[label])
    found: dict[str, list[LabelWord]] = {}
    for label in labels:
        items = count[label].total()
        found[label] = [
            LabelWord(
                label,
                word,
                times,
                holds[label][word],
                math.log2(holds[label][word] * size.total() / (anywhere[word] * size[label])),
                times / items * (math.log((1 + len(labels)) / (1 + spread[word])) + 1),
            )
            for word, times in sorted(count[label].items())
        ]
    return found


def candidates(
    found: Mapping[str, Sequence[LabelWord]], ranking: Ranking, top: int, min_rows: int = 2
) -> dict[str, list[LabelWord]]:
    """The words of each label that are looked at further: its own word, then the ``top`` others of a ranking.

    Args:
        found: see :func:`statistics`.
        ranking: by count, by PMI, or by TF-IDF; of equal ones the more frequent, then the first in order.
        top: words per label, its own not counted.
        min_rows: for PMI, rows of the label that must hold a word: chance alone gives a word of one row the highest PMI.
    """
    chosen = {}
    for label, words in found.items():
        own = next((one for one in words if one.word == label), LabelWord(label, label, 0, 0, 0.0, 0.0))
        others = [one for one in words if one.word != label and (ranking != "pmi" or one.rows >= min_rows)]
        others.sort(key=lambda one: (-_value(one, ranking), -one.count, one.word))
        chosen[label] = [own, *others[:top]]
    return chosen


def _value(word: LabelWord, ranking: Ranking) -> float:
    return {"frequency": float(word.count), "pmi": word.pmi, "tfidf": word.tfidf}[ranking]


def drop_shared(words: Mapping[str, Sequence[LabelWord]]) -> dict[str, list[LabelWord]]:
    """Leave a word that several labels have to the one with the highest PMI; drop it everywhere if two are equal.

    A word that is another label's own is dropped; a label's own word stays.
    """
    holders: dict[str, list[LabelWord]] = {}
    for one in (one for entry in words.values() for one in entry if not one.dropped):
        holders.setdefault(one.word, []).append(one)
    reasons: dict[tuple[str, str], str] = {}
    for word, rivals in holders.items():
        highest = max(one.pmi for one in rivals)
        best = [one.label for one in rivals if one.pmi == highest]
        for one in rivals if len(rivals) > 1 else ():
            if word in words:
                reasons[one.label, word] = f"own word of {word}"
            elif len(best) > 1 and one.label in best:
                reasons[one.label, word] = "tells as much of another label"
            elif one.label not in best:
                reasons[one.label, word] = f"tells more of {best[0]}"
    return dropped(words, reasons)


def dropped(
    words: Mapping[str, Sequence[LabelWord]], reasons: Mapping[tuple[str, str], str]
) -> dict[str, list[LabelWord]]:
    """The words, those with a reason by (label, word) marked with it; a label's own word is never marked."""
    return {
        label: [
            replace(one, dropped=reasons[label, one.word])
            if not one.dropped and one.word != label and (label, one.word) in reasons
            else one
            for one in entry
        ]
        for label, entry in words.items()
    }


def used(words: Mapping[str, Sequence[LabelWord]]) -> dict[str, tuple[str, ...]]:
    """Per label the words that are not dropped, each once."""
    return {label: tuple(dict.fromkeys(one.word for one in entry if not one.dropped)) for label, entry in words.items()}


def own_words(labels: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The plain verbalizer: every label stands for itself."""
    return {label: (label,) for label in labels}
