"""The imitated Hub as a whole: two hosts on loopback, one for its interface and one for large files."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tests.hub import routes, storage, writing
from tests.hub.access import Account
from tests.hub.faults import Fault, Hook, How, Script
from tests.hub.listener import Listener
from tests.hub.objects import Objects
from tests.hub.repository import MAIN, Change, Commit, Repository
from tests.hub.wire import Request

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")


class Hub:
    """An imitation of the Hugging Face Hub: ``with Hub() as hub: hub.url``.

    Repositories are named ``models/ORG/NAME``, ``datasets/ORG/NAME``, ``spaces/ORG/NAME``.

    Attributes:
        token: of a member of ``org``, which may write.
        reader: another token of that member, which may only read.
        stranger: the token of somebody outside ``org``.
        page: entries on a page of a listing.
        requests: everything that came in, in order.
        mistakes: what went wrong within this server; leaving the ``with`` block fails if there is any.
    """

    def __init__(
        self,
        token: str = "hf_test_writes",
        org: str = "org",
        *,
        port: int = 0,
        folder: Path | None = None,
        page: int = 1000,
    ) -> None:
        self.token, self.reader, self.stranger = token, f"{token}_reads", f"{token}_stranger"
        self.org, self.page = org, page
        member = (org,)
        self.accounts = {
            self.token: Account("tester", member, True),
            self.reader: Account("tester", member, False),
            self.stranger: Account("stranger", (), True),
        }
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.mistakes: list[str] = []
        self.script = Script()
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._secret = os.urandom(16).hex()
        self._temporary = tempfile.TemporaryDirectory() if folder is None else None
        self.objects = Objects(Path(self._temporary.name) if self._temporary else Path(folder or "."))
        self._hub = Listener(self, "hub", port, routes.ROUTES)
        self._storage = Listener(self, "storage", 0, storage.ROUTES)

    @property
    def url(self) -> str:
        """For ``HF_ENDPOINT``."""
        return self._hub.url

    @property
    def storage_url(self) -> str:
        """The host of large files, to which no token must go."""
        return self._storage.url

    def __enter__(self) -> Hub:
        """Listen."""
        for listener in (self._hub, self._storage):
            threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        """Stop.

        Raises:
            AssertionError: this server itself made a mistake.
        """
        self.ending.set()
        for listener in (self._hub, self._storage):
            listener.shutdown()
            listener.server_close()
        if self._temporary:
            self._temporary.cleanup()
        if kind is None:
            assert not self.mistakes, self.mistakes

    def environment(self, home: Path, token: str | None = "") -> dict[str, str]:
        """For a child process that meets this Hub, with nothing in its caches.

        Args:
            home: an empty folder, for ``HF_HOME``.
            token: that it has; None for none; empty for :attr:`token`.
        """
        ours = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **({} if token is None else {"HF_TOKEN": token or self.token}),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_") and name not in OFFLINE}
        return {**kept, **ours}

    def fault(
        self,
        kind: str,
        how: How = "refuse",
        *,
        status: int = 500,
        times: int = 1,
        skip: int = 0,
        repository: str = "",
        headers: Mapping[str, str] | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let something go wrong; see :class:`~tests.hub.faults.Fault`."""
        self.script.add(Fault(kind, how, status, times, skip, repository, headers or {}, seconds))

    def before(self, kind: str, action: Callable[[], object], *, nth: int = 1, repository: str = "") -> None:
        """Do something before the ``nth`` request of a kind, counted from now, is dealt with: also one that then goes wrong."""
        self.script.watch(Hook(kind, action, nth, repository))

    def commit(
        self,
        repository: str,
        files: Mapping[str, bytes],
        *,
        deleted: Collection[str] = (),
        title: str = "by somebody else",
        branch: str = MAIN,
    ) -> str:
        """Commit regular files as somebody else, past all rules; a repository not there is made, public. Gives the id."""
        kind, name = repository.split("/", 1)
        found = self.repositories.get(repository)
        if found is None:
            found = self.repositories[repository] = Repository(kind, name, private=False, sdk="gradio")
            writing.begin(self, found, "somebody")
        added = {path: writing.regular(self, content) for path, content in files.items()}
        return found.commit(branch, Change(title, added, tuple(deleted)), "somebody").oid

    def at(self, repository: str, revision: str = MAIN) -> Commit:
        """A commit: its id, files, title, parent."""
        return self.repositories[repository].at(revision)

    def path(self, repository: str, path: str, revision: str = MAIN) -> Path:
        """Where the content of a file lies."""
        return self.objects.path(self.at(repository, revision).files[path].sha256)

    def read(self, repository: str, path: str, revision: str = MAIN) -> bytes:
        """The content of a file."""
        return self.path(repository, path, revision).read_bytes()

    def history(self, repository: str) -> list[str]:
        """Titles of the commits on main, the first one first."""
        found = self.repositories[repository]
        return [commit.title for commit in found.history(found.at(MAIN))][::-1]

    def count(self, kind: str, repository: str = "") -> int:
        """How many requests of a kind came, ``*`` for all."""
        return sum(
            kind in ("*", request.kind) and repository in ("", request.repository) for request in list(self.requests)
        )

    def record(self, request: Request) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(request)

    def signature(self, repository: Repository, sha256: str) -> str:
        """What makes an address on the host of large files valid."""
        return hashlib.sha256(f"{self._secret}/{repository.key}/{sha256}".encode()).hexdigest()

    def storage_address(self, repository: Repository, sha256: str) -> str:
        """Where a large file is sent to and fetched from."""
        return f"{self.storage_url}/{repository.key}/{sha256}?signature={self.signature(repository, sha256)}"
