"""Rows in the terminal: all of the text, marks where the offsets say, nothing that steers the terminal."""

import json
import re
import shutil

import pytest
from rich.console import Console

from build.cli import main
from build.export import build_release
from build.show import _highlighted
from mmm_dataset import Item, load
from tests.records import make_record


@pytest.fixture
def show(capsys, demo_release):
    def run(*arguments, release=demo_release):
        code = main(["show", "--release", str(release), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_entities_stand_between_brackets_outside_of_a_terminal(show):
    code, out, _ = show("ja_scnm", "--n", "2")
    blocks = out.split("\n\n")
    assert code == 0 and len(blocks) == 2
    head, text, *items = blocks[0].splitlines()
    assert head == "ja_scnm-scnm-001  社会 / NER"
    assert text == "[柏木佳奈|人名]は[長野県|地名]出身の政治家で、[新緑党|政治的組織名]の初代党首を務めた。"
    assert items == ["  人名  柏木佳奈 (0:4)", "  地名  長野県 (5:8)", "  政治的組織名  新緑党 (16:19)"]


def test_relations_and_events_are_listed_with_their_roles(show):
    _, out, _ = show("en_tcree", "--n", "2")
    assert "  founder of  head Miho Kitagawa (161:174)  tail Night Owl Library (0:17)" in out
    assert "The [Chihama Blue Whales|subject] beat the [Hokuo Rangers|object] 5-2 on [April 12|time]." in out


def test_one_row_by_its_id_wherever_it_is(show, demo_release):
    ids = json.loads((demo_release / "evaluation/standard.json").read_text())["zh_scnm"]
    _, out, _ = show("zh_scnm", "--id", ids[-1])
    assert out.startswith(f"{ids[-1]}  ") and "\n\n" not in out
    _, out, _ = show("zh_scnm", "--split", "test", "--n", "1000")
    assert len(out.split("\n\n")) == len(ids)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nonsense"], "has no config 'nonsense'; it has: "),
        (["en_scnm", "--id", "x"], "en_scnm has no row 'x'"),
        (["en_scnm", "--split", "test", "--id", "x"], "has no row"),
    ],
)
def test_mistakes_are_one_line(show, arguments, said):
    code, _, err = show(*arguments)
    assert code == 2 and said in err and err.count("\n") == 1


def test_what_is_no_release_is_told(show, tmp_path):
    code, _, err = show("en_scnm", release=tmp_path)
    assert code == 2 and "not a release" in err


def test_damage_is_told(show, demo_release, tmp_path):
    tree = tmp_path / "mmm"
    shutil.copytree(demo_release, tree)
    for path in (tree / "data" / "en_scnm").iterdir():
        path.write_bytes(b"garbage")
    for more in ([], ["--id", "x"]):
        code, _, err = show("en_scnm", *more, release=tree)
        assert code == 2 and "cannot be read" in err and err.count("\n") == 1


def test_a_count_below_one_is_refused(show):
    with pytest.raises(SystemExit):
        show("en_scnm", "--n", "0")


def marks(text, *spans):
    return _highlighted(text, list(spans), {name: "red" for name, *_ in spans}, in_colour=False).plain


def test_nested_marks_nest_and_of_two_that_cross_the_first_is_shown():
    assert marks("New York City", ("a", 0, 13), ("b", 4, 8)) == "[New [York|b] City|a]"
    assert marks("New York City", ("a", 0, 8), ("b", 4, 13)) == "[New York|a] City"
    assert marks("abc", ("a", 0, 3), ("b", 0, 3)) == "[[abc|b]|a]"
    assert marks("abab", ("a", 0, 2), ("a", 2, 4)) == "[ab|a][ab|a]"
    assert marks("ab", ("a", 1, 1), ("b", 2, 2)) == "a[|a]b[|b]"


def test_colours_leave_the_text_alone():
    text = _highlighted("New York City", [("a", 0, 13), ("b", 4, 8)], {"a": "red", "b": "blue"}, in_colour=True)
    assert text.plain == "New York City"
    assert {(span.start, span.end) for span in text.spans} == {(0, 4), (4, 8), (8, 13)}
    console = Console(force_terminal=True, color_system="standard", width=80)
    with console.capture() as said:
        console.print(text)
    assert "\x1b[" in said.get()


def test_nothing_in_a_text_steers_the_terminal(show, tmp_path):
    text = "Ann \x1b[2J\x1b]0;owned\x07 went\t\u202eback [red]home[/red]"
    rows = [
        make_record(
            text, [Item.pair("Person", "Ann", 0, 3)], label="Society", language="en", id=f"\x1br{n}", source_id=f"{n}"
        )
        for n in range(9)
    ]
    build_release(rows, tmp_path / "odd", load())
    _, out, _ = show("en_scnm", release=tmp_path / "odd")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", out)
    assert r"[Ann|Person] \x1b[2J\x1b]0;owned\x07 went\t\u202eback [red]home[/red]" in out and r"\x1br" in out
