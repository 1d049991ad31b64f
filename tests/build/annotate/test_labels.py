"""Open labels made alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.annotate.labels import Merges, Spellings, fold, write_table
from build.core import KitError
from tests.strategies import hostile

SCOPE = ("en_tconer", "text")
WORDS = (
    "Sport",
    "sports",
    "SPORTS ",
    "e-mail",
    "Email",
    "Ｓｐｏｒｔｓ",
    "movie",
    "Movies",
    "Law",
    "法律",
    "法律。",
    "…",
    "C",
    "C++",
)
spelled = st.one_of(st.sampled_from(WORDS), hostile)


@pytest.mark.parametrize(
    "first, second",
    [
        ("Sports", "sport"),
        ("Machine-Learning", "machine learning"),
        ("e-mail", "Email"),
        ("Ｓｐｏｒｔｓ", "Sports"),
        ("R&D", "r and d"),
        ("Categories", "category"),
        ("movies", "Movie"),
        ("boxes", "box"),
        ("caches", "cache"),
        ("Law.", "Law"),
        ("スポーツ・芸能", "スポーツ芸能"),
        ("ｽﾎﾟｰﾂ", "スポーツ"),
        ("法律 学", "法律学"),
    ],
)
def test_near_identical(first, second):
    assert fold(first) == fold(second)


@pytest.mark.parametrize(
    "first, second",
    [
        ("C", "C++"),
        ("C", "C#"),
        ("News", "Ne"),
        ("Physics", "Chemistry"),
        ("Version 1.5", "Version 15"),
        ("!", "?"),
        ("法", "法律"),
    ],
)
def test_not_near_identical(first, second):
    assert fold(first) != fold(second)


def counted(uses, merges=None):
    spellings = Spellings(merges or Merges())
    for label in uses:
        spellings.add(SCOPE, label)
    spellings.settle()
    return spellings


@given(st.lists(spelled, max_size=12), spelled)
def test_the_spelling_is_idempotent_and_does_not_depend_on_the_order(uses, other):
    spellings, again = counted(uses), counted(sorted(uses))
    for label in (*uses, other):
        written = spellings(SCOPE, label)
        assert spellings(SCOPE, written) == written == again(SCOPE, label)
        assert fold(written) == fold(label)
        assert written in (*uses, other)


def test_the_most_frequent_spelling_wins_and_ties_go_by_the_alphabet():
    assert counted(["sports", "Sports", "Sports"])(SCOPE, "sports") == "Sports"
    assert counted(["sports", "Sports"])(SCOPE, "sports") == "Sports"
    assert counted(["sports"])(("ja_tconer", "text"), "Sport") == "Sport"  # another config


def table(tmp_path, text):
    path = tmp_path / "merges.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_has_the_last_word(tmp_path):
    merges = Merges(table(tmp_path, "label,into\nfootball,Sport\nSoccer,football\nLaw,\n"))
    spellings = counted(["Football", "soccer", "Sports", "Sports", "law"], merges)
    assert {spellings(SCOPE, label) for label in ("Football", "soccer", "Sports")} == {"Sport"}
    assert spellings(SCOPE, "law") == "law"
    assert merges.key(SCOPE, "soccer") == merges.key(SCOPE, "sports")


def test_a_row_of_a_table_may_be_for_one_config_and_level(tmp_path):
    merges = Merges(table(tmp_path, "config,level,label,into\nen_tconer,text,soccer,Sport\n,word,soccer,game\n"))
    assert merges.preferred(SCOPE, "soccer") == "Sport"
    assert merges.preferred(("ja_tconer", "text"), "soccer") is None
    assert merges.preferred(("ja_tconer", "word"), "soccer") == "game"


def test_the_table_of_a_run_can_be_given_back(tmp_path):
    uses = ["sports", "Sports", "Sports", "law", "Email", "e-mail"]
    first = counted(uses)
    write_table(first, tmp_path / "labels.csv")
    again = counted(uses, Merges(tmp_path / "labels.csv"))
    assert [again(SCOPE, label) for label in uses] == [first(SCOPE, label) for label in uses]
    assert "en_tconer,text,sports,1,Sports\n" in (tmp_path / "labels.csv").read_text()
    assert first.merged() == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("name,to\na,b\n", "name the columns label and into; found: name, to"),
        ("label,into\na,b\nb,c\nc,a\n", "round in a circle"),
        ("label,into\na,x\nA,y\n", "keep one"),
        ("label,into\nfoo,Sports\nbar,sport\n", "keep one spelling"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path, text, message):
    with pytest.raises(KitError, match=message) as caught:
        Merges(table(tmp_path, text))
    assert "merges.csv" in str(caught.value) and "\n" not in str(caught.value)
