"""Contents of files, on disk, each under its SHA-256: streamed in and out, so that memory does not grow with them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path


class Objects:
    """The contents of all repositories."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where that content is, or would be."""
        return self._folder / sha256

    def put(self, chunks: Iterable[bytes]) -> str:
        """Keep a content; it is there as a whole or not at all. Returns its SHA-256."""
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".part-", delete=False) as part:
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    part.write(chunk)
            except BaseException:
                Path(part.name).unlink()
                raise
        return self._kept(Path(part.name), digest.hexdigest())

    def _kept(self, part: Path, sha256: str) -> str:
        part.replace(self.path(sha256))
        return sha256
