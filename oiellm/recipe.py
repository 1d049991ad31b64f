"""The recipe: one YAML file is the whole experiment.

These classes are its schema: every key, its type, its bounds and its default. ``recipes/*.yaml`` explain each knob and its
trade-off where it is set; :mod:`oiellm.recipe_file` reads them and says which line is wrong.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from oiellm.data import is_repository, registry_for, release_folder
from oiellm.typed_yaml_errors import Part

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class Shape(Part):
    """The sizes of a Llama-shaped model: to make one from scratch, or to count the memory of a known base."""

    hidden: Count
    layers: Count
    heads: Count
    kv_heads: Count
    intermediate: Count
    positions: Count = 4096
    vocabulary: Count | None = None
    """Rows of the embedding; of a base as it is. From scratch it follows from ``characters``."""
    tie_embeddings: bool = False

    @model_validator(mode="after")
    def _divisible(self) -> Shape:
        if self.hidden % self.heads or (self.hidden // self.heads) % 2:
            raise ValueError(f"hidden {self.hidden} must be an even multiple of heads {self.heads}")
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} must be a multiple of kv_heads {self.kv_heads}")
        return self


class Lora(Part):
    """Train low-rank adapters on a frozen base instead of all parameters; merged into the weights at the end."""

    rank: Count = 16
    alpha: Positive = 32
    dropout: Share = 0.0
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class Model(Part):
    """What is trained."""

    base: str | None = None
    """Folder or Hub repository of a causal language model; None: from scratch, with random weights of ``shape``."""
    revision: str | None = None
    shape: Shape | None = None
    characters: Count = 4000
    """From scratch only: so many characters of the training split have a token of their own; all others are bytes."""
    pad_token: str | None = None
    """A token of the base that its texts never hold, if the base has no pad token of its own; never EOS."""
    lora: Lora | None = None
    attention: Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"] = "sdpa"

    @model_validator(mode="after")
    def _source(self) -> Model:
        if self.base is None and self.shape is None:
            raise ValueError("give a base to start from, or a shape to make a model from scratch")
        if self.base is None and self.lora is not None:
            raise ValueError("lora needs a base: adapters on random weights learn nothing")
        if self.base is None and (self.revision or self.pad_token):
            raise ValueError("revision and pad_token are of a base; from scratch there is none")
        return self


class View(Part):
    """Which level is asked for, and what the prompt tells of the other; see :mod:`oiellm.view`."""

    output: Literal["both", "text", "word"] = "both"
    context: Literal["none", "gold", "shuffled", "neutral"] = "none"
    """Of the other level: its gold, that of another row, or as many characters that say nothing."""

    @model_validator(mode="after")
    def _other_level(self) -> View:
        if self.output == "both" and self.context != "none":
            raise ValueError("a context is of the level that is not asked: set output to text or word")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether it is the paper's format: both levels, nothing told."""
        return self.output == "both"


class Data(Part):
    """What it is trained on."""

    release: str = "mmm"
    """Folder, name under ``release/``, or ORG/NAME of a Hub data set."""
    registry: tuple[str, ...] = ()
    """Registry files with more configs than the 21 of MMM: ``xsid``, or paths of TOML files."""
    configs: Literal["all"] | tuple[str, ...] = "all"
    rows: Count | None = None
    """At most so many train rows of each config."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Config to how often its rows come in an epoch; default 1."""
    records: tuple[str, ...] = ()
    """Files of further records (JSON lines), all of which train."""
    closed_share: Share = 0.0
    """Share of the rows with open word-level labels that are shown with a label list in the prompt."""
    hard_negatives: bool = True
    """Train also on rows without items in whose text stands a word that is an item of another row."""
    view: View = View()
    """Which level is asked for; both, unless it is an arm of a study."""
    max_tokens: Count = 2048
    """Longest row, prompt and completion and EOS; longer ones are left out, counted and reported, never cut."""
    too_long_limit: Share = 0.01
    """Share of rows that may be too long before training is refused."""

    @field_validator("configs", "weights")
    @classmethod
    def _known(cls, names: Any, info: ValidationInfo) -> Any:
        where, files = info.data.get("release", "mmm"), info.data.get("registry", ())
        known = registry_for(where, files).configs
        fetched = release_folder(where) is not None or not is_repository(
            where
        )  # else its configs are known when it is fetched
        for name in () if names == "all" else names:
            if name not in known and fetched:
                near = get_close_matches(name, known, 1)
                raise ValueError(
                    f"no config {name!r}; " + (f"did you mean {near[0]}?" if near else "see data.registry")
                )
        return names

    @model_validator(mode="after")
    def _one_kind_of_prompt(self) -> Data:
        if self.closed_share and not self.view.is_plain:
            raise ValueError(
                "closed_share lists word-level labels in prompts, a view asks for one level: take one of them"
            )
        return self

    @model_validator(mode="after")
    def _weighed(self) -> Data:
        if self.configs != "all" and (left := set(self.weights) - set(self.configs)):
            raise ValueError(f"weights name {min(left)!r}, which configs leave out")
        return self


class Train(Part):
    """How it is trained."""

    epochs: Positive = 3
    steps: Count | None = None
    """Stop after so many optimiser steps, whatever the epochs."""
    learning_rate: Positive = 1e-5
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Share = 0.03
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta2: Share = 0.999
    clip: Positive = 1.0
    optimizer: Literal["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit"] = "adamw_torch_fused"
    precision: Literal["fp32", "bf16"] = "bf16"
    """bf16: computed in bf16 over fp32 master weights (with lora: a frozen bf16 base under fp32 adapters)."""
    packing: bool = True
    pack_tokens: Count | None = None
    """Tokens of a pack; None: the longest row, at least 1,024."""
    packs_per_step: Count = 32
    """Packs (rows, if packing is off) per optimiser step, over all processes: the global batch."""
    packs_at_once: Count = 1
    """Packs that one process computes together; the rest of its share is gradient accumulation."""
    gradient_checkpointing: bool = False
    compile: bool = False
    chunked_loss: bool = False
    """Compute the loss in chunks of tokens, so that the logits of a large vocabulary never exist at once."""
    seed: int = 0
    log_every: Count = 10
    save_every: Count = 100
    """Optimiser steps between checkpoints."""
    keep: Count = 2
    """Checkpoints that are kept."""
    trackers: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()

    @model_validator(mode="after")
    def _batch(self) -> Train:
        if self.packs_per_step % self.packs_at_once:
            raise ValueError(
                f"packs_per_step {self.packs_per_step} must be a multiple of packs_at_once {self.packs_at_once}"
            )
        return self


class Evaluate(Part):
    """How it is tested afterwards."""

    protocol: Literal["standard", "full", "paper"] = "standard"
    max_new_tokens: Count = 512
    constrained: Literal["free", "constrained", "both"] = "both"
    batch_size: Count = 32


class Recipe(Part):
    """One experiment."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str
    model: Model
    data: Data = Data()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _lengths(self) -> Recipe:
        longest, pack, shape = self.data.max_tokens, self.train.pack_tokens, self.model.shape
        if self.train.packing and pack is not None and pack < longest:
            raise ValueError(f"train.pack_tokens {pack} is below data.max_tokens {longest}: a row must fit into a pack")
        if shape and max(longest, pack or 0) > shape.positions:
            raise ValueError(
                f"data.max_tokens and train.pack_tokens must not exceed model.shape.positions {shape.positions}"
            )
        if self.model.attention.startswith("flash") and self.train.precision == "fp32":
            raise ValueError(
                "model.attention: flash attention computes in bf16; set train.precision to bf16, or take sdpa"
            )
        return self
