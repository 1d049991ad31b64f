"""``build stats``: tables of any tree, files for those who count on."""

import csv
import json
import shutil

import pytest

from build.cli import main


def test_tables_tell_the_figures_of_the_manifest(demo_release, capsys):
    assert main(["stats", str(demo_release)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, config in json.loads((demo_release / "manifest.json").read_text())["configs"].items():
        sizes = [f"{config['files'][split]['rows']:,}" for split in ("train", "test")]
        assert any(line[:4] == [name, *sizes, f"{config['items']:,}"] for line in lines), name
    assert ["文芸", "·", "Literature", "·", "文艺", *["9", "(20.5", "%)"] * 3] in lines
    assert ["zh_scpos_n", "not", "translated", "39.2", "%"] in lines


def test_files_hold_the_same_figures(demo_release, tmp_path, capsys):
    assert main(["stats", str(demo_release), "--out", str(tmp_path)]) == 0
    files = ["configs.csv", "labels.csv", "labels.png", "lengths.png", "sizes.png", "stats.json", "yields.png"]
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == files
    assert all(str(tmp_path / name) in capsys.readouterr().out for name in ()) and not (demo_release / "plots").exists()
    found = json.loads((tmp_path / "stats.json").read_text())
    with (tmp_path / "configs.csv").open(encoding="utf-8") as file:
        rows = {(row["config"], row["split"]): row for row in csv.DictReader(file)}
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        labels = list(csv.DictReader(file))
    for (name, split), row in rows.items():
        side = found[name][split]
        assert int(row["rows"]) == side["rows"] == sum(side["labels"].values())
        items = sum(sum(counts.values()) for counts in side["items"].values())
        assert int(row["items"]) == items == sum(int(n) * count for n, count in side["items_per_row"]["counts"].items())
        mine = [line for line in labels if (line["config"], line["split"]) == (name, split)]
        assert sum(int(line["count"]) for line in mine) == side["rows"] + items


@pytest.mark.parametrize("spoil", ["none", "empty"])
def test_what_is_no_release_is_told_in_one_line(demo_release, tmp_path, capsys, spoil):
    tree = tmp_path / "tree"
    if spoil == "none":
        tree.mkdir()
    else:
        shutil.copytree(demo_release, tree)
        shutil.rmtree(tree / "data")
    assert main(["stats", str(tree)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("build: error: ") and err.count("\n") == 1 and str(tree) in err
