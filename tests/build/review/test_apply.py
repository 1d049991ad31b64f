"""From decisions to records, report and manifest, and on into a release."""

import argparse
import json
import shlex

import pytest

from build.core import KitError
from build.reading import release
from build.review.agreement import wilson
from build.review.apply import apply
from build.review.command import run
from build.review.figures import figures, report
from build.review.options import add_options
from build.validate import validate
from mmm_dataset import from_dict, load, to_dict
from mmm_dataset.files import dump
from tests.build.review.review_files import decided, review_file, review_row, target_record, worklist, write_rows

CORRECTED = {**to_dict(target_record(2)), "label": "学术"}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def applied(path, book, log, **options):
    out = path.parent / "reviewed"
    summary = apply(book, log, out, load(), **options)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return lines(out / "records.jsonl"), lines(out / "report.jsonl"), manifest, summary


def test_rows_stay_in_order_rejected_ones_go_edited_ones_are_replaced(tmp_path):
    path = review_file(tmp_path, 5)
    book, log = decided(
        path,
        (0, "accept", "Ann", {}),
        (2, "edit", "Ann", {"record": CORRECTED}),
        (3, "reject", "Ann", {"reason": "wrong_meaning", "detail": "反対の意味"}),
    )
    records, notes, manifest, summary = applied(path, book, log)
    assert [from_dict(row) for row in records] == [
        target_record(0),
        target_record(1),
        from_dict(CORRECTED),
        target_record(4),
    ]
    assert notes[0] == {"id": "zh-2", "noted": "edited", "detail": 'Ann: label: "社会" -> "学术"'}
    assert (notes[1]["dropped"], notes[1]["detail"]) == ("rejected: wrong_meaning", "Ann: 反対の意味")
    assert json.loads(notes[1]["raw"]) == review_row(3)
    assert manifest["steps"] == {
        "in": 5,
        "kept": {"zh_scnm": 4},
        "dropped": {"rejected: wrong_meaning": 1},
        "noted": {"edited": 1},
    }
    assert set(manifest["inputs"]) == {"review.jsonl", "review.decisions.jsonl"}
    assert "4 records of 5 rows" in summary


def test_only_reviewed_leaves_the_others_out(tmp_path):
    path = review_file(tmp_path, 3)
    records, notes, manifest, _ = applied(path, *decided(path, (1, "accept", "Ann", {})), only=True)
    assert [row["id"] for row in records] == ["zh-1"]
    assert [note["dropped"] for note in notes] == ["not_reviewed"] * 2
    assert manifest["steps"]["dropped"] == {"not_reviewed": 2}


def test_a_conflict_is_dropped_unless_somebody_settles_it(tmp_path):
    path = review_file(tmp_path, 3)
    book, log = decided(
        path,
        (0, "accept", "Ann", {}),
        (0, "reject", "Ben", {"reason": "unnatural"}),
        (1, "reject", "Ann", {"reason": "unnatural"}),
        (1, "reject", "Ben", {"reason": "wrong_label"}),
        (2, "edit", "Ann", {"record": CORRECTED}),
        (2, "edit", "Ben", {"record": {**CORRECTED, "label": "自然"}}),
        (0, "accept", "Cem", {}),
    )
    records, notes, manifest, _ = applied(path, book, log)
    assert records == []
    assert notes[0]["dropped"] == "conflict"
    assert notes[0]["detail"] == "Ann: accept; Ben: reject unnatural; Cem: accept"
    assert manifest["steps"]["dropped"] == {"conflict": 2, "rejected: unnatural": 1}
    assert manifest["review"]["conflicts"] == 2
    records, _, manifest, _ = applied(path, book, log, adjudicator="Cem", replace=True)
    assert [row["id"] for row in records] == ["zh-0"]
    assert manifest["review"]["conflicts"] == 1
    assert manifest["review"]["agreement"]["reviewers"] == 2


def test_stale_decisions_are_counted_noted_and_change_nothing(tmp_path):
    path = review_file(tmp_path, 2)
    decided(path, (0, "reject", "Ann", {"reason": "other"}), (1, "accept", "Ann", {}))
    rows = [review_row(n) for n in range(2)]
    rows[0]["target"]["label"] = "自然"
    write_rows(path, rows)
    records, notes, manifest, _ = applied(path, *decided(path))
    assert [row["label"] for row in records] == ["自然", "社会"]
    assert notes == [{"id": "zh-0", "noted": "stale_decision", "detail": "Ann"}]
    assert [manifest["review"][name] for name in ("decided", "stale", "undecided")] == [1, 1, 1]


def test_applying_again_gives_the_same_bytes(tmp_path):
    path = review_file(tmp_path, 5)
    book, log = decided(path, (2, "edit", "Ann", {"record": CORRECTED}), (4, "reject", "Ben", {"reason": "other"}))
    applied(path, book, log)
    names = ("records.jsonl", "report.jsonl", "manifest.json")
    first = [(tmp_path / "reviewed" / name).read_bytes() for name in names]
    applied(path, *decided(path))
    assert [(tmp_path / "reviewed" / name).read_bytes() for name in names] == first


def test_an_edit_that_no_longer_holds_stops_and_names_the_row(tmp_path):
    path = review_file(tmp_path, 3)
    book, log = decided(path, (2, "edit", "Ann", {"record": {**CORRECTED, "label": "怪"}}))
    with pytest.raises(KitError, match=r"the edit of 'zh-2' by Ann .* decide the row again"):
        applied(path, book, log)
    assert not (tmp_path / "reviewed" / "records.jsonl").exists()


def test_the_file_under_review_is_never_overwritten(tmp_path):
    path = review_file(tmp_path, 1)
    with pytest.raises(KitError, match="holds the file under review"):
        apply(*decided(path), tmp_path, load())


def test_the_release_takes_the_reviewed_records_and_their_counts(tmp_path):
    path = review_file(tmp_path, 30)
    book, log = decided(path, (2, "edit", "Ann", {"record": CORRECTED}), (4, "reject", "Ann", {"reason": "private"}))
    applied(path, book, log)
    tree = tmp_path / "tree"
    release([tmp_path / "reviewed" / "records.jsonl"], tree, load(), "hash")
    manifest = json.loads((tree / "manifest.json").read_text(encoding="utf-8"))
    review = json.loads((tmp_path / "reviewed" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["steps"]["reviewed"].items() >= {**review["steps"], "review": review["review"]}.items()
    assert manifest["steps"]["reviewed"]["dropped"] == {"rejected: private": 1}
    assert sum(side["rows"] for side in manifest["configs"]["zh_scnm"]["files"].values()) == 29
    assert manifest["steps"]["reviewed"]["review"]["correction_rate"]["rows"] == 2
    assert "Ann" not in dump(manifest)
    assert not validate(tree, load()).errors
    card = (tree / "README.md").read_text(encoding="utf-8")
    assert "2 of 30 rows were decided" in card


def test_figures_of_two_reviewers(tmp_path):
    path = review_file(tmp_path, 10)
    book, _ = decided(
        path,
        *((n, "accept", "Ann", {"order": "risk"}) for n in range(6)),
        *((n, "accept", "Ben", {"order": "risk"}) for n in range(2)),
        (2, "reject", "Ben", {"reason": "other", "order": "risk"}),
        (6, "edit", "Ann", {"record": {**to_dict(target_record(6)), "label": "自然"}, "order": "random"}),
        (7, "reject", "Ann", {"reason": "other", "order": "random"}),
    )
    found = figures(book)
    counts = [found[name] for name in ("decided", "accepted", "edited", "rejected", "conflicts", "undecided")]
    assert counts == [8, 5, 1, 1, 1, 2]
    assert found["reviewers"] == 2
    assert found["reasons"] == {"other": 1}
    assert (found["correction_rate"]["corrected"], found["correction_rate"]["rows"]) == (
        3,
        8,
    )  # a conflict is no accept
    assert found["correction_rate_by_order"]["random"]["share"] == 1.0
    assert found["correction_rate_by_order"]["risk"]["corrected"] == 1
    assert found["correction_rate_by_check"]["numbers"]["rows"] == 2
    agreed = found["agreement"]
    assert (agreed["rows"], agreed["share"], agreed["cohen_kappa"]) == (3, 0.6667, 0.0)
    text = report(book)
    assert "Ann: 8 rows" in text
    assert "before anyone saw another's: 3 rows by two or more, the same in 66.7%" in text
    assert "speaks for the whole file" in text


def test_the_report_of_a_file_that_nobody_reviewed(tmp_path):
    text = report(decided(review_file(tmp_path, 3))[0])
    assert "0 decided, 3 undecided" in text
    assert "not passed as they were: no row" in text
    assert "nothing speaks for the whole file: that takes a review with --order random" in text


def test_a_row_of_a_worklist_is_completed_not_corrected_and_kept_once_it_is_whole(tmp_path):
    path = worklist(tmp_path, "label", "label items", "", "label")
    book, log = decided(
        path,
        (0, "edit", "Ann", {"record": {**to_dict(target_record(0)), "label": "学术"}}),
        (1, "edit", "Ann", {"record": {**to_dict(target_record(1)), "items": None}}),
        (2, "edit", "Ann", {"record": CORRECTED}),
    )
    records, notes, manifest, _ = applied(path, book, log)
    assert [(row["id"], row["label"]) for row in records] == [("zh-0", "学术"), ("zh-2", "学术")]
    left = lines(tmp_path / "reviewed" / "worklist.jsonl")
    assert [(row["id"], row["label"], row["items"] is None) for row in left] == [
        ("zh-1", "社会", True),
        ("zh-3", None, False),
    ]
    assert [note["noted"] for note in notes] == ["edited"] * 3
    found = manifest["review"]
    assert (found["completed"], found["edited"], found["correction_rate"]["rows"]) == (2, 1, 1)


def in_random_order(path, states):
    """Decisions about the first rows of the random order: one letter each, a dot where a row was passed over."""
    from build.review.rows import ReviewFile

    said = {
        "a": [("accept", "Ann", {})],
        "r": [("reject", "Ann", {"reason": "other"})],
        "c": [("accept", "Ann", {}), ("reject", "Ben", {"reason": "other"})],
        ".": [],
    }
    order = ReviewFile(path).order("random")
    return [(number, action, who, more) for number, state in zip(order, states) for action, who, more in said[state]]


def logged(made, order):
    return [(number, action, who, {**more, "order": order}) for number, action, who, more in made]


@pytest.mark.parametrize(
    "order, states, expected",
    [
        ("random", "aaraa", (1, 5, 0)),
        ("random", "aacaa", (1, 5, 0)),  # a conflict is in the sample, and no accept
        ("random", "a.r.a", (1, 3, 2)),  # the rows that were passed over count into the interval
    ],
)
def test_the_rate_of_the_whole_file_is_that_of_the_beginning_of_the_random_order(tmp_path, order, states, expected):
    path = review_file(tmp_path, 40)
    found = figures(decided(path, *logged(in_random_order(path, states), order))[0])["correction_rate_of_sample"]
    assert (found["corrected"], found["rows"], found["undecided"]) == expected
    total, unknown = expected[1] + expected[2], expected[2]
    assert found["low"] == round(wilson(expected[0], total)[0], 4)
    assert found["high"] == round(wilson(expected[0] + unknown, total)[1], 4)


def test_rows_stay_in_the_sample_whichever_way_they_were_decided_or_settled(tmp_path):
    """What is wrong is often decided first by risk, and settled by a filter: it must not leave the sample for that."""
    path = review_file(tmp_path, 40)
    made = in_random_order(path, "raaca")
    by_risk, drawn = logged(made[:1], "risk"), logged(made[1:], "random")
    settled = (made[3][0], "reject", "Zed", {"reason": "other", "order": "random, filtered"})
    book, _ = decided(path, *by_risk, *drawn, settled)
    found = figures(book, "Zed")
    sample = found["correction_rate_of_sample"]
    assert (sample["corrected"], sample["rows"], sample["undecided"]) == (2, 5, 0)
    assert found["correction_rate_by_order"]["random"]["rows"] == 4
    assert "2 of 5 = 40.0%" in report(book, "Zed") and "speaks for the whole file" in report(book, "Zed")


def test_a_review_by_risk_or_by_filter_alone_does_not_speak_for_the_file(tmp_path):
    path = review_file(tmp_path, 40)
    for order in ("risk", "random, filtered"):
        book, log = decided(path, *logged(in_random_order(path, "rr"), order))
        assert figures(book)["correction_rate_of_sample"] is None
        log.path.unlink()


def test_agreement_cannot_be_raised_by_looking(tmp_path):
    path = review_file(tmp_path, 4)
    book, _ = decided(
        path,
        (0, "reject", "Ann", {"reason": "other"}),
        (0, "accept", "Ben", {}),
        (0, "reject", "Ben", {"reason": "other"}),
        (1, "accept", "Ann", {}),
        (1, "accept", "Ben", {}),
        (2, "accept", "Ann", {}),
        (2, "reject", "Ben", {"reason": "other"}),
        (2, "undo", "Ben", {}),  # one who takes the word back has said it
    )
    found = figures(book)
    assert (found["agreement"]["rows"], found["agreement"]["share"]) == (3, 0.3333)
    assert (found["conflicts"], found["rejected"], found["accepted"]) == (0, 1, 2)


def test_decided_rows_that_are_gone_are_named(tmp_path):
    path = review_file(tmp_path, 3)
    decided(path, (0, "accept", "Ann", {}), (2, "reject", "Ann", {"reason": "other"}))
    write_rows(path, [review_row(n) for n in range(2)])
    _, notes, manifest, summary = applied(path, *decided(path))
    assert notes == [{"id": "zh-2", "noted": "decision_gone", "detail": "zh_scnm: Ann: reject other"}]
    assert manifest["review"]["gone"] == 1 and manifest["steps"]["noted"] == {"decision_gone": 1}
    assert "1 decided ones gone" in summary and "noted 1 x decision_gone" in summary


def test_a_slip_in_the_adjudicators_name_is_told_and_what_settles_conflicts_is_said(tmp_path):
    path = review_file(tmp_path, 2)
    book, log = decided(path, (0, "accept", "Ann", {}), (0, "reject", "Ben", {"reason": "other"}))
    told = "--adjudicator Zde: decided no row; those who did: Ann, Ben"
    assert told in applied(path, book, log, adjudicator="Zde")[3] and told in report(book, "Zde")
    assert "decided no row" not in applied(path, book, log, adjudicator="ann", replace=True)[3] + report(book, "Ann ")
    assert "--adjudicator NAME" in applied(path, book, log, replace=True)[3]


@pytest.mark.parametrize("verb", ["--report", "--apply"])
def test_a_line_that_a_crash_cut_off_is_told(tmp_path, verb, capsys):
    path = review_file(tmp_path, 3)
    _, log = decided(path, (0, "accept", "Ann", {}), (1, "accept", "Ann", {}))
    log.path.write_bytes(log.path.read_bytes()[:-20])
    for _ in range(2):
        assert run(parsed(path, verb)) == 0
        said = capsys.readouterr().out
        assert "1 decided" in said and "review.decisions.torn: a line was cut off" in said


def parsed(path, *options):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args([str(path), *options])


def test_the_next_command_can_be_pasted(tmp_path):
    """A path with blanks, as on many a desktop, was two arguments."""
    folder = tmp_path / "my 東京 rows"
    folder.mkdir()
    path = review_file(folder, 1)
    summary = apply(*decided(path), folder / "out", load("xsid"))
    command = shlex.split(summary.splitlines()[-1].partition(": ")[2])
    assert command == ["python3", "-m", "build", "export", str(folder / "out/records.jsonl"), "--registry", "xsid"]
