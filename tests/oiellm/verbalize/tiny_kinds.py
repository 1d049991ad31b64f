"""Tiny models of the three kinds with wide random weights in float64, saved as folders."""

from pathlib import Path
from typing import Any

from tests.oiellm.tiny import TEXT, save_tiny

SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "<extra_id_0>", "<extra_id_1>"]
CHARACTERS = TEXT + "社会文芸学問技術自然この章分野はですabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ :;/.,-"


def tokenizer(frame: tuple[str, str], positions: int) -> Any:
    """Characters as tokens, unknown ones as such; ``frame`` stands around every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokens = ["[PAD]", "[UNK]", *SPECIAL, *sorted(set(CHARACTERS) - {"\n"}), "\n"]
    inner = Tokenizer(models.WordLevel({token: at for at, token in enumerate(tokens)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    ends = [(token, tokens.index(token)) for token in frame if token]
    single = f"{frame[0]} $A {frame[1]}".strip()
    inner.post_processor = processors.TemplateProcessing(single=single, special_tokens=ends)
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        eos_token="[SEP]",
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
    )
    made.add_special_tokens({"additional_special_tokens": [*SPECIAL[:2], *SPECIAL[3:]]})
    return made


def save_bert(folder: Path, positions: int = 128) -> Path:
    """A BERT for masks."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    made = tokenizer(("[CLS]", "[SEP]"), positions)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(made),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.4,
        pad_token_id=0,
    )
    return _saved(BertForMaskedLM(config), made, folder)


def save_t5(folder: Path, positions: int = 128) -> Path:
    """A T5."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    made = tokenizer(("", "[SEP]"), positions)
    torch.manual_seed(2)
    config = T5Config(
        vocab_size=len(made),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=made.eos_token_id,
        initializer_factor=3.0,
    )
    return _saved(T5ForConditionalGeneration(config), made, folder)


def _saved(model: Any, made: Any, folder: Path) -> Path:
    import torch

    model.to(torch.float64).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


SAVERS = {"causal": save_tiny, "masked": save_bert, "encoder-decoder": save_t5}
