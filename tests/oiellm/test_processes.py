"""More processes than one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmm_dataset import load
from oiellm.errors import OiellmError
from oiellm.train.arguments import accumulation
from oiellm.train.job import train
from tests.oiellm.train_driver import small

DRIVER = Path(__file__).with_name("train_driver.py")
PROFILES = Path(__file__).parents[2] / "oiellm" / "profiles"
TOLERANCE = 1e-4
"""Of the loss, relative: two processes add the same numbers in another order."""


def losses(out):
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(demo_release, tmp_path):
    # 7 packs in steps of 4: the epoch has a rest, which a filler completes.
    recipe = small(
        demo_release,
        data={"max_tokens": 480},
        train={"pack_tokens": 480, "packs_per_step": 4, "epochs": 4, "save_every": 3},
    )
    one = train(recipe, tmp_path / "one", registry=load())
    path, two = tmp_path / "recipe.json", tmp_path / "two"
    path.write_text(recipe.model_dump_json())
    root = str(DRIVER.parents[2])
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(DRIVER), str(path), str(two)]
    done = subprocess.run(line, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((two / "mmm.json").read_text())["conditions"]["processes"] == 2
    assert len(losses(one)) == 8
    assert losses(two) == pytest.approx(losses(one), rel=TOLERANCE)
    tokens = [json.loads((out / "train_log.jsonl").read_text().splitlines()[-1])["tokens"] for out in (one, two)]
    assert tokens[0] == tokens[1], "of all processes"
    assert done.stderr.count("step 8/8") == 1, "one process speaks"
    assert not two.with_name("two.run").exists()


def test_the_number_of_processes_is_held_to_what_was_asked(demo_release, tmp_path):
    with pytest.raises(OiellmError, match="2 processes were asked for, but 1 run"):
        train(small(demo_release), tmp_path / "out", registry=load(), processes=2)


def test_the_global_batch_stays_whatever_the_number_of_processes():
    assert [accumulation(32, 1, count) for count in (1, 2, 8, 32)] == [32, 16, 4, 1]
    assert accumulation(32, 4, 2) == 4
    with pytest.raises(OiellmError, match="packs_per_step 32 is no multiple of packs_at_once 1 x 3 processes"):
        accumulation(32, 1, 3)


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_profiles_are_read_by_accelerate_and_leave_the_precision_to_the_recipe(path):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.distributed_type.value in ("MULTI_GPU", "FSDP", "DEEPSPEED")
    assert "mixed_precision" not in yaml.safe_load(path.read_text())
    if path.stem == "fsdp2":
        assert config.fsdp_config["fsdp_version"] == 2


def test_there_is_a_profile_for_each_way():
    assert {path.stem for path in PROFILES.glob("*.yaml")} == {"ddp", "fsdp2", "zero2", "zero3"}
