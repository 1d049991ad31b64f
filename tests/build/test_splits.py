"""Which side a row is on."""

import dataclasses

import pytest

from build.core import KitError
from build.splits import Ledger, unit
from cards.built import leakage_line
from mmm_dataset import load
from tests.records import make_record

CONFIGS = [("ja", "scpos_adj"), ("ja", "scpos_n"), ("en", "scpos_adj"), ("zh", "scpos_adj_n")]


def rows(count, tasks=CONFIGS, text="row number {n} of a longer text in {c}, word {m}", **changes):
    for n in range(count):
        for language, task in tasks:
            config = f"{language}_{task}"
            yield make_record(
                text.format(n=n, c=config, m=n * 7919 % 10007),
                [],
                "positive",
                task,
                "Sentiment N",
                language,
                id=f"{config}-{n}",
                source="jrte-pn",
                source_id=f"s{n}",
                **{"origin": "own", **changes},
            )


def sides(records, method="hash"):
    ledger = Ledger(load())
    records = list(records)
    for record in records:
        ledger.add(record)
    test, report = ledger.assign(ledger.method(method))
    return {record.id: bool(side) for record, side in zip(records, test)}, report


def test_translations_and_siblings_share_a_side():
    found, report = sides(rows(300, text="{n} {m} abcdefgh {c} " + "x{n}y{m}" * 5))
    for n in range(300):
        assert len({found[f"{language}_{task}-{n}"] for language, task in CONFIGS}) == 1
    assert report["source_item"]["test_rows"] == 0


def test_sizes_come_out_near_the_share():
    unlike = "{n} {m} {n}{m}{n} q{m}w{n} {c} z{m}{m}"
    found, _ = sides(rows(2000, CONFIGS[:1], text=unlike))
    train = sum(not side for side in found.values()) / len(found)
    assert abs(train - load().share("scpos")) < 0.03


def test_more_rows_move_none():
    text = "{n} {m} {n}{m}{n} q{m}w{n} {c} z{m}{m}"
    before, _ = sides(rows(300, text=text))
    after, _ = sides(rows(900, text=text))
    assert all(after[name] == side for name, side in before.items())


def test_order_does_not_matter():
    forward, _ = sides(rows(200))
    backward, _ = sides(reversed(list(rows(200))))
    assert forward == backward


def test_near_duplicates_stay_together_and_only_ever_move_to_train():
    records = list(rows(200, CONFIGS[:1], text="{n}{m} {n}{m}{n} q{m}w{n} {c} z{m}{m} unlike the others {m}{n}{m}"))
    alone, _ = sides(records)
    twins = [
        dataclasses.replace(r, id=f"twin-{r.id}", source_id=f"twin-{r.source_id}", text=r.text + "!")
        for r in records[:100]
    ]
    together, report = sides([*records, *twins])
    for record, twin in zip(records, twins):
        assert together[record.id] == together[twin.id]
    assert report["near"]["test_rows"] == 0
    moved = [name for name, side in alone.items() if together[name] != side]
    assert moved and all(alone[name] and not together[name] for name in moved)


def test_a_translation_of_a_near_duplicate_does_not_cross_either():
    unlike = "{n}{m} {n}{m}{n} q{m}w{n} {c} z{m}{m} unlike the others {m}{n}{m}"
    japanese = list(rows(120, CONFIGS[:1], text=unlike))
    english = list(rows(120, CONFIGS[2:3], text="translated {m}{m}{m} {n} {c} {n}{n}"))
    twins = [
        dataclasses.replace(r, id=f"twin-{r.id}", source_id=f"twin-{r.source_id}", text=r.text + "!") for r in japanese
    ]
    found, report = sides([*english, *japanese, *twins])
    for row, translation, twin in zip(japanese, english, twins):
        assert found[row.id] == found[translation.id] == found[twin.id]
    assert report["source_item"]["test_rows"] == report["near"]["test_rows"] == 0


def test_table3_needs_a_row_more_than_it_trains():
    with pytest.raises(KitError, match="1000 rows cannot give Table 3's 1000 train rows"):
        sides(rows(1000, CONFIGS[:1]), "table3")


def test_table3_gives_exact_sizes_and_reports_what_crosses():
    found, report = sides(rows(1500), "table3")
    for language, task in CONFIGS:
        names = [name for name in found if name.startswith(f"{language}_{task}-")]
        assert sum(not found[name] for name in names) == 1000
    assert report["source_item"]["test_rows"] == 0
    _, report = sides([*rows(1400, [("ja", "scpos_rw")]), *rows(1400, [("en", "scpos_rw")])], "table3")
    assert report["source_item"]["by_config"] == {"en_scpos_rw": 500}  # ja trains 1,000 of them, en 500


def test_table3_that_does_not_fit_says_so():
    with pytest.raises(KitError, match="ja_scpos_adj: 5 rows cannot give Table 3's 1000 train rows"):
        sides(rows(5), "table3")


def test_published_sides_are_kept_and_leakage_is_only_reported():
    records = [
        dataclasses.replace(r, split="test" if n % 2 else "train")
        for n, r in enumerate(rows(4, CONFIGS[:1], text="the very same text"))
    ]
    found, report = sides(records, "published")
    assert list(found.values()) == [False, True, False, True]
    assert report["exact"]["test_rows"] == report["near"]["test_rows"] == 2
    assert report["exact"]["by_config"] == {"ja_scpos_adj": 2}
    assert report["exact"]["examples"][0] == {"test": "ja_scpos_adj-1", "train": "ja_scpos_adj-0"}
    for example in report["exact"]["examples"]:
        assert found[example["test"]] and not found[example["train"]]
    assert leakage_line(report) == "2 exact, 2 near-duplicate, 0 same source item"


def test_published_needs_a_side_and_methods_have_names():
    with pytest.raises(KitError, match="says neither train nor test"):
        sides(rows(2), "published")
    with pytest.raises(KitError, match="no split method 'random'"):
        sides(rows(2), "random")


def test_auto_keeps_a_split_that_is_there():
    own = [dataclasses.replace(r, split="test" if n < 3 else "train") for n, r in enumerate(rows(9, CONFIGS[:1]))]
    found, _ = sides(own, "auto")
    assert list(found.values()) == [True] * 3 + [False] * 6
    none = list(rows(30, CONFIGS[:1]))
    assert sides(none, "auto")[0] == sides(none, "hash")[0]
    with pytest.raises(KitError, match="9 of 30 rows say train or test, 'ja_scpos_adj-9' and others do not"):
        sides([*own, *none[9:]], "auto")


@pytest.mark.parametrize("method", ["hash", "table3"])
def test_the_authors_rows_are_never_split_anew(method):
    with pytest.raises(KitError, match="use --split published"):
        sides([dataclasses.replace(r, origin="published", split="test") for r in rows(3)], method)
    with pytest.raises(KitError, match="use --split published"):
        sides(rows(3, origin="published"), "auto")


def test_source_items_of_two_sources_are_two():
    a, b = make_record("x", [], source="jrte-pn"), make_record("x", [], source="marc-ja")
    assert unit(a) != unit(b) and unit(a) == unit(dataclasses.replace(a, language="en", text="y"))


def test_embedded_rows_have_a_share_of_their_own():
    text = "{n} {m} {n}{m}{n} q{m}w{n} {c} z{m}{m}"
    found, _ = sides(rows(1000, CONFIGS[:1], text=text, origin="demo"))
    assert abs(sum(not side for side in found.values()) / 1000 - load().share("demo")) < 0.05
