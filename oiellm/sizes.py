"""Numbers of parameters of a Llama-shaped model, counted from the sizes in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oiellm.errors import OiellmError
from oiellm.recipe import Recipe, Shape

_SPECIALS: Final = 3 + 256
"""Tokens of the character tokenizer that are no characters: pad, EOS, unknown, and the bytes."""


def vocabulary(recipe: Recipe) -> int:
    """Rows of the embedding; from scratch the most that there can be, as texts may hold fewer characters than they may."""
    if recipe.model.base is None:
        from mmm_dataset import load
        from oiellm.tokens import pieces

        registry = load()
        chosen = recipe.data.configs
        known = registry.configs if chosen == "all" else [name for name in chosen if name in registry.configs]
        return _SPECIALS + recipe.model.characters + len(pieces(registry, known))
    if shape_of(recipe).vocabulary is None:
        raise OiellmError(
            f"{recipe.name}: give model.shape.vocabulary, the rows of the base's embedding, to count memory"
        )
    return int(shape_of(recipe).vocabulary or 0)


def shape_of(recipe: Recipe) -> Shape:
    """The sizes of the model. Raises OiellmError if the recipe gives none."""
    if recipe.model.shape is None:
        raise OiellmError(f"{recipe.name}: give model.shape, the sizes in the base's config.json, to count memory")
    return recipe.model.shape


def linears(shape: Shape) -> Mapping[str, tuple[int, int]]:
    """Inputs and outputs of the linear maps of one layer, by the name that LoRA targets have."""
    hidden, keys = shape.hidden, shape.hidden // shape.heads * shape.kv_heads
    return {
        "q_proj": (hidden, hidden),
        "k_proj": (hidden, keys),
        "v_proj": (hidden, keys),
        "o_proj": (hidden, hidden),
        "gate_proj": (hidden, shape.intermediate),
        "up_proj": (hidden, shape.intermediate),
        "down_proj": (shape.intermediate, hidden),
    }


def layer_parameters(shape: Shape) -> int:
    """Parameters of one layer: its linear maps and two norms."""
    return sum(inputs * outputs for inputs, outputs in linears(shape).values()) + 2 * shape.hidden


def head_parameters(shape: Shape, rows: int) -> int:
    """Parameters outside the layers: the embedding of ``rows`` tokens, the output head unless tied, the last norm."""
    return (1 if shape.tie_embeddings else 2) * rows * shape.hidden + shape.hidden


def parameters(recipe: Recipe) -> int:
    """Parameters of the model, without adapters. Raises OiellmError if the recipe gives no sizes."""
    shape = shape_of(recipe)
    return shape.layers * layer_parameters(shape) + head_parameters(shape, vocabulary(recipe))


def trained_parameters(recipe: Recipe) -> int:
    """Parameters that training changes: all, or with LoRA ``rank * (inputs + outputs)`` for every adapted linear map."""
    lora = recipe.model.lora
    if lora is None:
        return parameters(recipe)
    shape = shape_of(recipe)
    maps = linears(shape)
    targets = maps if lora.targets == "all-linear" else lora.targets
    if unknown := [name for name in targets if name not in maps]:
        raise OiellmError(f"{recipe.name}: model.lora.targets: no {unknown[0]!r}; there are: {', '.join(maps)}")
    return shape.layers * sum(lora.rank * sum(maps[name]) for name in targets)
