"""Every format: what a writer put in comes out, in any unit, with nested spans, CRLF and characters of every width."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.core import KitError
from build.readers import foreign
from build.readers.offsets import UNITS, Marked, Scale, find_scale
from mmm_dataset import Record, load
from mmm_f1.locate import locate
from tests.build.readers.collect_rows import Rows, collect
from tests.build.readers.foreign_writers import FLAT, LISTED, ROWS, WITH_TEXT, WORDS, Doc, write

REGISTRY = load("ner-only")
PIECES = (
    "Mia",
    "😀",
    "👩‍👩‍👧",
    "é",
    "e\u0301",
    "東京",
    "\r\n",
    "\n",
    " ",
    "a",
    "a",
    "\u3000",
    "&amp;",
    "\u2028",
    '"',
    "שלום",
)
ANCHOR = Doc("😀é東 Oslo", [("LOC", 4, 8)])
"""Tells the three units apart."""


def read(path: Path, name: str = "", **options: str) -> Rows:
    named = {"task": "ner-only", "language": "en", "source": "own", "license": "CC0-1.0"} | options
    return collect(foreign.read(path, REGISTRY, **({"format": ROWS[name][0]} if name in ROWS else {}), **named))


@st.composite
def docs(draw: st.DrawFn, name: str) -> list[Doc]:
    """Documents with spans that the format can hold, the anchor among them; texts differ, for some formats join by text."""
    found = [ANCHOR]
    for number in range(draw(st.integers(1, 3))):
        pieces = [f"{number}.", *draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))]
        ends = list(itertools.accumulate(map(len, pieces)))
        text = "".join(pieces)
        spans = [(a, b) for a, b in itertools.combinations([0, *ends], 2) if text[a:b].strip() == text[a:b]]
        chosen = draw(
            st.lists(st.tuples(st.sampled_from(["PER", "LOC", "X y"]), st.sampled_from(spans)), max_size=4, unique=True)
        )
        items = [(label, a, b) for label, (a, b) in chosen]
        if name in FLAT:
            items = [s for n, s in enumerate(items) if all(s[2] <= o[1] or o[2] <= s[1] for o in items[:n])]
            items.sort(key=lambda item: item[1])
        found.append(Doc(text, items))
    return found


def expected(doc: Doc, name: str) -> list[tuple[str, int, int]]:
    spans = doc.spans
    if name in (*LISTED, "uie"):  # one question per type
        spans = sorted(spans, key=lambda span: list(dict.fromkeys(x for x, *_ in doc.spans)).index(span[0]))
    if name in LISTED:
        pairs = [(label, doc.text[a:b]) for label, a, b in spans]
        spans = [(x, *place) for (x, _), place in zip(pairs, locate(doc.text, pairs), strict=True) if place]
    return spans


def spans_of(record: Record) -> list[tuple[str, int | None, int | None]]:
    return [(item.label, item.spans[0].start, item.spans[0].end) for item in record.items or ()]


@pytest.mark.parametrize("name", [*ROWS, "brat"])
@settings(max_examples=40)
@given(data=st.data())
def test_what_goes_in_comes_out(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    given_docs = data.draw(docs(name))
    path = write(tmp_path_factory.mktemp("f"), name, given_docs)
    records = {record.text: record for record in read(path, name).records}
    for doc in given_docs:
        assert spans_of(records[doc.text]) == expected(doc, name)


@pytest.mark.parametrize("name", [n for n in (*ROWS, "brat") if n not in (*LISTED, *WORDS)])
@settings(max_examples=40)
@given(data=st.data(), unit=st.sampled_from(UNITS[1:]))
def test_other_units_are_put_right_or_refused(
    name: str, data: st.DataObject, unit: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    given_docs = data.draw(docs(name))
    path = write(tmp_path_factory.mktemp("f"), name, given_docs, unit)
    forced = {record.text: record for record in read(path, name, offsets=unit).records}
    for doc in given_docs:
        assert spans_of(forced[doc.text]) == expected(doc, name)
    try:
        told = read(path, name)
    except KitError as error:
        assert "--offsets" in str(error)
        return
    assert "offsets_converted" in told.noted or name not in WITH_TEXT
    if "offsets_converted" in told.noted:
        assert {record.text: record for record in told.records} == forced


def test_crlf_may_count_as_one() -> None:
    text = "a\r\n😀b\r\nMia"
    place = text.index("Mia")
    for unit, start in (("codepoints", place - 2), ("utf16", place - 1)):
        scale = find_scale([Marked(text, start, start + 3, "Mia")], "x")
        assert scale == Scale(unit, short_crlf=True)
        assert scale.place(Marked(text, start, start + 3)) == (place, place + 3)


@pytest.mark.parametrize(
    ("text", "places", "short"),
    [
        ("Mia\r\nAnn\r\nBob ran", [(4, 7), (8, 11)], True),  # an edge in CRLF
        ("Mia\r\nAnn\r\nBob ran", [(0, 3), (3, 7)], False),  # in neither way a sound span: as it stands
        ("Mia\r\nAnn\r\nBob ran", [(5, 8), (10, 13)], False),
        ("Mia\r\nAnn\r\nBob ran", [(5, 11)], False),  # across a line break
        ("a\r\nb\r\nMia ran", [(4, 7)], True),  # begins with CRLF
    ],
)
def test_crlf_without_the_text_of_spans(text: str, places: list[tuple[int, int]], short: bool) -> None:
    assert find_scale([Marked(text, *place) for place in places], "x") == Scale(short_crlf=short)


def test_no_unit_is_guessed() -> None:
    odd = [Marked("😀 Mia", 2, 5, "Mia"), Marked("😀 Ono", 3, 6, "Ono")]
    with pytest.raises(KitError, match="1 spans fit in code points only, 1 in UTF-16 units only"):
        find_scale(odd, "x")
    assert find_scale(odd, "x", "utf16") == Scale("utf16")
    assert find_scale([Marked("😀 Mia", 3, 6)], "x") == Scale("utf16"), "ends behind the text in code points"
    assert find_scale([Marked("😀 Mia ran", 3, 6)], "x") == Scale(), "possible in both: code points"
    with pytest.raises(KitError, match="--offsets"):
        find_scale([Marked("é😀 Mia", 6, 7)], "x")
    with pytest.raises(KitError, match="must be one of"):
        find_scale([], "x", "chars")
