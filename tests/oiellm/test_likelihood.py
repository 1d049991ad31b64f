"""Log-likelihoods of completions, held against one pass for every token."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from oiellm.predict import likelihood
from oiellm.predict.local import load_model
from tests.oiellm.tiny import save_tiny


def test_batches_give_what_a_loop_over_tokens_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import torch

    model = load_model(save_tiny(tmp_path / "tiny")).model
    draw = random.Random(0)
    size = model.get_input_embeddings().num_embeddings
    pairs = [[[draw.randrange(size) for _ in range(draw.randint(1, 8))] for _ in range(2)] for _ in range(23)]
    brute = []
    for line, said in pairs:
        total = 0.0
        for at, token in enumerate(said):
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([[*line, *said[:at]]])).logits[0, -1]
            total += float(torch.log_softmax(logits.float(), -1)[token])
        brute.append(total)
    for tokens in (1, 40, 100_000):
        monkeypatch.setattr(likelihood, "_LOGITS", tokens * size)
        assert likelihood.log_likelihoods(model, pairs) == pytest.approx(brute, abs=1e-4)
