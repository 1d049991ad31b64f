"""Figures of the docs that rest on the real source of SCNM."""

import json

from mmm_dataset import Item, decode, encode
from mmm_f1.locate import locate
from tests.records import make_record


def test_offset_rule_against_known_offsets(real_data):
    rows = json.loads((real_data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8"))
    found = [
        place == tuple(entity["span"])
        for row in rows
        for entity, place in zip(
            row["entities"], locate(row["text"], [(e["type"], e["name"]) for e in row["entities"]])
        )
    ]
    assert len(found) == 13_185 and sum(found) == 13_183


def test_every_real_row_survives_the_round_trip(real_data):
    rows = json.loads((real_data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8"))
    escaped = 0
    for number, row in enumerate(rows):
        items = [Item.pair(e["type"], e["name"], *e["span"]) for e in row["entities"]]
        record = make_record(row["text"], items, id=str(number))
        output = encode(record)[1]
        read = decode(output, "NER", text=row["text"])
        assert [(i.label, i.spans[0].text) for i in read.items] == [(e["type"], e["name"]) for e in row["entities"]]
        plain = "社会/NER/" + "".join(f":{e['type']};{e['name']}" for e in row["entities"])
        escaped += output != plain
    assert escaped == 5  # the five names that hold ':'; every other row has the published bytes
