"""The 21 configs as data, and a 22nd, a fourth language and another data set as rows of data."""

import pytest

from mmm_dataset import Item, RegistryError, load
from mmm_f1.unified import TASK_WORDS
from tests.records import make_record

TASKS = ["scnm", "scpos_rw", "scpos_adj_n", "scpos_adj", "scpos_n", "tcree", "tconer"]


def test_the_21_configs_and_the_paper_sizes():
    registry = load()
    assert list(registry.configs) == [f"{language}_{task}" for task in TASKS for language in ("ja", "en", "zh")]
    for config in registry.configs.values():
        assert config.total == config.train + config.test
    assert sum(config.train for config in registry.configs.values()) == 22_000
    assert sum(config.test for config in registry.configs.values()) == 659_628


def test_task_words_exist_once():
    registry = load()
    assert {word for task in registry.tasks.values() for word in task.words} == set(TASK_WORDS)


def test_every_label_has_all_languages_and_a_provenance():
    registry = load()
    rows = {}
    for label in registry.labels:
        rows.setdefault((label.set, label.key), set()).add(label.language)
        assert not set(label.label) & set(":;/\\"), label
    assert all(languages == {"ja", "en", "zh"} for languages in rows.values())


def test_no_spelling_means_two_things():
    registry = load()
    seen = {}
    for label in registry.labels:
        for spelling in (label.label, *label.aliases):
            assert seen.setdefault((label.set, label.language, spelling), label.key) == label.key


def test_aliases():
    registry = load()
    assert registry.canonical("scnm_word", "そのほかの組織名", "ja") == "その他の組織名"
    assert registry.canonical("scpos_text", "積極", "ja") == "ポジティブ"
    with pytest.raises(RegistryError, match="'宇宙' is no ja label of 'scnm_word': 人名"):
        registry.canonical("scnm_word", "宇宙", "ja")


def test_translations_the_authors_do_not_settle_are_marked_as_ours():
    provenance = {(label.set, label.key, label.language): label.provenance for label in load().labels}
    assert provenance["scnm_text", "literature", "en"] == "card"
    assert provenance["scpos_text", "positive", "en"] == "paper"
    assert provenance["scnm_text", "nature", "en"] == "ours" and provenance["scnm_word", "event", "zh"] == "ours"


def test_open_labels_are_none():
    registry = load()
    tconer = registry.config("en_tconer")
    assert registry.text_labels(tconer) is None and registry.word_labels(tconer, "NER") is None


def test_sources_state_their_terms():
    sources = load().sources
    assert "no-derivatives" in sources["livedoor"].terms and "withdrawn" in sources["marc-ja"].terms
    assert "non-commercial" in sources["mmm"].terms and "share-alike" in sources["stockmark-ner"].terms


def test_xsid_is_data_on_top():
    registry = load("xsid")
    assert len(registry.configs) == 24 and registry.task("xsid").words == ("Slot Filling",)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[config.ko_scnm]\nlanguage = 'ko'\ntask = 'scnm'\nversion = '1'", "unknown language 'ko'"),
        (
            "[language.ko]\nname = 'K'\n[config.ko_scnm]\nlanguage = 'ko'\ntask = 'scnm'\nversion = '1'",
            "has no row in ko",
        ),
        ("[tasks.x]\ntitle = 'X'", r"no section \[tasks\]; there are: language, task"),
        ("config = 5", r"no section \[config\]"),
        ("[config]\nja_scnm = 5", r"\[config.ja_scnm\]"),
        (
            "[task.x]\ntitle = 'X'\ndescription = ''\nfamily = 'x'\nwords = 'Slots'",
            "words is 'Slots'; it must be a list",
        ),
        (
            "[task.x]\ntitle = ''\ndescription = ''\nfamily = ''\nwords = ['A']\nword_labels = {B = 'scnm_word'}",
            "word_labels",
        ),
        (
            "[task.x]\ntitle = ''\ndescription = ''\nfamily = ''\nwords = ['A']\ntext_labels = 'nope'",
            "no label set 'nope'",
        ),
        ("[train_share]\nscnm = 20", "must be a share from 0 to 1"),
        ("[task_word]\nSlots = 3", "must be a list of roles"),
        ("[language.ko]\nname = 3", r"\[language.ko\]: name is 3; it must be a text"),
        ("[language.ko]\nname = 'K'\nscripts = 'hangul'", "scripts is 'hangul'; it must be a list of texts"),
        (
            "[config.ja_scnm]\nlanguage = 'ja'\ntask = 'scnm'\nversion = '1'\ntrain = 'a'",
            "train is 'a'; it must be a whole number",
        ),
        ("[task_word]\nSlots = ['LABEL']", "task word 'Slots': needs one LABEL"),
        ("[config.x]\nlanguage = 'ja'\ntask = 'scnm'\nversion = '1'", "the name must be ja_scnm"),
        ("[config.ja_scnm]\nlanguage = 'ja'\ntask = 'scnm'\nversion = '1'\ncolour = 2", "colour"),
        ("[config", "not valid TOML"),
        ("labels = 'none.csv'", "none.csv: the file is missing"),
    ],
)
def test_mistakes_name_their_place(tmp_path, text, message):
    path = tmp_path / "more.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=message):
        load(str(path))


def test_a_missing_file_or_name():
    with pytest.raises(RegistryError, match="no registry file 'nothing'"):
        load("nothing")
    with pytest.raises(RegistryError, match="no config 'en_scmn'; there are: ja_scnm"):
        load().config("en_scmn")


def test_the_first_row_of_a_shared_spelling_has_it(tmp_path):
    (tmp_path / "more.toml").write_text("labels = 'more.csv'")
    (tmp_path / "more.csv").write_text(
        "set,key,language,label,aliases,provenance\nscnm_word,hero,ja,英雄,人名,ours\n", encoding="utf-8"
    )
    registry = load(str(tmp_path / "more.toml"))
    assert registry.label_set("scnm_word", "ja")["人名"] == "person"
    assert registry.label_set("scnm_word", "ja")["英雄"] == "hero"


def test_share_is_the_family_s_own():
    registry = load()
    assert registry.share("tcree") == 0.4 and registry.share("demo") == 0.75
    assert registry.share("never heard of") == registry.train_share["default"]


def test_labels_are_held_against_the_sets():
    registry = load()
    registry.check_labels(make_record("東京", [Item.pair("地名", "東京", 0, 2)]))
    registry.check_labels(make_record("東京", [Item.pair("そのほかの組織名", "東京", 0, 2)]))
    for record, message in (
        (make_record("東京", [Item.pair("宇宙", "東京")]), "record 'r1': '宇宙' is no label of its items: 人名"),
        (make_record("東京", [], "宇宙"), "record 'r1': '宇宙' is no text-level label: 社会"),
        (make_record("東京", [], word="Sentiment N"), "record 'r1': 'Sentiment N' is no task word of scnm: NER"),
    ):
        with pytest.raises(RegistryError, match=message):
            registry.check_labels(record)
    registry.check_labels(make_record("x", [Item.pair("anything", "x")], "anything", "tconer", language="en"))


def test_label_tables_of_other_editors(tmp_path):
    (tmp_path / "more.toml").write_text("labels = 'more.csv'")
    header, row = "set,key,language,label,aliases,provenance\r\n", "scnm_word,person,ko,인명,,ours\r\n"
    (tmp_path / "more.csv").write_bytes((header + row).encode("utf-8-sig"))
    assert load(str(tmp_path / "more.toml")).spelling("scnm_word", "person", "ko") == "인명"
    assert set(load(str(tmp_path / "more.toml")).files) == {"registry.toml", "labels.csv", "more.toml", "more.csv"}
    for content, message in (
        (row.encode("cp949"), "not UTF-8"),
        (b"a,b\n1,2\n", "more.csv:2: a row needs the columns"),
    ):
        (tmp_path / "more.csv").write_bytes(content)
        load.cache_clear()
        with pytest.raises(RegistryError, match=message):
            load(str(tmp_path / "more.toml"))
