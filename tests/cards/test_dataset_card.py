"""The card of a data set: what it says is what was recorded, and it stays a page whatever is in the data."""

import copy
import json
import re
import shutil

import pytest
import yaml

from build.export import build_release
from build.release.card import merge_card
from cards.contents import example_rows
from cards.dataset_card import render_card
from cards.errors import CardError
from cards.markdown import BEGIN, END, OWN_WORDS, code
from cards.publisher import Publisher
from cards.recorded import read_manifest
from cards.reviews import section
from mmm_dataset import Item, load
from mmm_dataset.files import pretty
from mmm_dataset.manifest import ManifestError
from tests.cards.rendered import Page, broken, front_and_body
from tests.records import make_record


def card(folder, **changes):
    rows = (
        make_record(f"東京 {n} {n * 7919}", [Item.pair("地名", "東京", 0, 2)], id=f"r{n}", source_id=f"s{n}", **changes)
        for n in range(30)
    )
    build_release(rows, folder / "mine", load())
    text = (folder / "mine" / "README.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("---\n")[1]), text


@pytest.mark.parametrize(
    "origin, title",
    [
        ("demo", "MMM release kit: demonstration data"),
        ("own", "Rows written for this kit"),
        ("rebuilt", "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"),
    ],
)
def test_only_mmm_is_called_mmm(tmp_path, origin, title):
    front, text = card(tmp_path, origin=origin)
    assert front["pretty_name"] == title and f"# {title}\n" in text
    assert 'load_dataset("mine", "ja_scnm")' in text


def review(**changes):
    rate = {"share": 0.115, "low": 0.078, "high": 0.167, "corrected": 23, "rows": 200}
    agreement = {"rows": 0, "reviewers": 0, "share": None, "cohen_kappa": None, "krippendorff_alpha": None}
    values = {"rows": 5343, "reviewers": 2, "decided": 205, "conflicts": 0, "correction_rate": rate}
    return {**values, "correction_rate_of_sample": None, "agreement": agreement, **changes}


def test_what_a_review_found_is_said_with_its_interval_and_agreement():
    said = section({"reviewed": {"review": review()}, "read": {}})
    assert "`reviewed`: 205 of 5,343 rows were decided by 2 people. 11.5% (95 % interval 7.8% to 16.7%)" in said
    assert "not the rate of all rows" in said and "all said the same" not in said
    drawn = {"share": 0.02, "low": 0.01, "high": 0.05, "corrected": 2, "rows": 100}
    agreement = {"rows": 40, "reviewers": 2, "share": 0.9, "cohen_kappa": 0.7, "krippendorff_alpha": None}
    drawn = {**drawn, "undecided": 0}
    said = section({"a": {"review": review(correction_rate_of_sample=drawn, agreement=agreement, conflicts=4)}})
    assert "Of 100 rows drawn at random, which speak for all rows, it is 2.0% (95 % interval 1.0% to 5.0%)." in said
    assert "On 40 rows decided by several, all said the same in 90.0% (Cohen's kappa 0.70) before anyone saw" in said
    assert "4 rows on which they differed were left out." in said and "not the rate" not in said
    said = section({"a": {"review": review(correction_rate_of_sample={**drawn, "undecided": 3})}})
    assert "Of 100 rows drawn at random and 3 that are undecided, which the interval allows for, which" in said


def test_a_card_says_nothing_of_reviews_that_were_not():
    assert section({"read": {}, "reviewed": {"review": review(decided=0)}}) == ""


PUBLISHER = Publisher(
    repository="org/mmm",
    version="1.2.0",
    authors=("A. Person", "B *Other*"),
    contact="a@example.org",
    citation="@misc{mine}",
    left_out={"ja_tcree": "livedoor news corpus: no-derivatives"},
    changes="### 1.2.0\n\n- more rows\n",
)


@pytest.mark.parametrize("publisher", [Publisher(), PUBLISHER], ids=["local", "released"])
@pytest.mark.parametrize("tree", ["demo", "published", "own"])
def test_every_card_is_a_whole_page(tree, publisher, request):
    folder, registry = request.getfixturevalue(tree)
    text = render_card(folder, registry, publisher)
    assert not broken(text, folder)
    page = Page(front_and_body(text)[1])
    assert "script" not in page.tags and len(page.anchors) >= 12
    shown = {source for source, _ in page.images}
    assert shown == {f"plots/{path.name}" for path in folder.glob("plots/*.png")}
    assert text == render_card(folder, registry, publisher)
    assert "\n\n\n" not in text


def test_texts_of_others_cannot_become_headings_or_fences(own):
    page = Page(front_and_body(render_card(*own))[1])
    assert "no-heading" not in page.anchors and page.anchors[-1] == "citation-and-credit"


def test_a_tree_on_a_disk_says_nothing_of_a_publisher(demo):
    text = render_card(*demo)
    for said in ("affiliated", "Published by", "Version", "revision=", "## What is left out", "## Changelog"):
        assert said not in text, said
    assert 'load_dataset("mmm", "en_scpos_adj")  # from the folder that holds mmm/' in text


def test_what_the_publisher_says_is_there(demo):
    text = render_card(*demo, PUBLISHER)
    for said in (
        'load_dataset("org/mmm", "en_scpos_adj", revision="v1.2.0")\n',
        "Version 1.2.0. Published by A. Person, B \\*Other\\*. Contact: <a@example.org>.",
        "Not affiliated with the authors of MMM.",
        "- `ja_tcree`: livedoor news corpus: no-derivatives",
        "@misc{mine}\n\n@article{gan2024mmm,",
        "## Changelog\n\n### 1.2.0",
    ):
        assert said in text, said
    assert "affiliated" not in render_card(*demo, Publisher(repository="org/mmm", affiliated=True))
    assert "# My title\n" in render_card(*demo, Publisher(title="My title"))


def test_people_have_one_place_for_their_words_and_keep_them(demo):
    before, after = render_card(*demo, Publisher(version="1.0.0")), render_card(*demo, Publisher(version="1.1.0"))
    assert before.count(OWN_WORDS) == 1
    theirs = before.replace(OWN_WORDS, f"{BEGIN}\n## Ours\n\nRead *this*.\n{END}")
    merged = merge_card(after, before, theirs, "README.md")
    assert "Read *this*." in merged and "Version 1.1.0." in merged


def test_figures_are_those_of_the_manifest_and_of_the_paper(demo):
    folder, registry = demo
    text, manifest = render_card(folder, registry), read_manifest(folder)
    for name, config in manifest["configs"].items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |") and "`demo`" in line]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        facts = registry.config(name)
        sizes = [config["files"]["train"]["rows"], config["files"]["test"]["rows"], facts.train, facts.test]
        assert cells[2:7] == [f"{size:,}" for size in [*sizes, config["items"]]]
    assert "| `zh_scpos_n` | 39.2 % | 3,920 of 10,000 |" in text and "No row here was translated by this kit." in text
    assert "The paper prints `ja_tcree` with 1,000 train and 1,000 test rows; there are probably 993 test rows" in text


def test_examples_are_rows_of_the_tree(demo):
    rows = example_rows(demo[0], read_manifest(demo[0])["configs"])
    text = render_card(*demo)
    assert len(rows) == 21 and all(row["entities"] or row["tuples"] for row in rows.values())
    shown = json.loads(text.split("```json\n")[1].split("```")[0])
    assert shown == rows["en_scpos_adj"]
    for name, row in rows.items():
        assert f"| `{name}` | {code(row['input'])} | {code(row['output'])} |" in text


def test_models_and_yields_are_named(own):
    text = render_card(*own)
    for said in (
        "- ko\\_mine-en: translated by `some-model`, method `tags`, prompts `0123`",
        "- labels: annotated by `other/model`, 1 prompts (`manifest.json`)",
        "| `en_mine` | 83.3 % | 86.7 % |",
        "- No row was checked by a person.",
        "- Translations are a model's.",
    ):
        assert said in text, said
    assert "paper: train" not in text and "paper: rows" not in text  # the paper knows nothing of these configs


def test_what_leaks_is_told_by_config_with_an_example(published):
    text = render_card(*published)
    leaks = json.loads((published[0] / "leakage.json").read_text())
    near, example = leaks["near"]["by_config"], leaks["near"]["examples"][0]
    assert f"| `ja_tcree` | 0 | {near['ja_tcree']} | 0 | 4 |" in text
    assert f"test row `{example['test']}` and train row `{example['train']}`" in text
    assert "in train; see [the split](#how-the-split-was-made-and-what-leaks)" in text


def paths(table, passed=()):
    """Every path of a manifest."""
    for name, value in table.items():
        yield (*passed, name)
        if isinstance(value, dict):
            yield from paths(value, (*passed, name))


@pytest.mark.parametrize("tree", ["demo", "own"])
def test_a_missing_entry_stops_the_card_with_its_name(tree, request, tmp_path):
    """Whatever is taken out of a manifest: a card that does not need it, or one line that names it; never a traceback."""
    folder, registry = request.getfixturevalue(tree)
    shutil.copytree(folder, tmp_path / "tree")
    whole = read_manifest(folder)
    first = next(iter(whole["configs"]))
    whole["configs"] = {first: whole["configs"][first]}
    stopped = set()
    for path in list(paths(whole)):
        manifest = copy.deepcopy(whole)
        table = manifest
        for name in path[:-1]:
            table = table[name]
        del table[path[-1]]
        (tmp_path / "tree/manifest.json").write_text(pretty(manifest))
        try:
            render_card(tmp_path / "tree", registry)
        except ManifestError as error:
            assert re.search(rf"manifest\.json.*({re.escape('.'.join(path))}|at least 1 item)", str(error)), path
            stopped.add(path[-1])
    assert stopped >= {"name", "versions", "inputs", "split", "origins", "rows", "path", "in", "kept", "test_rows"}
    assert tree == "demo" or stopped >= {"kept_whole", "items_kept", "rungs", "reasons"}


@pytest.mark.parametrize("name", ["manifest.json", "leakage.json"])
@pytest.mark.parametrize("text", [None, "{"])
def test_a_missing_file_stops_the_card_with_its_name(demo, tmp_path, name, text):
    tree = tmp_path / "mmm"
    shutil.copytree(demo[0], tree)
    (tree / name).unlink() if text is None else (tree / name).write_text(text)
    with pytest.raises((CardError, ManifestError), match=name):
        render_card(tree, demo[1])
