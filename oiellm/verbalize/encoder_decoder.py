"""An encoder-decoder: a T5 is asked what its first sentinel stands for, any other what comes after the prompt.

The prompt is read once; the decoder reads every word after its own copy of what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from oiellm.verbalize.slot import LOGITS, Scorer, Tokens, means, padded
from oiellm.verbalize.templates import Prompt

if TYPE_CHECKING:
    import torch

SENTINEL: Final = "<extra_id_0>"


class EncoderDecoderScorer(Scorer):
    """See the module."""

    kind = "encoder-decoder"

    def __init__(self, model: Any, tokenizer: Any, positions: int | None) -> None:
        super().__init__(model, tokenizer, positions)
        self._start = [int(model.config.decoder_start_token_id)]
        self._sentinel = SENTINEL in tokenizer.get_vocab()
        if self._sentinel:
            self._start.append(tokenizer.convert_tokens_to_ids(SENTINEL))

    def encode(self, prompt: Prompt, slots: int) -> list[int]:
        """See :class:`Scorer`; without a sentinel the prompt ends at the slot."""
        line = f"{prompt.head}{SENTINEL}{prompt.tail}" if self._sentinel else prompt.head.rstrip(" ")
        return list(self.tokenizer(line, verbose=False)["input_ids"])

    def length(self, prompt: Prompt, slots: int) -> int:
        """See :class:`Scorer`; the word is on the decoder's side."""
        return len(self.encode(prompt, slots))

    def numbers(self, tokens: int, words: Sequence[Tokens]) -> int:
        """See :class:`Scorer`."""
        return len(words) * (len(self._start) + max(map(len, words))) * self.vocabulary

    def tokens(self, word: str) -> Tokens | None:
        """See :class:`Scorer`; a tokenizer that marks the beginnings of words does so without a blank."""
        return super().tokens(word.strip(" ") if self._sentinel else word)

    def scores(self, prompts: Sequence[Prompt], words: Sequence[Tokens]) -> torch.Tensor:
        """See :class:`Scorer`."""
        import torch

        ids, real = padded([self.encode(prompt, 0) for prompt in prompts], self.tokenizer.pad_token_id)
        device = self.model.device
        ids, real = ids.to(device), real.to(device)
        read = self.model.get_encoder()(input_ids=ids, attention_mask=real).last_hidden_state
        before = len(self._start)
        answers, _ = padded([[*self._start, *word[:-1]] for word in words], self.tokenizer.pad_token_id)
        answers = answers.to(device)
        size = max(1, LOGITS // (len(prompts) * answers.shape[1] * self.vocabulary))
        found = []
        for first in range(0, len(words), size):
            part = words[first : first + size]
            logits = self._logits(read, real, answers[first : first + size])
            each = logits.shape[2]
            steps = [number * each + before - 1 + at for number, word in enumerate(part) for at in range(len(word))]
            found.append(means(logits.flatten(1, 2), torch.tensor(steps, device=device), part))
        return torch.cat(found, 1)

    def _logits(self, read: torch.Tensor, real: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """Prompts by words by places by vocabulary."""
        from transformers.modeling_outputs import BaseModelOutput

        rows, words = len(read), len(answers)
        logits: torch.Tensor = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=read.repeat_interleave(words, 0)),
            attention_mask=real.repeat_interleave(words, 0),
            decoder_input_ids=answers.repeat(rows, 1),
            use_cache=False,
        ).logits
        return logits.view(rows, words, *logits.shape[1:])
