"""One repository through all of it, on a Hub (an imitation) with the real client."""

import json
import signal
import subprocess

import pytest

from tests.build.release.made import BEGIN, ROOT, Made, command, release
from tests.hub import Hub, rate_limit, retry_after

REPOSITORY = "datasets/org/mine"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def go(hub, tmp_path):
    def run(piece=None, **options):
        done = release(hub, tmp_path / "home", piece or Made(), **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def fails(hub, tmp_path):
    def run(piece=None, **options):
        done = release(hub, tmp_path / "home", piece or Made(), **options)
        assert done.returncode == 2, (done.stdout, done.stderr)
        line = done.stderr.strip().splitlines()[-1]
        assert line.startswith("build: error: ") and hub.token not in done.stderr + done.stdout
        return line

    return run


def tags(hub):
    return hub.repositories[REPOSITORY].tags


def test_one_commit_a_tag_and_nothing_the_second_time(hub, go):
    said = go()
    assert (said["version"], said["new"], said["tagged"]) == ("1.0.0", True, True)
    assert hub.count("commit") == 1 and hub.history(REPOSITORY)[1:] == ["Release v1.0.0"]
    assert tags(hub) == {"v1.0.0": hub.at(REPOSITORY).oid}
    assert hub.repositories[REPOSITORY].private
    assert hub.read(REPOSITORY, "sub/b.json") == b"2" and b"# Mine v1.0.0" in hub.read(REPOSITORY, "README.md")
    again = go()
    assert (again["version"], again["tagged"], again["add"], again["replace"]) == ("1.0.0", False, 0, 0)
    assert hub.count("commit") == 1 and hub.count("tag") == 1
    assert go(Made({"a.json": "3"}))["version"] == "1.1.0"
    assert set(tags(hub)) == {"v1.0.0", "v1.1.0"} and "sub/b.json" not in hub.at(REPOSITORY).files


def test_a_dry_run_reads_and_changes_nothing(hub, go):
    assert go(dry_run=True)["new"]
    assert not hub.repositories
    go()
    asked = len(hub.requests)
    assert go(Made({"a.json": "3"}), dry_run=True)["delete"] == 1
    assert {request.method for request in hub.requests[asked:]} <= {"GET", "HEAD"}


def test_the_token_goes_to_the_hub_alone(hub, go):
    go(Made({"big.parquet": "PAR1" + "x" * 1000}))
    storage = [request for request in hub.requests if request.host == "storage"]
    assert storage and not any(request.token for request in storage)
    assert any(request.token for request in hub.requests)


def test_people_and_kit_share_a_repository(hub, go, fails):
    go()
    card = hub.read(REPOSITORY, "README.md").decode()
    hub.commit(REPOSITORY, {"README.md": card.replace(f"{BEGIN}\n", f"{BEGIN}\nThanks!\n").encode(), "notes.txt": b"n"})
    assert go()["add"] == 0 and hub.count("commit") == 1
    said = go(Made({"a.json": "3"}))
    assert said["kept"] == [".gitattributes", "notes.txt"] and hub.read(REPOSITORY, "notes.txt") == b"n"
    assert b"Thanks!" in hub.read(REPOSITORY, "README.md")
    hub.commit(REPOSITORY, {"a.json": b"mine"})
    head = hub.at(REPOSITORY).oid
    assert "a.json was not put there by this kit, or was changed since" in fails(Made({"a.json": "4"}))
    assert hub.at(REPOSITORY).oid == head


def test_a_commit_in_between_is_merged(hub, go):
    go()
    hub.before("commit", lambda: hub.commit(REPOSITORY, {"notes.txt": b"n"}, title="in between"))
    assert go(Made({"a.json": "3"}))["version"] == "1.1.0"
    assert hub.history(REPOSITORY)[1:] == ["Release v1.0.0", "in between", "Release v1.1.0"]
    assert hub.read(REPOSITORY, "notes.txt") == b"n" and tags(hub)["v1.1.0"] == hub.at(REPOSITORY).oid
    assert [request.status for request in hub.requests if request.kind == "commit"] == [200, 412, 200]


def test_a_missing_tag_is_set(hub, go, fails):
    hub.fault("tag", status=403)
    assert "the Hub says 403" in fails() and not tags(hub)
    assert go()["tagged"] and tags(hub) == {"v1.0.0": hub.at(REPOSITORY).oid} and hub.count("commit") == 1
    del tags(hub)["v1.0.0"]
    first = hub.at(REPOSITORY).oid
    go(Made({"a.json": "3"}))  # the version before is tagged as well
    assert tags(hub) == {"v1.0.0": first, "v1.1.0": hub.at(REPOSITORY).oid}


def test_a_tag_of_somebody_else_is_not_taken_for_ours(hub, go):
    hub.commit(REPOSITORY, {"old.txt": b"theirs"})
    hub.repositories[REPOSITORY].tag("v1.0.0", "main")
    theirs = hub.at(REPOSITORY).oid
    assert go()["version"] == "1.0.1"  # the first one that is free
    assert tags(hub) == {"v1.0.0": theirs, "v1.0.1": hub.at(REPOSITORY).oid}
    assert hub.read(REPOSITORY, "old.txt") == b"theirs"
    assert go()["version"] == "1.0.1"


def test_a_tag_set_in_between_is_said(hub, fails):
    hub.before("tag", lambda: hub.repositories[REPOSITORY].tag("v1.0.0", hub.at(REPOSITORY).parent))
    assert "somebody has just set the tag v1.0.0 on another commit" in fails()


def test_an_answer_that_is_lost_is_not_a_second_commit(hub, go):
    hub.fault("commit", "lose")
    said = go()
    assert hub.history(REPOSITORY)[1:] == ["Release v1.0.0"] and tags(hub) == {"v1.0.0": hub.at(REPOSITORY).oid}
    assert said["version"] == "1.0.0"


@pytest.mark.parametrize(
    "kind, how, headers",
    [
        ("create", 500, None),
        ("commit", 429, rate_limit(1)),
        ("commit", "drop", None),
        ("tag", 429, retry_after(1)),
        ("refs", 503, None),
        ("info", "drop", None),
        ("tree", 500, None),
    ],
)
def test_passing_trouble_is_waited_out(hub, go, kind, how, headers):
    hub.fault(kind, "drop") if how == "drop" else hub.fault(kind, status=how, headers=headers)
    assert go()["version"] == "1.0.0"
    assert len(hub.history(REPOSITORY)) == 2 and set(tags(hub)) == {"v1.0.0"}


@pytest.mark.parametrize(
    "status, said",
    [
        (401, "the token is not valid: run `hf auth login`, or set HF_TOKEN"),
        (403, "the token may not write there: it needs write access to org"),
        (404, "not there, or hidden from this token"),
        (409, "the Hub says 409"),
    ],
)
def test_refusals_are_one_line_and_change_nothing(hub, fails, status, said):
    hub.fault("commit", status=status, times=9)
    assert said in fails()
    assert len(hub.history(REPOSITORY)) == 1 and not tags(hub)


def test_who_may_not_write_is_told_so(hub, fails):
    assert "nobody is logged in to the Hub: run `hf auth login`" in fails(token=None)
    assert "https" not in fails(token=hub.reader) and not hub.repositories
    assert "the Hub says 40" in fails(token=hub.stranger)


def test_a_hub_that_asks_for_too_much_patience(hub, fails):
    hub.fault("commit", status=429, headers=retry_after(3600), times=9)
    assert "asks for patience" in fails()
    assert hub.count("commit") == 1


def test_a_hub_that_is_not_there(tmp_path):
    with Hub() as hub:
        variables = hub.environment(tmp_path / "home")
    done = subprocess.run(command(Made()), cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "the Hub cannot be reached" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_killed_at_any_request_and_run_again(hub, go, tmp_path):
    """Old or new, never between; and the same command completes it."""
    old = Made({"a.json": "1", "big.parquet": "PAR1" + "x" * 2000})
    new = Made({"a.json": "2", "big.parquet": "PAR1" + "y" * 2000, "c.json": "3"})
    go(old)
    head, states = hub.at(REPOSITORY), set()
    for number in range(1, 40):
        process = subprocess.Popen(command(new), cwd=ROOT, env=hub.environment(tmp_path / "home"), stdout=-1, stderr=-1)
        hub.before("*", lambda process=process: process.send_signal(signal.SIGKILL), nth=number)
        killed = process.wait(120) == -signal.SIGKILL
        process.communicate()
        hub.script.clear()
        now = hub.at(REPOSITORY)
        states.add(now.oid == head.oid)
        if now.oid != head.oid:
            assert {name: hub.read(REPOSITORY, name) for name in new.files} == {
                n: t.encode() for n, t in new.files.items()
            }
            assert now.parent == head.oid
        else:
            assert now.files == head.files
        if not killed:
            break
    assert states == {True, False}
    go(new)
    assert hub.history(REPOSITORY)[1:] == ["Release v1.0.0", "Release v1.1.0"]
    assert tags(hub) == {"v1.0.0": head.oid, "v1.1.0": hub.at(REPOSITORY).oid}
