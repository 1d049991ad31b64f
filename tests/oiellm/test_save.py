"""The finished folder: what is in it, and that it works without anything of ours."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmm_dataset import load
from oiellm.data import open_release
from oiellm.recipe import Recipe
from oiellm.train import dataset
from oiellm.train.job import train
from oiellm.train.save import licences
from tests.oiellm.train_driver import small

REGISTRY = load()
_ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("oiellm", "mmm_dataset", "mmm_f1", "build", "cards"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, prompt = sys.argv[1:]
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
given = tokenizer(prompt, return_tensors="pt", add_special_tokens=False, return_token_type_ids=False)
out = model.generate(**given)[0, given["input_ids"].shape[1]:]
print(model.dtype, model.config.use_cache, out.tolist().count(tokenizer.eos_token_id), len(out))
print(tokenizer.decode(out, skip_special_tokens=True))
"""


@pytest.fixture(scope="module")
def recipe(demo_release):
    # Few rows, many steps: it learns them by heart, so that generating shows that everything fits together.
    train = {"epochs": 120, "precision": "bf16", "save_every": 1000, "log_every": 20, "learning_rate": 1e-2}
    data = {"rows": 2, "configs": ("zh_scpos_n", "ja_scnm")}
    return small(demo_release, train=train, data=data, evaluate={"max_new_tokens": 60})


@pytest.fixture(scope="module")
def model(recipe, tmp_path_factory):
    return train(recipe, tmp_path_factory.mktemp("saved") / "model", registry=REGISTRY)


def test_the_files_are_plain_and_readable(model):
    names = {path.name for path in model.iterdir()}
    wanted = {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "mmm.json",
        "train_log.jsonl",
    }
    assert wanted <= names <= wanted | {"tokenizer_config.json", "special_tokens_map.json"}, (
        "no pickle, no card of TRL's"
    )
    umask = os.umask(0)
    os.umask(umask)
    assert {stat.S_IMODE(path.stat().st_mode) for path in model.iterdir()} == {0o666 & ~umask}
    assert [path.name for path in model.parent.iterdir()] == ["model"], "nothing is left beside it"


def test_mmm_json_says_how_it_was_made(model, recipe, demo_release):
    said = json.loads((model / "mmm.json").read_text())
    assert Recipe.model_validate(said["recipe"]) == recipe
    release = open_release(demo_release, REGISTRY)
    assert said["manifest_sha256"] == release.digest and said["release"] == release.manifest["name"]
    records = dataset.training_records(recipe, release)
    assert said["counts"]["rows"] == len(records) == 4 and said["counts"]["left_out"] == 0
    assert 0 < said["counts"]["supervised_tokens"] < said["counts"]["tokens"]
    assert said["dtype"] == "bfloat16" and said["seed"] == 0
    assert said["conditions"]["torch"] == torch.__version__ and said["conditions"]["threads"] == torch.get_num_threads()


def test_it_says_where_its_rows_come_from_and_what_they_took(model, recipe, demo_release):
    said = json.loads((model / "mmm.json").read_text())["data"]
    assert said["origins"] == ["demo"]
    assert said["configs"] == {
        name: {"rows": 2, "origins": {"demo": 2}, "licences": {"CC-BY-4.0": 2}, "sources": {"demo": 2}}
        for name in ("zh_scpos_n", "ja_scnm")
    }
    *_, last = (json.loads(line) for line in (model / "train_log.jsonl").read_text().splitlines())
    tokens = json.loads((model / "mmm.json").read_text())["counts"]["tokens"]
    # 4 rows in one pack, and a filler of two tokens that makes a global batch of two packs.
    assert (last["step"], last["epoch"], last["tokens"]) == (120, 120, 120 * (tokens + 2))
    assert last["seconds"] > 0


def test_it_stops_by_itself_and_says_what_it_learned_without_our_packages(model, recipe, demo_release):
    release = open_release(demo_release, REGISTRY)
    records = dataset.training_records(recipe, release)
    line, output = dataset.training_strings(recipe, records, REGISTRY)[0]
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, str(model), line],
        capture_output=True,
        text=True,
        cwd=model,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    facts, said = done.stdout.split("\n", 1)
    assert facts.startswith("torch.bfloat16 True 1 "), "the dtype it was trained in, the cache on, one EOS"
    assert said.rstrip("\n") == output


def test_config_names_nothing_of_the_training(model):
    config = json.loads((model / "config.json").read_text())
    assert config["dtype"] == "bfloat16" and "oiellm" not in json.dumps(config)
    generation = json.loads((model / "generation_config.json").read_text())
    assert generation["do_sample"] is False and generation["max_new_tokens"] == 60
    assert generation["eos_token_id"] != generation["pad_token_id"]


def test_licences_of_a_base_are_found_in_its_folder_and_in_the_cache(tmp_path, monkeypatch):
    for name in ("LICENSE.txt", "NOTICE", "USE_POLICY.md", "README.md", "config.json"):
        (tmp_path / name).write_text(name)
    found = ["LICENSE.txt", "NOTICE", "USE_POLICY.md"]
    assert [path.name for path in licences(str(tmp_path), None)] == found
    assert licences(None, None) == []
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: str(tmp_path / "config.json"))
    assert [path.name for path in licences("org/base", None)] == found
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: None)
    assert licences("org/base", None) == []


def test_a_tied_embedding_is_written_once(demo_release, tmp_path):
    from safetensors import safe_open

    shape = {**small("x").model.shape.model_dump(), "tie_embeddings": True}
    recipe = small(demo_release, model={"shape": shape, "characters": 50}, train={"steps": 1, "precision": "bf16"})
    out = train(recipe, tmp_path / "tied", registry=REGISTRY)
    with safe_open(Path(out) / "model.safetensors", "pt") as file:
        assert not any("lm_head" in key for key in file.keys())  # noqa: SIM118
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(out)
    assert loaded.lm_head.weight.data_ptr() == loaded.model.embed_tokens.weight.data_ptr()
