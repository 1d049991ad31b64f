"""A study run for real on tiny models: resumed after a kill, shared among processes, judged by what was fixed before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_f1.intervals import Patterns
from oiellm.errors import OiellmError
from oiellm.study import work as working
from oiellm.study.command import _fix, read_study, report
from oiellm.study.plan import plan
from oiellm.train import dataset
from tests.oiellm.study.planted import study as planted

pytestmark = pytest.mark.slow

JOINT = (
    "arms.joint={tests: {own: {}, forced: {forced: gold}, misled: {forced: other}}}",
    "inside=[joint]",
    "comparisons.forced={figure: wl, of: joint/forced, against: joint/own}",
)


def command(path: Path, out: Path, *more: str) -> list[str]:
    options = [part for override in JOINT for part in ("--set", override)]
    return [sys.executable, "-m", "oiellm", "study", str(path), "--out", str(out), *options, *more]


def run(path: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command(path, out, *more), capture_output=True, text=True, env=environment, check=False)


def figures(out: Path) -> dict[str, object]:
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    for one in found["trainings"].values():
        del one["seconds"]
    del found["fixed"]
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted"), "bound", 0, seeds="[0, 1]", epochs=4, train=160, test=40)


@pytest.fixture(scope="module")
def done(path: Path) -> Path:
    out = path.parent / "out"
    found = run(path, out)
    assert found.returncode == 0, found.stderr
    assert "10 trainings" in found.stdout and "criterion: two-sided p <= 0.05" in found.stdout
    assert found.stdout.index("criterion:") < found.stdout.index("reinforcement:")
    return out


def test_what_a_study_leaves_behind(done: Path):
    assert {one.name for one in done.iterdir()} == {
        *("cells", "tokenised", "study.json", "results.json", "report.md", "differences.png")
    }
    cells = sorted((done / "cells").iterdir())
    assert len(cells) == 10
    for cell in cells:
        assert {"cell.json", "mmm.json", "train_log.jsonl", "tests"} <= {one.name for one in cell.iterdir()}
        assert not (cell / "model").exists()  # weights are large, and every prediction is kept
        for test in (cell / "tests").iterdir():
            assert (test / "predictions.parquet").is_file() and (test / "run.json").is_file()
    assert (done / "differences.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_says_what_was_asked_and_found(done: Path):
    found, text = figures(done), (done / "report.md").read_text(encoding="utf-8")
    assert found["comparisons"]["text"]["en_planted"]["found"] in ("better", "no difference found")
    for part in (
        "corrected after Holm",
        "## Every arm",
        "## Inside joint",
        "by seed",
        "Criterion fixed on",
    ):
        assert part in text
    inside = found["inside"]["joint"]["en_planted"]
    right = sum(round(40 * one) for one in found["arms"]["joint/own"]["en_planted"]["by_seed"]["tl"])
    assert inside["gold_forced"]["pairs_changed"] <= inside["gold_forced"]["rows"] == 2 * 40 - right
    assert inside["other_forced"]["pairs_changed"] <= inside["other_forced"]["rows"] == right
    assert inside["given_pairs"]["rows"] == 40
    arms = found["arms"]
    assert set(arms["joint/own"]["en_planted"]["mean"]) == {"tl", "wl", "all"}
    assert set(arms["text_gold/own"]["en_planted"]["mean"]) == {"tl"}
    assert arms["joint/forced"]["en_planted"]["mean"]["tl"] == 1.0
    assert arms["joint/misled"]["en_planted"]["mean"]["tl"] == 0.0
    floors = {name: one["en_planted"] for name, one in found["baselines"].items()}
    assert set(floors) == {"majority", "lookup"}
    # A quarter of the labels, and the types, which are the label's, by lot.
    assert 0.1 < floors["lookup"]["tl"] < 0.5 and 0.1 < floors["lookup"]["wl"] < 0.5
    assert "| lookup " in text and "| majority " in text


def test_a_forced_label_changes_nothing_where_it_was_right_anyway(done: Path):
    from mmm_f1.intervals import LABEL_RIGHT
    from oiellm.study.results import Outcomes

    laid = plan(read_study(done.parent / "study.yaml", JOINT))
    found = Outcomes(laid, done)
    for free, forced in zip(found.of("joint", "own", "en_planted"), found.of("joint", "forced", "en_planted")):
        right = free // LABEL_RIGHT & 1 == 1
        assert (free[right] == forced[right]).all()
        assert (Patterns.of(forced).label_right == 1).all()


def test_a_model_is_let_go_before_the_next_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two of eight billion parameters do not fit on a GPU that one fits on."""
    import gc

    from transformers import PreTrainedModel

    from oiellm.study import work

    def models() -> int:
        return sum(issubclass(type(one), PreTrainedModel) for one in gc.get_objects())

    laid = plan(read_study(planted(tmp_path, "free", 0, seeds="[0]", epochs=1, train=24, test=12), JOINT))
    gc.collect()  # what other tests left
    before, alive, test = models(), [], work._test
    monkeypatch.setattr(work, "_test", lambda *what: (alive.append(models()), test(*what)))
    work.work(laid, tmp_path / "out", lambda line: None, lambda: "")
    alive.append(models())
    assert alive == [before] * (len(laid.cells) + 1)


def test_a_second_run_trains_nothing_and_reports_the_same(path: Path, done: Path):
    before = figures(done)
    found = run(path, done)
    assert found.returncode == 0 and "study: " not in found.stderr
    assert figures(done) == before


def test_the_criterion_cannot_be_changed_after_the_first_training(path: Path, done: Path):
    for change in ("criterion.alpha=0.2", "seeds=[0, 1, 2]", "set.evaluate.batch_size=3"):
        found = run(path, done, "--set", change)
        assert found.returncode == 2, change
    found = run(path, done, "--set", "criterion.alpha=0.2")
    assert "criterion was fixed on" in found.stderr and "take another --out" in found.stderr
    other_words = read_study(path, [*JOINT, "question=What?"])
    assert _fix(other_words, plan(other_words), done) == json.loads((done / "study.json").read_text())["fixed"]


def test_a_killed_study_goes_on_and_ends_the_same(path: Path, done: Path, tmp_path: Path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for after in (1, 3, 6):  # cells that are done before the kill
        worker = subprocess.Popen(
            command(path, tmp_path / "out"), env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while worker.poll() is None and len(list((tmp_path / "out").glob("cells/*/cell.json"))) < after:
            time.sleep(0.02)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    found = run(path, tmp_path / "out")
    assert found.returncode == 0, found.stderr
    assert figures(tmp_path / "out") == figures(done)


def test_two_workers_share_the_trainings(path: Path, done: Path, tmp_path: Path):
    found = run(path, tmp_path / "out", "--jobs", "2")
    assert found.returncode == 0, found.stderr
    trained = [line for line in found.stderr.splitlines() if ": trained in" in line]
    assert len(trained) == len(set(trained)) == 10
    same, other = figures(done), figures(tmp_path / "out")
    assert other["arms"].keys() == same["arms"].keys()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    calls: list[int] = []
    real = dataset.tokenise

    def tokenise(*args: object) -> object:
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(dataset, "tokenise", tokenise)
    yield calls


def test_rows_are_tokenised_once_for_all_seeds(path: Path, tmp_path: Path, counted: list[int]):
    laid = plan(read_study(path, ["arms={joint: {}}", "comparisons={}", "verdicts={}", "seeds=[0, 1, 2]"]))
    assert working.work(laid, tmp_path / "out", lambda line: None, lambda: "") == 0
    assert len(counted) == 1 and len(laid.cells) == 3


def test_a_training_can_be_launched_by_another_command(path: Path, tmp_path: Path):
    options = ["arms={joint: {}}", "comparisons={}", "verdicts={}", "seeds=[0]"]
    launched, here = (read_study(path, [*options, f"launch={launch}"]) for launch in (f"'{sys.executable}'", "''"))
    for study, out in ((launched, tmp_path / "launched"), (here, tmp_path / "here")):
        assert working.work(plan(study), out, lambda line: None, lambda: "") == 0
    first, second = (
        (tmp_path / name / "cells/joint-en_planted-seed0/mmm.json").read_bytes() for name in ("launched", "here")
    )
    assert first == second and list((tmp_path / "launched" / "tokenised").glob("*.npz"))
    broken = read_study(path, [*options, "launch='false'"])
    with pytest.raises(OiellmError, match="joint-en_planted-seed0: the training ended with exit code 1"):
        working.work(plan(broken), tmp_path / "broken", lambda line: None, lambda: "")


def test_cells_that_others_work_on_are_left_to_them(path: Path, tmp_path: Path):
    from filelock import FileLock

    laid = plan(read_study(path, ["arms={joint: {}}", "comparisons={}", "verdicts={}", "seeds=[0]"]))
    folder = working.folder_of(laid.cells[0], tmp_path)
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        script = (
            "import sys; from pathlib import Path; from oiellm.study import work; from oiellm.study.plan import plan;"
            "from oiellm.study.command import read_study;"
            "laid = plan(read_study(Path(sys.argv[1]), ['arms={joint: {}}', 'comparisons={}', 'verdicts={}', 'seeds=[0]']));"
            "print(work.work(laid, Path(sys.argv[2]), print, lambda: ''))"
        )
        found = subprocess.run(
            [sys.executable, "-c", script, str(path), str(tmp_path)], capture_output=True, text=True, check=True
        )
    assert found.stdout == "1\n"
    with pytest.raises(OiellmError, match="1 of 1 trainings are not done"):
        report(laid, tmp_path, "now")


def test_a_slurm_array_is_written_and_nothing_is_run(path: Path, tmp_path: Path):
    found = run(path, tmp_path / "out", "--slurm", "--jobs", "4", "--gpus", "4")
    assert found.returncode == 0, found.stderr
    script = (tmp_path / "out" / "study.sbatch").read_text(encoding="utf-8")
    assert "#SBATCH --array=0-3" in script and "--worker" in script and "--gpus-per-task=1" in script
    assert not (tmp_path / "out" / "cells").exists()
    subprocess.run(["bash", "-n", str(tmp_path / "out" / "study.sbatch")], check=True)


def test_trainings_without_a_fixed_criterion_are_refused(path: Path, tmp_path: Path):
    study = read_study(path)
    (tmp_path / "cells").mkdir()
    with pytest.raises(OiellmError, match=r"holds trainings but no study\.json"):
        _fix(study, plan(study), tmp_path)
