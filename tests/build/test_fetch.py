"""Fetching from a server on this machine: pinned and locked checksums, broken and missing files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from build.core import KitError
from build.fetch import fetch
from build.readers.inputs import LOCK
from mmm_dataset import load
from mmm_dataset.registry import Source

FILES = {"/a.json": b"[1]", "/short": b"0123456789"}


class Handler(BaseHTTPRequestHandler):
    """Serves FILES; ``/short`` promises more bytes than it sends."""

    def do_GET(self) -> None:
        body = FILES.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"") + 5 * (self.path == "/short")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def source(url: str, **pin: str) -> Source:
    entry = {"file": url.rpartition("/")[2], "url": url, **pin}
    return Source("mine", "Mine", "https://example.org", "CC0-1.0", (), download=(entry,))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_first_fetch_locks_and_later_ones_check(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    assert fetch(source(f"{server}/a.json"), folder) == [folder / "a.json"]
    assert (folder / "a.json").read_bytes() == b"[1]"
    lock = json.loads((folder / LOCK).read_text())["a.json"]
    assert lock["sha256"] == hashlib.sha256(b"[1]").hexdigest() and lock["url"] == f"{server}/a.json" and lock["time"]
    before = (folder / LOCK).read_bytes()
    fetch(source(f"{server}/a.json"), folder)
    assert (folder / LOCK).read_bytes() == before and left(folder) == {"a.json", LOCK}

    (folder / "a.json").write_bytes(b"[2]")
    with pytest.raises(KitError, match=r"a\.json: SHA-256 .* as in .*fetch\.lock\.json: delete the file"):
        fetch(source(f"{server}/a.json"), folder)
    (folder / "a.json").unlink()
    monkeypatch.setitem(FILES, "/a.json", b"[3]")
    with pytest.raises(KitError, match=r"the file has changed and was not kept"):
        fetch(source(f"{server}/a.json"), folder)
    assert left(folder) == {LOCK}


def test_a_pinned_checksum_is_checked(server: str, tmp_path: Path) -> None:
    right = hashlib.sha256(b"[1]").hexdigest()
    fetch(source(f"{server}/a.json", sha256=right), tmp_path)
    (tmp_path / "a.json").unlink()
    with pytest.raises(KitError, match=rf"SHA-256 {right}, not 00 as in the registry"):
        fetch(source(f"{server}/a.json", sha256="00"), tmp_path)
    assert left(tmp_path) == {LOCK}


def test_failures_leave_nothing_behind(server: str, tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"none\.json: HTTP 404 Not Found: get it by hand and put it at"):
        fetch(source(f"{server}/none.json"), tmp_path)
    with pytest.raises(KitError, match=r"/short: the connection broke after 10 of 15 bytes"):
        fetch(source(f"{server}/short"), tmp_path)
    with pytest.raises(
        KitError, match=r"127\.0\.0\.1:9/a\.json: cannot be reached \(.*\): go online, or put the file at"
    ):
        fetch(source("http://127.0.0.1:9/a.json"), tmp_path)
    assert left(tmp_path) == set()


def test_a_lock_that_is_not_json(server: str, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("oops")
    with pytest.raises(KitError, match="not JSON .*restore it, or delete it"):
        fetch(source(f"{server}/a.json"), tmp_path)


def test_sources_that_are_not_public(tmp_path: Path) -> None:
    registry = load()
    with pytest.raises(KitError, match=r"marc-ja: cannot be fetched; get train-v1\.0\.json from .*licence: withdrawn"):
        fetch(registry.source("marc-ja"), tmp_path)
    with pytest.raises(KitError, match="user: cannot be fetched; there is nothing to fetch"):
        fetch(registry.source("user"), tmp_path)


def hub(name: str) -> Source:
    return Source(name, "Mine", "https://example.org", "CC0-1.0", (), hub=("me/Trainset",))


def test_hub_repositories_are_locked_by_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, *, revision: str, local_dir: Path, **_: Any) -> str:
        asked.append((repository, revision))
        (local_dir / ".cache").mkdir(parents=True, exist_ok=True)
        (local_dir / ".cache" / "x.json").write_text("{}")
        (local_dir / "Train_Ja_0_SCNM_5343.json").write_text("[]")
        return str(local_dir)

    heads = iter(["first", "second"])
    info = lambda *_, **__: SimpleNamespace(sha=next(heads))  # noqa: E731
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(dataset_info=info))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    due = [tmp_path / "Trainset" / "Train_Ja_0_SCNM_5343.json"]
    assert fetch(hub("mine"), tmp_path) == due == fetch(hub("mine"), tmp_path)
    assert asked == [("me/Trainset", "first")] * 2
    assert json.loads((tmp_path / LOCK).read_text())["Trainset"]["revision"] == "first"

    lock = json.loads((tmp_path / LOCK).read_text())
    lock["Trainset"]["sha256"]["Train_Ja_0_SCNM_5343.json"] = "00"
    (tmp_path / LOCK).write_text(json.dumps(lock))
    with pytest.raises(KitError, match=r"Train_Ja_0_SCNM_5343\.json: SHA-256 .*, not 00 .*delete it to fetch it again"):
        fetch(hub("mine"), tmp_path)


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route\nmore lines")

    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(dataset_info=fail))
    with pytest.raises(KitError, match=r"huggingface\.co/datasets/me/Trainset: not fetched \(no route\)$"):
        fetch(hub("mine"), tmp_path)


@pytest.mark.parametrize("name", ["../evil.json", "", ".lock", "a/b"])
def test_a_file_of_a_registry_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    entry = {"file": name, "url": "http://127.0.0.1:9/evil.json"}
    wanted = Source("mine", "Mine", "https://example.org", "CC0-1.0", (), download=(entry,))
    with pytest.raises(KitError, match="plain name"):
        fetch(wanted, tmp_path / "in")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
