"""The census: what it counts, and that no text of a row gets out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.census.command import census, table
from build.census.strings import LENGTH, TEXTS, RowText, Strings
from build.cli import main
from build.core import KitError
from mmm_dataset import load
from tests.published_folder import make_published_folder

REGISTRY = load()
ROOT = Path(__file__).parents[3]
NAME = "test_Ja_0_SCNM_5343.json"
SECRET = "秘"


def write(folder: Path, rows: Any, name: str = NAME) -> Path:
    (folder / name).write_text(json.dumps(rows), encoding="utf-8")
    return folder / name


def of_one(folder: Path, rows: Any, name: str = NAME) -> dict[str, Any]:
    (file,) = census([write(folder, rows, name)], REGISTRY)["files"]
    return file


def row(text: str, output: str, word: str = "NER") -> dict[str, str]:
    return {"input": f"{text}/{word}", "output": output}


def test_what_a_file_holds(tmp_path: Path) -> None:
    rows = [
        *(row(f"東京の{n}番", "社会/NER/:地名;東京:地名;東京") for n in range(6)),
        *(row(f"雨の{n}日", "自然/NER/:無い;") for n in range(5)),
        row("朝", "自然/NER/"),
        row("夜", "自然/NER/:"),
        row("J:COMと東京", "社会/NER/:地名;東京:法人名;J:COM"),
        row("夏", "社会/NER/:都市;京都"),
        row("夏", "社会/NER/:都市;京都"),
        {"input": "冬", "output": "社会/NER/"},
        {"input": "冬/NER", "output": "社会"},
        {"input": 3},
        "text",
    ]
    file = of_one(tmp_path, rows)
    assert file["file"]["config"] == "ja_scnm" and file["file"]["split"] == "test" and file["paper_rows"] == 4343
    assert file["file"]["layout"] == "array" and len(file["file"]["sha256"]) == 64
    counted = {
        name: file[name] for name in ("rows", "in_form", "no_word_in_input", "no_word_in_output", "not_two_strings")
    }
    assert counted == {"rows": 20, "in_form": 16, "no_word_in_input": 1, "no_word_in_output": 1, "not_two_strings": 2}
    assert file["repeated_inputs"] == file["repeated_rows"] == 1
    assert file["keys"] == {"input": 19, "output": 18}
    assert file["task_words"]["shown"] == {"NER": 16}
    assert file["text_labels"]["shown"] == {"社会": 9, "自然": 7} and file["text_labels"]["not_in_registry"] == 0
    ner = file["words"]["NER"]
    assert ner["empty_forms"] == {":x;": 5, "": 1, ":": 1} and ner["empty_strings"]["shown"] == {"無い": 5}
    assert ner["without_items"] == 7 and ner["items_per_row"] == {"0": 7, "1": 2, "2": 6, "3": 1}
    assert ner["item_forms"] == {"x;x": 16, "x": 1}
    labels, entities = ner["fields"]["of 2"]["1"], ner["fields"]["of 2"]["2"]
    assert labels["shown"] == {"地名": 13, "法人名": 1} and labels["hidden"] == {"rare": {"strings": 1, "count": 2}}
    assert labels["not_in_registry"] == 1 and not entities["shown"] and entities["in_text"] == 14
    assert (ner["with_repeated_items"], ner["repeated_items"]) == (6, 6)
    assert ner["separators_in_entities"]["colon"] == 1 and ner["separators_in_texts"]["colon"] == 1
    assert ner["parsed"]["unknown_label"] == ner["parsed"]["entity_not_in_text"] == 2


def test_events_tell_their_form_and_where_the_label_is(tmp_path: Path) -> None:
    rows = [
        row(f"{n}年、青空社は優勝した。", f"スポーツ/Event Extraction/:青空社;勝つ;;{n}年:", "Event Extraction")
        for n in range(6)
    ]
    events = of_one(tmp_path, rows, "test_Ja_5_TCREE_2k.json")["words"]["Event Extraction"]
    assert events["trailing_colon"] == 6 and events["item_forms"] == {"x;x;;x": 6}
    fields = events["fields"]["of 4"]
    assert {at: strings["in_text"] for at, strings in fields.items()} == {"1": 6, "2": 0, "4": 6}
    assert fields["2"]["shown"] == {"勝つ": 6} and not fields["1"]["shown"] and not fields["4"]["shown"]


def test_characters_and_texts_that_files_share(tmp_path: Path) -> None:
    rows = [row("ｶﾞ\n", "社会/NER/"), row("か\u3099", "社会/NER/"), row("\ud800", "社会/NER/"), row("Rain", "社会/NER/")]
    paths = [write(tmp_path, rows), write(tmp_path, rows[:2], "Train_Ja_0_SCNM_5343.json")]
    found = census(paths, REGISTRY)
    characters = found["files"][0]["characters"]
    assert (characters["not_nfc"], characters["not_nfkc"], characters["lone_surrogate"]) == (1, 2, 1)
    assert (characters["newline_in_input"], characters["kana_in_input"], characters["han_in_output"]) == (1, 1, 4)
    assert found["shared_texts"] == {"ja_scnm-test + ja_scnm-train": 2}
    json.dumps(found, ensure_ascii=False).encode()


LAYOUTS = {
    "as published": lambda text, name: row(text, f"社会/NER/:地名;{name}"),
    "swapped": lambda text, name: {"input": f"社会/NER/:地名;{name}", "output": f"{text}/NER"},
    "entity before label": lambda text, name: row(text, f"社会/NER/:{name};地名"),
    "text as label": lambda text, name: row(text, f"{text}/NER/:地名;{name}"),
    "entity as label": lambda text, name: row(text, f"{name.upper()} /NER/:地名;{name}"),
    "entity alone": lambda text, name: row(text, f"社会/NER/:{name}"),
    "no task word": lambda text, name: {"input": text, "output": f"社会:{name}"},
    "text after a slash": lambda text, name: row(f"{text}/{name}", f"社会/{name}/", name),
    "task word in the text": lambda text, name: row(f"{text}/NER/{name}", f"社会/NER/{name}/NER/"),
    "text as keys": lambda text, name: row(text, "社会/NER/") | {text: name, name * 9: 1},
    "text as values": lambda text, name: row(text, "社会/NER/") | {"id": [text, {name: text}]},
    "a list": lambda text, name: [text, name],
    "glued": lambda text, name: row(text, f"社会={name}/NER/:地名＝{name};x:地名 {name}"),
    "repeated": lambda text, name: row(name * 2, f"{name}/NER/:{name};{name}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [NAME, "test_Ja_5_TCREE_2k.json", "other.json"])
def test_no_text_gets_out_whatever_the_layout(tmp_path: Path, layout: str, name: str) -> None:
    rows = [LAYOUTS[layout](f"{n}は{SECRET}都a にある{n * 7}", f"{SECRET}都a") for n in range(3 * TEXTS)]
    if layout == "text as keys":
        rows = rows[: TEXTS - 1]
    found = census([write(tmp_path, rows, name)], REGISTRY)
    assert found["files"][0]["rows"] == len(rows)
    assert SECRET not in json.dumps(found, ensure_ascii=False) and SECRET not in table(found)


@given(st.lists(st.tuples(st.text("秘a:;/", max_size=6), st.text("秘a:;/", max_size=6)), max_size=30))
def test_what_is_shown_is_hardly_ever_a_part_of_its_text(given_rows: list[tuple[str, str]]) -> None:
    strings = Strings()
    for string, text in given_rows:
        strings.add(string, RowText.of(text))
    found = strings.as_dict()
    for string, count in found["shown"].items():
        texts = [text for other, text in given_rows if other == string]
        assert count == len(texts) and len(set(texts)) >= TEXTS and len(string) <= LENGTH
        assert sum(string in text for text in texts) <= 0.1 * count
    assert sum(found["shown"].values()) + sum(h["count"] for h in found["hidden"].values()) == len(given_rows)


def test_where_entities_stand_and_where_rows_are_repeated_nothing_is_shown() -> None:
    entities, repeated = Strings(), Strings()
    for n in range(2 * TEXTS):
        entities.add(f"{n}", RowText.of(f"{n}"))
        entities.add("elsewhere", RowText.of(f"{n}"))
        repeated.add("label", RowText.of("a text"))
    assert not entities.shown() and entities.as_dict()["hidden"]["place"] == {"strings": 1, "count": 2 * TEXTS}
    assert not repeated.shown()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = make_published_folder(tmp_path / "files"), tmp_path / "census.json"
    assert main(["census", str(folder / NAME)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["census"] == 1 and "4,343" in printed.err
    assert main(["census", str(folder), "--out", str(out)]) == 0
    assert "42 files" in capsys.readouterr().out
    first = json.loads(out.read_text(encoding="utf-8"))
    assert len(first["files"]) == 42 and {file["file"]["config"] for file in first["files"]} == set(REGISTRY.configs)
    again = ["census", str(folder / NAME), str(folder / NAME), "--out", str(out)]
    assert main(again) == 2 and json.loads(out.read_text(encoding="utf-8")) == first
    assert main([*again, "--replace"]) == 0
    assert len(json.loads(out.read_text(encoding="utf-8"))["files"]) == 1
    out.write_text("mine", encoding="utf-8")
    assert main(["census", str(folder), "--out", str(out)]) == 2 and out.read_text(encoding="utf-8") == "mine"
    assert "--replace" in capsys.readouterr().err
    assert main(["census", str(folder), "--out", str(out), "--replace"]) == 0
    assert any(path.read_text(encoding="utf-8") == "mine" for path in tmp_path.glob("census*") if path != out)


def test_broken_files_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    (tmp_path / "b.json").write_text("[]", encoding="utf-8")
    with pytest.raises(KitError, match=r"2 files cannot be read: .*a\.json.*b\.json"):
        census([tmp_path], REGISTRY)
    with pytest.raises(KitError, match="no such file"):
        census([tmp_path / "c.json"], REGISTRY)


def test_every_key_that_the_notes_name_is_in_a_census(tmp_path: Path) -> None:
    found = census([make_published_folder(tmp_path)], REGISTRY)
    section = (ROOT / "docs/paper_notes.md").read_text(encoding="utf-8").split("\n## 8. ")[1]
    names = set(
        re.findall(r"`([a-z_.]+)`", " ".join(line.split("|")[2] for line in section.splitlines() if "|" in line))
    )
    assert len(names) > 12
    for name in names:
        places: list[Any] = [
            found,
            *found["files"],
            *(word for file in found["files"] for word in file["words"].values()),
        ]
        for key in name.split("."):
            places = [place[key] for place in places if isinstance(place, dict) and key in place]
        assert places, name


def test_a_real_corpus_shows_its_labels_and_no_name(real_data: Path, tmp_path: Path) -> None:
    given_rows = json.loads((real_data / "stockmark-ner" / "ner.json").read_text(encoding="utf-8"))
    rows = [
        row(item["text"], "社会/NER/" + "".join(f":{e['type']};{e['name']}" for e in item["entities"]))
        for item in given_rows
    ]
    ner = of_one(tmp_path, rows)["words"]["NER"]
    assert ner["rows"] == 5343 and ner["without_items"] == ner["empty_forms"][""] == 484
    labels = ner["fields"]["of 2"]["1"]
    assert sum(labels["shown"].values()) == 13_185 and len(labels["shown"]) == 8 and not labels["hidden"]
    shown = json.dumps(ner, ensure_ascii=False)
    assert not [e["name"] for item in given_rows for e in item["entities"] if len(e["name"]) > 2 and e["name"] in shown]
