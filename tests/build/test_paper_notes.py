"""The notes on the paper: the arithmetic against brute force, the findings, and the document against the script."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest

from build import paper_notes as notes
from mmm_dataset.registry import load

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN)


def brute_force(n: int) -> dict[str, list[int]]:
    """Every figure that is some k/n in percent, under any way to round a tie, with its k."""
    out: dict[str, list[int]] = {}
    for k in range(n + 1):
        for value in sorted(
            {str((Decimal(100 * k) / n).quantize(Decimal("0.01"), rounding)) for rounding in ROUNDINGS}
        ):
            out.setdefault(value, []).append(k)
    return out


@pytest.mark.parametrize("n", [1, 2, 3, 7, 32, 812, 906, 991, 993, 1000, 3000, 4000, 12_345, 43_888])
def test_numerators_agree_with_brute_force(n: int) -> None:
    expected = brute_force(n)
    for hundredths in range(10_001):
        value = f"{hundredths // 100}.{hundredths % 100:02}"
        assert notes.numerators(value, n) == expected.get(value, []), value


def test_numerators_of_figures_printed_with_fewer_decimals() -> None:
    assert notes.numerators("0", 1000) == [0]
    assert notes.numerators("54.2", 3000) == [1626]
    assert notes.numerators("100", 993) == [993]


@pytest.mark.parametrize("n", [7, 812, 906, 991, 993, 1000, 3000])
def test_attainable_share_is_the_share_of_figures_that_fit(n: int) -> None:
    assert notes.attainable(n) == pytest.approx(len(brute_force(n)) / 10_001)


def test_smallest_denominator_finds_what_made_the_figures() -> None:
    values = [f"{100 * k / 993:.2f}" for k in (944, 831, 963, 836, 964)]
    assert notes.smallest_denominator(values) == 993
    assert notes.smallest_denominator(["33.33"]) == 3
    assert notes.smallest_denominator(["12.34", "56.78", "90.12"], most=100) is None


def test_chance_leaves_zeros_out() -> None:
    assert notes.log10_chance([("0", 1000), ("0.00", 993)]) == 0
    assert notes.log10_chance([("50.00", 1000), ("0", 1000)]) == pytest.approx(math.log10(1001 / 10_001))
    assert notes.expected_below(["50.00", "0"], 3) == pytest.approx((2 + 3) / 10_001)


def test_table_1_is_whole() -> None:
    rows = notes.table_1()
    assert len(rows) == len({(s.config, s.model) for s in rows}) == 73
    assert {s.config for s in rows} == set(load().configs)
    assert all(len(notes.oiellm(config)) == 3 for config in load().configs)
    assert all(0 <= Decimal(s.all) <= Decimal(s.tl) <= 100 for s in rows)


def test_sizes() -> None:
    configs = list(load().configs.values())
    assert len(configs) == 21
    assert all(c.total == (c.train or 0) + (c.test or 0) for c in configs)
    assert (sum(c.train or 0 for c in configs), sum(c.test or 0 for c in configs)) == (22_000, 659_628)


def test_retention() -> None:
    runs = notes.translated()
    assert (len(runs), len(notes.translated("ja"))) == (14, 12)
    assert round(notes.retention(runs), 1) == 64.7
    assert round(notes.retention(notes.translated("ja")), 1) == 61.0
    tcree = [c for c in runs if c.task == "tcree"]
    assert [round(notes.retention([c], exact=True), 1) for c in tcree] == [95.8, 74.8]


def test_every_tl_and_all_is_a_row_accuracy() -> None:
    cells = notes.row_cells(notes.oiellm())
    assert len(cells) == 126
    assert all(notes.numerators(value, n) for value, n in cells)
    assert {n for _, n in cells} == {812, 906, 991, 993, 1000, 3000}
    assert notes.log10_chance(cells) < -90


def test_the_scan_finds_the_denominators_unaided() -> None:
    for name, rows in notes.groups().items():
        values = [value for value, _ in notes.row_cells(rows)]
        n = notes.denominator(rows[0])
        assert {notes.denominator(s) for s in rows} == {n}
        assert notes.smallest_denominator(values) == n, name
        assert notes.expected_below(values, n) < 0.001, name


def test_three_thousand_exceeds_four_test_sets() -> None:
    beyond = {s.config for s in notes.oiellm() if notes.denominator(s) > notes.test_rows(s.config)}
    assert beyond == {"en_tcree", "zh_scnm", "zh_scpos_adj_n", "zh_scpos_n"}


def test_word_level_is_a_row_accuracy_for_tcree_only() -> None:
    fits = {s: bool(notes.numerators(s.wl, notes.denominator(s))) for s in notes.oiellm()}
    assert [fits[s] for s in fits if s.task == "tcree"] == [True] * 9
    others = [s for s in fits if s.task != "tcree"]
    assert sum(fits[s] for s in others) < sum(notes.attainable(notes.denominator(s)) for s in others)


def test_ja_tcree_counts() -> None:
    first = notes.oiellm("ja_tcree")[0]
    assert [notes.numerators(value, 993) for value in (first.tl, first.wl, first.all)] == [[944], [744], [831]]


def test_scnm_cap() -> None:
    texts = notes.TEXTS_BY_ENTITIES
    assert (sum(texts.values()), sum(g * n for g, n in texts.items()), texts[0]) == (5343, 13_185, 484)
    star = next(s for s in notes.oiellm("ja_scnm") if s.model == "OIELLM-8B*")
    bound = notes.row_mean(star)
    assert round(bound.cap, 1) == 90.9
    assert bound.best < bound.room < bound.spread
    everything_right = notes.Scores("ja", "scnm", "any", "90.00", "90.00", "90.00")
    assert notes.row_mean(everything_right).imperfect == notes.row_mean(everything_right).best == 0
    assert notes.row_mean(star, empty=5.0).cap == 95


def test_the_report_states_the_findings() -> None:
    report = notes.report()
    assert report == notes.report()
    for finding in ("64.7 %", "61.0 %", "126 of 126", "831/993", "744/993", "90.9 %", "180,000 entries", "45,888"):
        assert finding in report, finding


def test_the_document_holds_the_report() -> None:
    document = notes.DOCUMENT.read_text(encoding="utf-8")
    generated = document.split(notes.START)[1].split(notes.END)[0]
    assert generated.strip() == notes.report().strip(), "run: python -m build.paper_notes --write"
    assert notes.spliced(document) == document


def test_main_prints_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert notes.main([]) == 0
    assert capsys.readouterr().out == notes.report()


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="markers"):
        notes.spliced("# no markers\n")
