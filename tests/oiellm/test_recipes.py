"""The shipped recipes: what the paper states stands in them, and every value has its reason beside it."""

import re

import pytest

from mmm_dataset import load
from oiellm.recipe_file import list_recipes, load_recipe, raw
from oiellm.sizes import parameters, vocabulary

NAMES = ("oiellm-13b", "oiellm-8b", "oiellm-8b-instruct", "oiellm-8b-lora", "oiellm-nano", "oiellm-small")
PAPER = {
    "oiellm-8b": "meta-llama/Meta-Llama-3-8B",
    "oiellm-8b-instruct": "meta-llama/Meta-Llama-3-8B-Instruct",
    "oiellm-13b": "meta-llama/Llama-2-13b-hf",
}


def test_they_are_all_there():
    assert [entry.name for entry in list_recipes()] == sorted(NAMES)
    for entry in list_recipes():
        assert entry.file == f"{entry.name}.yaml" and entry.description.endswith(".") and "\n" not in entry.description


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_a_comment(name):
    """On its line, or in the lines right above it; a part's own line counts for what is indented under it in a shape."""
    lines = raw(name).splitlines()
    for at, line in enumerate(lines):
        if re.match(r"\s+\w+: ?\S", line) and "#" not in line and not re.match(r"    ", line):
            assert lines[at - 1].strip().startswith("#"), f"{name}:{at + 1}: {line}"


@pytest.mark.parametrize("name", NAMES)
def test_every_value_that_is_set_is_known_to_be_set(name):
    recipe = load_recipe(name)
    unset = set(type(recipe.train).model_fields) - recipe.train.model_fields_set
    assert unset <= {"steps", "pack_tokens"}, "a default that the reader does not see"
    assert not set(type(recipe.evaluate).model_fields) - recipe.evaluate.model_fields_set


@pytest.mark.parametrize("name", PAPER)
def test_what_the_paper_states(name):
    recipe, text = load_recipe(name), raw(name)
    assert recipe.model.base == PAPER[name] and recipe.model.lora is None
    assert (recipe.train.epochs, recipe.train.learning_rate, recipe.train.precision) == (3, 1e-5, "bf16")
    assert recipe.data.configs == "all" and len(load().configs) == 21
    assert text.count("paper 5.1") >= 6 and text.count("ours") >= 20
    if "8b" in name:
        assert "Llama 3" in text and "Built with Meta Llama 3" in text


@pytest.mark.parametrize("name", [*PAPER, "oiellm-8b-lora"])
def test_the_pad_token_is_not_eos(name):
    assert load_recipe(name).model.pad_token in {"<|reserved_special_token_250|>", "<unk>"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_batches_divide(name, processes):
    if name != "oiellm-nano" or processes == 1:  # its step is one pack: more processes would have nothing to do
        assert load_recipe(name).train.packs_per_step % (processes * load_recipe(name).train.packs_at_once) == 0


def test_sizes():
    assert parameters(load_recipe("oiellm-8b")) == 8_030_261_248  # as its card on the Hub says: 8.03B
    assert parameters(load_recipe("oiellm-13b")) == 13_015_864_320
    assert 2e6 < parameters(load_recipe("oiellm-nano")) < 4e6
    assert 50e6 < parameters(load_recipe("oiellm-small")) < 100e6


def test_nano_holds_the_embedded_rows(demo_release):
    from oiellm.data import mixture, open_release, strings
    from oiellm.tokens import character_tokenizer, completion_ids, pieces, prompt_ids

    registry, recipe = load(), load_recipe("oiellm-nano")
    release = open_release(demo_release, registry)
    rows = [strings(record, registry) for record in mixture(release)]
    fixed = pieces(registry, release.configs)
    tokenizer = character_tokenizer((a + b for a, b in rows), fixed, recipe.model.characters, 2048)
    lengths = [len(prompt_ids(tokenizer, line)) + len(completion_ids(tokenizer, output)) for line, output in rows]
    assert max(lengths) <= recipe.data.max_tokens
    assert len(tokenizer) <= vocabulary(recipe)
