"""Exact and near duplicates."""

import random
import re
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Postfix, Prefix
from rapidfuzz.fuzz import ratio

from benchmarks.duplicates import EDITS, found, joined
from build.duplicates import (
    KEPT,
    LONG,
    NEIGHBOURS,
    NUM_PERM,
    RATIO,
    ROWS,
    RUN,
    SHORT,
    Index,
    _one_run,
    _pairs,
    _sign,
    _unite,
)
from build.readers import demo
from mmm_dataset import load


def words(rng, n):
    return " ".join("".join(rng.choices("abcdefghij", k=rng.randint(3, 8))) for _ in range(n))


def groups(*texts):
    index = Index()
    for text in texts:
        index.add(text)
    return index.groups().tolist()


@pytest.fixture(scope="module")
def embedded():
    texts = {}
    for record in demo.read(demo.FOLDER, load()):
        texts.setdefault(record.language, {})[record.text] = None
    return {language: list(of) for language, of in texts.items()}


def test_exact_duplicates_share_a_number():
    index = Index()
    assert index.add("ＡＢＣ de") == index.add("abc  DE") == 0
    assert index.add("abd de") == 1 and len(index) == 2


@pytest.mark.parametrize(
    ("language", "least"),
    [("en", (0.95, 0.8, 0.9, 0.99, 1)), ("ja", (0.95, 0.75, 0.75, 0.99, 1)), ("zh", (0.9, 0.65, 0.75, 0.99, 1, 0.95))],
)
def test_edits_are_found_and_other_texts_stay_apart(embedded, language, least):
    shares = found(embedded[language], 200, list(EDITS)[: len(least)])
    assert all(share >= due for share, due in zip(shares.values(), least, strict=True)), shares
    assert joined(embedded[language])[0]["joined"] <= 5


def test_spliced_texts_stay_apart():
    """Half of another text is no near duplicate of it, though its n-grams make it a candidate."""
    rng = random.Random(0)
    texts = [words(rng, 40) for _ in range(200)]
    spliced = [text[: len(text) * 6 // 10] + words(rng, 16) for text in texts]
    assert groups(*texts, *spliced) == list(range(400))


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("部屋は広いです", "部屋は狭いです", True),
        ("部屋は広いです", "部屋が狭いです", False),
        ("設定鬧鐘為上午八點", "设定闹钟为上午八点！", True),
        ("朝食は和食と洋食から選べて大満足", "朝食は洋食と和食から選べて大満足", True),
        ("どうも", "どうも！！", True),
        ("Sounds good to me", "sounds good for me", False),
        ("It sounds good to me", "It sounds good for me", True),
        ("Good room", "Food room", True),
        ("Good rooms", "Food room", False),
        ("今天的天气怎么样？", "今天的湿度怎么样", True),
        ("设置闹钟在上午5点", "设置闹钟在上午10点", True),
        ("设置闹钟在上午5点", "设置闹钟为上午3点", False),
        ("今天的天气", "今天的湿度", False),
        ("请为我在客厅里播放爵士乐吧", "请为我在客厅里播放交响曲吧", False),  # a run of three
        ("外面热吗", "外面冷吗", True),
        ("外面多热", "外面多冷", True),
        ("カニも美味しかったです", "でも美味しかったです", False),
        ("朝食もとても良かった", "朝食はいつも良かった", False),
        ("夕食もとても良かった", "部屋もとても良かった", True),
        ("！！！", "？？？", False),
        ("a", "b", False),
        ("", "?", False),
        ("", " ", True),
    ],
)
def test_short_texts(one, other, near):
    assert (len(set(groups(one, other))) == 1) == near


@given(st.lists(st.text(st.sampled_from("日日日月あ"), min_size=1, max_size=SHORT + 1), max_size=12, unique=True))
def test_pairs_with_one_run_are_those_of_all_pairs_compared(texts):
    """The lookup joins what a comparison of every two texts joins, whatever their order."""

    def one_run(one, other):
        start = Prefix.similarity(one, other)
        kept = start + min(Postfix.similarity(one, other), len(one) - start, len(other) - start)
        runs = [text[start : start + len(text) - kept] for text in (one, other)]
        return (
            max(map(len, runs)) <= min(RUN, kept // KEPT)
            and max(len(one), len(other)) < SHORT
            and not re.search("あ", "".join(runs))
        )

    least = list(range(len(texts)))
    for order in (range(len(texts)), range(len(texts))[::-1]):
        for a, b in combinations(order, 2):
            if one_run(texts[a], texts[b]):
                low, high = sorted((least[a], least[b]))
                least = [low if number == high else number for number in least]
    root = np.arange(len(texts))
    _unite(root, _one_run(texts))
    assert root.tolist() == least


def test_groups_are_transitive_and_name_their_smallest_number():
    base = words(random.Random(1), 60).split()
    chain = [" ".join([*(f"x{j}y" for j in range(i)), *base]) for i in range(0, 48, 8)]
    assert ratio(chain[0], chain[-1]) < RATIO < ratio(chain[0], chain[1])
    assert groups(*chain, "something else entirely") == [0, 0, 0, 0, 0, 0, 6]


def test_of_long_texts_the_beginning_is_compared():
    rng = random.Random(4)
    texts = [words(rng, 20_000) for _ in range(3)]
    assert min(map(len, texts)) > 10 * LONG
    started = time.perf_counter()
    assert groups(*texts, *(text.replace("a", "b", 500) for text in texts)) == [0, 1, 2, 0, 1, 2]
    assert time.perf_counter() - started < 5


@given(st.lists(st.text(st.sampled_from("ab。の東東!漢\U0001f600\ud800"), max_size=20), min_size=1, max_size=8))
def test_a_text_is_the_same_alone_and_in_a_batch(texts):
    compared, signatures = _sign(texts)
    for text, alone, signature in zip(texts, compared, signatures, strict=True):
        assert _sign([text])[0] == [alone] and (_sign([text])[1][0] == signature).all()


def test_groups_are_those_of_all_pairs_compared_and_in_any_order():
    """Families of mutants: LSH loses no pair here, and the order of the texts, or of their batches, changes nothing."""
    rng = random.Random(3)
    texts = []
    for _ in range(260):
        base = words(rng, 40).split()
        for _ in range(18):
            variant = list(base)
            for _ in range(rng.randint(0, 6)):
                variant[rng.randrange(40)] = words(rng, 1)
            texts.append(" ".join(variant))
    texts = list(dict.fromkeys(texts))
    assert len(texts) > 4096 and min(map(len, texts)) > SHORT
    partitions = []
    for order in (texts, rng.sample(texts, len(texts))):
        members = {}
        for text, group in zip(order, groups(*order), strict=True):
            members.setdefault(group, set()).add(text)
        partitions.append({frozenset(group) for group in members.values()})
    assert partitions[0] == partitions[1]
    some = [text for family in sorted(map(sorted, partitions[0]))[:30] for text in family]
    whole = [text.replace(" ", "") for text in some]
    components = list(range(len(some)))
    for a in range(len(some)):
        for b in range(a):
            if ratio(whole[a], whole[b]) >= RATIO and components[a] != components[b]:
                old, new = components[a], components[b]
                components = [new if component == old else component for component in components]
    assert len(set(components)) == 30


def test_a_large_bucket_in_two_orders():
    base = words(random.Random(6), 60).split()
    texts = [" ".join([*base[:at], "x", *base[at + 1 :]]) for at in range(60)]
    assert len(texts) > NEIGHBOURS
    assert groups(*texts) == groups(*texts[::-1]) == [0] * 60


def _pairs_by_digest(signatures, digests):
    pairs = _pairs(signatures, digests)
    return {
        tuple(sorted(pair)) for left, right in pairs for pair in zip(digests[left].tolist(), digests[right].tolist())
    }


def test_a_bucket_is_closed_over_neighbours_when_its_first_row_is_no_twin():
    """Rows 1 and 2 share all bands, and one with row 0: all three pairs are candidates."""
    signatures = np.zeros((3, NUM_PERM), dtype=np.uint32)
    signatures[0, ROWS:] = np.arange(NUM_PERM - ROWS) + 1
    signatures[1, ROWS:] = signatures[2, ROWS:] = np.arange(NUM_PERM - ROWS) + 1000
    assert _pairs_by_digest(signatures, np.arange(3, dtype=np.uint64)) == {(0, 1), (0, 2), (1, 2)}


def test_candidates_of_a_large_bucket_are_linear_and_do_not_depend_on_the_order():
    size, rng = 5 * NEIGHBOURS, np.random.default_rng(0)
    signatures = rng.integers(0, 1 << 32, (size, NUM_PERM), dtype=np.uint32)
    signatures[:, :ROWS] = 7
    digests, order = np.arange(size, dtype=np.uint64), rng.permutation(size)
    pairs = _pairs_by_digest(signatures, digests)
    assert pairs == _pairs_by_digest(signatures[order], digests[order])
    assert pairs == {(a, b) for b in range(size) for a in range(b) if a == 0 or b - a <= NEIGHBOURS}
