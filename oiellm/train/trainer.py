"""TRL's trainer with a loss that computes only what is learned, whole checkpoints, and a progress line."""

from __future__ import annotations

import inspect
import math
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, TrainerCallback
from trl import SFTTrainer

from oiellm.errors import OiellmError
from oiellm.train import checkpoints
from oiellm.train.dataset import IGNORED


class KitTrainer(SFTTrainer):  # type: ignore[misc]
    """The trainer.

    Attributes:
        facts: what each checkpoint records, see :func:`oiellm.train.checkpoints.check`.
        keep: checkpoints that are kept.
        before: what was spent until the checkpoint that is resumed, see :meth:`spent`; empty if none is.
        chunked: compute the loss as TRL does, in chunks of the vocabulary; otherwise from the logits of the supervised
            tokens alone, which are a fraction of all.
    """

    def __init__(
        self,
        *,
        facts: Mapping[str, Any],
        keep: int,
        chunked: bool,
        before: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.facts, self.before, self.keep = facts, before or {}, keep
        base = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        # TRL's loss also where the model has a loss of its own to add (mixtures of experts) or cannot leave logits out.
        partial = "logits_to_keep" in inspect.signature(type(base).forward).parameters and not self.aux_loss_enabled
        self.chunked = chunked or not partial
        self._staging: Path | None = None
        self._tokens, self._logged, self._since = 0, 0, time.perf_counter()
        self.remove_callback(PrinterCallback)
        self.progress = Progress()
        self.add_callback(self.progress)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of the loss of the supervised tokens over their number in the global batch."""
        mask = inputs.get("attention_mask")
        self._tokens += inputs["input_ids"].numel() if mask is None else int(mask.sum())
        if self.chunked or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        learned = (labels != IGNORED).any(dim=0).nonzero()[:, 0]
        given = {key: value for key, value in inputs.items() if key != "labels"}
        logits = model(**given, use_cache=False, logits_to_keep=learned).logits
        labels = labels[:, learned].flatten()
        total = cross_entropy(logits.flatten(0, 1).float(), labels, ignore_index=IGNORED, reduction="sum")
        # The number counts the tokens of every process, and the gradients are averaged over the processes.
        return total * self.accelerator.num_processes / torch.as_tensor(num_items_in_batch).clamp(min=1)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the speed to what is logged. Raises OiellmError if the loss is not a number."""
        if "loss" in logs:
            if not math.isfinite(logs["loss"]):
                raise OiellmError(
                    f"the loss is {logs['loss']} at step {self.state.global_step}: lower train.learning_rate"
                )
            now, tokens = time.perf_counter(), self._gathered()
            logs["tokens_per_second"] = tokens / (now - self._since)
            self._logged, self._tokens, self._since = self._logged + tokens, 0, now
        super().log(logs, start_time)

    def spent(self) -> dict[str, float]:
        """What the steps until now took, over all processes and sessions: ``seconds``, and ``tokens`` that were read.

        Every process calls it. Steps that a kill undid are not in it, nor is loading and saving the model.
        """
        seconds = self.before.get("seconds", 0) + time.perf_counter() - self.progress.start
        tokens = self.before.get("tokens", 0) + self._logged + self._gathered()
        return {"seconds": round(seconds, 1), "tokens": tokens}

    def _gathered(self) -> int:
        """Tokens of all processes since the last log."""
        return int(self.accelerator.gather(torch.tensor(self._tokens, device=self.args.device)).sum())

    def _run_epoch(self, *args: Any, **options: Any) -> None:
        # Resumed from a checkpoint of the last step, the library would train one step more.
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(*args, **options)
        else:
            self.control.should_training_stop = True

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        # A checkpoint holds tied weights once; the library misses the other name of them.
        tied = set(getattr(self.model, "all_tied_weights_keys", None) or ())
        missing = [key for key in load_result.missing_keys if key not in tied]
        super()._issue_warnings_after_load(load_result._replace(missing_keys=missing))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._staging or self.args.output_dir)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        run, step = Path(self.args.output_dir), self.state.global_step
        self._staging = run / checkpoints.STAGING
        try:
            if self.is_world_process_zero():
                shutil.rmtree(self._staging, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            # The library's, not TRL's, which adds a model card of its own.
            super(SFTTrainer, self)._save_checkpoint(model, trial)
            spent = self.spent()
            if self.is_world_process_zero():
                staged = self._staging / f"checkpoint-{step}"
                checkpoints.commit(staged, run, {"step": step, "spent": spent, **self.facts}, self.keep)
                self._staging.rmdir()
            self.accelerator.wait_for_everyone()
        except Exception as error:
            if not checkpoints.no_space(error):
                raise
            before = checkpoints.existing(run)
            kept = f"{before[-1].name} is untouched" if before else "there is none before it"
            raise OiellmError(
                f"{run}: no room for the checkpoint of step {step} ({error}); {kept}: free space and run again"
            ) from error
        finally:
            self._staging = None


class Progress(TrainerCallback):  # type: ignore[misc]
    """A bar with loss, speed and the time that is left; a line for each log where stderr is no terminal."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
        self.start, self.first = time.perf_counter(), 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar."""
        from tqdm import tqdm

        self.start, self.first = time.perf_counter(), state.global_step
        if state.is_world_process_zero and sys.stderr.isatty():
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="train", unit=" steps")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move it."""
        if self.bar is not None:
            self.bar.update(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Show loss and speed."""
        if not state.is_world_process_zero or logs is None or "loss" not in logs:
            return
        loss, speed = f"{logs['loss']:.4f}", f"{logs['tokens_per_second']:,.0f}"
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {loss}, {speed} tokens/s")
            return
        per_step = (time.perf_counter() - self.start) / max(1, state.global_step - self.first)
        left = int(per_step * (state.max_steps - state.global_step))
        self.say(
            f"step {state.global_step}/{state.max_steps}  loss {loss}  {speed} tokens/s  {left // 60}:{left % 60:02} left"
        )

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close it."""
        if self.bar is not None:
            self.bar.close()
