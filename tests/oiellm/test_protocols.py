"""Which test rows are evaluated: the same ones for everybody, and known afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.export import build_release
from mmm_dataset import load
from mmm_dataset.evaluation import SIZE, STANDARD, standard_ids, table_1
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.evaluate import protocols
from oiellm.evaluate.protocols import chosen, counts, select
from tests.records import make_record

IDS = [f"r{n}" for n in range(3000)]


@pytest.fixture
def release(demo_release):
    return open_release(demo_release, load())


def test_standard_ids_are_at_most_a_thousand_in_file_order():
    found = standard_ids("ja_scnm", IDS)
    assert len(found) == len(set(found)) == SIZE == 1000
    assert found == sorted(found, key=IDS.index)
    assert standard_ids("ja_scnm", IDS[:7]) == IDS[:7]
    # Fixed for ever: whoever has the rows has these ids.
    assert found[:5] == ["r2", "r4", "r6", "r9", "r10"]


def test_standard_ids_do_not_depend_on_the_order_of_the_rows_and_differ_by_config():
    assert set(standard_ids("ja_scnm", IDS[::-1])) == set(standard_ids("ja_scnm", IDS))
    assert set(standard_ids("en_scnm", IDS)) != set(standard_ids("ja_scnm", IDS))


@given(st.sets(st.integers(0, 99), min_size=1), st.sets(st.integers(100, 150)), st.integers(1, 60))
def test_rows_added_elsewhere_only_push_out_as_many(before, added, size):
    old = set(standard_ids("x", [str(n) for n in sorted(before)], size))
    new = set(standard_ids("x", [str(n) for n in sorted(before | added)], size))
    assert {one for one in new if int(one) < 100} <= old
    assert len(old - new) <= len(added)


def test_table_1_is_the_papers():
    rows = table_1()
    assert len(rows) == 73 and rows[5] == ("ja_scnm", "OIELLM-8B", "84.73", "88.53", "61.93")


def test_standard_takes_the_ids_that_ship(release):
    selection = select(release)
    shipped = json.loads((release.path / STANDARD).read_text())
    assert selection.ids == {name: tuple(ids) for name, ids in shipped.items()}
    assert selection.draws == {name: (ids,) for name, ids in selection.ids.items()} and selection.seed is None
    assert selection.rows == 225 and selection.line == "standard: 225 rows of 21 configs"


@pytest.mark.parametrize("damage", [lambda path: path.write_text("{}"), Path.unlink])
def test_other_ids_than_the_manifests_are_refused(release, tmp_path, damage):
    tree = shutil.copytree(release.path, tmp_path / "mmm")
    damage(tree / STANDARD)
    with pytest.raises(OiellmError, match=r"standard\.json: missing, or not the file that the manifest names"):
        select(open_release(tree, load()))


def test_chosen_gives_the_records_in_file_order(release):
    selection = select(release, ["en_tcree", "ja_scnm"])
    found = list(chosen(release, selection.ids))
    assert [(r.config, r.id) for r in found] == [(name, one) for name, ids in selection.ids.items() for one in ids]
    assert {r.split for r in found} == {"test"} and set(selection.ids) == {"en_tcree", "ja_scnm"}
    assert [r.id for r in chosen(release, {"ja_scnm": [found[-1].id]})] == [found[-1].id]
    with pytest.raises(OiellmError, match="ja_scnm has no test row 'gone'"):
        list(chosen(release, {"ja_scnm": ["gone"]}))


@pytest.fixture
def large(tmp_path):
    """2,500 test rows of one config, 30 of another, none of a third."""

    def rows():
        for name, count, split in (("ja", 2500, "test"), ("en", 30, "test"), ("zh", 3, "train")):
            for n in range(count):
                text = f"{n} {n * 7919 % 10007}"
                label = {"ja": "社会", "en": "Society", "zh": "社会"}[name]
                yield make_record(text, [], label, language=name, id=f"r{n}", source_id=f"{name}{n}", split=split)

    build_release(rows(), tmp_path / "large", load(), split="published")
    return open_release(tmp_path / "large", load())


def test_full_takes_all_and_counts_them(large):
    selection = select(large, protocol="full")
    assert {name: len(ids) for name, ids in selection.ids.items()} == {"ja_scnm": 2500, "en_scnm": 30}
    assert selection.without_test == ("zh_scnm",)
    lines = counts(selection).splitlines()
    assert lines[0].split() == ["ja_scnm", "2,500"] and lines[-1] == "no test rows: zh_scnm"
    assert lines[2].split(None, 2)[2] == "2,530 rows to predict"


def test_standard_is_a_thousand_of_the_large_one(large):
    selection = select(large)
    assert {name: len(ids) for name, ids in selection.ids.items()} == {"ja_scnm": 1000, "en_scnm": 30}


def test_paper_draws_three_thousands_and_the_whole_where_it_is_smaller(large):
    selection = select(large, protocol="paper", seed=5)
    first, second, third = (set(ids) for ids in selection.draws["ja_scnm"])
    assert len(first) == len(second) == len(third) == 1000
    assert first != second != third and first & second  # draws know nothing of each other
    everything = [f"r{n}" for n in range(2500)]
    assert list(selection.ids["ja_scnm"]) == [one for one in everything if one in first | second | third]
    assert selection.draws["en_scnm"] == (tuple(f"r{n}" for n in range(30)),)
    assert selection.line.endswith("draws at most 3, seed 5") and selection.seed == 5


def test_paper_draws_are_seeded(large):
    one = select(large, protocol="paper", draws=1)
    assert one == select(large, protocol="paper", draws=1)
    assert one.draws["ja_scnm"] != select(large, protocol="paper", draws=1, seed=1).draws["ja_scnm"]
    assert one.draws["ja_scnm"] == select(large, protocol="paper").draws["ja_scnm"][:1]
    assert select(large, ["ja_scnm"], "paper", draws=1).draws["ja_scnm"] == one.draws["ja_scnm"]


def test_mistakes(large):
    with pytest.raises(OiellmError, match="zh_scnm: no test rows"):
        select(large, ["ja_scnm", "zh_scnm"])
    with pytest.raises(OiellmError, match="has no config 'xx_scnm'"):
        select(large, ["xx_scnm"])
    with pytest.raises(OiellmError, match="one of standard, full, paper"):
        select(large, protocol="quick")
    with pytest.raises(OiellmError, match="1 draw or more"):
        select(large, protocol="paper", draws=0)


def test_records_hold_nothing_back(release):
    """Every protocol covers the demo data whole: there are fewer than a thousand rows of each config."""
    assert {p: select(release, protocol=p).ids for p in protocols.PROTOCOLS} == dict.fromkeys(
        protocols.PROTOCOLS, select(release, protocol="full").ids
    )
