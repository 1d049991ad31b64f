"""Each set of labels once, whatever tasks and languages use it."""

from collections import Counter

import pytest

from cards.labels import TOP, inventories
from cards.stats import Side, stats
from mmm_dataset import load


@pytest.fixture(scope="module")
def sets(demo):
    return {one.title: one for one in inventories(stats(demo[0]), demo[1])}


def test_tasks_of_one_family_share_their_sets(sets):
    scpos = sets["SCPOS: text-level labels"]
    assert scpos.tasks == ["scpos_rw", "scpos_adj_n", "scpos_adj", "scpos_n"]
    assert scpos.totals == {"ja": 176, "en": 176, "zh": 176} and not scpos.others
    assert len(sets) == 9 and "TCREE, Event Extraction: labels of items" in sets


def test_a_label_has_all_its_spellings_and_counts(sets):
    literature = sets["SCNM: text-level labels"].entries[1]
    assert literature.spellings == ["文芸", "Literature", "文艺"]
    assert [literature.labels[code].provenance for code in ("ja", "en", "zh")] == ["card", "card", "ours"]
    assert literature.counts == {"ja": 9, "en": 9, "zh": 9}


def test_aliases_count_and_strange_labels_are_told_apart():
    side = Side(labels=Counter({"Literature and Art": 2, "Literature": 1, "Nonsense": 4}))
    found = inventories({"en_scnm": {"test": side}}, load())[0]
    assert {entry.key: entry.counts["en"] for entry in found.entries if entry.counts} == {"literature": 3}
    assert found.others == {"en": 4} and found.totals == {"en": 7}


def test_of_an_open_set_every_language_is_shown(sets):
    for title in ("TCONER: text-level labels", "TCONER: labels of items"):
        found = sets[title]
        assert not found.closed and len(found.entries) == TOP
        assert all(any(entry.counts[code] for entry in found.entries) for code in ("ja", "en", "zh"))


def test_a_text_label_that_all_rows_have_is_no_set_of_labels():
    side = Side(labels=Counter({"text": 3}), items={"NER": Counter({"PER": 2})})
    (found,) = inventories({"de_ner-only": {"test": side}}, load("ner-only"))
    assert found.level == "NER" and found.totals == {"de": 2}
