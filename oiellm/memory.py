"""How much memory training a recipe takes on each GPU, by part. Arithmetic on sizes: nothing is loaded.

Weights, gradients and optimiser states follow ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054), activations the count of
Korthikanti et al. 2022 (arXiv 2205.05198), adapted to what a Llama in transformers keeps. Not counted: CUDA's context,
communication buffers, fragmentation. A card counts as large enough if ``RESERVE`` of it stays free.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from oiellm.errors import OiellmError
from oiellm.recipe import Recipe, Train
from oiellm.sizes import head_parameters, layer_parameters, parameters, shape_of, trained_parameters, vocabulary

Sharding: TypeAlias = Literal["ddp", "fsdp2", "zero2", "zero3"]
"""How training state is spread over processes; the names of the profiles."""

GIB: Final = 2**30
CARDS: Final = (24, 48, 80, 141)
"""Cards that are asked for, in GB as sold, which is GiB within a per cent."""
RESERVE: Final = 0.08
"""Share of a card that is left free. Ours, not measured."""
_TILE: Final = (4096, 32768)
"""Tokens and vocabulary entries whose logits exist at once in TRL's chunked loss (trl 1.16)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one GPU at the peak of a step.

    Attributes:
        weights: what the model computes with, copies that are gathered or cast for it included.
        gradients: with the buckets in which they are exchanged, if these are as large as the model.
        optimizer: Adam's two moments.
        masters: fp32 weights that the optimiser updates, where the model computes with others.
        activations: what the forward pass keeps for the backward pass.
        logits: logits and their gradients.
    """

    weights: float
    gradients: float
    optimizer: float
    masters: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """Sum of all parts."""
        return self.weights + self.gradients + self.optimizer + self.masters + self.activations + self.logits

    def fits(self, card: float) -> bool:
        """Whether a card of so many GB is large enough, with the reserve left free."""
        return self.total <= card * GIB * (1 - RESERVE)


def estimate(recipe: Recipe, gpus: int = 1, sharding: Sharding = "ddp") -> Memory:
    """Memory of one of ``gpus`` GPUs.

    Args:
        recipe: what is trained, with ``model.shape``.
        gpus: processes, one to a GPU.
        sharding: how training state is spread over them.

    Raises:
        OiellmError: the recipe gives no sizes, or ``gpus`` is below 1.
    """
    if gpus < 1:
        raise OiellmError("memory: at least 1 GPU")
    weights, gradients, optimizer, masters = _states(recipe, gpus, sharding)
    cast = recipe.train.precision == "bf16" and sharding == "ddp" and recipe.model.lora is None
    return Memory(weights, gradients, optimizer, masters, _activations(recipe, cast), _logits(recipe))


def _states(recipe: Recipe, gpus: int, sharding: Sharding) -> tuple[float, float, float, float]:
    """Bytes of weights, gradients, optimiser states and masters.

    With P parameters of which T train, N GPUs, and G parameters gathered at once (two layers and all outside them):

    - fp32: weights 4P, gradients 4T, no masters; bf16: weights 2P, masters 4T.
    - ddp: gradients are fp32 as the masters are, 4T, and DDP holds them a second time in its buckets if N > 1.
    - zero2 (P_os+g of the paper): weights 2P; gradients 2T/N in bf16, masters 4T/N, states 8T/N.
    - zero3 (P_os+g+p): the weights too are divided, and what is gathered for computing is added: 2P/N + 2G.
    - fsdp2: the masters 4T/N are the shards; bf16 weights exist only as gathered, 2G;
      gradients 4T/N, and 2G before they are divided.
    """
    total, trained, size = parameters(recipe), trained_parameters(recipe), _size(recipe.train)
    shape, low, frozen = shape_of(recipe), recipe.train.precision == "bf16", recipe.model.lora is not None
    gathered = size * min(total, 2 * layer_parameters(shape) + head_parameters(shape, vocabulary(recipe)))
    share = 1 if sharding == "ddp" else gpus
    masters = 4 * trained / share if low or frozen else 0.0
    optimizer = _adam(recipe, trained) / share
    weights: float = size * (total + (trained if frozen and low else 0))
    gradients = (4.0 if sharding in ("ddp", "fsdp2") or not low or frozen else 2.0) * trained / share
    if sharding == "ddp" and gpus > 1:
        gradients *= 2
    if sharding == "zero3":
        weights = weights / gpus + gathered
    if sharding == "fsdp2":
        weights = (weights / gpus if frozen or not low else 0.0) + gathered
        gradients += 0 if frozen else gathered
    return weights, gradients, optimizer, masters


def _adam(recipe: Recipe, trained: int) -> float:
    """Adam's moments: 8 bytes a parameter; 2 and a scale for each 256 in 8 bits, where the embedding stays at 8 bytes."""
    if recipe.train.optimizer != "adamw_bnb_8bit":
        return 8.0 * trained
    embedding = 0 if recipe.model.lora else shape_of(recipe).hidden * vocabulary(recipe)
    return 8.0 * embedding + (2 + 2 * 4 / 256) * (trained - embedding)


def _size(train: Train) -> int:
    return 2 if train.precision == "bf16" else 4


def _tokens(recipe: Recipe) -> tuple[int, int]:
    """Sequences computed at once and tokens of each: all packs as one (TRL lays them end to end), or the longest rows."""
    train, longest = recipe.train, recipe.data.max_tokens
    if train.packing:
        return 1, train.packs_at_once * (train.pack_tokens or max(longest, 1024))
    return train.packs_at_once, longest


def _activations(recipe: Recipe, cast: bool) -> float:
    """Bytes that the forward pass keeps.

    Korthikanti et al. count ``s*b*h*(34 + 5*a*s/h)`` a layer for a GPT in 16 bits (s tokens, b sequences, h hidden, a heads).
    Kept from it: the way of counting, every tensor that the backward pass reads. Changed, with e bytes an element, for
    what a Llama in transformers keeps, held against hooks on its saved tensors in ``tests/oiellm/test_memory.py``:

    - attention by sdpa or flash keeps no scores: ``5*a*s/h`` goes, 4 bytes a head and token (the log of the sum) come.
      Packs under sdpa need a mask, ``e*s*s*b`` in every layer, and keys and values repeated to all heads.
    - SwiGLU keeps gate, its SiLU, up, and their product: ``4*e*i`` (i intermediate) for GPT's 16h + 3h.
    - RMSNorm computes in fp32: its input 4h, its result e*h; no dropout, so no masks of it.
    - cast: autocast over fp32 weights keeps residual stream and norms in fp32, and a cast of each linear map's input.
    - LoRA keeps what its adapters read: their rank, and inputs once more.

    With gradient checkpointing the input of every layer, and one layer whole.
    """
    shape, (batch, length) = shape_of(recipe), _tokens(recipe)
    size, packed = _size(recipe.train), recipe.train.packing
    hidden, heads, attention = shape.hidden, shape.heads, recipe.model.attention
    masked = packed and not attention.startswith("flash")
    keys = hidden if masked or attention == "eager" else hidden // heads * shape.kv_heads
    norms = (16 + 2 * 5) * hidden if cast else (8 + 4 * size) * hidden
    token = norms + 2 * size * hidden + 2 * size * keys + 4 * size * shape.intermediate + 4 * heads + 8
    if recipe.model.lora:
        token += 2 * size * hidden + 7 * size * recipe.model.lora.rank
    if masked:
        token += size * length
    if attention == "eager":
        token += (4 if size == 4 else 4 + size) * heads * length  # softmax is computed in fp32, and cast
    stream = (4 if cast else size) * hidden
    layers = shape.layers * stream + token if recipe.train.gradient_checkpointing else shape.layers * token
    return float(batch * length * (layers + stream + (4 + size) * hidden))


def _logits(recipe: Recipe) -> float:
    """Bytes of the loss: for every token and vocabulary entry the logit, its fp32 copy, log-softmax and gradient (12 + e).

    At most: tokens of a prompt have no logits, and how many of a pack are of prompts is not known before the data.

    In chunks: one tile of logits, and the head's gradient in fp32 while it is summed, if the head trains.
    """
    (batch, length), rows, size = _tokens(recipe), vocabulary(recipe), _size(recipe.train)
    if not recipe.train.chunked_loss:
        return float(batch * length * rows * (12 + size))
    tile = size * min(batch * length, _TILE[0]) * min(rows, _TILE[1])
    return float(tile + (0 if recipe.model.lora else 4 * rows * shape_of(recipe).hidden))


def table(
    recipe: Recipe, gpus: Iterable[int] = (1, 2, 4, 8), shardings: Iterable[Sharding] = ("ddp", "zero2", "fsdp2")
) -> str:
    """The estimates as a table in GiB, one line for each count of GPUs and sharding; one GPU shards nothing.

    Raises:
        OiellmError: see :func:`estimate`.
    """
    from tabulate import tabulate

    shardings = list(shardings)
    rows = []
    for count in gpus:
        for sharding in shardings if count > 1 else shardings[:1]:
            memory = estimate(recipe, count, sharding)
            parts = (
                memory.weights,
                memory.gradients,
                memory.optimizer,
                memory.masters,
                memory.activations,
                memory.logits,
            )
            rows.append((count, sharding, *(part / GIB for part in parts), memory.total / GIB, verdict(memory)))
    heads = ("GPUs", "sharding", "weights", "gradients", "optimiser", "masters", "activations", "logits", "GiB", "")
    batch, length = _tokens(recipe)
    sizes = f"{parameters(recipe):,} parameters, {trained_parameters(recipe):,} of them train"
    note = f"{sizes}; {batch} x {length:,} tokens at once.\nAn estimate; {RESERVE:.0%} of a card is left free."
    return f"{tabulate(rows, heads, floatfmt='.1f')}\n\n{note}"


def verdict(memory: Memory) -> str:
    """On which card it fits, such as ``fits in 24 GB``."""
    smallest = next((card for card in CARDS if memory.fits(card)), None)
    if smallest is None or smallest > 80:
        return "does not fit in 80 GB" + (f", fits in {smallest} GB" if smallest else "")
    return f"fits in {smallest} GB"
