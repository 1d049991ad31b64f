"""Arguments of the wrong type or shape: one clear line each, in Python, in ``evaluate``'s cover and on the command line."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from mmm_f1 import compare, score
from mmm_f1.cli import main

GOLD = ["A/NER/:P;x", "B/NER/"]
VALUES = {
    "none": None,
    "true": True,
    "number": 3,
    "negative": -1,
    "fraction": 2.5,
    "nan": float("nan"),
    "string": "A/NER/",
    "empty string": "",
    "bytes": b"A/NER/",
    "object": object(),
    "class": str,
    "function": len,
    "dict": {"a": 1},
    "dict of lists": {"output": GOLD},
    "set": {"A/NER/", "B/NER/"},
    "empty list": [],
    "short list": ["A/NER/"],
    "long list": ["A/NER/"] * 3,
    "numbers": [1, 2],
    "nones": [None, None],
    "mixed": ["A/NER/", 3],
    "string and row": ["A/NER/", {"label": "A", "entities": []}],
    "row and string": [{"label": "A", "entities": []}, "A/NER/"],
    "bytes inside": [b"A", b"B"],
    "lists": [["A/NER/"], ["B/NER/"]],
    "rows without columns": [{}, {}],
    "rows of numbers": [{"output": 1}, {"output": 2}],
    "scalar array": np.array("A/NER/"),
    "array of numbers": np.array([1.0, 2.0]),
    "square array": np.array([["a", "b"], ["c", "d"]]),
    "lone surrogate": ["\ud800", "B"],
    "config to number": {"c": 3},
    "config to numbers": {"c": [1]},
    "word to string": {"NER": "LABEL"},
    "word to none": {"NER": None},
    "number to roles": {3: ["LABEL", "entity"]},
    "places": [[(0, 1)], []],
    "place backwards": [[(3, 1)], []],
    "place of strings": [[("0", "1")], []],
    "places that are numbers": [0, 1],
}


def names(function):
    return list(inspect.signature(function).parameters)


def call(function, name, value):
    """The error of a call with one wrong argument, or None."""
    sides = ("predictions",) if function is score else ("predictions_a", "predictions_b")
    given = dict.fromkeys(sides, GOLD) | {"references": GOLD, "resamples": 5}
    try:
        function(**given | {name: value})
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("function", [score, compare])
def test_every_wrong_argument_is_one_clear_line(function, kind):
    for name in names(function):
        said = call(function, name, VALUES[kind])  # any other exception than ValueError fails here
        if said is not None:
            assert "\n" not in said and 10 < len(said) < 300, (name, said)
            assert not said.startswith(("'", "invalid literal", "unhashable", "cannot", "could not")), (name, said)


@pytest.mark.parametrize("function", [score, compare])
@pytest.mark.parametrize(
    "name",
    ["predictions", "references", "inputs", "configs", "form", "mode", "matching", "resamples", "seed", "confidence"],
)
def test_wrong_types_are_refused_by_name(function, name):
    side = f"{name}_a" if function is compare and name == "predictions" else name
    refused = {kind for kind, value in VALUES.items() if (said := call(function, side, value)) and name in said}
    assert {"bytes", "object", "class", "function", "dict", "set", "scalar array"} <= refused
    if name in ("predictions", "references"):
        assert {
            "none",
            "number",
            "string",
            "nones",
            "numbers",
            "mixed",
            "bytes inside",
            "lists",
            "short list",
        } <= refused
        assert {"rows without columns", "rows of numbers", "string and row", "row and string", "nan"} <= refused


def test_nothing_is_counted_twice_for_true():
    assert "resamples is True" in call(score, "resamples", True) and "seed is True" in call(score, "seed", True)
    assert call(score, "resamples", np.int64(3)) is None and "confidence is 95" in call(score, "confidence", 95)


@pytest.mark.parametrize(
    "row",
    [
        *(
            3,
            None,
            "x",
            [],
            [3],
            True,
            {"output": 3},
            {"output": None},
            {"output": ["A"]},
            {"label": 3, "entities": []},
        ),
        *({"entities": 3}, {"entities": "x"}, {"entities": "[3]"}, {"entities": [None]}, {"entities": [{}]}),
        *({"entities": [["P"]]}, {"entities": [[0, "1", "P"]]}, {"entities": [[1, 0, "P"]]}, {"entities": [[0, 9, 3]]}),
        *(
            {"entities": [{"label": 3, "text": "x"}]},
            {"entities": [{"label": "P", "text": 3}]},
            {"entities": [{"label": "P"}]},
        ),
        *(
            {"entities": [{"label": "P", "text": "", "start": 0, "end": 0}]},
            {"text": "ab", "entities": [[0, 3, "P"]]},
            {"text": "😀 Mia", "entities": [{"label": "P", "text": "Mi", "start": 3, "end": 5}]},
        ),
        *({"entities": {"P": 3}}, {"entities": {"P": [None]}}, {"entities": {"": ["x"]}}, {"extractions": "x"}),
        *(
            {"extractions": [{"extraction_class": "P"}]},
            {"tokens": ["a"], "ner_tags": []},
            {"tokens": "a", "ner_tags": ["O"]},
        ),
        *(
            {"tokens": ["a"], "ner_tags": [1]},
            {"tokens": [1], "ner_tags": ["O"]},
            {"tokens": ["a"], "ner_tags": ["O|B-X"]},
        ),
        *(
            {"tokens": ["a"], "ner_tags": [None]},
            {"tokenized_text": ["a"], "ner": [[0, 5, "P"]]},
            {"tokenized_text": [1], "ner": []},
        ),
        *({}, {"label": "A", "task_word": 3, "entities": []}, {"label": "A", "task_word": "a/b", "entities": []}),
    ],
)
def test_wrong_rows_are_one_line_on_the_command_line(tmp_path, capsys, row):
    """Each row beside a good one, as prediction and as gold."""
    labeled = isinstance(row, dict) and isinstance(row.get("label"), str)
    good = {"output": "A/NER/:P;x"} if labeled else {"entities": [{"label": "P", "text": "x"}]}
    wrong, right = tmp_path / "wrong.jsonl", tmp_path / "right.jsonl"
    wrong.write_text(json.dumps(row) + "\n")
    right.write_text(json.dumps(good) + "\n")
    for paths in ((wrong, right), (right, wrong)):
        code = main(["score", *map(str, paths)])
        printed = capsys.readouterr()
        assert code == 2 and printed.out == "", row
        assert printed.err.startswith("mmm-f1: error: ") and printed.err.count("\n") == 1, printed.err
        assert "wrong.jsonl" in printed.err, printed.err
