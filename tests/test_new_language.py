"""A fourth language is rows of data: Korean, from the registry to a valid release and a score, without a line of code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build.cli import main
from mmm_dataset import Item, decode, encode, load, to_dict
from mmm_dataset.files import dump
from mmm_f1 import score
from tests.records import make_record

ROOT = Path(__file__).parents[1]
TOML = """
labels = "korean.csv"

[language.ko]
name = "Korean"
scripts = ["hangul", "han"]

[config.ko_scnm]
language = "ko"
task = "scnm"
version = "1.0.0"
translated_from = "ja_scnm"
provenance = { sizes = "ours" }
"""
LABELS = """set,key,language,label,aliases,provenance
scnm_text,society,ko,사회,,ours
scnm_text,nature,ko,자연,,ours
scnm_word,person,ko,인명,사람,ours
scnm_word,place,ko,지명,,ours
"""


@pytest.fixture
def registry_file(tmp_path):
    (tmp_path / "korean.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "korean.csv").write_text(LABELS, encoding="utf-8")
    return tmp_path / "korean.toml"


def rows():
    for n in range(30):
        text = f"김서윤 {n}호 역은 서울 {n * 7919 % 10007}번지에 있다."
        items = [
            Item.pair("인명", "김서윤", 0, 3),
            Item.pair("지명", "서울", text.index("서울"), text.index("서울") + 2),
        ]
        yield make_record(text, items, "사회", language="ko", id=f"ko-{n}", source_id=f"scnm-{n}", origin="own")


LOAD = """
import os
from datasets import load_dataset
from mmm_dataset.builder import MMM
rows = load_dataset("mmm", "ko_scnm")
builder = MMM(release="mmm", config_name="ko_scnm")
builder.download_and_prepare()
assert builder.as_dataset(split="test")[0] == rows["test"][0]
assert next(iter(builder.as_streaming_dataset(split="test"))) == rows["test"][0]
"""


def check_it_loads(out, hf_home):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "metrics")])
    environment = {**os.environ, "HF_HOME": str(hf_home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", LOAD], cwd=out.parent, env=environment, check=True, capture_output=True)


def test_korean_from_data_to_release(registry_file, tmp_path, capsys):
    registry = load(str(registry_file))
    assert len(registry.configs) == 22
    assert registry.canonical("scnm_word", "사람", "ko") == "인명"
    records = tmp_path / "records.jsonl"
    records.write_text("".join(dump(to_dict(row)) + "\n" for row in rows()), encoding="utf-8")
    options = ["--registry", str(registry_file)]
    out = tmp_path / "release" / "mmm"
    assert main(["export", str(records), "--out", str(out), *options]) == 0
    assert main(["validate", str(out), *options]) == 0
    assert "30 rows checked: valid" in capsys.readouterr().out
    assert "pretty_name: Rows written for this kit" in (out / "README.md").read_text()  # not MMM itself
    check_it_loads(out, tmp_path)
    registry_file.unlink()  # it travels inside the release
    assert main(["validate", str(out)]) == 0
    shutil.rmtree(out / "registry")
    assert main(["validate", str(out)]) == 2
    assert "korean.toml: missing" in capsys.readouterr().err
    shutil.rmtree(out)


def test_korean_round_trip_and_score():
    gold = [encode(row)[1] for row in rows()]
    assert gold[0] == "사회/NER/:인명;김서윤:지명;서울"
    assert decode(gold[0], "NER", labels={"인명", "지명"}).issues == ()
    result = score(gold, gold)
    assert result["tl"] == result["wl"] == result["all"] == 1.0
