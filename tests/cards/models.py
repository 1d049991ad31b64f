"""A real model for the cards: small, trained and evaluated as a user does it."""

import shutil
from pathlib import Path

from mmm_dataset import load
from oiellm.cli import main as oiellm
from oiellm.train.job import train
from tests.oiellm.train_driver import small

CONFIGS = ("en_scnm", "ja_tcree", "zh_scpos_adj")


def make_model(release, folder):
    """Train and evaluate; the model's folder and the folder of its results."""
    steps = {"epochs": 60, "save_every": 1000, "log_every": 20, "learning_rate": 1e-2}
    recipe = small(
        release,
        name="oiellm-tiny",
        data={"rows": 2, "configs": CONFIGS},
        train=steps,
        evaluate={"max_new_tokens": 80},
    )
    made = train(recipe, folder / "oiellm-tiny", registry=load())
    out = folder / "oiellm-tiny-results"
    line = ["evaluate", "--model", str(made), "--data", str(release), "--configs", *CONFIGS, "--out", str(out)]
    assert oiellm(line) == 0
    return made, out


def copies(model, folder):
    """Copies of the two folders that a test may change."""
    return tuple(Path(shutil.copytree(part, folder / part.name)) for part in model)


def staged(model, folder):
    """The files of a model's repository."""
    made, results = model
    shutil.copytree(made, folder)
    shutil.copytree(results, folder / "evaluation", ignore=shutil.ignore_patterns(".eval_results"))
    return folder
