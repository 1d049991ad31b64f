"""`python -m build validate`: a good tree passes, and every kind of damage is named."""

import dataclasses
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from build.export import build_release
from build.validate import validate
from mmm_dataset import Item, load
from mmm_dataset.files import pretty, sha256
from mmm_dataset.manifest import ManifestError
from mmm_dataset.schema import arrow_schema
from tests.records import make_record


@pytest.fixture
def tree(demo_release, tmp_path):
    return shutil.copytree(demo_release, tmp_path / "mmm")


def change_row(tree, change, config="ja_scnm", row=0):
    """Change one row of a test file and bring manifest and card in line, as a careful hand would."""
    manifest = json.loads((tree / "manifest.json").read_text())
    file = manifest["configs"][config]["files"]["test"]
    path = tree / file["path"]
    rows = pq.read_table(path).to_pylist()
    change(rows[row])
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), path)
    file["sha256"], file["bytes"] = sha256(path), path.stat().st_size
    (tree / "manifest.json").write_text(pretty(manifest))


def kinds(tree):
    return dict(validate(tree, load()).errors)


def test_a_fresh_release_is_valid(demo_release):
    report = validate(demo_release, load())
    assert not report.errors and not report.remarks and report.rows == 927
    assert str(report) == "927 rows checked: valid"


def first_entity(row):
    return next(iter(row["entities"]))


@pytest.mark.parametrize(
    "change, kind",
    [
        (lambda row: first_entity(row).update(start=first_entity(row)["start"] + 1), "record"),
        (lambda row: first_entity(row).update(end=None), "record"),
        (lambda row: first_entity(row).update(label="宇宙人"), "output"),
        (lambda row: row.update(label="宇宙"), "output"),
        (lambda row: row.update(output=row["output"] + "x"), "output"),
        (lambda row: row.update(output="x"), "output"),
        (lambda row: row.update(input=row["text"]), "input"),
        (lambda row: row.update(task="tconer"), "config"),
        (lambda row: row.update(task_word="Slot"), "task_word"),
        (lambda row: row.update(label=None), "not_annotated"),
        (lambda row: row.update(id="ja_scnm-scnm-999", source_id=None), "record"),
        (lambda row: row.update(input=None), "record"),
        (lambda row: row.update(output=None), "record"),
        (lambda row: row.update(form="weird"), "record"),
        (lambda row: row.update(language="xx"), "config"),
        (lambda row: row.update(alignment=[0] * 99), "record"),
        (lambda row: row.update(alignment=[-5] * len(row["entities"])), "record"),
        (lambda row: row["entities"].append(None), "record"),
        (lambda row: row.update(tuples=[{"label": "x", "arguments": None}]), "record"),
    ],
)
def test_damaged_rows_are_named(tree, change, kind):
    change_row(tree, change)
    report = validate(tree, load())
    assert kind in report.errors
    assert f"error: {kind}: data/ja_scnm/test-" in str(report) and ".parquet:1: " in str(report)


def test_labels_outside_the_set(tree):
    def relabel(row):
        row["output"] = row["output"].replace(row["label"], "宇宙", 1)
        row["label"] = "宇宙"

    change_row(tree, relabel)
    assert kinds(tree) == {"unknown_text_label": 1}


@pytest.mark.parametrize("key", ["rows", "items"])
def test_counts_of_the_manifest(tree, key):
    manifest = json.loads((tree / "manifest.json").read_text())
    config = manifest["configs"]["ja_scnm"]
    (config["files"]["test"] if key == "rows" else config)[key] += 1
    (tree / "manifest.json").write_text(pretty(manifest))
    assert kinds(tree) == {"manifest": 1}


def test_published_rows_are_kept_as_they_are_and_only_remarked(tmp_path):
    rows = [
        ("text without a task word", "社会/NER/:人名;誰か"),
        ("東京は晴れ/NER", "no task word"),
        ("東京は晴れ/NER", "宇宙/NER/:宇宙;東京:地名;大阪"),
    ]
    records = [
        make_record(
            line.removesuffix("/NER"),
            *items,
            id=f"r{n}",
            source_id=f"s{n}",
            raw=(line, output),
            origin="published",
            split="test",
        )
        for n, ((line, output), items) in enumerate(
            zip(
                rows,
                [
                    ([Item.pair("人名", "誰か")],),
                    ([], None),
                    ([Item.pair("宇宙", "東京"), Item.pair("地名", "大阪")], "宇宙"),
                ],
            )
        )
    ]
    records[1] = dataclasses.replace(records[1], items=None)
    build_release(records, tmp_path / "mmm", load(), split="published")
    report = validate(tmp_path / "mmm", load())
    assert not report.errors
    assert {"input", "not_parsed", "unknown_label", "entity_not_in_text", "unknown_text_label"} <= set(report.remarks)


def test_a_source_item_on_both_sides(tree):
    manifest = json.loads((tree / "manifest.json").read_text())
    train = pq.read_table(tree / manifest["configs"]["en_scnm"]["files"]["train"]["path"]).to_pylist()
    change_row(tree, lambda row: row.update(source_id=train[0]["source_id"]))
    assert kinds(tree) == {"split": 1, "leakage": 1}


def test_repeated_ids(tree):
    manifest = json.loads((tree / "manifest.json").read_text())
    rows = pq.read_table(tree / manifest["configs"]["ja_scnm"]["files"]["test"]["path"]).to_pylist()
    change_row(tree, lambda row: row.update(id=rows[1]["id"]))
    assert kinds(tree) == {"repeated_id": 1}


def test_missing_and_changed_files(tree):
    first, second, *_ = sorted(tree.glob("data/ja_scnm/*.parquet"))
    first.unlink()
    second.write_bytes(second.read_bytes() + b"x")
    found = kinds(tree)
    assert found["missing_file"] == 1 and found["checksum"] == 1 and found["parquet"] == 1


def test_foreign_schema_and_metadata(tree):
    path = next(tree.glob("data/ja_scnm/test-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"huggingface": "{}"}), path)
    assert kinds(tree)["schema"] == 1
    for other in (
        table.append_column("more", table["id"]),
        table.set_column(0, "input", table["input"].cast("large_string")),
    ):
        pq.write_table(other, path)
        assert kinds(tree)["schema"] == 1


def test_the_card_must_say_what_is_there(tree):
    card = (tree / "README.md").read_text()
    (tree / "README.md").write_text(card.replace("path: data/ja_scnm/test-", "path: data/ja_scnm/old-"))
    assert kinds(tree) == {"card": 1}


def test_a_script_in_the_tree(tree):
    (tree / "mmm.py").write_text("")
    assert kinds(tree) == {"script": 1}


def test_an_edited_text_is_remarked(tree):
    (tree / "README.md").write_text((tree / "README.md").read_text() + "\nA word from the lab.\n")
    report = validate(tree, load())
    assert not report.errors and report.remarks == {"card": 1}


@pytest.mark.parametrize("text", ["# no yaml", "---\na: [\n---\n", "---\nconfigs: 5\n---\n"])
def test_broken_cards(tree, text):
    (tree / "README.md").write_text(text)
    assert kinds(tree) == {"card": 1}


@pytest.mark.parametrize("content", [b"{}", b"{", b"[]", b'{"configs": {}, "options": {"split": "hash"}}', b"\xff"])
def test_what_is_no_manifest_is_refused(tree, content):
    (tree / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match="not a manifest of this kit"):
        validate(tree, load())


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(name=3),
        lambda m: m.update(steps={"x": {"y": 3}}),
        lambda m: m.update(leakage={"exact": {}}),
        lambda m: m["configs"]["ja_scnm"]["files"]["test"].update(path=3),
        lambda m: m["configs"]["ja_scnm"].update(origins=["mine"]),
    ],
)
def test_a_manifest_of_another_shape_is_refused(tree, change):
    manifest = json.loads((tree / "manifest.json").read_text())
    change(manifest)
    (tree / "manifest.json").write_text(pretty(manifest))
    with pytest.raises(ManifestError, match="not a manifest of this kit|has no"):
        validate(tree, load())


def test_leakage_that_is_left_out_is_missed(tree):
    manifest = json.loads((tree / "manifest.json").read_text())
    manifest["leakage"] = {}
    (tree / "manifest.json").write_text(pretty(manifest))
    (tree / "leakage.json").write_text("{}")
    assert kinds(tree)["leakage"] == 1


def test_leakage_counts_and_stray_files(tree):
    (tree / "leakage.json").write_text('{"exact": {"test_rows": 3}}')
    (tree / "data" / "ja_scnm" / "old.parquet").write_bytes(b"")
    assert kinds(tree) == {"leakage": 1, "unlisted_file": 1}
    (tree / "leakage.json").unlink()
    assert kinds(tree)["leakage"] == 1


@pytest.mark.parametrize(
    "key, value", [("origins", ["rebuilt"]), ("licences", []), ("sources", ["x"]), ("rows_without_item", 9)]
)
def test_what_the_manifest_says_of_a_config_is_counted_again(tree, key, value):
    manifest = json.loads((tree / "manifest.json").read_text())
    manifest["configs"]["ja_scnm"][key] = value
    (tree / "manifest.json").write_text(pretty(manifest))
    assert kinds(tree) == {"manifest": 1}


def test_bit_rot_is_an_error_and_the_other_files_are_checked(tree):
    path = next(tree.glob("data/ja_scnm/test-*.parquet"))
    content = bytearray(path.read_bytes())
    content[100:2000] = bytes(1900)
    path.write_bytes(content)
    found = kinds(tree)
    assert found["checksum"] == 1 and "parquet" in found


def test_the_same_text_on_both_sides(tree):
    manifest = json.loads((tree / "manifest.json").read_text())
    train = pq.read_table(tree / manifest["configs"]["ja_scnm"]["files"]["train"]["path"]).to_pylist()[0]

    def copy(row):
        keep = {key: row[key] for key in ("id", "source_id")}
        row.update({**train, **keep})

    change_row(tree, copy)
    found = kinds(tree)
    assert found["split"] == 1 and found["leakage"] == 1


def test_nothing_there(tmp_path):
    with pytest.raises(ManifestError, match="not a release"):
        validate(tmp_path, load())


def change_standard(tree, change):
    """Change the standard ids and bring the manifest in line."""
    manifest = json.loads((tree / "manifest.json").read_text())
    path = tree / manifest["evaluation"]["path"]
    ids = json.loads(path.read_text())
    path.write_text(pretty(change(ids) or ids))
    manifest["evaluation"]["sha256"] = sha256(path)
    (tree / "manifest.json").write_text(pretty(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: ids["ja_scnm"].pop(),
        lambda ids: ids["ja_scnm"].append("ja_scnm-scnm-999"),
        lambda ids: ids["ja_scnm"].reverse(),
        lambda ids: ids.update(ja_scnm=None),
        lambda ids: ids.update(xx_scnm=[]),
    ],
)
def test_standard_ids_are_counted_again(tree, change):
    change_standard(tree, lambda ids: change(ids) and None)
    assert kinds(tree) == {"evaluation": 1}


def test_standard_ids_that_are_not_those_of_the_manifest(tree):
    path = tree / "evaluation" / "standard.json"
    path.write_text(path.read_text() + "\n")
    assert kinds(tree) == {"evaluation": 1}
    path.unlink()
    assert kinds(tree) == {"evaluation": 1}
