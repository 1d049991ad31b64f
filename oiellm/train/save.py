"""The finished model folder: plain transformers files and ``mmm.json``, written beside and moved into place whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from mmm_dataset import Registry
from mmm_dataset.files import pretty
from mmm_dataset.registry_files import embed
from oiellm.files import sync_tree
from oiellm.recipe import Recipe

FACTS: Final = "mmm.json"
LOG: Final = "train_log.jsonl"
_LICENCES: Final = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


def save(
    trainer: Any,
    recipe: Recipe,
    tokenizer: Any,
    out: Path,
    facts: Mapping[str, Any],
    spent: Mapping[str, float],
    registry: Registry,
) -> None:
    """Write the model of a trainer to ``out``. Every process calls it, the first one writes.

    Args:
        trainer: after training.
        recipe: for the dtype, the base and the length of outputs.
        tokenizer: saved with the model.
        out: must not exist, or be empty.
        facts: content of ``mmm.json``.
        spent: what the training took. It ends the log, not ``mmm.json``: no second run takes the same time, and a model is
            told from another by its JSON files as well.
        registry: its files beside MMM's own are saved with the model.

    The weights are saved in the dtype that training computed in, so that ``from_pretrained`` predicts in it. Adapters are
    merged. Weights that are spread over processes are gathered.
    """
    dtype = torch.bfloat16 if recipe.train.precision == "bf16" else torch.float32
    accelerator = trainer.accelerator
    if recipe.model.lora is not None:
        model = accelerator.unwrap_model(trainer.model, keep_torch_compile=False).merge_and_unload()
        state = model.state_dict()
    else:
        # A compiled model calls its weights by other names.
        gathered = accelerator.get_state_dict(trainer.model_wrapped)
        state = {key.replace("_orig_mod.", ""): value for key, value in gathered.items()}
        model = accelerator.unwrap_model(trainer.model_wrapped, keep_torch_compile=False)
    if trainer.is_world_process_zero():
        staged = out.with_name(f".{out.name}.writing")
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        _write(staged, model, _cast(state, dtype), tokenizer, recipe, dtype)
        (staged / FACTS).write_text(pretty(facts), encoding="utf-8")
        embed(registry, staged)
        state = trainer.state
        history = [*state.log_history, {**spent, "epoch": state.epoch, "step": state.global_step}]
        (staged / LOG).write_text("".join(json.dumps(entry) + "\n" for entry in history), encoding="utf-8")
        _open_modes(staged)
        sync_tree(staged)
        os.replace(staged, out)
    accelerator.wait_for_everyone()


def _cast(state: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights on the CPU in a dtype; tied ones stay one tensor, so that they are written once."""
    done: dict[int, torch.Tensor] = {}
    for tensor in state.values():
        if tensor.data_ptr() not in done:
            done[tensor.data_ptr()] = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
    return {key: done[tensor.data_ptr()] for key, tensor in state.items()}


def _write(
    staged: Path, model: Any, state: dict[str, torch.Tensor], tokenizer: Any, recipe: Recipe, dtype: torch.dtype
) -> None:
    from transformers import GenerationConfig

    ends = getattr(model.generation_config, "eos_token_id", None)
    # A base may end in several ways; ours is one of them.
    known = dict.fromkeys([tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])])
    ends = [end for end in known if end is not None]
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=recipe.evaluate.max_new_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends if len(ends) > 1 else ends[0],
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(staged, state_dict=state)
    tokenizer.save_pretrained(staged)
    config = json.loads((staged / "config.json").read_text(encoding="utf-8"))
    # The trainer turns the cache off, and sharded weights say the dtype of their masters.
    config |= {"dtype": str(dtype).removeprefix("torch."), "use_cache": True}
    (staged / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for path in licences(recipe.model.base, recipe.model.revision):
        shutil.copyfile(path, staged / path.name)


def licences(base: str | None, revision: str | None) -> list[Path]:
    """Licence and notice files of a base: of its folder, or of what is cached of its repository."""
    if base is None:
        return []
    folder = Path(base)
    if not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(base, "config.json", revision=revision)
        if not isinstance(found, str):
            return []
        folder = Path(found).parent
    return sorted({path for pattern in _LICENCES for path in folder.glob(pattern) if path.is_file()})


def _open_modes(folder: Path) -> None:
    """Give every file the mode that the user's umask asks for; the safetensors writer makes it private."""
    umask = os.umask(0)
    os.umask(umask)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
