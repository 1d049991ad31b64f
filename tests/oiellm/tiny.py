"""Tiny models with random weights, saved as folders: they know nothing, but they load, generate and stop like real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = "Kazan made the film in 東京 with Brando, who won a prize: 1954; J:COM春日部は埼玉にある。"


def save_tiny(folder: Path, *, positions: int = 512, dtype: str = "float64", stops: int = 1, **about: Any) -> Path:
    """A Llama of 2 layers in ``folder``.

    Weights are drawn wide, so that logits lie far apart, and kept in float64: a batch then gives what one row gives. With
    ``stops`` above 1 so many tokens end a reply, as Llama 3 has two; with 0 the model hardly ever wants to end.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from oiellm.tokens import character_tokenizer

    tokenizer = character_tokenizer([TEXT], ["/NER/", ":人名;"], 100, positions)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.4,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config).to(getattr(torch, dtype))
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, *range(260, 259 + stops)]
    if not stops:
        with torch.no_grad():
            model.lm_head.weight[tokenizer.eos_token_id] = 0  # of 150 other logits one is above 0
    # What an instruction model brings along; prediction is greedy all the same.
    model.generation_config.do_sample, model.generation_config.temperature = True, 0.6
    model.generation_config.repetition_penalty = 1.3
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if about:
        (folder / "mmm.json").write_text(json.dumps(about))
    return folder
