"""--max-cost: never more than allowed, a clean stop, and the same command with more money goes on."""

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.session import Session
from tests.double.server import Answer, Double, Faults
from tests.oiellm.llm.talk import chain, run, settings, single

WHOLE = 0.002
"""Above what 60 chains cost in all."""


@pytest.fixture
def whole(tmp_path):
    """Results and cost without a limit."""
    with Double() as double:
        found, session = run(settings(double.url, tmp_path / "whole"), 60, chain)
        return found, session.usage(), double.dollars


def test_a_budget_is_never_exceeded_and_more_money_goes_on(tmp_path, whole):
    found, usage, cost = whole
    with Double(latency=0.01) as double:
        before = -1.0
        for share in (0.2, 0.2, 0.5, 0.9, 1.2):
            asked = settings(double.url, tmp_path / "cache", max_cost=cost * share)
            rows, session = run(asked, 60, chain)
            assert double.dollars <= cost * share and set(double.requests.values()) == {1}
            assert [job for job, _ in rows] == list(range(60))
            given_up = sum(texts is None for _, texts in rows)
            assert all(texts is None or texts == found[job][1] for job, texts in rows)
            assert session.unfinished == given_up and (given_up > 0) == (share < 1)
            assert ("a higher --max-cost goes on" in session.summary()) == (share < 1)
            # Repeating the command spends nothing more, as what the cache holds counts.
            assert double.dollars > before or share == 0.2
            before = double.dollars
        assert rows == found and session.usage() == usage


def test_what_the_cache_holds_of_later_rows_counts_before_anything_is_paid(tmp_path):
    with Double(latency=0.01) as double:
        asked = settings(double.url, tmp_path, concurrency=4)
        with Session(asked) as session:
            list(session.run(lambda: range(35, 70), single))
        asked = settings(double.url, tmp_path, concurrency=4, max_cost=2 * double.dollars * 0.75)
        rows, session = run(asked, 70)
        assert session.ledger.spent <= session.ledger.limit
        assert all(text is not None for _, text in rows[35:]) and 0 < session.unfinished < 35


def test_money_is_used_up_to_the_last_call_that_fits(tmp_path, whole):
    _, _, cost = whole
    with Double(latency=0.01) as double:
        run(settings(double.url, tmp_path / "cache", max_cost=cost / 2), 60, chain)
        # What is set aside for a call is far more than it costs; it is freed again.
        assert double.dollars > cost / 2 - 0.0002


def test_a_budget_holds_while_replies_are_lost(tmp_path, whole):
    _, _, cost = whole

    with Double(faults=Faults(cut=0.3), remembers=False) as double:
        _, session = run(settings(double.url, tmp_path / "cache", max_cost=cost), 60, chain)
        assert 0 < double.dollars <= cost and max(double.billed.values()) > 1 and session.ledger.doubtful
        assert "lost on their way" in session.summary()


def test_nothing_is_asked_without_money(tmp_path):
    with Double() as double:
        rows, session = run(settings(double.url, tmp_path, max_cost=0.0), 5)
        assert rows == [(number, None) for number in range(5)] and not double.requests
    assert session.unfinished == 5


def test_free_models_need_no_money(tmp_path):
    with Double() as double:
        rows, _ = run(settings(double.url, tmp_path, max_cost=0.0, price=(("m", 0.0, 0.0),)), 5)
    assert all(text for _, text in rows)


def test_a_budget_needs_a_price(tmp_path):
    asked = settings("http://127.0.0.1:9/v1", tmp_path, max_cost=1.0, price=())
    with pytest.raises(OiellmError, match=r"prices\.toml: no price for the model 'm'.*--price IN,OUT"):
        Session(asked)


def test_without_a_budget_no_price_is_needed(tmp_path):
    with Double() as double:
        _, session = run(settings(double.url, tmp_path, price=()), 2, single)
    assert session.usage()[0]["dollars"] is None and session.usage()[0]["calls"] == 2


def test_an_answer_that_is_none_may_have_been_paid(tmp_path):
    def answer(messages, model, attempt):
        return "ok" if attempt else Answer(None)

    class Broken(Double):
        """The first answer to each request lacks what matters."""

        def _completion(self, body, answer):
            return b'{"choices": []}' if answer == Answer(None) else super()._completion(body, answer)

    with Broken(answer, remembers=False) as double:
        _, session = run(settings(double.url, tmp_path, max_cost=1.0), 3)
    assert session.ledger.doubtful > 0 and session.ledger.calls == 3
