"""The imitated Hub's hosts on loopback: they read requests, record them, and answer or break off."""

from __future__ import annotations

import os
import re
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.faults import USUAL, Fault
from tests.hub.replies import Refusal, Reply
from tests.hub.wire import PIECE, Body, Call, Dropped, Request, Route

if TYPE_CHECKING:
    from tests.hub.server import Hub


class Listener(ThreadingHTTPServer):
    """A server on loopback; ``host`` is what requests are recorded under."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: Hub, host: str, port: int, routes: list[Route]) -> None:
        self.hub, self.host, self.routes = hub, host, routes
        super().__init__(("127.0.0.1", port), Exchange)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no mistake; anything else is one of this server, and the test must hear of it."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            self.hub.mistakes.append(traceback.format_exc())


class Exchange(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Listener

    def log_message(self, *_: object) -> None:
        """Requests are recorded, not printed."""

    def serve(self) -> None:
        """Deal with one request."""
        call, route = self._call()
        request = call.request
        self.server.hub.record(request)
        try:
            fault = self.server.hub.script.next(request.kind, request.repository)
            reply = self._answer(call, route, fault)
            for _ in call.pieces():
                pass  # what nobody has read would be taken for the next request
            request.received = call.raw.taken
            self._send(request, reply, cut=fault is not None and fault.how == "cut")
        except Dropped:
            request.received = call.raw.taken
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = serve

    def _call(self) -> tuple[Call, Route | None]:
        split = urlsplit(self.path)
        method = self.command
        for route in self.server.routes:
            if method in route.methods.split() and (match := route.pattern.fullmatch(split.path)):
                parts = {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
                break
        else:
            route, parts = None, {}
        # The pages of models are those without a prefix.
        repository = f"{parts.get('type', 'models')}/{parts['name']}" if "name" in parts else ""
        head = self.path + str(self.headers)
        known = any(token in head for token in self.server.hub.accounts)
        request = Request(method, self.path, route.kind if route else "other", repository, known, self.server.host)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Call(
            self.server.hub, request, parts, parse_qs(split.query), headers, Body(self.rfile, self.headers)
        ), route

    def _answer(self, call: Call, route: Route | None, fault: Fault | None) -> Reply:
        try:
            if fault is not None and fault.how == "refuse":
                message, code = USUAL.get(fault.status, ("Something went wrong", ""))
                return Refusal(fault.status, message, code).reply(dict(fault.headers))
            if fault is not None and fault.how == "drop":
                call.raw.break_off()
            if fault is not None and fault.how == "slow":
                call.hub.ending.wait(fault.seconds)
            if route is None:
                raise Refusal(404, "Sorry, we can't find the page you are looking for.")
            reply = route.answer(call)
        except Refusal as refusal:
            return refusal.reply()
        if fault is not None and fault.how == "lose":
            raise Dropped
        return reply

    def _send(self, request: Request, reply: Reply, *, cut: bool) -> None:
        size = os.path.getsize(reply.body) if isinstance(reply.body, Path) else len(reply.body)
        begin, end, status = self._range(size, reply)
        request.status = status
        self.send_response(status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        if status == 416:
            self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if request.method != "HEAD":
            self._write(reply.body, begin, begin + (end - begin) // 2 if cut else end)
        if cut:
            self.wfile.flush()
            raise Dropped

    def _range(self, size: int, reply: Reply) -> tuple[int, int, int]:
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or reply.status != 200 or "Accept-Ranges" not in reply.headers:
            return 0, size, reply.status
        if not asked[1]:
            return max(size - int(asked[2] or 0), 0), size, 206
        begin = int(asked[1])
        if begin >= size:
            return 0, 0, 416
        return begin, min(int(asked[2]) + 1 if asked[2] else size, size), 206

    def _write(self, body: bytes | Path, begin: int, end: int) -> None:
        if isinstance(body, bytes):
            self.wfile.write(body[begin:end])
            return
        with body.open("rb") as content:
            content.seek(begin)
            while begin < end and (piece := content.read(min(PIECE, end - begin))):
                self.wfile.write(piece)
                begin += len(piece)
