"""What a model is trained on: the ids, which of them are learned, and how rows become packs."""

import copy
import json

import pytest
import torch

from mmm_dataset import load, to_dict
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.tokens import character_tokenizer, completion_ids, completion_text, prompt_ids
from oiellm.train import dataset, job
from oiellm.train.model import make_tokenizer
from tests.oiellm.train_driver import small

REGISTRY = load()


def byte_level(texts):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=600, special_tokens=["<|end|>", "<|pad|>"], initial_alphabet=alphabet),
    )
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>", pad_token="<|pad|>")


def sentencepiece(texts):
    """Like LLaMA-2's: Metaspace, byte fallback, and a BOS that the tokenizer itself puts first."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<s>", "</s>", "<pad>", *(f"<0x{byte:02X}>" for byte in range(256))]
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    inner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=700, special_tokens=special))
    content = json.loads(inner.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 4]
    inner = Tokenizer.from_str(json.dumps(content))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    inner.decoder = decoders.Sequence(steps)
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def ours(texts):
    return character_tokenizer(texts, ["/NER", "/NER/", ":人名;"], 300, 2048)


@pytest.fixture(scope="module")
def recipe(demo_release):
    return small(demo_release)


@pytest.fixture(scope="module")
def records(recipe, demo_release):
    return dataset.training_records(recipe, open_release(demo_release, REGISTRY))


@pytest.fixture(scope="module")
def pairs(recipe, records):
    # One more row, with what is in no training text: other scripts, and what looks like a special token.
    return [*dataset.training_strings(recipe, records, REGISTRY), ("𠮷 ไทย </s> <|end|>/NER", "学問/NER/:人名;é <s>")]


@pytest.fixture(scope="module", params=[byte_level, sentencepiece, ours])
def tokenizer(request, pairs):
    return request.param([text for pair in pairs[:-1] for text in pair])


@pytest.fixture(scope="module")
def rows(pairs, tokenizer, recipe):
    return dataset.tokenise(pairs, [str(at) for at in range(len(pairs))], tokenizer, recipe)


def test_what_is_trained_on_is_what_is_generated_from(rows, pairs, tokenizer):
    for ids, count, (line, output) in zip(rows.input_ids, rows.supervised, pairs):
        assert ids[:-count] == prompt_ids(tokenizer, line), "generation starts from these ids"
        assert ids[-count:] == completion_ids(tokenizer, output)
        assert completion_text(tokenizer, ids[-count:]) == output
        assert ids[-1] == tokenizer.eos_token_id and tokenizer.eos_token_id not in ids[:-1]
        if tokenizer.bos_token_id is not None:
            assert ids[0] == tokenizer.bos_token_id and tokenizer.bos_token_id not in ids[1:]
        assert tokenizer.pad_token_id not in ids


@pytest.fixture(scope="module")
def our(pairs, recipe):
    """Our own tokenizer, and the rows in it."""
    tokenizer = ours([text for pair in pairs[:-1] for text in pair])
    return tokenizer, dataset.tokenise(pairs, [str(at) for at in range(len(pairs))], tokenizer, recipe)


def supervised(packs):
    return sum(label != dataset.IGNORED for labels in packs["labels"] for label in labels)


@pytest.mark.parametrize("packing", [True, False])
def test_exactly_the_completions_are_learned_and_no_token_is_lost(rows, tokenizer, recipe, packing):
    train = recipe.train.model_copy(update={"packing": packing, "packs_per_step": 8})
    packs = dataset.training_set(rows, train, tokenizer.eos_token_id)
    assert supervised(packs) == rows.counts["supervised_tokens"]
    whole = [(ids, labels) for ids, labels in zip(packs["input_ids"], packs["labels"]) if len(ids) > 2]
    assert sum(len(ids) for ids, _ in whole) == rows.counts["tokens"]
    assert len(packs) % 8 == 0 and len(packs) - len(whole) < 8
    for ids, labels in whole:
        assert all(label in (dataset.IGNORED, token) for token, label in zip(ids, labels))
        assert labels[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("packing", [True, False])
def test_the_batch_that_the_trainer_makes_keeps_every_supervised_token(rows, tokenizer, recipe, packing, tmp_path):
    from oiellm.train.arguments import make_arguments
    from oiellm.train.model import make_model
    from oiellm.train.trainer import KitTrainer

    changed = small("x", train={"packing": packing, "packs_at_once": 2})
    shape = changed.model.shape.model_copy(update={"layers": 1})
    changed = changed.model_copy(update={"model": changed.model.model_copy(update={"shape": shape})})
    packs = dataset.training_set(rows, changed.train, tokenizer.eos_token_id)
    trainer = KitTrainer(
        model=make_model(changed, tokenizer),
        args=make_arguments(changed, tmp_path / "run", None),
        train_dataset=packs,
        processing_class=tokenizer,
        facts={},
        keep=1,
        chunked=False,
    )
    batches = list(trainer.get_train_dataloader())
    assert sum(int((batch["labels"] != dataset.IGNORED).sum()) for batch in batches) == rows.counts["supervised_tokens"]


def test_packs_are_as_long_as_the_recipe_says_and_never_cut(rows, recipe):
    longest = rows.counts["longest"]
    fits = recipe.train.model_copy(update={"pack_tokens": longest})
    assert dataset.pack_length(rows, fits) == longest
    assert dataset.pack_length(rows, recipe.train) == max(longest, 1024)
    with pytest.raises(OiellmError, match=f"longest row has {longest} tokens"):
        dataset.pack_length(rows, recipe.train.model_copy(update={"pack_tokens": longest - 1}))
    packs = dataset.training_set(rows, fits, 1)
    assert max(map(len, packs["input_ids"])) <= longest


def test_long_rows_are_left_out_by_name_and_refused_if_many(pairs, recipe):
    tokenizer = ours([text for pair in pairs for text in pair])
    ids = [f"row{at}" for at in range(len(pairs))]
    lengths = [len(prompt_ids(tokenizer, line)) + len(completion_ids(tokenizer, output)) for line, output in pairs]
    limit = sorted(lengths)[-3]
    data = recipe.data.model_copy(update={"max_tokens": limit, "too_long_limit": 0.2})
    rows = dataset.tokenise(pairs, ids, tokenizer, recipe.model_copy(update={"data": data}))
    assert rows.left_out == [name for name, length in zip(ids, lengths) if length > limit]
    assert rows.counts["rows"] + rows.counts["left_out"] == len(pairs) and rows.counts["longest"] <= limit
    data = data.model_copy(update={"too_long_limit": 0.0})
    with pytest.raises(OiellmError, match=r"rows \(.*row\d+.*raise it"):
        dataset.tokenise(pairs, ids, tokenizer, recipe.model_copy(update={"data": data}))


def test_a_row_that_holds_the_pad_token_is_refused(pairs, recipe):
    tokenizer = byte_level([text for pair in pairs for text in pair])
    tokenizer.pad_token = "a"
    with pytest.raises(OiellmError, match="holds the pad token 'a'"):
        dataset.tokenise([("a/NER", "x/NER/")], ["r1"], tokenizer, recipe)


def test_a_test_row_never_trains(demo_release, tmp_path):
    row = next(open_release(demo_release, REGISTRY).records("ja_scnm", "test"))
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({**to_dict(row), "split": "train"}) + "\n", encoding="utf-8")
    recipe = small(demo_release, data={"records": (str(path),)})
    with pytest.raises(OiellmError, match=f"{row.id}.*test row"):
        job.train(recipe, tmp_path / "out", registry=REGISTRY)
    assert not (tmp_path / "out").exists()


def test_the_vocabulary_is_of_the_training_rows_alone(demo_release, recipe, records):
    pairs = dataset.training_strings(recipe, records, REGISTRY)
    vocabulary = make_tokenizer(recipe, pairs, records, REGISTRY).get_vocab()
    seen = {char for pair in pairs for text in pair for char in text}
    assert {token for token in vocabulary if len(token) == 1} <= seen
    assert "/NER/" in vocabulary and ":人名;" in vocabulary


def test_the_digest_is_of_the_ids_and_of_what_is_learned(rows):
    assert rows.digest() == dataset.Rows(rows.input_ids, rows.supervised, []).digest()
    other = [rows.supervised[0] + 1, *rows.supervised[1:]]
    assert rows.digest() != dataset.Rows(rows.input_ids, other, []).digest()
    assert rows.digest() != dataset.Rows(rows.input_ids[1:], rows.supervised[1:], []).digest()


def test_open_rows_are_shown_with_labels_as_often_as_the_recipe_says(recipe, demo_release):
    recipe = small(demo_release, data={"configs": ("en_tconer", "ja_scnm"), "rows": 30, "closed_share": 0.5})
    records = dataset.training_records(recipe, open_release(demo_release, REGISTRY))
    plain = dataset.training_strings(small(demo_release), records, REGISTRY)
    shown = dataset.training_strings(recipe, records, REGISTRY)
    changed = [a[0] != b[0] for a, b in zip(plain, shown)]
    of_open = [record.task == "tconer" for record in records]
    assert not any(now for now, is_open in zip(changed, of_open) if not is_open)
    assert 5 <= sum(changed) <= 25
    assert [a[1] for a in plain] == [b[1] for b in shown], "the completion stays"
    assert shown == dataset.training_strings(recipe, records, REGISTRY)


def test_a_row_that_comes_twice_lists_other_labels(demo_release):
    data = {"configs": ("en_tconer",), "closed_share": 1.0, "weights": {"en_tconer": 2.0}}
    recipe = small(demo_release, data={**data, "rows": 30})
    records = dataset.training_records(recipe, open_release(demo_release, REGISTRY))
    lines = [line for line, _ in dataset.training_strings(recipe, records, REGISTRY)]
    assert len(set(lines)) > len({record.id for record in records})


def test_listed_labels_are_of_the_rows_own_config(demo_release):
    recipe = small(demo_release, data={"configs": ("en_tconer", "ja_tconer"), "closed_share": 1.0})
    records = dataset.training_records(recipe, open_release(demo_release, REGISTRY))
    for record, (line, _) in zip(records, dataset.training_strings(recipe, records, REGISTRY)):
        same = {item.label for other in records if other.config == record.config for item in other.items}
        listed = line.removeprefix(record.text + "/").removesuffix("/NER").split(";")
        assert len(listed) == min(16, len(same)) and {item.label for item in record.items} <= set(listed) <= same


@pytest.mark.parametrize("attention", ["oiellm_packed", "sdpa", "eager"])
def test_rows_of_a_pack_do_not_see_each_other(attention, recipe, our):
    from transformers import AutoModelForCausalLM, LlamaConfig
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from oiellm.train.attention import register

    tokenizer, rows = our
    register()
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(tokenizer), num_key_value_heads=2, initializer_range=0.3, **shape)
    alone = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation=attention).eval()
    model.load_state_dict(alone.state_dict())
    packs = dataset.training_set(rows, recipe.train, tokenizer.eos_token_id)
    pack = max(packs, key=lambda one: len(one["seq_lengths"]))
    assert len(pack["seq_lengths"]) > 2
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id, padding_free=True)([pack])
    with torch.no_grad():
        together = model(**{key: value for key, value in batch.items() if key != "labels"}, use_cache=False).logits[0]
        start = 0
        for length in pack["seq_lengths"]:
            ids = torch.tensor([pack["input_ids"][start : start + length]])
            torch.testing.assert_close(together[start : start + length], alone(ids).logits[0], rtol=1e-4, atol=1e-4)
            start += length


def test_the_loss_is_the_same_packed_or_not_and_in_chunks_or_not(our, tmp_path):
    """Mean over all supervised tokens, computed row by row with the plain model, against what each form of batch gives."""
    from oiellm.train.arguments import make_arguments
    from oiellm.train.model import make_model
    from oiellm.train.trainer import KitTrainer

    (tokenizer, rows), found = our, {}
    for packing, chunked, at_once in [
        (True, False, 1),
        (True, False, 2),
        (True, True, 1),
        (False, False, 2),
    ]:
        recipe = small("x", train={"packing": packing, "packs_at_once": at_once})
        torch.manual_seed(0)
        trainer = KitTrainer(
            model=make_model(recipe, tokenizer),
            args=make_arguments(recipe, tmp_path / "run", None),
            train_dataset=dataset.training_set(rows, recipe.train, tokenizer.eos_token_id),
            processing_class=tokenizer,
            facts={},
            keep=1,
            chunked=chunked,
        )
        total = torch.tensor(rows.counts["supervised_tokens"])
        with torch.no_grad():
            losses = [
                float(trainer.compute_loss(trainer.model, batch, num_items_in_batch=total))
                for batch in trainer.get_train_dataloader()
            ]
        found[packing, chunked, at_once] = sum(losses)
    torch.manual_seed(0)
    plain = make_model(small("x", train={"packing": False}), tokenizer)
    expected = 0.0
    with torch.no_grad():
        for ids, count in zip(rows.input_ids, rows.supervised):
            scores = plain(torch.tensor([ids])).logits[0].log_softmax(-1)
            expected -= sum(float(scores[at - 1, ids[at]]) for at in range(len(ids) - count, len(ids)))
    expected /= rows.counts["supervised_tokens"]
    assert found == {key: pytest.approx(expected, rel=1e-4) for key in found}


def test_the_rows_are_mixed_by_the_seed(our, recipe):
    def order(seed):
        train = recipe.train.model_copy(update={"packing": False, "seed": seed})
        return list(dataset.training_set(our[1], train, 1)["input_ids"])

    assert order(0) == order(0) != order(1)


def test_weights_repeat_rows(demo_release):
    recipe = small(demo_release, data={"configs": ("ja_scnm",), "weights": {"ja_scnm": 2.5}})
    found = dataset.training_records(recipe, open_release(demo_release, REGISTRY))
    assert len(found) == 15 and len({record.id for record in found}) == 6
