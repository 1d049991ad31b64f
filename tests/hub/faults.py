"""What goes wrong, when a test says so: by the kind of a request and by how often such a request came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.hub.replies import READ_ONLY, STALE, UNKNOWN_TOKEN

How = Literal["refuse", "drop", "lose", "cut", "slow"]

USUAL: Final = {
    401: (UNKNOWN_TOKEN, ""),
    403: (READ_ONLY, ""),
    404: ("Repository not found", "RepoNotFound"),
    409: ("Conflict", ""),
    412: (STALE, ""),
    429: ("We had to rate limit you.", ""),
    500: ("Internal Error - We're working hard to fix this as soon as possible!", ""),
}
"""Message and code a status comes with."""


def rate_limit(seconds: int) -> dict[str, str]:
    """Headers with which the Hub says how long to wait."""
    return {"RateLimit": f'"api";r=0;t={seconds}', "RateLimit-Policy": '"fixed window";"api";q=1000;w=300'}


def retry_after(seconds: int) -> dict[str, str]:
    """Header with which other servers, and what stands before the Hub, say how long to wait."""
    return {"Retry-After": str(seconds)}


@dataclass
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: of the request, ``*`` for any.
        how: ``refuse`` answers with ``status`` and does nothing. ``drop`` ends the connection when half of what was sent has
            been read, and does nothing. ``lose`` does what was asked and ends the connection without an answer. ``cut`` ends it
            in the middle of the answer. ``slow`` waits for ``seconds`` first.
        status: of a refusal.
        times: how often, after ``skip`` requests of that kind.
        repository: ``datasets/ORG/NAME``; empty for any.
        headers: that a refusal has besides.
        seconds: that a slow answer waits.
    """

    kind: str
    how: How = "refuse"
    status: int = 500
    times: int = 1
    skip: int = 0
    repository: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0


@dataclass
class Hook:
    """Something to do before the ``nth`` request of a kind is dealt with."""

    kind: str
    action: Callable[[], object]
    nth: int = 1
    repository: str = ""


class Script:
    """The faults and hooks that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._hooks: list[Hook] = []

    def add(self, fault: Fault) -> None:
        """From now on."""
        with self._lock:
            self._faults.append(fault)

    def watch(self, hook: Hook) -> None:
        """From now on."""
        with self._lock:
            self._hooks.append(hook)

    def clear(self) -> None:
        """Nothing more goes wrong."""
        with self._lock:
            self._faults.clear()
            self._hooks.clear()

    def next(self, kind: str, repository: str) -> Fault | None:
        """Count a request, do what is to be done before it, and say what goes wrong with it."""
        with self._lock:
            due = [hook for hook in self._hooks if _meant(hook, kind, repository)]
            for hook in due:
                hook.nth -= 1
            now = [hook for hook in due if hook.nth == 0]
            fault = self._drawn(kind, repository)
        for hook in now:
            hook.action()
        return fault

    def _drawn(self, kind: str, repository: str) -> Fault | None:
        for fault in self._faults:
            if not _meant(fault, kind, repository) or not fault.times:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
        return None


def _meant(rule: Fault | Hook, kind: str, repository: str) -> bool:
    return rule.kind in ("*", kind) and rule.repository in ("", repository)
