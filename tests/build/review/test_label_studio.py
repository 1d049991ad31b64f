"""To Label Studio and back: what the tool does to a task is done here by hand, as its export format describes."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.core import KitError
from build.review.label_studio import labeling_config, task, write_tasks
from build.review.label_studio_import import read_tasks
from build.review.rows import ReviewFile
from mmm_dataset import Item, Span, from_dict, load, to_dict
from tests.build.review.review_files import decided, review_file, target_record, worklist, write_rows
from tests.records import make_record, records, typed_registry

WHO = {
    "completed_by": {"id": 1, "email": "ann@example.org"},
    "was_cancelled": False,
    "updated_at": "2025-01-01T00:00:00Z",
}


def submitted(tasks):
    """Tasks as exported after somebody opened each and pressed Submit: predictions become annotations, ids are made anew."""
    out = []
    for number, one in enumerate(json.loads(json.dumps(tasks))):
        ids = {}
        for result in one["predictions"][0]["result"]:
            for name in ("id", "from_id", "to_id"):
                if name in result:
                    result[name] = ids.setdefault(result[name], f"x{number}-{len(ids)}")
        annotation = {"id": number, "result": one["predictions"][0]["result"], **WHO}
        out.append({"id": number, "data": one["data"], "annotations": [annotation], "predictions": []})
    return out


def exported(path):
    write_tasks(ReviewFile(path), path.with_name("tasks.json"), load())
    return submitted(json.loads(path.with_name("tasks.json").read_text(encoding="utf-8")))


def imported(path, tasks, **options):
    source = path.with_name("export.json")
    source.write_text(json.dumps(tasks), encoding="utf-8")
    book, log = decided(path)
    summary, refused = read_tasks(book, log, source, load(), **options)
    return decided(path)[0], summary, refused


def results(tasks, number):
    return tasks[number]["annotations"][0]["result"]


@given(
    rows=st.lists(records(), min_size=1, max_size=3, unique_by=lambda record: record.id),
    unplaced=records(offsets=False),
)
def test_the_round_trip_changes_nothing(rows, unplaced, tmp_path_factory):
    path = tmp_path_factory.mktemp("ls") / "review.jsonl"
    write_rows(path, [to_dict(record) for record in (*rows, unplaced)])
    file = ReviewFile(path)
    tasks = submitted([task(file[number], load()) for number in range(len(file))])
    book, summary, refused = imported(path, tasks)
    assert refused == 0, summary
    assert [book.standing(n)["ann@example.org"].action for n in range(len(file))] == ["accept"] * len(file)


def test_attributes_and_mentions_stay_with_their_item(tmp_path):
    registry, text = load(str(typed_registry(tmp_path))), "パスタは最高"
    food = Item("neg", (Span("パスタ", 0, 3, "aspect"),), attributes=(("category", "FOOD"),))
    both = Item("pos", (*food.spans, Span("最高", 4, 6, "aspect")), attributes=(("category", "FOOD"),))
    place = Item("neg", (), attributes=(("category", "PLACE"),))
    record = make_record(text, [food, both, place], None, "absa", "Aspect Sentiment")
    file = ReviewFile(write_rows(tmp_path / "review.jsonl", [to_dict(record)]))
    (one,) = submitted([task(file[0], registry)])
    assert one["data"]["mmm_unplaced"] == [1, 2]
    results([one], 0)[0]["value"]["labels"] = ["pos"]
    source = tmp_path / "export.json"
    source.write_text(json.dumps([one]), encoding="utf-8")
    book, log = decided(file.path)
    assert read_tasks(book, log, source, registry)[1] == 0
    (decision,) = decided(file.path)[0].standing(0).values()
    assert from_dict(decision.record).items == (replace(food, label="pos"), both, place)


@given(record=records())
def test_every_drawn_region_is_where_it_says_in_code_points(record, tmp_path_factory):
    file = ReviewFile(write_rows(tmp_path_factory.mktemp("ls") / "r.jsonl", [to_dict(record)]))
    for result in task(file[0], load())["predictions"][0]["result"]:
        if result.get("from_name") == "items":
            value = result["value"]
            assert record.text[value["start"] : value["end"]] == value["text"]


def test_changes_of_an_annotator_become_an_edit_that_keeps_the_alignment(tmp_path):
    path = review_file(tmp_path, 6)
    tasks = exported(path)
    text = target_record(3).text  # its place is written with an astral character
    results(tasks, 0)[0]["value"] = {"choices": ["自然"]}
    moved = results(tasks, 3)[1]["value"]
    moved["end"] += 1
    moved["text"] = text[moved["start"] : moved["end"]]
    results(tasks, 4)[1]["value"]["labels"] = ["设施名"]
    del results(tasks, 5)[1]
    results(tasks, 5).append(
        {
            "id": "new",
            "from_name": "items",
            "to_name": "text",
            "type": "labels",
            "value": {"start": 0, "end": 1, "labels": ["活动名"]},
        }
    )
    book, summary, refused = imported(path, tasks)
    assert refused == 0, summary
    said = [book.standing(number)["ann@example.org"] for number in range(6)]
    assert [one.action for one in said] == ["edit", "accept", "accept", "edit", "edit", "edit"]
    assert said[0].record["label"] == "自然"
    wider, relabelled, other = (from_dict(said[number].record).items for number in (3, 4, 5))
    assert wider[0] == Item("地名", (Span("𠮷野举", 6, 9),), 0)
    assert (relabelled[0].label, relabelled[0].source_item) == ("设施名", 0)
    assert [(item.label, item.source_item) for item in other] == [
        ("活动名", None),
        ("人名", 1),
    ]  # in the order of the text


def test_relations_and_events_come_back_with_their_roles(tmp_path):
    text = "𠮷田社は東京で4月に大会を開いた"
    spans = {piece: (text.index(piece), text.index(piece) + len(piece)) for piece in ("𠮷田社", "東京", "4月", "大会")}

    def span(piece, role):
        return Span(piece, *spans[piece], role)

    relation = Item("所在地", (span("𠮷田社", "head"), span("東京", "tail")))
    twice = Item("所在地", (span("𠮷田社", "head"), span("大会", "tail")))
    events = [
        Item("開催", (span("𠮷田社", "subject"), span("大会", "object"), span("4月", "time"))),
        Item("開催", (span("𠮷田社", "subject"), span("4月", "time"))),
        Item("開催", (span("𠮷田社", "subject"),)),
        Item("開催", (Span("𠮷田社", role="subject"),)),
    ]
    rows = [
        make_record(text, [relation, twice], "Sports Watch", "tcree", "Relation Extraction", id="r"),
        make_record(text, events, "Sports Watch", "tcree", "Event Extraction", id="e"),
    ]
    path = write_rows(tmp_path / "review.jsonl", map(to_dict, rows))
    tasks = exported(path)
    assert tasks[1]["data"]["mmm_unplaced"] == [3]
    book, summary, refused = imported(path, tasks)
    assert refused == 0, summary
    assert [book.standing(n)["ann@example.org"].action for n in (0, 1)] == ["accept", "accept"]
    link = next(result for result in results(tasks, 0) if result["type"] == "relation")
    link["from_id"], link["to_id"], link["direction"] = link["to_id"], link["from_id"], "left"
    link["labels"] = []
    book, summary, refused = imported(path, tasks, reviewer="Ben")
    assert book.standing(0)["Ben"].action == "accept"


def test_offsets_of_old_versions_in_utf16_units_are_recognised(tmp_path):
    text = "👩‍👩‍👧と𠮷野家"
    record = make_record(text, [Item.pair("法人名", "𠮷野家", 6, 9)])
    path = write_rows(tmp_path / "review.jsonl", [to_dict(record)])
    tasks = exported(path)
    value = results(tasks, 0)[1]["value"]
    value["start"], value["end"] = (len(text[:at].encode("utf-16-le")) // 2 for at in (value["start"], value["end"]))
    assert (value["start"], value["end"]) == (9, 13)
    book, summary, refused = imported(path, tasks)
    assert refused == 0, summary
    assert book.standing(0)["ann@example.org"].action == "accept"


def test_a_reason_rejects_a_skip_says_nothing_and_a_second_import_adds_nothing(tmp_path):
    path = review_file(tmp_path, 3)
    tasks = exported(path)
    results(tasks, 0).append(
        {
            "id": "r",
            "from_name": "reject",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": ["The source row itself is wrong"]},
        }
    )
    tasks[1]["annotations"][0]["was_cancelled"] = True
    tasks[2]["annotations"][0]["completed_by"] = 4
    book, summary, _ = imported(path, tasks)
    assert (book.standing(0)["ann@example.org"].action, book.standing(0)["ann@example.org"].reason) == (
        "reject",
        "bad_source",
    )
    assert not book.is_decided(1)
    assert book.standing(2)["label-studio-4"].action == "accept"
    assert "2 decisions added, 0 were there, 1 tasks skipped" in summary
    assert "0 decisions added, 2 were there" in imported(path, tasks)[1]


def test_what_cannot_be_read_is_refused_and_named_and_the_rest_is_taken(tmp_path):
    path = review_file(tmp_path, 7)
    tasks = exported(path)
    results(tasks, 0)[1]["value"]["text"] = "別"
    results(tasks, 1)[0]["value"] = {"choices": ["怪"]}
    del results(tasks, 2)[0]
    tasks[3]["data"]["mmm_sha256"] = "0" * 64
    del results(tasks, 4)[1]["value"]["start"]
    results(tasks, 5).append({"type": "relation", "from_id": "a", "to_id": "b", "labels": ["tail"]})
    book, summary, refused = imported(path, tasks)
    assert refused == 6
    assert book.decided == 1
    for words in (
        "a region says '別'",
        "text-level label '怪'",
        "label of the text was removed",
        "rebuilt since the export",
        "an offset is None",
        "a relation must have one name",
    ):
        assert words in summary


@pytest.mark.parametrize("content", ["{}", "[1]", "nonsense", '[{"text": "min"}]'])
def test_another_file_is_one_line(tmp_path, content):
    path = review_file(tmp_path, 1)
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(KitError, match="export the project as JSON") as caught:
        read_tasks(*decided(path), tmp_path / "x.json", load())
    assert "\n" not in str(caught.value)


def test_the_configuration_names_every_label_and_survives_odd_ones(tmp_path):
    path = review_file(tmp_path, 2)
    write_tasks(ReviewFile(path), tmp_path / "tasks.json", load())
    view = ElementTree.fromstring((tmp_path / "tasks.xml").read_text(encoding="utf-8"))
    labels = [tag.get("value") for tag in view.find("Labels")]
    assert {"人名", "地名", "活动名"} <= set(labels)
    assert [tag.get("name") for tag in view.iter("Text")] == ["source", "text"]
    odd = ElementTree.fromstring(labeling_config([], ['<a b="c">&', "'"], ["tail"]))
    assert [tag.get("value") for tag in odd.find("Labels")] == ['<a b="c">&', "'", "(argument)"]
    assert odd.find("Relations")[0].get("value") == "tail"
    with pytest.raises(KitError, match="XML cannot hold"):
        labeling_config([], ["\x00"], [])


@pytest.mark.parametrize("name", ["review.jsonl", "tasks.xml", "review.json"])
def test_tasks_never_replace_the_file_under_review_or_its_log(tmp_path, name):
    path = review_file(tmp_path, 2).rename(tmp_path / ("review.json" if name == "review.json" else "review.jsonl"))
    before = path.read_bytes()
    with pytest.raises(KitError, match="name it OUT.json"):
        write_tasks(ReviewFile(path), tmp_path / name, load())
    assert path.read_bytes() == before


def test_a_row_of_a_worklist_comes_back_with_the_label_that_it_was_given(tmp_path):
    path = worklist(tmp_path, "label", "label")
    tasks = exported(path)
    tasks[0]["annotations"][0]["result"].append(
        {"id": "new", "from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["学术"]}}
    )
    (tmp_path / "back.json").write_text(json.dumps(tasks))
    book, log = decided(path)
    summary, refused = read_tasks(book, log, tmp_path / "back.json", load())
    assert refused == 1 and "row 'zh-1': label still missing" in summary
    (decision,) = log.fresh()
    assert (decision.action, decision.record["label"], len(decision.record["items"])) == ("edit", "学术", 2)


def test_annotations_that_are_not_there_as_a_whole_are_refused_in_words(tmp_path):
    path = review_file(tmp_path, 4)
    tasks = exported(path)
    tasks[0]["annotations"] = [17, 18]
    tasks[1]["annotations"] = {"id": 3}
    tasks[2]["annotations"] = "none"
    book, summary, refused = imported(path, tasks)
    assert refused == 4 and book.decided == 1
    assert summary.count("its annotations are not there as a whole: export the project as JSON") == 3
    assert "task 2: lacks 'result'" in summary


def test_an_export_that_is_taken_under_two_names_does_not_agree_with_itself(tmp_path):
    path = review_file(tmp_path, 3)
    tasks = exported(path)
    assert imported(path, tasks)[0].decided_by == {"ann@example.org": 3}
    book, summary, _ = imported(path, tasks, reviewer="Ben")
    assert book.decided_by == {"ann@example.org": 3}
    assert "0 decisions added, 3 were there" in summary


def test_two_labels_other_newlines_and_other_units_fit_if_places_do(tmp_path):
    text = "😀 Mia\r\nOno ran"
    item = Item.pair("人名", "Mia\r\nOno", 2, 10)
    rows = [make_record(text, [item], id=f"r{n}", source_id=f"s{n}") for n in range(6)]
    path = write_rows(tmp_path / "r.jsonl", map(to_dict, rows))
    tasks = exported(path)
    values = [results(tasks, number)[1]["value"] for number in range(6)]
    values[0] |= {"text": "Mia\\nOno"}
    values[1] |= {"text": "Mia\nOno"}
    values[2] |= {"text": "Mia\nOno", "end": 9}
    values[3] |= {"start": 3, "end": 10, "text": "Mia\nOno"}
    values[4]["labels"] = ["人名", "地名"]
    del values[5]["labels"]
    book, summary, refused = imported(path, tasks)
    assert refused == 1 and "the region 'Mia\\r\\nOno' has no label" in summary
    given = [book.standing(number)["ann@example.org"] for number in range(5)]
    assert [decision.action for decision in given] == ["accept"] * 4 + ["edit"]
    assert from_dict(given[4].record).items == (item, replace(item, label="地名"))


def test_a_project_of_ones_own_is_no_review(tmp_path):
    path = review_file(tmp_path, 1)
    own = [{"data": {"text": "Mia ran"}, "annotations": [{"result": []}]}]
    _, summary, refused = imported(path, own)
    assert refused == 1 and "read foreign --format label-studio" in summary
