"""Exact and near duplicates among texts.

Two texts are exact duplicates when they agree after ``normalise``. For near duplicates punctuation goes as well and Traditional
characters become Simplified ones: two texts are near duplicates when ``rapidfuzz.fuzz.ratio`` (0 to 100) of what is left
reaches ``RATIO`` and, if they are short, they differ in at most one character. Short texts are near duplicates too when they
differ in one run of at most ``RUN`` characters, a quarter of each. The pairs to compare come from MinHash over character
n-grams (two characters of Han, kana or Hangul, three of others) with banded LSH, those with one such run from an exact lookup
of what stays; union-find makes groups of them. The figures are ours; ``benchmarks/duplicates.py`` measures what they find.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmm_dataset.files import progress

NUM_PERM = 128
BANDS, ROWS = 32, 4
CANDIDATE = 0.4
"""Estimated Jaccard similarity of the n-grams from which on two texts are compared in full."""
RATIO = 85
SHORT, CHANGED = 15, 2
"""Where one of two texts has fewer characters, ``CHANGED`` insertions and deletions (one replaced character) are the most."""
RUN, KEPT = 2, 3
"""Two short texts may also differ in one run of up to ``RUN`` characters (a word of Chinese) if ``KEPT`` times as many stay.
A run with kana does not count: it is an ending or a particle more often than a word."""
LONG = 10_000
"""So many characters of a text are compared, the first: the time grows with the square of their number."""
SEED = 1
NEIGHBOURS = 32
_BATCH = 4096
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400))
_SYLLABLES = ((0x3040, 0x3100), (0x31F0, 0x3200), (0xAC00, 0xD7B0))
"""Kana and Hangul."""
_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
_CODES = 0x110000


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def digest(text: str) -> int:
    """A 64-bit hash of a string, the same on every machine and run."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Index:
    """Collects texts one by one and then groups the ones that are exact or near duplicates.

    Memory: 512 bytes a distinct text (its signature), and its characters.
    """

    def __init__(self) -> None:
        self._number: dict[int, int] = {}
        self._pending: list[str] = []
        self._texts: list[str] = []
        self._blocks: list[NDArray[np.uint32]] = []

    def add(self, text: str) -> int:
        """Number of the text; exact duplicates share theirs. Numbers count up from 0."""
        plain = normalise(text)
        key = digest(plain)
        if key in self._number:
            return self._number[key]
        self._number[key] = len(self._number)
        self._pending.append(plain)
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
            for at in range(0, len(left), _BATCH):
                a, b = left[at : at + _BATCH], right[at : at + _BATCH]
                apart = root[a] != root[b]  # what is one group already, through other pairs, needs no comparison
                _unite(root, _near(signatures, self._texts, a[apart], b[apart]))
        _unite(root, _one_run(self._texts))
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
        if self._pending:
            texts, signatures = _sign(self._pending)
            self._texts += texts
            self._blocks.append(signatures)
            self._pending = []


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.bool_], NDArray[np.bool_]]:
    """By code point: the Simplified form of a Traditional character, else itself; whether two of them make an n-gram; whether
    it is punctuation."""
    from opencc import OpenCC

    simplified, dense = np.arange(_CODES, dtype=np.uint32), np.zeros(_CODES, dtype=bool)
    convert = OpenCC("t2s").convert
    for start, end in _HAN:
        for code in range(start, end):
            if len(other := convert(chr(code))) == 1:
                simplified[code] = ord(other)
    for start, end in ((0, 1), *_HAN, *_SYLLABLES):  # 0 ends a text: the n-gram of an empty one must not reach further
        dense[start:end] = True
    punctuation = np.fromiter((unicodedata.category(chr(code))[0] == "P" for code in range(_CODES)), bool, _CODES)
    return simplified, dense, punctuation


def _sign(texts: list[str]) -> tuple[list[str], NDArray[np.uint32]]:
    """The texts in the form that is compared, and for each the minima of the hashes of its character n-grams."""
    from rensa import RMinHash

    simplified, dense, punctuation = _tables()
    whole = "".join(f"{text}\0\0" for text in texts)  # n-grams must not reach into the next text
    codes = simplified[np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), np.uint32)]
    sizes = np.fromiter(map(len, texts), np.int64, len(texts)) + 2
    keep = ~punctuation[codes]
    left = np.add.reduceat(keep, np.cumsum(sizes) - sizes)
    keep |= np.repeat(left == 2, sizes)  # a text of nothing but punctuation keeps it
    sizes = np.where(left == 2, sizes, left)
    codes, starts = codes[keep], np.cumsum(sizes) - sizes
    whole = codes.tobytes().decode("utf-32-le", "surrogatepass")
    grams = np.zeros(len(codes), dtype=np.uint64)
    grams[:-2] = codes[:-2].astype(np.uint64) << np.uint64(42) | codes[1:-1].astype(np.uint64) << np.uint64(21)
    grams[:-2] |= np.where(dense[codes[:-2]], 0, codes[2:]).astype(np.uint64)
    for _ in range(2):
        grams *= _MIX
        grams ^= grams >> np.uint64(29)
    counts = np.maximum(sizes - 3, 1)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    at = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(grams[at], offsets.astype(np.uint64), NUM_PERM, SEED)
    ends = starts + sizes - 2
    return [whole[a:b] for a, b in zip(starts, ends)], np.array(matrix.to_rows(), dtype=np.uint32)


def _pairs(
    signatures: NDArray[np.uint32], digests: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows that share a band, as two arrays.

    Rows with equal bands stand in the order of their digests, so the outcome does not depend on the order in which texts
    came. Each is held against its ``NEIGHBOURS`` predecessors and the first of its bucket: every pair of a bucket of up to
    ``NEIGHBOURS`` + 1 rows, and linear work in larger ones, where union-find closes the rest.
    """
    by_digest = np.argsort(digests)
    for band in progress(range(BANDS), "near duplicates", unit=" bands"):
        keys = np.zeros(len(signatures), dtype=np.uint64)
        for column in signatures[:, band * ROWS : (band + 1) * ROWS].T.astype(np.uint64):
            keys = (keys ^ column) * _MIX
            keys ^= keys >> np.uint64(29)
        order = by_digest[np.argsort(keys[by_digest], kind="stable")]
        bucket = np.cumsum(np.concatenate([[True], np.diff(keys[order]) != 0])) - 1
        first = order[np.searchsorted(bucket, bucket)]
        others = np.flatnonzero(first != order)
        yield first[others], order[others]
        for lag in range(1, NEIGHBOURS + 1):
            near = np.flatnonzero(bucket[lag:] == bucket[:-lag])
            if not len(near):
                break
            yield order[near], order[near + lag]


def _near(
    signatures: NDArray[np.uint32], texts: list[str], left: NDArray[np.int64], right: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """The pairs that are near duplicates."""
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import cpdist

    likely = (signatures[left] == signatures[right]).mean(axis=1) >= CANDIDATE
    left, right = left[likely], right[likely]
    if not len(left):
        return []
    a, b = [texts[number][:LONG] for number in left], [texts[number][:LONG] for number in right]
    sizes = np.array([[len(one), len(other)] for one, other in zip(a, b)])
    ratios = cpdist(a, b, scorer=ratio, score_cutoff=RATIO)
    changed = np.round((1 - ratios / 100) * sizes.sum(axis=1))
    near = (ratios >= RATIO) & ((sizes.min(axis=1) >= SHORT) | (changed <= CHANGED))
    return list(zip(left[near].tolist(), right[near].tolist()))


def _one_run(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Pairs of short texts that are the same but for one run, each with the first of those that share what is kept."""
    by_size: list[list[int]] = [[] for _ in range(SHORT)]
    for number, text in enumerate(texts):
        if len(text) < SHORT:
            by_size[len(text)].append(number)
    for kept in range(1, SHORT):
        sizes = range(kept, min(kept + min(RUN, kept // KEPT), SHORT - 1) + 1)
        for at in range(kept + 1):
            first: dict[str, int] = {}
            for size in sizes:
                for number in by_size[size]:
                    text, end = texts[number], at + size - kept
                    if _KANA.search(text, at, end):
                        continue
                    other = first.setdefault(text[:at] + text[end:], number)
                    if other != number:
                        yield other, number


def _unite(root: NDArray[np.int64], pairs: Iterable[tuple[int, int]]) -> None:
    """Make one group of the groups of each pair; afterwards every row names the first of its group."""
    changed = False
    for pair in pairs:
        low, high = sorted(_find(root, number) for number in pair)
        root[high] = low
        changed = True
    while changed and not np.array_equal(root, root[root]):
        root[:] = root[root]


def _find(root: NDArray[np.int64], number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = int(root[number])
    return number
