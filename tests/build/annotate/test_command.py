"""The verb, end to end against a scripted server."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from build.annotate.prompts import FOLDER
from build.core import KitError
from build.export import build_release
from build.reading import release
from build.review.apply import apply
from build.review.book import Book
from build.review.decisions import DecisionLog
from build.review.rows import ReviewFile
from build.review.rules import weights
from build.validate import validate
from mmm_dataset import from_dict
from oiellm.llm import options
from tests.build.annotate.driver import REGISTRY, say
from tests.build.annotate.truth import KINDS, REASONS, Truth, call, demo_rows, lines, write_rows
from tests.double.server import Double, Faults

SCNM = ("ja_scnm", "en_scnm", "zh_scnm")
FILES = ("records", "worklist", "report", "provenance", "review")


@pytest.fixture
def scnm():
    return demo_rows(*SCNM)


def test_faults_are_made_good_or_reported_and_never_become_a_label(tmp_path, scnm):
    truth = Truth(scnm, wrong=0.6)
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    faults = Faults(too_many=0.05, error=0.05, dropped=0.05, retry_after=0.01)
    with Double(truth, faults=faults) as double:
        said = call(worklist, tmp_path / "out", double)
    right = {row.id: row for row in scnm}
    records = [from_dict(row) for row in lines(tmp_path / "out" / "records.jsonl")]
    assert all(record == right[record.id] for record in records)
    lost = {name: REASONS[kind] for name, kind in truth.faults.items() if kind in REASONS}
    assert set(truth.faults.values()) <= set(KINDS) and {*REASONS, "cut"} <= set(truth.faults.values())
    report = lines(tmp_path / "out" / "report.jsonl")
    assert {row["id"]: row["dropped"] for row in report} == lost
    assert {record.id for record in records} == set(right) - set(lost)
    assert [row["id"] for row in lines(tmp_path / "out" / "worklist.jsonl")] == [
        row.id for row in scnm if row.id in lost
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["steps"]["dropped"] == Counter(lost.values()) and manifest["steps"]["in"] == len(scnm)
    assert manifest["usage"][0]["purpose"] == "text" and manifest["prompts"]
    assert f"{len(records)} records, {len(lost)} still on the worklist" in said
    raw = json.loads(next(row["raw"] for row in report if row["dropped"] == "malformed_reply"))
    assert raw == {"text": [["?", "?"]]}


def test_a_release_takes_the_result_with_its_counts(tmp_path, scnm):
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    with Double(Truth(scnm, wrong=0.3)) as double:
        call(worklist, tmp_path / "annotated", double)
    release([tmp_path / "annotated" / "records.jsonl"], tmp_path / "release" / "mmm", REGISTRY, "auto")
    assert not validate(tmp_path / "release" / "mmm", REGISTRY).errors
    manifest = json.loads((tmp_path / "release" / "mmm" / "manifest.json").read_text())
    assert manifest["steps"]["annotated"]["in"] == len(scnm) and manifest["steps"]["annotated"]["dropped"]


def test_a_rerun_pays_nothing_and_writes_the_same_bytes(tmp_path, scnm):
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    with Double(Truth(scnm, wrong=0.3)) as double:
        call(worklist, tmp_path / "one", double, "--votes", "3", "--concurrency", "3")
        billed = sum(double.billed.values())
        call(worklist, tmp_path / "two", double, "--votes", "3", "--concurrency", "64")
        assert sum(double.billed.values()) == billed >= 3 * len(scnm)
    for name in (*(f"{name}.jsonl" for name in FILES), "labels.csv", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert [path.name for path in (tmp_path / "one").glob(".*")] == [".step.json"]


def test_what_a_killed_run_left_is_removed(tmp_path, scnm):
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    out = tmp_path / "out"
    (tmp_path / ".out.staging" / "out").mkdir(parents=True)
    (tmp_path / ".out.staging" / "out" / "records.jsonl").write_text("half of the source")
    with Double(Truth(scnm)) as double:
        call(worklist, out, double)
        with pytest.raises(KitError, match="votes 1, now 3"):  # what was paid is not replaced
            call(worklist, out, double, "--votes", "3")
    assert {path.name for path in tmp_path.glob(".*")} == set()


def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(tmp_path, scnm):
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    with Double(Truth(scnm)) as double:
        said = call(worklist, tmp_path / "out", double, "--max-cost", "0.03", "--concurrency", "4")
        stopped = lines(tmp_path / "out" / "report.jsonl")
        done = len(lines(tmp_path / "out" / "records.jsonl"))
        assert 0 < done < len(scnm) and {row["dropped"] for row in stopped} == {"budget"}
        assert "with a higher --max-cost" in said and done + len(stopped) == len(scnm)
        assert double.dollars <= 0.03
        call(worklist, tmp_path / "out", double)
        assert sum(double.billed.values()) == len(scnm)
    assert len(lines(tmp_path / "out" / "records.jsonl")) == len(scnm)


@pytest.mark.parametrize("task", ["scpos_rw", "tcree", "scnm", "tconer"])
def test_items_come_back_as_they_were(tmp_path, task):
    rows = demo_rows(*(f"{language}_{task}" for language in ("ja", "en", "zh")))
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", rows, items=None)
    with Double(Truth(rows)) as double:
        call(worklist, tmp_path / "out", double)
    found = {row["id"]: from_dict(row) for row in lines(tmp_path / "out" / "records.jsonl")}
    assert len(found) == len(rows)
    for row in rows:
        wanted = Counter((i.label, tuple((s.role, s.text) for s in i.spans)) for i in row.items)
        got = Counter((i.label, tuple((s.role, s.text) for s in i.spans)) for i in found[row.id].items)
        # A relation or event stated twice says nothing more the second time.
        assert got == (wanted if task != "tcree" else Counter(dict.fromkeys(wanted, 1))), row.id
        starts = [[s.start for s in i.spans] for i in found[row.id].items]
        assert starts == sorted(starts)
    assert build_release(found.values(), tmp_path / "release" / "mmm", REGISTRY)


def test_one_level_at_a_time_ends_at_the_same_records(tmp_path):
    rows = demo_rows("ja_scpos_rw")
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", rows, label=None, items=None)
    with Double(Truth(rows)) as double:
        call(worklist, tmp_path / "half", double, "--level", "text")
        assert not lines(tmp_path / "half" / "records.jsonl") and not lines(tmp_path / "half" / "report.jsonl")
        half = tmp_path / "half" / "worklist.jsonl"
        assert [row["label"] for row in lines(half)] == [row.label for row in rows]
        call(half, tmp_path / "whole", double, "--level", "word")
        call(worklist, tmp_path / "both", double)
    assert lines(tmp_path / "whole" / "records.jsonl") == lines(tmp_path / "both" / "records.jsonl")


@pytest.fixture
def passages():
    rows = demo_rows("en_tconer")[:12]
    return [
        replace(row, label=label) for row, label in zip(rows, ["Sports", "sport", "SPORTS", "Sports", "Law", "law"] * 2)
    ]


def test_open_labels_become_alike_and_the_table_can_be_edited(tmp_path, passages):
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", passages, label=None)
    with Double(Truth(passages)) as double:
        said = call(worklist, tmp_path / "one", double)
        table = tmp_path / "mine.csv"
        text = (tmp_path / "one" / "labels.csv").read_text(encoding="utf-8")
        assert text.splitlines()[1:] == [
            "en_tconer,text,Sports,4,",
            "en_tconer,text,Law,2,",
            "en_tconer,text,SPORTS,2,Sports",
            "en_tconer,text,law,2,Law",
            "en_tconer,text,sport,2,Sports",
        ]
        table.write_text(text.replace("Law,2,\n", "Law,2,Sports\n").replace("law,2,Law", "law,2,Sports"))
        call(worklist, tmp_path / "two", double, "--labels", str(table))
        assert sum(double.billed.values()) == len(passages)
    labels = [row["label"] for row in lines(tmp_path / "one" / "records.jsonl")]
    assert labels == ["Sports"] * 4 + ["Law"] * 2 + ["Sports"] * 4 + ["Law"] * 2
    assert {row["label"] for row in lines(tmp_path / "two" / "records.jsonl")} == {"Sports"}
    assert "3 spellings of labels became another" in said and "noted 6 x label_merged" in said
    report = lines(tmp_path / "one" / "report.jsonl")
    assert report[0]["noted"] == "label_merged" and report[0]["detail"] == "text: 'sport' is written 'Sports'"


def test_provenance_holds_votes_and_no_text_and_the_review_knows_the_risk(tmp_path):
    text = "高い。とにかく高い。料理は悪くない。"
    from tests.build.annotate.driver import row

    record = row(text, None, None, "scpos_rw", "Sentiment Relation Word")
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", [record])
    votes = Counter()

    def answer(messages, model, attempt):
        level = "word" if '"items"' in messages[0]["content"] else "text"
        votes[level] += 1
        if level == "text":
            return say(label="ネガティブ" if votes[level] < 3 else "ポジティブ", confidence=0.75)
        more = [{"label": "ポジティブ", "text": "悪くない"}] if votes[level] == 1 else []
        return say(items=[{"label": "ネガティブ", "text": "高い"}, *more], confidence=0.5)

    with Double(answer) as double:
        call(worklist, tmp_path / "out", double, "--votes", "3", "--concurrency", "1")
    (kept,) = lines(tmp_path / "out" / "records.jsonl")
    (made,) = lines(tmp_path / "out" / "provenance.jsonl")
    (review,) = lines(tmp_path / "out" / "review.jsonl")
    assert kept["label"] == "ネガティブ" and [item["spans"][0]["start"] for item in kept["items"]] == [0]
    assert [vote["label"] for vote in made["text"]["votes"]].count("ポジティブ") == 1
    assert made["text"]["agreement"] == 0.6667 and made["text"]["confidence"] == pytest.approx(0.6667 * 0.75, abs=1e-3)
    assert {"label": "ネガティブ", "entity": [0, 2]} in made["word"]["votes"][0]["items"]
    assert made["model"] == "double" and len(made["word"]["prompt"]) == 64
    assert not any(piece in json.dumps(made, ensure_ascii=False) for piece in ("高い", "悪くない"))
    assert review["target"] == kept and review["source"] is None and review["rung"] == "annotate"
    rules = weights()
    said = rules.risk([flag["check"] for flag in review["flags"]], "annotate")
    assert review["risk"] == pytest.approx(1 - made["confidence"] * (1 - said), abs=1e-3) and said > rules.base
    assert {flag["check"] for flag in review["flags"]} == {"label_votes"}
    assert made["task_word"] == "Sentiment Relation Word" and "other_words" not in made


def test_flags_say_where_votes_differ(tmp_path):
    from tests.build.annotate.driver import row

    record = row("高い。悪くない。", "ネガティブ", None, "scpos_rw", "Sentiment Relation Word")
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", [record])
    count = Counter()

    def answer(messages, model, attempt):
        count["asked"] += 1
        more = [{"label": "ポジティブ", "text": "悪くない"}] if count["asked"] < 3 else []
        return say(items=[{"label": "ネガティブ", "text": "高い"}, *more])

    with Double(answer) as double:
        call(worklist, tmp_path / "out", double, "--votes", "3", "--concurrency", "1")
    (review,) = lines(tmp_path / "out" / "review.jsonl")
    assert review["flags"] == [{"check": "item_votes", "detail": "ポジティブ: 2 of 3", "start": 3, "end": 7}]


def test_a_dry_run_sends_and_writes_nothing(tmp_path, scnm):
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    with Double(Truth(scnm)) as double:
        said = call(worklist, tmp_path / "out", double, "--dry-run", "--votes", "3")
        assert not double.requests and not (tmp_path / "out").exists()
        assert f"{len(scnm)}, of which the cache answers 0" in said and f"{3 * len(scnm)} to double" in said


def test_batches_come_to_the_same(tmp_path, scnm, monkeypatch):
    monkeypatch.setattr(options, "DEFAULTS", replace(options.DEFAULTS, poll=0.01))
    worklist = write_rows(tmp_path / "scnm" / "worklist.jsonl", scnm, label=None)
    with Double(Truth(scnm, wrong=0.6)) as double:
        call(worklist, tmp_path / "batch" / "out", double, "--batch", "--votes", "2")
        assert len(double.batches) == 2  # the questions, then the second tries
    with Double(Truth(scnm, wrong=0.6)) as double:
        call(worklist, tmp_path / "live" / "out", double, "--votes", "2")
    for name in FILES:
        files = [tmp_path / way / "out" / f"{name}.jsonl" for way in ("batch", "live")]
        assert files[0].read_bytes() == files[1].read_bytes(), name


def test_wrong_use_is_one_line(tmp_path, scnm):
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", scnm[:2], label=None)
    with Double() as double:
        with pytest.raises(KitError, match="give another --out"):
            call(worklist, tmp_path / "in", double)
        with pytest.raises(KitError, match="no prompt files"):
            call(worklist, tmp_path / "out", double, "--prompts", str(tmp_path))
        with pytest.raises(KitError, match=r"nothing\.csv: no such file"):
            call(worklist, tmp_path / "out", double, "--labels", "nothing.csv")
        with pytest.raises(KitError, match="--word Event: no task word of scnm: NER, or any"):
            call(worklist, tmp_path / "out", double, "--word", "Event")
        bad = (FOLDER / "text_scnm.toml").read_text(encoding="utf-8").replace("nature =", "natur =")
        (tmp_path / "prompts").mkdir()
        (tmp_path / "prompts" / "text_scnm.toml").write_text(bad, encoding="utf-8")
        with pytest.raises(KitError, match=r"text_scnm\.toml: \[define\] natur"):
            call(worklist, tmp_path / "out", double, "--prompts", str(tmp_path / "prompts"))
        worklist.write_text(worklist.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
        with pytest.raises(KitError, match=r"worklist\.jsonl:3"):
            call(worklist, tmp_path / "out", double)
        assert not double.requests and not (tmp_path / "out").exists()


def test_the_review_holds_all_that_the_records_do_so_that_applying_it_loses_none(tmp_path, scnm):
    whole, open_rows = scnm[:3], scnm[3:6]
    worklist = tmp_path / "in" / "worklist.jsonl"
    write_rows(worklist, open_rows, label=None)
    opened = worklist.read_text(encoding="utf-8")
    worklist.write_text(write_rows(worklist, whole).read_text(encoding="utf-8") + opened, encoding="utf-8")
    with Double(Truth(scnm)) as double:
        call(worklist, tmp_path / "out", double)
    records, review = (lines(tmp_path / "out" / f"{name}.jsonl") for name in ("records", "review"))
    assert len(records) == 6 and [row["target"] for row in review] == records
    asked = {row["target"]["id"]: (row["rung"], row["risk"]) for row in review}
    assert all(asked[row.id] == (None, None) for row in whole)
    file = ReviewFile(tmp_path / "out" / "review.jsonl")
    apply(Book(file), DecisionLog(tmp_path / "none"), tmp_path / "reviewed", REGISTRY)
    assert lines(tmp_path / "reviewed" / "records.jsonl") == records


def test_provenance_names_the_task_word_and_what_was_said_under_the_others(tmp_path):
    rows = [row for row in demo_rows("ja_tcree") if row.items]
    truth = Truth(rows)
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", rows, items=None)

    def answer(messages, model, attempt):
        text = json.loads(messages[-1]["content"])["text"]
        word = "Relation Extraction" if '"head"' in messages[0]["content"] else "Event Extraction"
        return truth.items(truth.rows[text]) if truth.rows[text].word == word else say(items=[], confidence=0.4)

    with Double(answer) as double:
        call(worklist, tmp_path / "out", double, "--word", "any")
    made = {row["id"]: row for row in lines(tmp_path / "out" / "provenance.jsonl")}
    assert len(made) == len(rows)
    words = {"Relation Extraction", "Event Extraction"}
    for row in rows:
        found = made[row.id]
        assert found["task_word"] == row.word and len(found["word"]["votes"][0]["items"]) > 0
        (other,) = found["other_words"].items()
        assert {other[0]} == words - {row.word} and other[1]["votes"] == [{"items": [], "confidence": 0.4}]


def test_an_empty_worklist_replaces_nothing(tmp_path, scnm):
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", scnm[:2], label=None)
    with Double(Truth(scnm)) as double:
        call(worklist, tmp_path / "out", double)
        worklist.write_text("", encoding="utf-8")
        with pytest.raises(KitError, match=r"worklist\.jsonl: no rows to annotate; nothing was written"):
            call(worklist, tmp_path / "out", double)
    assert len(lines(tmp_path / "out" / "records.jsonl")) == 2


def test_rows_that_another_task_needs_once_only_are_told(tmp_path):
    rows = demo_rows("ja_scpos_rw")[:3]
    twice = [replace(row, id=f"{row.id}{end}") for row in rows for end in "ab"]
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", twice)
    with Double(Truth(rows)) as double:
        said = call(worklist, tmp_path / "out", double, "--task", "scpos_rw")
        assert "left out 3 x same_source_item" in said and "still open" not in said
        report = lines(tmp_path / "out" / "report.jsonl")
        assert [row["dropped"] for row in report] == ["same_source_item"] * 3
        assert (
            report[0]["id"] == f"{rows[0].id}b"
            and report[0]["detail"] == f"its text is there already, as {rows[0].id}a"
        )
        assert json.loads((tmp_path / "out" / "manifest.json").read_text())["steps"]["in"] == 6
        said = call(worklist, tmp_path / "few" / "out", double, "--task", "scpos_rw", "--sample", "1")
        assert "left out 2 x not_sampled" in said and "left out 3 x same_source_item" in said
        assert not lines(tmp_path / "few" / "out" / "report.jsonl")


def test_lines_of_a_table_of_labels_that_match_nothing_are_told(tmp_path, passages):
    worklist = write_rows(tmp_path / "in" / "worklist.jsonl", passages, label=None)
    table = tmp_path / "mine.csv"
    table.write_text("config,level,label,into\n,,law,Sports\n,,Lwa,Sports\nja_tconer,,law,Nothing\n,txt,sport,X\n")
    with Double(Truth(passages)) as double:
        said = call(worklist, tmp_path / "out", double, "--labels", str(table))
        assert "3 lines of the table of labels match no label of this run: 'Lwa', 'law', 'sport'" in said
        table.write_text("label,into\nLAW,Sports\n")
        assert "match no label" not in call(worklist, tmp_path / "two" / "out", double, "--labels", str(table))
