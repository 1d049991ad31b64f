"""The command: kinds of files, joining, and one line for every mistake."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

from mmm_f1 import compare, score
from mmm_f1.cli import main

GOLD = ["Literature/NER/:Person;Kazan:Person;Spiegel", "Science/NER/", "A/NER/:P;x\\:y"]
PRED = ["Literature/NER/:Person;Kazan", "Science/NER/", "A/NER/:P;x\\:y"]
TEXTS = ["Kazan and Spiegel", "nothing", "x:y"]


def write(path, rows):
    """Write rows as the kind of file that the suffix names."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_score_of_every_kind_of_file(tmp_path, capsys, kind):
    pred = write(tmp_path / f"pred.{kind}", [{"prediction": row} for row in PRED])
    rows = [
        {"output": g, "input": f"{t}/NER", "language": "en", "task": "scnm"} for g, t in zip(GOLD, TEXTS, strict=True)
    ]
    gold = write(tmp_path / f"gold.{kind}", rows)
    code, printed = run(capsys, "score", pred, gold, "--format=json", "--extended", "--resamples", "20", "--seed", "1")
    expected = score(PRED, GOLD, TEXTS, ["en_scnm"] * 3, extended=True, resamples=20, seed=1)
    assert code == 0 and json.loads(printed.out) == expected
    code, printed = run(capsys, "score", pred, gold, "--resamples", "20")
    assert code == 0 and "wl_micro_precision" in printed.out and "mode=default matching=set" in printed.out
    line = next(line for line in printed.out.splitlines() if line.startswith("wl "))
    assert "0.8000" in line and "[" in line


def test_ids_join_whatever_the_order(tmp_path, capsys):
    pred = write(tmp_path / "p.jsonl", [{"id": n, "output": PRED[n]} for n in (2, 0, 1)])
    gold = write(tmp_path / "g.jsonl", [{"id": n, "output": GOLD[n]} for n in range(3)])
    code, printed = run(capsys, "score", pred, gold, "--format=json")
    assert code == 0 and json.loads(printed.out) == score(PRED, GOLD)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_structured_rows(tmp_path, capsys, kind):
    entities = [[{"label": "Person", "text": "Kazan"}], [], [{"label": "P", "text": "x:y"}]]
    labels = ["Literature", "Science", "A"]
    if kind == "csv":
        entities = [json.dumps(row) for row in entities]
    pairs = zip(labels, entities, strict=True)
    pred = write(tmp_path / f"p.{kind}", [{"label": label, "entities": entity} for label, entity in pairs])
    gold = write(tmp_path / "g.jsonl", [{"output": row} for row in GOLD])
    code, printed = run(capsys, "score", pred, gold, "--format=json")
    assert code == 0 and json.loads(printed.out) == score(PRED, GOLD)
    rows = [{"label": "A", "entities": [{"label": "P", "text": "x"}], "input": "x/NER"}]
    both = write(tmp_path / "both.jsonl", rows)
    code, printed = run(capsys, "score", both, both, "--format=json")
    assert json.loads(printed.out)["predicted_entities"] == 1


def test_modes_and_form_column(tmp_path, capsys):
    rows = [{"output": "社会/NER/:法人名;J:COM春日部", "form": "published"}, {"output": GOLD[2], "form": "escaped"}]
    gold = write(tmp_path / "g.jsonl", rows)
    code, printed = run(capsys, "score", gold, gold, "--format=json")
    assert json.loads(printed.out)["protocol"] == "mode=default matching=set form=escaped+published"
    code, printed = run(capsys, "score", gold, gold, "--format=json", "--mode", "paper")
    assert json.loads(printed.out)["pairs_gold"] == 4
    code, printed = run(capsys, "score", gold, gold, "--matching", "multiset", "--form", "published")
    assert code == 0 and "matching=multiset form=published" in printed.out


def test_compare(tmp_path, capsys):
    a = write(tmp_path / "a.jsonl", [{"answer": row} for row in PRED])
    b = write(tmp_path / "b.jsonl", [{"answer": row} for row in GOLD])
    gold = write(tmp_path / "g.jsonl", [{"output": row} for row in GOLD])
    given = ("compare", a, b, gold, "--resamples", "50", "--output-column", "answer")
    code, printed = run(capsys, *given, "--format=json")
    assert code == 0 and json.loads(printed.out) == compare(PRED, GOLD, GOLD, resamples=50)
    code, printed = run(capsys, *given)
    assert "fixed by B 1, broken by B 0" in printed.out


ROW = {"id": "1", "output": GOLD[0]}


@pytest.mark.parametrize(
    ("pred", "gold", "message"),
    [
        ([ROW, ROW], [ROW], "p.jsonl:2: id '1' is there twice, first in row 1"),
        ([{**ROW, "id": "2"}], [ROW], "p.jsonl:1: id '2' is not in"),
        ([ROW], [ROW, {**ROW, "id": "7"}], "g.jsonl:2: id '7' is missing from"),
        ([{"output": "x"}] * 2, [ROW], "p.jsonl: 2 rows, but"),
        ([{"output": None}], [ROW], "p.jsonl:1: column 'output' holds None, not a string"),
        ([{"answer": "x"}], [ROW], "p.jsonl: no column 'output' or 'prediction'"),
        ([{"label": "x", "entities": "nope"}], [ROW], "p.jsonl:1: needs entities as"),
        ([{"label": "x", "entities": [{"label": "P"}]}], [ROW], "p.jsonl:1: an entity has neither"),
        ([{"label": 3, "entities": []}], [ROW], "p.jsonl:1: needs a string `label`"),
        ([{"label": "", "entities": []}], [ROW], "p.jsonl: no text-level labels, which"),
        ([{"label": "x", "items": []}], [{"output": "nothing"}], "p.jsonl:1: no 'task_word'"),
        ([{"label": "x"}], [ROW], "p.jsonl: no column 'output' or 'prediction', and no 'label' with 'entities'"),
        (
            [{"label": "x", "entities": [], "task_word": "Event Extraction"}],
            [ROW],
            "p.jsonl:1: rows of 'Event Extraction'",
        ),
        ([ROW], [{**ROW, "form": "json"}], "g.jsonl:1: column 'form' holds 'json'"),
        (["nope"], [ROW], "p.jsonl:1: a JSON object per row"),
        ([], [ROW], "p.jsonl: the file has no rows"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, pred, gold, message):
    paths = write(tmp_path / "p.jsonl", pred), write(tmp_path / "g.jsonl", gold)
    code, printed = run(capsys, "score", *paths)
    assert code == 2 and printed.out == ""
    assert printed.err.startswith("mmm-f1: error: ") and printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.jsonl", b'{"output": ', "p.jsonl:1: no JSON object"),
        ("p.jsonl", b"\xff\xfe", "p.jsonl: not UTF-8"),
        ("p.csv", b"output\na,b\n", "p.csv:1: more fields than the header"),
        ("p.csv", b'output\n"a\n', "p.csv:"),
        ("p.parquet", b"nope", "p.parquet: not a readable Parquet file"),
        ("p.txt", b"", "p.txt: unknown kind of file"),
        ("p.conll.gz", b"", "p.conll.gz: is it CoNLL"),
        ("p.jsonl", None, "p.jsonl: No such file"),
    ],
)
def test_broken_files(tmp_path, capsys, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, printed = run(capsys, "score", tmp_path / name, write(tmp_path / "g.jsonl", [ROW]))
    assert code == 2 and message in printed.err and printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["score"], ["score", "a", "b", "--mode", "x"], ["nope"], []])
def test_wrong_command_lines(capsys, arguments):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_parquet_without_pyarrow(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, printed = run(capsys, "score", tmp_path / "p.parquet", write(tmp_path / "g.jsonl", [ROW]))
    assert code == 0 or "g.jsonl" not in printed.err
    assert code == 2 and "needs pyarrow" in printed.err


def test_loads_nothing_heavy(tmp_path):
    gold = write(tmp_path / "g.jsonl", [ROW])
    code = f"""
import sys
from mmm_f1.cli import main, parser
parser().format_help()
assert "numpy" not in sys.modules
assert main(["score", {gold!r}, {gold!r}]) == 0
heavy = {{"torch", "evaluate", "datasets", "transformers", "pyarrow", "pandas"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("column", ["id", "form", "config"])
def test_a_column_that_only_some_rows_fill_is_a_mistake(tmp_path, column):
    rows = [{"output": f"A/NER/:b;{n}", column: {"form": "escaped"}.get(column, f"x{n}")} for n in range(3)]
    gold, pred = tmp_path / "gold.jsonl", tmp_path / "pred.jsonl"
    pred.write_text("".join(json.dumps(row) + "\n" for row in rows))
    del rows[1][column]
    gold.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [sys.executable, "-m", "mmm_f1.cli", "score", str(pred), str(gold)], capture_output=True, text=True
    )
    assert done.returncode == 2 and f"gold.jsonl:2: nothing in column '{column}'" in done.stderr


def test_an_empty_prediction_is_an_answer_and_a_wrong_one(tmp_path):
    gold, pred = tmp_path / "gold.csv", tmp_path / "pred.csv"
    gold.write_text("id,output,text\n1,A/NER/:b;c,c\n2,A/NER/,\n")
    pred.write_text("id,output\n2,A/NER/\n1,\n")
    done = subprocess.run(
        [sys.executable, "-m", "mmm_f1.cli", "score", str(pred), str(gold), "--format=json"],
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    assert result["all"] == 0.5 and result["parse_failures"]["no_task_word"] == 1


def test_task_words_of_the_gold_file(tmp_path):
    rows = [{"output": f"weather\\/find/Slot Filling/:place;p{n}", "task_word": "Slot Filling"} for n in range(3)]
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [sys.executable, "-m", "mmm_f1.cli", "score", str(gold), str(gold), "--format=json"],
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["all"] == 1.0
    gold.write_text("".join(json.dumps({"output": row["output"]}) + "\n" for row in rows))
    done = subprocess.run(
        [sys.executable, "-m", "mmm_f1.cli", "score", str(gold), str(gold)], capture_output=True, text=True
    )
    assert done.returncode == 2 and "no row can be read; it needs a task word: NER" in done.stderr
