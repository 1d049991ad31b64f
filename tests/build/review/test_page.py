"""A review in a real browser: 200 rows, two reviewers, a reload, a kill -9, and what comes out in the end."""

import json
from dataclasses import replace

import pytest

from build.review.book import Book
from build.review.command import run
from build.review.decisions import DecisionLog, log_path
from build.review.rows import ReviewFile
from mmm_dataset import Item, Span, from_dict, to_dict
from tests.build.review.browser import Keys, Page, Select
from tests.build.review.review_files import review_row, target_record, worklist, write_rows
from tests.build.review.serving import start
from tests.records import make_record, typed_registry

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chromium")]

HOSTILE = (
    "<script>window.hit = 1</script><img src=x onerror='window.hit=1'>👩‍👩‍👧と𠮷野家の東京タワー展望台 مرحبا\r\nend"
)


def hostile_row():
    def pair(piece, label):
        start = HOSTILE.index(piece)
        return Item.pair(label, piece, start, start + len(piece))

    items = [
        pair("東京", "地名"),
        pair("東京タワー", "施設名"),
        pair("タワー展望台", "施設名"),
        pair("𠮷野家", "法人名"),
        pair("<script>window.hit = 1</script>", "製品名"),
        pair("مرحبا", "人名"),
        Item.pair("地名", "東京"),
    ]
    record = make_record(HOSTILE, items, id="hostile")
    flag = {"check": "prompt_leak", "detail": "<b>bold</b>", "start": 1, "end": 9}
    return {"source": None, "target": to_dict(record), "flags": [flag], "rung": "<i>span</i>", "risk": 0.01}


def order_of(path):
    """Ids in the order of risk."""
    file = ReviewFile(path)
    return [file[number].target.id for number in file.order("risk")]


def standing(path):
    """Id to reviewer to action."""
    file = ReviewFile(path)
    book = Book(file, DecisionLog(log_path(path)).fresh())
    return {file[n].target.id: {name: d.action for name, d in book.standing(n).items()} for n in book.rows()}


def target(id):
    return target_record(int(id.removeprefix("zh-")))


def accept(page):
    page.keys("a")


def fix_span(page, id):
    """Item 2 is made to hold the emoji that follows, which is astral and joined, in a text with an astral place before it."""
    record = target(id)
    start = record.text.index("花子")
    page.choose(1)
    assert page.select_text(start, start + 5) == "花子👩‍👧"
    page.keys("s")
    page.until(lambda: "花子👩‍👧" in page.text('#target button[data-place="1 0"]'), "the span is set")
    page.keys("a")
    return {**to_dict(record), "items": [to_dict(record)["items"][0], item("花子👩‍👧", start, "人名", 1)]}


def item(text, start, label, source_item):
    span = {"text": text, "start": start, "end": start + len(text), "role": "entity"}
    return {"label": label, "spans": [span], "source_item": source_item}


def fix_text(page, id):
    """The place is rewritten, so its span is lost and must be set; the person's span moves along."""
    record = target(id)
    place = record.items[0].spans[0]
    new = "隆重的" + record.text.replace(place.text, "名古屋")
    page.keys("e")
    page.rewrite(new)
    page.control(Keys.ENTER)
    page.until_said("One span is not certain in the new text")
    page.keys("a")
    page.until_said("One span is not certain in the new text")
    start = new.index("名古屋")
    page.select_text(start, start + 3)
    page.keys("s")
    page.until(lambda: "名古屋" in page.text('#target button[data-place="0 0"]'), "the span is set")
    page.keys("a")
    items = [item("名古屋", start, "地名", 0), item("山田花子", new.index("山田花子"), "人名", 1)]
    return {**to_dict(record), "text": new, "items": items}


def change_labels(page, id):
    record = to_dict(target(id))
    page.set_label("Label of the text", "学术")
    page.set_label("Label of item 2", "设施名")
    page.until(lambda: "Save correction" in page.text("#accept"), "a correction")
    page.driver.execute_script("document.activeElement.blur()")
    page.keys("a")
    return {**record, "label": "学术", "items": [record["items"][0], {**record["items"][1], "label": "设施名"}]}


def test_a_review_from_end_to_end(tmp_path, browsers, capsys):
    path = write_rows(tmp_path / "review.jsonl", [*(review_row(n) for n in range(199)), hostile_row()])
    ids = order_of(path)
    assert target(ids[1]).text.count("𠮷") == 1
    server = start(path, "--reviewer", "Ann")
    try:
        ann = Page(browsers[0], server.url)
        ann.until_row(ids[0])
        assert ann.text("#target .text") == target(ids[0]).text
        accept(ann)
        ann.until_row(ids[1])
        ann.until_mine(1)
        corrected = {}
        for place, work in enumerate((fix_span, fix_text, change_labels), 1):
            corrected[ids[place]] = work(ann, ids[place])
            ann.until_row(ids[place + 1])
            ann.until_mine(place + 1)
        ann.keys("r")
        ann.keys("2", Keys.TAB, "残り a", Keys.ENTER)  # the a in the field must not accept
        ann.until_mine(5)
        accept(ann)
        ann.until_mine(6)
        ann.keys("u")
        ann.until_mine(5)
        ann.until_row(ids[5])

        # A reload in mid-review: the decisions, the place, and a change that is not saved yet.
        ann.set_label("Label of the text", "自然")
        ann.driver.refresh()
        ann.until_row(ids[5])
        ann.until_mine(5)
        assert ann.text("#accept") == "Save correction"
        ann.keys(Keys.ESCAPE)
        ann.until(lambda: ann.text("#accept") == "Accept", "discarded")

        # A second reviewer in a second browser gives a name, is not told what the first said, and disagrees once.
        ben = Page(browsers[1], server.url)
        ben.until_row(ids[5])  # where Ann would go on
        ben.find("#who-button").click()
        ben.rewrite("Ben")
        ben.keys(Keys.ENTER)
        ben.until_row(ids[0])
        ben.until(lambda: ben.text("#progress") == "0 of 200 by you, 5 by anyone", "both are counted")
        ben.until(lambda: "Another reviewer has decided" in ben.text("#standing"), "the other is kept secret")
        accept(ben)
        ben.until_row(ids[1])
        ben.keys("r", "1", Keys.ENTER)
        ben.until_mine(2)

        # kill -9: what was saved stays, what could not be saved is not shown as saved.
        before = standing(path)
        server.kill()
        accept(ann)
        ann.until_said("nothing was saved")
        server = start(path, "--reviewer", "Ann")
        assert standing(path) == before
        ann.open(server.url)
        ann.until_row(ids[5])
        ann.until_mine(5)
        accept(ann)
        ann.until_mine(6)
        assert len(standing(path)) == 6
        assert not [line for line in ann.errors() + ben.errors() if "ERR_CONNECTION" not in line]
    finally:
        server.kill()
    check_what_comes_out(path, ids, corrected, capsys)


def check_what_comes_out(path, ids, corrected, capsys):
    assert run(options_of(path, apply=True)) == 0
    records = [json.loads(line) for line in (path.parent / "reviewed" / "records.jsonl").read_text().splitlines()]
    expected = []
    for number in range(199):
        id = f"zh-{number}"
        if id not in (ids[1], ids[4]):  # Ben rejected what Ann corrected: a conflict; Ann rejected the fifth
            expected.append(corrected.get(id) or to_dict(target_record(number)))
    assert records == [*expected, hostile_row()["target"]]
    report = [json.loads(line) for line in (path.parent / "reviewed" / "report.jsonl").read_text().splitlines()]
    dropped = {line["id"]: (line["dropped"], line["detail"]) for line in report if "dropped" in line}
    assert dropped == {
        ids[1]: ("conflict", "Ann: edit; Ben: reject wrong_meaning"),
        ids[4]: ("rejected: untranslated", "Ann: 残り a"),
    }
    assert run(options_of(path, apply=True, adjudicator="Ann", replace=True)) == 0
    records = [json.loads(line) for line in (path.parent / "reviewed" / "records.jsonl").read_text().splitlines()]
    assert corrected[ids[1]] in records
    found = json.loads((path.parent / "reviewed" / "manifest.json").read_text())["review"]
    assert (found["decided"], found["accepted"], found["edited"], found["rejected"]) == (6, 2, 3, 1)
    assert "6 decided" in capsys.readouterr().out


def options_of(path, **more):
    import argparse

    from build.review.options import add_options

    parser = argparse.ArgumentParser()
    add_options(parser)
    chosen = parser.parse_args([str(path)])
    for name, value in more.items():
        setattr(chosen, name, value)
    return chosen


def test_hostile_rows_are_shown_as_text_and_spans_are_where_they_are(tmp_path, browsers):
    long = make_record("東京" * 50_000, [Item.pair("地名", "東京", 99_998, 100_000)], id="long")
    rows = [hostile_row(), {"source": None, "target": to_dict(long), "flags": [], "rung": None, "risk": 0}]
    server = start(write_rows(tmp_path / "review.jsonl", rows), "--reviewer", "Ann")
    try:
        page = Page(browsers[0], server.url)
        page.driver.execute_script("sessionStorage.clear()")
        page.open(server.url)
        page.until_row("hostile")
        assert page.driver.execute_script("return window.hit") is None
        assert page.text("#target .text") == HOSTILE
        assert "<b>bold</b>" in page.text("#flags")
        shown = page.driver.execute_script(
            "return [...document.querySelectorAll('#target .seg')].map((s) => [s.textContent, s.dataset.items || ''])"
        )
        assert ["東京", "0 1"] in shown and ["タワー", "2 1"] in shown and ["展望台", "2"] in shown
        assert ["𠮷野家", "3"] in shown and ["مرحبا", "5"] in shown
        assert "no place" in page.text('#target button[data-place="6 0"]')
        # The text is edited with its carriage return, which a text field cannot hold.
        page.keys("e")
        page.control(Keys.END)
        page.keys("!")
        page.control(Keys.ENTER)
        page.until(lambda: page.text("#target .text") == HOSTILE + "!", "the carriage return is kept")
        page.keys("a")
        page.until_row("long")
        assert len(page.text("#target .text")) == 100_000
        assert page.text("#target .seg") == "東京"
        page.keys("k")
        page.until_row("hostile")
        assert page.text("#target .text") == HOSTILE + "!"
        assert "You have corrected this row." in page.text("#standing")
    finally:
        server.kill()


def test_keys_do_nothing_in_fields_and_while_an_input_method_composes(tmp_path, browsers):
    path = write_rows(tmp_path / "review.jsonl", [review_row(n) for n in range(5)])
    server = start(path, "--reviewer", "Ann")
    try:
        page = Page(browsers[0], server.url)
        page.driver.execute_script("sessionStorage.clear()")
        page.open(server.url)
        page.until_row("zh-0")
        page.keys("/")
        page.keys("大阪", Keys.ENTER)
        page.until(lambda: page.text("#count") == "1 row", "the search is counted")
        page.until_row("zh-1")
        press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true, %s}))"
        for held in ("isComposing: true", "keyCode: 229", "ctrlKey: true", "metaKey: true", "repeat: true"):
            page.driver.execute_script(press % held)
        page.keys("e")
        page.driver.execute_cdp_cmd("Input.imeSetComposition", {"text": "あ", "selectionStart": 1, "selectionEnd": 1})
        page.driver.execute_cdp_cmd("Input.insertText", {"text": "亜"})
        page.keys("a", Keys.ESCAPE)
        page.until(lambda: "Accept" in page.text("#accept"), "the text is left as it was")
        assert standing(path) == {}
        page.keys("a")
        page.until_mine(1)
        assert standing(path) == {"zh-1": {"Ann": "accept"}}
        page.until(lambda: "You have accepted" in page.text("#standing"), "the row of the search is shown again")
        page.keys("/")
        page.rewrite("札幌")
        page.keys(Keys.ENTER)
        page.until_row("zh-2")
        page.keys("/")
        page.rewrite(Keys.BACKSPACE)
        page.keys(Keys.ENTER)
        page.until(lambda: page.text("#count") == "", "the search is taken away")
        page.keys("a")  # still the row that the search chose
        page.until_mine(2)
        page.keys("a")
        page.until_mine(3)
        found = DecisionLog(log_path(path)).fresh()
        assert [(one.id, one.order) for one in found[:2]] == [(f"zh-{n}", "risk, filtered") for n in (1, 2)]
        assert found[2].order == "risk"
    finally:
        server.kill()


def test_relations_are_listed_by_role_and_completed(tmp_path, browsers):
    text = "山田社は東京で4月に大会を開いた"

    def span(piece, role):
        return Span(piece, text.index(piece), text.index(piece) + len(piece), role)

    event = Item("開催", (span("山田社", "subject"), span("大会", "object")))
    record = make_record(text, [event], "Sports Watch", "tcree", "Event Extraction", id="event")
    path = write_rows(tmp_path / "review.jsonl", [to_dict(record)])
    server = start(path, "--reviewer", "Ann")
    try:
        page = Page(browsers[0], server.url)
        page.driver.execute_script("sessionStorage.clear()")
        page.open(server.url)
        page.until_row("event")
        assert [page.text(f'#target button[data-place="0 {n}"] .role') for n in range(3)] == [
            "subject",
            "object",
            "time",
        ]
        page.choose(0, 2)
        at = text.index("4月")
        page.select_text(at, at + 2)
        page.keys("s", "]", "}", "a")  # one too far and back again
        page.until_mine(1)
        (decision,) = DecisionLog(log_path(path)).fresh()
        assert from_dict(decision.record).items == (Item("開催", (*event.spans, span("4月", "time"))),)
    finally:
        server.kill()


def test_attributes_are_shown_and_changed(tmp_path, browsers):
    text = "パスタは最高"
    items = [Item("pos", (Span("パスタ", 0, 3, "aspect"),)), Item("neg", ())]
    items = [
        replace(item, attributes=(("category", name),)) for item, name in zip(items, ("FOOD", "PLACE"), strict=True)
    ]
    record = make_record(text, items, "店", "absa", "Aspect Sentiment", id="absa")
    path = write_rows(tmp_path / "review.jsonl", [to_dict(record)])
    server = start(path, "--reviewer", "Ann", "--registry", str(typed_registry(tmp_path)))
    try:
        page = Page(browsers[0], server.url)
        page.driver.execute_script("sessionStorage.clear()")
        page.open(server.url)
        page.until_row("absa")
        field = page.find('#target [aria-label="category of item 2"]')
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, "PRICE", Keys.TAB)
        page.find("#accept").click()
        page.until_mine(1)
        (decision,) = DecisionLog(log_path(path)).fresh()
        assert from_dict(decision.record).items == (items[0], replace(items[1], attributes=(("category", "PRICE"),)))
        assert page.errors() == []
    finally:
        server.kill()


def test_a_worklist_opens_and_its_rows_become_complete(tmp_path, browsers):
    path = worklist(tmp_path, "label", "label items", "items", "label items")
    server = start(path, "--reviewer", "Ann", "--order", "file")
    try:
        page = Page(browsers[0], server.url)
        page.driver.execute_script("sessionStorage.clear()")
        page.open(server.url)
        page.until_row("zh-0")
        assert page.text("#target .textlabel .missing") == "still missing"
        options = Select(page.find('#target [aria-label="Label of the text"]')).options
        assert [one.text for one in options] == ["(none yet)", "社会", "文艺", "学术", "技术", "自然"]
        page.keys("a")
        page.until_said("label still missing")
        page.set_label("Label of the text", "学术")
        page.driver.execute_script("document.activeElement.blur()")
        page.keys("a")
        page.until_row("zh-1")
        page.until_mine(1)
        page.set_label("Label of the text", "自然")
        page.driver.execute_script("document.activeElement.blur()")
        at = target_record(1).text.index("大阪")
        page.select_text(at, at + 2)
        page.keys("w", Keys.ESCAPE)
        page.set_label("Label of item 1", "地名")
        page.driver.execute_script("document.activeElement.blur()")
        page.keys("a")
        page.until_row("zh-2")
        page.until_mine(2)
        assert "items still missing" in page.text("#target > .missing")
        page.keys("0")
        page.until(lambda: "Save correction" in page.text("#accept"), "no items is something said")
        page.keys("a")
        page.until_row("zh-3")
        page.until_mine(3)
    finally:
        server.kill()
    assert run(options_of(path, apply=True)) == 0
    found = {name: (path.parent / "reviewed" / f"{name}.jsonl").read_text() for name in ("records", "worklist")}
    records = [from_dict(json.loads(line)) for line in found["records"].splitlines()]
    assert [(record.id, record.label, len(record.items)) for record in records] == [
        ("zh-0", "学术", 2),
        ("zh-1", "自然", 1),
        ("zh-2", "社会", 0),
    ]
    assert [json.loads(line)["id"] for line in found["worklist"].splitlines()] == ["zh-3"]
