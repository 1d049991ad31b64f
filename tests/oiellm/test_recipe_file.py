"""Recipes are read as they are written, and a mistake is told with its line and what was meant."""

import subprocess
import sys

import pytest

from oiellm.errors import OiellmError
from oiellm.recipe_file import dump, list_recipes, load_recipe, raw

GOOD = """\
name: mine
description: A recipe.
model:
  base: org/model
train:
  learning_rate: 1e-5
data:
  configs:
    - ja_scnm
    - en_scnm
"""


@pytest.fixture
def complaint(tmp_path, monkeypatch):
    """What is said of a recipe's text."""
    monkeypatch.chdir(tmp_path)

    def read(text, *overrides):
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(OiellmError) as caught:
            load_recipe("mine.yaml", overrides)
        return str(caught.value)

    return read


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    return str(tmp_path / "good.yaml")


def test_a_recipe_is_read(good):
    recipe = load_recipe(good)
    assert recipe.train.learning_rate == 1e-5 and recipe.data.configs == ("ja_scnm", "en_scnm")
    assert recipe.model.base == "org/model" and recipe.train.epochs == 3


@pytest.mark.parametrize("written", ["1e-5", "1E-5", "1.0e-5", "0.00001", "+1e-5", ".00001", "1.e-5", "1_0e-6"])
def test_numbers_as_people_write_them(good, written):
    assert load_recipe(good, [f"train.learning_rate={written}"]).train.learning_rate == pytest.approx(1e-5)


@pytest.mark.parametrize("written", ["010", "2024-01-01", "1:30", "no", "off", "1e", "e5", ".", "<<", "-"])
def test_what_yaml_1_1_turns_into_something_else_stays_text(good, written):
    assert load_recipe(good, [f"model.base='{written}'"]).model.base == written
    if written != "-":
        assert load_recipe(good, [f"model.base={written}"]).model.base == written


def test_what_the_issue_asks_for(complaint):
    assert complaint(GOOD.replace("  learning_rate", "  lerning_rate")) == (
        "mine.yaml:6: train.lerning_rate: unknown key; did you mean learning_rate?"
    )


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("1e-5", "'1e-5'", '6: train.learning_rate: expected a number, got "1e-5" (that is text'),
        ("1e-5", "fast", '6: train.learning_rate: expected a number, got "fast"'),
        ("1e-5", "-1", "6: train.learning_rate: expected more than 0, got -1"),
        ("1e-5", "1e999", "6: train.learning_rate: expected a finite number, got Infinity"),
        ("1e-5", "", "6: train.learning_rate: expected a number, got nothing"),
        ("learning_rate: 1e-5", "packing: yes", '6: train.packing: expected true or false, got "yes"'),
        ("learning_rate: 1e-5", "steps: 1.5", "6: train.steps: expected a whole number, got 1.5"),
        ("learning_rate: 1e-5", "steps: true", "6: train.steps: expected a whole number, got true"),
        ("learning_rate: 1e-5", "warmup: 3", "6: train.warmup: expected at most 1, got 3"),
        ("learning_rate: 1e-5", "optimizer: adamw", "'adamw_bnb_8bit', got \"adamw\"; did you mean adamw_torch?"),
        ("learning_rate: 1e-5", "lora: {rank: 3}", "6: train.lora: unknown key; did you mean model.lora?"),
        ("learning_rate: 1e-5", "xyz: 1", "6: train.xyz: unknown key; known here: epochs, steps,"),
        ("    - en_scnm", "    - 3", "10: data.configs[1]: expected text, got 3"),
        ("\n    - ja_scnm\n    - en_scnm", " ja_scnm", "8: data.configs: expected 'all' or a list, got \"ja_scnm\""),
        ("  base: org/model", "  shape: {hidden: 8}", "4: model.shape.layers: missing"),
        ("  base: org/model", "  lora: {rank: 8}", "3: model: give a base to start from, or a shape"),
        ("name: mine", "", "1: name: missing"),
        ("name: mine", "name: my recipe", "1: name: expected text of the form"),
        ("name: mine", "name: mine\nname: yours", "2: name: set twice, first at mine.yaml:1"),
        ("name: mine", "name: [", "not YAML: while parsing"),
        ("name: mine", "name: &a [*a]", "nested too deeply"),
        ("name: mine", "? [a]\n: 1", "1: a key must be a word"),
        ("name: mine", "name: !!int x", "1: name: invalid literal"),
        ("name: mine", "name: !!binary aa==", "1: name: values of type bytes"),
        ("name: mine", "name: mine\x01", "1: not YAML: it holds the character"),
        ("  learning_rate: 1e-5", "  pack_tokens: 8", "1: train.pack_tokens 8 is below data.max_tokens 2048"),
        (
            "learning_rate: 1e-5",
            "packs_at_once: 5",
            "5: train: packs_per_step 32 must be a multiple of packs_at_once 5",
        ),
        (
            "  base: org/model",
            "  shape: {hidden: 9, layers: 1, heads: 2, kv_heads: 1, intermediate: 1}",
            "even multiple",
        ),
        ("\ndata:", "\ndata:\n  weights: {zh_scnm: 2}", "7: data: weights name 'zh_scnm', which configs leave out"),
    ],
)
def test_mistakes(complaint, old, new, message):
    assert old in GOOD
    found = complaint(GOOD.replace(old, new))
    assert found.startswith("mine.yaml:") and message in found


def test_flash_attention_needs_bf16(complaint):
    found = complaint(GOOD, "model.attention=flash_attention_2", "train.precision=fp32")
    assert "flash attention computes in bf16" in found


@pytest.mark.parametrize("text", ["", "# nothing\n", "words\n", "- a\n", "3\n"])
def test_what_is_no_recipe_at_all(complaint, text):
    assert complaint(text) == "mine.yaml:1: no recipe: it must have keys, name, description and model among them"


def test_all_mistakes_are_told_in_the_order_of_the_file(complaint):
    text = GOOD.replace("1e-5", "none").replace("ja_scnm", "[]").replace("base: org", "bass: org")
    lines = complaint(text, "train.epoch=3").splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["mine.yaml:4", "model.bass"],
        ["mine.yaml:6", "train.learning_rate"],
        ["mine.yaml:9", "data.configs[0]"],
        ["--set train.epoch=3", "train.epoch"],
    ]


def test_overrides(good):
    recipe = load_recipe(
        good,
        [
            "train.epochs=1",
            "data.release=release/mine",
            "model.lora.rank=4",
            "data.weights.ja_scnm=2",
            "data.configs=all",
        ],
    )
    assert (recipe.train.epochs, recipe.data.release, recipe.data.configs) == (1, "release/mine", "all")
    assert recipe.model.lora and recipe.model.lora.rank == 4 and recipe.data.weights == {"ja_scnm": 2}
    assert load_recipe(good, ["model.lora.rank=4", "model.lora=null"]).model.lora is None
    assert load_recipe(good, ["train.epochs=1", "train.epochs=2"]).train.epochs == 2


@pytest.mark.parametrize(
    "override, message",
    [
        ("train.epochs", "--set train.epochs: expected KEY=VALUE, such as train.epochs=1"),
        ("=1", "--set =1: expected KEY=VALUE"),
        ("name.x=1", "--set name.x=1: name holds a value, not keys"),
        ("train.epochs=[", "--set train.epochs=[: not YAML"),
        ("train.epochs=x", '--set train.epochs=x: train.epochs: expected a number, got "x"'),
        ("data.configs=[ja_scnm, 3]", "--set data.configs=[ja_scnm, 3]: data.configs[1]: expected text, got 3"),
        ("model={shape: {hidden: 1}}", "--set model={shape: {hidden: 1}}: model.shape.layers: missing"),
        ("nme=3", "--set nme=3: nme: unknown key; did you mean name?"),
    ],
)
def test_wrong_overrides(complaint, override, message):
    assert complaint(GOOD, override).startswith(message)


def test_no_such_recipe(tmp_path):
    with pytest.raises(OiellmError, match="no recipe 'oiellm-nani': did you mean oiellm-nano"):
        load_recipe("oiellm-nani")
    with pytest.raises(OiellmError, match="give the path of a YAML file, or one of: oiellm-13b, "):
        load_recipe("zzz/zzz.yml")
    with pytest.raises(OiellmError, match="cannot be read"):
        load_recipe(str(tmp_path))
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(OiellmError, match=r"latin.yaml: cannot be read"):
        load_recipe(str(tmp_path / "latin.yaml"))


def test_dump_is_read_back(tmp_path):
    for entry in list_recipes():
        recipe = load_recipe(entry.name)
        (tmp_path / "again.yaml").write_text(dump(recipe), encoding="utf-8")
        assert load_recipe(str(tmp_path / "again.yaml")) == recipe


def test_a_copy_of_a_shipped_recipe_is_the_recipe(tmp_path):
    (tmp_path / "mine.yaml").write_text("\ufeff" + raw("oiellm-nano").replace("\n", "\r\n"), encoding="utf-8")
    assert load_recipe(str(tmp_path / "mine.yaml")) == load_recipe("oiellm-nano")


def test_nothing_heavy_is_loaded():
    code = (
        "import sys\nfrom oiellm.recipe_file import load_recipe, list_recipes\nfrom oiellm.memory import table\n"
        "list_recipes(); table(load_recipe('oiellm-8b')); table(load_recipe('oiellm-nano'))\nprint(' '.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "datasets", "tokenizers", "trl"} & set(loaded)
