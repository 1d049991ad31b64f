"""Exact and near duplicates."""

import random

import numpy as np

from build.duplicates import NUM_PERM, ROWS, THRESHOLD, Index, _pairs, normalise


def shingles(text):
    plain = normalise(text)
    return {plain[i : i + 5] for i in range(max(1, len(plain) - 4))}


def jaccard(a, b):
    return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))


def words(rng, n):
    return " ".join("".join(rng.choices("abcdefghij", k=rng.randint(3, 8))) for _ in range(n))


def test_exact_duplicates_share_a_number():
    index = Index()
    assert index.add("ＡＢＣ de") == index.add("abc  DE") == 0
    assert index.add("abd de") == 1 and len(index) == 2


def test_near_duplicates_are_grouped_and_others_are_not():
    rng = random.Random(0)
    texts, twins = [], []
    for number in range(300):
        text = words(rng, 40)
        texts.append(text)
        if number % 3 == 0:
            texts.append(text.replace(text.split()[20], "changed", 1))
            twins.append((len(texts) - 2, len(texts) - 1))
    index = Index()
    assert [index.add(text) for text in texts] == list(range(len(texts)))
    groups = index.groups()
    for a, b in twins:
        assert jaccard(texts[a], texts[b]) > THRESHOLD and groups[a] == groups[b]
    assert len(np.unique(groups)) == len(texts) - len(twins)


def test_groups_are_transitive_and_name_their_smallest_number():
    rng = random.Random(1)
    base = words(rng, 60).split()
    chain = [" ".join([*base[:i], *[f"x{j}y" for j in range(i)], *base[i:]]) for i in range(6)]
    index = Index()
    for text in chain:
        index.add(text)
    index.add("something else entirely, and long enough to have shingles")
    assert index.groups().tolist() == [0, 0, 0, 0, 0, 0, 6]


def test_japanese_needs_no_spaces():
    index = Index()
    index.add("部屋はオーシャンビューで景色がとてもよかったです。また来年も家族で泊まりたいと思います。")
    index.add("部屋はオーシャンビューで景色がとてもよかったです。また来年も家族で泊まりたいと思います！")
    index.add("朝食は和食と洋食から選べて、どちらも量が多くておいしかったので大満足でした。")
    assert index.groups().tolist() == [0, 0, 2]


def test_empty_and_short_texts():
    index = Index()
    assert index.groups().tolist() == []
    assert [index.add(text) for text in ("", "a", "b", " ")] == [0, 1, 2, 0]
    assert index.groups().tolist() == [0, 1, 2]


def test_more_than_a_batch():
    index = Index()
    rng = random.Random(5)
    texts = [words(rng, 12) for _ in range(4500)]
    for text in [*texts, *(f"{text}!" for text in texts)]:
        index.add(text)
    groups = index.groups()
    assert (groups[:4500] == np.arange(4500)).all() and (groups[4500:] == groups[:4500]).mean() > 0.99


def test_a_large_bucket_in_two_orders():
    base = words(random.Random(6), 60).split()
    texts = [" ".join([*base[:at], "x", *base[at + 1 :]]) for at in range(60)]
    for order in (texts, texts[::-1]):
        index = Index()
        for text in order:
            index.add(text)
        assert index.groups().tolist() == [0] * 60


def test_alike_but_below_the_threshold_stays_apart():
    rng = random.Random(2)
    index, expected = Index(), []
    for _ in range(200):
        text = words(rng, 40).split()
        other = [*text[:26], *words(rng, 14).split()]
        similarity = jaccard(" ".join(text), " ".join(other))
        assert 0.4 < similarity < 0.65
        expected += [index.add(" ".join(text)), index.add(" ".join(other))]
    assert index.groups().tolist() == expected


def test_a_bucket_is_closed_over_neighbours_when_its_first_row_is_no_twin():
    """Rows 1 and 2 are twins of one another but share only a band with row 0."""
    signatures = np.zeros((3, NUM_PERM), dtype=np.uint32)
    signatures[0, ROWS:] = np.arange(NUM_PERM - ROWS) + 1
    signatures[1, ROWS:] = signatures[2, ROWS:] = np.arange(NUM_PERM - ROWS) + 1000
    assert {tuple(sorted(pair)) for pair in _pairs(signatures, np.arange(3, dtype=np.uint64))} == {(1, 2)}


def test_every_pair_of_a_family_of_variants_and_in_any_order():
    """Mutants of one text: all pairs at or above the threshold end in one group, whatever order the texts come in."""
    rng = random.Random(3)
    texts = []
    for _ in range(12):
        base = words(rng, 40).split()
        for _ in range(15):
            variant = list(base)
            for _ in range(rng.randint(0, 3)):
                variant[rng.randrange(40)] = words(rng, 1)
            texts.append(" ".join(variant))
    partitions = []
    for order in (range(len(texts)), random.Random(4).sample(range(len(texts)), len(texts))):
        index = Index()
        numbers = {index.add(texts[i]): i for i in order}
        groups = index.groups()
        members = {}
        for number, i in sorted(numbers.items()):
            members.setdefault(int(groups[number]), set()).add(texts[i])
        partitions.append({frozenset(group) for group in members.values()})
    assert partitions[0] == partitions[1]
    signatures = index._blocks[0]
    for a in range(len(index)):
        alike = np.flatnonzero((signatures == signatures[a]).mean(axis=1) >= THRESHOLD)
        assert len(np.unique(groups[alike])) == 1
