"""Which rows train: those of the release and one's own, never a test row."""

import dataclasses
import json
import shutil
from collections import Counter

import pytest

from build.export import build_release
from build.splits import Shares
from mmm_dataset import Item, Record, load, to_dict
from mmm_dataset.manifest import ManifestError
from oiellm import OiellmError
from oiellm.data import mixture, open_release, own_records, strings, without_hard_negatives
from tests.records import make_record


@pytest.fixture(scope="module")
def release(demo_release):
    return open_release(demo_release, load())


@pytest.fixture
def own_copy(demo_release, tmp_path):
    return shutil.copytree(demo_release, tmp_path / "mmm")


def write(path, records):
    path.write_text("".join(json.dumps(to_dict(record)) + "\n" for record in records), encoding="utf-8")
    return path


def test_all_rows_of_both_sides_come_as_records(release):
    train = {record.id for record in release.records("en_scnm", "train")}
    test = {record.id for record in release.records("en_scnm", "test")}
    assert (len(train), len(test)) == (release.size("en_scnm", "train"), release.size("en_scnm", "test"))
    assert train and test and not train & test
    assert {record.split for record in release.records("en_scnm", "test")} == {"test"}


def test_the_mixture_is_the_train_rows_of_every_config(release):
    found = Counter(record.config for record in mixture(release))
    assert found == {name: release.size(name, "train") for name in release.configs}
    assert len(found) == 21


def test_test_rows_are_refused_by_id_wherever_they_come_from(release, tmp_path):
    test_row = next(release.records("ja_tcree", "test"))
    with pytest.raises(OiellmError, match=f"{test_row.id}.*ja_tcree is a test row.*must not train"):
        mixture(release, records=[write(tmp_path / "own.jsonl", [test_row])])
    disguised = {**to_dict(test_row), "split": None, "text": test_row.text + " ", "items": []}
    (tmp_path / "own.jsonl").write_text(json.dumps(disguised), encoding="utf-8")
    with pytest.raises(OiellmError, match="is a test row"):
        mixture(release, configs=["en_scnm"], records=[tmp_path / "own.jsonl"])


def test_validation_rows_train_no_more_than_test_rows(tmp_path):
    rows = [make_record(f"{n} {n * 7919 % 10007} in q{n}w", [], id=f"r{n}", source_id=f"s{n}") for n in range(60)]
    build_release(rows, tmp_path / "own", load(), shares=Shares(0.5, 0.3))
    release = open_release(tmp_path / "own", load())
    held_out = list(release.records("ja_scnm", "validation"))
    assert len(held_out) > 0 and {row.split for row in held_out} == {"validation"}
    assert not {row.id for row in mixture(release)} & {row.id for row in held_out}
    renamed = dataclasses.replace(held_out[0], id="mine", split=None)
    for row, message in ((held_out[0], "is a validation row"), (renamed, "has the text of validation row")):
        with pytest.raises(OiellmError, match=message):
            mixture(release, records=[write(tmp_path / "own.jsonl", [row])])


def test_a_test_row_of_other_data_is_refused_too(release, tmp_path):
    row = {**to_dict(next(release.records("en_scnm", "train"))), "id": "mine", "split": "test"}
    (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(OiellmError, match="'mine' of en_scnm is a test row"):
        mixture(release, records=[tmp_path / "own.jsonl"])


def test_the_text_of_a_test_row_is_refused_under_another_id(release, tmp_path):
    row = {**to_dict(next(release.records("en_scnm", "test"))), "id": "mine", "split": None}
    (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(OiellmError, match="'mine' has the text of test row"):
        mixture(release, records=[tmp_path / "own.jsonl"])


def test_records_of_an_unknown_config_are_refused(release, tmp_path):
    row = {**to_dict(next(release.records("en_scnm", "train"))), "id": "mine", "language": "fr"}
    (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(OiellmError, match="'mine': no config 'fr_scnm'; name its registry"):
        mixture(release, records=[tmp_path / "own.jsonl"])


def test_rows_without_annotation_do_not_train(release, tmp_path):
    bare = {**to_dict(next(release.records("en_scnm", "train"))), "id": "mine", "items": None}
    (tmp_path / "own.jsonl").write_text(json.dumps(bare), encoding="utf-8")
    with pytest.raises(OiellmError, match="'mine': no label or no items yet"):
        mixture(release, records=[tmp_path / "own.jsonl"])


def test_weights_repeat_and_rows_limit(release):
    count = release.size("en_scnm", "train")
    found = Counter(r.id for r in mixture(release, configs=["en_scnm"], weights={"en_scnm": 2.5}, seed=1))
    assert sorted(found.values()) == [2] * (count - round(count / 2)) + [3] * round(count / 2)
    half = mixture(release, configs=["en_scnm", "ja_scnm"], weights={"en_scnm": 0.5, "ja_scnm": 0})
    assert Counter(record.config for record in half) == {"en_scnm": round(count / 2)}
    few = mixture(release, configs=["en_scnm", "ja_scnm"], rows=5, seed=1)
    assert Counter(record.config for record in few) == {"en_scnm": 5, "ja_scnm": 5}
    assert few == mixture(release, configs=["en_scnm", "ja_scnm"], rows=5, seed=1)
    assert few != mixture(release, configs=["en_scnm", "ja_scnm"], rows=5, seed=2)


def test_mistakes_say_what_there_is(release, tmp_path, own_copy):
    with pytest.raises(OiellmError, match="no config 'en_sncm'; it has: ja_scnm"):
        mixture(release, configs=["en_sncm"])
    with pytest.raises(OiellmError, match="weights: no config 'x'"):
        mixture(release, weights={"x": 1.0})
    with pytest.raises(OiellmError, match="python3 -m build main"):
        open_release(tmp_path / "nowhere", load())
    with pytest.raises(OiellmError, match=r"authors' 42 files.*build import"):
        open_release("published", load())
    with pytest.raises(ManifestError, match="no manifest.json"):
        open_release(tmp_path, load())
    (tmp_path / "own.jsonl").write_text('{"id": 1}\n{', encoding="utf-8")
    with pytest.raises(OiellmError, match=r"own\.jsonl:1: no record"):
        list(own_records(tmp_path / "own.jsonl"))


def test_a_changed_data_file_is_noticed(own_copy):
    release = open_release(own_copy, load())
    file = own_copy / release.manifest["configs"]["en_scnm"]["files"]["train"]["path"]
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(OiellmError, match="not the file that manifest.json names"):
        list(release.records("en_scnm", "train"))
    file.unlink()
    with pytest.raises(OiellmError, match="missing"):
        list(release.records("en_scnm", "train"))


def test_the_strings_are_the_columns_of_the_release(release):
    record = next(release.records("en_tconer", "train"))
    line, output = strings(record, release.registry)
    assert line == record.text + "/NER" and output.startswith(f"{record.label}/NER/")
    closed, same = strings(record, release.registry, ["a:b", "c"])
    assert closed == record.text + r"/a\:b;c/NER" and same == output


def test_hard_negatives_are_rows_without_items_that_hold_a_word_of_another_row():
    def row(number: int, text: str, *names: str, language: str = "ja") -> Record:
        items = [Item.pair("人名", name, text.index(name), text.index(name) + len(name)) for name in names]
        return make_record(text, items, id=f"r{number}", language=language)

    rows = [
        row(0, "渡辺は来た。", "渡辺"),
        row(1, "渡辺橋を渡る。"),  # hard: 渡辺 is an item of row 0
        row(2, "橋を渡る。"),
        row(3, "田中と渡辺。", "田中"),  # has an item
        row(4, "渡辺橋。", language="zh"),  # of another config
    ]
    assert [one.id for one in without_hard_negatives(rows)] == ["r0", "r2", "r3", "r4"]
    assert without_hard_negatives(rows[1:3]) == rows[1:3]
