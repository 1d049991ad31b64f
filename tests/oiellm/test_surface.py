"""Copies of a piece of a text, found again in the text's own spelling."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oiellm.predict.surface import find_surface


@pytest.mark.parametrize(
    ("text", "copy", "found"),
    [
        ("ＮＨＫは放送した", "NHK", "ＮＨＫ"),
        ("ﾍﾞﾄﾅﾑへ行く", "ベトナム", "ﾍﾞﾄﾅﾑ"),
        ("le cafe\u0301 noir", "café", "cafe\u0301"),
        (unicodedata.normalize("NFD", "ガラス戸"), "ガラス", unicodedata.normalize("NFD", "ガラス")),
        ("the “Big” one", '"Big"', "“Big”"),
        ("O’Neill left", "O'Neill", "O’Neill"),
        ("㈱青木", "(株)青木", "㈱青木"),
        ("㈱青木", "株", None),
        ("Mia left", "mia", None),
        ("Mia left", "", None),
        ("Mia left", " ", " "),
    ],
)
def test_width_composition_and_quotation_marks_do_not_matter(text, copy, found):
    assert find_surface(text, copy) == found


@given(st.text(max_size=20), st.text(min_size=1, max_size=5), st.text(max_size=20))
def test_a_piece_of_the_text_is_itself_and_what_is_found_is_of_the_text(before, piece, after):
    text = before + piece + after
    assert find_surface(text, piece) == piece
    found = find_surface(text, unicodedata.normalize("NFKC", piece))
    assert found is None or found in text
