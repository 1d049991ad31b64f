"""--dry-run: nothing is sent; prices, tokens by script, and what the cache knows."""

from dataclasses import replace

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.calls import ask
from oiellm.llm.options import Settings
from oiellm.llm.plan import Later, added
from oiellm.llm.pricing import Prices, estimates, most_prompt_tokens, widths
from oiellm.llm.session import Session
from tests.double.server import Double
from tests.oiellm.llm.talk import call, chain, run, settings, single


def plan(asked, rows, start=single):
    with Session(asked) as session:
        return session.plan(lambda: range(rows), start)


def test_nothing_is_sent_and_the_cost_is_told(tmp_path):
    with Double() as double:
        found = plan(settings(double.url, tmp_path, price=(("m", 2.0, 8.0),)), 1000)
        assert not double.requests
    assert (found.rows, found.done, found.calls, found.later) == (1000, 0, {"m": 1000}, 150)
    assert found.prompt_tokens == pytest.approx(1150 * (2 * 6 + 3), rel=0.1)
    assert found.completion_tokens == 4_600
    assert found.dollars == pytest.approx((found.prompt_tokens * 2 + found.completion_tokens * 8) / 1e6)
    assert "nothing was sent" in str(found) and f"${found.dollars:.2f}" in str(found)


def test_the_cache_corrects_it(tmp_path):
    with Double() as double:
        run(settings(double.url, tmp_path), 100, chain)
        found = plan(settings(double.url, tmp_path), 300, chain)
        asked = sum(double.requests.values())
        assert found.measured == 300 and found.done == 100 and found.calls == {"m": 200}
        more = (200 + found.later) / 200
        assert found.prompt_tokens == pytest.approx(200 * 4 * more, rel=0.1)
        assert found.completion_tokens == pytest.approx(200 * 3 * more, rel=0.1)
        assert asked == sum(double.requests.values()) == 300
        assert found.spent == pytest.approx(double.dollars)


def test_equal_calls_are_planned_once(tmp_path):
    def same(number):
        yield from ask(call("hello"))

    assert plan(settings("http://127.0.0.1:9/v1", tmp_path), 50, same).calls == {"m": 1}


def test_limits_make_it_longer(tmp_path):
    def seconds(**about):
        return plan(settings("http://127.0.0.1:9/v1", tmp_path, **about), 1000).seconds

    assert seconds(rpm=100) == pytest.approx(1150 / 100 * 60)
    assert seconds(tpm=1000) > seconds(rpm=100) > seconds(concurrency=1) / 10 > seconds(concurrency=100)


def test_the_batch_price(tmp_path):
    asked = Settings("gpt-4o-mini-2024-07-18", cache=tmp_path)

    def start(number):
        yield from ask(call(f"row {number}").__class__("gpt-4o-mini-2024-07-18", (("user", f"{number}"),), 100))

    found = plan(asked, 10_000, start)
    assert found.batch_dollars == pytest.approx(found.dollars / 2) and found.dollars > 0.1


def test_a_model_without_a_price(tmp_path):
    with pytest.raises(OiellmError, match=r"no price for the model 'm'.*--price 0,0"):
        plan(settings("http://127.0.0.1:9/v1", tmp_path, price=()), 1)


def test_a_price_is_that_of_the_whole_name_but_for_a_date_and_the_users_comes_first():
    prices = Prices(Settings(price=(("gpt-4o-mini", 7.0, 8.0),)))
    assert prices.of("gpt-4.1-mini-2025-04-14").prompt == 0.4 and prices.of("gpt-4.1").prompt == 2.0
    assert prices.of("gpt-4o-mini").prompt == 7.0 and prices.of("gpt-3.5-turbo-0125").prompt == 0.5
    for dearer in ("o3-pro", "gpt-5-pro", "gpt-4o-audio-preview", "gpt-4o-mini-search-2025-03-11", "llama"):
        assert prices.of(dearer) is None
    assert Prices(Settings(price=(("", 0.0, 0.0),))).of("gpt-4.1").prompt == 0.0


def test_a_users_price_keeps_the_tables_discount_for_batches():
    prices = Prices(Settings(price=(("", 1.0, 1.0),)))
    assert prices.of("gpt-4o").batch == 0.5 and prices.of("own").batch == 1.0
    assert prices.origin(["gpt-4o"]) == "of --price"
    assert Prices(Settings()).origin(["gpt-4o"]).startswith("of 20")
    mixed = Prices(Settings(price=(("own", 1.0, 1.0),))).origin(["gpt-4o", "own"])
    assert mixed.startswith("of --price, others of 20")


def test_a_price_for_a_model_that_is_not_asked_is_a_mistake(tmp_path):
    asked = settings("http://127.0.0.1:9/v1", tmp_path, price=(("m", 1.0, 1.0), ("betterr", 1.0, 1.0)))
    with pytest.raises(OiellmError, match="--price betterr=: this run asks no model of that name: m, better"):
        Session(asked, ["better", None])


@pytest.mark.parametrize("about", [{"max_cost": 1.0}, {"dry_run": True}])
def test_the_prices_of_all_models_are_there_before_anything_is_paid(tmp_path, about):
    asked = settings("http://127.0.0.1:9/v1", tmp_path, price=(("m", 1.0, 1.0),), **about)
    Session(asked, [None, "gpt-4o"]).close()
    with pytest.raises(OiellmError, match="no price for the model 'better'"):
        Session(asked, ["better"])


def second_look(number):
    first = yield from ask(call(f"row {number}"))
    replies = yield [call(f"{first.text}?", "back"), replace(call(f"{first.text}!", "judge"), model="judge")]
    return [reply.text for reply in replies]


def test_calls_that_every_row_makes_later_are_planned(tmp_path):
    later = [Later("m", "back"), Later("judge", "judge", 10)]
    with Double() as double:
        asked = settings(double.url, tmp_path, price=(("m", 1.0, 1.0), ("judge", 10.0, 10.0)))
        with Session(asked, ["judge"]) as session:
            alone = session.plan(lambda: range(44), second_look)
            found = session.plan(lambda: range(44), second_look, sure=later)
        assert found.calls == {"m": 44} and found.sure == {"m": 44, "judge": 44} and found.later == alone.later
        assert found.dollars > 5 * alone.dollars and "44 to m then 44 to judge, 44 to m" in str(found)
        run(replace(asked, price=()), 44, second_look)
        assert sum(double.requests.values()) == 132
        with Session(asked, ["judge"]) as session:
            assert session.plan(lambda: range(44), second_look, sure=later).sure == {}


def test_several_plans_and_their_sum(tmp_path):
    with Double() as double:
        asked = settings(double.url, tmp_path)
        run(asked, 30)
        with Session(asked) as session:
            first = session.plan(lambda: range(10), single)
            second = session.plan(lambda: range(10, 50), single)
    assert first.spent + second.spent == pytest.approx(double.dollars) and first.done == 10
    whole = added([first, second])
    assert (whole.rows, whole.done, whole.calls, whole.measured) == (50, 30, {"m": 20}, 30)
    assert whole.spent == pytest.approx(double.dollars) and whole.seconds == first.seconds + second.seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[models\n", "not TOML"),
        ("[models]\nm = { prompt = 1 }", "m: needs prompt and completion"),
        ("[models]\nm = 3", "m: needs prompt and completion"),
        ("[models]\nm = { prompt = -1, completion = 1 }", "below 0"),
    ],
)
def test_a_broken_table_is_named(tmp_path, text, message):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(OiellmError, match=f"prices.toml: .*{message}"):
        Prices(Settings(), path)


@pytest.mark.parametrize(("old", "new"), [("1 = 4.0", ""), ("4.0", '"x"'), ("4.0", "0.0"), ("0.6", "-1.0")])
def test_broken_estimates_are_named(tmp_path, old, new):
    path = tmp_path / "estimates.toml"
    path.write_text((Prices.__init__.__defaults__[0].parent / "estimates.toml").read_text().replace(old, new, 1))
    with pytest.raises(OiellmError, match=r"estimates\.toml: a figure"):
        estimates(path)


@pytest.mark.parametrize("text", ["", "abc", "naïve", "東京 tower", "😀 é 東 a", "a\ud83d"])
def test_characters_by_width(text):
    expected = [0, 0, 0, 0]
    for character in text:
        expected[len(character.encode("utf-8", "surrogatepass")) - 1] += 1
    assert list(widths(text)) == expected


def test_japanese_takes_more_tokens_than_english():
    assert estimates().of("東京で映画を撮った。") > 2 * estimates().of("made a film")
    assert most_prompt_tokens(call("東京")) > len("echo東京".encode())
