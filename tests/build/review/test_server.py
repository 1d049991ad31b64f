"""The server as its page and as strangers meet it; a real process, spoken to over HTTP."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from build.review.decisions import DecisionLog, log_path
from mmm_dataset import to_dict
from tests.build.review.review_files import review_file, review_row, source_record, target_record, worklist, write_rows
from tests.build.review.serving import ENVIRONMENT, ROOT, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(review_file(tmp_path_factory.mktemp("served"), 6), "--reviewer", "Ann") as running:
        yield running


def test_it_listens_on_the_loopback_address_only(server):
    with open(f"/proc/{server.process.pid}/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{server.port:04X}")]
    assert listening == [f"0100007F:{server.port:04X}"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0", "", "[::2]:80"]
)
def test_a_foreign_host_is_refused_even_with_the_token(server, host):
    for method, path, body in (("GET", "/", None), ("POST", "/api/overview", {"reviewer": "Ann"})):
        assert server.request(method, path, body, Host=host)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Review_Token": None},
        {"X_Review_Token": "wrong"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_refused(server, headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    status, answer = server.request("POST", "/api/overview", {"reviewer": "Ann"}, **headers)
    assert status == 403
    assert "rows" not in str(answer)


def test_its_own_page_passes_under_every_loopback_name(server):
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", f"[::1]:{server.port}", "localhost:1234"):
        answer = server.request(
            "POST", "/api/hello", {}, Host=host, Origin=f"http://{host}", **{"Sec-Fetch-Site": "same-origin"}
        )
        assert answer == (200, {"reviewer": "Ann"})


def test_a_get_changes_and_tells_nothing_and_the_page_loads_nothing_foreign(server):
    assert server.request("GET", "/api/overview")[0] == 405
    status, page = server.request("GET", "/", **{"X-Review-Token": None})
    assert status == 200
    assert b"http://" not in page and b"https://" not in page
    for path in (ROOT / "build/review/page").iterdir():
        status, content = server.request("GET", f"/page/{path.name}", **{"X-Review-Token": None})
        assert status == 200 and content == path.read_bytes()
        assert b"innerHTML" not in content and b"https://" not in content
    assert server.request("GET", "/page/../server.py")[0] == 404


def test_what_is_no_request_of_the_page_is_an_answer_not_a_crash(server):
    for name, body in (
        ("step", {}),
        ("step", []),
        ("decide", {"row": {}}),
        ("count", {"reviewer": "A", "filter": {"x": 1}}),
        ("count", {"reviewer": "A", "filter": [1]}),
        ("decide", []),
        ("decide", {"row": "x", "reviewer": "A", "action": "accept"}),
        ("overview", None),
        ("hello", "x"),
        ("step", {"reviewer": "A", "place": float("inf"), "step": 1}),
    ):
        status, answer = server.request("POST", f"/api/{name}", body)
        assert status == 400 and "not a request of the page" in answer["error"]
    assert server.request("POST", "/api/move", {"old": "a", "new": "b", "items": 3})[0] in (400, 422)
    assert server.request("POST", "/api/step", {}, **{"Content-Length": str(1 << 30)})[0] == 413


def test_rows_by_risk_and_by_filter(server):
    row = server.first()
    assert row["target"]["id"] == "zh-0"  # a flag and a rewrite
    assert row["flags"][0]["check"] == "numbers"
    assert row["text_labels"] == ["社会", "文艺", "学术", "技术", "自然"]
    assert "地名" in row["item_labels"] and row["roles"] == ["entity"]
    assert server.first(query="第3届")["target"]["id"] == "zh-3"
    assert server.first(query="SAPPORO")["found"] is False
    assert server.first(rung="rewrite")["target"]["id"] == "zh-0"
    count = server.call("count", {"reviewer": "Ann", "filter": {"check": "numbers"}})
    assert count == {"rows": 2}
    names = server.call("overview", {"reviewer": "Ann"})
    assert (names["file"], names["checks"], names["rungs"]) == (
        "review.jsonl",
        {"numbers": 2},
        {"tagged": 5, "rewrite": 1},
    )


def test_the_search_reads_what_the_file_may_hold_escaped(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(to_dict(target_record(n))) + "\n" for n in range(3)), encoding="ascii")
    with serving(path) as server:
        assert server.first(query="大阪")["target"]["id"] == "zh-1"
        assert server.first(query="ZH-2")["target"]["id"] == "zh-2"


def test_decisions_are_saved_shown_to_those_who_decided_and_undone(tmp_path):
    path = review_file(tmp_path, 4)
    with serving(path) as server:
        row = server.first("Ann")
        status, progress = server.decide(row, "accept", key="1")
        assert (status, progress) == (200, {"rows": 4, "mine": 1, "all": 1, "stale": 0})
        assert server.decide(row, "accept", key="1")[1]["mine"] == 1
        assert len(DecisionLog(log_path(path)).fresh()) == 1
        seen = server.first("Ben")
        assert (seen["others"], seen["others_count"]) == ([], 1)
        server.decide(row, "reject", "Ben", reason="other", detail="なぜ")
        assert [one["action"] for one in server.first("Ben")["others"]] == ["accept"]
        assert server.first("Ben", show="conflict")["target"]["id"] == row["target"]["id"]
        assert server.first("Ann", show="undecided")["target"]["id"] != row["target"]["id"]
        server.decide(row, "undo", "Ben")
        assert server.first("Ben", show="conflict")["found"] is False
        assert server.first("Ann")["mine"]["action"] == "accept"


def test_a_wrong_correction_is_refused_with_words_and_not_logged(tmp_path):
    path = review_file(tmp_path, 2)
    with serving(path) as server:
        row = server.first()
        status, answer = server.decide(row, "edit", record={**row["target"], "label": "怪"})
        assert status == 422 and "unknown text-level label '怪'" in answer["error"]
        assert server.decide(row, "edit")[0] == 422
        assert server.decide(row, "reject", reason="dislike")[0] == 422
        assert server.decide(row, "accept", " ")[0] == 422
        assert server.decide(row, "edit", record=row["target"])[0] == 200
        server.decide(row, "edit", record={**row["target"], "label": "自然"})
        assert [one.action for one in DecisionLog(log_path(path)).fresh()] == ["accept", "edit"]


def test_a_rebuild_under_a_running_server_is_noticed(tmp_path):
    path = review_file(tmp_path, 3)
    with serving(path) as server:
        row = server.first()
        server.decide(row, "accept")
        rows = [review_row(n) for n in range(5)]
        rows[0]["target"]["label"] = "自然"
        write_rows(tmp_path / "new.jsonl", rows).replace(path)
        status, answer = server.decide(row, "accept")
        assert status == 409 and answer["changed"]
        again = server.first()
        assert (again["total"], again["target"]["label"]) == (5, "自然")
        assert (again["mine"], again["stale"][0]["action"]) == (None, "accept")
        assert server.first(show="stale")["target"]["id"] == "zh-0"


def test_two_servers_on_one_file_and_threads_lose_nothing(tmp_path):
    path = review_file(tmp_path, 40)
    with serving(path) as one, serving(path) as other:

        def review(server, name):
            while (row := server.first(name, show="undecided"))["found"]:
                assert server.decide(row, "accept", name)[0] == 200

        threads = [threading.Thread(target=review, args=pair) for pair in ((one, "Ann"), (one, "Ben"), (other, "Cem"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        progress = other.call("overview", {"reviewer": "Ann"})["progress"]
        assert progress == {"rows": 40, "mine": 40, "all": 40, "stale": 0}
    found = DecisionLog(log_path(path)).fresh()
    assert len(found) == len({(one.reviewer, one.id) for one in found}) == 120


def test_an_adjudicator_sees_what_the_others_said(tmp_path):
    with serving(review_file(tmp_path, 2), "--adjudicator", "Cem") as server:
        row = server.first()
        server.decide(row, "accept", "Ann")
        server.decide(row, "reject", "Ben", reason="other")
        assert {one["reviewer"] for one in server.first("Cem")["others"]} == {"Ann", "Ben"}
        assert server.first("Dan")["others"] == []
        server.decide(row, "accept", "Cem")
        assert server.first("Cem", show="conflict")["found"] is False


def test_a_taken_port_is_one_line_and_ctrl_c_ends_in_order(tmp_path):
    path = review_file(tmp_path, 1)
    with serving(path) as server:
        command = [sys.executable, "-m", "build", "review", str(path), "--no-browser", "--port"]
        for port in (str(server.port), "70000"):
            done = subprocess.run(
                [*command, port], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 2
            assert done.stderr.startswith(f"build: error: port {port}: ") and done.stderr.count("\n") == 1
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0


def test_a_row_of_a_worklist_cannot_be_accepted_before_it_is_complete_unless_its_source_is_open_too(tmp_path):
    with serving(worklist(tmp_path, "label", "label items")) as server:
        row = server.first(query="zh-0")
        assert row["target"]["label"] is None and "社会" in row["text_labels"]
        status, answer = server.decide(row, "accept")
        assert status == 422 and answer["error"].startswith("label still missing")
        assert server.decide(row, "edit", record=row["target"])[0] == 422  # nothing was set
        assert server.decide(row, "edit", record={**row["target"], "label": "自然"})[0] == 200
        assert "label and items still missing" in server.decide(server.first(query="zh-1"), "accept")[1]["error"]
    target = {**to_dict(target_record(0)), "label": None}
    rows = [review_row(0, target=target, source={**to_dict(source_record(0)), "label": None})]
    with serving(write_rows(tmp_path / "review.jsonl", rows)) as server:
        assert server.decide(server.first(), "accept")[0] == 200  # the label comes later, for both


def test_a_log_that_a_hand_broke_is_told_at_the_start(tmp_path):
    path = review_file(tmp_path, 1)
    log_path(path).write_text("oops\n")
    command = [sys.executable, "-m", "build", "review", str(path), "--no-browser"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"build: error: {log_path(path)}:1: no decision") and done.stderr.count("\n") == 1


def test_a_rebuild_that_cannot_be_read_is_told_until_it_can_and_mixes_nothing(tmp_path):
    path = review_file(tmp_path, 4)
    with serving(path, "--order", "file") as server:
        row = server.first()
        server.decide(row, "accept")
        good = path.read_bytes()
        others = [review_row(n) for n in (3, 2, 1, 0)]
        for change, told in (
            ({"language": "fr"}, "no config 'fr_scnm' in the registry"),
            ({"word": "Nonsense"}, "no task word 'Nonsense' in the registry"),
        ):
            bad = {**review_row(9), "target": {**review_row(9)["target"], **change}}
            write_rows(tmp_path / "new.jsonl", [*others, bad]).replace(path)
            for _ in range(2):
                status, answer = server.request("POST", "/api/overview", {"reviewer": "Ann"})
                assert status == 422 and told in answer["error"]
                assert server.decide(row, "accept", "Ben")[0] == 422
        path.unlink()
        assert server.request("POST", "/api/overview", {"reviewer": "Ann"})[0] == 422
        path.write_bytes(good)
        assert server.first(show="decided")["target"]["id"] == "zh-0"
        write_rows(tmp_path / "new.jsonl", others).replace(path)
        assert server.first(show="decided")["target"]["id"] == "zh-0"
        assert server.first()["target"]["id"] == "zh-3"


def test_a_reviewer_is_known_however_the_name_is_typed(tmp_path):
    with serving(review_file(tmp_path, 2), "--adjudicator", "zed") as server:
        row = server.first("Mika")
        server.decide(row, "accept", "Mika")
        assert server.decide(row, "accept", " mika ")[1] == {"rows": 2, "mine": 1, "all": 1, "stale": 0}
        assert server.call("overview", {"reviewer": "MIKA"})["reviewer"] == "Mika"
        assert server.first("mika", show="decided")["mine"]["reviewer"] == "Mika"
        assert len(server.first(" ZED", show="all")["others"]) == 1


def test_a_key_of_one_reviewer_takes_nothing_from_another(tmp_path):
    with serving(review_file(tmp_path, 2)) as server:
        row = server.first()
        server.decide(row, "accept", "Ann", key="K")
        assert server.decide(row, "accept", "Ben", key="K")[1]["mine"] == 1
