"""Terms: all that the registry names are known, what is not known keeps the gate closed, conflicts are found."""

import pytest

from cards.errors import CardError
from cards.terms import gated, read_terms, source_behind, sources_of, terms_of_license
from mmm_dataset import load


def test_every_term_of_the_registry_is_known():
    known = read_terms().terms
    for source in load("xsid").sources.values():
        assert set(source.terms) <= set(known), source.name


def test_what_keeps_a_release_back():
    assert gated(["attribution", "no-derivatives", "share-alike", "withdrawn"]) == ["no-derivatives", "withdrawn"]
    assert gated(["no-derivates"]) == ["no-derivates"]  # a slip of the pen opens nothing
    assert gated([]) == []


def test_rows_of_mmm_stand_on_what_mmm_was_made_from():
    registry = load()
    theirs = {"sources": ["mmm"], "origins": ["published"]}
    assert sources_of("en_tcree", theirs, registry) == {"mmm", "livedoor", "tcree"}
    assert sources_of("en_tcree", {"sources": ["demo"], "origins": ["demo"]}, registry) == {"demo"}


def test_the_terms_of_other_peoples_data_are_those_of_its_license():
    assert terms_of_license("CC-BY-NC-SA-4.0") == ["attribution", "non-commercial", "share-alike"]
    assert gated(terms_of_license("cc-by-nd-2.1-jp")) == ["no-derivatives"]
    assert terms_of_license("unstated") == ["unstated"]
    assert not gated(terms_of_license("MIT")) and not gated(terms_of_license("CC0-1.0"))
    facts = {"sources": ["corpus", "xsid"], "licences": ["CC-BY-SA-4.0", "LDC agreement"], "origins": ["own"]}
    found = source_behind("corpus", facts, load("xsid"))
    assert found.licence == "LDC agreement" and gated(found.terms)
    assert source_behind("xsid", facts, load("xsid")) is load("xsid").source("xsid")
    assert not gated(source_behind("own", {"sources": ["own"], "licences": ["village archive"]}, load()).terms)


def conflicts(*names):
    sources = [load().source(name) for name in names]
    return [who for who, question in read_terms().questions(sources) if "Both cannot hold" in question]


def test_share_alike_beside_non_commercial_is_an_open_question():
    found = conflicts("mmm", "stockmark-ner")
    assert len(found) == 1 and "stockmark" in found[0] and "MMM" in found[0]
    assert not conflicts("jrte-pn") and not conflicts("mmm", "jrte-pn")  # one licence that is both


@pytest.mark.parametrize(
    "text", ["[a]\ngate = true\n", '[a]\ngate = 1\nsays = "x"\n', "[a\n", '[a]\ngate = true\nsays = "x"\nmore = 1\n']
)
def test_a_wrong_table_is_named(tmp_path, text):
    path = tmp_path / "terms.toml"
    path.write_text(text)
    with pytest.raises(CardError, match=r"terms\.toml"):
        read_terms(path)
