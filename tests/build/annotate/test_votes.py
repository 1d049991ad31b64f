"""What votes come to."""

import pytest

from build.annotate.votes import Vote, consensus, majority
from mmm_dataset import Item


def labels(*answers, least=0.5, key=str):
    votes = [Vote(None, failure=a[1:]) if a.startswith("!") else Vote(a) for a in answers]
    return majority(votes, least, key)


def lists(*answers, least=0.0, key=str):
    votes = [Vote(failure=a[1:]) if isinstance(a, str) else Vote(tuple(a)) for a in answers]
    return consensus(votes, least, key)


A, B, C = (Item.pair("x", "abc"[at], at, at + 1) for at in range(3))


@pytest.mark.parametrize(
    "answers, label, reason, agreement",
    [
        ("A", "A", None, 1.0),
        ("A A B", "A", None, 0.6667),
        ("A B", None, "no_majority", 0.5),
        ("A A B B C", None, "no_majority", 0.4),
        ("A B C D D", None, "no_majority", 0.4),  # the most votes, but below the least share
        ("A A !abstained", "A", None, 0.6667),
        ("A !abstained !abstained", None, "abstained", 0.3333),
        ("A !malformed_reply !malformed_reply", None, "malformed_reply", 0.3333),
        ("!abstained !filter !filter", None, "filter", 0.0),
        ("!refused", None, "refused", 0.0),
    ],
)
def test_the_majority_decides(answers, label, reason, agreement):
    decision = labels(*answers.split())
    assert (decision.answer, decision.reason, decision.agreement) == (label, reason, agreement)


def test_the_least_agreement_is_a_choice():
    assert labels("A", "A", "B", least=0.7).reason == "no_majority"
    assert labels("A", "B", "C", "D", "D", least=0.4).answer == "D"


def test_near_identical_labels_are_one_vote_and_the_common_spelling_stands():
    decision = labels("sports", "Sports", "Sports", "Law", key=str.lower)
    assert (decision.answer, decision.agreement) == ("Sports", 0.75)
    assert labels("sports", "Sports", key=str.lower).answer == "Sports"  # a tie: by alphabet


def test_confidence_is_agreement_times_what_is_stated():
    votes = [Vote("A", 0.9), Vote("A", 0.7), Vote("B", 0.5), Vote(failure="filter")]
    decision = majority(votes, 0.5, str)
    assert decision.confidence == pytest.approx(0.5 * 0.7)
    assert labels("A", "A").confidence == 1.0


def test_an_item_of_more_than_half_the_votes_is_kept_in_the_order_of_the_text():
    decision = lists([C, A], [B, A], [A, C])
    assert decision.answer == (A, C) and decision.shares == (3, 2)
    assert lists([A], [B], []).answer == ()


def test_items_that_exclude_each_other_are_never_both_kept_and_a_tie_is_noted():
    one, other = Item.pair("x", "a", 0, 1), Item.pair("y", "a", 0, 1)
    decision = lists([one, B], [other, B])
    assert decision.answer == (B,) and decision.shares == (2,)
    assert decision.notes == [("item_tie", "x: a: 1 of 2"), ("item_tie", "y: a: 1 of 2")]
    assert lists([one], [one], [other], [other]).answer == ()
    assert lists([one], [one], [one], [other]).answer == (one,)
    assert lists([one, other]).answer == (one, other)  # one vote that means both


def test_half_the_votes_without_an_answer_leave_the_row_open():
    assert lists([A], "!truncated").reason == "truncated"


def test_agreement_of_lists_is_the_mean_pairwise_f1():
    assert lists([A, B], [A], [A, B]).agreement == pytest.approx((2 / 3 + 1 + 2 / 3) / 3, abs=1e-4)
    assert lists([], []).agreement == 1.0
    assert lists([A]).agreement == 1.0
    assert lists([A], [B], least=0.5).reason == "no_majority"


def test_a_vote_without_a_list_agrees_with_none():
    decision = lists([A], [A], "!truncated")
    assert decision.answer == (A,) and decision.agreement == pytest.approx(1 / 3, abs=1e-4)
    assert lists([A], "!truncated", "!truncated").reason == "truncated"
    assert lists("!abstained").reason == "abstained"
    assert lists([], []).answer == () and lists([], []).reason is None


def test_the_same_span_under_near_identical_labels_is_one_item():
    x, y = Item.pair("Person", "a", 0, 1), Item.pair("person", "a", 0, 1)
    assert lists([x], [y], [y], key=str.lower).answer == (y,)
