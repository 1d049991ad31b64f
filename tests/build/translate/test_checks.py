"""Each check finds what it is named after, and leaves good translations alone."""

import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.readers import demo
from build.translate.checks import Checker
from build.translate.language import foreign_han, read_language
from build.translate.rules import CHECKS, FAIL, read_rules
from build.translate.span_checks import SpanChecker
from build.translate.tag_edges import markup_left
from build.translate.tagging import take_apart
from mmm_dataset import Record, load
from oiellm.errors import OiellmError

RULES = read_rules()
INSTRUCTION = "Use every tag of the text exactly once, with its number; add no other tags."


def checker(source, target, rules=RULES):
    registry = load()
    return Checker(read_language(source, registry), read_language(target, registry), rules, INSTRUCTION)


def span_checker(source, target, rules=RULES, *, words=False):
    registry = load()
    return SpanChecker(read_language(source, registry), read_language(target, registry), rules, names=not words)


def found(pair, source, target):
    return [(finding.check, finding.detail) for finding in checker(*pair.split("-")).text(source, target)]


def names(pair, source, target):
    return {check for check, _ in found(pair, source, target)}


def test_every_aligned_row_that_ships_passes():
    registry, rows = load(), defaultdict(dict)
    for row in demo.read(demo.FOLDER, registry):
        if isinstance(row, Record):
            rows[row.task, row.source_id][row.language] = row
    for one in rows.values():
        for a in one:
            for b in one:
                if a != b:
                    found = checker(a, b).text(one[a].text, one[b].text)
                    assert not [f for f in found if RULES.severity[f.check] == FAIL], (one[a].id, b, found)
                    assert len(take_apart(one[a]).spans) <= len(one[a].items) * 4


@pytest.mark.parametrize(
    "pair, source, target, check, detail",
    [
        ("ja-en", "彼は東京に住む。", "He lives in とうきょう.", "residual_kana", "とうきょう"),
        ("ja-zh", "映画はトトロだ。", "电影是トトロ。", "residual_kana", "トトロ"),
        ("ja-en", "彼は東京に住む。", "He lives in 東京.", "residual_kanji", "東京"),
        ("ja-zh", "長野県にある駅。", "位于长野県的车站。", "residual_kanji", "県"),
        ("ja-zh", "元気な東の人。", "精神的東边人。", "residual_kanji", "東"),
        ("zh-ja", "长野县的车站。", "長野の车站です。", "residual_kanji", "车"),
        ("ko-en", "그는 서울에 산다.", "He lives in 서울.", "residual_script", "서울"),
    ],
)
def test_what_is_left_in_the_source_script(pair, source, target, check, detail, ko):
    registry = ko if "ko" in pair else load()
    a, b = pair.split("-")
    finding = Checker(read_language(a, registry), read_language(b, registry), RULES, "").text(source, target)[0]
    assert (finding.check, finding.detail) == (check, detail)
    assert target[finding.start : finding.end] == detail


@pytest.fixture
def ko(tmp_path):
    path = tmp_path / "ko.toml"
    path.write_text('[language.ko]\nname = "Korean"\nscripts = ["hangul"]\n')
    return load(str(path))


@pytest.mark.parametrize(
    "pair, source, target",
    [
        ("ja-zh", "製品は「茶の屋」です。", "产品是“茶の屋”。"),  # a の in a product name
        ("ja-zh", "レオナルド・ダ・ヴィンチの絵。", "列奥纳多・达・芬奇的画。"),  # the dot of foreign names
        ("ja-zh", "辻さんと畑さんは峠にいる。", "辻先生和畑先生在峠上。"),  # characters that only names have
        ("ja-zh", "新潟に住んでいる。", "住在新潟。"),
        ("en-zh", "The kana の is read no.", "假名の读作no。"),  # the source itself is about kana
        ("ja-en", 'JSONの{"id": 42}を返す。', 'It returns the JSON {"id": 42}.'),
    ],
)
def test_what_may_stay(pair, source, target):
    assert not {check for check in names(pair, source, target) if RULES.severity[check] == FAIL}


@pytest.mark.parametrize(
    "pair, source, target, check",
    [
        ("ja-en", "部屋はとても広くて静かでした。", INSTRUCTION, "prompt_leak"),
        ("ja-en", "部屋はとても広くて静かでした。", '{"translation": "The room was large and quiet."}', "prompt_leak"),
        ("ja-zh", "彼女は国立大学教授会議員会長。", "彼女は国立大学教授会議員会長。", "untranslated_copy"),
        (
            "en-ja",
            "She said that the new machine works better than the old one.",
            "彼女は that the new machine works better than the old one. と言った。",
            "untranslated_copy",
        ),
        ("ja-en", "部屋はとても広くて静かでした。", "房间非常宽敞而且安静。", "wrong_language"),
        ("ja-zh", "部屋はとても広くて静かでした。", "The room was very large and quiet.", "wrong_language"),
        (
            "en-ja",
            "The room was very large and quiet, and we slept well.",
            "房间非常宽敞而且安静，我们睡得很好，很满意。",
            "wrong_language",
        ),
        ("ja-en", "部屋はとても広くて静かでした。", "Big.", "length_ratio"),
        ("ja-en", "部屋は広い。静かでした。", "The room is large. It was", "unfinished"),
        (
            "ja-en",
            "部屋は広い。",
            "The room is large, large room, large room, large room, large room, large room.",
            "repetition",
        ),
        ("ja-en", "部屋は「広い」。", "The room is 「large」.", "source_punctuation"),
        ("ja-en", "部屋は301号室です。", "The room is large.", "numbers"),
    ],
)
def test_each_check(pair, source, target, check):
    assert check in names(pair, source, target)


@pytest.mark.parametrize(
    "pair, source, target",
    [
        (
            "en-zh",
            "Play Another Passenger from Louis Nelson Delisle.",
            "播放 Another Passenger from Louis Nelson Delisle。",
        ),
        ("en-zh", "Play This Is: Miles Davis on Lastfm.", "在Lastfm播放This Is: Miles Davis。"),
        ("ja-zh", "すごい！（笑）（笑）（笑）（笑）", "太厉害了！[笑][笑][笑][笑]"),
        (
            "zh-en",
            "今天会是阴天吗？",
            "is it going to be cloudy today",
        ),  # a line of a dialogue, whose end needs no mark
    ],
)
def test_what_gold_translations_do(pair, source, target):
    assert not names(pair, source, target)


@pytest.mark.parametrize(
    "source, target, is_found",
    [
        ("部屋はとても広くて静かでした。", "Das Zimmer war sehr groß und ruhig, wir waren zufrieden.", True),
        ("部屋はとても広くて静かでした。", "La habitación era muy grande y tranquila.", True),
        ("部屋はとても広くて静かでした。", "The room was very large and quiet, and we were content.", False),
        ("映画「Das Leben der Anderen」を見た。", "I watched the film Das Leben der Anderen.", False),
        ("短い。", "Kurz.", False),  # too short to tell
    ],
)
def test_languages_of_one_script_are_told_apart(source, target, is_found):
    assert ("wrong_language" in names("ja-en", source, target)) == is_found


@pytest.mark.parametrize("source, text", [("en", "He is in the library."), ("ja", "彼は図書館にいる。")])
def test_a_script_of_the_language_is_checked_from_every_source(source, text):
    registry = load()
    hans, hant = (read_language("zh", registry, script) for script in (None, "Hant"))
    assert hant.name == "Traditional Chinese" and hant.code == "zh"
    for language, right, wrong, sign in (
        (hans, "他在图书馆里。", "他在圖書館裡。", "圖書館裡"),
        (hant, "他在圖書館裡。", "他在图书馆里。", "图书馆"),
    ):
        check = Checker(read_language(source, registry), language, RULES, "").text
        assert "residual_kanji" not in {finding.check for finding in check(text, right)}
        assert [finding.detail for finding in check(text, wrong) if finding.check == "residual_kanji"] == [sign]
    said = Checker(read_language(source, registry), hans, RULES, "").text(
        text, "你吃了嗎？"
    )  # which no Japanese text writes
    assert [finding.detail for finding in said if finding.check == "residual_kanji"] == ["嗎"]
    with pytest.raises(OiellmError, match="no such script of Chinese; there are: Hant"):
        read_language("zh", registry, "Latn")


def test_a_middle_dot_in_an_english_text_is_seen():
    assert ("source_punctuation", "'・'") in found("ja-en", "レオ・カイの絵。", "A painting of Leo・Kai.")


def test_swapped_names_are_asked_about():
    text, target = "大森さゆりは名古屋市で働く。", "Sayuri Omori works in Nagoya."
    places = {1: (0, 5), 2: (6, 10)}
    assert not spans("ja-en", text, places, target, {1: (0, 12), 2: (22, 28)})
    assert spans("ja-en", text, places, target, {2: (0, 12), 1: (22, 28)}) == {"swapped_tags"}
    assert RULES.severity["swapped_tags"] == "ask"


def test_a_text_with_nothing_beside_its_tag_is_unfinished():
    source = "6時のアラームを止めてください"
    assert spans("ja-en", source, {1: (0, 2)}, "6 o'clock", {1: (0, 9)}) >= {"unfinished"}


@pytest.mark.parametrize(
    "pair, source, cut, whole",
    [
        ("ja-en", "アラームを止めて", "stop this m", "stop the alarm"),  # within a word
        ("ja-en", "アラームを止めて", "stop your", "stop your alarm"),
        ("en-zh", "open Spotify for me please", "请打开Spo", "请打开Spotify"),  # within a word of the source
        ("en-zh", "open all my apps", "打开我所有的app", None),  # that is right
        (
            "zh-en",
            "请帮我把明天早上七点的闹钟全部取消掉，谢谢",
            "cancel them",
            "please cancel all my alarms for tomorrow at 7 in the morning",
        ),
    ],
)
def test_a_text_that_breaks_off(pair, source, cut, whole):
    assert ("unfinished" in names(pair, source, cut)) is (whole is not None)
    assert whole is None or "unfinished" not in names(pair, source, whole)


@pytest.mark.slow
def test_gold_translations_pass_and_planted_mistakes_do_not(real_data):
    """Per direction: fail at most 0.2 % of gold rows, ask 2 %, flag 3 %; and what was planted is mended or found."""
    from benchmarks.translation_checks import measure, measure_planted, xsid_rows
    from tests.double.trial import embedded

    most = {"fail": 0.002, "ask": 0.02, "flag": 0.03}
    for rows, registry in (embedded(), xsid_rows(real_data)):
        for direction, count, findings in measure(rows, registry):
            for severity, share in most.items():
                bad = {(source, target) for _, _, source, target in findings[severity]}
                assert len(bad) <= share * count, (direction, severity, findings[severity])
        for mistake, counts in measure_planted(rows[::3], registry).items():
            if mistake.split()[0] in ("wrapped", "tags", "another", "the", "kana", "again"):
                assert counts["passed"] <= 0.005 * counts.total(), (mistake, counts)
            if mistake.startswith("half"):
                assert counts["passed"] <= 0.18 * counts.total(), counts


def test_code_and_addresses_are_no_copy():
    source = 'サーバーは次のJSONを返す。\n{"user_id": 42, "name": "Mei Lin", "city": "Osaka"}'
    target = '服务器返回如下JSON。\n{"user_id": 42, "name": "Mei Lin", "city": "Osaka"}'
    assert not names("ja-zh", source, target)


def spans(pair, source, places, target, found, *, words=False):
    made = span_checker(*pair.split("-"), words=words).findings(source, places, target, found)
    return {finding.check for finding in made}


def test_spans():
    assert spans("ja-zh", "面倒です。", {1: (0, 2)}, "很面倒。", {1: (1, 3)}, words=True) == {"copied_span"}
    assert not spans(
        "ja-zh", "安全です。", {1: (0, 2)}, "很安全。", {1: (1, 3)}, words=True
    )  # a word of both languages
    assert not spans("ja-zh", "林さん。山本。", {1: (4, 6)}, "林先生。山本。", {1: (4, 6)})  # a name that both write so
    assert spans("ja-en", "高い。", {1: (0, 2)}, "expensive.", {1: (0, 6)}) == {"inside_word"}
    long = "とても静かな部屋でよく眠れて満足しました"
    assert spans("ja-en", long, {1: (3, 5)}, "a quiet room ok", {1: (0, 12)}) == {"wide_span"}


@pytest.mark.parametrize("check", sorted(set(RULES.severity)))
def test_every_check_can_be_turned_off(check, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'[{check}]\nseverity = "off"\n')
    made = checker("ja", "zh", read_rules(path)), span_checker("ja", "zh", read_rules(path))
    long = "とても静かな部屋で駅前301"
    target = "駅前 quiet とても。" + INSTRUCTION
    findings = [*made[0].text(long, target), *made[1].findings(long, {1: (9, 11)}, "駅前", {1: (0, 2)})]
    assert check not in {finding.check for finding in findings}


def test_what_looks_like_a_tag():
    pieces = [
        "<3>",
        "＜/3＞",
        "<2Tokyo",
        "</2",
        "2>Tokyo",
        "<x2>",
        "</x2>",
        "[2]",
        "[/2]",
        "［２］",
        "{2}",
        "<br/>",
        "<",
        ">",
    ]
    for piece in [*pieces, "&quot;", "&#39;", "&#x27;", "&nbsp;", "&amp;"]:
        assert markup_left("東京", f"a {piece} b"), piece
        assert not markup_left(f"東京 {piece}", f"a {piece} b"), piece
    assert markup_left("1<3", "1 < 3 <") == "<"


@pytest.mark.parametrize(
    "source, target",
    [
        ("値は3＜5である。", "The value is 3 < 5."),  # another width, other blanks
        ("《青葉》を読んだ。", "I read <Aoba>."),  # quotation marks
        ("R＆Dと［1］を見よ。", "See R&D and [1]."),
        ("A->Bと書く。", "Write A -> B."),
        ("AT&Tの株。", "AT&T; it rose."),
    ],
)
def test_what_is_no_markup(source, target):
    assert markup_left(source, target) is None


def test_tags_that_land_on_one_word_are_flagged():
    text, target = "大森は東京で働く。", "Omori works in Tokyo."
    places = {1: (0, 2), 2: (3, 5)}
    assert spans("ja-en", text, places, target, {1: (0, 5), 2: (0, 5)}) == {"shared_place"}
    assert not spans("ja-en", text, places, target, {1: (0, 5), 2: (15, 20)})
    nested = {1: (0, 4), 2: (0, 2)}  # in the source as well
    assert not spans("ja-en", "東京大学は広い。", nested, "Tokyo University is large.", {1: (0, 16), 2: (0, 5)})


def test_untagged_words_that_were_passed_over():
    """Characters that both languages write: neither kana nor Japanese forms give them away."""
    source, target = "大森は会社の切符を大切に使った。", "大森大切使用公司切符，大切。"
    made = span_checker("ja", "zh").findings(source, {1: (0, 2)}, target, {1: (0, 2)})
    runs = [(f.check, f.detail) for f in made if f.check != "copied_name"]
    assert runs == [
        ("copied_run", "大切 in '大森大切使用公'"),
        ("copied_run", "切符 in '用公司切符，大切'"),
        ("copied_run", "大切 in '切符，大切。'"),
    ]
    assert RULES.severity["copied_run"] == "ask"
    assert not [f for f in span_checker("ja", "en").findings(source, {}, "大切", {}) if f.check == "copied_run"]


def test_a_kana_that_may_stay_is_flagged():
    assert ("single_kana", "の") in found("ja-zh", "大森は東京の塔に行った。", "大森去了东京の塔。")


@pytest.mark.parametrize(
    "source, target", [("weather", "天気"), ("Clear all set alarms.", "設定されているアラームを消して")]
)
def test_short_texts_may_be_a_little_longer(source, target):
    assert "length_ratio" not in names("en-ja", source, target)


def test_characters_that_one_set_lacks():
    odd = foreign_han(read_language("zh", load()))
    assert {"県", "駅", "気", "円", "図", "楽"} <= odd and not {"学", "会", "国", "人"} & odd


@pytest.mark.parametrize(
    "text, says",
    [
        ("[nothing]\nx = 1\n", "no check [nothing]"),
        ('[lost_tag]\nseverity = "off"\n', "no check [lost_tag]"),  # nothing can be kept with it
        ('[numbers]\nseverity = "hard"\n', "must be one of fail, ask, flag, off"),
        ("[length_ratio]\nlow = true\n", "must be like 0.25"),
        ("[length_ratio]\nlowest = 1\n", "has no 'lowest'"),
        ("[length_ratio\n", "not TOML"),
        ("[ladder]\nrewrites = -1\n", "must be from 0 to 10"),
        ("[ladder]\ntokens_per_char = -9\n", "must be from 0.1 to 100"),
        ("[ladder]\nretry_temperature = nan\n", "must be from 0 to 2"),
        ("[wrong_language]\nshare = 1.5\n", "must be from 0 to 1"),
        ("[repetition]\ntimes = 1\n", "must be from 2 to 1000"),
        ("[repetition]\nchars = 41\n", "must be from 1 to 40"),
    ],
)
def test_a_wrong_file_of_thresholds_is_one_line(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(OiellmError, match=str(path)) as error:
        read_rules(path)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_users_thresholds_change_what_they_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[numbers]\nseverity = "off"\n')
    mine = read_rules(path)
    assert mine.severity["numbers"] == "off" and mine.severity["repetition"] == FAIL
    assert "numbers" not in {f.check for f in checker("ja", "en", mine).text("部屋は301号室。", "The room.")}
    assert set(RULES.severity) == set(mine.severity) and CHECKS.is_file()


@pytest.mark.parametrize("at", range(30))
def test_a_stretch_of_the_instruction_is_found_wherever_it_stands(at):
    size = RULES.values["prompt_leak"]["chars"]
    for length in (size - 1, size):
        target = f"{'x' * at}|{INSTRUCTION[at : at + length]}|"
        assert ("prompt_leak" in names("ja-en", "部屋は広い。", target)) == (length == size)


@pytest.mark.parametrize("times, chars", [(4, 3), (2, 6), (2, 9), (5, 2), (3, 40)])
def test_a_stretch_is_found_from_the_shortest_to_the_longest_wherever_it_stands(tmp_path, times, chars):
    (tmp_path / "rules.toml").write_text(f"[repetition]\ntimes = {times}\nchars = {chars}\n")
    mine = checker("en", "ja", read_rules(tmp_path / "rules.toml"))
    for length in range(chars, 41):
        unit = "".join(chr(0x3042 + number) for number in range(length))
        for before in range(length):
            target = "".join(chr(0x4E00 + number) for number in range(before)) + unit * times
            assert any(finding.check == "repetition" for finding in mine.text("Rooms", target))


@given(st.text("ab ", max_size=6), st.data())
def test_a_stretch_that_comes_again_and_again_is_found_whatever_its_length(before, data):
    rule = RULES.values["repetition"]
    unit = data.draw(st.text("abcd e", min_size=1, max_size=45))
    target = before + unit * data.draw(st.integers(2, 7)) + data.draw(st.text("ab ", max_size=6))
    again = re.search(rf"(.{{{rule['chars']},40}}?)\1{{{rule['times'] - 1},}}", target)
    assert ("repetition" in names("en-ja", "部屋", target)) == bool(again)
