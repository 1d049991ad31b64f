"""The YAML of cards against the Hub's rules, as far as they are known offline."""

import pytest
import yaml
from huggingface_hub import DatasetCard, DatasetCardData

from cards.dataset_card import render_card
from cards.errors import CardError
from cards.hub import check, licence_id, size_category, values
from cards.publisher import Publisher
from tests.cards.rendered import front_and_body
from tests.hub.rules import judge

GOOD = {"license": "mit", "language": ["ja"], "tags": ["a"], "task_categories": ["token-classification"]}


@pytest.mark.parametrize("tree", ["demo", "published", "own"])
def test_the_library_and_the_rules_accept_every_card(tree, request):
    folder, registry = request.getfixturevalue(tree)
    card = render_card(folder, registry, Publisher(repository="org/it", version="1.0.0"))
    errors, warnings = judge(card, "datasets")
    assert not errors and not warnings
    front = yaml.safe_load(front_and_body(card)[0])
    read = DatasetCard(card)
    assert read.data.to_dict() == front and DatasetCardData(**front).to_dict() == front
    assert front["size_categories"] == ["n<1K"] and front["pretty_name"]
    assert front["license"] in values()["license"] and set(front["task_categories"]) <= values()["task_categories"]


def test_what_a_card_says_of_where_rows_come_from(demo, published, own):
    fronts = [yaml.safe_load(front_and_body(render_card(*tree))[0]) for tree in (demo, published, own)]
    keys = ("annotations_creators", "multilinguality", "source_datasets", "license")
    assert [[front[key] for key in keys] for front in fronts] == [
        [["expert-generated"], ["multilingual"], ["original"], "cc-by-4.0"],
        [
            ["found"],
            ["multilingual"],
            ["extended|ganchengguang/MMM-dataset-Trainset", "extended|ganchengguang/MMM-datasets-Testset"],
            "other",
        ],
        [["found", "machine-generated"], ["multilingual", "translation"], ["original"], "other"],
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"license": "cc-by-9.0"},
        {"license": ["mit", "nonsense"]},
        {"license": "other"},
        {"license": "other", "license_name": "Two Words", "license_link": "LICENSE.md"},
        {"license": "other", "license_name": "mine"},
        {"task_categories": ["entity-linking-or-so"]},
        {"size_categories": ["few"]},
        {"language": ["Japanese"]},
        {"tags": ["a", 1]},
    ],
)
def test_what_the_hub_would_refuse_is_refused_here(wrong):
    check(GOOD, "it")
    with pytest.raises(CardError, match=f"^it: .*{next(iter(wrong))}"):
        check({**GOOD, **wrong}, "it")


def test_licence_names():
    assert licence_id("CC-BY-NC-SA-4.0") == "cc-by-nc-sa-4.0" and licence_id("MIT") == "mit"
    assert licence_id("other") is None and licence_id("unstated") is None and licence_id("CC-BY-ND-2.1-JP") is None


def test_size_categories():
    names = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M"]
    assert [size_category(n) for n in (999, 1_000, 99_999, 680_000, 2_000_000)] == names
    assert set(names) <= values()["size_categories"]
