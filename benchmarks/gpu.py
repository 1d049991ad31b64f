"""Training and prediction speed on one GPU, of Llama shapes with random weights. One command, one table:

    python benchmarks/gpu.py                  # 1B and 8B shapes; --peak is the GPU's dense bf16 peak in TFLOP/s
    python benchmarks/gpu.py --smoke          # tiny shapes, any machine: shows that the script works, measures nothing

Training is by this kit's trainer: a full fine-tune in bf16 over fp32 masters, or adapters on a bf16 base ("as oiellm-8b-lora").
Packs have --pack tokens made of rows of --row tokens, of which a quarter is supervised. Levers are changed one by one against
the recipe's defaults. The first --warm steps are not timed. A setting that does not fit says so. Memory is the most that torch
had allocated, beside what `oiellm show RECIPE --memory` reckons for the same setting.

MFU = FLOP/token x tokens/s / peak, with FLOP/token = 6 x (parameters of the layers) + 6 x hidden x vocabulary x (share of
supervised tokens) + 12 x layers x hidden x row: what is computed, and no more: the head sees the supervised tokens alone, and a
row attends to itself alone (in full, as is usual, not to the causal half of it). Recomputation is not counted. Under adapters
the frozen layers have no gradients of their own: 4 instead of 6.

Prediction is greedy `generate`, and `generate_batch` (continuous batching), of --new tokens from prompts of --row tokens.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, TrainerCallback

from oiellm.memory import estimate
from oiellm.recipe import Recipe
from oiellm.tokens import character_tokenizer
from oiellm.train.arguments import check_packages, make_arguments
from oiellm.train.dataset import Rows, training_set
from oiellm.train.model import with_adapters
from oiellm.train.trainer import KitTrainer

SHAPES: dict[str, dict[str, int]] = {
    "1b": {"hidden": 2048, "layers": 16, "heads": 32, "kv_heads": 8, "intermediate": 8192, "vocabulary": 128_256},
    "8b": {"hidden": 4096, "layers": 32, "heads": 32, "kv_heads": 8, "intermediate": 14_336, "vocabulary": 128_256},
    "smoke": {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate": 128, "vocabulary": 512},
}
LEVERS: dict[str, dict[str, Any]] = {
    "the recipe's defaults": {},
    "rows padded, not packed": {"packing": False},
    "compile": {"compile": True},
    "chunked loss": {"chunked_loss": True},
    "activation checkpointing": {"gradient_checkpointing": True},
    "4 packs at once": {"packs_at_once": 4},
    "4 packs at once, checkpointing": {"packs_at_once": 4, "gradient_checkpointing": True},
    "AdamW not fused": {"optimizer": "adamw_torch"},
    "8-bit AdamW": {"optimizer": "adamw_bnb_8bit"},
    "8-bit AdamW, checkpointing": {"optimizer": "adamw_bnb_8bit", "gradient_checkpointing": True},
    "flash attention 2": {"attention": "flash_attention_2"},
    "as oiellm-8b-lora": {"lora": {"rank": 16, "alpha": 32}, "gradient_checkpointing": True, "chunked_loss": True},
}
OF_MODEL = ("attention", "lora")


POSITIONS = 8192


def tied(shape: dict[str, int]) -> bool:
    """As Llama 3 has it: small ones share the embedding with the head."""
    return shape["hidden"] <= 2048


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def build(shape: dict[str, int], attention: str, dtype: torch.dtype) -> Any:
    """A Llama of the shape, random, made where it will run."""
    config = LlamaConfig(
        vocab_size=shape["vocabulary"],
        hidden_size=shape["hidden"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"],
        intermediate_size=shape["intermediate"],
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=tied(shape),
        bos_token_id=None,
        pad_token_id=0,
        eos_token_id=1,
    )
    with torch.device(device()):
        return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=dtype)


def flop_per_token(model: Any, row: int, supervised: float, lora: bool) -> float:
    """See the formula at the top."""
    config = model.config
    layers = sum(value.numel() for key, value in model.named_parameters() if ".layers." in key)
    head = config.hidden_size * config.vocab_size * supervised
    return (4 if lora else 6) * (layers + head) + 12 * config.num_hidden_layers * config.hidden_size * row


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds of the steps after the warm ones."""

    def __init__(self, warm: int) -> None:
        self.warm, self.start, self.end = warm, 0.0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the time, once the device is done."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.end = time.perf_counter()
        if state.global_step == self.warm:
            self.start = self.end


def recipe(shape: dict[str, int], options: argparse.Namespace, lever: dict[str, Any]) -> Recipe:
    train = {
        "steps": options.warm + options.steps,
        "packs_per_step": 8,
        "pack_tokens": options.pack,
        "log_every": 10**6,
    }
    train |= {key: value for key, value in lever.items() if key not in OF_MODEL}
    if not train.get("packing", True):
        train["packs_per_step"] = 8 * (options.pack // options.row)
        train["packs_at_once"] = options.pack // options.row
    model = {"attention": "sdpa"} | {key: lever[key] for key in OF_MODEL if key in lever} | {"base": "random"}
    model["shape"] = {**shape, "positions": POSITIONS, "tie_embeddings": tied(shape)}
    data = {"max_tokens": options.row}
    return Recipe.model_validate({"name": "speed", "description": "", "model": model, "data": data, "train": train})


def train(shape: dict[str, int], lever: dict[str, Any], options: argparse.Namespace) -> str:
    """One line of the table."""
    made, lora = recipe(shape, options, lever), "lora" in lever
    check_packages(made)
    per_pack = options.pack // options.row
    count = 8 * per_pack * (options.warm + options.steps)
    ids = torch.randint(10, shape["vocabulary"], (count, options.row)).tolist()
    rows = Rows(ids, [options.row // 4] * count, [])
    model = build(shape, made.model.attention, torch.bfloat16 if lora else torch.float32)
    flop = flop_per_token(model, options.row, 0.25, lora)
    if lora:
        model = with_adapters(model, made)
    clock = Clock(options.warm)
    with tempfile.TemporaryDirectory() as folder:
        trainer = KitTrainer(
            model=model,
            args=make_arguments(made, Path(folder), None),
            train_dataset=training_set(rows, made.train, 1),
            processing_class=character_tokenizer(["a"], [], 1, 8192),
            facts={},
            keep=1,
            chunked=made.train.chunked_loss,
            callbacks=[clock],
        )
        trainer._save_checkpoint = lambda *_: None
        trainer.train()
    speed = 8 * per_pack * options.row * options.steps / (clock.end - clock.start)
    reckoned = estimate(made).total / 2**30
    share = flop * speed / options.peak / 1e12
    return f"{speed:10,.0f} tokens/s  {share:6.1%} MFU  {memory():6.1f} GiB, reckoned {reckoned:6.1f}"


def memory() -> float:
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


def predict(shape: dict[str, int], way: str, options: argparse.Namespace) -> str:
    """One line of the table: new tokens a second, over all prompts."""
    from transformers import GenerationConfig

    model = build(shape, "sdpa", torch.bfloat16).eval()
    prompts = torch.randint(10, shape["vocabulary"], (options.batch, options.row), device=device())
    how = GenerationConfig(
        do_sample=False,
        max_new_tokens=options.new,
        min_new_tokens=options.new,
        pad_token_id=0,
        eos_token_id=1,
        use_cache=True,
    )

    def once() -> None:
        if way == "generate":
            model.generate(prompts, attention_mask=torch.ones_like(prompts), generation_config=how)
        else:
            model.generate_batch(inputs=prompts.tolist(), generation_config=how)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    once()
    start = time.perf_counter()
    once()
    return f"{options.batch * options.new / (time.perf_counter() - start):10,.0f} new tokens/s  {memory():6.1f} GiB"


def show(name: str, work: Callable[[], str]) -> None:
    """Print a line, also where the setting does not fit or a package is missing."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        said = work()
    except torch.cuda.OutOfMemoryError:
        said = "does not fit"
    except Exception as error:  # One setting that fails must not cost the others their turn.
        said = f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    print(f"{name:45} {said}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=["1b", "8b"])
    parser.add_argument("--levers", nargs="+", choices=list(LEVERS), default=list(LEVERS))
    parser.add_argument("--peak", type=float, default=989.0, help="dense bf16 TFLOP/s: H100, H200 989; A100 312")
    for name, default in (("pack", 2048), ("row", 512), ("warm", 3), ("steps", 6), ("batch", 256), ("new", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-prediction", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    if options.smoke:
        options.shapes, options.pack, options.row, options.warm, options.steps = ["smoke"], 64, 16, 1, 1
        options.batch, options.new = 2, 3
        options.levers = [name for name in options.levers if name != "compile"]  # needs a C compiler
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU: no speed is measured here"
    print(
        f"{name}, torch {torch.__version__}, packs of {options.pack}, rows of {options.row}, peak {options.peak} TFLOP/s"
    )
    for shape in options.shapes:
        for lever in options.levers:
            show(f"{shape} train, {lever}", lambda: train(SHAPES[shape], LEVERS[lever], options))  # noqa: B023
    # On a CPU the cache of continuous batching would take most of the machine's memory.
    ways = ("generate", "generate_batch") if torch.cuda.is_available() else ("generate",)
    for way in () if options.no_prediction else ways:
        shape = options.shapes[-1]
        show(f"{shape} {way}, batch {options.batch}", lambda: predict(SHAPES[shape], way, options))  # noqa: B023


if __name__ == "__main__":
    main()
