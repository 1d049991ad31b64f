"""A recipe as the arguments of the trainer, and the checks of what the machine has to offer for it."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oiellm.errors import OiellmError
from oiellm.recipe import Recipe

if TYPE_CHECKING:
    from trl import SFTConfig

_PACKAGES: Final = {
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
    "adamw_bnb_8bit": "bitsandbytes",
}


def check_packages(recipe: Recipe) -> None:
    """Raise OiellmError, with the pip line, if the recipe names a tracker or optimiser whose package is not there."""
    for name in (*recipe.train.trackers, recipe.train.optimizer):
        package = _PACKAGES.get(name)
        if package and find_spec(package) is None:
            raise OiellmError(f"the recipe asks for {name}, but its package is not installed: pip install {package}")


def accumulation(packs_per_step: int, packs_at_once: int, processes: int) -> int:
    """Batches that one process computes for a step. Raises OiellmError if the global batch does not divide."""
    together = packs_at_once * processes
    if packs_per_step % together:
        raise OiellmError(
            f"train.packs_per_step {packs_per_step} is no multiple of packs_at_once {packs_at_once} x {processes} processes"
        )
    return packs_per_step // together


def make_arguments(recipe: Recipe, run: Path, processes: int | None) -> SFTConfig:
    """The trainer's arguments. Making them joins the other processes, if there are any.

    Args:
        recipe: the recipe.
        run: folder of checkpoints and trackers.
        processes: how many there should be, or None for as many as there are.

    Raises:
        OiellmError: there are not as many processes, or the global batch does not divide over them.
    """
    import torch
    from trl import SFTConfig

    train, on_cpu = recipe.train, not torch.accelerator.is_available()
    # A launch profile must not override the recipe's precision.
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        made = SFTConfig(
            output_dir=str(run),
            per_device_train_batch_size=train.packs_at_once,
            num_train_epochs=train.epochs,
            max_steps=train.steps or -1,
            learning_rate=train.learning_rate,
            lr_scheduler_type=train.scheduler,
            # A whole number would be read as steps.
            warmup_steps=min(train.warmup, 0.9999),
            weight_decay=train.weight_decay,
            adam_beta2=train.beta2,
            max_grad_norm=train.clip,
            optim=train.optimizer,
            bf16=train.precision == "bf16",
            packing=train.packing,
            # Both already hold for the rows that are handed over; they are said again because the defaults differ.
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
            activation_checkpointing=train.gradient_checkpointing,
            torch_compile=train.compile,
            seed=train.seed,
            data_seed=train.seed,
            logging_steps=train.log_every,
            logging_first_step=True,
            logging_nan_inf_filter=False,
            save_strategy="steps",
            save_steps=train.save_every,
            report_to=list(train.trackers) or "none",
            run_name=recipe.name,
            disable_tqdm=True,
            use_cpu=on_cpu,
            # Every pack uses every weight, so DDP need not look for those that it does not.
            ddp_find_unused_parameters=False,
            dataloader_pin_memory=not on_cpu,
        )
    if processes is not None and made.world_size != processes:
        raise OiellmError(
            f"{processes} processes were asked for, but {made.world_size} run: start them with torchrun --nproc_per_node "
            "(accelerate launch --cpu silently runs one)"
        )
    if made.n_gpu > 1:
        raise OiellmError(
            f"{made.n_gpu} GPUs are visible to one process: start one process for each with torchrun --nproc_per_node "
            f"{made.n_gpu}, or choose one with CUDA_VISIBLE_DEVICES=0"
        )
    made.gradient_accumulation_steps = accumulation(train.packs_per_step, train.packs_at_once, made.world_size)
    return made
