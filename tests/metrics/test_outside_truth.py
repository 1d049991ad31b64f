"""The scorer against figures of others: seven WNUT-17 submissions, and seqeval's vectors (checked with conlleval.pl).

Spans of a sentence become pairs whose entity carries its offsets, so that micro F1 over pairs is span F1.
"""

from __future__ import annotations

from itertools import groupby

import pytest

from mmm_f1 import render, score

WNUT = {
    "arcada": 39.98,
    "drexel_cci": 26.30,
    "flytxt": 38.35,
    "mic-cis.txt": 37.06,
    "sjtu_adapt.txt": 40.42,
    "spinningbytes.txt": 40.78,
    "uh_ritual": 41.86,
}


def sentences(path, column):
    """The tags of each sentence: one column of a CoNLL file, blank lines between sentences."""
    lines = [line.rstrip("\r\n") for line in path.read_text(encoding="utf-8").split("\n")]
    blocks = (list(block) for filled, block in groupby(lines, lambda line: bool(line.strip())) if filled)
    return [[line.split()[column] for line in block] for block in blocks]


def spans(tags):
    """(type, start, end) of each span, by conlleval's rule: B starts one, and so does an I of another type or after O."""
    found, start, kind = [], 0, ""
    for at, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and (prefix != "I" or name != kind):
            found.append((kind, start, at))
            kind = ""
        if prefix in ("B", "I") and not kind:
            start, kind = at, name
    return found


def output(tags):
    return render("x", "NER", [(kind, f"{start}-{end}") for kind, start, end in spans(tags)])


@pytest.mark.parametrize("system", WNUT)
def test_wnut17(real_data, system):
    gold = sentences(real_data / "wnut17" / "emerging.test.annotated", -1)
    predicted = sentences(real_data / "wnut17" / "submissions" / system, -1)
    result = score([output(tags) for tags in predicted], [output(tags) for tags in gold])
    assert round(100 * result["wl"], 2) == WNUT[system]
    assert result["parse_failure_rate"] == result["reference_failures"] == 0


def test_seqeval_vectors(real_data):
    path = real_data / "seqeval-vectors" / "ground_truth.txt"
    gold, predicted = sentences(path, -2), sentences(path, -1)
    result = score([output(tags) for tags in predicted], [output(tags) for tags in gold])
    keys = ("wl_micro_precision", "wl_micro_recall", "wl")
    assert [round(100 * result[key], 2) for key in keys] == [68.83, 80.83, 74.35]


def answers(file):
    """Strings, offsets and texts of a file's last column; every word of a sentence is one letter and a blank."""
    tags = sentences(file, -1)
    texts = [" ".join("w" * len(line)) for line in tags]
    places = [[(2 * start, 2 * end - 1) for _, start, end in spans(line)] for line in tags]
    pairs = [[(kind, text[2 * a : 2 * b - 1]) for kind, a, b in spans(line)] for line, text in zip(tags, texts)]
    return tags, [render("x", "NER", row) for row in pairs], places, texts


@pytest.mark.parametrize("matching", ["set", "multiset"])
@pytest.mark.parametrize("system", [*WNUT, "seqeval"])
def test_with_offsets_the_figures_are_those_of_seqeval_and_nervaluate(real_data, tmp_path, system, matching):
    seqeval, nervaluate = pytest.importorskip("seqeval.metrics"), pytest.importorskip("nervaluate")
    if system == "seqeval":
        rows = (real_data / "seqeval-vectors" / "ground_truth.txt").read_text(encoding="utf-8").split("\n")
        gold_file, file = tmp_path / "gold", tmp_path / "predicted"
        gold_file.write_text("\n".join(" ".join(row.split()[:-1]) for row in rows), encoding="utf-8")
        file.write_text("\n".join(rows), encoding="utf-8")
    else:
        gold_file, file = (
            real_data / "wnut17" / "emerging.test.annotated",
            real_data / "wnut17" / "submissions" / system,
        )
    gold_tags, gold, gold_places, texts = answers(gold_file)
    tags, predicted, places, _ = answers(file)
    offsets = {"prediction_offsets": places, "reference_offsets": gold_places}
    result = score(predicted, gold, texts, **offsets, matching=matching, extended=True)
    assert result["wl"] == result["wl_offset_micro_f1"] == pytest.approx(seqeval.f1_score(gold_tags, tags), abs=1e-9)
    kinds = sorted({kind for row in gold_tags for kind, _, _ in spans(row)})
    dicts = [[{"label": k, "start": a, "end": b - 1} for k, a, b in spans(row)] for row in (*gold_tags, *tags)]
    theirs = nervaluate.Evaluator(dicts[: len(gold)], dicts[len(gold) :], tags=kinds, loader="dict").evaluate()[
        "overall"
    ]
    assert result["wl"] == pytest.approx(theirs["strict"].f1, abs=1e-9)
    for ours, name in (("exact", "exact"), ("partial", "partial"), ("type", "ent_type")):
        assert result[f"wl_{ours}_micro_f1"] == pytest.approx(theirs[name].f1, abs=1e-9), name


def test_converter():
    assert spans(["B-a", "I-a", "I-b", "O", "I-a", "B-a"]) == [("a", 0, 2), ("b", 2, 3), ("a", 4, 5), ("a", 5, 6)]
