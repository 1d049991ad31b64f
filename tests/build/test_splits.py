"""Which side a row is on."""

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from build.core import KitError
from build.splits import TEST, TRAIN, VALIDATION, Ledger, Shares, parse_shares, unit
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


def assigned(records, shares=None, method="hash"):
    ledger = Ledger(load(), shares)
    records = list(records)
    for record in records:
        ledger.add(record)
    splits, report = ledger.assign(ledger.method(method))
    return {record.id: int(split) for record, split in zip(records, splits)}, report


def sides(records, method="hash"):
    found, report = assigned(records, None, method)
    assert VALIDATION not in found.values()
    return {name: split == TEST for name, split in found.items()}, report


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
    for one in report["exact"]["examples"]:
        assert found[one["test"]] and not found[one["train"]]
    assert leakage_line(report) == "2 exact, 2 near-duplicate, 0 same source item"


def test_published_needs_a_side_and_methods_have_names():
    with pytest.raises(KitError, match="has no split"):
        sides(rows(2), "published")
    with pytest.raises(KitError, match="no split method 'random'"):
        sides(rows(2), "random")


def test_auto_keeps_a_split_that_is_there():
    own = [dataclasses.replace(r, split="test" if n < 3 else "train") for n, r in enumerate(rows(9, CONFIGS[:1]))]
    found, _ = sides(own, "auto")
    assert list(found.values()) == [True] * 3 + [False] * 6
    none = list(rows(30, CONFIGS[:1]))
    assert sides(none, "auto")[0] == sides(none, "hash")[0]
    with pytest.raises(KitError, match="9 of 30 rows have a split, 'ja_scpos_adj-9' and others have none"):
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


UNLIKE = "{n} {m} {n}{m}{n} q{m}w{n} {c} z{m}{m}"


def fractions(found):
    return [round(list(found.values()).count(split) / len(found), 2) for split in (TRAIN, VALIDATION, TEST)]


def own_rows(count, **changes):
    return rows(count, [("en", "tconer")], UNLIKE, **changes)


def test_one_s_own_data_train_by_four_fifths():
    registry = load()
    assert registry.share("mine") == registry.share("xsid") == 0.8
    assert [registry.share(name) for name in ("scnm", "scpos", "tcree", "tconer")] == [0.2, 0.2, 0.4, 0.2]


@pytest.mark.parametrize("shares", [Shares(0.8, 0.1), Shares(0.6, 0.4), Shares(0.5), Shares(0.9, 0.05)])
def test_shares_are_reached(shares):
    found, _ = assigned(own_rows(2000), shares)
    wanted = [shares.train, shares.validation, 1 - shares.train - shares.validation]
    assert all(abs(x - y) < 0.03 for x, y in zip(fractions(found), wanted))
    plain, _ = assigned(own_rows(2000), Shares(shares.train))  # validation is taken from test, train stays
    assert [name for name, split in plain.items() if split == TRAIN] == [n for n, s in found.items() if s == TRAIN]


def test_a_group_goes_to_the_first_split_that_any_member_is_in():
    alone, _ = assigned(records := list(own_rows(300)), Shares(0.4, 0.3))
    pairs = [(records[n], dataclasses.replace(records[n + 1], text=records[n].text + "!")) for n in range(0, 300, 2)]
    together, report = assigned([row for pair in pairs for row in pair], Shares(0.4, 0.3))
    for one, other in pairs:
        assert together[one.id] == together[other.id] == min(alone[one.id], alone[other.id])
    assert set(together.values()) == {TRAIN, VALIDATION, TEST}
    assert all(part["test_rows"] == part["validation_rows"] == 0 for part in report.values())


def test_what_leaks_into_validation_is_counted():
    names = ["train", "validation", "validation", "test"]
    records = [dataclasses.replace(r, split=s) for r, s in zip(rows(4, CONFIGS[:1], text="the very same text"), names)]
    _, report = assigned(records, method="published")
    assert report["exact"]["validation_rows"] == report["near"]["validation_rows"] == 2
    assert report["exact"]["test_rows"] == 1 and report["source_item"]["validation_rows"] == 0


@pytest.mark.parametrize(
    "splits, share, wanted",
    [
        (None, None, None),
        ("80/10/10", None, Shares(0.8, 0.1)),
        ("80/20", None, Shares(0.8)),
        (".7/.2/.1", None, Shares(0.7, 0.2)),
        (None, "0.9", Shares(0.9)),
    ],
)
def test_shares_as_they_are_typed(splits, share, wanted):
    found = parse_shares(splits, share)
    assert (found is None) == (wanted is None)
    if found:
        assert (round(found.train, 9), round(found.validation, 9)) == (wanted.train, wanted.validation)


@given(st.text("0123456789./-einfa %", max_size=9), st.booleans())
@example("80/10/20", True)
@example("0/50/50", True)
@example("100", True)
@example("80/-10/30", True)
@example("nan/nan", True)
@example("80", False)
def test_other_shares_are_refused(text, as_splits):
    try:
        found = parse_shares(text, None) if as_splits else parse_shares(None, text)
    except KitError as error:
        assert text in str(error) and "\n" not in str(error)
    else:
        assert 0 < found.train <= 1 and found.validation >= 0 and found.train + found.validation <= 1 + 1e-9


def test_shares_go_with_a_hash_split_alone():
    given_splits = [dataclasses.replace(r, split="train") for r in own_rows(3)]
    for records, method in ((given_splits, "auto"), (list(own_rows(3)), "table3"), (given_splits, "published")):
        with pytest.raises(KitError, match="--splits"):
            assigned(records, Shares(0.8), method)
    with pytest.raises(KitError, match="exclude"):
        parse_shares("80/20", "0.8")
