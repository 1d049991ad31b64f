"""Loading a model, and batches that equal plain generate."""

import json
import shutil

import pytest

from oiellm.errors import OiellmError
from oiellm.predict.checkpoint import digest
from oiellm.predict.continuous import ContinuousEngine
from oiellm.predict.engine import Reply, Request
from oiellm.predict.local import LocalEngine, load_model
from tests.oiellm.tiny import TEXT, save_tiny

LINES = [f"{TEXT[:length]}/NER" for length in (1, 2, 3, 5, 8, 8, 13, 21, 30, 44)]
REQUESTS = [Request(at, line) for at, line in enumerate(LINES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model"), stops=9)


@pytest.fixture(scope="module")
def loaded(folder):
    return load_model(folder, device="cpu")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def plain(folder, line, new):
    """One row, by the library alone: ids of the reply, EOS included."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    ids = tokenizer(line, return_tensors="pt")
    out = model.generate(
        **ids, do_sample=False, temperature=1.0, repetition_penalty=1.0, max_new_tokens=new, pad_token_id=0
    )
    return tokenizer, model.generation_config.eos_token_id, out[0, ids["input_ids"].shape[1] :].tolist()


def expected(folder, line, new):
    tokenizer, eos, ids = plain(folder, line, new)
    stopped = ids[-1] in eos
    text = tokenizer.decode(ids[:-1] if stopped else ids, skip_special_tokens=True)
    return text, "stop" if stopped else "length", len(ids)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_batches_equal_plain_generate(folder, loaded, batch_size):
    replies = {r.key: r for r in LocalEngine(loaded, batch_size).generate(REQUESTS, 24)}
    found = [(replies[at].text, replies[at].finish, replies[at].tokens) for at in range(len(LINES))]
    assert found == [expected(folder, line, 24) for line in LINES]
    # The test means something: the rows differ, some stop and some do not.
    assert len({text for text, _, _ in found}) > 5
    assert {finish for _, finish, _ in found} == {"stop", "length"}


def test_the_longest_come_first_and_batches_are_numbered(loaded):
    replies = list(LocalEngine(loaded, 4).generate(REQUESTS, 2))
    lengths = [len(LINES[reply.key]) for reply in replies]
    assert lengths == sorted(lengths, reverse=True)
    assert [reply.batch for reply in replies] == [0] * 4 + [1] * 4 + [2] * 2


def test_a_model_without_a_pad_token_gives_the_same(copy, loaded):
    wanted = list(LocalEngine(loaded).generate(REQUESTS, 8))
    for name in ("tokenizer_config.json", "generation_config.json", "config.json"):
        values = json.loads((copy / name).read_text())
        for key in ("pad_token", "pad_token_id"):
            values.pop(key, None)
        (copy / name).write_text(json.dumps(values))
    before = digest(copy)
    bare = load_model(copy, device="cpu")
    assert bare.tokenizer.pad_token_id is None
    assert list(LocalEngine(bare).generate(REQUESTS, 8)) == wanted
    assert bare.tokenizer.pad_token_id is None and digest(copy) == before


def test_every_eos_of_the_model_ends_a_reply(copy, loaded):
    (whole,) = LocalEngine(loaded).generate(REQUESTS[-1:], 8)
    _, _, ids = plain(copy, LINES[-1], 8)
    values = json.loads((copy / "generation_config.json").read_text())
    values["eos_token_id"] = [loaded.tokenizer.eos_token_id, ids[3]]
    (copy / "generation_config.json").write_text(json.dumps(values))
    (cut,) = LocalEngine(load_model(copy, device="cpu")).generate(REQUESTS[-1:], 8)
    at = ids.index(ids[3])
    assert (cut.finish, cut.tokens) == ("stop", at + 1) and whole.tokens > at + 1
    assert cut.text == loaded.tokenizer.decode(ids[:at])


def test_text_that_spells_a_special_token_is_text(loaded):
    (reply,) = LocalEngine(loaded).generate([Request(0, "a<|end|>b/NER")], 4)
    (other,) = LocalEngine(loaded).generate([Request(0, "ab/NER")], 4)
    assert reply.finish in ("stop", "length") and reply.text != other.text


def test_prompts_that_do_not_fit_never_reach_the_model(tmp_path):
    tiny = load_model(save_tiny(tmp_path, positions=100), device="cpu")
    lines = ["x" * 90 + "/NER", "x" * 100_000 + "/NER", "x/NER"]
    replies = {r.key: r for r in LocalEngine(tiny).generate([Request(at, x) for at, x in enumerate(lines)], 64)}
    assert replies[0] == Reply(0, "", "too_long", 0, -1) and replies[1] == Reply(1, "", "too_long", 0, -1)
    assert replies[2].tokens > 0 and replies[2].batch == 0


def test_a_row_near_the_last_position_shortens_no_other(tmp_path):
    folder = save_tiny(tmp_path, positions=100)
    tiny = load_model(folder, device="cpu")
    lines = ["x" * 55 + "/NER", "y" * 56 + "/NER", "Kazan/NER"]
    replies = {r.key: r for r in LocalEngine(tiny).generate([Request(at, x) for at, x in enumerate(lines)], 64)}
    limits = [100 - len(tiny.tokenizer(line)["input_ids"]) for line in lines[:2]]
    assert [limit < 64 for limit in limits] == [True, True] and limits[0] == limits[1] + 1
    for at, limit in enumerate((*limits, 64)):
        assert (replies[at].text, replies[at].finish, replies[at].tokens) == expected(folder, lines[at], limit)


def test_the_dtype_is_the_one_of_the_training(copy):
    assert load_model(copy, device="cpu").dtype == "float64"
    (copy / "mmm.json").write_text('{"dtype": "bf16"}')
    assert load_model(copy, device="cpu").dtype == "bfloat16"
    assert load_model(copy, "float32", device="cpu").dtype == "float32"
    with pytest.raises(OiellmError, match="no dtype 'float99'"):
        load_model(copy, "float99")
    with pytest.raises(OiellmError, match="no dtype 'nn'"):
        load_model(copy, "nn")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(OiellmError, match=f"(?s){copy}.*{name} is missing"):
        load_model(copy)


def test_a_missing_shard_is_named(copy):
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    with pytest.raises(OiellmError, match="model-00001-of-00002.safetensors is missing"):
        load_model(copy)


def test_broken_files_are_a_clear_error(copy, folder):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OiellmError, match="cannot be loaded"):
        load_model(copy)
    (copy / "config.json").write_text("{")
    with pytest.raises(OiellmError, match=r"config.json: not valid JSON"):
        load_model(copy)


def test_weights_that_lack_a_tensor_are_refused(copy):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(OiellmError, match=r"lack 1 tensors, 'model.layers.1.mlp.up_proj.weight'"):
        load_model(copy)


def test_a_tokenizer_of_another_model_is_refused(copy, tmp_path):
    from oiellm.tokens import character_tokenizer

    character_tokenizer([TEXT], [f"<{number}>" for number in range(99)], 100, 64).save_pretrained(copy)
    with pytest.raises(OiellmError, match="do not belong together"):
        load_model(copy)


def test_no_such_model():
    with pytest.raises(OiellmError, match=r"no model 'nowhere/at/all'"):
        load_model("nowhere/at/all")


def test_the_digest_tells_weights_apart(copy, tmp_path):
    before = digest(copy)
    assert digest(shutil.copytree(copy, tmp_path / "again")) == before
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    assert digest(copy) != before
    large = copy / "large.safetensors"
    large.write_bytes(bytes(9 << 20))
    before = digest(copy)
    large.write_bytes(bytes(6 << 20) + bytes([1]) * (3 << 20))
    assert digest(copy) != before


def test_continuous_batching_refuses_grammars(loaded):
    with pytest.raises(OiellmError, match="engine 'transformers'"):
        list(ContinuousEngine(loaded).generate([Request(0, "a/NER", "start: /a/", 1)], 8))


@pytest.mark.slow
def test_continuous_batching_equals_plain_generate(folder):
    engine = ContinuousEngine(load_model(folder, device="cpu"), memory=0.1)
    replies = {r.key: r for r in engine.generate([*REQUESTS, Request(99, "x" * 600 + "/NER")], 24)}
    assert replies.pop(99).finish == "too_long"
    found = [(replies[at].text, replies[at].finish, replies[at].tokens) for at in range(len(LINES))]
    assert found == [expected(folder, line, 24) for line in LINES]


def test_probabilities_are_those_of_the_model_whatever_a_grammar_forbids(loaded):
    import math

    from oiellm.predict.grammar import grammar
    from oiellm.predict.likelihood import log_likelihoods
    from oiellm.tokens import completion_ids, prompt_ids

    made = grammar(TEXT, "NER", text_labels=["film", "prize"], word_labels=["人名"])
    asked = [Request(at, f"{TEXT[at:]}/NER", made.lark, made.reserve) for at in range(6)]
    checked = 0
    for reply in LocalEngine(loaded, 4).generate(asked, 40):
        assert [token.end for token in reply.probabilities] == sorted(token.end for token in reply.probabilities)
        assert reply.probabilities[0].start == 0 and reply.probabilities[-1].end == len(reply.text)
        ids = completion_ids(loaded.tokenizer, reply.text)[:-1]
        if len(ids) != len(reply.probabilities):
            continue  # these weights spell some characters in a way of their own
        checked += 1
        (wanted,) = log_likelihoods(loaded.model, [(prompt_ids(loaded.tokenizer, asked[reply.key].prompt), ids)])
        assert sum(math.log(token.probability) for token in reply.probabilities) == pytest.approx(wanted, rel=1e-4)
    assert checked > 3
