"""A model on this machine: loading it, and greedy prediction in batches with ``transformers``.

Nothing of this kit is needed to load a model, and none of its code is run (no ``trust_remote_code``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from oiellm.errors import OiellmError
from oiellm.predict.checkpoint import called, check_files, digest, find, trained_dtype
from oiellm.predict.confidence import Probabilities, tokens_of
from oiellm.predict.engine import Finish, Reply, Request
from oiellm.quiet import quiet
from oiellm.tokens import chat_ids, completion_text, prompt_ids

ROOM: Final = 32
"""Fewer new tokens than this can hardly hold a label and a task word: a prompt that leaves fewer does not fit."""
_KINDS: Final = {
    "AutoModelForCausalLM": "a causal language model",
    "AutoModelForMaskedLM": "a masked language model",
    "AutoModelForSeq2SeqLM": "an encoder-decoder",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to predict.

    Attributes:
        name: ORG/NAME, or the name of its folder.
        model: the causal language model, in evaluation mode, set to greedy decoding whatever its own settings say.
        tokenizer: its tokenizer, unchanged.
        dtype: of the weights, as in ``bfloat16``.
        digest: identifies weights, configuration and tokenizer, see :func:`oiellm.predict.checkpoint.digest`.
        positions: longest sequence in tokens, prompt and reply together; None if it has no limit.
        eos: ids that end a reply.
    """

    name: str
    model: Any
    tokenizer: Any
    dtype: str
    digest: str
    positions: int | None
    eos: tuple[int, ...]


def load_model(
    where: str | Path, dtype: str | None = None, device: str | None = None, revision: str | None = None
) -> Loaded:
    """Load a model and its tokenizer.

    Args:
        where: a folder, or ORG/NAME on the Hub.
        dtype: as in ``bfloat16``; None: the one it was trained in (``mmm.json``), else the one its ``config.json`` names.
            Predicting in another dtype than that of the training changes outputs.
        device: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` to spread over all GPUs; None: a GPU if there is one.
        revision: of the Hub repository.

    Raises:
        OiellmError: it is not there, a file is missing or broken, the dtype does not exist, or there is no EOS token.
    """
    folder = find(str(where), revision)
    tokenizer, model = load_folder(folder, str(where), dtype=dtype, device=device)
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    eos = _greedy(model, tokenizer, str(where))
    dtype = str(model.dtype).removeprefix("torch.")
    return Loaded(called(str(where)), model, tokenizer, dtype, digest(folder), positions, eos)


@quiet()
def load_folder(
    folder: Path, where: str, auto: str = "AutoModelForCausalLM", dtype: str | None = None, device: str | None = None
) -> tuple[Any, Any]:
    """Tokenizer and model of a folder, both checked.

    Args:
        folder: see :func:`oiellm.predict.checkpoint.find`.
        where: what the user called it.
        auto: class of transformers that loads the model.
        dtype, device: see :func:`load_model`.

    Raises:
        OiellmError: a file is missing or broken, the dtype does not exist, or the two do not belong together.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    check_files(folder)
    name = dtype or trained_dtype(folder)
    if name and not isinstance(getattr(torch, name, None), torch.dtype):
        raise OiellmError(f"{where}: no dtype {name!r}; there are float32, bfloat16, float16")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model, info = getattr(transformers, auto).from_pretrained(
            folder,
            dtype=getattr(torch, name) if name else "auto",
            device_map=device or ("cuda" if torch.cuda.is_available() else "cpu"),
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, AssertionError, SafetensorError) as error:
        raise OiellmError(f"{where}: cannot be loaded as {_KINDS[auto]}: {_first_line(error)}") from error
    if missing := sorted(info["missing_keys"]):
        raise OiellmError(f"{where}: the weights lack {len(missing)} tensors, {missing[0]!r} among them; copy it again")
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise OiellmError(f"{where}: the tokenizer has more tokens than the model; they do not belong together")
    return tokenizer, model.eval()


def _greedy(model: Any, tokenizer: Any, where: str) -> tuple[int, ...]:
    """Set the model in memory to plain greedy decoding; the ids that end a reply.

    A model without a pad token is padded with EOS: at inference the padding is masked and stands on the left, and a reply
    is cut at its first EOS, so the choice changes nothing. Its files stay as they are.
    """
    from transformers import GenerationConfig

    known = [tokenizer.eos_token_id]
    for ids in (model.generation_config.eos_token_id, model.config.get_text_config().eos_token_id):
        known += ids if isinstance(ids, list) else [ids]
    eos = tuple(dict.fromkeys(one for one in known if one is not None))
    if not eos:
        raise OiellmError(f"{where}: neither tokenizer nor model has an EOS token, so that no reply would end")
    pad = tokenizer.pad_token_id
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=list(eos),
        pad_token_id=eos[0] if pad is None else pad,
        bos_token_id=tokenizer.bos_token_id,
    )
    return eos


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A request as the model gets it: ids of its prompt, and how many new tokens there may be."""

    request: Request
    ids: list[int]
    limit: int


def fit(loaded: Loaded, requests: Sequence[Request], max_new_tokens: int) -> tuple[list[Fitted], list[Reply]]:
    """Tokenise: the requests that fit, longest first, and replies to those that do not.

    A prompt fits if the positions that it leaves hold ``ROOM`` new tokens and its ``reserve`` (or ``max_new_tokens``, if
    that is less). The limit of a request follows from it alone and not from what it is batched with.
    """
    fitted, too_long = [], []
    for request in requests:
        # A chat without a template goes in as one string.
        chat = request.messages and loaded.tokenizer.chat_template
        ids = chat_ids(loaded.tokenizer, request.messages) if chat else prompt_ids(loaded.tokenizer, request.prompt)
        left = max_new_tokens if loaded.positions is None else min(max_new_tokens, loaded.positions - len(ids))
        if left < min(max_new_tokens, max(ROOM, request.reserve + 1)):
            too_long.append(Reply(request.key, "", "too_long", 0, -1))
        else:
            fitted.append(Fitted(request, ids, left))
    fitted.sort(key=lambda row: -len(row.ids))
    return fitted, too_long


def reply(
    loaded: Loaded,
    row: Fitted,
    new: Sequence[int],
    batch: int,
    ended: Finish | None = None,
    likely: Sequence[float] = (),
) -> Reply:
    """The reply in generated ids, cut at the first EOS.

    Args:
        loaded: the model.
        row: the request.
        new: ids, EOS and what comes behind it included.
        batch: its number.
        ended: why the reply was ended, if the model did not end it.
        likely: probabilities of the ids, if they are known.
    """
    end = next((at for at, token in enumerate(new) if token in loaded.eos), None)
    finish: Finish = ended or ("length" if end is None else "stop")
    said = new[: len(new) if end is None else end]
    text = completion_text(loaded.tokenizer, said)
    tokens = tokens_of(loaded.tokenizer, said, likely, text) if likely else ()
    return Reply(row.request.key, text, finish, len(new) if end is None else end + 1, batch, tokens)


class LocalEngine:
    """Batches of prompts of similar length, padded on the left, decoded greedily."""

    name = "transformers"

    def __init__(self, loaded: Loaded, batch_size: int = 32) -> None:
        """Take a model.

        Args:
            loaded: see :func:`load_model`.
            batch_size: prompts at once; more is faster until memory runs out. The longest come first, so that it runs out
                at the start or never.
        """
        self.loaded, self.at_once = loaded, batch_size
        self.model, self.dtype, self.positions = loaded.name, loaded.dtype, loaded.positions
        self._constrainer: Any = None

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Greedy replies: first those to prompts that do not fit, then batch by batch, the longest prompts first."""
        fitted, too_long = fit(self.loaded, requests, max_new_tokens)
        yield from too_long
        for number, batch in enumerate(self._batches(fitted)):
            yield from self._generate(batch, number)

    def _batches(self, fitted: Sequence[Fitted]) -> Iterator[list[Fitted]]:
        # A row near the model's last position has a limit of its own and shares no batch with one of another limit:
        # otherwise a short row would be cut because of a long one.
        for _, group in groupby(fitted, key=lambda row: row.limit):
            rows = list(group)
            yield from (rows[at : at + self.at_once] for at in range(0, len(rows), self.at_once))

    def _generate(self, batch: Sequence[Fitted], number: int) -> list[Reply]:
        import torch

        model, width, limit = self.loaded.model, len(batch[0].ids), batch[0].limit
        ids = torch.full((len(batch), width), model.generation_config.pad_token_id)
        mask = torch.zeros_like(ids)
        for at, row in enumerate(batch):
            ids[at, width - len(row.ids) :] = torch.tensor(row.ids)
            mask[at, width - len(row.ids) :] = 1
        constrained, likely = self._processor(batch, width, limit), Probabilities()
        processors = [likely.before, *([] if constrained is None else [constrained]), likely.after]
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=limit,
                logits_processor=processors,
            )
        new, probabilities = out[:, width:].tolist(), likely.rows()
        ended = [None] * len(batch) if constrained is None else constrained.ended()
        return [reply(self.loaded, row, new[at], number, ended[at], probabilities[at]) for at, row in enumerate(batch)]

    def _processor(self, batch: Sequence[Fitted], width: int, limit: int) -> Any:
        grammars = [None if r.request.grammar is None else (r.request.grammar, r.request.reserve) for r in batch]
        if not any(grammars):
            return None
        if self._constrainer is None:
            from oiellm.predict.constrain import Constrainer

            vocabulary = self.loaded.model.get_output_embeddings().out_features
            self._constrainer = Constrainer(self.loaded.tokenizer, vocabulary, self.loaded.eos)
        return self._constrainer.processor(grammars, width, limit)
