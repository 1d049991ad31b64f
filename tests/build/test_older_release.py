"""A release that an earlier version of the kit made: every command that reads one refuses it with the same line."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from build.cli import main as build
from mmm_dataset.files import pretty, sha256
from mmm_dataset.manifest import ManifestError, read_release
from oiellm.cli import main as oiellm

VERBS = {
    "validate": lambda tree: build(["validate", tree]),
    "show": lambda tree: build(["show", "ja_scnm", "--release", tree]),
    "stats": lambda tree: build(["stats", tree]),
    "convert": lambda tree: build(["convert", tree, "--to", "gliner", "--out", f"{tree}-converted"]),
    "translate": lambda tree: build(["translate", "--source", "ja_scnm", "--to", "en", "--release", tree, "--dry-run"]),
    "release": lambda tree: build(
        ["release", "--settings", f"{tree}/../release.yaml", "--to", f"{tree}-hub", "--demo"]
    ),
    "train": lambda tree: oiellm(["train", "oiellm-nano", "--set", f"data.release={tree}", "--out", f"{tree}-model"]),
    "evaluate": lambda tree: oiellm(["evaluate", "--model", "majority", "--data", tree, "--out", f"{tree}-results"]),
}


@pytest.fixture
def tree(demo_release, tmp_path):
    (tmp_path / "release.yaml").write_text(yaml.safe_dump({"dataset": {"name": "MMM", "tree": str(tmp_path / "mmm")}}))
    return shutil.copytree(demo_release, tmp_path / "mmm")


def older_columns(tree):
    """The files of a config as before relations and events had attributes, with the manifest in line."""
    manifest = json.loads((tree / "manifest.json").read_text())
    for file in manifest["configs"]["ja_tcree"]["files"].values():
        path = tree / file["path"]
        table = pq.read_table(path)
        argument = table.schema.field("tuples").type.value_type.field("arguments")
        older = pa.list_(pa.struct([pa.field("label", pa.string()), argument]))
        rows = table.to_pylist()
        for item in (item for row in rows for item in row["tuples"]):
            del item["attributes"]
        at = table.schema.get_field_index("tuples")
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema.set(at, pa.field("tuples", older))), path)
        file.update(sha256=sha256(path), bytes=path.stat().st_size)
    (tree / "manifest.json").write_text(pretty(manifest))
    return "tuples.attributes.name"


def older_manifest(tree):
    """A manifest as before the ids of the standard evaluation were in it."""
    manifest = json.loads((tree / "manifest.json").read_text())
    del manifest["evaluation"]
    (tree / "manifest.json").write_text(pretty(manifest))
    return "evaluation"


@pytest.mark.parametrize("older", [older_columns, older_manifest])
@pytest.mark.parametrize("verb", VERBS)
def test_every_command_refuses_an_older_release_alike(tree, capsys, verb, older):
    field = older(tree)
    before = sorted(tree.parent.iterdir())
    assert VERBS[verb](str(tree)) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{tree} was made by an earlier version of the kit: export it again" in line and field in line
    assert sorted(tree.parent.iterdir()) == before


def test_a_release_of_today_is_read(tree):
    assert read_release(tree)["name"] == "mmm"


@pytest.mark.parametrize(
    "change, field",
    [
        (
            lambda m: m["configs"]["ja_scnm"]["files"]["test"].update(path="../../x.parquet"),
            r"ja_scnm\.files\.test\.path",
        ),
        (lambda m: m["configs"].update({"../evil": m["configs"]["ja_scnm"]}), r"configs\.\.\./evil"),
        (lambda m: m["steps"]["release"].update(kept={"x": -1}), r"steps\.release\.kept\.x"),
        (lambda m: m.update(configs=[]), "configs"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_field(tree, change, field):
    manifest = json.loads((tree / "manifest.json").read_text())
    change(manifest)
    (tree / "manifest.json").write_text(pretty(manifest))
    with pytest.raises(ManifestError, match=rf"manifest\.json: .*{field}"):
        read_release(tree)
