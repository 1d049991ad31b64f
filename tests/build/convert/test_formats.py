"""Every format on the embedded corpus, read by the tool's own loader where it installs, else by its documented schema."""

import json
import re
import warnings
from xml.etree import ElementTree

import pytest
import yaml

from build.cli import main
from build.convert.command import convert
from build.convert.options import FORMATS
from build.core import KitError
from mmm_dataset import load
from oiellm.data import open_release
from oiellm.errors import OiellmError
from tests.build.convert import schemas


@pytest.fixture(scope="module")
def release(demo_release):
    return open_release(demo_release, load())


@pytest.fixture(scope="module")
def converted(release, tmp_path_factory):
    """Folder of the embedded corpus in a format, written once."""
    done = {}

    def folder(to):
        if to not in done:
            done[to] = tmp_path_factory.mktemp("converted") / to
            convert(release, to, None, done[to])
        return done[to]

    return folder


def lines(folder, pattern="*/*.jsonl"):
    return [json.loads(line) for path in sorted(folder.glob(pattern)) for line in path.read_text().splitlines()]


def arrays(folder):
    return [row for path in sorted(folder.glob("*/*.json")) for row in json.loads(path.read_text())]


def strings(release):
    """Input and output of every row, as the release has them."""
    import pyarrow.parquet as pq

    for path in sorted(release.path.glob("data/*/*.parquet")):
        yield from (
            (row["input"], row["output"]) for row in pq.read_table(path, columns=["input", "output"]).to_pylist()
        )


@pytest.mark.parametrize("to", FORMATS)
def test_every_row_is_written_or_counted(to, release, converted):
    manifest = json.loads((converted(to) / "manifest.json").read_text())
    steps = manifest["steps"]
    assert steps["in"] == sum(release.size(c, s) for c in release.configs for s in ("train", "validation", "test"))
    assert (
        sum(manifest["files"].values()) == sum(steps["kept"].values()) == steps["in"] - sum(steps["dropped"].values())
    )
    assert all((converted(to) / path).exists() for path in manifest["files"])


@pytest.mark.parametrize(
    ("to", "rows", "model"),
    [
        ("gliner", arrays, schemas.Gliner),
        ("doccano", lines, schemas.Doccano),
        ("label-studio", arrays, schemas.Task),
        ("openai-messages", lines, schemas.OpenAI),
    ],
)
def test_rows_fit_the_documented_schema(to, rows, model, converted):
    found = rows(converted(to))
    assert len(found) > 900
    for row in found:
        model.model_validate(row, strict=False)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "a", "id": "r1"}],
        [{"role": "assistant"}],
        [{"role": "nobody", "content": "a"}, {"role": "assistant", "content": "b"}],
        [{"role": "user", "content": "a"}],
    ],
)
def test_the_schema_of_openai_refuses_what_openai_does(messages):
    with pytest.raises((ValueError, KeyError)):
        schemas.OpenAI.model_validate({"messages": messages})


def test_label_studio_project_has_every_label_of_its_tasks(converted):
    for folder in converted("label-studio").glob("*_*"):
        view = ElementTree.parse(folder / "labeling_config.xml").getroot()
        tags = {tag.get("name"): {child.get("value") for child in tag} for tag in view if tag.get("name")}
        relations = {child.get("value") for child in view.iterfind("Relations/Relation")}
        for task in (task for path in folder.glob("*.json") for task in json.loads(path.read_text())):
            for result in task["annotations"][0]["result"]:
                if result["type"] == "relation":
                    assert set(result["labels"]) <= relations
                elif result["type"] != "textarea":
                    assert set(result["value"][result["type"]]) <= tags[result["from_name"]]
                if result["type"] == "labels":
                    value = result["value"]
                    assert task["data"]["text"][value["start"] : value["end"]] == value["text"]


def test_spacy_loads_the_corpus_and_aligns_it(release, converted):
    import spacy
    from spacy.training import Corpus

    misaligned = docs = 0
    for config in ("ja_tconer", "en_scnm", "zh_scpos_adj_n", "en_tcree"):
        nlp = spacy.blank(config[:2])
        records = [record for split in ("train", "test") for record in release.records(config, split)]
        examples = [
            example for split in ("train", "test") for example in Corpus(converted("spacy") / config / split)(nlp)
        ]
        for record, example in zip(records, examples, strict=True):
            doc = example.reference
            docs += 1
            assert doc.text == record.text
            assert doc.user_data["id"] == record.id
            assert [label for label, value in doc.cats.items() if value] == [record.label]
            assert len(doc.cats) == {"tconer": 1, "scnm": 5, "scpos_adj_n": 2, "tcree": 9}[record.task], (
                "a closed set is whole"
            )
            if config == "en_tcree":
                assert not doc.has_annotation("ENT_IOB"), "relations say nothing of entities: unknown, not none"
                continue
            spans = [(span.label_, span.start_char, span.end_char) for span in doc.spans["sc"]]
            assert spans == [(item.label, item.spans[0].start, item.spans[0].end) for item in record.items]
            assert {(ent.label_, ent.start_char, ent.end_char) for ent in doc.ents} <= set(spans)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                misaligned += None in example.get_aligned_ner()
    assert docs > 150
    assert misaligned < docs / 10, "entities that end inside a word of spaCy's tokenizer"


def test_sft_formats_carry_the_strings_of_the_release(release, converted, tmp_path, monkeypatch):
    from datasets import load_dataset

    expected = sorted(strings(release))
    info = json.loads((converted("llamafactory") / "dataset_info.json").read_text())
    rows = []
    for name, entry in info.items():
        entry = schemas.DatasetInfo.model_validate(entry)
        path = converted("llamafactory") / entry.file_name
        assert name == f"{path.parent.name}_{path.stem}"
        data = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path))
        rows += zip(data[entry.columns.prompt], data[entry.columns.response])
    assert sorted(rows) == expected
    messages = [[message["content"] for message in row["messages"]] for row in lines(converted("openai-messages"))]
    assert sorted(map(tuple, messages)) == expected


def test_axolotl_config_names_train_and_validation_files(release, converted, tmp_path):
    from datasets import load_dataset

    folder = converted("axolotl")
    config = schemas.Axolotl.model_validate(yaml.safe_load((folder / "axolotl.yaml").read_text()))
    assert [one.path for one in config.datasets] == [f"{name}/train.jsonl" for name in release.configs]
    validation = [f"{name}/validation.jsonl" for name in release.configs if release.size(name, "validation")]
    assert [one.path for one in config.test_datasets or ()] == validation, "test rows choose no checkpoint"
    one = config.datasets[0]
    data = load_dataset(one.ds_type, data_files=str(folder / one.path), split=one.split, cache_dir=str(tmp_path))
    prompt = one.type.no_input_format.format(instruction=data[0][one.type.field_instruction])
    assert (prompt, data[0][one.type.field_output]) in set(strings(release))


_ANN = re.compile(
    r"T\d+\t[\w-]+ \d+ \d+(?:;\d+ \d+)*\t.+|R\d+\t[\w-]+ Arg1:T\d+ Arg2:T\d+|E\d+\t[\w-]+:T\d+(?: [\w-]+:T\d+)*"
    r"|A\d+\t[\w-]+ [TER]\d+ .+|#\d+\t[\w-]+ \S+\t.+",
    re.ASCII,
)


def test_brat_files_are_standoff_with_their_configuration(converted):
    folder = converted("brat")
    for config in folder.glob("*_*"):
        declared = set(re.findall(r"^[\w-]+", (config / "annotation.conf").read_text(), re.MULTILINE | re.ASCII))
        shown = set(re.findall(r"^([\w-]+) \| .", (config / "visual.conf").read_text(), re.MULTILINE | re.ASCII))
        for path in config.glob("*/*.ann"):
            text = path.with_suffix(".txt").read_text()
            found = path.read_text().splitlines()
            assert all(_ANN.fullmatch(line) for line in found), found
            ids = [line.split("\t")[0] for line in found]
            assert len(set(ids)) == len(ids)
            for line in found:
                if line[0] == "T":
                    kind, offsets = line.split("\t")[1].split(" ", 1)
                    pieces = [tuple(map(int, piece.split())) for piece in offsets.split(";")]
                    assert " ".join(text[start:end] for start, end in pieces) == line.split("\t")[2]
                    assert kind in declared & shown
                elif line[0] in "RE":
                    assert re.match(r"[\w-]+", line.split("\t")[1])[0] in declared
                    assert set(re.findall(r":(T\d+)", line)) <= set(ids)


def test_conll_is_a_word_and_a_tag_on_each_line(converted):
    blocks = [
        block for path in converted("conll").glob("*/*.conll") for block in path.read_text().strip().split("\n\n")
    ]
    assert len(blocks) > 700
    for block in blocks:
        rows = [line.split("\t") for line in block.split("\n") if not line.startswith("# ")]
        before = "O"
        for word, tag in rows:
            assert word and not re.search(r"\s", word)
            assert tag == "O" or tag[:2] == "B-" or (tag[:2] == "I-" and before[2:] == tag[2:])
            before = tag


def test_the_command_says_what_is_lost(demo_release, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["convert", str(demo_release), "--to", "conll", "--config", "en_scnm", "--config", "en_tcree"]) == 0
    assert [path.name for path in sorted((tmp_path / "work/convert/mmm-conll").iterdir())] == [
        ".step.json",
        "en_scnm",
        "manifest.json",
    ]
    summary = capsys.readouterr().out
    assert "overlap" in summary and "relations or events" in summary
    assert main(["convert", "nowhere", "--to", "conll"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_chosen_config_alone_and_only_over_its_own_result(release, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        convert(release, "doccano", ["ja_tcree"], out)
    assert [path.name for path in out.glob("*_*")] == ["ja_tcree"]
    (out / "ja_tcree/train.jsonl").write_text("edited\n")
    with pytest.raises(KitError, match="--replace"):
        convert(release, "doccano", ["ja_tcree"], out)
    convert(release, "doccano", ["ja_tcree"], out, replace=True)
    assert sorted(tmp_path.glob("out.*/ja_tcree/train.jsonl"))[0].read_text() == "edited\n"
    with pytest.raises(OiellmError, match="no config"):
        convert(release, "conll", ["xx_none"], tmp_path / "none")
    assert not (tmp_path / "none").exists()
