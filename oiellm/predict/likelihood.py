"""How likely a causal model finds a completion: log-probabilities of given tokens, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_LOGITS: Final = 1 << 26
"""Numbers that the logits of a batch may have, 256 MiB in fp32."""


def log_likelihoods(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """Sum of the log-probabilities of a completion's tokens behind its prompt, in nats.

    Args:
        model: a causal language model in evaluation mode.
        pairs: ids of a prompt, one at least, and of a completion.
    """
    most = max(1, _LOGITS // model.get_output_embeddings().out_features)
    order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]) + len(pairs[at][1]))
    found = [0.0] * len(pairs)
    batch: list[int] = []
    for at in order:
        length = len(pairs[at][0]) + len(pairs[at][1])
        if batch and length * (len(batch) + 1) > most:
            _score(model, pairs, batch, found)
            batch = []
        batch.append(at)
    if batch:
        _score(model, pairs, batch, found)
    return found


def _score(
    model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], batch: Sequence[int], found: list[float]
) -> None:
    import torch

    rows = [[*pairs[at][0], *pairs[at][1]] for at in batch]
    width = max(map(len, rows))
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):  # padded on the right: what comes behind a token cannot change it
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    with torch.inference_mode():
        logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
        said = torch.log_softmax(logits[:, :-1].float(), dim=-1)
        said = said.gather(2, ids[:, 1:, None].to(said.device))[:, :, 0].cpu()
    for number, at in enumerate(batch):
        start = len(pairs[at][0]) - 1
        found[at] = float(said[number, start : start + len(pairs[at][1])].sum())
