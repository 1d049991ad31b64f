"""The house itself: what imports what, what is installed, and that --help is instant."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "datasets", "transformers", "evaluate", "pyarrow", "pandas", "huggingface_hub", "yaml", "sudachipy")


def imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["mmm_dataset", "mmm_dataset.schema", "mmm_f1", "mmm_f1.cli"])
def test_the_ground_floor_imports_nothing_heavy(module):
    assert not imported_by(f"import {module}") & set(HEAVY)


def test_the_ground_floor_does_not_import_the_floors_above():
    found = imported_by("import mmm_dataset, mmm_f1.cli")
    assert not found & {"build", "cards", "oiellm"}
    assert "mmm_dataset" not in imported_by("import mmm_f1.cli")


@pytest.mark.parametrize(
    "floor, above",
    [
        ("mmm_dataset", "build|cards|oiellm"),
        ("metrics", "build|cards|oiellm|mmm_dataset"),
        ("cards", "build|oiellm"),
        ("oiellm", "build|cards"),
    ],
)
def test_data_flows_one_way(floor, above):
    payload = ROOT / "cards" / "spaces" / "demo"  # what a Space runs: staged like a template, imported by no card
    for path in (path for path in (ROOT / floor).rglob("*.py") if path.parent != payload):
        assert not re.search(rf"^\s*(import|from) ({above})\b", path.read_text(), re.MULTILINE), path


def test_help_imports_nothing_heavy():
    for cli in ("build.cli", "oiellm.cli"):
        code = f"import {cli}\ntry: {cli}.main(['--help'])\nexcept SystemExit: pass"
        assert not imported_by(code) & set(HEAVY)


@pytest.mark.parametrize("module", ["oiellm", "oiellm.cli", "oiellm.data", "oiellm.recipe_file", "oiellm.memory"])
def test_recipes_and_the_command_line_need_no_torch(module):
    assert not imported_by(f"import {module}") & {"torch", "transformers", "datasets", "trl", "openai"}


def test_the_data_set_and_the_metric_need_no_torch():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    for needed in (config["options"]["install_requires"], extras["data"], extras["metric"]):
        assert "torch" not in needed and "oiellm" not in needed


def test_build_is_never_installed_and_never_hidden():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options"]["packages"].split() == [
        *("mmm_dataset,", "mmm_f1,", "oiellm,", "oiellm.study,"),
        *("oiellm.train,", "oiellm.predict,", "oiellm.evaluate,", "oiellm.llm,", "oiellm.verbalize,"),
        "oiellm.baselines",
    ]
    assert config["build"]["build_base"] == ".setuptools-build"
    ignored = (ROOT / ".gitignore").read_text().split()
    assert not {"build", "build/", "/build", "/build/"} & set(ignored)


def test_the_lower_floors_never_import_torch_or_a_network_client():
    for path in [*ROOT.glob("mmm_dataset/*.py"), *ROOT.glob("metrics/mmm_f1/*.py"), *ROOT.glob("build/**/*.py")]:
        assert not re.search(r"^(import|from) (torch|transformers|openai)\b", path.read_text(), re.MULTILINE), path


def test_nothing_of_this_machine_is_committed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".cfg", ".csv", ".txt", ".jsonl", ".cff"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w.])/(root|work|home)/\w", text), name


def test_the_wheel_holds_the_packages_and_their_data(tmp_path):
    pytest.importorskip("setuptools")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        ".",
    ]
    if subprocess.run(command, cwd=ROOT, capture_output=True).returncode:
        pytest.skip("setuptools is too old here to build a wheel without the network")
    import zipfile

    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert top == {"mmm_dataset", "mmm_f1", "oiellm"}
    assert {"oiellm/recipes/oiellm-nano.yaml", "oiellm/profiles/fsdp2.yaml", "oiellm/train/job.py"} <= set(names)
    assert {"oiellm/llm/prices.toml", "oiellm/llm/estimates.toml"} <= set(names)
    assert "mmm_dataset/data/registry.toml" in names and "mmm_dataset/data/labels.csv" in names
    assert "mmm_dataset/py.typed" in names and "mmm_f1/py.typed" in names


def test_every_test_file_is_collected():
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    collected = {line.split("::")[0] for line in listed.splitlines() if "::" in line}
    assert collected == {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
