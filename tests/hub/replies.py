"""What the imitated Hub answers with: replies, and refusals in the Hub's form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

UNKNOWN_TOKEN: Final = "Invalid credentials in Authorization header"
ANONYMOUS: Final = "Invalid username or password."
READ_ONLY: Final = "Forbidden: you must use a write token to upload to a repository."
STALE: Final = "A commit has happened since. Please refresh and try again."


@dataclass(frozen=True)
class Reply:
    """One answer; a body that is a path is streamed from that file, as far as the request's Range asks for it."""

    status: int = 200
    body: bytes | Path = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(data: Any, status: int = 200, **headers: str) -> Reply:
    """A reply with a JSON body; in header names ``_`` stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8", **named})


class Refusal(Exception):
    """The Hub says no: a status, a message, and often a code that clients turn into a type of error."""

    def __init__(self, status: int, message: str, code: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.more = status, code, more

    def reply(self, headers: dict[str, str] | None = None) -> Reply:
        """As the Hub sends it: the message in the body and in a header, the code in a header."""
        said = {"X-Error-Message": str(self), **({"X-Error-Code": self.code} if self.code else {}), **(headers or {})}
        sent = as_json({"error": str(self), **self.more}, self.status)
        return Reply(sent.status, sent.body, {**sent.headers, **said})


def no_repository(anonymous: bool) -> Refusal:
    """Not there or hidden: which of the two, the Hub does not say. Who is nobody is told so, as if that were the reason."""
    # The Hub sends no code with 401. But its client takes a bare 401 for a missing repository over https alone.
    return Refusal(*((401, ANONYMOUS) if anonymous else (404, "Repository not found")), code="RepoNotFound")


def no_revision(name: str) -> Refusal:
    """No branch, tag or commit of that name."""
    return Refusal(404, f"Invalid rev id: {name}", "RevisionNotFound")


def no_entry(message: str = "Entry not found", **more: Any) -> Refusal:
    """No such file or folder in that revision."""
    return Refusal(404, message, "EntryNotFound", **more)
