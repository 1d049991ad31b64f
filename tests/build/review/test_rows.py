"""The file under review: what is read, what is refused, and in which order rows are shown."""

import hashlib
import json
import tracemalloc

import pytest

from build.annotate.outcome import RUNG as ANNOTATE
from build.core import KitError
from build.review.rows import ReviewFile, digest
from build.review.rules import reasons, weights
from build.translate.ladder import NO_COUNTERPART, REPAIR_LEVELS
from build.translate.paper import PAPER
from build.translate.rows import MERGED
from build.translate.rules import CHECKS, LADDER
from mmm_dataset import from_dict, to_dict
from mmm_dataset.files import dump
from oiellm.files import read_toml
from tests.build.review.review_files import review_file, review_row, target_record, write_rows


def test_rows_come_back_as_they_were_written(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    assert len(file) == 10
    row = file[5]
    assert row.target == target_record(5)
    assert row.source.text == "第5回の祭りは大阪で開かれ、山田花子が話した。"
    assert [(flag.check, flag.start, flag.end) for flag in row.flags] == [("numbers", 1, 2)]
    assert file.find("zh_scnm", "zh-5") == 5
    assert file.find("zh_scnm", "nobody") is None


def test_plain_records_open_as_well_blank_lines_and_byte_order_mark_included(tmp_path):
    path = tmp_path / "records.jsonl"
    lines = ["\ufeff" + json.dumps(to_dict(target_record(0))), "", json.dumps(to_dict(target_record(1)))]
    path.write_text("\n".join(lines), encoding="utf-8")
    file = ReviewFile(path)
    assert [file[n].target.id for n in range(2)] == ["zh-0", "zh-1"]
    assert file[1].source is None
    assert file[1].risk == pytest.approx(weights().base)


@pytest.mark.parametrize(
    "line, message",
    [
        ("[]", "a list where a row"),
        ("{", "not JSON"),
        ({**review_row(1), "color": 1}, "unknown key 'color'"),
        ({**review_row(1), "risk": 2}, "risk must be"),
        ({**review_row(1), "target": 3}, "must be records"),
        ({**review_row(1), "rung": 3}, "rung must be"),
        ({**review_row(1), "flags": [{"check": "x", "start": 0, "end": 999}]}, "outside of the text"),
        ({**review_row(1), "flags": [{"check": "x", "start": 0, "end": None}]}, "outside of the text"),
        ({**review_row(1), "flags": ["x"]}, "a flag must be"),
        (review_row(0), "the id 'zh-0' is in zh_scnm already"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    path = write_rows(tmp_path / "review.jsonl", [review_row(0)])
    with path.open("a", encoding="utf-8") as file:
        file.write(line if isinstance(line, str) else json.dumps(line))
    with pytest.raises(KitError, match=message) as caught:
        ReviewFile(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)


def test_a_missing_and_an_empty_file_are_one_line(tmp_path):
    with pytest.raises(KitError, match="no such file"):
        ReviewFile(tmp_path / "nowhere.jsonl")
    with pytest.raises(KitError, match="no rows to review"):
        ReviewFile(write_rows(tmp_path / "review.jsonl", []))


def test_the_riskiest_rows_come_first_and_the_files_own_risk_counts(tmp_path):
    rows = [review_row(n, flags=[], rung="tagged") for n in range(6)]
    rows[2]["flags"] = [{"check": "residual_kana", "detail": "", "start": None, "end": None}]
    rows[3]["flags"] = rows[2]["flags"] * 2
    rows[4]["rung"] = "no_counterpart"
    rows[5]["risk"] = 0.999
    file = ReviewFile(write_rows(tmp_path / "review.jsonl", rows))
    assert list(file.order("risk")) == [5, 3, 2, 4, 0, 1]
    assert list(file.order("file")) == list(range(6))
    assert sorted(file.order("random")) == list(range(6))


def test_the_random_order_is_that_of_the_ids_so_a_rebuild_keeps_it(tmp_path):
    file = ReviewFile(write_rows(tmp_path / "a.jsonl", [review_row(n) for n in range(50)]))
    again = ReviewFile(write_rows(tmp_path / "b.jsonl", [review_row(n) for n in reversed(range(50))]))
    ids = [file[n].target.id for n in file.order("random")]
    assert ids == [again[n].target.id for n in again.order("random")]
    assert ids != sorted(ids) and ids != [f"zh-{n}" for n in range(50)]


def test_the_digest_is_of_what_the_record_says(tmp_path):
    row = review_row(1)
    turned = {**row, "target": dict(reversed(row["target"].items())), "rung": "span"}
    other = {**row, "target": {**row["target"], "label": "学术"}}
    files = [ReviewFile(write_rows(tmp_path / f"{n}.jsonl", [r])) for n, r in enumerate((row, turned, other))]
    digests = [file.sha256(0) for file in files]
    assert digests[0] == digests[1] != digests[2]


def test_texts_stay_on_the_disk(tmp_path):
    long = "東京" * 5_000
    rows = (
        review_row(n, target={**to_dict(target_record(n)), "text": long, "items": []}, flags=[]) for n in range(400)
    )
    path = write_rows(tmp_path / "review.jsonl", rows)
    tracemalloc.start()
    file = ReviewFile(path)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert path.stat().st_size > 10_000_000
    assert held < 500_000
    assert file[399].target.text == long


def test_shipped_rules_are_valid_and_a_wrong_weight_is_named(tmp_path):
    assert "wrong_meaning" in reasons()
    path = tmp_path / "risk.toml"
    path.write_text("base = 2\nother_check = 0\nother_rung = 0\n[check]\n[rung]\n")
    with pytest.raises(KitError, match=r"risk.toml: 2 is no weight"):
        weights(path)
    path.write_text("base = 0\n")
    with pytest.raises(KitError, match="other_check"):
        weights(path)


def test_all_that_a_translation_says_of_a_row_has_a_weight_and_what_is_new_has_a_default():
    rules = weights()
    assert {NO_COUNTERPART, MERGED, *read_toml(CHECKS)} - {LADDER} <= set(rules.check)
    assert set(rules.rung) == {*REPAIR_LEVELS, PAPER, ANNOTATE}
    base = rules.risk((), "")
    assert rules.risk(("new",), "") == pytest.approx(1 - (1 - base) * (1 - rules.other_check))
    assert rules.risk((), "new") == pytest.approx(1 - (1 - base) * (1 - rules.other_rung))


def test_decisions_made_under_the_old_name_of_an_origin_still_hold():
    row = to_dict(target_record(1, origin="own")) | {"origin": "stand-in"}
    assert digest(from_dict(row)) == hashlib.sha256(dump(row).encode()).hexdigest()
