"""Scoring label words at the slot of a prompt: what the three kinds of model have in common.

The score of a word is the mean over its tokens of their log-probabilities, so that a word of five tokens is not behind one of
one token for its length alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from oiellm.tokens import completion_ids
from oiellm.verbalize.templates import Prompt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Tokens = tuple[int, ...]
"""The ids of a word."""

LOGITS: Final = 1 << 26
"""Numbers that the logits of one batch may have, 256 MiB in fp32."""
MOST_ROWS: Final = 64
MOST_WORD_TOKENS: Final = 1 << 9
"""Tokens of words that are scored together."""


class Scorer(ABC):
    """A model that scores words at the slot.

    Attributes:
        kind: ``causal``, ``masked`` or ``encoder-decoder``.
        model: in evaluation mode, also while it is tuned: without dropout a run can be repeated.
        tokenizer: its tokenizer.
        positions: longest input in tokens, None if there is no limit.
        vocabulary: number of its logits.
    """

    kind: str

    def __init__(self, model: Any, tokenizer: Any, positions: int | None) -> None:
        self.model, self.tokenizer, self.positions = model, tokenizer, positions
        self.vocabulary = int(model.config.get_text_config().vocab_size)

    @abstractmethod
    def encode(self, prompt: Prompt, slots: int) -> list[int]:
        """Ids of a prompt whose slot takes ``slots`` tokens."""

    @abstractmethod
    def length(self, prompt: Prompt, slots: int) -> int:
        """Positions that a prompt takes together with a word of ``slots`` tokens."""

    @abstractmethod
    def scores(self, prompts: Sequence[Prompt], words: Sequence[Tokens]) -> torch.Tensor:
        """Scores of every word after every prompt, prompts by words, in fp32 or fp64; differentiable."""

    @abstractmethod
    def numbers(self, tokens: int, words: Sequence[Tokens]) -> int:
        """Logits that one prompt of so many tokens takes with these words."""

    def tokens(self, word: str) -> Tokens | None:
        """Ids of a word as it stands in the slot; None if the tokenizer cannot write it."""
        ids = tuple(completion_ids(self.tokenizer, word)[:-1])
        return None if not ids or self.tokenizer.unk_token_id in ids else ids

    def matrix(
        self, prompts: Sequence[Prompt], words: Sequence[Tokens], came: Callable[[int], object] = lambda _: None
    ) -> npt.NDArray[np.float64]:
        """Scores of every word after every prompt, in batches of similar length.

        Args:
            prompts: any number.
            words: their tokens, none empty.
            came: told of the number of prompts whenever so many more are done, for the last of the words.
        """
        import numpy as np
        import torch

        found = np.empty((len(prompts), len(words)))
        longest = max(map(len, words))
        sizes = [self.length(prompt, longest) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda at: (-sizes[at], at))
        parts = list(_parts(words))
        for number, part in enumerate(parts):
            first = 0
            while first < len(order):
                each = self.numbers(sizes[order[first]], [words[at] for at in part])
                batch = order[first : first + max(1, min(MOST_ROWS, LOGITS // each))]
                with torch.inference_mode():
                    scores = self.scores([prompts[at] for at in batch], [words[at] for at in part])
                found[np.ix_(batch, part)] = scores.double().cpu().numpy()
                first += len(batch)
                came(len(batch) if number == len(parts) - 1 else 0)
        return found


def _parts(words: Sequence[Tokens]) -> Iterator[list[int]]:
    """Numbers of the words, sorted so that shared beginnings are together, in parts of ``MOST_WORD_TOKENS``."""
    part: list[int] = []
    size = 0
    for at in sorted(range(len(words)), key=words.__getitem__):
        if part and size + len(words[at]) > MOST_WORD_TOKENS:
            yield part
            part, size = [], 0
        part.append(at)
        size += len(words[at])
    yield part


def means(logits: torch.Tensor, steps: torch.Tensor, words: Sequence[Tokens]) -> torch.Tensor:
    """Mean log-probability of words.

    Args:
        logits: rows by places by vocabulary.
        steps: for all tokens of all words in turn, the place whose logits predict it.
        words: their tokens.
    """
    import torch

    device = logits.device
    wide = logits if logits.dtype == torch.float64 else logits.float()
    target = torch.tensor([token for word in words for token in word], device=device)
    word = torch.tensor([at for at, tokens in enumerate(words) for _ in tokens], device=device)
    lengths = torch.tensor([len(tokens) for tokens in words], device=device)
    token_scores = wide[:, steps, target] - wide.logsumexp(-1)[:, steps]
    sums = wide.new_zeros(len(wide), len(words)).index_add(1, word, token_scores)
    return sums / lengths


def padded(rows: Sequence[Sequence[int]], fill: int, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ids as one tensor, and which of its places hold an id (1) or padding (0)."""
    import torch

    width = max(map(len, rows))
    ids, mask = torch.full((len(rows), width), fill), torch.zeros(len(rows), width, dtype=torch.long)
    for at, row in enumerate(rows):
        place = slice(width - len(row), width) if left else slice(0, len(row))
        ids[at, place], mask[at, place] = torch.tensor(row, dtype=torch.long), 1
    return ids, mask
