"""From scores of words to scores of labels, and the filters that need a model.

After Hu et al. 2022, "Knowledgeable Prompt-tuning: Incorporating Knowledge into Prompt Verbalizer for Text Classification"
(ACL): frequency refinement drops words that the model hardly ever expects in the slot, relevance refinement those that do not
go with their label, and calibration divides by what the model expects whatever the text. What it expects is averaged over
unlabelled training texts (their contextualised prior) or over inputs without content (Zhao et al. 2021, "Calibrate Before
Use", ICML).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from oiellm.errors import OiellmError
from oiellm.verbalize.slot import Scorer, Tokens
from oiellm.verbalize.words import LabelWord, dropped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    Floats = npt.NDArray[np.float64]

Calibration = Literal["support", "content-free", "none"]
CALIBRATIONS: Final = ("support", "content-free", "none")
CONTENT_FREE: Final = ("N/A", "[MASK]", "")
"""The inputs without content of Zhao et al."""
MOST_TOKENS: Final = 24
"""Longer label words are not scored: they are sentences rather than words, and one of them makes all prompts shorter."""


@dataclass(frozen=True, slots=True)
class Verbalizer:
    """Label words, ready to be scored.

    Attributes:
        labels: in the order of the label table.
        words: all words, each once.
        of_label: per label the numbers of its words.
    """

    labels: tuple[str, ...]
    words: tuple[str, ...]
    of_label: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, words: Mapping[str, Sequence[str]]) -> Verbalizer:
        """Of the words by label.

        Raises:
            OiellmError: a label has none.
        """
        if empty := [label for label, own in words.items() if not own]:
            raise OiellmError(
                f"label {empty[0]!r} has no word that the model can score; give it one in a file for --words-file"
            )
        every = tuple(dict.fromkeys(word for own in words.values() for word in own))
        number = {word: at for at, word in enumerate(every)}
        return cls(tuple(words), every, tuple(tuple(number[word] for word in own) for own in words.values()))

    def sample(self, most: int, draw: Any) -> Verbalizer:
        """At most so many words of each label, its first always among them; ``draw`` is a ``random.Random``."""
        words = {
            label: [self.words[at] for at in (own[0], *sorted(draw.sample(own[1:], min(len(own), most) - 1)))]
            for label, own in zip(self.labels, self.of_label)
        }
        return Verbalizer.of(words)

    def places(self, words: Sequence[str]) -> list[int]:
        """Numbers of some of the words."""
        number = {word: at for at, word in enumerate(self.words)}
        return [number[word] for word in words]

    def label_scores(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores of labels: log of the mean, over a label's words, of exp(score), so that no label gains by having more.

        Args:
            scores: of words, rows by words, calibrated already.
        """
        import math

        import torch

        parts = [scores[:, list(own)].logsumexp(1) - math.log(len(own)) for own in self.of_label]
        return torch.stack(parts, 1)


def drop_unwritable(
    words: Mapping[str, Sequence[LabelWord]], scorer: Scorer, close: str = ""
) -> dict[str, list[LabelWord]]:
    """Mark the words that the model's tokenizer cannot write, or only in more than ``MOST_TOKENS`` tokens.

    A label's own word is no exception here: a word without tokens has no score. ``close`` is what follows each word.
    """
    found = {}
    for label, entry in words.items():
        found[label] = [
            one
            if one.dropped or not (reason := _unwritable(scorer.tokens(one.word + close)))
            else replace(one, dropped=reason)
            for one in entry
        ]
    return found


def _unwritable(tokens: Tokens | None) -> str:
    if tokens is None:
        return "the tokenizer cannot write it"
    return f"more than {MOST_TOKENS} tokens" if len(tokens) > MOST_TOKENS else ""


def prior(scores: Floats) -> Floats:
    """Log of the mean probability of each word over the rows: the contextualised prior, or the content-free one."""
    import numpy as np

    highest = scores.max(axis=0)
    return np.asarray(highest + np.log(np.exp(scores - highest).mean(axis=0)))


def drop_rare(words: Mapping[str, Sequence[LabelWord]], share: float) -> dict[str, list[LabelWord]]:
    """Frequency refinement: mark a share of all words, those of the lowest prior; words without a prior are left."""
    every = sorted(one.prior for entry in words.values() for one in entry if not one.dropped and one.prior is not None)
    if not every or not share:
        return {label: list(entry) for label, entry in words.items()}
    threshold = every[min(len(every) - 1, int(share * len(every)))]
    reasons = {
        (one.label, one.word): "prior too low"
        for entry in words.values()
        for one in entry
        if one.prior is not None and one.prior < threshold
    }
    return dropped(words, reasons)


def relevance(scores: Floats, own: Sequence[int]) -> Floats:
    """Relevance of words to labels, words by labels (Hu et al. 2022).

    A word is the vector of its probabilities over the support texts; its likeness to a label is the cosine with the label's
    own word. Relevance is the likeness to one label over its mean likeness to the others.

    Args:
        scores: support texts by words.
        own: number of each label's own word.
    """
    import numpy as np

    # The level of a row says nothing of the cosine between words, but overflow is then no matter.
    probabilities = np.exp(scores - scores.max(axis=0))
    vectors = probabilities / np.linalg.norm(probabilities, axis=0)
    likeness = vectors.T @ vectors[:, list(own)]
    others = (likeness.sum(axis=1, keepdims=True) - likeness) / max(1, len(own) - 1)
    return np.asarray(likeness / others)


def drop_irrelevant(words: Mapping[str, Sequence[LabelWord]]) -> dict[str, list[LabelWord]]:
    """Relevance refinement: mark the words that are no more like their own label than like the others."""
    reasons = {
        (one.label, one.word): "not relevant to its label"
        for entry in words.values()
        for one in entry
        if one.relevance is not None and one.relevance < 1
    }
    return dropped(words, reasons)
