"""Checkpoints are whole or not there, whatever happens while one is written."""

import errno
import json
import os
import shutil

import pytest

from oiellm.errors import OiellmError
from oiellm.train import checkpoints

FACTS = {"recipe": "r", "base": None, "data": "d", "how": {"threads": 1, "torch": "2"}}


def stage(run, step, content="weights"):
    staged = run / checkpoints.STAGING / f"checkpoint-{step}"
    (staged / "shards").mkdir(parents=True)
    (staged / "model.safetensors").write_text(f"{content} {step}")
    (staged / "shards" / "0.bin").write_text(f"shard {step}")
    (staged / "training_args.bin").write_text("pickle")
    return staged


def commit(run, step, keep=2):
    checkpoints.commit(stage(run, step), run, {"step": step, **FACTS}, keep)


def names(run):
    return [path.name for path in checkpoints.existing(run)]


def test_a_checkpoint_verifies_and_only_the_newest_are_kept(tmp_path):
    for step in (2, 10, 4, 12):
        commit(tmp_path, step)
    assert names(tmp_path) == ["checkpoint-10", "checkpoint-12"], "by number, not by name or age"
    newest = checkpoints.newest(tmp_path, pytest.fail)
    assert newest.name == "checkpoint-12"
    assert checkpoints.facts(newest)["step"] == 12
    assert not (newest / "training_args.bin").exists()


@pytest.mark.parametrize("damage", ["change", "remove", "shard", "manifest", "no_manifest"])
def test_a_broken_checkpoint_is_said_and_the_one_before_it_is_used(tmp_path, damage):
    commit(tmp_path, 2), commit(tmp_path, 4)
    broken = tmp_path / "checkpoint-4"
    match damage:
        case "change":
            (broken / "model.safetensors").write_text("weights 5")
        case "remove":
            (broken / "model.safetensors").unlink()
        case "shard":
            (broken / "shards" / "0.bin").write_text("")
        case "manifest":
            (broken / checkpoints.MANIFEST).write_text('{"files": {')
        case "no_manifest":
            (broken / checkpoints.MANIFEST).unlink()
    said = []
    assert checkpoints.newest(tmp_path, said.append).name == "checkpoint-2"
    assert len(said) == 1 and "checkpoint-4" in said[0]
    # It neither counts as one that is kept, nor is it in the way of the next checkpoint of the same step.
    commit(tmp_path, 4), commit(tmp_path, 6)
    assert names(tmp_path) == ["checkpoint-4", "checkpoint-6"]
    assert checkpoints.newest(tmp_path, pytest.fail).name == "checkpoint-6"


class Killed(BaseException):
    """Stands for SIGKILL: nothing that handles Exception sees it."""


def test_killed_at_any_moment_a_whole_checkpoint_is_left(tmp_path, monkeypatch):
    at = 0
    while True:
        run = tmp_path / str(at)
        commit(run, 2, keep=1)
        staged, calls, reached = stage(run, 4), iter(range(10_000)), at

        def step(real, calls=calls, reached=reached):
            def stepped(*args, **options):
                if next(calls) == reached:
                    raise Killed
                return real(*args, **options)

            return stepped

        with monkeypatch.context() as patched:
            for module, name in ((os, "replace"), (os, "fsync"), (os, "open"), (os, "unlink"), (shutil, "rmtree")):
                patched.setattr(module, name, step(getattr(module, name)))
            try:
                checkpoints.commit(staged, run, {"step": 4, **FACTS}, keep=1)
                done = True
            except Killed:
                done = False
        checkpoints.clean(run)
        assert checkpoints.newest(run, pytest.fail).name in ("checkpoint-2", "checkpoint-4")
        assert {path.name for path in run.iterdir()} <= {"checkpoint-2", "checkpoint-4"}
        if done:
            break
        at += 1
    assert at > 10 and names(run) == ["checkpoint-4"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    commit(tmp_path, 2)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError) as caught:
            commit(tmp_path, 4)
    assert checkpoints.no_space(caught.value)
    assert checkpoints.newest(tmp_path, pytest.fail).name == "checkpoint-2"


def test_the_libraries_own_words_for_a_full_disk_are_known():
    for text in (
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534",
        "PytorchStreamWriter failed writing file data/0: file write failed",
    ):
        assert checkpoints.no_space(RuntimeError(text))
    assert not checkpoints.no_space(RuntimeError("CUDA out of memory"))
    assert not checkpoints.no_space(PermissionError(errno.EACCES, "Permission denied"))


@pytest.mark.parametrize("key", ["recipe", "base", "data"])
def test_another_recipe_or_other_data_are_refused(tmp_path, key):
    commit(tmp_path, 2)
    with pytest.raises(OiellmError, match=f"another {key}"):
        checkpoints.check(tmp_path / "checkpoint-2", {**FACTS, key: "other"}, pytest.fail)


def test_other_threads_or_versions_are_said(tmp_path):
    commit(tmp_path, 2)
    said = []
    checkpoints.check(tmp_path / "checkpoint-2", FACTS, said.append)
    assert said == []
    checkpoints.check(tmp_path / "checkpoint-2", {**FACTS, "how": {"threads": 2, "torch": "2"}}, said.append)
    assert len(said) == 1 and "threads 1 -> 2" in said[0] and "torch" not in said[0]


def test_the_manifest_names_every_file(tmp_path):
    commit(tmp_path, 2)
    content = json.loads((tmp_path / "checkpoint-2" / checkpoints.MANIFEST).read_text())
    assert set(content["files"]) == {"model.safetensors", "shards/0.bin"}
