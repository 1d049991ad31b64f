"""The imitated Hub serves the real clients, hides what is private, takes commits whole or not at all, and fails on demand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.hub import Hub, rate_limit, retry_after
from tests.hub.repository import large, tree_ids
from tests.oiellm.tiny import save_tiny

ROOT = Path(__file__).parents[2]
CARD = b"---\nlicense: mit\n---\nA card.\n"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


def run(hub: Hub, folder: Path, code: str, token: str | None = "", *arguments: str) -> Any:
    """What a script answers that meets the Hub in a process of its own, with empty caches."""
    folder.mkdir(exist_ok=True)
    script = "import json, os, sys\ndef say(found): print('FOUND' + json.dumps(found))\n" + code
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=hub.environment(folder / "home", token),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert "FOUND" in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.split("FOUND")[-1])


def ask(hub: Hub, path: str, token: str = "", body: Any = None, method: str = "", **headers: str):
    """Status, headers and body of one request."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(path if "://" in path else hub.url + path, data, headers, method=method or None)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.build_opener(Stay).open(request) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirections are looked at, not followed."""

    def redirect_request(self, *_):
        return None


PUSH = """
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
api, name, big = HfApi(), "org/set", os.urandom(3_000_000)
url = api.create_repo(name, repo_type="dataset", private=True)
first = api.repo_info(name, repo_type="dataset")
files = {"README.md": b"---\\nlicense: mit\\n---\\n", "data/x.parquet": big, "data/\u65e5\u672c a.txt": b"text", "empty": b""}
done = api.create_commit(
    name, [CommitOperationAdd(path, content) for path, content in files.items()],
    commit_message="one", repo_type="dataset", parent_commit=first.sha,
)
api.create_tag(name, tag="v1.0.0", revision=done.oid, repo_type="dataset")
two = api.create_commit(
    name, [CommitOperationDelete("empty"), CommitOperationAdd("data/x.parquet", big + b"more")],
    commit_message="two", repo_type="dataset", parent_commit=done.oid,
)
"""


def test_what_was_pushed_is_read_back_at_every_revision(hub, tmp_path):
    found = run(
        hub,
        tmp_path,
        PUSH
        + """
from huggingface_hub import hf_hub_download, snapshot_download
old = snapshot_download(name, repo_type="dataset", revision="v1.0.0")
same = {path: open(os.path.join(old, path), "rb").read() == content for path, content in files.items()}
new = hf_hub_download(name, "data/x.parquet", repo_type="dataset")
refs = api.list_repo_refs(name, repo_type="dataset")
tree = {f.path: f for f in api.list_repo_tree(name, repo_type="dataset", revision="v1.0.0", recursive=True)}
x = tree["data/x.parquet"]
say({
    "user": api.whoami()["name"], "url": str(url), "private": first.private, "same": same, "tags": [t.name for t in refs.tags],
    "tagged": refs.tags[0].target_commit == done.oid, "head": refs.branches[0].target_commit == two.oid,
    "new": open(new, "rb").read() == big + b"more", "tree": sorted(tree), "lfs": [x.lfs.size, x.size],
    "short": api.repo_info(name, repo_type="dataset", revision=done.oid[:8]).sha == done.oid,
    "commits": [c.title for c in api.list_repo_commits(name, repo_type="dataset")],
    "now": [f.path for f in api.get_paths_info(name, ["empty", "data", "README.md"], repo_type="dataset")],
    "license": api.repo_info(name, repo_type="dataset").card_data.license,
})""",
    )
    assert found["user"] == "tester" and found["url"] == f"{hub.url}/datasets/org/set" and found["private"]
    assert (
        set(found["same"].values()) == {True} and found["new"] and found["head"] and found["tagged"] and found["short"]
    )
    assert found["tags"] == ["v1.0.0"] and found["commits"] == ["two", "one", "initial commit"]
    files = [".gitattributes", "README.md", "data", "data/x.parquet", "data/日本 a.txt", "empty"]
    assert found["tree"] == files and found["lfs"] == [3_000_000, 3_000_000]
    assert found["now"] == ["README.md", "data"] and found["license"] == "mit"
    assert hub.history("datasets/org/set") == ["initial commit", "one", "two"]


def test_a_token_goes_to_the_hub_alone(hub, tmp_path):
    run(
        hub, tmp_path, PUSH + "from huggingface_hub import snapshot_download as s\ns(name, repo_type='dataset')\nsay(1)"
    )
    stored = [request for request in hub.requests if request.host == "storage"]
    assert [request.kind for request in stored] == ["upload", "upload", "download"]
    assert not any(request.token for request in stored)
    assert {request.status for request in stored} == {200} and stored[0].received == 3_000_000
    asked = [request for request in hub.requests if request.host == "hub" and request.kind != "other"]
    assert all(request.token for request in asked)
    entry = hub.at("datasets/org/set").files["data/x.parquet"]
    address = hub.storage_address(hub.repositories["datasets/org/set"], entry.sha256)
    assert ask(hub, address)[0] == 200 and ask(hub, address, hub.token)[0] == 400
    assert ask(hub, address.split("?")[0])[0] == 403
    assert hub.requests[-2].token and hub.requests[-2].host == "storage"


def test_a_file_that_has_not_changed_is_not_sent_again(hub, tmp_path):
    code = """
same = api.create_commit(name, [CommitOperationAdd("README.md", files["README.md"]),
    CommitOperationAdd("data/x.parquet", big + b"more")], commit_message="again", repo_type="dataset")
say(same.oid == two.oid)"""
    assert run(hub, tmp_path, PUSH + code)
    assert hub.count("commit") == 2 and hub.count("upload") == 2


def test_ids_are_those_of_git(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git")

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    contents = {"b.txt": b"text\n", "b/c": b"", "b/d/e": b"\0", "a": b"x", "b-": b"y"}
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    git("init", "-q")
    git("add", ".")
    with Hub() as hub:
        hub.commit("models/org/m", contents)
        files = {path: entry for path, entry in hub.at("models/org/m").files.items() if path in contents}
    assert tree_ids(files)[""] == git("write-tree")
    assert files["b/d/e"].oid == git("hash-object", "b/d/e") and large("0" * 64, 12).pointer == 127


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_what_is_private_is_hidden(hub, kind):
    hub.commit(f"{kind}/org/x", {"README.md": CARD, "a": b"1"})
    page = "/org/x" if kind == "models" else f"/{kind}/org/x"
    reads = [f"/api/{kind}/org/x", f"/api/{kind}/org/x/tree/main", f"/api/{kind}/org/x/refs", f"{page}/resolve/main/a"]
    assert {ask(hub, path)[0] for path in reads} == {200}
    assert ask(hub, f"/api/{kind}/org/x/settings", hub.token, {"visibility": "private"}, "PUT")[0] == 200
    for path in reads:
        assert ask(hub, path, hub.token)[0] == ask(hub, path, hub.reader)[0] == 200
        status, headers, body = ask(hub, path)
        assert (status, headers["X-Error-Code"]) == (401, "RepoNotFound") and b"Invalid username or password." in body
        status, headers, _ = ask(hub, path, hub.stranger)
        assert (status, headers["X-Error-Code"]) == (404, "RepoNotFound")
    assert ask(hub, f"/api/{kind}/org/x/settings", hub.token, {"visibility": "public"}, "PUT")[0] == 200
    assert {ask(hub, path)[0] for path in reads} == {200}
    # A token nobody knows is refused, even where none is needed.
    status, headers, _ = ask(hub, reads[0], "hf_unknown")
    assert (status, headers["X-Error-Message"]) == (401, "Invalid credentials in Authorization header")


def test_who_may_write(hub):
    hub.commit("models/org/x", {"a": b"1"})
    writes = [
        ("/api/repos/create", {"name": "y", "organization": "org"}, "POST"),
        ("/api/models/org/x/settings", {"visibility": "private"}, "PUT"),
        ("/org/x.git/info/lfs/objects/batch", {"objects": []}, "POST"),
        ("/api/models/org/x/commit/main", {"key": "header", "value": {"summary": "s"}}, "POST"),
        ("/api/models/org/x/tag/main", {"tag": "v1"}, "POST"),
        ("/api/repos/delete", {"name": "x", "organization": "org"}, "DELETE"),
    ]
    for path, body, method in writes:
        found = [ask(hub, path, token, body, method)[0] for token in ("", "hf_unknown", hub.reader, hub.stranger)]
        assert found == [401, 401, 403, 403], path
    assert {ask(hub, path, hub.token, body, method)[0] for path, body, method in writes} == {200}
    assert not hub.repositories.get("models/org/x") and hub.repositories["models/org/y"]


def test_clients_are_told_what_is_missing_or_taken(hub, tmp_path):
    hub.commit("datasets/org/there", {"a": b"1"})
    hub.commit("datasets/org/hidden", {"a": b"1"})
    hub.repositories["datasets/org/hidden"].private = True
    found = run(
        hub,
        tmp_path,
        """
from huggingface_hub import HfApi, hf_hub_download
api, d = HfApi(), {"repo_type": "dataset"}
def told(call):
    try: return str(call())
    except Exception as error: return f"{type(error).__name__} {error.response.status_code}"
say([
    told(lambda: api.repo_info("org/none", **d)), told(lambda: api.repo_info("org/hidden", token=False, **d)),
    told(lambda: api.repo_info("org/there", revision="v9", **d)), told(lambda: hf_hub_download("org/there", "b", **d)),
    told(lambda: api.create_repo("org/there", **d)), told(lambda: api.create_repo("org/there", exist_ok=True, **d)),
    told(lambda: api.create_tag("org/there", tag="v1", **d)), told(lambda: api.create_tag("org/there", tag="v1", **d)),
    told(lambda: api.create_tag("org/there", tag="v1", exist_ok=True, **d)),
    told(lambda: api.create_tag("org/there", tag="v2", revision="nope", **d)),
    told(lambda: api.repo_info("org/there", token="hf_unknown", **d)), told(lambda: api.repo_exists("org/none", **d)),
])""",
    )
    assert found == [
        *("RepositoryNotFoundError 404", "RepositoryNotFoundError 401"),
        *("RevisionNotFoundError 404", "RemoteEntryNotFoundError 404"),
        *("HfHubHTTPError 409", f"{hub.url}/datasets/org/there"),
        *("None", "HfHubHTTPError 409", "None", "RevisionNotFoundError 404"),
        *("HfHubHTTPError 401", "False"),
    ]


def commit_lines(*lines: tuple[str, dict[str, Any]], parent: str = "") -> bytes:
    header = ("header", {"summary": "s", **({"parentCommit": parent} if parent else {})})
    return b"".join(json.dumps({"key": key, "value": value}).encode() + b"\n" for key, value in (header, *lines))


def test_a_commit_is_taken_whole_or_not_at_all(hub):
    first = hub.commit("datasets/org/x", {"a": b"1"})
    good = ("file", {"path": "b", "content": "MQ==", "encoding": "base64"})

    def send(*lines: Any, parent: str = "", branch: str = "main") -> tuple[int, bytes]:
        path = f"/api/datasets/org/x/commit/{branch}"
        status, _, body = ask(hub, path, hub.token, commit_lines(good, *lines, parent=parent))
        return status, body

    pointer = {"path": "c.parquet", "oid": "0" * 64, "size": 3, "algo": "sha256"}
    status, body = send(("lfsFile", pointer))
    assert status == 400 and b"does not exist" in body
    assert send(("deletedFile", {"path": "z"}))[0] == 404 and send(("deletedFolder", {"path": "z/"}))[0] == 404
    assert send(("file", {"path": "README.md", "content": "LS0tCmxpY2Vuc2U6IG5vbmUKLS0tCg=="}))[0] == 400
    assert send(("file", {"path": "big.txt", "content": "YWFh" * (4 << 20)}))[0] == 400
    assert send(parent="0" * 40)[0] == 412 and send(branch="nope")[0] == 404 and send(("what", {}))[0] == 400
    assert hub.at("datasets/org/x").oid == first and "b" not in hub.at("datasets/org/x").files
    assert send(("deletedFile", {"path": "a"}), parent=first)[0] == 200
    assert sorted(hub.at("datasets/org/x").files) == [".gitattributes", "b"]
    assert send(parent=first)[0] == 412  # it has moved on
    assert hub.read("datasets/org/x", "a", first) == b"1"  # and the old state is still there


def test_pages_of_a_listing(tmp_path):
    with Hub(page=3) as hub:
        hub.commit("models/org/x", {f"{folder}/{number}": b"1" for folder in "ab" for number in range(5)})
        for number in range(4):
            hub.commit("models/org/x", {"n": b"%d" % number})
        found = run(
            hub,
            tmp_path,
            """
from huggingface_hub import HfApi
tree = lambda **o: [f.path for f in HfApi().list_repo_tree("org/x", **o)]
say([tree(recursive=True), tree(), tree(path_in_repo="b"), len(HfApi().list_repo_commits("org/x")),
     [f.last_commit.title for f in HfApi().list_repo_tree("org/x", expand=True)]])""",
        )
        tree = sorted(
            [".gitattributes", "a", "b", "n", *(f"{folder}/{number}" for folder in "ab" for number in range(5))]
        )
        assert found[:2] == [tree, [".gitattributes", "a", "b", "n"]]
        assert found[2] == [f"b/{number}" for number in range(5)] and found[3] == 6
        assert found[4] == ["initial commit", *["by somebody else"] * 3] and hub.count("tree") == 5 + 2 + 2 + 2
        assert ask(hub, "/api/models/org/x/tree/main/nope")[0] == 404


def test_parts_of_a_file(hub):
    hub.commit("models/org/x", {"a": b"0123456789"})
    for asked, status, body in [
        *(("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=-2", 206, b"89")),
        *(("bytes=8-99", 206, b"89"), ("bytes=10-", 416, b""), ("", 200, b"0123456789")),
    ]:
        found = ask(hub, "/org/x/resolve/main/a", Range=asked)
        assert (found[0], found[2]) == (status, body), asked
    status, headers, body = ask(hub, "/org/x/resolve/main/a", method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")
    assert headers["X-Repo-Commit"] == hub.at("models/org/x").oid


def test_cards_are_judged(hub):
    def judged(card: str, kind: str = "dataset") -> tuple[int, str]:
        status, _, body = ask(hub, "/api/validate-yaml", body={"content": card, "repoType": kind})
        found = json.loads(body)
        return status, " ".join(item["message"] for item in found["errors"] + found["warnings"])

    assert judged("---\nlicense: [mit, cc-by-4.0]\nconfigs: []\n---\n") == (200, "")
    assert judged("no metadata") == (200, "empty or missing yaml metadata in repo card")
    for card, says in [
        ("license: none", '"license" must be one of'),
        ("license: [", "Invalid YAML"),
        ("- a", "must be of type object"),
        ("tags: [1]", '"tags" must be a string'),
    ]:
        status, said = judged(f"---\n{card}\n---\n")
        assert status == 400 and says in said
    space = "---\nsdk: {}\ncolorFrom: {}\nshort_description: {}\n---\n"
    assert judged(space.format("gradio", "blue", "x" * 60), "space") == (200, "")
    for parts in (("gradio", "teal", "x"), ("other", "blue", "x"), ("gradio", "blue", "x" * 61)):
        assert judged(space.format(*parts), "space")[0] == 400


# What goes wrong on demand.


def test_faults_by_kind_and_count(hub):
    hub.commit("models/org/x", {"a": b"1"})
    hub.fault("info", status=500, skip=1, times=2)
    hub.fault("refs", status=429, headers=rate_limit(3), repository="models/org/other")
    hub.fault("*", status=403, skip=5)
    found = [ask(hub, "/api/models/org/x")[0] for _ in range(4)]
    assert found == [200, 500, 500, 200]
    assert [ask(hub, "/api/models/org/x/refs")[0] for _ in range(3)] == [200, 200, 200]
    hub.commit("models/org/other", {"a": b"1"})
    status, headers, _ = ask(hub, "/api/models/org/other/refs")
    assert (status, headers["RateLimit"]) == (429, '"api";r=0;t=3')
    assert [request.status for request in hub.requests].count(403) == 0
    hub.script.clear()
    hub.fault("info", status=412, headers=retry_after(2))
    assert ask(hub, "/api/models/org/x")[1]["Retry-After"] == "2"
    assert hub.count("info") == 5 and hub.count("*", "models/org/other") == 1


@pytest.mark.slow
def test_clients_try_again_after_faults(hub, tmp_path):
    hub.fault("preupload", status=429, headers=rate_limit(0))
    hub.fault("batch", status=500)
    hub.fault("upload", "drop")
    hub.fault("verify", "slow", seconds=0.1)
    hub.fault("download", "cut")
    code = PUSH + "from huggingface_hub import snapshot_download as s\nsay(os.listdir(s(name, repo_type='dataset')))"
    assert "data" in run(hub, tmp_path, code)
    statuses = {kind: [r.status for r in hub.requests if r.kind == kind] for kind in ("preupload", "batch", "upload")}
    assert statuses == {"preupload": [429, 200, 200], "batch": [500, 200, 200], "upload": [0, 200, 200]}
    dropped, whole = [request.received for request in hub.requests if request.kind == "upload"][:2]
    assert dropped == 1_500_000 and whole == 3_000_000
    assert [request.status for request in hub.requests if request.kind == "download"] == [200, 200]
    assert hub.history("datasets/org/set") == ["initial commit", "one", "two"]


TRY = """
from huggingface_hub import CommitOperationAdd, HfApi
try:
    HfApi().create_commit("org/x", [CommitOperationAdd("b", b"2")], commit_message="mine", parent_commit=sys.argv[1])
    say("done")
except Exception as error:
    say(f"{type(error).__name__} {getattr(getattr(error, 'response', None), 'status_code', '')}".strip())
"""


@pytest.mark.parametrize("how, commits", [("drop", 0), ("lose", 1), ("cut", 1)])
def test_a_connection_lost_before_or_after_the_commit(hub, tmp_path, how, commits):
    first = hub.commit("models/org/x", {"a": b"1"})
    hub.fault("commit", how)
    assert run(hub, tmp_path, TRY, "", first) in ("RemoteProtocolError", "ReadError", "WriteError")
    assert len(hub.history("models/org/x")) == 2 + commits


def test_somebody_else_commits_first(hub, tmp_path):
    first = hub.commit("models/org/x", {"a": b"1"})
    hub.before("commit", lambda: hub.commit("models/org/x", {"README.md": CARD}), repository="models/org/x")
    assert run(hub, tmp_path, TRY, "", first) == "HfHubHTTPError 412"
    assert hub.history("models/org/x") == ["initial commit", "by somebody else", "by somebody else"]
    assert run(hub, tmp_path, TRY, "", hub.at("models/org/x").oid) == "done"


def test_a_client_that_goes_away_in_an_upload_leaves_nothing(hub, tmp_path):
    hub.commit("datasets/org/x", {"a": b"1"})
    client = []
    hub.before("upload", lambda: client[0].kill())
    code = """
import os
from huggingface_hub import CommitOperationAdd, HfApi
add = CommitOperationAdd("x.parquet", os.urandom(60_000_000))
HfApi().create_commit("org/x", [add], commit_message="m", repo_type="dataset")
"""
    environment = hub.environment(tmp_path)
    client.append(subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL))
    assert client[0].wait(60) == -9
    assert hub.count("commit") == 0 and not hub.repositories["datasets/org/x"].stored
    assert not list(hub.objects.path("x").parent.glob(".part-*")) and not hub.mistakes


# The clients of a stranger.

TREE = """
import datasets
from datasets import load_dataset
found = {name: {split: rows.to_list() for split, rows in load_dataset("org/set", name, revision="v1").items()} for name in "ab"}
found["version"] = datasets.__version__
say(found)
"""


def push_set(hub: Hub) -> None:
    """A data set of two configurations, with a tag and a later commit that breaks it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = {}
    for name in "ab":
        for split in ("train", "test"):
            sink = pa.BufferOutputStream()
            pq.write_table(pa.table({"text": [f"{name} {split}", "日本"]}), sink)
            files[f"data/{name}/{split}-0.parquet"] = sink.getvalue().to_pybytes()
    configs = "".join(
        f"- config_name: {name}\n  data_files:\n"
        + "".join(f"  - split: {split}\n    path: data/{name}/{split}-0.parquet\n" for split in ("train", "test"))
        for name in "ab"
    )
    files["README.md"] = f"---\nlicense: mit\nconfigs:\n{configs}---\n".encode()
    hub.commit("datasets/org/set", files)
    hub.repositories["datasets/org/set"].tag("v1", "main")
    hub.commit("datasets/org/set", {"README.md": b"---\nconfigs: []\n---\n"}, deleted=["data/a/train-0.parquet"])


def test_load_dataset(hub, tmp_path):
    push_set(hub)
    found = run(hub, tmp_path, TREE, None)
    assert found.pop("version").startswith("5.")
    assert found == {
        name: {split: [{"text": f"{name} {split}"}, {"text": "日本"}] for split in ("train", "test")} for name in "ab"
    }
    assert not any(request.token for request in hub.requests)


@pytest.mark.compat
@pytest.mark.parametrize("version", ["datasets-3.6", "datasets-2.14"])
def test_load_dataset_with_older_clients(hub, tmp_path, version):
    from build.bootstrap import VENV, python_of

    python = python_of(VENV / "compat" / version)
    if not python.exists():
        pytest.skip(f"no environment {version}")
    push_set(hub)
    script = "import json\ndef say(found): print('FOUND' + json.dumps(found))\n" + TREE
    environment = hub.environment(tmp_path / "home", None)
    done = subprocess.run([python, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert "FOUND" in done.stdout, done.stderr[-3000:]
    assert json.loads(done.stdout.split("FOUND")[-1])["a"]["train"][0] == {"text": "a train"}


@pytest.mark.slow
def test_load_a_metric_from_a_space(hub, tmp_path):
    metric = ROOT / "metrics" / "mmm_f1"
    hub.commit("spaces/org/mmm_f1", {path.name: path.read_bytes() for path in metric.iterdir() if path.is_file()})
    code = """
import evaluate
metric = evaluate.load("org/mmm_f1")
row = "Literature/NER/:Person;Kazan"
say([metric.compute(predictions=[row], references=[row])["all"], metric.__class__.__module__])"""
    found = run(hub, tmp_path, code, None)
    assert found[0] == 1.0 and "mmm_f1" in found[1]
    assert hub.count("resolve", "spaces/org/mmm_f1") > 1


@pytest.mark.slow
def test_load_a_model(hub, tmp_path):
    save_tiny(tmp_path / "tiny")
    found = run(
        hub,
        tmp_path,
        """
from huggingface_hub import CommitOperationAdd, HfApi
HfApi().create_repo("org/tiny")
add = [CommitOperationAdd(name, os.path.join("tiny", name)) for name in sorted(os.listdir("tiny"))]
HfApi().create_commit("org/tiny", add, commit_message="model")
HfApi().create_tag("org/tiny", tag="v1")
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("org/tiny", revision="v1")
same = AutoModelForCausalLM.from_pretrained("tiny")
tokens = AutoTokenizer.from_pretrained("org/tiny", revision="v1")("Kazan", return_tensors="pt").input_ids
say([bool((model(tokens).logits == same(tokens).logits).all()), model.num_parameters()])""",
    )
    assert found[0] and found[1] > 1000
    assert hub.at("models/org/tiny", "v1").files["model.safetensors"].pointer and hub.count("download") == 1


def test_a_command_beside_the_imitation():
    command = [sys.executable, "-m", "tests.hub", "--org", "me", "--", sys.executable, "-c"]
    code = (
        "from huggingface_hub import HfApi; print(HfApi().create_repo('me/x', private=True), HfApi().whoami()['orgs'])"
    )
    done = subprocess.run([*command, code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "/me/x " in done.stdout and "'name': 'me'" in done.stdout, done.stderr
    assert "imitation of the Hub: " in done.stderr and "requests, 0 commits" in done.stderr
