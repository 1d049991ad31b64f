"""What commands did to files that were not theirs, fault by fault: each is refused with one line, or kept."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from build.cli import main
from mmm_dataset import load, to_dict
from mmm_dataset.files import dump, pretty
from mmm_dataset.manifest import ManifestError
from oiellm.cli import main as oiellm
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.files import locked, refuse_others
from tests.published_folder import make_published_folder
from tests.records import make_record

ROOT = Path(__file__).parents[2]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def records(tmp_path):
    """A file of records in a folder that a translation might have made, with what people decided about it."""
    path = tmp_path / "translate" / "records.jsonl"
    path.parent.mkdir()
    rows = [make_record(f"{n} 東京 {n * 7919}", [], id=f"r{n}", source_id=f"s{n}") for n in range(30)]
    path.write_text("".join(dump(to_dict(row)) + "\n" for row in rows), encoding="utf-8")
    for name in ("provenance.jsonl", "review.jsonl", "review.decisions.jsonl"):
        path.with_name(name).write_text("{}\n")
    return path


def refused(capsys, *command):
    assert main([str(part) for part in command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--replace" in line or "give another --out" in line, line
    return line


def test_export_takes_no_folder_of_another_command_for_its_own(records, tmp_path, capsys):
    """1: any folder with a manifest.json counted as a release, and was replaced with all that people had put there."""
    out = tmp_path / "read"
    assert main(["read", "records", "--from", str(records), "--out", str(out)]) == 0
    (out / "review.decisions.jsonl").write_text("{}\n")
    (records.parent / "manifest.json").write_bytes(
        (out / "manifest.json").read_bytes()
    )  # of a version without a record
    for folder in (out, records.parent):
        before = contents(folder)
        assert str(folder) in refused(capsys, "export", folder / "records.jsonl", "--out", folder)
        assert contents(folder) == before


def test_export_replaces_no_imported_release_and_keeps_what_a_person_added(records, tmp_path, capsys):
    """1: the default --out replaced an import; a person's files in a release vanished at the next export."""
    release = tmp_path / "release"
    assert main(["import", "--from", str(make_published_folder(tmp_path / "authors")), "--out", str(release)]) == 0
    before = contents(release)
    capsys.readouterr()
    assert "`import`" in refused(capsys, "export", records, "--out", release)
    assert contents(release) == before
    own = tmp_path / "own"
    assert main(["export", str(records), "--out", str(own)]) == 0
    (own / "NOTES.md").write_text("of a person")
    assert main(["export", str(records), "--out", str(own)]) == 0
    assert (own / "NOTES.md").read_text() == "of a person"
    (own / "README.md").write_text("edited by a person")
    capsys.readouterr()
    assert "README.md" in refused(capsys, "export", records, "--out", own)
    assert main(["export", str(records), "--out", str(own), "--replace"]) == 0
    (aside,) = tmp_path.glob("own.20*[0-9]")
    assert {(aside / "NOTES.md").read_text(), (aside / "README.md").read_text()} == {
        "of a person",
        "edited by a person",
    }
    assert not (own / "NOTES.md").exists()


def test_read_and_apply_replace_no_other_result(records, tmp_path, capsys):
    """3: neither had a lock nor a check."""
    out, records = tmp_path / "read", shutil.copytree(records.parent, tmp_path / "in") / "records.jsonl"
    assert main(["read", "records", "--from", str(records), "--out", str(out)]) == 0
    with locked(out):
        assert "another process" in refused(capsys, "read", "records", "--from", records, "--out", out)
    before = contents(out)
    with records.open("a", encoding="utf-8") as file:
        file.write(dump(to_dict(make_record("新しい行", [], id="new", source_id="new"))) + "\n")
    assert "has changed" in refused(capsys, "read", "records", "--from", records, "--out", out)
    assert contents(out) == before
    reviewed = ["review", str(records), "--apply", "--out", str(tmp_path / "reviewed")]
    assert main(reviewed) == 0
    before = contents(tmp_path / "reviewed")
    capsys.readouterr()
    refused(capsys, *reviewed, "--only-reviewed")
    assert contents(tmp_path / "reviewed") == before
    with locked(tmp_path / "reviewed"):
        refused(capsys, *reviewed)


def test_a_death_between_the_renames_of_export_leaves_a_release(records, tmp_path):
    """4: no release was left at --out, and nothing cleaned up the rest."""
    out = tmp_path / "own"
    command = [sys.executable, "-m", "build", "export", str(records), "--out", str(out)]
    paths = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "metrics")])
    environment = {**os.environ, "MMM_BUILD_IN_PLACE": "1", "PYTHONPATH": paths}
    assert subprocess.run(command, env=environment, cwd=tmp_path).returncode == 0
    before = contents(out)
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\nreal = os.replace\ndef replace(source, target):\n    real(source, target)\n"
        "    if str(target).endswith('.previous'):\n        os.kill(os.getpid(), signal.SIGKILL)\nos.replace = replace\n"
    )
    assert subprocess.run(command, env=environment, cwd=tmp_path).returncode == -signal.SIGKILL
    (tmp_path / "sitecustomize.py").unlink()
    assert not out.exists()
    assert main(["validate", str(out)]) == 0  # whoever looks finds it
    assert contents(out) == before and not [path for path in tmp_path.glob(".*") if path.name != ".own.lock"]


def test_a_second_training_of_one_folder_is_refused_at_its_start(tmp_path, capsys):
    """5: both ran to the end, and one died then."""
    with locked(tmp_path / "model"):
        assert oiellm(["train", "oiellm-nano", "--out", str(tmp_path / "model")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "another process" in line and not (tmp_path / "model.run").exists()


def test_results_of_another_run_or_of_a_person_are_not_written_over(tmp_path):
    """Siblings of 3 on the side of the models: evaluate, compare, study and verbalize replaced them."""
    names = ("results.json", "table.md")
    refuse_others(tmp_path, names, lambda _: False)  # nothing is there
    for text in ('{"mine": 1}', "not JSON", "[]"):
        (tmp_path / "results.json").write_text(text)
        with pytest.raises(OiellmError, match="another --out"):
            refuse_others(tmp_path, names, lambda found: found["run"] == "a")
    (tmp_path / "results.json").write_text('{"run": "a"}')
    refuse_others(tmp_path, names, lambda found: found["run"] == "a")
    (tmp_path / "results.json").unlink()
    (tmp_path / "table.md").write_text("of a person")
    with pytest.raises(OiellmError, match="table.md"):
        refuse_others(tmp_path, names, lambda found: True)


@pytest.mark.parametrize("where", ["language", "config", "path", "absolute"])
def test_no_name_leads_out_of_a_release(where, records, tmp_path, capsys, demo_release):
    """6: a language `../../../evil` and a path of a manifest wrote outside of the output."""
    if where == "language":
        table = '[language."../../../evil"]\nname = "Evil"\n[config."../../../evil_scnm"]\nlanguage = "../../../evil"\n'
        (tmp_path / "my.toml").write_text(f'{table}task = "scnm"\nversion = "1.0.0"\n')
        assert (
            main(["export", str(records), "--registry", str(tmp_path / "my.toml"), "--out", str(tmp_path / "x")]) == 2
        )
        assert "evil" in capsys.readouterr().err and not (tmp_path / "x").exists()
        return
    release = shutil.copytree(demo_release, tmp_path / "deep" / "mmm")
    manifest = json.loads((release / "manifest.json").read_text())
    entry = manifest["configs"]["ja_scnm"]
    if where == "config":
        manifest["configs"]["../evil"] = manifest["configs"].pop("ja_scnm")
    else:
        outside = tmp_path / "x.parquet"
        shutil.copy(release / entry["files"]["train"]["path"], outside)
        entry["files"]["train"]["path"] = "../../x.parquet" if where == "path" else str(outside)
    (release / "manifest.json").write_text(pretty(manifest))
    settings = tmp_path / "release.yaml"
    settings.write_text(json.dumps({"dataset": {"tree": str(release), "name": "mmm"}, "metric": None, "models": []}))
    before = contents(tmp_path)
    for command in (
        ["validate", str(release)],
        ["stats", str(release)],
        ["show", "en_scnm", "--release", str(release)],
        ["convert", str(release), "--to", "gliner", "--out", str(tmp_path / "out")],
        ["release", "--demo", "--to", str(tmp_path / "hub" / "deep"), "--settings", str(settings), "--no-verify"],
    ):
        assert main(command) == 2, command
        assert "plain name" in (error := capsys.readouterr().err) or "inside the folder" in error, error
    with pytest.raises(ManifestError, match="plain name|inside the folder"):
        open_release(release, load())
    assert contents(tmp_path) == before
