"""Numbered tags around spans, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.markup import MarkupError, tag, untag


@st.composite
def tagged(draw):
    text = draw(st.lists(st.sampled_from([*"<>&ab;", "<1>", "</1>", "&lt;", "東京", "👩‍🚀"]), max_size=8).map("".join))
    ends = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(ends, ends).filter(lambda s: s[0] < s[1]), max_size=5)) if text else []
    return text, dict(enumerate(spans, 1))


@given(tagged())
def test_untag_undoes_tag(case):
    assert untag(tag(*case)) == case


def test_nested_crossing_and_equal_spans():
    assert tag("東京大学", {1: (0, 2), 2: (0, 4), 3: (1, 3), 4: (0, 2)}) == "<2><1><4>東<3>京</4></1>大</3>学</2>"


@pytest.mark.parametrize("text", ["<1>a", "a</1>", "<1>a</1><1>b</1>", "a < b", "<1>a</1></1>"])
def test_broken_markup_is_refused(text):
    with pytest.raises(MarkupError):
        untag(text)
