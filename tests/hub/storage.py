"""The second host, on which large files lie: its addresses are signed, and a token is refused there."""

from __future__ import annotations

import re

from tests.hub.replies import Refusal, Reply, as_json
from tests.hub.repository import Repository
from tests.hub.wire import Call, Route


def upload(call: Call) -> Reply:
    """Take a content; it is there as a whole or not at all."""
    repository = _allowed(call)
    if call.hub.objects.put(call.pieces()) != call.parts["sha256"]:
        raise Refusal(400, "BadDigest: the content is not what its name says")
    repository.stored.add(call.parts["sha256"])
    return as_json({}, ETag=f'"{call.parts["sha256"]}"')


def download(call: Call) -> Reply:
    """Give a content."""
    repository = _allowed(call)
    if call.parts["sha256"] not in repository.stored:
        raise Refusal(404, "NoSuchKey")
    headers = {"ETag": f'"{call.parts["sha256"]}"', "Accept-Ranges": "bytes"}
    return Reply(200, call.hub.objects.path(call.parts["sha256"]), headers)


def _allowed(call: Call) -> Repository:
    if "authorization" in call.headers:
        raise Refusal(400, "InvalidArgument: only one way of proving who you are is allowed")
    found = call.hub.repositories.get(call.request.repository)
    if found is None or call.query.get("signature") != [call.hub.signature(found, call.parts["sha256"])]:
        raise Refusal(403, "AccessDenied")
    return found


_ADDRESS = re.compile(r"/(?P<type>\w+)/(?P<name>[^/]+/[^/]+)/(?P<sha256>[0-9a-f]{64})")
ROUTES = [Route("upload", "PUT", _ADDRESS, upload), Route("download", "GET HEAD", _ADDRESS, download)]
