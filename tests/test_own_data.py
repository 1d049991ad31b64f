"""A data set of one's own, from ``init`` to what is published, without touching a file of the kit."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from build.cli import main
from mmm_dataset import registry_of
from oiellm.cli import main as oiellm

ROOT = Path(__file__).parents[1]
PEOPLE = ["Anna Weiß", "Jürgen Müller", "Ute Größer", "Sören Hansen", "Grete Öhlschläger"]
PLACES = ["Süderau", "Kölpin", "Bad Öhr", "Nübel"]
WORDS = tuple(
    """Brücke Markt Hof Turnier Chor Linde Mühle Rat Straße Schule Feuerwehr Kirche Verein Acker Ernte Deich Fähre Hafen
Bäckerei Glasfaser Wahl Haushalt Spiel Tor Pokal Läufer Regen Sturm Fest Kuchen Trecker Bahnhof Bücherei Lehrer Arzt Hund
Kater Zaun Garten Teich Wald Jäger Imker Honig Käse Milch Schäfer Wolle Weg Laterne Bus Fahrrad Rathaus Glocke""".split()  # noqa: SIM905
)
INIT = ["--languages", "de", "--labels", "PER,ORT", "--text-labels", "Politik,Sport", "--license", "CC-BY-4.0"]
READ = "import sys, json, datasets; rows = datasets.load_dataset(sys.argv[1], 'de_dorf')\n"
READ += "print(json.dumps({split: len(part) for split, part in rows.items()}))"


def village(count=120):
    for n in range(count):
        drawn = random.Random(n)
        person, place = drawn.choice(PEOPLE), drawn.choice(PLACES)
        text, label = " ".join([person, *drawn.sample(WORDS, 9), "in", place]), drawn.choice(["Politik", "Sport"])
        items = [{"label": "PER", "text": person}, {"label": "ORT", "text": place}]
        names = {
            "task": "dorf",
            "word": "NER",
            "language": "de",
            "origin": "own",
            "source": "dorf",
            "licence": "CC-BY-4.0",
        }
        yield {"id": f"d{n}", "source_id": f"d{n}", "text": text, "label": label, "items": items, **names}


def commands(said):
    """What ``init`` says to run next."""
    return [line.split()[3:] for line in said.splitlines() if line.startswith("  python3 -m build ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in village())
    (tmp_path / "dorf.jsonl").write_text(rows, encoding="utf-8")
    return tmp_path


@pytest.fixture
def release(folder, capsys):
    """Made by the commands that ``init`` prints, and without the files that it wrote."""
    assert main(["init", "dorf", *INIT, "--title", "Das Dorfblatt"]) == 0
    for command in commands(capsys.readouterr().out):
        assert main(command) == 0
        if command[0] == "export":
            said = capsys.readouterr().out
    files = json.loads((folder / "release/dorf/manifest.json").read_text())["configs"]["de_dorf"]["files"]
    assert list(files) == ["train", "validation", "test"]
    assert all(f"{file['rows']} {split} ({file['rows'] / 120:.1%})" in said for split, file in files.items())
    assert not (folder / "release/hub").exists()  # that was a dry run
    (folder / "dorf.toml").unlink()
    (folder / "dorf.csv").unlink()
    return folder / "release/dorf"


def test_nobody_needs_the_registry_file_any_more(release, folder, capsys):
    for command in (
        ["validate", "release/dorf"],
        ["show", "de_dorf", "--release", "release/dorf", "--split", "validation", "--n", "1"],
        ["stats", "release/dorf", "--out", "stats"],
        ["convert", "release/dorf", "--to", "conll", "--out", "conll"],
        ["release", "--settings", "dorf.release.yaml", "--to", "release/hub", "--no-verify"],
    ):
        assert main(command) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "120 rows checked: valid" in said and "|PER]" in said and "validation" in said
    published = folder / "release/hub/datasets/dorf"
    assert registry_of(published).text_labels(registry_of(published).config("de_dorf")) == {
        "Politik": "Politik",
        "Sport": "Sport",
    }
    shutil.move(published, folder / "elsewhere")
    assert main(["validate", "elsewhere"]) == 0
    environment = {**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ, "elsewhere"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    files = json.loads((release / "manifest.json").read_text())["configs"]["de_dorf"]["files"]
    assert json.loads(done.stdout) == {split: file["rows"] for split, file in files.items()}


def test_its_card_says_what_it_is(release, folder, capsys):
    assert main(["release", "--settings", "dorf.release.yaml", "--to", "hub", "--no-verify"]) == 0
    for path in (release / "README.md", folder / "hub/datasets/dorf/README.md"):
        text = path.read_text(encoding="utf-8")
        front = yaml.safe_load(text.split("---\n")[1])
        assert (front["pretty_name"], front["license"], front["language"]) == ("Das Dorfblatt", "cc-by-4.0", ["de"])
        assert [entry["split"] for entry in front["configs"][0]["data_files"]] == ["train", "validation", "test"]
        body = text.split("## Citation and credit")[0]
        assert "named entity recognition in German: 120 rows of Das Dorfblatt, under CC-BY-4.0." in body
        assert "80/10/10" in body and "| validation rows |" in body
        for word in ("MMM", "paper", "Stand-in"):
            assert word not in body.replace("MMM F1", "")


def test_a_model_of_it_is_trained_and_scored(release, folder, capsys):
    from tests.oiellm.train_driver import small

    recipe = small(release, name="dorf", data={"configs": ["de_dorf"]}).model_dump(mode="json", exclude_none=True)
    (folder / "dorf.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert oiellm(["validate", "dorf.yaml"]) == 0
    assert oiellm(["train", "dorf.yaml", "--out", "model"]) == 0, capsys.readouterr().err
    assert oiellm(["evaluate", "--model", "model", "--data", "release/dorf", "--out", "results"]) == 0
    scores = json.loads((folder / "results/results.json").read_text())
    assert list(scores["data"]["origins"]) == ["de_dorf"] and not (folder / "results/table.md").read_text().count(
        "paper's"
    )
    shutil.rmtree(release)  # the model has the registry as well
    (folder / "texts").write_text("Anna Weiß geht nach Kölpin.\n", encoding="utf-8")
    assert oiellm(["extract", "texts", "--model", "model", "--task", "dorf", "--language", "de"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["label"] in ("Politik", "Sport")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"label": "Kultur"}, "dorf.jsonl:1"),
        ({"task": "stadt"}, "no config 'de_stadt'"),
        ({"items": [{"label": "TIER", "text": "Anna Weiß"}]}, "'TIER'"),
    ],
)
def test_rows_that_do_not_fit_are_refused(folder, capsys, change, message):
    assert main(["init", "dorf", *INIT]) == 0
    row = {**next(village()), **change}
    (folder / "dorf.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert main(commands(capsys.readouterr().out)[0]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (folder / "work/dorf/records.jsonl").exists()
