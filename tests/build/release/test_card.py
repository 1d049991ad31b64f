"""What people wrote on a card is kept; what cannot be kept stops the release."""

import pytest
import yaml

from build.core import KitError
from build.release.card import merge_card
from cards.markdown import BEGIN, END

WHERE = "datasets/mmm: README.md"


def card(
    front: str = "license: cc-by-4.0\ntags:\n- a\n", sizes: str = "10 rows", words: str = "", more: str = ""
) -> str:
    return f"---\n{front}---\n\n# MMM\n\n{sizes}\n\n{BEGIN}\n{words}{END}\n\n## Citation\n{more}"


def test_nothing_there_and_nothing_edited():
    assert merge_card(card(sizes="12 rows"), None, None, WHERE) == card(sizes="12 rows")
    assert merge_card(card(sizes="12 rows"), card(), card(), WHERE) == card(sizes="12 rows")
    windows = card().replace("\n", "\r\n")
    assert merge_card(card(), card(), windows, WHERE) == windows  # no change of theirs, none of ours
    assert merge_card(card(sizes="12 rows"), card(), windows, WHERE) == card(sizes="12 rows")


def test_words_in_the_zone_outlive_a_new_card():
    theirs = card(words="Ours is the *best*.\n\n\\1 of all\n")
    merged = merge_card(card(sizes="12 rows"), card(), theirs, WHERE)
    assert merged == card(sizes="12 rows", words="Ours is the *best*.\n\n\\1 of all\n")
    assert merge_card(card(sizes="14 rows"), card(sizes="12 rows"), merged, WHERE) == card(
        sizes="14 rows", words="Ours is the *best*.\n\n\\1 of all\n"
    )


def test_keys_that_people_added_changed_or_removed_stay_so():
    base = "license: cc-by-4.0\ntags:\n- a\nviewer: true\n"
    theirs = card("license: cc-by-4.0\ntags:\n- a\n- mine\narxiv: 2407.10953\n")
    ours = card("license: cc-by-4.0\ntags:\n- a\nviewer: true\nsize: big\n")
    front = yaml.safe_load(merge_card(ours, card(base), theirs, WHERE).split("---")[1])
    assert front == {"license": "cc-by-4.0", "tags": ["a", "mine"], "arxiv": 2407.10953, "size": "big"}


def test_a_key_that_both_changed_is_refused():
    with pytest.raises(KitError, match="'tags' was edited there, and this release changes it as well"):
        merge_card(card("tags:\n- b\n"), card("tags:\n- a\n"), card("tags:\n- mine\n"), WHERE)
    same = card("tags:\n- b\n")
    assert merge_card(same, card("tags:\n- a\n"), same, WHERE) == same


@pytest.mark.parametrize("theirs", [card(sizes="ten rows"), card(more="Cite me.\n"), card().replace("# MMM\n", "")])
def test_words_outside_of_the_zone_stop_the_release(theirs):
    with pytest.raises(KitError, match="edited outside of the zone") as error:
        merge_card(card(sizes="12 rows"), card(), theirs, WHERE)
    assert "\n" not in str(error.value) and WHERE in str(error.value)


def test_a_card_from_before_the_kit_becomes_words_of_ones_own():
    theirs = "---\nlicense: mit\ngated: true\n---\nMy data.\n"
    merged = merge_card(card(), None, theirs, WHERE)
    assert f"{BEGIN}\nMy data.\n{END}" in merged
    assert yaml.safe_load(merged.split("---")[1]) == {"license": "cc-by-4.0", "gated": True, "tags": ["a"]}


def test_a_new_space_has_a_card_that_says_nothing():
    stub = (
        "---\nsdk: gradio\n---\n\nCheck out the configuration reference at "
        "https://huggingface.co/docs/hub/spaces-config-reference\n"
    )
    assert "configuration reference" not in merge_card(card(), None, stub, WHERE)


def test_words_without_a_zone_for_them_are_not_lost():
    with pytest.raises(KitError, match="no zone for them"):
        merge_card("# Bare\n", None, "# Mine\n", WHERE)


def test_words_beside_the_mark_and_yaml_that_is_none():
    theirs = card().replace(f"{BEGIN}\n{END}", f"{BEGIN}my words {END}")
    assert merge_card(card(), card(), theirs, WHERE) == theirs
    assert "my words" in merge_card(card(sizes="12 rows"), card(), theirs, WHERE)
    with pytest.raises(KitError, match=f"{WHERE}: what stands between .* is no YAML"):
        merge_card(card(), card(), "---\na: [\n---\n# MMM\n", WHERE)
