"""What needs no language model: the most frequent label, words looked up in the text, a linear classifier on characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from oiellm.verbalize.task import Example

NGRAMS: Final = (1, 3)
PENALTY: Final = 10.0
"""Inverse strength of the penalty on weights, ``C`` of scikit-learn."""


def majority(train: Sequence[Example], test: Sequence[Example]) -> list[str]:
    """The most frequent label of the train rows, for every row; of equal ones the first in order."""
    counts = Counter(row.label for row in train)
    return [min(counts, key=lambda label: (-counts[label], label))] * len(test)


def matching(words: Mapping[str, Sequence[str]], train: Sequence[Example], test: Sequence[Example]) -> list[str]:
    """The label with most of its words in the text; of equal ones, or where no word occurs, the most frequent in train.

    It has the label words that the verbalizer has, and no model: what a model adds to the words is what it is above this.
    """
    from ahocorasick_rs import AhoCorasick

    counts = Counter(row.label for row in train)
    every = sorted({word for own in words.values() for word in own})
    find = AhoCorasick(every).find_matches_as_indexes
    holders: dict[str, list[str]] = {word: [] for word in every}
    for label, own in words.items():
        for word in own:
            holders[word].append(label)
    found = []
    for row in test:
        present = {every[at] for at, _, _ in find(row.text, overlapping=True)}
        hits = Counter(label for word in present for label in holders[word])
        found.append(min(words, key=lambda label: (-hits[label], -counts[label], label)))
    return found


def ngrams(train: Sequence[Example], test: Sequence[Example]) -> list[str]:
    """Logistic regression on TF-IDF of 1- to 3-grams of characters, learnt from the train rows alone.

    Nothing was tuned: settings are scikit-learn's own but for the n-grams, sublinear counts, and a weaker penalty, since
    vectors of length 1 make its own a strong one.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    labels = [row.label for row in train]
    if len(set(labels)) == 1:
        return labels[:1] * len(test)
    vectors = TfidfVectorizer(analyzer="char", ngram_range=NGRAMS, sublinear_tf=True)
    model = make_pipeline(vectors, LogisticRegression(C=PENALTY, max_iter=1000, random_state=0))
    model.fit([row.text for row in train], labels)
    return [str(label) for label in model.predict([row.text for row in test])]
