"""The notes on the paper: the arithmetic against brute force, the findings, and the document against the code."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from string import Formatter

import pytest

from build.paper_notes import findings, report, shares, tables
from mmm_dataset import load

ROOT = Path(__file__).parents[2]
ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN)


@pytest.fixture(scope="module")
def facts() -> dict:
    return findings.facts()


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
def test_numerators_agree_with_brute_force(n):
    expected = brute_force(n)
    for hundredths in range(10_001):
        value = f"{hundredths // 100}.{hundredths % 100:02}"
        assert shares.numerators(value, n) == expected.get(value, []), value


def test_numerators_of_figures_printed_with_fewer_decimals():
    assert shares.numerators("0", 1000) == [0]
    assert shares.numerators("54.2", 3000) == [1626]
    assert shares.numerators("100", 993) == [993]


@pytest.mark.parametrize("n", [7, 812, 906, 991, 993, 1000, 3000])
def test_attainable_share_is_the_share_of_figures_that_fit(n):
    assert shares.attainable(n) == pytest.approx(len(brute_force(n)) / 10_001)


def test_smallest_denominator_finds_what_made_the_figures():
    values = [f"{100 * k / 993:.2f}" for k in (944, 831, 963, 836, 964)]
    assert shares.smallest_denominator(values) == 993
    assert shares.smallest_denominator(["33.33"]) == 3
    assert shares.smallest_denominator(["12.34", "56.78", "90.12"], most=100) is None


def test_chance_leaves_zeros_out():
    assert shares.log10_chance([("0", 1000), ("0.00", 993)]) == 0
    assert shares.log10_chance([("50.00", 1000), ("0", 1000)]) == pytest.approx(math.log10(1001 / 10_001))
    assert shares.expected_below(["50.00", "0"], 3) == pytest.approx((2 + 3) / 10_001)


def test_table_1_is_whole():
    rows = tables.table_1()
    assert len(rows) == len({(s.config, s.model) for s in rows}) == 73
    assert {s.config for s in rows} == set(load().configs)
    assert all([s.model for s in tables.oiellm(config)] == list(tables.DRAWS) for config in load().configs)
    assert all(0 <= Decimal(s.all) <= Decimal(s.tl) <= 100 for s in rows)


def test_the_scan_finds_the_denominators_unaided():
    for name, rows in tables.groups().items():
        values = [value for value, _ in tables.cells(rows)]
        n = rows[0].n
        assert {s.n for s in rows} == {n}
        assert shares.smallest_denominator(values) == n, name
        assert shares.expected_below(values, n) < 0.001, name
    assert {n for _, n in tables.cells(tables.oiellm())} == {812, 906, 991, 993, 1000, 3000}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("agreeing", 21), ("configs", 21), ("train", 22_000), ("test", 659_628), ("runs", 14), ("from_ja", 12),
        ("less_into_zh", 5), ("pairs", 6), ("more_into_zh", "SCPOS: RW"), ("cells", 126), ("fit", 126),
        ("chance", -94), ("chance_if_picked", -66), ("not_of_1000", 43), ("ending_in_5", 0), ("tcree_of_1000", 0),
        ("baselines_fit", 17), ("ja_k", {"wl": 744, "all": 831}), ("least_gap", 87), ("wl_n", "993 and 997"),
        ("texts", 5343), ("entities", 13_185), ("empty", 484), ("wins", {"tl": 5, "wl": 2, "all": 4, "sum": 11}),
        ("beyond", "`en_tcree` (1,410), `zh_scnm` (2,177), `zh_scpos_adj_n` (2,937), `zh_scpos_n` (2,920)"),
    ],
)  # fmt: skip
def test_findings(facts, name, expected):
    assert facts[name] == expected


def test_shares_in_percent(facts):
    shown = [facts["kept"], facts["kept_from_ja"], *facts["kept_exact"].values(), facts["cap"], facts["used_share"]]
    assert [round(x, 1) for x in shown] == [64.7, 61.0, 95.8, 74.8, 90.9, 3.1]


def test_word_level_is_a_row_accuracy_for_tcree_only(facts):
    assert facts["wl_tcree"]["fit"] == facts["wl_tcree"]["cells"] == 9
    assert facts["wl_others"]["fit"] < facts["wl_others"]["expected"]


def test_what_the_text_says_in_words(facts):
    configs = load().configs
    assert configs["ja_tconer"].total < configs["en_scpos_adj"].total
    assert configs["ja_tconer"].train == 2 * configs["en_scpos_adj"].train
    assert all(findings.kept(configs[name]) > 80 for name in ("en_scnm", "en_tcree"))
    assert findings.kept(configs["zh_tconer"]) > findings.kept(configs["ja_tconer"])
    assert (configs["ja_tcree"].deviation["total"], configs["ja_tcree"].deviation["test"]) == (1993, 993)
    assert facts["misfits"].count("`") == 6 and facts["cells"] - facts["informative"] == 2


def test_a_row_mean_is_nearly_excluded_for_two_models_on_scnm():
    bounds = {s.model: findings.row_mean(s) for s in tables.table_1() if s.config == "ja_scnm"}
    excluded = {model for model, (room, _, best, spread) in bounds.items() if best < room < spread}
    assert excluded == {"OIELLM-8B", "OIELLM-8B*"}
    assert findings.row_mean(tables.Scores("ja_scnm", "any", "90.00", "90.00", "90.00"), 10.0) == (0, 0, 0, 0)


def test_the_text_uses_every_fact(facts):
    text = (ROOT / "build/paper_notes/notes.md").read_text(encoding="utf-8")
    assert {name.split("[")[0] for _, name, _, _ in Formatter().parse(text) if name} == set(facts)


def test_the_document_is_the_report():
    document = (ROOT / "docs/paper_notes.md").read_text(encoding="utf-8")
    assert document == report() == report(), "run: python -m build.paper_notes --write"


def test_the_command_prints_the_report():
    command = [sys.executable, "-m", "build.paper_notes"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode() == report()
