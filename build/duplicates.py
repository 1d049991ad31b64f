"""Exact and near duplicates among texts: MinHash over character n-grams, banded LSH, union-find.

Character n-grams serve every script alike. Two texts are exact duplicates when they agree after NFKC, case folding and
removal of white space; near duplicates when the Jaccard similarity of their n-grams, estimated from ``NUM_PERM`` minima
(standard error about 0.035), reaches ``THRESHOLD``. ``BANDS`` bands of ``ROWS`` minima find a pair of similarity 0.8 with
probability 0.99995. The figures are ours.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mmm_dataset.files import progress

NGRAM = 5
NUM_PERM = 128
BANDS, ROWS = 25, 5
THRESHOLD = 0.8
SEED = 1
NEIGHBOURS = 32
_BATCH = 4096
_MIX = np.uint64(0x9E3779B97F4A7C15)


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def digest(text: str) -> int:
    """A 64-bit hash of a string, the same on every machine and run."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Index:
    """Collects texts one by one and then groups the ones that are exact or near duplicates.

    Memory: 512 bytes a distinct text (its signature), whatever its length.
    """

    def __init__(self) -> None:
        self._number: dict[int, int] = {}
        self._pending: list[list[str]] = []
        self._blocks: list[NDArray[np.uint32]] = []

    def add(self, text: str) -> int:
        """Number of the text; exact duplicates share theirs. Numbers count up from 0."""
        plain = normalise(text)
        key = digest(plain)
        if key in self._number:
            return self._number[key]
        self._number[key] = len(self._number)
        self._pending.append([plain[i : i + NGRAM] for i in range(max(1, len(plain) - NGRAM + 1))])
        if len(self._pending) == _BATCH:
            self._flush()
        return self._number[key]

    def __len__(self) -> int:
        return len(self._number)

    def groups(self) -> NDArray[np.int64]:
        """For every number the smallest number of its group of near duplicates; shape (len(self),)."""
        self._flush()
        root: NDArray[np.int64] = np.arange(len(self), dtype=np.int64)
        if not len(self):
            return root
        signatures = self._join()
        for left, right in _pairs(signatures, np.fromiter(self._number, np.uint64, len(self))):
            a, b = _find(root, left), _find(root, right)
            if a != b:
                root[max(a, b)] = min(a, b)
        while not np.array_equal(root, root[root]):
            root = root[root]
        return root

    def _join(self) -> NDArray[np.uint32]:
        """One array of all blocks, each freed as it is copied: at no time are there two of everything."""
        signatures = np.empty((len(self), NUM_PERM), dtype=np.uint32)
        end = len(self)
        while self._blocks:
            block = self._blocks.pop()
            signatures[end - len(block) : end] = block
            end -= len(block)
        self._blocks = [signatures]
        return signatures

    def _flush(self) -> None:
        from rensa import RMinHash

        if self._pending:
            matrix = RMinHash.digest_matrix_from_token_sets(self._pending, NUM_PERM, SEED)
            self._blocks.append(np.array(matrix.to_rows(), dtype=np.uint32))
            self._pending = []


def _pairs(signatures: NDArray[np.uint32], digests: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that share a band and whose estimated similarity reaches the threshold.

    Rows with equal bands stand in the order of their digests, so the outcome does not depend on the order in which texts
    came. Each is held against its ``NEIGHBOURS`` predecessors and the first of its bucket: every pair of a bucket of up to
    ``NEIGHBOURS`` + 1 rows, and linear work in larger ones, where union-find closes the rest.
    """
    for band in progress(range(BANDS), "near duplicates", unit=" bands"):
        keys = np.zeros(len(signatures), dtype=np.uint64)
        for column in signatures[:, band * ROWS : (band + 1) * ROWS].T.astype(np.uint64):
            keys = (keys ^ column) * _MIX
            keys ^= keys >> np.uint64(29)
        order = np.lexsort((digests, keys))
        bucket = np.cumsum(np.concatenate([[True], np.diff(keys[order]) != 0])) - 1
        first = order[np.searchsorted(bucket, bucket)]
        yield from _alike(signatures, first, order)
        for lag in range(1, NEIGHBOURS + 1):
            near = np.flatnonzero(bucket[lag:] == bucket[:-lag])
            if not len(near):
                break
            yield from _alike(signatures, order[near], order[near + lag])


def _alike(
    signatures: NDArray[np.uint32], left: NDArray[np.int64], right: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    different = left != right
    left, right = left[different], right[different]
    for at in range(0, len(left), _BATCH):
        a, b = left[at : at + _BATCH], right[at : at + _BATCH]
        alike = (signatures[a] == signatures[b]).mean(axis=1) >= THRESHOLD
        yield from zip(a[alike].tolist(), b[alike].tolist(), strict=True)


def _find(root: NDArray[np.int64], number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = int(root[number])
    return number
