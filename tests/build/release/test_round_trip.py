"""From a build and a model to repositories on a Hub (an imitation), and back, with the command and the real clients."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from build.bootstrap import VENV, python_of
from tests.build.release.made import BEGIN, ROOT
from tests.build.test_main_job import TINY
from tests.hub import Hub

CONFIGS = ["en_scnm", "ja_tcree", "zh_scpos_adj"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, demo_release):
    """A folder as the main command leaves it: release/mmm, release/oiellm-nano (tiny, hardly trained) and its results."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(demo_release, folder / "release" / "mmm")
    (folder / "tiny.yaml").write_text(TINY.replace("name: tiny", "name: oiellm-nano"))
    release, model = folder / "release" / "mmm", folder / "release" / "oiellm-nano"
    for command in (
        ["train", str(folder / "tiny.yaml"), "--set", f"data.release={release}", "--out", str(model)],
        ["evaluate", "--model", str(model), "--data", str(release), "--configs", *CONFIGS, "--out", f"{model}-results"],
    ):
        run(folder, [sys.executable, "-m", "oiellm", *command], {"HF_HUB_OFFLINE": "1"})
    return folder


def run(folder, command, variables, code=0):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "metrics")])
    variables = {**os.environ, **variables, "PYTHONPATH": paths, "MMM_BUILD_IN_PLACE": "1"}
    if "HF_ENDPOINT" in variables:
        variables.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def release(hub, folder, home, *options, code=0):
    command = [sys.executable, "-m", "build", "release", "--org", "org", *options]
    done = run(folder, command, hub.environment(home), code)
    assert hub.token not in done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_release_and_load_back(made, tmp_path):
    with Hub() as hub:
        assert "made of demonstration rows: --demo releases it" in release(hub, made, tmp_path / "h", code=2).stderr
        assert not hub.repositories
        first = release(hub, made, tmp_path / "h", "--demo", "--public").stdout
        names = [
            "datasets/org/mmm-demo",
            "spaces/org/mmm_f1",
            "models/org/oiellm-nano-demo",
            "spaces/org/oiellm-space-demo",
        ]
        assert list(hub.repositories) == names  # in this order
        for name in names:
            assert hub.history(name)[1:] == ["Release v1.0.0"] and not hub.repositories[name].private
            assert hub.repositories[name].tags == {"v1.0.0": hub.at(name).oid}
        seen, unseen = first.split("without a token")
        for part in (seen, unseen):
            assert part.count("datasets/mmm-demo: ") == 21
            assert "spaces/mmm_f1: tl 1, wl 0.666667, all 0.5" in part and "models/oiellm-nano-demo: Kazan" in part
        anonymous = [request for request in hub.requests if request.kind == "resolve" and not request.token]
        assert anonymous and any(request.token for request in hub.requests)
        card = hub.read(names[0], "README.md").decode()
        assert 'load_dataset("org/mmm-demo", "en_scpos_adj", revision="v1.0.0")' in card
        model = hub.read(names[2], "README.md").decode()
        assert "org/oiellm-nano-demo" in model and "org/mmm-demo" in model
        assert json.loads(hub.read(names[3], "space.json"))["model"].startswith("org/oiellm-nano-demo")
        assert hub.read(names[2], "evaluation/free/predictions.parquet")[:4] == b"PAR1"
        older_clients_load(hub, tmp_path)

        commits = hub.count("commit")
        assert release(hub, made, tmp_path / "h", "--demo").stdout.count("nothing changed, v1.0.0") == 4
        assert hub.count("commit") == commits

        hub.commit(names[0], {"README.md": card.replace(f"{BEGIN}\n", f"{BEGIN}\nWith thanks to all.\n").encode()})
        (made / "release.yaml").write_text(
            "dataset: {tree: release/mmm, name: mmm, title: Rows for a demonstration}\nauthors: [Ann Example]\n"
        )
        try:
            said = release(hub, made, tmp_path / "h", "--demo", "--no-verify").stdout
        finally:
            (made / "release.yaml").unlink()
        assert "v1.0.1" in said
        card = hub.read(names[0], "README.md").decode()
        assert "With thanks to all." in card and "# Rows for a demonstration" in card and "Ann Example" in card


def older_clients_load(hub, tmp_path):
    code = (
        "import datasets\n"
        "rows = datasets.load_dataset('org/mmm-demo', 'ja_tcree', revision='v1.0.0')\n"
        "print(len(rows['train']), len(rows['test']), rows['test'][0]['output'])\n"
    )
    found = set()
    for version in ("datasets-2.14", "datasets-3.6"):
        variables = hub.environment(tmp_path / version, None)
        python = str(python_of(VENV / "compat" / version))
        done = subprocess.run(
            [python, "-c", code], env=variables, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.splitlines()[-1])
    assert len(found) == 1 and found.pop().startswith("36 9 ")


@pytest.mark.slow
def test_a_folder_holds_what_would_be_pushed(made, tmp_path):
    with Hub() as hub:
        release(hub, made, tmp_path / "h", "--demo", "--dry-run", "--to", str(tmp_path / "dry"))
        assert not hub.repositories
        release(hub, made, tmp_path / "h", "--demo", "--no-verify")
        for name, repository in (
            ("datasets/mmm-demo", "datasets/org/mmm-demo"),
            ("models/oiellm-nano-demo", "models/org/oiellm-nano-demo"),
        ):
            there = {path: hub.read(repository, path) for path in hub.at(repository).files if path != ".gitattributes"}
            folder = tmp_path / "dry" / name
            assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == there


def test_a_dry_run_into_a_folder_writes_nothing(tmp_path):
    (tmp_path / "release.yaml").write_text("metric: {name: mmm_f1}\n")
    command = [sys.executable, "-m", "build", "release", "--to", "out"]
    said = run(tmp_path, [*command, "--dry-run"], {"HF_HUB_OFFLINE": "1"}).stdout
    assert "spaces/mmm_f1 out/spaces/mmm_f1: would be new, v1.0.0" in said and not (tmp_path / "out").exists()
    assert "new, v1.0.0" in run(tmp_path, [*command, "--no-verify"], {"HF_HUB_OFFLINE": "1"}).stdout


@pytest.mark.slow
def test_only_what_the_kit_made_goes_and_only_if_all_of_it_may(made, tmp_path):
    shutil.copytree(made / "release", tmp_path / "release")
    (tmp_path / "release" / "mmm" / "todo-private.txt").write_text("mine")
    (tmp_path / "release" / "oiellm-nano" / "notes.md").write_text("mine")
    command = [sys.executable, "-m", "build", "release", "--demo", "--no-verify", "--to", "out"]
    licence = tmp_path / "release" / "oiellm-nano" / "LICENSE"
    licence.write_text("made in /ho" + "me/ann/x\n")
    said = run(tmp_path, command, {"HF_HUB_OFFLINE": "1"}, code=2).stderr
    assert "oiellm-nano-demo: LICENSE:1: a place on somebody's disk" in said
    assert not (tmp_path / "out").exists()  # not even the data set, which comes first
    licence.write_text("Use it well.\n")
    run(tmp_path, command, {"HF_HUB_OFFLINE": "1"})
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert "LICENSE" in names and not names & {"todo-private.txt", "notes.md"}


@pytest.mark.slow
def test_a_model_is_not_said_to_be_of_data_it_never_saw(made, tmp_path):
    shutil.copytree(made / "release", tmp_path / "release")
    manifest = tmp_path / "release" / "mmm" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    command = [sys.executable, "-m", "build", "release", "--demo", "--no-verify", "--to", "out", "--org", "org"]
    run(tmp_path, command, {"HF_HUB_OFFLINE": "1"})
    folder = tmp_path / "out" / "models" / "oiellm-nano-demo"
    assert "org/mmm-demo" not in (folder / "README.md").read_text()
    assert not any("org/mmm-demo" in path.read_text() for path in (folder / ".eval_results").iterdir())


@pytest.mark.slow
def test_results_of_another_model_are_refused(made, tmp_path):
    shutil.copytree(made / "release", tmp_path / "release")
    weights = tmp_path / "release" / "oiellm-nano" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"1234")
    command = [sys.executable, "-m", "build", "release", "--demo", "--to", "out"]
    said = run(tmp_path, command, {"HF_HUB_OFFLINE": "1"}, code=2).stderr
    assert "was scored with another model than release/oiellm-nano: run `oiellm evaluate` again" in said
    assert not (tmp_path / "out" / "models").exists()


@pytest.mark.parametrize(
    "options, said",
    [
        ([], "where to? give --org ORG for a Hub, or --to DIR for a folder"),
        (["--to", "x", "--public"], "--public is for a Hub"),
        (["--to", "x"], "release/mmm/manifest.json: not there; `python3 -m build main` or `export` makes one"),
        (["--to", "x", "--set", "dataset=null"], "release/oiellm-nano/mmm.json: not there; `oiellm train` makes one"),
        (["--org", "my org"], "--org my org: is no name of an account on the Hub"),
        (["--to", "x", "--set", "metric.name=a--b"], "'a--b' cannot be the name of a repository"),
        (["--to", "x", "--settings", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--to", "x", "--set", "datset=1"], "--set datset=1: datset: unknown key; did you mean dataset?"),
        (
            ["--to", "x", "--set", "dataset=null", "--set", "metric=null", "--set", "models=[]", "--set", "space=null"],
            "nothing to release",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path, options, said):
    done = run(tmp_path, [sys.executable, "-m", "build", "release", *options], {}, code=2)
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_hub_that_is_switched_off_is_said(tmp_path):
    (tmp_path / "release.yaml").write_text("metric: {name: mmm_f1}\n")
    done = run(tmp_path, [sys.executable, "-m", "build", "release", "--org", "org"], {"HF_HUB_OFFLINE": "1"}, code=2)
    assert "HF_HUB_OFFLINE is set: unset it to release to the Hub, or use --to DIR" in done.stderr


def test_a_model_that_learned_from_withdrawn_rows_needs_an_answer_for_them(tmp_path):
    folder = tmp_path / "release" / "m"
    folder.mkdir(parents=True)
    configs = {"ja_scpos_adj": {"rows": 1, "origins": {"published": 1}, "licences": {"x": 1}, "sources": {"mmm": 1}}}
    data = {"origins": ["published"], "configs": configs}
    (folder / "mmm.json").write_text(json.dumps({"base": None, "data": data, "manifest_sha256": "0"}))
    (tmp_path / "release.yaml").write_text("models:\n- {folder: release/m, name: oiellm}\n")
    done = run(tmp_path, [sys.executable, "-m", "build", "release", "--to", "out"], {}, code=2)
    assert "trained on what may not be released" in done.stderr and "--accept-licence marc-ja" in done.stderr
    assert not (tmp_path / "out").exists()
