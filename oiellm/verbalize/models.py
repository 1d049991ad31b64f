"""A model for label words: which kind it is, told from its ``config.json``, and loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from oiellm.errors import OiellmError
from oiellm.predict.checkpoint import called, digest, find
from oiellm.predict.local import load_folder
from oiellm.verbalize.slot import Scorer

Kind = Literal["causal", "masked", "encoder-decoder"]

_AUTO: Final = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}
_UNLIMITED: Final = 1 << 20
"""Tokenizers without a limit say a number beyond this."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is ready to score.

    Attributes:
        name: ORG/NAME, or the name of its folder.
        digest: see :func:`oiellm.predict.checkpoint.digest`.
        dtype: of the weights, as in ``float32``.
        scorer: what scores words.
    """

    name: str
    digest: str
    dtype: str
    scorer: Scorer


def kind_of(config: Any) -> Kind | None:
    """The kind of a model by its configuration; None if it is none of the three."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    if config.is_encoder_decoder:
        return "encoder-decoder"
    named = (getattr(config, "architectures", None) or [""])[0]
    masked = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    # Some architectures come in both kinds; the class that the weights were saved by decides.
    if masked and not named.endswith(("ForCausalLM", "LMHeadModel")):
        return "masked"
    return "causal" if config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else None


def open_model(
    where: str, *, dtype: str | None = None, device: str | None = None, revision: str | None = None
) -> Model:
    """Load a model and what scores words with it.

    Args:
        where: a folder, or ORG/NAME on the Hub.
        dtype, device, revision: see :func:`oiellm.predict.local.load_model`.

    Raises:
        OiellmError: it is not there, cannot be loaded, or is no model that fills a slot.
    """
    from transformers import AutoConfig

    folder = find(where, revision)
    try:
        kind = kind_of(AutoConfig.from_pretrained(folder))
    except (OSError, ValueError, KeyError) as error:
        raise OiellmError(f"{where}: config.json cannot be read ({str(error).splitlines()[0]})") from error
    if kind is None:
        raise OiellmError(f"{where}: neither a causal nor a masked language model nor an encoder-decoder")
    tokenizer, model = load_folder(folder, where, _AUTO[kind], dtype, device)
    if kind == "masked" and tokenizer.mask_token_id is None:
        raise OiellmError(f"{where}: its tokenizer has no mask token, so there is no slot to fill")
    if kind != "causal" and tokenizer.pad_token_id is None:
        raise OiellmError(f"{where}: its tokenizer has no pad token; take the model's own tokenizer")
    scorer = _scorer(kind)(model, tokenizer, _positions(model, tokenizer, kind))
    return Model(called(where), digest(Path(folder)), str(model.dtype).removeprefix("torch."), scorer)


def _scorer(kind: Kind) -> type[Scorer]:
    from oiellm.verbalize.causal import CausalScorer
    from oiellm.verbalize.encoder_decoder import EncoderDecoderScorer
    from oiellm.verbalize.masked import MaskedScorer

    scorers: dict[Kind, type[Scorer]] = {
        "causal": CausalScorer,
        "masked": MaskedScorer,
        "encoder-decoder": EncoderDecoderScorer,
    }
    return scorers[kind]


def _positions(model: Any, tokenizer: Any, kind: Kind) -> int | None:
    """The longest input in tokens. RoBERTa counts positions from behind its padding index, so some of them are no use."""
    limits = [tokenizer.model_max_length] if tokenizer.model_max_length < _UNLIMITED else []
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if most is not None:
        embeddings = getattr(model.base_model, "embeddings", None) if kind == "masked" else None
        limits.append(most - 1 - getattr(embeddings, "padding_idx", -1))
    return min(limits, default=None)
