"""A test double of an OpenAI-compatible server: it answers by a script, injects faults at set rates, and keeps count.

It is no model and no measure of one. ``with Double(answer) as double: double.url`` runs it in a thread; :func:`serve` runs it
in the calling process.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Message = dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What to answer, where a text alone does not say it."""

    text: str | None
    finish: str = "stop"
    refusal: str | None = None


@dataclass(frozen=True)
class Raw:
    """A response as it goes out, whatever it is. ``cut``: the connection ends in the middle of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: bool = False
    chunked: bool = False


class Reject(Exception):
    """Raised by an answer function: reply with this status and message instead."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


Answering = Callable[[list[Message], str, int], "str | Answer | Raw | Awaitable[str | Answer | Raw]"]
"""Messages (of a plain completion: one, with the prompt), model, and how often this very request came before."""


@dataclass(frozen=True)
class Faults:
    """Shares of requests that go wrong, drawn from the seed, the request's key and the attempt alone.

    ``dropped`` connections end before anything is done, ``cut`` ones in the middle of an answer that is paid. ``slow`` replies
    take ``delay`` seconds more. In a batch, ``error`` requests come back in the error file, and ``expired`` ones are not done.
    """

    too_many: float = 0.0
    error: float = 0.0
    dropped: float = 0.0
    cut: float = 0.0
    slow: float = 0.0
    expired: float = 0.0
    seed: int = 0
    retry_after: float = 0.05
    delay: float = 1.0

    def drawn(self, key: str, attempt: int) -> str:
        """The fault of one attempt, empty for none."""
        drawn = hashlib.sha256(f"{self.seed}/{key}/{attempt}".encode()).digest()
        at = int.from_bytes(drawn[:8], "big") / 2**64
        for name in ("too_many", "error", "dropped", "cut", "slow", "expired"):
            if (at := at - getattr(self, name)) < 0:
                return name
        return ""


def echo(messages: list[Message], model: str, attempt: int) -> str:
    """The last message."""
    return messages[-1]["content"]


@dataclass
class Double:
    """The server.

    Attributes:
        answer: what to reply.
        faults: what goes wrong, and how often.
        latency: seconds that every reply takes.
        rejects: parts of a request (``response_format``) that are answered with 400.
        usage: whether replies tell tokens.
        remembers: whether a request that comes again under its ``Idempotency-Key`` is answered from memory, and not billed.
        looks: how often a batch must be looked at before it is done.
        results: changes the lines of a file of results before it is offered.
        instead: for a method and path, what is sent in place of any answer, None for nothing special.
        tls: the certificate of a server that speaks https.
        requests: how often each key was asked for; ``billed``: how often it was paid.
        bodies: every request as it came, if ``record``.
        peak: most requests under way at once.
        authorised: whether a key came along; its value is not kept.
    """

    answer: Answering = echo
    faults: Faults = field(default_factory=Faults)
    latency: float = 0.0
    rejects: tuple[str, ...] = ()
    usage: bool = True
    remembers: bool = True
    looks: int = 1
    results: Callable[[list[bytes]], list[bytes]] = list
    instead: Callable[[str, str], Raw | None] = lambda method, path: None
    tls: ssl.SSLContext | None = None
    record: bool = True
    requests: Counter[str] = field(default_factory=Counter)
    billed: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    peak: int = 0
    authorised: bool = False
    port: int = 0
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _files: dict[str, bytes] = field(default_factory=dict)
    _answered: dict[str, bytes] = field(default_factory=dict)
    _now: int = 0

    @property
    def url(self) -> str:
        """Base address for a client."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/v1"

    @property
    def dollars(self) -> float:
        """What was billed, at one dollar for a million tokens of any kind."""
        return sum(_tokens(json.loads(self._answered[key])) * times for key, times in self.billed.items()) / 1e6

    async def start(self) -> web.AppRunner:
        """Begin to listen, on loopback."""
        app = web.Application(client_max_size=1 << 30, middlewares=[self._instead])
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches/{id}", self._look)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self.tls)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    def __enter__(self) -> Double:
        """Run in a thread."""
        self._loop, ready = asyncio.new_event_loop(), threading.Event()

        def work() -> None:
            runner = self._loop.run_until_complete(self.start())
            ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(runner.cleanup())
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        assert ready.wait(20)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    @web.middleware
    async def _instead(self, request: web.Request, handler: Any) -> web.StreamResponse:
        raw = self.instead(request.method, request.path)
        return await (handler(request) if raw is None else _send(request, raw))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        key = request.headers.get("Idempotency-Key") or hashlib.sha256(raw).hexdigest()
        self.authorised |= request.headers.get("Authorization", "Bearer none") != "Bearer none"
        self._now += 1
        self.peak = max(self.peak, self._now)
        try:
            return await self._one(request, key, json.loads(raw))
        finally:
            self._now -= 1

    async def _one(self, request: web.Request, key: str, body: dict[str, Any]) -> web.StreamResponse:
        attempt = self.requests[key]
        self.requests[key] += 1
        if self.record:
            self.bodies.append(body)
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.drawn(key, attempt)
        if fault == "too_many":
            return _error(429, "too many requests", **{"Retry-After": f"{self.faults.retry_after:g}"})
        if fault == "error":
            return _error(500, "something went wrong")
        if fault == "dropped":
            return _drop(request)
        if fault == "slow":
            await asyncio.sleep(self.faults.delay)
        try:
            content = await self._paid(key, body, attempt)
        except Reject as reject:
            return _error(reject.status, str(reject), reject.code, **reject.headers)
        if isinstance(content, Raw):
            return await _send(request, content)
        return await _send(request, Raw(content, cut=fault == "cut"))

    async def _paid(self, key: str, body: dict[str, Any], attempt: int) -> bytes | Raw:
        """The answer; one that was given before is given again, and not billed."""
        if key not in self._answered or not self.remembers:
            for name in self.rejects:
                if name in body:
                    raise Reject(400, f"Unsupported parameter: '{name}' is not supported here")
            messages = body["messages"] if "messages" in body else [{"role": "user", "content": body["prompt"]}]
            found = self.answer(messages, body["model"], attempt)
            answer = await found if inspect.isawaitable(found) else found
            if isinstance(answer, Raw):
                return answer
            # Asked for twice at the same time, it is answered once.
            if key not in self._answered or not self.remembers:
                self._answered[key] = self._completion(body, answer)
                self.billed[key] += 1
        return self._answered[key]

    def _completion(self, body: dict[str, Any], answer: str | Answer) -> bytes:
        answer = Answer(answer) if isinstance(answer, str) else answer
        asked = [body["prompt"]] if "prompt" in body else [message["content"] for message in body["messages"]]
        prompt = sum(len(text.encode()) for text in asked) // 3 + 1
        completion = len((answer.text or "").encode("utf-8", "replace")) // 3 + 1
        choice: dict[str, Any] = {"index": 0, "finish_reason": answer.finish, "logprobs": None}
        if "prompt" in body:
            choice["text"] = answer.text
        else:
            choice["message"] = {"role": "assistant", "content": answer.text, "refusal": answer.refusal}
        kind = "text_completion" if "prompt" in body else "chat.completion"
        found: dict[str, Any] = {
            "id": "double",
            "object": kind,
            "created": 0,
            "model": body["model"],
            "choices": [choice],
        }
        if self.usage:
            total = prompt + completion
            found["usage"] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
        return json.dumps(found).encode()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "double", "object": "model"}]})

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        name, content = f"file-{len(self._files)}", form["file"]
        assert form["purpose"] == "batch" and isinstance(content, web.FileField)
        self._files[name] = content.file.read()
        return web.json_response(_file(name, len(self._files[name])))

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["id"]])

    async def _list(self, request: web.Request) -> web.Response:
        data = [_shown(batch) for batch in reversed(self.batches.values())]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "metadata": asked.get("metadata"),
            "status": "validating",
            "created_at": 0,
            "looks": 0,
        }
        return web.json_response(_shown(self.batches[name]))

    async def _look(self, request: web.Request) -> web.Response:
        if (batch := self.batches.get(request.match_info["id"])) is None:
            return _error(404, "no batch found with that id")
        batch["looks"] += 1
        if batch["status"] in ("validating", "in_progress"):
            batch["status"] = "in_progress"
            if batch["looks"] >= self.looks:
                await self._complete(batch)
        return web.json_response(_shown(batch))

    async def _complete(self, batch: dict[str, Any]) -> None:
        done, failed = [], []
        expired = False
        for line in self._files[batch["input_file_id"]].splitlines():
            asked = json.loads(line)
            key, attempt = asked["custom_id"], self.requests[asked["custom_id"]]
            self.requests[key] += 1
            if self.record:
                self.bodies.append(asked["body"])
            fault = self.faults.drawn(key, attempt)
            row: dict[str, Any] = {"id": f"r-{key[:8]}", "custom_id": key, "response": None, "error": None}
            if fault == "expired":
                expired = True
                row["error"] = {"code": "batch_expired", "message": "not done within the window"}
                failed.append(row)
                continue
            try:
                if fault == "error":
                    raise Reject(500, "something went wrong")
                content = await self._paid(key, asked["body"], attempt)
                status, raw = (content.status, content.body) if isinstance(content, Raw) else (200, content)
                row["response"] = {"status_code": status, "request_id": "x", "body": json.loads(raw)}
                done.append(row)
            except Reject as reject:
                body = {"error": {"message": str(reject)}}
                row["response"] = {"status_code": reject.status, "request_id": "x", "body": body}
                failed.append(row)
        batch["status"] = "expired" if expired else "completed"
        for name, rows in (("output_file_id", done), ("error_file_id", failed)):
            if rows:
                batch[name] = f"file-{len(self._files)}"
                lines = self.results([json.dumps(row).encode() for row in rows])
                self._files[batch[name]] = b"\n".join(lines)


async def serve(double: Double) -> None:
    """Run in the calling process until it ends."""
    await double.start()
    await asyncio.Event().wait()


def _error(status: int, message: str, code: str = "", **headers: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": code or None}}, status=status, headers=headers)


async def _send(request: web.Request, raw: Raw) -> web.StreamResponse:
    headers = dict(raw.headers)
    if not raw.chunked and raw.body:
        headers["Content-Length"] = str(len(raw.body))
    response = web.StreamResponse(status=raw.status, headers=headers)
    await response.prepare(request)
    await response.write(raw.body[: len(raw.body) // 2] if raw.cut else raw.body)
    if raw.cut:
        return _drop(request)
    await response.write_eof()
    return response


def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()


def _file(name: str, size: int) -> dict[str, Any]:
    about = {"object": "file", "bytes": size, "created_at": 0, "filename": "x.jsonl", "purpose": "batch"}
    return {"id": name, "status": "processed", **about}


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name != "looks"}


def _tokens(body: dict[str, Any]) -> int:
    return int(body.get("usage", {}).get("total_tokens", 0))
