"""The tokenizer and the model that a recipe names: made from scratch, or loaded as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset import Record, Registry, RegistryError
from oiellm.errors import OiellmError
from oiellm.recipe import Recipe
from oiellm.tokens import character_tokenizer, check, pieces

ISOLATED: Final = frozenset(
    {
        *("cohere", "gemma3", "gemma3_text", "gpt2", "gpt_neox", "granite", "llama", "mistral"),
        *("olmo2", "phi3", "qwen2", "qwen3", "starcoder2"),
    }
)
"""Architectures whose rows do not see each other in a pack, found by changing one row and comparing the logits of the next.
Others leak without a word (OPT, Falcon, Mamba do)."""

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def make_tokenizer(
    recipe: Recipe, pairs: Iterable[tuple[str, str]], records: Sequence[Record], registry: Registry
) -> Any:
    """The tokenizer of the base, or one of the characters of the training rows.

    Args:
        recipe: the recipe; its ``model.base`` is already the one to load.
        pairs: prompt and completion of the training rows.
        records: the training rows, for the configs whose format pieces are one token each.
        registry: of the labels.

    Raises:
        OiellmError: the base has none that can be used; the message says what to change.
    """
    model = recipe.model
    if model.base is None:
        assert model.shape is not None
        names = sorted({record.config for record in records}, key=list(registry.configs).index)
        try:
            fixed = pieces(registry, names)
        except RegistryError as error:
            raise OiellmError(str(error)) from error
        texts = (text for pair in pairs for text in pair)
        return character_tokenizer(texts, fixed, model.characters, model.shape.positions)
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, model.base, revision=model.revision)
    if model.pad_token is not None:
        if model.pad_token not in tokenizer.get_vocab():
            raise OiellmError(f"model.pad_token {model.pad_token!r} is no token of {model.base}; name one that exists")
        tokenizer.pad_token = model.pad_token
    tokenizer.padding_side = "left"
    check(tokenizer)
    return tokenizer


def make_model(recipe: Recipe, tokenizer: Any) -> PreTrainedModel:
    """The model to train, in the dtype of its master weights: fp32, or bf16 for the frozen base of adapters.

    Raises:
        OiellmError: the base is not there, does not fit the tokenizer or the recipe, or a package is missing.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    model, on_cpu = recipe.model, not torch.accelerator.is_available()
    if model.base is None:
        config = _config(recipe, tokenizer)
    else:
        config = _load(AutoConfig, model.base, revision=model.revision)
    text = config.get_text_config()
    if recipe.data.max_tokens > text.max_position_embeddings:
        raise OiellmError(
            f"data.max_tokens {recipe.data.max_tokens}: the model has {text.max_position_embeddings} positions; lower it"
        )
    if len(tokenizer) > text.vocab_size:
        raise OiellmError(
            f"{model.base}: {len(tokenizer)} tokens, but {text.vocab_size} embeddings; the base is broken"
        )
    if recipe.train.packing and config.model_type not in ISOLATED:
        raise OiellmError(
            f"{model.base}: in packs of a {config.model_type} model rows may see each other; set train.packing: false"
        )
    attention = _attention(recipe, config, on_cpu)
    if model.base is None:
        return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    found = _load(
        AutoModelForCausalLM, model.base, revision=model.revision, attn_implementation=attention, dtype=_masters(recipe)
    )
    return found if model.lora is None else with_adapters(found, recipe)


def _masters(recipe: Recipe) -> torch.dtype:
    """At learning rates around 1e-5, bf16 weights lose most updates to rounding: what is trained is kept in fp32."""
    import torch

    frozen = recipe.model.lora is not None and recipe.train.precision == "bf16"
    return torch.bfloat16 if frozen else torch.float32


def _config(recipe: Recipe, tokenizer: Any) -> Any:
    from transformers import LlamaConfig

    shape = recipe.model.shape
    assert shape is not None
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=shape.tie_embeddings,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _attention(recipe: Recipe, config: Any, on_cpu: bool) -> str:
    """What computes the attention: on a CPU, packs of a Llama go through :mod:`oiellm.train.attention`."""
    name = recipe.model.attention
    package = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}.get(name)
    if package and find_spec(package) is None:
        raise OiellmError(
            f"model.attention {name}: package {package} is not installed; pip install flash-attn, or use sdpa"
        )
    # Other architectures may have sliding windows or capped scores, which it does not know.
    if name == "sdpa" and on_cpu and recipe.train.packing and config.model_type == "llama":
        from oiellm.train.attention import register

        return register()
    return name


def with_adapters(model: PreTrainedModel, recipe: Recipe) -> PreTrainedModel:
    """The model with the recipe's adapters, which alone train. Raises OiellmError if they do not fit the model."""
    from peft import LoraConfig, get_peft_model

    lora = recipe.model.lora
    assert lora is not None
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
    )
    try:
        # peft keeps the adapters in fp32 over a bf16 base.
        return get_peft_model(model, config)
    except ValueError as error:
        raise OiellmError(f"model.lora: {str(error).splitlines()[0]}") from error


def _load(what: Any, base: str, **options: Any) -> Any:
    try:
        return what.from_pretrained(base, **options)
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OiellmError(f"{base}: the base cannot be loaded: {reason}") from error
