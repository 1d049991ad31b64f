"""What a person does with the mouse and half-finished, in a real browser: nothing that was typed is lost or lands elsewhere."""

import contextlib
import json

import pytest

from build.review.decisions import DecisionLog, log_path
from mmm_dataset import Item, to_dict
from tests.build.review.browser import Keys, Page, Select
from tests.build.review.review_files import review_row, target_record, write_rows
from tests.build.review.serving import serving
from tests.records import make_record

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chromium")]


@contextlib.contextmanager
def opened(browser, path, *options, first):
    """The page on a file, and its server; every server has an address of its own, so nothing is kept from another test."""
    with serving(path, "--reviewer", "Mika", "--order", "file", *options) as server:
        page = Page(browser, server.url)
        page.until_row(first)
        yield page, server
        page.driver.execute_script("sessionStorage.clear()")  # else the browser asks before it leaves
        page.driver.get("about:blank")


def films(folder, **changes):
    """Rows with open labels, which are typed."""
    rows = [
        make_record(f"Kazan filmed part {n} in New York.", [Item.pair("Person", "Kazan", 0, 5)], "Film", "tconer",
                    language="en", id=f"o{n}")
        for n in range(4)
    ]  # fmt: skip
    return write_rows(folder / "mine.jsonl", map(to_dict, rows))


def review(folder, count=6):
    return write_rows(folder / "review.jsonl", [review_row(n) for n in range(count)])


def log(path):
    return DecisionLog(log_path(path)).fresh()


def choose(page, filter, value):
    """Choose from a list of the filter, as with the mouse."""
    Select(page.find(f"#{filter}")).select_by_value(value)
    page.driver.execute_script("document.activeElement.blur()")


def click(page, name):
    page.find(f"[data-run={name}]").click()


def type_label(page, name, text):
    """Type into a field of an open label with the mouse, and leave it as it is, with the focus in it."""
    page.find(f'#target [aria-label="{name}"]').click()
    page.rewrite(text)


def value(page, name):
    return page.find(f'#target [aria-label="{name}"]').get_attribute("value")


def test_a_label_that_was_typed_belongs_to_its_row_whatever_is_clicked_next(tmp_path, browser):
    path = films(tmp_path)
    with opened(browser, path, first="o0") as (page, _):
        type_label(page, "Label of item 1", "Director")
        click(page, "next")
        page.until_row("o1")
        assert value(page, "Label of item 1") == "Person" and page.text(".unsaved") == ""
        assert page.text("#unsaved") == "1 unsaved"
        type_label(page, "Label of the text", "Cinema")
        click(page, "accept")
        page.until_row("o2")
        type_label(page, "Label of item 1", "Maker")
        page.choose(0)  # a button that the change draws anew: the click must reach it all the same
        page.until(lambda: "Save correction" in page.text("#accept"), "a correction")
        at = len("Kazan filmed part 2 in ")
        type_label(page, "Label of the text", "Movies")
        assert page.select_text(at, at + 8) == "New York"  # and so must a selection that begins as the field is left
        page.keys("w")
        page.until(lambda: page.driver.find_elements("css selector", '[aria-label="Label of item 2"]'), "a second item")
        page.rewrite("Place")
        click(page, "accept")
        page.until_row("o3")
        page.find("#unsaved").click()
        page.until_row("o0")
        assert value(page, "Label of item 1") == "Director"
        click(page, "accept")
        page.until_row("o3")
        assert not page.errors()
    said = {
        one.id: (one.action, one.record["label"], [item["label"] for item in one.record["items"]]) for one in log(path)
    }
    assert said == {
        "o1": ("edit", "Cinema", ["Person"]),
        "o2": ("edit", "Movies", ["Maker", "Place"]),
        "o0": ("edit", "Film", ["Director"]),
    }


def test_a_button_that_takes_no_focus_and_a_field_that_speaks_late_change_no_other_row(tmp_path, browser):
    path = films(tmp_path)
    with opened(browser, path, first="o0") as (page, _):
        type_label(page, "Label of the text", "Cinema")
        page.driver.execute_script("document.querySelector('[data-run=accept]').click()")  # as some aids press it
        page.until_row("o1")
        page.driver.execute_script("window.field = document.querySelector('#target .item input')")
        click(page, "next")
        page.until_row("o2")
        page.driver.execute_script("field.value = 'Late'; field.dispatchEvent(new Event('change'))")
        assert value(page, "Label of item 1") == "Person" and not page.find("#unsaved").is_displayed()
    assert [(one.id, one.record["label"]) for one in log(path)] == [("o0", "Cinema")]


def test_a_text_that_was_typed_is_there_again_however_the_row_was_left(tmp_path, browser):
    path = review(tmp_path)
    with opened(browser, path, first="zh-0") as (page, _):

        def edit(words):
            page.keys("e")
            page.until(lambda: page.driver.find_elements("css selector", "textarea"), "the editor")
            page.control(Keys.HOME)
            page.keys(words)

        edit("一")
        click(page, "next")
        page.until_row("zh-1")
        edit("二")
        click(page, "undecided")
        page.until_row("zh-2")
        edit("三")
        click(page, "previous")
        page.until_row("zh-1")
        assert page.text("#target .text") == "二" + target_record(1).text
        page.keys("j")
        page.until_row("zh-2")
        page.keys("j")
        page.until_row("zh-3")
        edit("四")
        choose(page, "check", "numbers")
        page.until_row("zh-5")
        edit("五")
        click(page, "undo")  # nothing to undo: the text is taken over, and stays
        page.until(lambda: page.text("#unsaved") == "5 unsaved", "all are kept")
        assert page.text("#target .text") == "五" + target_record(5).text
        page.find("#unsaved").click()
        page.until_row("zh-0")
        assert page.text("#target .text") == "一" + target_record(0).text
        click(page, "accept")
        page.until_mine(1)
        assert log(path)[0].record["text"] == "一" + target_record(0).text
        assert page.text("#unsaved") == "4 unsaved"


def test_the_end_of_the_tab_is_held_up_by_what_is_not_saved(tmp_path, browser):
    ends = "const e = new Event('beforeunload', {cancelable: true}); dispatchEvent(e); return e.defaultPrevented"
    with opened(browser, films(tmp_path), first="o0") as (page, _):
        assert not page.driver.execute_script(ends)
        type_label(page, "Label of the text", "Cinema")
        assert page.driver.execute_script(ends)  # while it is being typed
        click(page, "next")
        page.until_row("o1")
        assert page.driver.execute_script(ends)  # a draft of another row
        page.find("#unsaved").click()
        page.until_row("o0")
        page.keys(Keys.ESCAPE)
        page.until(lambda: not page.find("#unsaved").is_displayed(), "discarded")
        assert not page.driver.execute_script(ends)


def test_the_filter_stays_over_a_reload_and_keys_go_to_the_page_after_it_was_chosen(tmp_path, browser):
    path = review(tmp_path)
    with opened(browser, path, first="zh-0") as (page, _):
        page.find("#show").click()
        page.keys(Keys.ARROW_DOWN, Keys.ENTER)
        page.until(lambda: page.find("#show").get_attribute("value") == "undecided", "chosen")
        page.until(lambda: page.text("#count") == "6 rows", "counted")
        page.driver.execute_script("scrollTo(0, 0)")
        page.keys("a")
        page.until_mine(1)
        assert page.find("#show").get_attribute("value") == "undecided"
        page.until(lambda: page.find("#status").is_displayed() and page.text("#status") == "Accepted.", "it is told")
        choose(page, "check", "numbers")
        page.until_row("zh-5")
        page.driver.refresh()
        page.until_row("zh-5")
        assert [page.find(f"#{name}").get_attribute("value") for name in ("show", "check")] == ["undecided", "numbers"]
        page.until(lambda: page.text("#count") == "1 row", "counted again")
        choose(page, "check", "")
        page.until(lambda: page.text("#count") == "5 rows", "the other filter stays")
        page.driver.refresh()
        page.until(lambda: page.text("#count") == "5 rows", "it stays over a reload too")
        page.keys("a")  # still zh-5, which a filter chose
        page.until_row("zh-1")
        page.keys("a")
        page.until_mine(3)
    assert [(one.id, one.order) for one in log(path)] == [
        ("zh-0", "file"),
        ("zh-5", "file, filtered"),
        ("zh-1", "file"),
    ]


def test_an_adjudicator_sees_what_each_changed_and_takes_one_over(tmp_path, browser):
    path = review(tmp_path, 3)
    with opened(browser, path, "--adjudicator", "Mika", first="zh-0") as (page, server):
        row = server.first("Ann")
        target = row["target"]
        text = target["text"].replace("庆典", "祭典")
        server.decide(row, "accept", "Ann")
        server.decide(
            row, "edit", "Ben", record={**target, "label": "技术", "text": text, "items": target["items"][:1]}
        )
        server.decide(row, "reject", "Cem", reason="unnatural", detail="なぜ")
        choose(page, "show", "conflict")
        page.until(lambda: "Cem rejected" in page.text("#standing"), "all three are told")
        changes = [one.text for one in page.driver.find_elements("css selector", ".changes li")]
        assert changes == [
            "label 社会 → 技术",
            "text 第0届庆祭典在東京举行，山田花子👩‍👧…",
            "item − 人名: 山田花子 (11–15)",
        ]
        page.find('[data-use="others 2"]').click()
        page.until(lambda: page.driver.find_elements("css selector", "#reject-dialog[open]"), "the dialog")
        assert page.find("#detail").get_attribute("value") == "なぜ"
        assert page.find("input[name=reason]:checked").get_attribute("value") == "unnatural"
        page.keys(Keys.ESCAPE)
        page.find('[data-use="others 1"]').click()
        page.until(lambda: page.text("#target .text") == text, "the correction is taken over")
        click(page, "accept")
        page.until_mine(1)
    last = log(path)[-1]
    assert (last.reviewer, last.action, last.record["label"], last.record["text"]) == ("Mika", "edit", "技术", text)


def test_changes_of_a_row_that_is_rebuilt_meanwhile_can_be_taken_over(tmp_path, browser):
    path = review(tmp_path, 3)
    with opened(browser, path, first="zh-0") as (page, _):
        page.set_label("Label of the text", "学术")
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows[0]["target"]["text"] += "完"
        write_rows(tmp_path / "new.jsonl", rows).replace(path)
        click(page, "accept")
        page.until_said("the file was rebuilt")
        page.until(lambda: "label 社会 → 学术" in page.text("#standing"), "what was not saved is told")
        assert page.text(".unsaved") == ""
        page.find('[data-use="drafts 0"]').click()
        page.until(lambda: "Save correction" in page.text("#accept"), "taken over")
        assert page.text("#standing .changes") == ""
        page.keys("a")
        page.until_row("zh-1")
        page.until(lambda: not page.find("#unsaved").is_displayed(), "nothing is left")
    assert log(path)[0].record["label"] == "学术"


def test_an_item_at_a_place_that_has_one_is_told_at_once_and_not_saved_twice(tmp_path, browser):
    path = review(tmp_path, 2)
    with opened(browser, path, first="zh-0") as (page, _):
        for _ in range(2):
            page.select_text(3, 5)
            page.keys("w", Keys.ENTER)
        assert page.text("#status") == "Item 3 is at this place already: choose another label, or drop one of the two."
        page.keys("a")
        page.until_said("'庆典' is there twice as '人名' at one place")
        page.find('[aria-label="Drop item 4"]').click()
        page.until(lambda: "Item 4 is dropped" in page.text("#status"), "dropped")
        click(page, "accept")
        page.until_mine(1)
    assert [item["label"] for item in log(path)[0].record["items"]] == ["人名", "地名", "人名"]
