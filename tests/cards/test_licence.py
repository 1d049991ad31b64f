"""The licence field is right for the mix, and LICENSE.md says which terms hold for which rows."""

import json

import pytest

from build.cli import main
from cards.hub import check
from cards.licence import licence_fields, licences_of, render_licence
from mmm_dataset import load
from tests.cards.rendered import broken


def config(licences, sources=("demo",), origins=("demo",)):
    return {"licences": list(licences), "sources": list(sources), "origins": list(origins)}


@pytest.mark.parametrize(
    "licences, wanted",
    [
        ([["CC-BY-4.0"], ["CC-BY-4.0"]], {"license": "cc-by-4.0"}),
        ([["Apache-2.0"]], {"license": "apache-2.0"}),
        ([["unstated"]], {"license": "unknown"}),
        ([["My own terms (2026)!"]], {"license": "other", "license_name": "my-own-terms-2026"}),
        ([["独自"]], {"license": "other", "license_name": "own-licence"}),
        ([["CC-BY-4.0"], ["CC0-1.0"]], {"license": "other", "license_name": "mixed"}),
        ([["CC-BY-4.0", "unstated"]], {"license": "other", "license_name": "mixed"}),
    ],
)
def test_the_field_is_right_for_the_mix(licences, wanted):
    names = ["ja_scnm", "en_scnm"]
    found = licence_fields({name: config(one) for name, one in zip(names, licences)}, load())
    link = {"license_link": "LICENSE.md"} if wanted["license"] == "other" else {}
    assert found == wanted | link
    check(found, "it")


def test_the_authors_label_alone_is_not_right_for_rows_made_from_others():
    theirs = config(["CC-BY-NC-4.0"], ["mmm"], ["published"])
    assert licences_of("ja_scnm", theirs, load()) == ["CC-BY-NC-4.0", "CC-BY-SA-3.0", "unstated"]
    assert licence_fields({"ja_scnm": theirs}, load())["license_name"] == "mixed"
    assert licence_fields({"en_tconer": theirs}, load()) == {"license": "cc-by-nc-4.0"}


def manifest(tree):
    return json.loads((tree / "manifest.json").read_text())


@pytest.mark.parametrize("tree", ["demo", "published", "own"])
def test_every_release_has_its_licence_and_nothing_in_it_is_broken(tree, request):
    folder, registry = request.getfixturevalue(tree)
    text = render_licence(manifest(folder), registry)
    assert (folder / "LICENSE.md").read_text() == text and not broken(text, folder)


def test_open_questions_are_said_aloud(published):
    text = render_licence(manifest(published[0]), load())
    for said in (
        "(`*_tcree`): Nothing made from the source may be published",
        "Whoever published the source has taken it back",
        "(`*_scnm`): One source asks that what is made from it stays under its own licence",
        "The texts come from many places",
        "https://creativecommons.org/licenses/by-nc/4.0/",
    ):
        assert said in text, said
    assert "## Open questions" not in render_licence({"configs": {"ja_scnm": config(["CC-BY-4.0"])}}, load())


def test_what_a_user_brings_is_told_as_it_is(own):
    text = render_licence(manifest(own[0]), own[1])
    assert "Support \\| tickets" in text and "`ask-first` is not one that this kit knows" in text
    assert "\\<else\\> (" in text and "(terms not stated)" not in text


def test_a_lexicon_that_a_step_took_is_among_the_sources(real_data, tmp_path):
    read = ["read", "scpos", "--from", str(real_data / "jrte-pn/pn.tsv"), "--out", str(tmp_path / "scpos")]
    assert main([*read, "--lexicon", str(real_data / "ja-polarity-tohoku")]) == 0
    assert main(["export", str(tmp_path / "scpos/records.jsonl"), "--out", str(tmp_path / "tree")]) == 0
    for name in ("README.md", "LICENSE.md"):
        text = (tmp_path / "tree" / name).read_text()
        assert "Japanese Sentiment Polarity Dictionary" in text and "Ask the source's authors before" in text, name
    assert "license: other" in (tmp_path / "tree/README.md").read_text()
