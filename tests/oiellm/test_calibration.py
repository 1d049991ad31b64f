"""Whether a confidence of 80 % is right in 80 % of its cases."""

from __future__ import annotations

import pytest

from mmm_dataset import Item, load
from oiellm.evaluate.calibration import calibration, line
from oiellm.evaluate.columns import Output, gold
from oiellm.evaluate.runs import Run
from tests.records import make_record

REGISTRY = load()
TEXT = "Kazan met Spiegel in Kazan"


def rows(count):
    items = [Item.pair("Person", "Kazan", 0, 5), Item.pair("Person", "Spiegel", 10, 17)]
    return gold([make_record(TEXT, items, "Society", "scnm", id=f"r{n}") for n in range(count)], REGISTRY)


def found(outputs, sure):
    known = rows(len(outputs))
    (config,) = known
    keys = [(config, f"r{n}") for n in range(len(outputs))]
    run = Run({key: Output(text, "escaped") for key, text in zip(keys, outputs)}, confidence=dict(zip(keys, sure)))
    return calibration(known, run)


def test_the_error_is_the_distance_from_what_is_right():
    outputs = ["Society/NER/:Person;Kazan"] * 8 + ["Nature/NER/:Place;Kazan"] * 2
    exact = found(outputs, [(0.8, [0.8])] * 10)
    assert exact["label"]["ece"] == pytest.approx(0) and exact["label"]["accuracy"] == 0.8
    assert exact["item"]["n"] == 10 and exact["item"]["ece"] == pytest.approx(0)
    sure = found(outputs, [(1.0, [0.5])] * 10)
    assert sure["label"]["ece"] == pytest.approx(0.2) and sure["item"]["ece"] == pytest.approx(0.3)
    assert sure["label"]["bins"] == [{"from": 0.9, "n": 10, "confidence": 1.0, "accuracy": 0.8}]
    assert "20.0 points" in line(sure) and "30.0 points" in line(sure)


def test_errors_of_bins_do_not_cancel_out():
    outputs = ["Society/NER/"] * 5 + ["Nature/NER/"] * 5
    mixed = found(outputs, [(0.55, [])] * 5 + [(0.45, [])] * 5)
    assert mixed["label"]["confidence"] == pytest.approx(mixed["label"]["accuracy"])
    assert mixed["label"]["ece"] == pytest.approx(0.45) and "item" not in mixed


def test_an_item_listed_twice_is_right_once_and_what_is_not_known_does_not_count():
    twice = found(["Society/NER/:Person;Kazan:Person;Kazan"], [(0.5, [0.9, 0.9])])
    assert twice["item"]["accuracy"] == 0.5
    assert found(["Society/NER/:Person;Kazan", "no"], [(None, None), (0.5, [])]) == {}
