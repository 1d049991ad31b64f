"""Recipes for the tests of training, and a script that trains one in a process of its own and can be killed at a place.

    python tests/oiellm/train_driver.py RECIPE.json OUT [PLACE]

PLACE is ``step:N`` (after step N) or ``write:N`` (while the optimiser's file of the N-th checkpoint is half written); the
process then kills itself with SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from oiellm.recipe import Recipe


def small(release: Path | str, **changes: Any) -> Recipe:
    """A recipe that trains in about a second; changes are parts of it, as in ``train={"steps": 3}``."""
    content: dict[str, Any] = {
        "name": "tiny",
        "description": "for tests",
        "model": {
            "shape": {"hidden": 32, "layers": 2, "heads": 2, "kv_heads": 2, "intermediate": 64, "positions": 2048},
            "characters": 300,
        },
        "data": {"release": str(release), "rows": 6, "configs": ("ja_scnm", "en_tcree", "zh_scpos_n", "en_tconer")},
        "train": {
            "epochs": 4,
            "learning_rate": 3e-3,
            "precision": "fp32",
            "packs_per_step": 2,
            "log_every": 1,
            "save_every": 2,
        },
    }
    for part, values in changes.items():
        content[part] = {**content.get(part, {}), **values} if isinstance(values, dict) else values
    return Recipe.model_validate(content)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(place: str) -> None:
    import torch
    from transformers import TrainerCallback

    from oiellm.train.trainer import Progress

    kind, count = place.split(":")
    if kind == "step":
        real_end = Progress.on_step_end

        def on_step_end(self: TrainerCallback, args: Any, state: Any, control: Any, **rest: Any) -> None:
            real_end(self, args, state, control, **rest)
            if state.global_step == int(count):
                _kill()

        Progress.on_step_end = on_step_end  # type: ignore[method-assign]
        return
    real_save, seen = torch.save, []

    def save(value: Any, path: Any, *rest: Any, **options: Any) -> None:
        real_save(value, path, *rest, **options)
        if str(path).endswith("optimizer.pt"):
            seen.append(path)
            if len(seen) == int(count):
                os.truncate(path, os.path.getsize(path) // 2)
                _kill()

    torch.save = save


def main() -> None:
    """Train."""
    from mmm_dataset import load
    from oiellm.train.job import train

    recipe = Recipe.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if len(sys.argv) > 3:
        _arm(sys.argv[3])
    train(recipe, Path(sys.argv[2]), registry=load())


if __name__ == "__main__":
    main()
