"""The card: who may go by the name of MMM, and a table that stays a table."""

import pytest
import yaml

from build.export import build_release
from cards.dataset_card import _size_category
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
    assert front["license"] == ["cc-by-4.0"] and "license_name" not in front
    front, text = card(tmp_path, licence="my terms", source="a|b")
    assert front["license"] == ["other"] and front["license_name"] == "my terms" and "a\\|b" in text


def test_size_categories():
    assert [_size_category(n) for n in (999, 1_000, 99_999, 680_000, 2_000_000)] == [
        "n<1K",
        "1K<n<10K",
        "10K<n<100K",
        "100K<n<1M",
        "1M<n<10M",
    ]
