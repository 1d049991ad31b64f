"""Text to ids and back, for the three families of tokenizers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from mmm_dataset import load
from oiellm import OiellmError
from oiellm.tokens import (
    EOS,
    PAD,
    character_tokenizer,
    check,
    completion_ids,
    completion_text,
    pieces,
    prompt_ids,
)
from tests.strategies import hostile

TEXTS = ["a guide/NERtravel"] * 200 + ["travel guide/NER", "文芸/NER/:人名;太郎", "a travel to Kyoto: cheap; fun"] * 20


def byte_level():
    """As Llama 3: byte-level BPE that merges across anything, with a BOS by template."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<bos>", "<eos>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(TEXTS, trainer)
    return wrap(inner)


def sentence_piece():
    """As Llama 2: Metaspace with a dummy prefix, byte fallback, a BOS by template."""
    inner = Tokenizer(models.BPE())
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    inner.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=200, show_progress=False))
    learnt = json.loads(inner.to_str())["model"]
    tokens = ["<unk>", "<bos>", "<eos>", "<pad>", *(f"<0x{byte:02X}>" for byte in range(256)), *learnt["vocab"]]
    vocabulary = {token: at for at, token in enumerate(tokens)}
    merges = [tuple(pair) for pair in learnt["merges"]]
    inner.model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens[:4]])
    return wrap(inner, unk_token="<unk>")


def wrap(inner, **options):
    from transformers import PreTrainedTokenizerFast

    inner.post_processor = processors.TemplateProcessing(
        "<bos> $A", special_tokens=[("<bos>", inner.token_to_id("<bos>"))]
    )
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, clean_up_tokenization_spaces=False, **special, **options)


def characters():
    registry = load()
    return character_tokenizer(TEXTS, pieces(registry, registry.configs), 100, 512)


FAMILIES = {"byte_level": byte_level(), "sentence_piece": sentence_piece(), "characters": characters()}


@pytest.fixture(params=FAMILIES)
def tokenizer(request):
    return FAMILIES[request.param]


@pytest.mark.parametrize("name", ["byte_level", "sentence_piece"])
def test_nothing_merges_across_the_boundary(name):
    tokenizer = FAMILIES[name]
    line, output = "a guide/NER", "travel/NER/"
    together, apart = (
        tokenizer(line + output)["input_ids"],
        prompt_ids(tokenizer, line) + completion_ids(tokenizer, output),
    )
    assert any("NERtravel" in token for token in tokenizer.convert_ids_to_tokens(together))  # the trap is set
    assert not any("NERtravel" in token for token in tokenizer.convert_ids_to_tokens(apart))


def test_one_bos_before_the_prompt_and_none_before_the_completion(tokenizer):
    bos = tokenizer.bos_token_id
    row = prompt_ids(tokenizer, "travel/NER") + completion_ids(tokenizer, "x/NER/")
    assert row.count(bos) == (0 if bos is None else 1)
    if bos is not None:
        assert row[0] == bos


@given(hostile)
@pytest.mark.parametrize("name", FAMILIES)
def test_completions_survive_and_end_in_eos(name, text):
    tokenizer = FAMILIES[name]
    output = f"文芸/NER/:人名;{text}"
    ids = completion_ids(tokenizer, output)
    assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1
    assert completion_text(tokenizer, ids) == output


@given(st.text(st.characters(codec="utf-8")))
def test_our_own_round_trips_any_unicode_text(text):
    tokenizer = FAMILIES["characters"]
    assert completion_text(tokenizer, completion_ids(tokenizer, text)) == text
    assert tokenizer.unk_token_id not in prompt_ids(tokenizer, text)


def test_text_that_looks_like_a_special_token_is_text(tokenizer):
    for token in (tokenizer.eos_token, tokenizer.pad_token):
        text = f"a{token}b"
        ids = completion_ids(tokenizer, text)
        assert ids.count(tokenizer.eos_token_id) == 1 and tokenizer.pad_token_id not in ids
        assert completion_text(tokenizer, ids) == text


def test_the_fixed_parts_of_outputs_are_one_token_each():
    ids = completion_ids(FAMILIES["characters"], "文芸/NER/:人名;太郎:地名;")
    assert FAMILIES["characters"].convert_ids_to_tokens(ids) == ["文芸/NER/", ":人名;", "太", "郎", ":地名;", EOS]


def test_our_own_comes_back_from_disk(tmp_path):
    from transformers import AutoTokenizer

    FAMILIES["characters"].save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert completion_ids(again, f"x𠮷{PAD}/NER/") == completion_ids(FAMILIES["characters"], f"x𠮷{PAD}/NER/")
    assert again.padding_side == "left" and again.pad_token == PAD


def test_only_training_characters_have_tokens():
    tokenizer = character_tokenizer(["aab"], [], 1, 64)
    assert len(prompt_ids(tokenizer, "ab")) == 2 and len(prompt_ids(tokenizer, "あ")) == 3
    assert tokenizer.convert_ids_to_tokens(prompt_ids(tokenizer, "ab")) == ["a", "<0x62>"]


def test_a_pad_that_is_eos_is_refused(tokenizer):
    check(tokenizer)
    import copy

    broken = copy.deepcopy(tokenizer)
    broken.pad_token = broken.eos_token
    with pytest.raises(OiellmError, match="no pad token of its own"):
        check(broken)
