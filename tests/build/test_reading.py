"""What the manifest of a release calls the files and steps that it was made of."""

import json

import pytest

from build.cli import main
from mmm_dataset import Item, load, to_dict
from mmm_dataset.files import dump
from tests.records import make_record


def records_in(folder, prefix):
    origin = folder.parent / f"of-{folder.name}.jsonl"
    origin.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        make_record(
            f"{prefix} 東京 {n * 7919}",
            [Item.pair("地名", "東京")],
            id=f"{prefix}{n}",
            source_id=f"{prefix}{n}",
            source="me",
        )
        for n in range(4)
    ]
    origin.write_text("".join(dump(to_dict(row)) + "\n" for row in rows), encoding="utf-8")
    assert main(["read", "records", "--from", str(origin), "--out", str(folder)]) == 0
    return folder / "records.jsonl"


@pytest.mark.parametrize(
    "folders, steps",
    [
        (["my/release"], ["my/release"]),
        (["a/x", "b/x", "x"], ["a/x", "b/x", "{tmp}/x"]),
        (["work/a", "work/b"], ["a", "b"]),
        (["a/release/x", "b/release/x"], ["a/release/x", "b/release/x"]),
        (["release", "a/release"], ["{tmp}/release", "a/release"]),
    ],
)
def test_every_step_has_a_name_of_its_own(folders, steps, tmp_path, capsys):
    files = [records_in(tmp_path / folder, f"r{n}") for n, folder in enumerate(folders)]
    assert main(["export", *map(str, files), "--out", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    wanted = [step.format(tmp=tmp_path.name) for step in steps]
    assert list(manifest["steps"]) == [*wanted, "release"]
    assert sorted(manifest["inputs"]) == sorted(f"{step}/records.jsonl" for step in wanted)
    assert main(["validate", str(tmp_path / "out")]) == 0


def test_a_file_is_given_once(tmp_path, capsys):
    file = records_in(tmp_path / "a", "r")
    capsys.readouterr()
    assert main(["export", str(file), str(file.parent / ".." / "a" / file.name), "--out", str(tmp_path / "out")]) == 2
    assert "given twice" in capsys.readouterr().err


def test_a_file_that_is_called_like_one_of_another_source_is_not_that(tmp_path):
    source = next(source for source in load().sources.values() if source.files == ("train.json",))
    (tmp_path / "data/sub").mkdir(parents=True)
    rows = [make_record("東京", [], id="r", source="me")]
    (tmp_path / "data/rows.jsonl").write_text("".join(dump(to_dict(row)) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "data/sub/train.json").write_text("[]")
    assert main(["read", "records", "--from", str(tmp_path / "data"), "--out", str(tmp_path / "read")]) == 0
    assert main(["export", str(tmp_path / "read/records.jsonl"), "--out", str(tmp_path / "out")]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "also_from" not in manifest["steps"]["read"], source.name
