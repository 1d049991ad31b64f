"""Text to token ids and back: the one place where prompts and completions meet a tokenizer.

A prompt ends in ``/NER`` and its completion begins at once with the label. Tokenised together, byte-pair merges cross that
boundary (``NERtravel``) and a model is trained on ids that it never sees when it generates. So both are tokenised apart
and their ids concatenated; a string that looks like a special token is text like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset import Registry
from mmm_f1.unified import escape_field, escape_label, is_tuple, shape
from oiellm.errors import OiellmError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD: Final = "<|pad|>"
EOS: Final = "<|end|>"
UNKNOWN: Final = "<|unknown|>"
"""Never written: every character is in the vocabulary or falls back to bytes."""


def prompt_ids(tokenizer: Any, line: str) -> list[int]:
    """Ids of a prompt, after one BOS if the tokenizer has and uses one."""
    return [*_bos(tokenizer), *_ids(tokenizer, line)]


def chat_ids(tokenizer: Any, messages: Sequence[tuple[str, str]]) -> list[int]:
    """Ids of a chat by the tokenizer's template, up to where the reply begins. A special token that a text spells is one here.

    Raises:
        OiellmError: the template refuses such messages.
    """
    from jinja2 import TemplateError

    chat = [{"role": role, "content": content} for role, content in messages]
    try:
        line = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    except TemplateError as error:
        raise OiellmError(f"the model's chat template refuses these messages ({error}): use another model") from error
    return list(tokenizer(line, add_special_tokens=False, verbose=False)["input_ids"])


def completion_ids(tokenizer: Any, output: str) -> list[int]:
    """Ids of a completion: no BOS, and EOS at the end."""
    return [*_ids(tokenizer, output), tokenizer.eos_token_id]


def completion_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """The string that generated ids stand for, without special tokens; inverse of :func:`completion_ids`."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"])


def _bos(tokenizer: Any) -> list[int]:
    """The BOS that the tokenizer itself puts before a text, if it does."""
    first = tokenizer("a")["input_ids"][:1]
    return first if tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id] else []


def check(tokenizer: Any) -> None:
    """Refuse a tokenizer with which a model cannot learn to stop.

    Raises:
        OiellmError: it has no EOS or no pad token, or they are the same: padding would then hide every EOS from the loss.
    """
    if tokenizer.eos_token_id is None:
        raise OiellmError("the tokenizer has no EOS token: the model could not learn to stop")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise OiellmError("the tokenizer has no pad token of its own: name one in the recipe (model.pad_token)")


def pieces(registry: Registry, configs: Iterable[str]) -> list[str]:
    """The fixed parts of outputs that are one token each in our own vocabulary, such as ``/NER/`` and ``:人名;``."""
    found: dict[str, None] = {}
    for name in configs:
        config = registry.config(name)
        for word in registry.task(config.task).words:
            found |= dict.fromkeys((f"/{word}", f"/{word}/"))
            for label in registry.text_labels(config) or ():
                found[f"{escape_label(label, word, registry.task_words)}/{word}/"] = None
            before = ";" if is_tuple(shape(word, registry.task_words)) else ":"
            found |= {f"{before}{escape_field(label)};": None for label in registry.word_labels(config, word) or ()}
    return list(found)


def character_tokenizer(
    texts: Iterable[str], fixed: Sequence[str], size: int, positions: int
) -> PreTrainedTokenizerFast:
    """A tokenizer of characters: the most frequent ones have a token each, every other is written as its UTF-8 bytes.

    Args:
        texts: what the characters are counted in; the training split and nothing else.
        fixed: strings that are one token each, see :func:`pieces`.
        size: number of characters at most.
        positions: longest input of the model, in tokens.

    Any Unicode string survives the round trip through it.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    counts = Counter(char for text in texts for char in text)
    frequent = sorted(counts, key=lambda char: (-counts[char], char))[:size]
    tokens = [PAD, EOS, UNKNOWN, *(f"<0x{byte:02X}>" for byte in range(256)), *frequent]
    model = models.BPE({token: at for at, token in enumerate(tokens)}, [], unk_token=UNKNOWN, byte_fallback=True)
    inner = Tokenizer(model)
    # One character is one word: without this the model would look for merges over the whole text.
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (PAD, EOS, UNKNOWN)])
    inner.add_tokens([AddedToken(piece, normalized=False) for piece in fixed])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,
    )
