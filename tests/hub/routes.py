"""Which request is dealt with by what. The kinds named here are those that faults and hooks ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tests.hub import reading, writing
from tests.hub.replies import Reply
from tests.hub.wire import Call, Route

_API: Final = r"/api/(?P<type>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
_REVISION: Final = r"/(?P<revision>[^/]+)"


def _route(kind: str, methods: str, pattern: str, answer: Callable[[Call], Reply]) -> Route:
    return Route(kind, methods, re.compile(pattern), answer)


_PAGE: Final = r"/(?:(?P<type>datasets|spaces)/)?(?P<name>[^/]+/[^/]+)"

ROUTES: Final = [
    _route("whoami", "GET", "/api/whoami-v2", reading.whoami),
    _route("validate", "POST", "/api/validate-yaml", writing.validate),
    _route("create", "POST", "/api/repos/create", writing.create),
    _route("remove", "DELETE", "/api/repos/delete", writing.remove),
    _route("info", "GET HEAD", _API, reading.info),
    _route("info", "GET HEAD", f"{_API}/revision{_REVISION}", reading.info),
    _route("settings", "PUT", f"{_API}/settings", writing.settings),
    _route("check", "GET", f"{_API}/auth-check", reading.check),
    _route("check", "GET", f"{_API}/auth-check/write", writing.check),
    _route("refs", "GET", f"{_API}/refs", reading.refs),
    _route("commits", "GET", f"{_API}/commits{_REVISION}", reading.commits),
    _route("tree", "GET", f"{_API}/tree{_REVISION}(?:/(?P<path>.*))?", reading.tree),
    _route("paths", "POST", f"{_API}/paths-info{_REVISION}", reading.paths),
    _route("preupload", "POST", f"{_API}/preupload{_REVISION}", writing.preupload),
    _route("commit", "POST", f"{_API}/commit{_REVISION}", writing.commit),
    _route("tag", "POST", f"{_API}/tag{_REVISION}", writing.tag),
    _route("untag", "DELETE", f"{_API}/tag{_REVISION}", writing.untag),
    _route("batch", "POST", rf"{_PAGE}\.git/info/lfs/objects/batch", writing.batch),
    _route("verify", "POST", rf"{_PAGE}\.git/info/lfs/objects/verify", writing.verify),
    _route("resolve", "GET HEAD", f"{_PAGE}/resolve{_REVISION}/(?P<path>.+)", reading.resolve),
]
