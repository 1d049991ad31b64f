"""The memory estimate against real models: parameters exactly, state by its bytes, activations by what autograd keeps."""

import pytest
import torch
import transformers

from oiellm.errors import OiellmError
from oiellm.memory import GIB, estimate, table
from oiellm.recipe import Lora, Recipe
from oiellm.recipe_file import load_recipe
from oiellm.sizes import parameters, trained_parameters, vocabulary

LENGTH = 128
TINY = {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate": 96, "positions": 256, "vocabulary": 500}


def tiny(**changes):
    """A recipe of a small base; ``changes`` are of train, model or data."""
    train = {"precision": "fp32", "pack_tokens": LENGTH, **changes.get("train", {})}
    model = {"base": "x/y", "shape": TINY, **changes.get("model", {})}
    return Recipe(name="t", description="t", model=model, train=train, data={"max_tokens": LENGTH})


def build(recipe, attention="sdpa"):
    shape = recipe.model.shape
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            intermediate_size=shape.intermediate,
            vocab_size=vocabulary(recipe),
            max_position_embeddings=shape.positions,
            tie_word_embeddings=shape.tie_embeddings,
            attn_implementation=attention,
        )
    )


def size(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize(
    "name", ["oiellm-8b", "oiellm-8b-instruct", "oiellm-13b", "oiellm-8b-lora", "oiellm-nano", "oiellm-small"]
)
def test_parameters_are_those_of_the_model(name):
    recipe = load_recipe(name)
    with torch.device("meta"):
        model = build(recipe)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters(recipe)


@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "v_proj"), ("down_proj",)])
def test_lora_parameters_are_those_of_peft(targets):
    import peft

    recipe = tiny(model={"lora": Lora(rank=3, targets=targets)})
    config = peft.LoraConfig(
        r=3, target_modules=targets if isinstance(targets, str) else list(targets), task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(build(recipe), config)
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == trained_parameters(
        recipe
    )


def test_state_is_what_a_step_leaves():
    recipe = tiny()
    model = build(recipe)
    optimizer = torch.optim.AdamW(model.parameters())
    model(input_ids=torch.zeros(1, 4, dtype=torch.long), labels=torch.zeros(1, 4, dtype=torch.long)).loss.backward()
    optimizer.step()
    moments = [value for state in optimizer.state.values() for key, value in state.items() if key != "step"]
    found = estimate(recipe)
    assert found.weights == size(model.parameters())
    assert found.gradients == size(parameter.grad for parameter in model.parameters())
    assert found.optimizer == size(moments) and found.masters == 0


def kept(model, packed, autocast=False):
    """Bytes that autograd keeps for the backward pass, without parameters and casts of them."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    shapes = {tuple(parameter.shape) for parameter in model.parameters() if parameter.ndim == 2}
    shapes |= {shape[::-1] for shape in shapes}
    seen = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and not (tensor.dtype == torch.bfloat16 and tuple(tensor.shape) in shapes):
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)  # kept alive, so that no address comes twice
        return tensor

    positions = torch.arange(LENGTH)[None] % (LENGTH // 2 if packed else LENGTH)
    ids = torch.zeros(1, LENGTH, dtype=torch.long)
    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        model.model(input_ids=ids, position_ids=positions, use_cache=False)
    return sum(number for number, _ in seen.values())


@pytest.mark.parametrize(
    "train, sharding, attention",
    [
        ({}, "ddp", "sdpa"),
        ({"packing": False}, "ddp", "sdpa"),
        ({"packing": False}, "ddp", "eager"),
        ({"precision": "bf16"}, "ddp", "sdpa"),
        ({"precision": "bf16", "packing": False}, "ddp", "sdpa"),
        ({"precision": "bf16"}, "fsdp2", "sdpa"),
        ({"precision": "bf16", "packing": False}, "zero3", "sdpa"),
    ],
)
def test_activations_are_what_autograd_keeps(train, sharding, attention):
    recipe = tiny(train=train, model={"attention": attention})
    model = build(recipe, attention)
    low = recipe.train.precision == "bf16"
    if low and sharding != "ddp":
        model = model.to(torch.bfloat16)
    found = kept(model, recipe.train.packing, autocast=low and sharding == "ddp")
    assert estimate(recipe, 2, sharding).activations == pytest.approx(found, rel=0.05)


def test_lora_activations_are_what_autograd_keeps():
    import peft

    recipe = tiny(train={"precision": "bf16"}, model={"lora": Lora(rank=4)})
    config = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(build(recipe).to(torch.bfloat16), config)
    model.enable_input_require_grads()
    assert estimate(recipe).activations == pytest.approx(kept(model.get_base_model(), True, autocast=True), rel=0.05)


def test_checkpointing_keeps_the_input_of_every_layer_and_one_layer():
    full, less = (estimate(tiny(train={"gradient_checkpointing": on})).activations for on in (False, True))
    more = tiny(train={"gradient_checkpointing": True}, model={"shape": {**TINY, "layers": 3}})
    assert less < full
    assert estimate(more).activations - less == LENGTH * TINY["hidden"] * 4


def test_zero_of_the_paper():
    """Rajbhandari et al., table 1: 7.5B parameters, 16 bytes each, over 64 GPUs: 16.6 GB with P_os+g, 1.9 GB with P_os+g+p."""
    base = load_recipe("oiellm-8b")
    total = parameters(base)
    two, three = (estimate(base, 64, sharding) for sharding in ("zero2", "zero3"))
    states = two.weights + two.gradients + two.optimizer + two.masters
    assert states == pytest.approx(total * (2 + 14 / 64)) and states / total * 7.5 == pytest.approx(16.6, abs=0.1)
    gathered = three.weights - 2 * total / 64
    states = three.weights - gathered + three.gradients + three.optimizer + three.masters
    assert states / total * 7.5 == pytest.approx(1.9, abs=0.05) and 0 < gathered < 4 * GIB


def test_more_gpus_never_take_more_of_each():
    for name in ("oiellm-8b", "oiellm-8b-lora", "oiellm-small"):
        for sharding in ("fsdp2", "zero2", "zero3"):
            totals = [estimate(load_recipe(name), count, sharding).total for count in (1, 2, 4, 8, 64)]
            assert totals == sorted(totals, reverse=True)


def test_ddp_buckets_and_eight_bit_states():
    one, two = (estimate(tiny(), count) for count in (1, 2))
    assert two.gradients == 2 * one.gradients and two.weights == one.weights
    eight = estimate(tiny(train={"optimizer": "adamw_bnb_8bit"}))
    assert one.optimizer / 4 < eight.optimizer < one.optimizer


def test_which_card():
    lines = table(load_recipe("oiellm-8b"), [1, 4]).splitlines()
    assert "does not fit in 80 GB" in lines[2] and lines[2].split()[:2] == ["1", "ddp"]
    assert [line.split()[1] for line in lines[2:6]] == ["ddp", "ddp", "zero2", "fsdp2"]
    assert "not fit" not in lines[5] and "fits in 80 GB" in lines[5]
    assert "fits in 24 GB" in table(load_recipe("oiellm-8b-lora"), [1]).splitlines()[2]
    assert "An estimate" in lines[-1]


def test_the_chunked_loss_is_smaller():
    for name in ("oiellm-8b", "oiellm-8b-lora", "oiellm-13b"):
        assert estimate(load_recipe(name)).logits < estimate(load_recipe(name, ["train.chunked_loss=false"])).logits


def test_what_cannot_be_counted():
    with pytest.raises(OiellmError, match=r"give model.shape, the sizes"):
        estimate(load_recipe("oiellm-8b", ["model.shape=null"]))
    with pytest.raises(OiellmError, match=r"model.shape.vocabulary"):
        estimate(load_recipe("oiellm-8b", ["model.shape.vocabulary=null"]))
    with pytest.raises(OiellmError, match="at least 1 GPU"):
        estimate(load_recipe("oiellm-8b"), 0)
    with pytest.raises(OiellmError, match="no 'query'"):
        estimate(load_recipe("oiellm-8b-lora", ["model.lora.targets=[query]"]))
