"""The pipeline on the real data: sources to records, releases that validate, and worklists that stay out of them."""

import json

import pytest

from build.cli import main


def read(out, *arguments):
    assert main(["read", *map(str, arguments), "--out", str(out)]) == 0
    return json.loads((out / "manifest.json").read_text())


def rows_of(tree):
    manifest = json.loads((tree / "manifest.json").read_text())
    return {name: sum(f["rows"] for f in config["files"].values()) for name, config in manifest["configs"].items()}


@pytest.mark.slow
def test_scpos_complete_from_reviews_and_lexicon(real_data, tmp_path, capsys):
    manifest = read(
        tmp_path / "scpos",
        *("scpos", "--from", real_data / "jrte-pn" / "pn.tsv", "--lexicon", real_data / "ja-polarity-tohoku"),
    )
    assert manifest["counts"]["worklist"] == 0 and manifest["steps"]["dropped"] == {"neutral_row": 1_329}
    assert len(manifest["inputs"]) >= 3 and all(len(value) == 64 for value in manifest["inputs"].values())
    assert main(["export", str(tmp_path / "scpos" / "records.jsonl"), "--out", str(tmp_path / "mmm")]) == 0
    assert main(["validate", str(tmp_path / "mmm")]) == 0
    assert "12,672 rows checked: valid" in capsys.readouterr().out
    assert rows_of(tmp_path / "mmm") == dict.fromkeys(["ja_scpos_adj_n", "ja_scpos_adj", "ja_scpos_n"], 4_224)
    card = (tmp_path / "mmm" / "README.md").read_text()
    assert (
        "# Japanese Realistic Textual Entailment Corpus" in card and "CC-BY-NC-SA-4.0" in card and "neutral_row" in card
    )


@pytest.mark.slow
def test_xsid_complete_in_three_languages(real_data, tmp_path, capsys):
    registry = ("--registry", "xsid")
    read(tmp_path / "xsid", "conll", "--from", real_data / "xsid-0.7", "--task", "xsid", "--source", "xsid", *registry)
    assert main(["export", str(tmp_path / "xsid" / "records.jsonl"), "--out", str(tmp_path / "mmm"), *registry]) == 0
    assert main(["validate", str(tmp_path / "mmm"), *registry]) == 0
    assert "2,000 rows checked: valid" in capsys.readouterr().out
    assert rows_of(tmp_path / "mmm") == {"ja_xsid": 400, "en_xsid": 800, "zh_xsid": 800}
    leakage = json.loads((tmp_path / "mmm" / "leakage.json").read_text())
    assert leakage["source_item"]["test_rows"] == leakage["near"]["test_rows"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, path, config, rows",
    [
        ("scnm", "stockmark-ner/ner.json", "ja_scnm", 5_343),
        ("tcree", "livedoor", "ja_tcree", 8_368),
        ("tconer", "universalner-crossner", "en_tconer", 846),
        ("tconer", "pile-ner-slimer/validation.jsonl", "en_tconer", 880),
    ],
)
def test_unlabelled_sources_become_worklists(real_data, tmp_path, capsys, name, path, config, rows):
    manifest = read(tmp_path / "out", name, "--from", real_data / path)
    assert manifest["counts"]["records"] == 0 and manifest["counts"]["worklist"] == rows
    assert manifest["steps"]["kept"] == {config: rows}
    assert main(["export", str(tmp_path / "out" / "worklist.jsonl"), "--out", str(tmp_path / "mmm")]) == 2
    assert f"nothing to release: dropped {rows} x not_annotated" in capsys.readouterr().err
