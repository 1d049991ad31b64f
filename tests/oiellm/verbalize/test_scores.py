"""Scores of label words against a loop that asks the model about one word of one prompt at a time."""

import numpy as np
import pytest
import torch

from oiellm.errors import OiellmError
from oiellm.verbalize import causal, slot
from oiellm.verbalize.models import open_model
from oiellm.verbalize.templates import Prompt
from tests.oiellm.verbalize.tiny_kinds import SAVERS, save_bert, tokenizer

PROMPTS = [
    Prompt("東京にある。\nこの文章の分野は", "です。"),
    Prompt("Kazan made the film in 東京 with Brando, who won a prize: 1954;\nこの文章の分野は", "です。"),
    Prompt("", "です。"),
    Prompt("[MASK]と[MASK]は\nこの文章の分野は", "です。"),
]
# Words of one to five tokens, some with a shared beginning, one the beginning of another.
WORDS = ["社会", "社", "社会学", "文芸", "自然の技術", "film", "fi", "学問"]


@pytest.fixture(scope="module", params=SAVERS)
def scorer(request, tmp_path_factory):
    return open_model(str(SAVERS[request.param](tmp_path_factory.mktemp("model") / "tiny")), device="cpu").scorer


def log_probability(logits, token):
    return torch.log_softmax(logits.double(), -1)[token].item()


def one_causal(scorer, prompt, word):
    tokens, total = scorer.tokenizer(prompt.head, add_special_tokens=False)["input_ids"], 0.0
    for token in word:
        total += log_probability(scorer.model(torch.tensor([tokens])).logits[0, -1], token)
        tokens = [*tokens, token]
    return total / len(word)


def one_masked(scorer, prompt, word):
    made = scorer.tokenizer
    head, tail = (made(part, add_special_tokens=False)["input_ids"] for part in (prompt.head, prompt.tail))
    first, last = made.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    ids = [first, *head, *[made.mask_token_id] * len(word), *tail, last]
    logits = scorer.model(torch.tensor([ids])).logits[0]
    return sum(log_probability(logits[1 + len(head) + at], token) for at, token in enumerate(word)) / len(word)


def one_encoder_decoder(scorer, prompt, word):
    made = scorer.tokenizer
    sentinel, end = made.convert_tokens_to_ids(["<extra_id_0>", "[SEP]"])
    head, tail = (made(part, add_special_tokens=False)["input_ids"] for part in (prompt.head, prompt.tail))
    ids, answer, total = torch.tensor([[*head, sentinel, *tail, end]]), [0, sentinel], 0.0
    for token in word:
        logits = scorer.model(input_ids=ids, decoder_input_ids=torch.tensor([answer])).logits[0, -1]
        total += log_probability(logits, token)
        answer = [*answer, token]
    return total / len(word)


ONE = {"causal": one_causal, "masked": one_masked, "encoder-decoder": one_encoder_decoder}


def expected(scorer, prompts, words):
    with torch.inference_mode():
        return np.array([[ONE[scorer.kind](scorer, prompt, word) for word in words] for prompt in prompts])


@pytest.fixture
def prompts(scorer):
    # A causal model needs something to begin with, having no BOS.
    return [prompt for prompt in PROMPTS if prompt.head or scorer.kind != "causal"]


def test_scores_equal_brute_force(scorer, prompts):
    words = [scorer.tokens(word) for word in WORDS]
    found = scorer.matrix(prompts, words)
    assert np.allclose(found, expected(scorer, prompts, words), atol=1e-8)
    assert found.std() > 0.5  # the scores differ, so that equal ones mean something
    assert sorted(set(map(len, words)))[0] < sorted(set(map(len, words)))[-1]


def test_small_batches_and_parts_change_nothing(scorer, prompts, monkeypatch):
    words = [scorer.tokens(word) for word in WORDS]
    whole = scorer.matrix(prompts, words)
    told = []
    for module in (slot, causal):
        monkeypatch.setattr(module, "LOGITS", 1)
    monkeypatch.setattr(slot, "MOST_WORD_TOKENS", 4)
    assert np.allclose(scorer.matrix(prompts, words, told.append), whole, atol=1e-8)
    assert sum(told) == len(prompts) and len(told) > len(prompts)


def test_gradients_reach_the_model(scorer, prompts):
    words = [scorer.tokens(word) for word in WORDS]
    scorer.model.zero_grad()
    scorer.scores(prompts, words).sum().backward()
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in scorer.model.parameters())
    scorer.model.zero_grad()


def test_a_causal_model_without_such_masks_reads_the_words_apart(tmp_path, monkeypatch):
    where = SAVERS["causal"](tmp_path / "tiny")
    scorer = open_model(str(where), device="cpu").scorer
    assert scorer.packed
    words = [scorer.tokens(word) for word in WORDS]
    packed = scorer.matrix(PROMPTS[:2], words)
    tree = causal._Tree
    wrong = type("Wrong", (tree,), {"ancestors": lambda self: np.ones((len(self.tokens),) * 2, bool)})
    monkeypatch.setattr(causal, "_Tree", wrong)  # as if the model saw all words at once
    other = open_model(str(where), device="cpu").scorer
    assert not other.packed
    assert np.allclose(other.matrix(PROMPTS[:2], words), packed, atol=1e-8)


def test_words_that_cannot_be_written_have_no_tokens(scorer):
    assert scorer.tokens("") is None
    if scorer.kind != "causal":  # this one writes unknown characters as bytes
        assert scorer.tokens("鬱") is None and len(scorer.tokens("社会")) == 2


def test_a_word_after_a_blank_is_tokenised_as_after_text(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokens = ["<e>", "a", "\u2581a", "\u2581", "\u2581b", "b", "\u2581\u2581"]
    inner = Tokenizer(
        models.BPE({t: at for at, t in enumerate(tokens)}, [("\u2581", "a"), ("\u2581", "b"), ("\u2581", "\u2581")])
    )
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)  # as sentencepiece does
    inner.decoder = decoders.Metaspace()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<e>")
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokens), eos_token_id=0, **size))
    model.save_pretrained(tmp_path)
    made.save_pretrained(tmp_path)
    scorer = open_model(str(tmp_path), device="cpu").scorer
    assert scorer.tokens(" b") == (tokens.index("\u2581b"),)


def test_a_causal_model_needs_something_before_the_slot(tmp_path):
    scorer = open_model(str(SAVERS["causal"](tmp_path / "tiny")), device="cpu").scorer
    with pytest.raises(OiellmError, match="nothing stands before the slot"):
        scorer.matrix([Prompt(" ", "です。")], [scorer.tokens("社会")])


def test_models_that_fill_no_slot_are_refused(tmp_path):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=8
        )
    ).save_pretrained(tmp_path / "eye")
    with pytest.raises(OiellmError, match="neither a causal nor a masked"):
        open_model(str(tmp_path / "eye"))
    with pytest.raises(OiellmError, match="no such folder"):
        open_model(str(tmp_path / "nothing"))
    bare = save_bert(tmp_path / "bare")
    made = tokenizer(("[CLS]", "[SEP]"), 64)
    made.mask_token = None
    made.save_pretrained(bare)
    with pytest.raises(OiellmError, match="no mask token"):
        open_model(str(bare))
