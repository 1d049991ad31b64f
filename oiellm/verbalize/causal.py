"""A causal model: words continue the prompt.

All words of a prompt are read in one pass, as the branches of a tree: each token sees the prompt, the tokens of its word before
it, and nothing of the other words, and stands at the position it would have alone. Beginnings that words share are read once.
A model that does not keep to such a mask reads every word after its own copy of the prompt instead, which is slower.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from oiellm.errors import OiellmError
from oiellm.tokens import prompt_ids
from oiellm.verbalize.slot import LOGITS, Scorer, Tokens, means, padded
from oiellm.verbalize.templates import Prompt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

_TOLERANCE: Final = {"torch.float64": 1e-6, "torch.float32": 1e-3}
_HALF: Final = 0.1
"""How far scores of the two ways may lie apart; for half precision about what another batch size makes."""
_ANCHOR: Final = "a"


class CausalScorer(Scorer):
    """See the module.

    Attributes:
        packed: whether the words of a prompt are read in one pass; found by trying when the model is taken.
    """

    kind = "causal"

    def __init__(self, model: Any, tokenizer: Any, positions: int | None) -> None:
        super().__init__(model, tokenizer, positions)
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.packed = self._honours_masks()

    def encode(self, prompt: Prompt, slots: int) -> list[int]:
        """See :class:`Scorer`; a blank before the slot belongs to the word. Raises OiellmError if nothing stands before it."""
        ids = prompt_ids(self.tokenizer, prompt.head.rstrip(" "))
        if not ids:
            raise OiellmError("nothing stands before the slot of an empty text; write something there in the template")
        return ids

    def tokens(self, word: str) -> Tokens | None:
        """See :class:`Scorer`. After a blank a word is read where one ends, as tokenizers mark the beginnings of words."""
        if word.startswith(" "):
            before, both = super().tokens(_ANCHOR), super().tokens(f"{_ANCHOR}{word}")
            if before and both and both[: len(before)] == before:
                return both[len(before) :]
        return super().tokens(word)

    def length(self, prompt: Prompt, slots: int) -> int:
        """See :class:`Scorer`."""
        return len(self.encode(prompt, slots)) + slots

    def numbers(self, tokens: int, words: Sequence[Tokens]) -> int:
        """See :class:`Scorer`."""
        return (sum(map(len, words)) + (1 if self._keeps else tokens)) * self.vocabulary

    def scores(self, prompts: Sequence[Prompt], words: Sequence[Tokens]) -> torch.Tensor:
        """See :class:`Scorer`."""
        rows = [self.encode(prompt, 0) for prompt in prompts]
        return self._in_one_pass(rows, words) if self.packed else self._one_by_one(rows, words)

    def _in_one_pass(self, rows: Sequence[Sequence[int]], words: Sequence[Tokens]) -> torch.Tensor:
        import torch

        tree = _Tree(words)
        # On the left, so that the last token of every prompt stands at one place, right before the words.
        prompts, real = padded(rows, 0, left=True)
        count, width, nodes = len(rows), prompts.shape[1], len(tree.tokens)
        ids = torch.cat([prompts, torch.tensor(tree.tokens, dtype=torch.long).expand(count, nodes)], 1)
        lengths = real.sum(1, keepdim=True)
        own = (real.cumsum(1) - 1).clamp(min=0)
        places = torch.cat([own, lengths + torch.tensor(tree.depths, dtype=torch.long)], 1)
        seen = torch.zeros(count, width + nodes, width + nodes, dtype=torch.bool)
        seen[:, :width, :width] = torch.ones(width, width, dtype=torch.bool).tril() & real.bool()[:, None, :]
        seen[:, width:, :width] = real.bool()[:, None, :]
        seen[:, width:, width:] = torch.from_numpy(tree.ancestors())
        seen |= torch.eye(width + nodes, dtype=torch.bool)  # a row that sees nothing has no softmax
        dtype, device = self.model.dtype, self.model.device
        mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[:, None]
        kept = {"logits_to_keep": nodes + 1} if self._keeps else {}
        logits = self.model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=places.to(device),
            use_cache=False,
            **kept,
        ).logits[:, -nodes - 1 :]
        return means(logits, torch.tensor(tree.steps, device=device), words)

    def _one_by_one(self, rows: Sequence[Sequence[int]], words: Sequence[Tokens]) -> torch.Tensor:
        import torch

        longest = max(map(len, rows)) + max(map(len, words))
        size = max(1, LOGITS // (longest * self.vocabulary))
        pairs = [(row, word) for row in rows for word in words]
        found = []
        for first in range(0, len(pairs), size):
            part = pairs[first : first + size]
            ids, mask = padded([[*row, *word[:-1]] for row, word in part], 0)
            device = self.model.device
            logits = self.model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits
            for at, (row, word) in enumerate(part):
                steps = torch.arange(len(row) - 1, len(row) - 1 + len(word), device=device)
                found.append(means(logits[at : at + 1], steps, [word])[0, 0])
        return torch.stack(found).view(len(rows), len(words))

    def _honours_masks(self) -> bool:
        """Whether both ways give the same, on two made-up prompts and words that share a beginning."""
        import torch

        sliding = {*(getattr(self.model.config, "layer_types", None) or ["full_attention"])} != {"full_attention"}
        window = getattr(self.model.config, "sliding_window", None) and not hasattr(self.model.config, "layer_types")
        if "position_ids" not in inspect.signature(self.model.forward).parameters or sliding or window:
            return False
        some = [at % self.vocabulary for at in range(7, 107, 7)]
        rows, words = [some[:6], some[2:5]], [tuple(some[:2]), (some[0], some[5], some[6]), (some[7],)]
        with torch.inference_mode():
            apart = (self._in_one_pass(rows, words) - self._one_by_one(rows, words)).abs().max()
        return bool(apart <= _TOLERANCE.get(str(self.model.dtype), _HALF))


class _Tree:
    """Words as a tree of tokens; the last token of a word need not be read, unless another word goes on from it.

    Attributes:
        tokens: of the nodes, parents first.
        depths: how many nodes are above each.
        steps: for all tokens of all words in turn, the place that predicts it: 0 the end of the prompt, then the nodes.
    """

    def __init__(self, words: Sequence[Tokens]) -> None:
        self.tokens: list[int] = []
        self.depths: list[int] = []
        self.steps: list[int] = []
        self._parents: list[int] = []
        known: dict[Tokens, int] = {}
        for word in words:
            place = 0
            for at, _ in enumerate(word):
                self.steps.append(place)
                if at == len(word) - 1:
                    break
                beginning = word[: at + 1]
                if beginning not in known:
                    self.tokens.append(word[at])
                    self.depths.append(at)
                    self._parents.append(place - 1)
                    known[beginning] = len(self.tokens)
                place = known[beginning]

    def ancestors(self) -> npt.NDArray[np.bool_]:
        """Node by node, which nodes it sees: those above it, and itself."""
        import numpy as np

        seen = np.eye(len(self.tokens), dtype=bool)
        for at, parent in enumerate(self._parents):
            if parent >= 0:
                seen[at] |= seen[parent]
        return seen
