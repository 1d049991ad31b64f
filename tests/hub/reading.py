"""What the imitated Hub says about repositories, and how it gives files."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.hub import rules
from tests.hub.access import account, readable
from tests.hub.replies import ANONYMOUS, Refusal, Reply, as_json, no_entry
from tests.hub.repository import MAIN, Commit, Entry, Repository, tree_ids
from tests.hub.wire import Call

EXPANDED_PAGE = 50
"""Entries on a page of a tree with details."""


def whoami(call: Call) -> Reply:
    """Whom the token stands for."""
    asks = account(call)
    if asks is None:
        raise Refusal(401, ANONYMOUS)
    role = "write" if asks.writes else "read"
    return as_json(
        {
            "type": "user",
            "id": asks.name,
            "name": asks.name,
            "fullname": asks.name,
            "orgs": [{"type": "org", "name": name, "roleInOrg": role} for name in asks.organisations],
            "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role}},
        }
    )


def info(call: Call) -> Reply:
    """A repository, at a revision."""
    repository = readable(call)
    commit = repository.at(call.parts.get("revision", MAIN))
    card = commit.files.get("README.md")
    text = call.hub.objects.path(card.sha256).read_text(encoding="utf-8") if card and card.pointer is None else ""
    about = rules.metadata(text)
    found: dict[str, Any] = {
        "_id": repository.key,
        "id": repository.name,
        "author": repository.name.split("/")[0],
        "sha": commit.oid,
        "lastModified": commit.when,
        "createdAt": next(iter(repository.commits.values())).when,
        "private": repository.private,
        "gated": repository.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [tag for tag in about.get("tags", []) if isinstance(tag, str)],
        "usedStorage": sum(call.hub.objects.path(sha256).stat().st_size for sha256 in repository.stored),
        "siblings": [_sibling(path, entry, call.asks("blobs")) for path, entry in sorted(commit.files.items())],
    }
    if about:
        found["cardData"] = about
    if repository.kind == "spaces":
        found["sdk"] = about.get("sdk", repository.sdk)
    return as_json(found)


def check(call: Call) -> Reply:
    """Whether who asks may see a repository."""
    readable(call)
    return as_json({})


def refs(call: Call) -> Reply:
    """Branches and tags."""
    repository = readable(call)

    def listed(kind: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in names.items()]

    found = {"branches": listed("heads", repository.branches), "tags": listed("tags", repository.tags)}
    return as_json({**found, "converts": [], "pullRequests": []})


def commits(call: Call) -> Reply:
    """The commits up to a revision, the newest first."""
    repository = readable(call)
    found = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.description,
            "date": commit.when,
            "authors": [{"user": commit.author}],
        }
        for commit in repository.history(repository.at(call.parts["revision"]))
    ]
    return _paged(call, found, call.hub.page)


def tree(call: Call) -> Reply:
    """What is in a folder, or below it."""
    repository = readable(call)
    commit = repository.at(call.parts["revision"])
    folder = call.parts.get("path", "").strip("/")
    inside = f"{folder}/" if folder else ""
    expand, below = call.asks("expand"), call.asks("recursive")
    found = [
        entry
        for entry in _entries(repository, commit, expand)
        if entry["path"].startswith(inside) and (below or "/" not in entry["path"][len(inside) :])
    ]
    if folder and not found:
        raise no_entry(f'{folder} does not exist on "{call.parts["revision"]}"')
    return _paged(call, found, min(EXPANDED_PAGE, call.hub.page) if expand else call.hub.page)


def paths(call: Call) -> Reply:
    """What is known of some paths; those that are not there are left out."""
    repository = readable(call)
    asked = call.form()
    wanted = set(asked.get("paths", []))
    expand = str(asked.get("expand", [""])[0]).lower() == "true"
    entries = _entries(repository, repository.at(call.parts["revision"]), expand)
    return as_json([entry for entry in entries if entry["path"] in wanted])


def resolve(call: Call) -> Reply:
    """A file: its content, or where its content lies."""
    repository = readable(call)
    commit = repository.at(call.parts["revision"])
    known = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    path = call.parts["path"]
    entry = commit.files.get(path)
    if entry is None:
        return no_entry().reply(known)
    if entry.pointer is None:
        known |= {"ETag": f'"{entry.etag}"', "Content-Type": "text/plain; charset=utf-8"}
        return Reply(200, call.hub.objects.path(entry.sha256), known)
    known |= {"X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.etag}"'}
    return Reply(302, b"", {**known, "Location": call.hub.storage_address(repository, entry.sha256)})


def _sibling(path: str, entry: Entry, detailed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"rfilename": path}
    if detailed:
        found |= {"size": entry.size, "blobId": entry.oid}
        if entry.pointer is not None:
            found["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer}
    return found


def _entries(repository: Repository, commit: Commit, expand: bool) -> list[dict[str, Any]]:
    """Folders and files, by path."""
    found: list[dict[str, Any]] = [
        {"type": "directory", "oid": oid, "size": 0, "path": folder}
        for folder, oid in tree_ids(commit.files).items()
        if folder
    ]
    for path, entry in commit.files.items():
        found.append({"type": "file", "oid": entry.oid, "size": entry.size, "path": path})
        if entry.pointer is not None:
            found[-1]["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer}
    if expand:
        for item in found:
            last = repository.last_change(commit, item["path"])
            item["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.when}
    return sorted(found, key=lambda item: item["path"])


def _paged(call: Call, found: list[dict[str, Any]], size: int) -> Reply:
    """One page, with the address of the next one."""
    begin = int(call.query.get("cursor", ["0"])[0])
    reply = as_json(found[begin : begin + size])
    if begin + size < len(found):
        query = {name: values[0] for name, values in call.query.items()} | {"cursor": str(begin + size)}
        address = f"{call.hub.url}{urlsplit(call.request.path).path}?{urlencode(query)}"
        reply.headers["Link"] = f'<{address}>; rel="next"'
    return reply
