"""Who asks, and what they may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.hub.replies import ANONYMOUS, READ_ONLY, UNKNOWN_TOKEN, Refusal, no_repository

if TYPE_CHECKING:
    from tests.hub.repository import Repository
    from tests.hub.wire import Call


@dataclass(frozen=True)
class Account:
    """Whom a token stands for, in which organisations, and whether the token may write."""

    name: str
    organisations: tuple[str, ...]
    writes: bool

    def owns(self, name: str) -> bool:
        """Whether a namespace, or a repository in it, is theirs."""
        return name.split("/")[0] in (self.name, *self.organisations)


def account(call: Call) -> Account | None:
    """Who asks; None for nobody in particular.

    Raises:
        Refusal: the token is unknown, which is refused even where none is needed.
    """
    header = call.headers.get("authorization")
    if header is None:
        return None
    found = call.hub.accounts.get(header.removeprefix("Bearer "))
    if found is None:
        raise Refusal(401, UNKNOWN_TOKEN)
    return found


def writer(call: Call, namespace: str) -> Account:
    """Who may write into a namespace.

    Raises:
        Refusal: nobody in particular, or one who may not.
    """
    asks = account(call)
    if asks is None:
        raise Refusal(401, ANONYMOUS)
    if not asks.owns(namespace):
        raise Refusal(403, f'You don\'t have the rights to create a repo under the namespace "{namespace}"')
    if not asks.writes:
        raise Refusal(403, READ_ONLY)
    return asks


def readable(call: Call) -> Repository:
    """The repository of a request.

    Raises:
        Refusal: it is not there, or hidden from who asks: which of the two is not said.
    """
    asks = account(call)
    found = call.hub.repositories.get(call.request.repository)
    if found is None or (found.private and not (asks and asks.owns(found.name))):
        raise no_repository(anonymous=asks is None)
    return found


def writable(call: Call) -> tuple[Repository, Account]:
    """The repository of a request, which who asks may change, and who that is.

    Raises:
        Refusal: as for :func:`readable`, or they may read it only.
    """
    found = readable(call)
    asks = account(call)
    if asks is None:
        raise Refusal(401, ANONYMOUS)
    if not asks.owns(found.name):
        raise Refusal(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
    if not asks.writes:
        raise Refusal(403, READ_ONLY)
    return found, asks
