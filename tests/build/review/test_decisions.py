"""The log: nothing that was saved is lost, whatever happens to the process or to others that write."""

import json
import multiprocessing
import os
import resource
from dataclasses import replace

import pytest

from build.core import KitError
from build.review.book import Book
from build.review.decisions import Decision, DecisionLog, log_path
from build.review.rows import ReviewFile
from mmm_dataset import to_dict
from tests.build.review.review_files import decision, review_file, review_row, target_record, write_rows

SAMPLE = {"time": "2025-01-01T00:00:00Z", "config": "zh_scnm", "id": "zh-1", "sha256": "0" * 64, "action": "accept"}


def sample(reviewer="Ann", **more):
    return Decision(reviewer=reviewer, **{**SAMPLE, **more})


def test_decisions_come_back_with_the_text_they_carry(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    record = {**to_dict(target_record(1)), "text": "第1\u2028届\x85", "items": []}
    log.append(
        [sample(), sample(action="edit", record=record), sample("李", action="reject", reason="other", detail="\n")]
    )
    assert DecisionLog(log.path).fresh() == log.fresh()
    assert DecisionLog(log.path).fresh()[1].record == record
    assert log.fresh() == []
    assert log_path(tmp_path / "review.jsonl").name == "review.decisions.jsonl"


def test_a_second_reader_sees_what_the_first_adds(tmp_path):
    one, other = DecisionLog(tmp_path / "x.jsonl"), DecisionLog(tmp_path / "x.jsonl")
    assert other.fresh() == []
    one.append([sample("Ann")])
    assert [d.reviewer for d in other.fresh()] == ["Ann"]
    other.append([sample("Ben")])
    assert [d.reviewer for d in one.fresh()] == ["Ann", "Ben"]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_kept_aside(tmp_path, cut):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample("Ann"), sample("Ben")])
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[:cut])
    assert [d.reviewer for d in DecisionLog(log.path).fresh()] == ["Ann", "Ben"]
    log.append([sample("Cem")])
    assert [d.reviewer for d in DecisionLog(log.path).fresh()] == ["Ann", "Ben", "Cem"]
    assert (tmp_path / "x.decisions.torn").read_bytes() == whole[:cut] + b"\n"


def test_a_torn_line_longer_than_a_block_is_found_whole(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample("Ann")])
    with log.path.open("ab") as file:
        file.write(b'{"detail":"' + b"x" * 200_000)
    log.append([sample("Ben")])
    assert [d.reviewer for d in DecisionLog(log.path).fresh()] == ["Ann", "Ben"]
    assert (tmp_path / "x.decisions.torn").stat().st_size == 200_012


def test_a_broken_line_in_the_middle_is_named_and_not_passed_over(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample()])
    with log.path.open("ab") as file:
        file.write(b'{"a": 1}\n')
    with pytest.raises(KitError, match=r"x.decisions.jsonl:2: no decision"):
        DecisionLog(log.path).fresh()


def test_a_log_that_shrank_is_not_taken_for_the_same(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample()])
    log.fresh()
    log.path.write_bytes(b"")
    with pytest.raises(KitError, match="shorter than before"):
        log.fresh()
    log.path.unlink()
    with pytest.raises(KitError, match="gone"):
        log.fresh()


def _append_many(path, name):
    log = DecisionLog(path)
    for number in range(100):
        log.append([sample(name, detail="語" * 2_000, id=str(number))])


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "x.decisions.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(path, name)) for name in ("Ann", "Ben", "Cem")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    found = [(d.reviewer, d.id) for d in DecisionLog(path).fresh()]
    for name in ("Ann", "Ben", "Cem"):
        assert [id for reviewer, id in found if reviewer == name] == [str(n) for n in range(100)]


def _append_past_the_limit(path, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        DecisionLog(path).append([sample("Ben", detail="x" * 5_000)])
    except KitError as error:
        os._exit(7 if "not saved" in str(error) else 8)
    os._exit(0)


def test_a_full_disk_leaves_no_half_line(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample("Ann")])
    before = log.path.read_bytes()
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_append_past_the_limit, args=(log.path, len(before) + 100))
    worker.start()
    worker.join()
    assert worker.exitcode == 7
    assert log.path.read_bytes() == before


@pytest.mark.parametrize(
    "change, message",
    [
        ({"action": "like"}, "is not one of"),
        ({"reviewer": " "}, "needs a name"),
        ({"reviewer": "a\nb"}, "needs a name"),
        ({"action": "edit"}, "needs the corrected record"),
        ({"record": {}}, "only an edit"),
        ({"action": "reject"}, "needs a reason"),
        ({"detail": 3}, "detail must be a text"),
    ],
)
def test_what_is_no_decision_is_not_made(change, message):
    with pytest.raises(ValueError, match=message):
        Decision(**{"reviewer": "Ann", **SAMPLE, **change})


def test_undo_goes_back_to_the_decision_before(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    book = Book(file)
    for action, more in (("accept", {}), ("reject", {"reason": "other"}), ("undo", {})):
        book.add(decision(file, 1, action, **more))
    assert book.standing(1)["Ann"].action == "accept"
    assert book.decided_by["Ann"] == book.decided == 1
    book.add(decision(file, 1, "undo"))
    book.add(decision(file, 1, "undo"))
    assert not book.is_decided(1)
    assert book.decided_by["Ann"] == book.decided == 0


def test_a_decision_that_was_sent_twice_counts_once(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    book = Book(file, [decision(file, 1, key="k"), decision(file, 1, key="k"), decision(file, 1, "undo", key="m")])
    assert not book.is_decided(1)


def test_a_rebuilt_row_is_asked_again_and_others_stay(tmp_path):
    file = ReviewFile(review_file(tmp_path, 4))
    made = [decision(file, 0), decision(file, 1), decision(file, 2), decision(file, 1, "undo", "Ben")]
    rows = [review_row(n) for n in range(3)]
    rows[1]["target"]["label"] = "学术"
    del rows[2]
    again = ReviewFile(write_rows(file.path, rows))
    book = Book(again, made)
    assert book.is_decided(0) and not book.is_decided(1)
    assert book.stale(1)["Ann"].action == "accept"
    assert (book.decided, book.stale_rows(), set(book.gone)) == (1, 1, {("zh_scnm", "zh-2")})
    book.add(decision(again, 1, "reject", reason="other"))
    assert (book.decided, book.stale_rows()) == (2, 0)


def test_the_log_is_json_lines_that_others_can_read(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    log = DecisionLog(log_path(file.path))
    log.append([decision(file, 1, "reject", reason="untranslated", key="k1")])
    assert json.loads(log.path.read_text(encoding="utf-8")) == {
        "time": "2025-01-01T00:00:00.000Z",
        "reviewer": "Ann",
        "config": "zh_scnm",
        "id": "zh-1",
        "sha256": file.sha256(1),
        "action": "reject",
        "reason": "untranslated",
        "key": "k1",
    }


def test_a_whole_last_line_without_its_end_counts_and_is_not_set_aside(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample("Ann"), sample("Ben")])
    log.path.write_bytes(log.path.read_bytes().removesuffix(b"\n"))  # as some editors save
    again = DecisionLog(log.path)
    again.append([sample("Cem")])
    assert [d.reviewer for d in again.fresh()] == ["Ann", "Ben", "Cem"]
    assert again.warning() == ""


@pytest.mark.parametrize("cut, readers", [(1, ["Ann", "Ben"]), (30, ["Ann"])])
def test_a_log_is_mended_before_it_is_read_and_lines_set_aside_are_named(tmp_path, cut, readers):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample("Ann"), sample("Ben")])
    log.path.write_bytes(log.path.read_bytes()[:-cut])
    again = DecisionLog(log.path)
    again.mend()
    assert [d.reviewer for d in again.fresh()] == readers
    assert ("x.decisions.torn: a line was cut off" in again.warning()) == (len(readers) == 1)


def test_a_log_in_order_and_one_that_is_not_there_are_left_alone(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.mend()
    assert not list(tmp_path.iterdir())
    log.append([sample()])
    log.path.with_name(f".{log.path.name}.lock").unlink()
    log.mend()
    assert [path.name for path in tmp_path.iterdir()] == ["x.decisions.jsonl"]


def test_a_broken_line_has_the_same_number_however_often_it_is_read(tmp_path):
    log = DecisionLog(tmp_path / "x.decisions.jsonl")
    log.append([sample()])
    with log.path.open("ab") as file:
        file.write(b'{"a": 1}\n')
    for _ in range(3):
        with pytest.raises(KitError, match=r"x.decisions.jsonl:2: no decision"):
            log.fresh()


def test_a_key_is_of_one_reviewer_and_one_row(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    sent = [decision(file, 1, key="k"), decision(file, 1, key="k", reviewer="Ben"), decision(file, 2, key="k")]
    book = Book(file, [*sent, *sent])
    assert set(book.standing(1)) == {"Ann", "Ben"}
    assert set(book.standing(2)) == {"Ann"}


def test_one_person_is_one_reviewer_however_the_name_is_spelled(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    names = ("Mika", "Mika ", "mika", "Ｍｉｋａ")
    book = Book(file, [decision(file, 1, reviewer=name) for name in names])
    assert set(book.standing(1)) == {"Mika"} and book.decided_by == {"Mika": 1}
    assert book.outcome(1, "MIKA").state == "accept"
    assert book.name("山田　花子") == "山田 花子"


def test_a_decision_about_a_row_that_is_gone_can_be_taken_back(tmp_path):
    made = decision(ReviewFile(review_file(tmp_path, 3)), 2)
    book = Book(ReviewFile(review_file(tmp_path, 2)), [made])
    assert list(book.gone) == [("zh_scnm", "zh-2")]
    book.add(replace(made, action="undo"))
    assert not book.gone


def test_the_same_items_in_another_order_are_the_same_correction(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    record = to_dict(file[1].target)
    turned = {**record, "items": record["items"][::-1]}
    book = Book(file, [decision(file, 1, "edit", record=record), decision(file, 1, "edit", "Ben", record=turned)])
    assert book.outcome(1).state == "edit"


def test_what_counts_for_the_agreement_is_what_was_said_before_the_other_could_be_seen(tmp_path):
    file = ReviewFile(review_file(tmp_path))
    no = {"reason": "other"}
    book = Book(
        file,
        [
            decision(file, 1, "accept"),  # a slip, taken back at once
            decision(file, 1, "undo"),
            decision(file, 1, "reject", **no),
            decision(file, 1, "accept", "Ben"),
            decision(file, 1, "undo", "Ben"),  # Ben has seen that Ann rejects
            decision(file, 1, "reject", "Ben", **no),
            decision(file, 2, "accept"),
        ],
    )
    assert {name: one.action for name, one in book.blind(1).items()} == {"Ann": "reject", "Ben": "accept"}
    assert book.outcome(1).state == "reject"
    assert list(book.blind_rows()) == [1] and book.blind(2) == {}
