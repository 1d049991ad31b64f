"""The desk over HTTP, on the loopback address only, and the page."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build.core import KitError
from build.review.desk import Changed, Desk
from build.review.filters import Filter
from build.review.guard import HOST, Guard
from mmm_dataset import RegistryError
from oiellm.errors import OiellmError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

PAGE = Path(__file__).parent / "page"


def make_app(desk: Desk, token: str, reviewer: str = "") -> ASGIApp:
    """The application.

    Args:
        desk: what it serves.
        token: asked for with every call, see :mod:`build.review.guard`.
        reviewer: name that the page begins with; empty: it asks.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import FileResponse, JSONResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def call(work: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> JSONResponse:
            try:
                body = await request.json()
                if not isinstance(body, dict) or not isinstance(body.get("filter", {}), dict):
                    raise TypeError("not an object")
                # Files and locks make one wait: not in the loop, which serves the others.
                return JSONResponse(await run_in_threadpool(work, body))
            except Changed as error:
                return JSONResponse({"error": str(error), "changed": True}, 409)
            except (OiellmError, RegistryError) as error:
                return JSONResponse({"error": str(error)}, 422)
            except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
                return JSONResponse({"error": f"not a request of the page ({type(error).__name__}: {error})"}, 400)

        return endpoint

    calls: dict[str, Callable[[dict[str, Any]], Any]] = {
        "hello": lambda body: {"reviewer": reviewer},
        "overview": lambda body: desk.overview(str(body["reviewer"])),
        "step": lambda body: desk.step(
            str(body["reviewer"]), int(body["place"]), int(body["step"]), _filter(body), bool(body.get("wrap"))
        ),
        "count": lambda body: {"rows": desk.count(str(body["reviewer"]), _filter(body))},
        "decide": lambda body: desk.decide(
            dict(body.pop("row")), str(body.pop("reviewer")), str(body.pop("action")), **body
        ),
        "move": lambda body: {"items": desk.move(body["old"], body["new"], body["items"])},
    }

    async def index(_: Request) -> FileResponse:
        return FileResponse(PAGE / "index.html")

    routes = [
        Route("/", index),
        *(Route(f"/api/{name}", call(work), methods=["POST"]) for name, work in calls.items()),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Guard(Starlette(routes=routes), token)


def _filter(body: dict[str, Any]) -> Filter:
    return Filter(**{name: str(value) for name, value in body.get("filter", {}).items()})  # type: ignore[arg-type]


def serve(desk: Desk, *, port: int = 0, reviewer: str = "", browser: bool = True) -> None:
    """Serve until interrupted. Decisions are on the disk as they are made, so there is nothing to save at the end.

    Args:
        desk: what to serve.
        port: on the loopback address; 0 takes a free one.
        reviewer: name that the page begins with.
        browser: open the page in the user's browser, where there is a screen.

    Raises:
        KitError: the port is taken.
    """
    import uvicorn

    token = secrets.token_urlsafe(24)
    settings = uvicorn.Config(
        make_app(desk, token, reviewer),
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "there is no such port"
            raise KitError(f"port {port}: {reason}; leave --port out to take a free one") from error
        listener.listen(64)
        url = f"http://{HOST}:{listener.getsockname()[1]}/#{token}"
        try:
            print(f"review {desk.path}: {url}\nEvery decision is saved as you make it. Ctrl-C ends.", flush=True)
            if browser:
                _show(url)
            uvicorn.Server(settings).run(sockets=[listener])
        except KeyboardInterrupt:
            print("\nended; go on with the same command")


def _show(url: str) -> None:
    """Open a browser window where there is a screen: elsewhere a text browser might take over the terminal."""
    import os
    import sys
    import webbrowser

    if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
