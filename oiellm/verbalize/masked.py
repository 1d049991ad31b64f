"""A masked model: the slot holds as many masks as the word has tokens.

All masks of a word are predicted at once, each without knowledge of the others (a pseudo-likelihood; filling them one after the
other would take a pass per token and word). So all words of one length share one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oiellm.verbalize.slot import Scorer, Tokens, means, padded
from oiellm.verbalize.templates import Prompt

if TYPE_CHECKING:
    import torch


class MaskedScorer(Scorer):
    """See the module."""

    kind = "masked"

    def encode(self, prompt: Prompt, slots: int) -> list[int]:
        """See :class:`Scorer`."""
        masks = self.tokenizer.mask_token * slots
        return list(self.tokenizer(f"{prompt.head}{masks}{prompt.tail}", verbose=False)["input_ids"])

    def length(self, prompt: Prompt, slots: int) -> int:
        """See :class:`Scorer`."""
        return len(self.encode(prompt, slots))

    def numbers(self, tokens: int, words: Sequence[Tokens]) -> int:
        """See :class:`Scorer`."""
        return tokens * self.vocabulary

    def scores(self, prompts: Sequence[Prompt], words: Sequence[Tokens]) -> torch.Tensor:
        """See :class:`Scorer`."""
        import torch

        columns: dict[int, torch.Tensor] = {}
        for length in sorted(set(map(len, words))):
            places = [at for at, word in enumerate(words) if len(word) == length]
            found = self._of_length(prompts, length, [words[at] for at in places])
            columns |= {at: found[:, number] for number, at in enumerate(places)}
        return torch.stack([columns[at] for at in range(len(words))], 1)

    def _of_length(self, prompts: Sequence[Prompt], length: int, words: Sequence[Tokens]) -> torch.Tensor:
        import torch

        rows = [self.encode(prompt, length) for prompt in prompts]
        ids, real = padded(rows, self.tokenizer.pad_token_id)
        device = self.model.device
        logits = self.model(input_ids=ids.to(device), attention_mask=real.to(device)).logits
        slots = [self._slots(prompt, row, length) for prompt, row in zip(prompts, rows)]
        at_slots = torch.stack([logits[at, place : place + length] for at, place in enumerate(slots)])
        return means(at_slots, torch.arange(length, device=device).repeat(len(words)), words)

    def _slots(self, prompt: Prompt, row: Sequence[int], length: int) -> int:
        """Where the slot begins; a text may hold the mask token too, before the slot or after it."""
        mask = self.tokenizer.mask_token_id
        places = [at for at, token in enumerate(row) if token == mask]
        return places[prompt.head.count(self.tokenizer.mask_token)]
