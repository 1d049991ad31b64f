"""The card: who may go by the name of MMM, and a table that stays a table."""

import pytest
import yaml

from build.export import build_release
from cards.hub import size_category
from cards.reviews import section
from mmm_dataset import Item, load
from tests.records import make_record


def card(folder, **changes):
    rows = (
        make_record(f"東京 {n} {n * 7919}", [Item.pair("地名", "東京", 0, 2)], id=f"r{n}", source_id=f"s{n}", **changes)
        for n in range(30)
    )
    build_release(rows, folder / "mine", load())
    text = (folder / "mine" / "README.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("---\n")[1]), text


@pytest.mark.parametrize(
    "origin, title",
    [
        ("demo", "MMM release kit: demonstration data"),
        ("stand-in", "mine: data in the format of MMM"),
        ("rebuilt", "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"),
    ],
)
def test_only_mmm_is_called_mmm(tmp_path, origin, title):
    front, text = card(tmp_path, origin=origin)
    assert front["pretty_name"] == title and f"# {title}\n" in text
    assert 'load_dataset("mine", "ja_scnm")' in text


def test_licences(tmp_path):
    front, _ = card(tmp_path, licence="CC-BY-4.0")
    assert front["license"] == "cc-by-4.0" and "license_name" not in front
    front, text = card(tmp_path, licence="my terms", source="a|b")
    assert front["license"] == "other" and front["license_name"] == "my-terms" and "a\\|b" in text


def test_size_categories():
    assert [size_category(n) for n in (999, 1_000, 99_999, 680_000, 2_000_000)] == [
        "n<1K",
        "1K<n<10K",
        "10K<n<100K",
        "100K<n<1M",
        "1M<n<10M",
    ]


def review(**changes):
    rate = {"share": 0.115, "low": 0.078, "high": 0.167, "corrected": 23, "rows": 200}
    agreement = {"rows": 0, "reviewers": 0, "share": None, "cohen_kappa": None, "krippendorff_alpha": None}
    values = {"rows": 5343, "reviewers": 2, "decided": 205, "conflicts": 0, "correction_rate": rate}
    return {**values, "correction_rate_by_order": {"risk": rate}, "agreement": agreement, **changes}


def test_what_a_review_found_is_said_with_its_interval_and_agreement():
    said = section({"reviewed": {"review": review()}, "read": {}})
    assert "`reviewed`: 205 of 5,343 rows were decided by 2 people. 11.5% (95 % interval 7.8% to 16.7%)" in said
    assert "not the rate of all rows" in said and "all said the same" not in said
    drawn = {"share": 0.02, "low": 0.01, "high": 0.05, "corrected": 2, "rows": 100}
    agreement = {"rows": 40, "reviewers": 2, "share": 0.9, "cohen_kappa": 0.7, "krippendorff_alpha": None}
    both = {"risk": drawn, "random": drawn}
    said = section({"a": {"review": review(correction_rate_by_order=both, agreement=agreement, conflicts=4)}})
    assert (
        "Of 100 rows shown in random order, which speak for all rows, it is 2.0% (95 % interval 1.0% to 5.0%)." in said
    )
    assert "On 40 rows decided by several, all said the same in 90.0% (Cohen's kappa 0.70)." in said
    assert "4 rows on which they differed were left out." in said and "not the rate" not in said


def test_a_card_says_nothing_of_reviews_that_were_not():
    assert section({"read": {}, "reviewed": {"review": review(decided=0)}}) == ""
