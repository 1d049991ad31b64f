"""How the imitated Hub takes repositories, large files, commits and tags."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from tests.hub import rules
from tests.hub.access import account, readable, writable, writer
from tests.hub.replies import ANONYMOUS, Refusal, Reply, as_json, no_repository
from tests.hub.repository import MAIN, Change, Entry, Repository, git_id, large
from tests.hub.wire import Call

_DANGLING: Final = (
    "Your push was rejected because an LFS pointer pointed to a file that does not exist. Offending file: - "
)
_TOO_LARGE: Final = "Your push was rejected because it contains files larger than 10 MiB. Offending file: - "


def create(call: Call) -> Reply:
    """Make a repository; it begins with a commit of what the Hub puts into each."""
    asked = call.json()
    asks = account(call)
    if asks is None:
        raise Refusal(401, ANONYMOUS)
    kind, namespace = asked.get("type") or "model", asked.get("organization") or asks.name
    writer(call, namespace)
    private = asked.get("visibility") == "private" or asked.get("private") is True
    if kind == "space" and not asked.get("sdk"):
        raise Refusal(400, "Spaces need an SDK")
    made = Repository(f"{kind}s", f"{namespace}/{asked['name']}", private=private, sdk=asked.get("sdk", ""))
    url = f"{call.hub.url}/{made.page}"
    if call.hub.repositories.setdefault(made.key, made) is not made:
        raise Refusal(409, f"You already created this {kind} repo: {made.name}", url=url, name=made.name)
    begin(call.hub, made, asks.name)
    return as_json({"url": url, "name": made.name, "id": made.name})


def begin(hub: Any, made: Repository, author: str) -> None:
    """The first commit of a repository."""
    files = {".gitattributes": rules.attributes(made.kind)}
    if made.kind == "spaces":
        title = made.name.split("/")[1]
        card = f"---\ntitle: {title}\ncolorFrom: blue\ncolorTo: gray\nsdk: {made.sdk}\npinned: false\n---\n"
        files["README.md"] = card.encode()
    added = {path: regular(hub, content) for path, content in files.items()}
    made.commit(MAIN, Change("initial commit", added), author)


def remove(call: Call) -> Reply:
    """Take a repository away, with everything in it."""
    asked = call.json()
    asks = account(call)
    namespace = asked.get("organization") or (asks.name if asks else "")
    key = f"{asked.get('type') or 'model'}s/{namespace}/{asked['name']}"
    if key not in call.hub.repositories:
        raise no_repository(anonymous=asks is None)
    writer(call, namespace)
    del call.hub.repositories[key]
    return as_json({})


def settings(call: Call) -> Reply:
    """Show or hide a repository."""
    repository, _ = writable(call)
    asked = call.json()
    if "visibility" in asked or "private" in asked:
        repository.private = asked.get("visibility", "private" if asked.get("private") else "public") == "private"
    if "gated" in asked:
        repository.gated = asked["gated"]
    return as_json({"private": repository.private, "gated": repository.gated})


def check(call: Call) -> Reply:
    """Whether who asks may write."""
    writable(call)
    return as_json({})


def validate(call: Call) -> Reply:
    """Judge a card."""
    asked = call.json()
    errors, warnings = rules.judge(asked["content"], f"{asked.get('repoType') or 'model'}s")
    return as_json({"errors": errors, "warnings": warnings}, 400 if errors else 200)


def preupload(call: Call) -> Reply:
    """Say how each file is to be sent, and what is there under its name."""
    repository = readable(call)
    commit = repository.at(call.parts["revision"])
    attributes = commit.files.get(".gitattributes")
    patterns = call.hub.objects.path(attributes.sha256).read_text() if attributes else ""
    found = []
    for file in call.json()["files"]:
        path, sample = file["path"], base64.b64decode(file.get("sample", ""))
        mode = "lfs" if rules.is_large(path, file["size"], sample, patterns) else "regular"
        found.append({"path": path, "uploadMode": mode, "shouldIgnore": False})
        if there := commit.files.get(path):
            found[-1]["oid"] = there.etag
    return as_json({"files": found, "commitOid": commit.oid})


def batch(call: Call) -> Reply:
    """Say where large files are to be sent; nowhere, if they are there."""
    repository, _ = writable(call)
    found: list[dict[str, Any]] = []
    for file in call.json()["objects"]:
        item = {"oid": file["oid"], "size": file["size"]}
        if file["oid"] not in repository.stored:
            verify = f"{call.hub.url}/{repository.page}.git/info/lfs/objects/verify"
            upload = call.hub.storage_address(repository, file["oid"])
            item["actions"] = {"upload": {"href": upload, "header": {}}, "verify": {"href": verify, "header": {}}}
        found.append(item)
    return as_json({"transfer": "basic", "objects": found})


def verify(call: Call) -> Reply:
    """Say whether a large file has come as it should."""
    repository, _ = writable(call)
    asked = call.json()
    stored = asked["oid"] in repository.stored
    if not stored or call.hub.objects.path(asked["oid"]).stat().st_size != asked["size"]:
        raise Refusal(404, "Object does not exist on the server")
    return as_json({})


def commit(call: Call) -> Reply:
    """Make one commit of everything sent, or of nothing."""
    repository, asks = writable(call)
    if call.asks("create_pr"):
        raise Refusal(501, "pull requests are not imitated")
    change = _change(call, repository)
    made = repository.commit(call.parts["revision"], change, asks.name)
    url = f"{call.hub.url}/{repository.page}/commit/{made.oid}"
    return as_json({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def tag(call: Call) -> Reply:
    """Name a revision."""
    repository, _ = writable(call)
    repository.tag(call.json()["tag"], call.parts["revision"])
    return as_json({})


def untag(call: Call) -> Reply:
    """Take a name away."""
    repository, _ = writable(call)
    repository.untag(call.parts["revision"])
    return as_json({})


def regular(hub: Any, content: bytes) -> Entry:
    """Keep a regular file."""
    return Entry(git_id("blob", content), hub.objects.put([content]), len(content))


def _change(call: Call, repository: Repository) -> Change:
    """The lines of a commit, read one after another.

    Raises:
        Refusal: one of them is not in order.
    """
    header: dict[str, Any] = {}
    added: dict[str, Entry] = {}
    gone: dict[str, list[str]] = {"deletedFile": [], "deletedFolder": []}
    for line in call.stream:
        item = json.loads(line)
        key, value = item["key"], item["value"]
        if key == "header":
            header = value
        elif key == "file":
            added[value["path"]] = _sent(call, repository, value)
        elif key == "lfsFile":
            if value["oid"] not in repository.stored:
                raise Refusal(400, _DANGLING + value["path"])
            added[value["path"]] = large(value["oid"], call.hub.objects.path(value["oid"]).stat().st_size)
        elif key in gone:
            gone[key].append(value["path"])
        else:
            raise Refusal(400, f"unknown operation {key}")
    if not header.get("summary"):
        raise Refusal(400, '"summary" is required')
    return Change(
        header["summary"],
        added,
        tuple(gone["deletedFile"]),
        tuple(gone["deletedFolder"]),
        header.get("description", ""),
        header.get("parentCommit", ""),
    )


def _sent(call: Call, repository: Repository, value: dict[str, str]) -> Entry:
    """A regular file that came within a commit."""
    try:
        content = base64.b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise Refusal(400, f"{value['path']}: {error}") from error
    if len(content) > rules.LARGE:
        raise Refusal(400, _TOO_LARGE + value["path"])
    if value["path"] == "README.md":
        errors, _ = rules.judge(content.decode(), repository.kind)
        if errors:
            raise Refusal(400, "; ".join(error["message"] for error in errors))
    return regular(call.hub, content)
