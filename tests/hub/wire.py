"""A request to the imitated Hub, and its body, which is streamed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import parse_qs

from tests.hub.replies import Reply

if TYPE_CHECKING:
    from tests.hub.server import Hub

PIECE: Final = 1 << 20


@dataclass
class Request:
    """What came in. The token itself is not kept.

    Attributes:
        kind: what was asked for; the names are in the routes.
        repository: ``datasets/ORG/NAME``, empty where there is none.
        token: whether a known token stood in the address or in a header.
        host: ``hub`` or ``storage``.
        status: of the answer; 0 if there was none.
        received: bytes of the body.
    """

    method: str
    path: str
    kind: str
    repository: str
    token: bool
    host: str
    status: int = 0
    received: int = 0


class Dropped(Exception):
    """The connection ends here."""


class Body(io.RawIOBase):
    """The body of a request, which ends where it ends."""

    def __init__(self, source: io.BufferedIOBase, headers: Message) -> None:
        self._source, self.taken = source, 0
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "")
        self._left = 0 if self._chunked else int(headers.get("Content-Length") or 0)
        self._ended = not self._chunked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and not self._ended:
            self._left = int(self._source.readline().split(b";")[0] or b"0", 16)
            if not self._left:
                self._ended = True
                self._source.readline()
        piece = self._source.read(min(len(buffer), self._left, PIECE))
        if len(piece) < min(len(buffer), self._left, PIECE):
            raise Dropped  # by the other side
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        if self._chunked and piece and not self._left:
            self._source.readline()
        self.taken += len(piece)
        return len(piece)

    def break_off(self) -> NoReturn:
        """End the connection in the middle: after half of a body whose length is known.

        Raises:
            Dropped: always.
        """
        until = 1 if self._chunked else self._left // 2
        while self.taken < until and self.read(min(PIECE, until - self.taken)):
            pass
        raise Dropped


@dataclass
class Call:
    """A request on its way to the function that deals with it."""

    hub: Hub
    request: Request
    parts: dict[str, str]
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: Body

    def __post_init__(self) -> None:
        self.stream = io.BufferedReader(self.raw, PIECE)

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces."""
        while piece := self.stream.read(PIECE):
            yield piece

    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.stream.read() or b"{}"))

    def form(self) -> dict[str, list[str]]:
        """The body as a form, or as JSON in the same shape."""
        content = self.stream.read()
        if "json" in self.headers.get("content-type", ""):
            return {name: value if isinstance(value, list) else [value] for name, value in json.loads(content).items()}
        return parse_qs(content.decode())

    def asks(self, name: str) -> bool:
        """Whether a switch is on in the address."""
        return self.query.get(name, ["0"])[0].lower() in ("1", "true")


@dataclass(frozen=True)
class Route:
    """What deals with a kind of request."""

    kind: str
    methods: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Reply]
