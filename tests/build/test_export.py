"""The release tree: bytes, names, counts, and what happens when something goes wrong."""

import dataclasses
import json
import os
import shutil

import pyarrow.parquet as pq
import pytest

from build.core import Drop, KitError, Note
from build.export import build_release
from build.readers import demo
from mmm_dataset import Item, load
from mmm_dataset.files import sha256
from mmm_dataset.schema import COLUMNS, from_row, to_row
from tests.records import make_record


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def some_rows(count=40, **changes):
    for n in range(count):
        text = f"{n} {n * 7919 % 10007} 東京 {n * 31337 % 65537} q{n}w"
        yield make_record(
            text,
            [Item.pair("地名", "東京", text.index("東"), text.index("東") + 2)],
            id=f"r{n}",
            source_id=f"s{n}",
            **changes,
        )


def test_two_builds_are_byte_identical(demo_release, tmp_path):
    again = tmp_path / "elsewhere" / "mmm"
    build_release(demo.read(demo.FOLDER, load()), again, load(), inputs={"x.jsonl": "0" * 64})
    assert tree(again) == tree(demo_release)


def test_what_a_release_holds(demo_release):
    manifest = json.loads((demo_release / "manifest.json").read_text())
    assert list(manifest["configs"]) == list(load().configs)
    for name, config in manifest["configs"].items():
        for split, file in config["files"].items():
            path = demo_release / file["path"]
            assert path.name == f"{split}-{file['sha256'][:16]}.parquet"
            table = pq.read_table(path)
            assert table.num_rows == file["rows"] and table.column_names == list(COLUMNS)
            assert b"huggingface" not in (table.schema.metadata or {})
            assert set(table["language"].to_pylist()) == {name[:2]}
    assert not list(demo_release.rglob("*.py"))
    card = (demo_release / "README.md").read_text()
    assert "**Demonstration data, not MMM.**" in card and "path: data/zh_tconer/test-" in card
    assert manifest["steps"]["release"]["kept"]["en_tcree"] == 45


def test_the_standard_test_ids_ship_with_the_release(demo_release, tmp_path):
    manifest = json.loads((demo_release / "manifest.json").read_text())
    path = demo_release / manifest["evaluation"]["path"]
    assert sha256(path) == manifest["evaluation"]["sha256"]
    ids = json.loads(path.read_text())
    assert list(ids) == list(load().configs)
    for name, chosen in ids.items():
        test = pq.read_table(demo_release / manifest["configs"][name]["files"]["test"]["path"])
        assert chosen == test["id"].to_pylist()  # fewer than 1,000: all of them, in file order
    only_train = build_release(some_rows(3, split="train"), tmp_path / "mmm", load(), split="published")
    assert json.loads((tmp_path / "mmm" / only_train["evaluation"]["path"]).read_text()) == {}


def test_rows_come_back_as_records(demo_release):
    originals = {(r.config, r.id): r for r in demo.read(demo.FOLDER, load())}
    seen = 0
    for path in demo_release.glob("data/*/*.parquet"):
        for row in pq.read_table(path).to_pylist():
            record = from_row(row)
            assert record == originals[record.config, record.id]
            assert to_row(record, load().task_words) == row
            seen += 1
    assert seen == len(originals)


def test_drops_and_notes_are_counted_and_written_beside_the_release(tmp_path):
    unlabelled = dataclasses.replace(make_record("x", []), label=None, id="bare", source_id="bare")
    rows = [*some_rows(), unlabelled, Drop("d1", "neutral_row", "label 0", "local-only-text"), Note("n1", "odd", "why")]
    manifest = build_release(rows, tmp_path / "mmm", load())
    assert manifest["steps"]["release"]["dropped"] == {"neutral_row": 1, "not_annotated": 1}
    report = [json.loads(line) for line in (tmp_path / "mmm.report.jsonl").read_text().splitlines()]
    assert [(line["id"], line.get("dropped") or line["noted"]) for line in report] == [
        ("bare", "not_annotated"),
        ("d1", "neutral_row"),
        ("n1", "odd"),
    ]
    assert not any("local-only-text" in content.decode("latin1") for content in tree(tmp_path / "mmm").values())


def test_published_rows_that_cannot_be_read_are_kept_verbatim(tmp_path):
    raw = ("broken row", "no task word")
    row = dataclasses.replace(
        make_record("broken row", []), label=None, items=None, raw=raw, origin="published", split="train"
    )
    build_release([row], tmp_path / "mmm", load(), split="published")
    (stored,) = pq.read_table(next((tmp_path / "mmm" / "data" / "ja_scnm").iterdir())).to_pylist()
    assert (stored["input"], stored["output"], stored["form"]) == (*raw, "published")
    assert stored["entities"] is stored["tuples"] is stored["label"] is None


@pytest.mark.parametrize(
    "rows, message",
    [
        ([], "nothing to release: there was no row"),
        ([Drop("a", "bad"), Drop("b", "bad")], "nothing to release: dropped 2 x bad"),
        ([make_record("x", []), make_record("y", [])], "ja_scnm: the id 'r1' comes twice"),
        (
            [make_record("x", [Item.pair("発売", "x")], "Peachy", "tcree", "Event Extraction")],
            "ja_tcree: record 'r1': item '発売' has no subject",
        ),
        (
            [make_record("x", [Item.pair("宇宙", "x")])],
            "ja_scnm: record 'r1': unknown entity label '宇宙'; allowed: 人名",
        ),
        ([make_record("x", [], "宇宙")], "ja_scnm: record 'r1': unknown text-level label '宇宙'; allowed: 社会"),
    ],
)
def test_mistakes_leave_nothing_behind(tmp_path, rows, message):
    with pytest.raises(KitError, match=message):
        build_release(rows, tmp_path / "mmm", load())
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rebuild_leaves_the_old_release(tmp_path):
    out = tmp_path / "mmm"
    build_release(some_rows(), out, load())
    before = tree(out)

    def broken():
        yield from some_rows(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_release(broken(), out, load())
    assert tree(out) == before and {p.name for p in tmp_path.iterdir()} == {"mmm", "mmm.report.jsonl"}


def test_a_folder_that_is_no_release_is_not_replaced(tmp_path):
    (tmp_path / "mmm").mkdir()
    (tmp_path / "mmm" / "thesis.tex").write_text("years of work")
    with pytest.raises(KitError, match="--replace"):
        build_release(some_rows(), tmp_path / "mmm", load())
    assert (tmp_path / "mmm" / "thesis.tex").exists()


def test_a_changed_row_changes_the_file_name(tmp_path):
    build_release(some_rows(), tmp_path / "mmm", load())
    first = set(tree(tmp_path / "mmm"))
    build_release(some_rows(label="自然"), tmp_path / "mmm", load(), inputs={"x": "1"}, replace=True)
    assert not {p for p in first if p.endswith(".parquet")} & set(tree(tmp_path / "mmm"))
    shutil.rmtree(tmp_path / "mmm")


def test_a_swap_that_fails_puts_the_old_release_back(tmp_path, monkeypatch):
    out = tmp_path / "mmm"
    build_release(some_rows(), out, load())
    before = tree(out)
    replace = os.replace

    def failing(source, target):
        if target == out and source.name == "out":
            raise OSError("disk on fire")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk on fire"):
        build_release(some_rows(label="自然"), out, load())
    assert tree(out) == before


def test_the_manifest_counts_empty_and_unread_rows_apart(tmp_path):
    published = {"origin": "published", "split": "train", "raw": ("a", "b")}
    rows = [
        *(dataclasses.replace(row, split="train") for row in some_rows(3)),
        make_record("empty", [], id="e", source_id="e", split="train"),
        dataclasses.replace(make_record("odd", [], id="o", source_id="o", **published), label=None, items=None),
    ]
    config = build_release(rows, tmp_path / "mmm", load(), split="published")["configs"]["ja_scnm"]
    assert (config["items"], config["rows_without_item"], config["rows_not_parsed"]) == (3, 1, 1)


def test_alignment_is_null_unless_a_row_is_a_translation():
    words = load().task_words
    assert to_row(make_record("x", [Item.pair("人名", "x")]), words)["alignment"] is None
    assert to_row(make_record("x", []), words)["alignment"] is None
    assert to_row(make_record("x", [Item.pair("人名", "x", source_item=0)]), words)["alignment"] == [0]


def test_more_rows_than_a_batch_keep_their_sides(tmp_path):
    rows = [dataclasses.replace(r, split="test" if n % 3 else "train") for n, r in enumerate(some_rows(5_000))]
    build_release(rows, tmp_path / "mmm", load())
    for split in ("train", "test"):
        table = pq.read_table(next((tmp_path / "mmm" / "data" / "ja_scnm").glob(f"{split}-*")))
        assert table["id"].to_pylist() == [row.id for row in rows if row.split == split]


def test_an_entity_that_is_not_in_the_text_is_refused(tmp_path):
    with pytest.raises(KitError, match="ja_scnm: record 'r1': '大阪' is not in the text"):
        build_release([make_record("東京", [Item.pair("地名", "大阪")])], tmp_path / "mmm", load())


def test_ids_are_unique_within_a_config_not_over_all(tmp_path):
    rows = [make_record("x", []), make_record("x", [], "Nature", language="en")]
    assert len(build_release(rows, tmp_path / "mmm", load())["configs"]) == 2
