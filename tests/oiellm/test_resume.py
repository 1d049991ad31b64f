"""A run that is killed ends where an uninterrupted one ends, to the last bit."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmm_dataset import load
from oiellm.errors import OiellmError
from oiellm.train import checkpoints
from oiellm.train.job import train
from tests.oiellm.train_driver import small

DRIVER = Path(__file__).with_name("train_driver.py")
REGISTRY = load()


def weights(out):
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def run_folder(out):
    return out.with_name(f"{out.name}.run")


class Stop(Exception):
    """Stands for a kill in the tests that need no process of their own."""


def interrupted(recipe, out, monkeypatch, step):
    """Train until a step is done; leaves the checkpoints before it."""
    from oiellm.train.trainer import Progress

    def stop(self, args, state, control, **_):
        if state.global_step == step:
            raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_step_end", stop)
        with pytest.raises(Stop):
            train(recipe, out, registry=REGISTRY)


@pytest.fixture(scope="module")
def recipe(demo_release):
    # Packs are in another order in every epoch; the last checkpoints are in the middle of one.
    return small(
        demo_release,
        data={"max_tokens": 480},
        train={"pack_tokens": 480, "packs_per_step": 4, "packs_at_once": 2, "epochs": 4},
    )


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "model"
    return train(recipe, out, registry=REGISTRY)


def child(recipe, out, place):
    path = out.with_name(f"{out.name}.json")
    path.write_text(recipe.model_dump_json())
    line = [sys.executable, str(DRIVER), str(path), str(out), place]
    root = str(DRIVER.parents[2])
    paths = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    return subprocess.run(line, cwd=root, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "left"), [("step:5", ["checkpoint-2", "checkpoint-4"]), ("write:2", ["checkpoint-2"])]
)
def test_kill_9_in_an_epoch_and_in_a_write(recipe, whole, tmp_path, capfd, place, left):
    import torch

    out = tmp_path / "model"
    killed = child(recipe, out, place)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not out.exists()
    run = run_folder(out)
    assert [path.name for path in checkpoints.existing(run)] == left
    assert (run / checkpoints.STAGING).exists() == place.startswith("write")
    assert checkpoints.facts(run / left[-1])["how"]["threads"] == torch.get_num_threads()
    train(recipe, out, registry=REGISTRY)
    assert f"resuming from {run / left[-1]}" in capfd.readouterr().err
    assert weights(out) == weights(whole)
    assert not run.exists(), "the finished model replaces its checkpoints"


def test_resumed_when_only_the_saving_was_left(recipe, tmp_path, monkeypatch, capfd):
    """Stopped in the middle of an epoch, the library would train one step more."""
    from oiellm.train import save

    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"steps": 3, "scheduler": "constant"})})
    whole, out = train(recipe, tmp_path / "whole", registry=REGISTRY), tmp_path / "model"
    with monkeypatch.context() as patched:
        patched.setattr(save.os, "replace", _fail_for(out, os.replace))
        with pytest.raises(Stop):
            train(recipe, out, registry=REGISTRY)
    assert not out.exists()
    capfd.readouterr()
    train(recipe, out, registry=REGISTRY)
    assert "resuming" in capfd.readouterr().err
    assert weights(out) == weights(whole)


def _fail_for(out, real):
    def replace(source, target):
        if Path(target) == out:
            raise Stop
        real(source, target)

    return replace


def test_a_broken_checkpoint_is_passed_over(recipe, whole, tmp_path, monkeypatch, capfd):
    out = tmp_path / "model"
    interrupted(recipe, out, monkeypatch, 5)
    broken = run_folder(out) / "checkpoint-4" / "model.safetensors"
    broken.write_bytes(broken.read_bytes()[:-100])
    train(recipe, out, registry=REGISTRY)
    said = capfd.readouterr().err
    assert "checkpoint-4: model.safetensors is not the file that was written" in said
    assert "resuming from" in said and "checkpoint-2" in said
    assert weights(out) == weights(whole)


def test_a_full_disk_names_it_and_keeps_the_checkpoint_before(recipe, whole, tmp_path, monkeypatch):
    """Real failing writes of the real libraries: files may not grow beyond a limit."""
    from oiellm.train.trainer import KitTrainer

    out, real = tmp_path / "model", KitTrainer._save_checkpoint
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited(self, model, trial):
        if self.state.global_step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            real(self, model, trial)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with monkeypatch.context() as patched:
        patched.setattr(KitTrainer, "_save_checkpoint", limited)
        with pytest.raises(
            OiellmError, match="no room for the checkpoint of step 4.*checkpoint-2 is untouched"
        ) as caught:
            train(recipe, out, registry=REGISTRY)
    assert "\n" not in str(caught.value)
    assert [path.name for path in checkpoints.existing(run_folder(out))] == ["checkpoint-2"]
    train(recipe, out, registry=REGISTRY)
    assert weights(out) == weights(whole)


def test_a_finished_run_is_left_alone(recipe, whole, capfd):
    before = {path: path.stat().st_mtime_ns for path in whole.iterdir()}
    train(recipe, whole, registry=REGISTRY)
    assert "already trained" in capfd.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in whole.iterdir()}


def test_another_run_is_not_overwritten(demo_release, recipe, whole, tmp_path):
    with pytest.raises(OiellmError, match="another recipe or other data"):
        train(
            recipe.model_copy(update={"train": recipe.train.model_copy(update={"seed": 1})}), whole, registry=REGISTRY
        )
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OiellmError, match="no model of ours"):
        train(recipe, tmp_path, registry=REGISTRY)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_resuming_another_recipe_is_refused_and_starting_again_is_not(recipe, whole, tmp_path, monkeypatch):
    out = tmp_path / "model"
    interrupted(recipe, out, monkeypatch, 3)
    other = recipe.model_copy(update={"train": recipe.train.model_copy(update={"learning_rate": 1e-3})})
    with pytest.raises(OiellmError, match="another recipe"):
        train(other, out, registry=REGISTRY)
    free = recipe.model_copy(update={"train": recipe.train.model_copy(update={"log_every": 3, "keep": 1})})
    shutil.copytree(run_folder(out), run_folder(tmp_path / "free"))
    assert weights(train(free, tmp_path / "free", registry=REGISTRY)) == weights(whole), (
        "what is logged changes nothing"
    )
    assert weights(train(other, out, registry=REGISTRY, resume=False)) != weights(whole)


def test_what_came_before_is_counted(recipe, whole, tmp_path, monkeypatch):
    out = tmp_path / "model"
    interrupted(recipe, out, monkeypatch, 5)  # between two logs, and after a checkpoint
    manifest = run_folder(out) / "checkpoint-4" / checkpoints.MANIFEST
    content = json.loads(manifest.read_text())
    assert content["spent"]["seconds"] > 0
    content["spent"]["seconds"] += 1000
    manifest.write_text(json.dumps(content))
    train(recipe, out, registry=REGISTRY)
    spent = [json.loads((folder / "train_log.jsonl").read_text().splitlines()[-1]) for folder in (out, whole)]
    assert spent[0]["tokens"] == spent[1]["tokens"] and spent[0]["step"] == spent[1]["step"]
    assert spent[1]["seconds"] < 1000 < spent[0]["seconds"]


def test_other_conditions_are_said(recipe, tmp_path, monkeypatch, capfd):
    out = tmp_path / "model"
    interrupted(recipe, out, monkeypatch, 3)
    manifest = run_folder(out) / "checkpoint-2" / checkpoints.MANIFEST
    content = json.loads(manifest.read_text())
    content["how"] |= {"threads": 99, "torch": "1.0"}
    manifest.write_text(json.dumps(content))
    train(recipe, out, registry=REGISTRY)
    assert "threads 99 -> " in (said := capfd.readouterr().err) and "torch 1.0 -> " in said
