"""What is counted: the same as by hand, row by row, and nothing that is not there."""

import json
import shutil
import statistics
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.errors import CardError
from cards.stats import Spread, stats, together


def by_hand(path):
    rows = pq.read_table(path).to_pylist()
    read = [row for row in rows if row["entities"] is not None or row["tuples"] is not None]
    items = [(row["task_word"], item["label"]) for row in read for item in [*row["entities"], *row["tuples"]]]
    spans = [
        span for row in read for span in [*row["entities"], *(a for item in row["tuples"] for a in item["arguments"])]
    ]
    return {
        "rows": len(rows),
        "labels": Counter(row["label"] for row in rows if row["label"] is not None),
        "items": Counter(items),
        "lengths": Counter(len(row["text"]) for row in rows),
        "per_row": Counter(len(row["entities"]) + len(row["tuples"]) for row in read),
        "unread": len(rows) - len(read),
        "unplaced": sum(span["start"] is None for span in spans),
    }


@pytest.mark.parametrize("tree", ["demo", "published", "own"])
def test_counts_are_those_by_hand(tree, request):
    folder, _ = request.getfixturevalue(tree)
    found, configs = stats(folder), json.loads((folder / "manifest.json").read_text())["configs"]
    assert list(found) == list(configs)
    for name, sides in found.items():
        assert list(sides) == list(configs[name]["files"])
        for split, side in sides.items():
            wanted = by_hand(folder / configs[name]["files"][split]["path"])
            items = Counter({(word, label): n for word, labels in side.items.items() for label, n in labels.items()})
            assert (side.rows, side.labels, items) == (wanted["rows"], wanted["labels"], wanted["items"])
            assert (side.lengths.counts, side.per_row.counts) == (wanted["lengths"], wanted["per_row"])
            assert (side.unread, side.unplaced) == (wanted["unread"], wanted["unplaced"])
        assert together(sides.values()).item_count == configs[name]["items"]


def test_published_rows_that_cannot_be_read_are_counted(published):
    whole = together(side for sides in stats(published[0]).values() for side in sides.values())
    assert whole.unread == 1 and whole.unplaced == 1


@given(st.lists(st.integers(0, 50), min_size=1), st.floats(0, 1))
def test_quantiles(values, share):
    spread = Spread(Counter(values))
    assert spread.quantile(1.0) == max(values) and spread.quantile(0.5) == statistics.median_low(values)
    found = spread.quantile(share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert found in values and spread.mean == pytest.approx(statistics.mean(values))


def test_nothing_has_no_mean():
    assert (Spread().mean, Spread().quantile(0.5), Spread().total) == (0.0, 0, 0)


def test_rebuilt_files_are_counted_again(demo_release, tmp_path):
    tree = tmp_path / "mmm"
    shutil.copytree(demo_release, tree)
    path = tree / json.loads((tree / "manifest.json").read_text())["configs"]["en_scnm"]["files"]["test"]["path"]
    before = stats(tree)["en_scnm"]["test"].rows
    pq.write_table(pq.read_table(path).slice(1), path)
    assert stats(tree)["en_scnm"]["test"].rows == before - 1


@pytest.mark.parametrize("spoil", ["gone", "garbage"])
def test_a_file_that_cannot_be_counted_is_named(demo_release, tmp_path, spoil):
    tree = tmp_path / "mmm"
    shutil.copytree(demo_release, tree)
    path = tree / json.loads((tree / "manifest.json").read_text())["configs"]["zh_tcree"]["files"]["test"]["path"]
    if spoil == "gone":
        path.unlink()
    else:
        path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(CardError, match=path.name) as error:
        stats(tree)
    assert "\n" not in str(error.value)
