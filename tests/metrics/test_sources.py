"""Who may come: CoNLL, spans, tokens with tags, frames, arrays, gzip, standard input, other tools; and what goes out."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_f1 import compare, score
from mmm_f1.answers import read_answers
from mmm_f1.cli import main
from mmm_f1.conll import read_conll
from mmm_f1.show import show

TEXT = "Kim met Kim in Oslo"
ROW = {
    "text": TEXT,
    "entities": [
        {"label": "PER", "text": "Kim", "start": 8, "end": 11},
        {"label": "LOC", "text": "Oslo", "start": 15, "end": 19},
    ],
}
OTHER = {**ROW, "entities": [{**ROW["entities"][0], "start": 0, "end": 3}, ROW["entities"][1]]}  # the other Kim
SHAPES = {
    "offsets": ROW,
    "lists": {"text": TEXT, "entities": [[8, 11, "PER"], [15, 19, "LOC"]]},
    "doccano": {"text": TEXT, "label": [[8, 11, "PER"], [15, 19, "LOC"]]},
    "doccano, objects": {
        "text": TEXT,
        "entities": [
            {"id": 1, "label": "PER", "start_offset": 8, "end_offset": 11},
            {"label": "LOC", "start_offset": 15, "end_offset": 19},
        ],
    },
    "langextract": {
        "text": TEXT,
        "extractions": [
            {"extraction_class": "PER", "extraction_text": "Kim", "char_interval": {"start_pos": 8, "end_pos": 11}},
            {"extraction_class": "LOC", "extraction_text": "Oslo", "char_interval": {"start_pos": 15, "end_pos": 19}},
        ],
    },
    "gliner": {
        "text": TEXT,
        "entities": [
            {"start": 8, "end": 11, "text": "Kim", "label": "PER", "score": 0.9},
            {"start": 15, "end": 19, "text": "Oslo", "label": "LOC", "score": 0.8},
        ],
    },
    "gliner, words": {"tokenized_text": TEXT.split(), "ner": [[2, 2, "PER"], [4, 4, "LOC"]]},
    "transformers": {
        "text": TEXT,
        "predictions": [
            {"entity_group": "PER", "word": "Kim", "start": 8, "end": 11, "score": 0.9},
            {"entity_group": "LOC", "word": "Oslo", "start": 15, "end": 19, "score": 0.9},
        ],
    },
    "records": {"text": TEXT, "items": ROW["entities"]},
    "tokens": {"tokens": TEXT.split(), "ner_tags": ["O", "O", "B-PER", "O", "B-LOC"]},
}


def write(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


# --------------------------------------------------------------------------------------------------------------- spans


@pytest.mark.parametrize("shape", SHAPES)
def test_spans_of_every_shape_are_compared_by_their_offsets(tmp_path, capsys, shape):
    row = SHAPES[shape]
    gold = write(tmp_path / "gold.jsonl", row)
    assert json.loads(run(capsys, "score", write(tmp_path / "right.jsonl", ROW), gold, "--format=json"))["wl"] == 1
    result = json.loads(run(capsys, "score", write(tmp_path / "other.jsonl", OTHER), gold, "--format=json"))
    assert result["wl"] == 0.5 and "offsets" in result["protocol"]
    assert result == score([OTHER], [row]) and score([row], [ROW])["wl"] == 1
    assert not {"tl", "tl_macro_f1", "tl_correct"} & set(result) and result["all"] == 0


def test_entities_by_label_and_without_offsets():
    gliner2 = {"text": TEXT, "entities": {"PER": ["Kim"], "LOC": [{"text": "Oslo", "confidence": 0.9}]}}
    plain = {"entities": [{"label": "PER", "text": "Kim"}, {"label": "LOC", "text": "Oslo"}]}
    unaligned = {
        "text": TEXT,
        "extractions": [{"extraction_class": "PER", "extraction_text": "Kim", "char_interval": None}],
    }
    assert score([gliner2], [plain])["wl"] == score([OTHER], [plain])["wl"] == 1  # one side says no places
    assert score([unaligned], [ROW])["wl"] == pytest.approx(2 / 3)
    assert score([{"text": TEXT, "extractions": []}], [{"text": TEXT, "entities": []}])["all"] == 1


def test_a_text_that_a_tool_aligned_or_normalized_is_that_of_the_place():
    words = {"text": TEXT, "predictions": [{"entity_group": "PER", "word": "kim", "start": 8, "end": 11}]}
    loose = {"extraction_class": "PER", "extraction_text": "KIM", "char_interval": {"start_pos": 8, "end_pos": 11}}
    gold = {"text": TEXT, "entities": ROW["entities"][:1]}
    assert score([words], [gold])["all"] == score([{"text": TEXT, "extractions": [loose]}], [gold])["all"] == 1


def test_gold_with_strings_and_places():
    gold = {"output": "_/NER/:PER;Kim:LOC;Oslo", "label": "_", **ROW}
    assert score([{**OTHER, "label": "_"}], [gold])["wl"] == 0.5  # the row's entities say where its items are
    assert score([{"output": gold["output"], **OTHER}], [gold])["wl"] == 1  # a string is what the model wrote
    assert score([{**OTHER, "label": "_"}], [{**gold, "entities": None}])["wl"] == 1


def test_training_data_of_spacy_and_arrays_by_another_name(tmp_path, capsys):
    pair = [TEXT, {"entities": [[8, 11, "PER"], [15, 19, "LOC"]]}]
    for name, text in (
        ("lines.jsonl", f"{json.dumps(pair)}\n{json.dumps(pair)}\n"),
        ("array.jsonl", json.dumps([pair, pair])),
        ("array.json", json.dumps([ROW, ROW], indent=2)),
    ):
        (tmp_path / name).write_text(text)
        pred = write(tmp_path / "pred.jsonl", ROW, OTHER)
        assert json.loads(run(capsys, "score", pred, tmp_path / name, "--format=json"))["wl"] == 0.75
    (tmp_path / "one.jsonl").write_text(json.dumps(pair))
    assert (
        json.loads(run(capsys, "score", tmp_path / "one.jsonl", write(tmp_path / "g.jsonl", ROW), "--format=json"))[
            "wl"
        ]
        == 1
    )
    odd = write(tmp_path / "odd.jsonl", {"output": "A/NER/:P;x\u2028y\x85z"}, {"output": "A/NER/"})  # no line breaks
    assert json.loads(run(capsys, "score", odd, odd, "--format=json"))["rows"] == 2
    (tmp_path / "twice.jsonl").write_text('{"entities": [], "entities": [[0, 1, "P"]]}')
    assert main(["score", str(tmp_path / "twice.jsonl"), str(tmp_path / "g.jsonl")]) == 2
    assert "twice.jsonl:1: " in (said := capsys.readouterr().err) and "'entities' is there twice" in said
    (tmp_path / "cut.json").write_text('[{"output": "A/NER/"},')
    assert main(["score", str(tmp_path / "cut.json"), str(tmp_path / "g.jsonl")]) == 2
    assert "cut.json: no JSON" in capsys.readouterr().err


def test_text_labels_of_one_side_alone_are_refused(tmp_path, capsys):
    labeled, bare = write(tmp_path / "labeled.jsonl", {**ROW, "label": "news"}), write(tmp_path / "bare.jsonl", ROW)
    for pred, gold in ((labeled, bare), (bare, labeled)):
        assert main(["score", pred, gold]) == 2 and "bare.jsonl: no text-level labels" in capsys.readouterr().err
        assert json.loads(run(capsys, "score", pred, gold, "--no-text-labels", "--format=json"))["all"] == 1
    strings = write(tmp_path / "strings.jsonl", {"output": "news/NER/:PER;Kim:LOC;Oslo"})
    result = json.loads(
        run(capsys, "compare", bare, bare, strings, "--no-text-labels", "--resamples", "5", "--format=json")
    )
    assert result["all"]["a"] == 1 and "tl" not in result
    assert score(["x/NER/:PER;Kim"], ["y/NER/:PER;Kim"], text_labels=False)["all"] == 1
    assert score([{**ROW, "label": "news"}], [{**ROW, "label": "sport"}])["tl"] == 0


def test_a_prediction_without_its_text_label_loses_the_label_alone():
    gold, bare = {**ROW, "label": "news"}, {**ROW, "label": None}
    result = score([gold, bare, bare], [gold] * 3)
    assert (result["tl"], result["wl"], result["all"]) == (pytest.approx(1 / 3), 1, pytest.approx(1 / 3))
    assert result["parse_failures"]["empty_label"] == 2
    with pytest.raises(ValueError, match="references: no text-level labels"):
        score([ROW], [ROW], text_labels=True)
    with pytest.raises(ValueError, match="references:1: the text-level label is empty"):
        score([gold] * 2, [gold, bare])


def test_another_text_is_refused():
    with pytest.raises(ValueError, match="predictions:0: another text than in references"):
        score([{**ROW, "text": f"{TEXT}!"}], [ROW])


def test_spans_count_although_there_are_strings(tmp_path, capsys):
    both = [
        write(tmp_path / f"{name}.jsonl", {"output": "_/NER/:PER;Kim:LOC;Oslo", **row})
        for name, row in (("p", OTHER), ("g", ROW))
    ]
    assert json.loads(run(capsys, "score", *both, "--format=json"))["wl"] == 1
    assert json.loads(run(capsys, "score", *both, "--format=json", "--from", "spans"))["wl"] == 0.5


# ---------------------------------------------------------------------------------------------------------------- tags

SCHEMES = {
    "iob2": lambda n: ["B", *"I" * (n - 1)],
    "bioes": lambda n: ["S"] if n == 1 else ["B", *"I" * (n - 2), "E"],
    "bilou": lambda n: ["U"] if n == 1 else ["B", *"I" * (n - 2), "L"],
    "bmes": lambda n: ["S"] if n == 1 else ["B", *"M" * (n - 2), "E"],
}
SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(["PER", "LOC", ""]), st.integers(1, 3)), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)


def tags_of(runs, scheme):
    return [tag for kind, n in runs for tag in ([f"{one}-{kind}" for one in SCHEMES[scheme](n)] if kind else ["O"] * n)]


def spans_of(runs):
    found, at = [], 0
    for kind, n in runs:
        found += [(kind, at, at + n)] if kind else []
        at += n
    return found


@given(SENTENCES, SENTENCES, st.sampled_from(list(SCHEMES)), st.sampled_from(list(SCHEMES)))
@settings(max_examples=80, deadline=None)
def test_tags_are_scored_as_their_spans(gold, predicted, scheme, other):
    """Strict F1 over spans, whatever the scheme of either side."""
    size = min(len(gold), len(predicted))
    hits = pairs = 0
    rows = []
    for one, two in zip(gold[:size], predicted[:size], strict=True):
        tags, guess = tags_of(one, scheme), tags_of(two, other)
        guess = guess[: len(tags)] + ["O"] * (len(tags) - len(guess))
        kept = [span for span in spans_of(two) if span[2] <= len(tags)]
        for kind, start, end in spans_of(two):  # a span that is cut by the end of the sentence
            if start < len(tags) < end:
                kept.append((kind, start, len(tags)))
        hits += len({*spans_of(one)} & {*kept})
        pairs += len(spans_of(one)) + len(kept)
        words = [f"w{at}" for at in range(len(tags))]
        rows.append(({"tokens": words, "tags": guess}, {"tokens": words, "tags": tags}))
    result = score([row[0] for row in rows], [row[1] for row in rows])
    assert result["wl"] == pytest.approx(2 * hits / pairs if pairs else 1)


CONLL = "Mia B-PER B-PER\nOno I-PER O\nran O O\n\n# label = sport\nOslo B-LOC B-LOC\n"


def test_two_columns_of_tags(tmp_path, capsys):
    file = tmp_path / "both.conll"
    file.write_text("-DOCSTART- O O\n\n" + CONLL.replace("# label = sport\n", ""))
    result = json.loads(run(capsys, "score", "--from", "conll", file, "--format=json"))
    assert (result["pairs_gold"], result["pairs_correct"], result["rows"], result["wl"]) == (2, 1, 2, 0.5)
    swapped = json.loads(run(capsys, "score", "--from", "conll", file, "--columns", "gold=3,pred=2", "--format=json"))
    assert swapped["wl_by_label"]["PER"] == result["wl_by_label"]["PER"] and swapped["wl"] == 0.5
    same = run(capsys, "score", "--from", "conll", file, file, "--columns", "gold=2,pred=-2", "--format=json")
    assert json.loads(same)["wl"] == 1
    out = run(
        capsys,
        "compare",
        "--from",
        "conll",
        file,
        file,
        file,
        "--columns",
        "gold=2",
        "--resamples",
        "5",
        "--format=json",
    )
    assert json.loads(out)["wl"]["a"] == 0.5


def test_conll_files_with_text_labels_by_comment(tmp_path, capsys):
    gold, pred = tmp_path / "gold.conll.gz", tmp_path / "pred.tsv"
    lines = "# intent = weather\n1\tOslo\tB-LOC\n2-3\tinthe\t_\n2\tin\tO\n3\tthe\tO\n\n# intent = news\n1\tMia\tB-PER\n"
    gold.write_bytes(gzip.compress(lines.encode()))
    pred.write_text(lines.replace("weather", "news"))
    result = json.loads(run(capsys, "score", "--from", "conll", pred, gold, "--label-key", "intent", "--format=json"))
    assert (result["tl"], result["wl"], result["all"]) == (0.5, 1, 0.5)


@pytest.mark.parametrize(
    ("pred", "gold", "message"),
    [
        ("a O\n", "a O\nb O\n", "p.conll:1: 1 words, but 2 in"),
        ("a O\n\nb O\n", "a O\nb O\n", "p.conll: 2 rows, but"),
        ("a O\nb O\n", "c O\nd O\n", "2 of 2 words are not those of"),
        ("a O\n", "", "no rows found"),
        ("a b c\n", "a O\n", "p.conll"),
        ("a B-X\nb X\n", "a O\nb O\n", "p.conll"),
    ],
)
def test_conll_that_does_not_fit_is_one_line(tmp_path, capsys, pred, gold, message):
    (tmp_path / "p.conll").write_text(pred)
    (tmp_path / "g.conll").write_text(gold)
    assert main(["score", "--from", "conll", str(tmp_path / "p.conll"), str(tmp_path / "g.conll")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_tags_that_are_numbers_need_names(tmp_path, capsys):
    row = {"tokens": ["Mia", "ran"], "ner_tags": [1, 0]}
    file = write(tmp_path / "a.jsonl", row)
    assert main(["score", file, file]) == 2 and "--tag-names" in capsys.readouterr().err
    assert json.loads(run(capsys, "score", file, file, "--tag-names", "O,B-PER", "--format=json"))["pairs_gold"] == 1


# --------------------------------------------------------------------------------------------------------------- files

STRINGS = [{"output": "A/NER/:P;x"}, {"output": "B/NER/"}]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz", "a.csv.gz"])
def test_arrays_and_gzip(tmp_path, capsys, name):
    text = (
        json.dumps(STRINGS, indent=1)
        if ".json" in name and "jsonl" not in name
        else "\n".join(map(json.dumps, STRINGS))
    )
    text = "output\nA/NER/:P;x\nB/NER/\n" if ".csv" in name else text
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert json.loads(run(capsys, "score", tmp_path / name, tmp_path / name, "--format=json"))["rows"] == 2


@pytest.mark.parametrize("kind", ["array", "lines", "csv", "conll"])
def test_standard_input(tmp_path, kind):
    text = {
        "array": json.dumps(STRINGS),
        "lines": "\n".join(map(json.dumps, STRINGS)),
        "csv": "output\nA/NER/:P;x\nB/NER/\n",
        "conll": "x B-P\n\ny O\n",
    }[kind]
    more = ["--from", "conll"] if kind == "conll" else []
    gold = tmp_path / ("gold.conll" if more else "gold.json")
    gold.write_text(text if more else json.dumps(STRINGS))
    command = [sys.executable, "-m", "mmm_f1.cli", "score", "-", str(gold), "--format=json", *more]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert json.loads(done.stdout)["all"] == 1, done.stderr
    both = subprocess.run([*command[:4], "-", "-"], input=text, capture_output=True, text=True)
    assert both.returncode == 2 and both.stderr.count("\n") == 1


def test_frames(tmp_path):
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    gold = [{"output": "A/NER/:P;x", "text": "x", "config": "c"}, {"output": "B/NER/", "text": "y", "config": "c"}]
    pred = [{"prediction": "A/NER/:P;x", "prediction_id": 1}, {"prediction": "B/NER/:P;z", "prediction_id": 2}]
    expected = score([row["prediction"] for row in pred], [row["output"] for row in gold], ["x", "y"], ["c", "c"])
    assert score(pd.DataFrame(pred), pd.DataFrame(gold)) == expected == score(pred, gold)
    assert score(pa.Table.from_pylist(pred), pa.Table.from_pylist(gold)) == expected
    assert score(pd.DataFrame(pred)["prediction"], pd.DataFrame(gold)) == expected
    assert compare(pd.DataFrame(pred), pd.DataFrame(pred), pd.DataFrame(gold), resamples=5)["wl"]["p"] == 1
    spans = pd.DataFrame([ROW, {**ROW, "label": None}])
    assert score(spans, spans)["pairs_gold"] == 4
    with pytest.raises(ValueError, match="no column 'output' or 'prediction'"):
        score(pd.DataFrame({"a": [1]}), pd.DataFrame(gold[:1]))


def test_a_dataset_of_hugging_face(tmp_path, capsys):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([SHAPES["tokens"], SHAPES["tokens"]])
    assert score(rows, rows)["pairs_gold"] == 4
    names = datasets.ClassLabel(names=["O", "B-PER", "B-LOC"])
    features = {"tokens": datasets.List(datasets.Value("string")), "ner_tags": datasets.List(names)}
    numbers = datasets.Dataset.from_list([SHAPES["tokens"]], features=datasets.Features(features))
    assert numbers[0]["ner_tags"] == [0, 0, 1, 0, 2] and score(numbers, [SHAPES["tokens"]])["wl"] == 1
    numbers.to_parquet(tmp_path / "numbers.parquet")
    pred = write(tmp_path / "pred.jsonl", SHAPES["tokens"])
    assert json.loads(run(capsys, "score", pred, tmp_path / "numbers.parquet", "--format=json"))["wl"] == 1
    strings = datasets.Dataset.from_list(STRINGS)
    assert score(strings["output"], strings)["all"] == 1


# -------------------------------------------------------------------------------------------------------------- output


@pytest.fixture
def files(tmp_path):
    gold = [{"output": f"A|&/NER/:P;{n}", "config": "c_d"} for n in range(60)]
    pred = [*gold[:50], *[{"output": "A|&/NER/:Q;x"}] * 10]
    return write(tmp_path / "pred.jsonl", *pred), write(tmp_path / "gold.jsonl", *gold)


def test_markdown_and_latex(files, capsys):
    page = run(capsys, "score", *files, "--format", "markdown", "--resamples", "50", "--label-intervals")
    tables = [
        [line.split(" | ") for line in block.splitlines()] for block in page.split("\n\n") if block.startswith("|")
    ]
    assert len(tables) == 3 and all(len({len(row) for row in [table[0], *table[2:]]}) == 1 for table in tables)
    assert tables[0][0][1:4] == ["TL", "WL", "ALL"] and tables[0][2][2].startswith("83.33 [")
    assert next(row for row in tables[2] if row[0] == "| P")[-1].count("[") == 1
    tex = run(capsys, "score", *files, "--format", "latex", "--resamples", "50")
    assert r"c\_d & 60 &" in tex and tex.count(r"\begin{tabular}") == tex.count(r"\end{tabular}") == 3
    both = run(capsys, "compare", files[0], files[1], files[1], "--format", "markdown", "--resamples", "50")
    assert "| WL | 83.33 | 100.00 | +16.67 |" in both and "fixed by B 10" in both


def test_csv_has_a_figure_a_row(files, capsys):
    rows = list(csv.DictReader(io.StringIO(run(capsys, "score", *files, "--format", "csv", "--resamples", "50"))))
    result = json.loads(run(capsys, "score", *files, "--format=json", "--resamples", "50"))
    found = {(row["of"], row["figure"]): row for row in rows}
    wl = found["all rows", "wl"]
    assert float(wl["value"]) == result["wl"] and [float(wl["low"]), float(wl["high"])] == result["wl_ci95"]
    assert float(found["P", "recall"]["value"]) == result["wl_by_label"]["P"]["recall"]
    assert float(found["c_d", "tl"]["value"]) == 1


# ------------------------------------------------------------------------------------------------------ the real thing


def test_wnut17_submissions_as_they_are(real_data, capsys):
    """The figures of the shared task, straight from the files of gold and systems."""
    folder = real_data / "wnut17"
    for system, figure in (("arcada", 39.98), ("mic-cis.txt", 37.06), ("uh_ritual", 41.86)):
        assert (
            main(
                [
                    "score",
                    "--from",
                    "conll",
                    str(folder / "submissions" / system),
                    str(folder / "emerging.test.annotated"),
                    "--format=json",
                ]
            )
            == 0
        )
        assert round(100 * json.loads(capsys.readouterr().out)["wl"], 2) == figure


def test_seqeval_vectors_as_they_are(real_data, capsys):
    result = json.loads(
        run(capsys, "score", "--from", "conll", real_data / "seqeval-vectors" / "ground_truth.txt", "--format=json")
    )
    keys = ("wl_micro_precision", "wl_micro_recall", "wl")
    assert [round(100 * result[key], 2) for key in keys] == [68.83, 80.83, 74.35]


FILES = {
    "iob1": "-DOCSTART- -X- O O\n\nAcme NNP I-NP I-ORG\nLtd NNP I-NP I-ORG\nMia NNP I-NP I-PER\nBo NNP I-NP B-PER\nran V O O\n",
    "bioes": "Mia\tB-PER\nOno\tE-PER\nran\tO\nOslo\tS-LOC\n",
    "bilou": "Acme B-ORG\nBig I-ORG\nLtd L-ORG\nOslo U-LOC\nran O\n",
    "suffix": "Mia PER-B\nOno PER-I\nran O\n",
    "lower": "Mia b-PER\nOno i-PER\nran o\n",
    "under": "Mia B_PER\nOno I_PER\nran O\n",
    "bare": "Mia PER\nOno PER\nran O\n",
    "no begin": "Mia I-PER\nran O\nOslo B-LOC\nBergen I-LOC\nBo I-PER\n",
    "pipe": "Mia|B-PER sang|O\nOslo|B-LOC shone|O\n",
    "header": "Sentence #,Word,POS,Tag\nSentence: 1,Mia,NNP,B-per\n,sang,VBD,O\nSentence: 2,Oslo,NNP,B-geo\n",
    "numbered": "# text = dont go Mia\n1-2\tdont\t_\n1\tdo\tO\n2\tnt\tO\n3\tgo\tO\n4\tMia\tB-PER\n",
    "empty node": "# text = Mia ran\n1\tMia\tB-PER\n2\tran\tO\n2.1\tran\tO\n",
    "blanks": "Mia B-PER \nOno I-PER\t\nran O\u200b\n",
}


@pytest.mark.parametrize("name", FILES)
def test_conll_is_read_as_the_pipeline_reads_it(tmp_path, name):
    from build.readers import conll as pipeline
    from mmm_dataset import Record, load

    path = tmp_path / "en.conll"
    path.write_text(FILES[name], encoding="utf-8")
    rows = pipeline.read(path, load("ner-only"), task="ner-only", source="own", license="CC0-1.0")
    records = [row for row in rows if isinstance(row, Record)]
    theirs = [[(item.label, item.spans[0].text.replace(" ", "")) for item in record.items or ()] for record in records]
    answers = read_answers(read_conll(str(path), {}, "gold"))
    ours = [[(entity.label, entity.text.replace(" ", "")) for entity in answer.entities] for answer in answers]
    assert ours == theirs and any(ours)


def test_rows_in_memory_are_joined_by_their_ids_as_files_are():
    gold = [{"id": 1, "output": "A/NER/:P;x"}, {"id": 2, "output": "B/NER/"}, {"id": 3, "output": "A/NER/"}]
    assert score(gold[::-1], gold)["all"] == 1
    result = compare(gold[::-1], [gold[1], gold[0], gold[2]], gold, resamples=9)
    assert (result["all"]["a"], result["all"]["b"]) == (1, 1)
    for wrong in (gold[:2], [*gold[:2], {**gold[2], "id": 4}], [gold[0], *gold[:2]]):
        with pytest.raises(ValueError, match="id|rows"):
            score(wrong, gold)


def test_labels_are_printed_as_they_are_written():
    odd = {"label": "A", "entities": [{"label": "R&D_%~^\\|*<b>\n2", "text": "x"}, {"label": "人" * 30, "text": "y"}]}
    result = score([odd] * 2, [odd] * 2, resamples=20, label_intervals=True)
    rows = {style: show(result, style).splitlines() for style in ("markdown", "latex", "text")}
    assert any(line.startswith(r"| R&D_%~^\\\|\*\<b> 2 | 2 | 2 | 100.00 [") for line in rows["markdown"])
    latex = (
        r"R\&D\_\%\textasciitilde{}\textasciicircum{}\textbackslash{}\textbar{}*\textless{}b\textgreater{} 2 & 2 & 2 "
    )
    assert any(line.startswith(latex) for line in rows["latex"])
    line = next(line for line in rows["text"] if line.startswith("R&D"))
    assert line.split()[:4] == ["R&D_%~^\\|*<b>", "2", "2", "2"] and len(line.split()) == 13
    assert next(line for line in rows["text"] if line.startswith("人")).split()[1:3] == ["2", "2"]
