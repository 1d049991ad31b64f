"""Who may talk to the server: pages of this computer that hold the token of this start.

A server on the loopback address can be reached from any page in any browser tab of this computer. Such a page is kept out
three times: the token is in the address that the program prints and travels in a header that no foreign page can set; the
``Origin`` must be the page's own; and the ``Host`` must be a loopback name, so that a foreign name that was pointed at this
computer does not pass for one.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST: Final = "127.0.0.1"
TOKEN_HEADER: Final = "x-review-token"
LARGEST: Final = 16 << 20
"""Bytes of a request; a record with its text is far below."""
_NAMES: Final = frozenset({HOST, "localhost", "[::1]"})
_HEADERS: Final = (
    ("content-security-policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)  # fmt: skip


class Guard:
    """ASGI middleware that answers strangers with 403, and tells browsers to load nothing from elsewhere."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Stand before an app; ``token`` is asked for under ``/api/``."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        from starlette.responses import JSONResponse

        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        problem, status = self._problem(scope["path"], headers), 403
        if not problem and not headers.get("content-length", "0").isdigit():
            problem, status = "content-length is no number", 400
        if not problem and ("transfer-encoding" in headers or int(headers.get("content-length", "0")) > LARGEST):
            problem, status = f"a request may have {LARGEST:,} bytes", 413

        async def with_headers(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS]
                message = {**message, "headers": [*message.get("headers", ()), *added]}  # type: ignore[misc]
            await send(message)

        answer = JSONResponse({"error": problem}, status) if problem else self._app
        await answer(scope, receive, with_headers)  # type: ignore[arg-type]

    def _problem(self, path: str, headers: dict[str, str]) -> str:
        host = headers.get("host", "")
        if host.rpartition(":")[0] not in _NAMES and host not in _NAMES:
            return "this server answers to this computer only: open http://127.0.0.1"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return "a page of another site may not ask this server"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "a page of another site may not ask this server"
        token = headers.get(TOKEN_HEADER, "")
        if path.startswith("/api/") and not hmac.compare_digest(token.encode(), self._token.encode()):
            return "the server was started anew: open the address that it printed"
        return ""
