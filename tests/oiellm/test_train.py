"""Training: what is learned, in which precision, from which base, and how it is followed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, OPTConfig

from mmm_dataset import load
from oiellm.errors import OiellmError
from oiellm.tokens import character_tokenizer
from oiellm.train import arguments, dataset, trainer
from oiellm.train.job import train
from oiellm.train.model import make_model
from tests.oiellm.train_driver import small

REGISTRY = load()


def losses(out):
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.fixture(scope="module")
def base(demo_release, tmp_path_factory):
    """A model folder of ours, to start from."""
    out = train(small(demo_release), tmp_path_factory.mktemp("base") / "tiny-base", registry=REGISTRY)
    (out / "LICENSE").write_text("terms of the base")
    return out


def on(base, release, **changes):
    return small(release, **{**changes, "model": {"shape": None, "base": str(base), **changes.get("model", {})}})


def test_the_loss_falls_and_its_curve_is_kept(base):
    found = losses(base)
    assert found[0] > found[-1] and found[0] == pytest.approx(
        torch.log(torch.tensor(_vocabulary(base))).item(), rel=0.05
    )


def _vocabulary(folder):
    return float(json.loads((folder / "config.json").read_text())["vocab_size"])


def test_the_seed_makes_the_model(demo_release, base, tmp_path):
    again = train(small(demo_release), tmp_path / "again", registry=REGISTRY)
    other = train(small(demo_release, train={"seed": 1}), tmp_path / "other", registry=REGISTRY)
    bytes_of = [(out / "model.safetensors").read_bytes() for out in (base, again, other)]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]


def masters(recipe, folder):
    """Train; gives the weights before and after, as the optimiser holds them."""
    pairs = [("春は曙/NER", "文芸/NER/:作品;春"), ("夏は夜/NER", "文芸/NER/")] * 8
    tokenizer = character_tokenizer([text for pair in pairs for text in pair], [], 300, 2048)
    rows = dataset.tokenise(pairs, ["r"] * len(pairs), tokenizer, recipe)
    torch.manual_seed(0)
    model = make_model(recipe, tokenizer)
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    made = trainer.KitTrainer(
        model=model,
        args=arguments.make_arguments(recipe, folder, None),
        train_dataset=dataset.training_set(rows, recipe.train, tokenizer.eos_token_id),
        processing_class=tokenizer,
        facts={},
        keep=1,
        chunked=False,
    )
    made.train()
    return before, dict(made.model.named_parameters())


def changed(before, after):
    """Share of the weights of the layers that moved."""
    moved = [(before[key] != after[key]).float().flatten() for key in before if "proj" in key]
    return torch.cat(moved).mean().item()


def test_bf16_training_has_fp32_masters_and_loses_no_update(tmp_path):
    """The paper's setting, bf16 at 1e-5: the same updates on bf16 weights are mostly rounded away."""
    how = {
        "precision": "bf16",
        "learning_rate": 1e-5,
        "warmup": 0.0,
        "scheduler": "constant",
        "steps": 4,
        "save_every": 100,
    }
    before, after = masters(small("x", train=how), tmp_path)
    assert {value.dtype for value in after.values()} == {torch.float32}
    assert changed(before, after) > 0.99

    pure = {key: value.to(torch.bfloat16).requires_grad_() for key, value in before.items() if "proj" in key}
    start = {key: value.detach().clone() for key, value in pure.items()}
    optimizer = torch.optim.AdamW(pure.values(), lr=1e-5, weight_decay=0.0)
    for _ in range(4):
        for key, value in pure.items():
            value.grad = (after[key] - before[key]).sign().neg().to(torch.bfloat16)
        optimizer.step()
    assert changed(start, {key: value.detach() for key, value in pure.items()}) < 0.3


def test_bf16_and_fp32_learn_the_same(demo_release, base, tmp_path):
    out = train(small(demo_release, train={"precision": "bf16"}), tmp_path / "out", registry=REGISTRY)
    assert losses(out) == pytest.approx(losses(base), rel=0.02)
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"


def test_a_base_is_trained_on_and_its_licence_goes_along(base, demo_release, tmp_path):
    recipe = on(base, demo_release, train={"learning_rate": 1e-3})
    out = train(recipe, tmp_path / "out", registry=REGISTRY)
    assert losses(out)[0] < losses(base)[0]
    said = json.loads((out / "mmm.json").read_text())
    assert said["base"] == "tiny-base", "its name, not the path to it"
    assert (out / "LICENSE").read_text() == "terms of the base"
    assert (out / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_a_copy_of_the_base_can_stand_in(base, demo_release, tmp_path):
    copy = shutil.copytree(base, tmp_path / "elsewhere" / "tiny-base")
    named = on("meta-llama/not-here", demo_release, train={"steps": 1})
    out = train(named, tmp_path / "out", registry=REGISTRY, base=str(copy))
    assert json.loads((out / "mmm.json").read_text())["recipe"]["model"]["base"] == "meta-llama/not-here"
    with pytest.raises(OiellmError, match="starts from scratch"):
        train(small(demo_release), tmp_path / "other", registry=REGISTRY, base=str(copy))


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_lora_trains_adapters_alone_and_merges_them(base, demo_release, tmp_path, monkeypatch, precision):
    from safetensors.torch import load_file

    seen = {}
    real = trainer.KitTrainer.train

    def spy(self, *args, **options):
        seen.update({key: (value.dtype, value.requires_grad) for key, value in self.model.named_parameters()})
        return real(self, *args, **options)

    monkeypatch.setattr(trainer.KitTrainer, "train", spy)
    recipe = on(
        base,
        demo_release,
        model={"lora": {"rank": 4}},
        train={"precision": precision, "learning_rate": 1e-2, "epochs": 6},
    )
    out = train(recipe, tmp_path / "out", registry=REGISTRY)
    frozen = torch.bfloat16 if precision == "bf16" else torch.float32
    assert {found for key, found in seen.items() if "lora_" not in key} == {(frozen, False)}
    assert {found for key, found in seen.items() if "lora_" in key} == {(torch.float32, True)}
    assert losses(out)[-1] < losses(out)[0]
    before, after = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert set(before) == set(after)
    same = {key for key in before if torch.equal(before[key].to(frozen), after[key])}
    assert {key for key in before if "proj" not in key} == same, "all linear layers, and nothing else"
    assert not list(out.glob("adapter*"))


def test_mistakes_about_the_base_are_said(base, demo_release, tmp_path):
    def refused(match, model=None, **changes):
        with pytest.raises(OiellmError, match=match) as caught:
            train(on(base, demo_release, model=model or {}, **changes), tmp_path / "out", registry=REGISTRY)
        assert "\n" not in str(caught.value)

    refused("nowhere: the base cannot be loaded", {"base": str(tmp_path / "nowhere")})
    refused("'<pad>' is no token of", {"pad_token": "<pad>"})
    refused("no pad token of its own", {"pad_token": "<|end|>"})
    refused("max_tokens 4096: the model has 2048 positions", data={"max_tokens": 4096})
    refused("model.lora: Target modules", {"lora": {"targets": ("nothing",)}})
    if shutil.which("nvcc") is None:
        refused("flash_attn is not installed", {"attention": "flash_attention_2"})
    broken = shutil.copytree(base, tmp_path / "broken")
    content = json.loads((broken / "tokenizer.json").read_text())
    last = max(token["id"] for token in content["added_tokens"])
    content["added_tokens"].append({**content["added_tokens"][-1], "id": last + 1, "content": "one too many"})
    (broken / "tokenizer.json").write_text(json.dumps(content))
    refused("the base is broken", {"base": str(broken)})
    assert not (tmp_path / "out").exists()


def test_tensorboard_is_written_and_stays(demo_release, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recipe = small(demo_release, train={"trackers": ("tensorboard",), "steps": 3})
    out = train(recipe, tmp_path / "out", registry=REGISTRY)
    (events,) = (tmp_path / "out.run").rglob("events.out.tfevents.*")
    read = EventAccumulator(str(events.parent)).Reload()
    assert [event.step for event in read.Scalars("train/loss")] == [1, 2, 3]
    assert [event.value for event in read.Scalars("train/loss")] == pytest.approx(losses(out), rel=1e-5)
    assert "train/tokens_per_second" in read.Tags()["scalars"]
    assert not list((tmp_path / "out.run").glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("changes", "package"),
    [({"trackers": ("trackio",)}, "trackio"), ({"optimizer": "adamw_bnb_8bit"}, "bitsandbytes")],
)
def test_a_missing_package_is_said_with_its_pip_line(demo_release, tmp_path, monkeypatch, changes, package):
    monkeypatch.setattr(arguments, "find_spec", lambda name: None)
    with pytest.raises(OiellmError, match=f"pip install {package}"):
        train(small(demo_release, train=changes), tmp_path / "out", registry=REGISTRY)


def test_a_loss_that_is_no_number_stops_the_run(demo_release, tmp_path):
    with pytest.raises(OiellmError, match=r"the loss is nan at step \d+: lower train.learning_rate"):
        train(small(demo_release, train={"learning_rate": 1e20, "clip": 1e9}), tmp_path / "out", registry=REGISTRY)
    assert not (tmp_path / "out").exists()


def test_progress_says_loss_speed_and_what_is_left(demo_release, tmp_path, capfd):
    train(small(demo_release, train={"steps": 2, "log_every": 2}), tmp_path / "out", registry=REGISTRY)
    said = capfd.readouterr().err
    assert "24 rows, " in said and " supervised)" in said
    first, line = [line for line in said.splitlines() if line.startswith("step ")]
    assert first.startswith("step 1/2  loss ")  # a run shorter than log_every says something too
    assert line.startswith("step 2/2  loss ") and "tokens/s" in line and line.endswith("0:00 left")
    assert "it/s]" not in said, "no bars of the libraries"


def test_rows_that_are_left_out_are_named(demo_release, tmp_path, capfd):
    recipe = small(demo_release, data={"max_tokens": 250, "too_long_limit": 0.5}, train={"steps": 1})
    out = train(recipe, tmp_path / "out", registry=REGISTRY)
    said = json.loads((out / "mmm.json").read_text())
    assert said["left_out"] and len(said["left_out"]) == said["counts"]["left_out"]
    assert f"left out, longer than 250: {', '.join(said['left_out'])}" in capfd.readouterr().err


def test_gradient_checkpointing_and_chunks_change_nothing_that_is_learned(demo_release, base, tmp_path):
    recipe = small(demo_release, train={"gradient_checkpointing": True, "chunked_loss": True})
    assert losses(train(recipe, tmp_path / "out", registry=REGISTRY)) == pytest.approx(losses(base), rel=1e-4)


@pytest.mark.slow
def test_the_gpu_benchmark_is_ready_to_run():
    """Tiny shapes on any machine; what it prints here is no measurement."""
    path = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
    levers = ["the recipe's defaults", "rows padded, not packed", "activation checkpointing", "as oiellm-8b-lora"]
    line = [sys.executable, str(path), "--smoke", "--levers", *levers]
    # Also where a GPU is: it is on the CPU that tests are small.
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(line, capture_output=True, text=True, cwd=path.parents[1], env=env)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 1 + len(levers) + 1 and not any("failed" in one for one in said), done.stdout
    assert all("tokens/s" in one for one in said[1:])


def test_a_base_is_trained_over_fp32_masters_and_saved_in_its_dtype(base, demo_release, tmp_path):
    from safetensors.torch import load_file

    recipe = on(base, demo_release, train={"precision": "bf16", "steps": 1})
    model = make_model(recipe, AutoTokenizer.from_pretrained(base))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    out = train(recipe, tmp_path / "m", registry=REGISTRY)
    assert {tensor.dtype for tensor in load_file(out / "model.safetensors").values()} == {torch.bfloat16}


def another_kind(base, folder, config):
    """A base of another architecture with the tokenizer of ``base``."""
    shutil.copytree(base, folder)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def test_only_llamas_get_the_attention_that_knows_no_window(base, demo_release, tmp_path):
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = MistralConfig(vocab_size=4096, num_key_value_heads=1, sliding_window=4, **sizes)
    folder = another_kind(base, tmp_path / "mistral", config)
    model = make_model(on(folder, demo_release), AutoTokenizer.from_pretrained(folder))
    assert model.config._attn_implementation == "sdpa"
    assert make_model(on(base, demo_release), AutoTokenizer.from_pretrained(base)).config._attn_implementation != "sdpa"


def test_packing_is_refused_where_rows_would_see_each_other(base, demo_release, tmp_path):
    config = OPTConfig(vocab_size=4096, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2)
    folder = another_kind(base, tmp_path / "opt", config)
    with pytest.raises(OiellmError, match=r"packs of a opt model rows may see each other; set train\.packing: false"):
        make_model(on(folder, demo_release), AutoTokenizer.from_pretrained(folder))
    make_model(on(folder, demo_release, train={"packing": False}), AutoTokenizer.from_pretrained(folder))


def test_another_base_of_the_same_name_is_another_run(base, demo_release, tmp_path):
    from safetensors.torch import load_file, save_file

    other = shutil.copytree(base, tmp_path / "elsewhere" / base.name)
    weights = {name: tensor * 3 for name, tensor in load_file(base / "model.safetensors").items()}
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    train(on(base, demo_release, train={"steps": 1}), tmp_path / "m", registry=REGISTRY)
    with pytest.raises(OiellmError, match="a model of another recipe or other data"):
        train(on(other, demo_release, train={"steps": 1}), tmp_path / "m", registry=REGISTRY)


def test_what_the_recipe_says_is_what_the_trainer_does(demo_release, tmp_path):
    knobs = {"weight_decay": 0.3, "beta2": 0.77, "clip": 0.5, "scheduler": "constant", "seed": 5, "learning_rate": 0.01}
    made = arguments.make_arguments(small(demo_release, train=knobs), tmp_path, None)
    assert (made.weight_decay, made.adam_beta2, made.max_grad_norm) == (0.3, 0.77, 0.5)
    assert (made.lr_scheduler_type, made.learning_rate, made.seed, made.data_seed) == ("constant", 0.01, 5, 5)


def test_several_gpus_need_several_processes(demo_release, tmp_path, monkeypatch):
    from trl import SFTConfig

    monkeypatch.setattr(SFTConfig, "n_gpu", 2)
    with pytest.raises(OiellmError, match="2 GPUs are visible to one process.*torchrun --nproc_per_node 2"):
        arguments.make_arguments(small(demo_release), tmp_path, None)


def test_a_compiled_model_is_saved_under_plain_names(demo_release, tmp_path, monkeypatch):
    from accelerate import Accelerator
    from safetensors.torch import load_file

    plain = Accelerator.get_state_dict

    def as_compiled(self, model, **options):  # what accelerate gives of a compiled model
        return {f"_orig_mod.{name}": tensor for name, tensor in plain(self, model, **options).items()}

    monkeypatch.setattr(Accelerator, "get_state_dict", as_compiled)
    out = train(small(demo_release, train={"steps": 1}), tmp_path / "m", registry=REGISTRY)
    assert not any("_orig_mod" in name for name in load_file(out / "model.safetensors"))
