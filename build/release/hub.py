"""Repositories on a Hub, through ``huggingface_hub``: one commit each, with its parent, then a tag.

The token is the library's own affair (login or ``HF_TOKEN``): it is never read, passed or shown here. Where the Hub is, too
(``HF_ENDPOINT``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from build.core import KitError
from build.release.target import SPACE_SDK, ChangedMeanwhileError, Repository, State, Stored

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from tenacity import RetryCallState

T = TypeVar("T")

_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_STALE: Final = frozenset({412})
_ATTEMPTS: Final = 6
_LONGEST_WAIT: Final = 300.0
"""Seconds that a Hub may ask to be left alone; beyond it the command says so and ends."""


class Hub:
    """The repositories of one account."""

    def __init__(self, org: str, scratch: Path | None = None) -> None:
        """Nothing is asked yet.

        Args:
            org: the account.
            scratch: a folder for files that are read and not kept; None: that of the system.

        Raises:
            KitError: nobody is logged in, or the Hub is switched off.
        """
        from huggingface_hub import HfApi, constants, get_token

        if constants.is_offline_mode():
            raise KitError("HF_HUB_OFFLINE is set: unset it to release to the Hub, or use --to DIR")
        if get_token() is None:
            raise KitError("nobody is logged in to the Hub: run `hf auth login`, or set HF_TOKEN")
        self._org, self._api, self._scratch = org, HfApi(), scratch

    def address(self, repository: Repository) -> str:
        """``ORG/NAME``."""
        return f"{self._org}/{repository.name}"

    def link(self, repository: Repository) -> str:
        """Its page."""
        where = "" if repository.kind == "model" else f"{repository.kind}s/"
        return f"{self._api.endpoint}/{where}{self.address(repository)}"

    def state(self, repository: Repository) -> State | None:
        """Its head, files and tags; None if it does not exist or is hidden from this account.

        Raises:
            KitError: the Hub refuses or fails.
        """
        from huggingface_hub.errors import RepositoryNotFoundError
        from huggingface_hub.hf_api import RepoFile

        name, kind = self.address(repository), repository.kind
        try:
            info = self._do(repository, lambda: self._api.repo_info(name, repo_type=kind))
        except RepositoryNotFoundError:
            return None
        head = str(info.sha)
        tree = self._do(
            repository,
            lambda: list(self._api.list_repo_tree(name, repo_type=kind, revision=head, recursive=True)),
        )
        refs = self._do(repository, lambda: self._api.list_repo_refs(name, repo_type=kind))
        files = {
            file.path: Stored(file.lfs.sha256 if file.lfs else None, file.blob_id)
            for file in tree
            if isinstance(file, RepoFile)
        }
        return State(head, files, {tag.name: tag.target_commit for tag in refs.tags})

    def read(self, repository: Repository, state: State, path: str) -> bytes:
        """The bytes of one file in that state.

        Raises:
            KitError: the Hub refuses or fails.
        """
        name, kind = self.address(repository), repository.kind
        with tempfile.TemporaryDirectory(dir=self._scratch) as cache:  # a release must not depend on what a cache holds
            found = self._do(
                repository,
                lambda: self._api.hf_hub_download(name, path, repo_type=kind, revision=state.commit, cache_dir=cache),
            )
            return Path(found).read_bytes()

    def apply(
        self,
        repository: Repository,
        state: State | None,
        folder: Path,
        add: Collection[str],
        delete: Collection[str],
        message: str,
    ) -> str:
        """One commit with everything; returns its name. A repository that does not exist is made, privately.

        Raises:
            ChangedMeanwhileError: the head is another by now, or an answer was lost and only a new look tells what happened.
            KitError: the Hub refuses or fails.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        name, kind = self.address(repository), repository.kind
        if state is None:
            sdk = SPACE_SDK if kind == "space" else None
            self._do(
                repository,
                lambda: self._api.create_repo(name, repo_type=kind, private=True, exist_ok=True, space_sdk=sdk),
            )
            raise ChangedMeanwhileError(repository.path)  # its first state is the Hub's to tell
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationAdd(path, str(folder / path)) for path in sorted(add)),
            *(CommitOperationDelete(path) for path in sorted(delete)),
        ]
        commit = self._do(
            repository,
            lambda: self._api.create_commit(
                name, operations, repo_type=kind, commit_message=message, parent_commit=state.commit
            ),
            stale=True,
        )
        return commit.oid

    def tag(self, repository: Repository, name: str, commit: str) -> None:
        """Name a commit.

        Raises:
            KitError: the name is taken by another commit, or the Hub refuses or fails.
        """
        where, kind = self.address(repository), repository.kind
        # A tag that is there already may be ours, from an answer that was lost.
        self._do(
            repository,
            lambda: self._api.create_tag(where, tag=name, revision=commit, repo_type=kind, exist_ok=True),
        )
        refs = self._do(repository, lambda: self._api.list_repo_refs(where, repo_type=kind))
        named = {tag.name: tag.target_commit for tag in refs.tags}
        if named.get(name) != commit:
            raise KitError(
                f"{self.link(repository)}: somebody has just set the tag {name} on another commit; look there"
            )

    def publish(self, repository: Repository) -> None:
        """Let everybody see it."""
        name, kind = self.address(repository), repository.kind
        self._do(repository, lambda: self._api.update_repo_settings(name, private=False, repo_type=kind))

    def _do(self, repository: Repository, call: Callable[[], T], *, stale: bool = False) -> T:
        """Call the Hub, again if it asks for patience; what it refuses for good becomes one line.

        Args:
            repository: for the message.
            call: may be repeated.
            stale: whether it carries a parent commit, so that a lost answer shows as a head that has moved.
        """
        from httpx2 import TransportError
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception(_again), stop=stop_after_attempt(_ATTEMPTS), wait=_wait, reraise=True
        )
        try:
            return retrying(call)
        except RepositoryNotFoundError as error:
            if not stale and error.response.status_code == 404:
                raise
            raise KitError(self._refused(repository, error)) from error
        except HfHubHTTPError as error:
            if stale and error.response.status_code in _STALE:
                raise ChangedMeanwhileError(repository.path) from error
            raise KitError(self._refused(repository, error)) from error
        except (TransportError, ConnectionError) as error:
            raise KitError(
                f"{self.link(repository)}: the Hub cannot be reached ({type(error).__name__}); the same command goes on"
            ) from error

    def _refused(self, repository: Repository, error: HfHubHTTPError) -> str:
        status = error.response.status_code
        said = " ".join((error.server_message or "").split())
        remedy = {
            401: "the token is not valid: run `hf auth login`, or set HF_TOKEN",
            403: f"the token may not write there: it needs write access to {self._org}",
            404: f"not there, or hidden from this token; is {self._org} right, and may you write to it?",
            429: "the Hub asks for patience; the same command goes on from here later",
        }.get(status, "the same command goes on from here")
        return f"{self.link(repository)}: the Hub says {status}{f' ({said})' if said else ''}: {remedy}"


def _again(error: BaseException) -> bool:
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _TRANSIENT and _asked(error) <= _LONGEST_WAIT
    return isinstance(error, TransportError | ConnectionError)


def _asked(error: BaseException | None) -> float:
    """Seconds that the Hub asks to wait, in its own header or the standard one; 0 if it does not say."""
    from huggingface_hub import utils

    if (response := getattr(error, "response", None)) is None:
        return 0.0
    limit = utils.parse_ratelimit_headers(response.headers)  # type: ignore[attr-defined]
    if limit and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_random_exponential

    return _asked(state.outcome.exception() if state.outcome else None) + wait_random_exponential(0.5, 20.0)(state)
