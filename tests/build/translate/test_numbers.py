"""Numbers are the same however a language writes them, and a changed one is seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.translate.numbers import missing_number


@pytest.mark.parametrize(
    "source, target",
    [
        ("9月1日に発生した。", "It struck on September 1."),
        ("8月7日、4月", "August 7; earlier, in April"),
        ("2枚目のアルバム", "the second album"),
        ("深さ1,500メートル", "深度为1500米"),
        ("約3万点", "about 30,000 pieces"),
        ("500万円", "5 million yen"),
        ("12億円", "1.2 billion yen"),
        ("約8割が水没した。", "About 80 percent was under water."),
        ("5月20日に3年", "五月二十日、懲役三年"),
        ("2026年", "二〇二六年"),
        ("5人組", "a five-piece band"),
        ("35歳", "thirty-five years old"),
        ("15時に", "at 3 p.m."),
        ("7 時 3 0 分", "at half past seven"),
        ("2人組", "両方の二人、a duo"),
        ("The 3rd of May, 2,000 people", "5月3日、2000人"),
        ("２０２６年", "in 2026"),
        ("no digits", "none"),
    ],
)
def test_the_same_number_in_other_words(source, target):
    assert missing_number(source, target) is None


@pytest.mark.parametrize(
    "source, target, number",
    [
        ("部屋は301号室です。", "The room is large.", "301"),
        ("9月1日", "September 2", "1"),
        ("500万円", "500 yen", "5000000"),
        ("1998年", "in 1988", "1998"),
        ("価格は6800円", "priced at 680 yen", "6800"),
        ("2人", "three people", "2"),
        ("15人が来た。", "3 people came.", "15"),  # twelve more only where the time is told
    ],
)
def test_another_number_is_named(source, target, number):
    assert missing_number(source, target) == number


@given(
    st.text("0123456789,.一二十百千万億 年月 millionthree-:割", max_size=40), st.text("0123456789一十万 ", max_size=20)
)
def test_whatever_stands_there_is_read(source, target):
    missing_number(source, target)
    assert missing_number(source, source) is None
