"""Every command block of the README and the docs runs as it stands there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build.reading import import_published
from mmm_dataset import load
from tests.oiellm.tiny import save_tiny
from tests.published_folder import make_published_folder

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "metrics/mmm_f1/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")),
]
_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEST_COMMAND = "python3 -m build test"


def blocks(document: str) -> list[tuple[str, str]]:
    return _BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


RECORD = {
    "id": "en_scnm-1",
    "language": "en",
    "task": "scnm",
    "word": "NER",
    "text": "Ann left.",
    "label": "Society",
    "items": [{"label": "Person", "text": "Ann", "start": 0, "end": 3}],
    "origin": "own",
    "source": "user",
    "source_id": "1",
    "licence": "CC0-1.0",
}
FILES = {  # what a reader of the docs has of their own
    "SCNM_Dataset.csv": "text,sc,con\n青葉市は県の北にある。,社会,1\n",
    "TCREE_dataset.csv": (
        "input,output\n支社は東京にある。/Relation Extraction,Sports Watch/Relation Extraction/:支社;所在地;東京:\n"
    ),
    "mine.conll": "# text = 서울 날씨\n# intent = weather\n1\t서울\tweather\tB-place\n2\t날씨\tweather\tO\n",
    "my.toml": """[language.ko]
name = "Korean"

[task.mine]
title = "Mine"
description = "Intents and slots"
family = "mine"
words = ["Slot Filling"]

[config.ko_mine]
language = "ko"
task = "mine"
version = "1.0.0"
""",
    "mine.jsonl": json.dumps(RECORD) + "\n",
    "GOLD.jsonl": '{"output": "Science/NER/:Person;Kazan"}\n',
    "PRED.jsonl": '{"output": "Science/NER/"}\n',
    "A.jsonl": '{"output": "Science/NER/"}\n',
    "B.jsonl": '{"output": "Science/NER/:Person;Kazan"}\n',
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A copy of the checkout in which `python3` is this interpreter, set up already."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in (
        "build",
        "cards",
        "docs",
        "metrics",
        "mmm_dataset",
        "oiellm",
        "studies",
        "README.md",
        "constraints.txt",
        "setup.cfg",
    ):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    for name in ("tests/double", "tests/dialogues.py", "tests/hub"):  # they stand in for a model and for the Hub
        source = ROOT / name
        (folder / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    make_published_folder(folder / "authors-files")
    for name in ("OIELLM-8B-Instruction", "GIELLM-13B-jpllm", "USA-7B-instruction-incontext-learning"):
        save_tiny(folder / "ganchengguang" / name)  # stand-ins: random weights in the places of the published models
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    programs = folder / "bin"
    programs.mkdir()
    for name, start in {"python": "", "python3": "", "oiellm": "-m oiellm"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (programs / name).chmod(0o755)
    return folder


def environment(folder: Path) -> dict[str, str]:
    found = os.environ.get("PATH", "")
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), found]),
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "metrics")]),
        "MMM_BUILD_IN_PLACE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hf"),
    }


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.xdist_group("docs")  # in order, in one process: the README's main command makes what the others use
@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_run(document, sandbox, real_data_folder):
    variables, left_out = {**environment(sandbox), "MMM_REAL_DATA": str(real_data_folder)}, 0
    for language, code in blocks(document):
        if code.strip() == TEST_COMMAND:
            continue  # this very run: see test_ci_runs_the_readme_command
        if "MMM_REAL_DATA" in code and not real_data_folder.is_dir():
            left_out += 1
            continue
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "bash" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=sandbox, env=variables, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, f"{document}:\n{code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    if left_out:
        pytest.skip(f"{left_out} blocks need the real data (set MMM_REAL_DATA); the others ran")


@pytest.mark.slow
def test_using_the_data_is_the_same_with_the_authors_rows(tmp_path):
    """Among them are rows that cannot be read, so that their entities are null."""
    folder = make_published_folder(tmp_path / "authors-files")
    broken = '{"input": "文。/NER", "output": "no label and no task word"}\n'
    for path in folder.glob("*"):
        rows = json.loads(text) if (text := path.read_text(encoding="utf-8")).startswith("[") else None
        path.write_text(
            json.dumps([*rows, json.loads(broken)]) if rows is not None else text + broken, encoding="utf-8"
        )
    import_published(folder, tmp_path / "release" / "mmm", load())
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "metrics")])
    for language, code in blocks("docs/data.md"):
        if language == "python":
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{code}\n{done.stderr[-3000:]}"


def test_ci_runs_the_readme_command():
    assert TEST_COMMAND in (ROOT / ".ci/run").read_text()
    assert ("bash", f"{TEST_COMMAND}\n") in blocks("README.md")
    assert blocks("README.md")[0] == ("bash", "python3 -m build main\n")


def test_no_block_hides_from_this_test():
    for document in DOCUMENTS:
        fences = re.findall(r"^```(\w*)$", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= {"bash", "python", "text", "json", "bibtex"}, document
