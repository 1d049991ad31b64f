"""How sure a model is of what it writes: the mean probability of the tokens of its label, and of each item.

The probabilities are the model's own, before a grammar forbids anything: what it would not have written by itself counts as
unlikely. Nothing is calibrated; how far the means are from the fraction that is right says
:mod:`oiellm.evaluate.calibration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from oiellm.predict.engine import Token
from oiellm.predict.grammar import items_at, rest_at


class Probabilities:
    """Records the probability of each token that ``generate`` of transformers writes, greedily.

    ``before`` is the first of the logits processors and ``after`` the last one.
    """

    def __init__(self) -> None:
        self._all: Any = None
        self._steps: list[Any] = []

    def before(self, _: Any, scores: Any) -> Any:
        """Look at the scores as the model gives them, (rows, vocabulary)."""
        self._all = scores.logsumexp(-1)
        return scores

    def after(self, _: Any, scores: Any) -> Any:
        """Look at the scores of what is allowed; the best of them is what is written."""
        self._steps.append((scores.amax(-1) - self._all).exp())
        return scores

    def rows(self) -> list[list[float]]:
        """Per row the probabilities of its tokens."""
        import torch

        found: list[list[float]] = torch.stack(self._steps, 1).tolist()
        return found


def tokens_of(tokenizer: Any, ids: Sequence[int], probabilities: Sequence[float], text: str) -> tuple[Token, ...]:
    """Where in a completion its tokens stand.

    Args:
        tokenizer: a fast tokenizer of transformers.
        ids: of the completion, without EOS.
        probabilities: of the ids.
        text: what the ids stand for.

    Returns:
        The tokens that have a place; none at all if the tokenizer spells the text differently token by token, or the text
        holds U+FFFD: bytes that are no character stand nowhere.
    """
    from tokenizers.decoders import DecodeStream

    if "\ufffd" in text:
        return ()
    stream, spelled = DecodeStream(skip_special_tokens=True), ""
    found: list[Token] = []
    waiting: list[float] = []
    for token, probability in zip(ids, probabilities):
        waiting.append(probability)  # of a character of several tokens, until it is whole
        if piece := stream.step(tokenizer.backend_tokenizer, token):
            found += [Token(len(spelled), len(spelled) + len(piece), one) for one in waiting]
            spelled, waiting = spelled + piece, []
    return tuple(found) if text.startswith(spelled) else ()


@dataclass(frozen=True, slots=True)
class Confidence:
    """Means of token probabilities, from 0 to 1.

    Attributes:
        label: of the text-level label.
        items: of each item, separators in front included, in the order written.
    """

    label: float | None = None
    items: tuple[float, ...] = ()


UNKNOWN: Final = Confidence()
"""Where the tokens are not known."""


def confidence(text: str, word: str, tokens: Sequence[Token]) -> Confidence:
    """The confidence in the label and the items of an output in escaped form.

    Args:
        text: the output, as it was written.
        word: its task word.
        tokens: its tokens, in order; a token that belongs to two items counts for both.
    """
    start = rest_at(text, word)
    if start < 0 or not tokens:
        return UNKNOWN
    label = _mean(tokens, 0, start - len(f"/{word}/"))
    bounds = [*items_at(text, start), len(text)]
    means = [_mean(tokens, first, end) for first, end in pairwise(bounds) if end - first > 1]  # no item in a last ``:``
    return Confidence(label, tuple([mean for mean in means if mean is not None]))


def _mean(tokens: Sequence[Token], start: int, end: int) -> float | None:
    found = [token.probability for token in tokens if token.start < end and token.end > start]
    return round(sum(found) / len(found), 4) if found else None
