"""Which rows are annotated."""

import pytest

from build.annotate.worklist import Worklist
from build.core import Drop, KitError
from mmm_dataset import Item, Record, RegistryError, to_dict
from mmm_dataset.files import dump
from tests.build.annotate.driver import REGISTRY, row


def write(tmp_path, records):
    path = tmp_path / "worklist.jsonl"
    path.write_text("".join(dump(to_dict(record)) + "\n" for record in records), encoding="utf-8")
    return path


def test_a_sample_is_drawn_by_seed_and_id_alone_and_keeps_the_order(tmp_path):
    records = [row(id=f"r{number}") for number in range(50)]
    path = write(tmp_path, records)
    sample = Worklist(path, REGISTRY, 20, 7)
    ids = [record.id for record in sample.rows()]
    assert len(ids) == 20 and ids == sorted(ids, key=lambda name: int(name[1:]))
    assert sample.left_out == {"not_sampled": 30}
    assert ids == [record.id for record in sample.rows()]
    assert sample.left_out == {"not_sampled": 30}
    path = write(tmp_path, [record for record in records if record.id not in ("r3", "r4")])
    kept = [record.id for record in Worklist(path, REGISTRY, 18, 7).rows()]
    assert len(set(kept) & set(ids)) >= 16
    assert [record.id for record in Worklist(path, REGISTRY, 18, 8).rows()] != kept
    assert len(list(Worklist(path, REGISTRY, 500).rows())) == 48


def test_reviews_are_annotated_once_each_for_another_task(tmp_path):
    label = "ポジティブ"
    tasks = (("scpos_adj", "Sentiment Adj"), ("scpos_n", "Sentiment N"))
    item = Item.pair(label, "よい")
    records = [
        row("よい。", label, (item,), task, word, id=f"ja_{task}-{n}", source_id=f"{n}")
        for n in range(2)
        for task, word in tasks
    ]
    worklist = Worklist(write(tmp_path, records), REGISTRY, task="scpos_rw")
    rows = list(worklist.rows())
    found = [row for row in rows if isinstance(row, Record)]
    assert [row.reason for row in rows if isinstance(row, Drop)] == ["same_source_item"] * 2
    assert [(r.id, r.word, r.label, r.items) for r in found] == [
        (f"ja_scpos_rw-{n}", "Sentiment Relation Word", label, None) for n in range(2)
    ]
    assert worklist.left_out == {}
    sample = Worklist(worklist.path, REGISTRY, 1, task="scpos_rw").rows()
    assert len([row for row in sample if isinstance(row, Record)]) == 1
    # The polarity of a review says nothing of its field.
    others = Worklist(worklist.path, REGISTRY, task="tconer").rows()
    assert {r.label for r in others if isinstance(r, Record)} == {None}


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(KitError, match="worklist.jsonl: no such file; `python3 -m build read"):
        list(Worklist(tmp_path / "worklist.jsonl", REGISTRY).rows())
    path = write(tmp_path, [row()])
    with pytest.raises(RegistryError, match="no task 'scpos'"):
        list(Worklist(path, REGISTRY, task="scpos").rows())
    path.write_text("\n")
    with pytest.raises(KitError, match="worklist.jsonl: no rows to annotate"):
        list(Worklist(path, REGISTRY).rows())
    path.write_text("{}\n")
    with pytest.raises(KitError, match="worklist.jsonl:1"):
        list(Worklist(path, REGISTRY).rows())


@pytest.mark.parametrize(
    "record, says",
    [
        (row(label="経済"), r"unknown text-level label '経済'; allowed: 社会"),
        (row(items=[Item.pair("都市", "青葉市", 0, 3)]), "unknown entity label '都市'; allowed: "),
    ],
)
def test_an_unknown_label_of_the_worklist_is_said_to_be_its_own(tmp_path, record, says):
    with pytest.raises(KitError, match=rf"worklist\.jsonl:2: .*{says}"):
        list(Worklist(write(tmp_path, [row(id="good"), record]), REGISTRY).rows())
