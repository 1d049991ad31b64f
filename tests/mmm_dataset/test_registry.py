"""The 21 configs as data, and a 22nd, a fourth language and another data set as rows of data."""

import json

import pytest

from mmm_dataset import Item, RegistryError, load, registry_of
from mmm_dataset.registry_files import embed
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


TASK = "[task.x]\ntitle = 'X'\ndescription = ''\n"


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("[config.ko_scnm]\nlanguage = 'ko'\ntask = 'scnm'", 2, "unknown language 'ko'; there are: ja, en, zh"),
        ("[language.ko]\nname = 'K'\n\n[config.ko_scnm]\nlanguage = 'ko'\ntask = 'scnm'", 4, "has no row in ko"),
        ("[tasks.x]\ntitle = 'X'", 1, "no such section; the sections: language, task"),
        ("config = 5", 1, "no such section"),
        ("[config]\n\nja_scnm = 5", 3, "[config.ja_scnm]: expected a table, got 5"),
        (TASK + "words = 'Slots'", 4, "[task.x] words: expected a list of strings, got 'Slots'"),
        (TASK + "words = ['Slots', 3]", 4, "expected a list of strings, got ['Slots', 3]"),
        (TASK + "words = []", 4, "expected a list of task words"),
        (TASK + "words = ['A/B']", 4, "'A/B' must not be empty or hold a '/'"),
        (TASK + "words = ['A']\nword_labels = {B = 'scnm_word'}", 5, "'B' is not one of the words A"),
        (TASK + "words = ['A']\n[task.x.word_labels]\nA = 'nope'", 5, "no label set 'nope'"),
        (TASK + "words = ['A']\ntext_labels = 'nope'", 5, "no label set 'nope'"),
        (TASK, 1, "missing key words"),
        ("[source.x]\ntitle = 'X'", 1, "missing key license"),
        ("[train_share]\nscnm = 20", 2, "must be a number from 0 to 1, got 20"),
        ("[task_word]\nSlots = 3", 2, "expected a list of roles"),
        ("[task_word]\nSlots = ['LABEL']", 2, "needs one LABEL"),
        ("[task_word]\nSlots = ['LABEL', 'a', '@a?']", 2, "needs one LABEL"),
        ("[task_word]\nSlots = ['LABEL', '@a']", 2, "needs a role that is a piece of the text"),
        ("[task_word]\nSlots = ['LABEL', 'a', '@label']", 2, "no role can have the name 'label'"),
        ("[language.ko]\nname = 3", 2, "[language.ko] name: expected a string, got 3"),
        ("[language.ko]\nname = 'K'\nscripts = 'hangul'", 3, "scripts: expected a list of strings, got 'hangul'"),
        ("[config.ja_scnm]\nlanguage = 'ja'\ntask = 'scnm'\ntrain = true", 4, "train: expected an integer, got True"),
        ("[config.x]\nlanguage = 'ja'\ntask = 'scnm'", 1, "the name must be ja_scnm"),
        ("[config.ja_scnm]\nlanguage = 'ja'\ntask = 'scnm'\ntasks = 2", 4, "unknown key; did you mean task?"),
        ("[config.ja_SCNM]\nlanguage = 'ja'\ntask = 'SCNM'", 1, "differs from ja_scnm in upper and lower case alone"),
        ("[config.ja_scnm]\nlanguage = 'ja'\ntask = 'scnm'\nupstream = ['nope']", 4, "unknown source 'nope'"),
        ("[language.'../../../evil']\nname = 'E'", 1, "the name must be of ASCII letters"),
        ("[source.'a/b']\ntitle = 'X'\nlicense = 'CC0-1.0'", 1, "the name must be of ASCII letters"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, text, line, message):
    path = tmp_path / "more.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError) as error:
        load(str(path))
    assert f"{path}:{line}: " in str(error.value) and message in str(error.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[config", "not valid TOML"),
        ("labels = 'none.csv'", "none.csv: the file is missing"),
        ("labels = '../none.csv'", "must be the name of a file beside it"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "more.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=message):
        load(str(tmp_path / "more.toml"))


def test_all_mistakes_are_said_at_once_and_each_once(tmp_path):
    (tmp_path / "a.toml").write_text(
        "labels = 'a.csv'\n[language.de]\nnmae = 'German'\n[config.de_x]\nlanguage='de'\ntask='y'"
    )
    (tmp_path / "a.csv").write_text("set,key,language,label\nx,k,de,\nx,k\n", encoding="utf-8")
    (tmp_path / "b.toml").write_text("\n\n[train_share]\nx = 'half'")
    with pytest.raises(RegistryError) as error:
        load(str(tmp_path / "a.toml"), str(tmp_path / "b.toml"))
    places = ["a.csv:2", "a.csv:3", "a.toml:3", "a.toml:2", "b.toml:4", "a.toml:6", "a.toml:4"]
    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"{len(places)} mistakes")
    assert [line.split(": ")[0].strip() for line in lines] == [str(tmp_path / place) for place in places]
    assert "did you mean name?" in lines[2] and "unknown task 'y'" in lines[5] and "the name must be de_y" in lines[6]


def test_what_a_registry_need_not_say(tmp_path):
    (tmp_path / "mine.toml").write_text(
        "labels = 'mine.csv'\n[source.m]\ntitle = 'M'\nlicense = 'CC0-1.0'\n"
        "[task.m]\ntitle='M'\ndescription='M'\nwords=['NER']\ntext_labels = 'm'\n[config.en_m]\nlanguage='en'\ntask='m'",
    )
    (tmp_path / "mine.csv").write_text("set,key,language,label\nm,a,en,A\n")
    registry = load(str(tmp_path / "mine.toml"))
    assert registry.source("m").licence == "CC0-1.0" and registry.source("m").terms == ()
    assert registry.task("m").family == "m" and registry.config("en_m").version == "1.0.0"
    assert registry.spelling("m", "a", "en") == "A"


def test_a_changed_file_is_read_again_and_two_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.toml").write_text("[language.ko]\nname = 'Korean'")
    names = [str(tmp_path / folder / "m.toml") for folder in ("a", "b")]
    assert load(*names).languages["ko"].name == "Korean"  # the same bytes
    (tmp_path / "b" / "m.toml").write_text("[language.ko]\nname = 'Koreanisch'")
    assert load(names[1]).languages["ko"].name == "Koreanisch"
    with pytest.raises(RegistryError, match="two registry files have the name"):
        load(*names)


def test_registry_files_travel_with_a_release(tmp_path):
    (tmp_path / "m.toml").write_text("labels = 'm.csv'\n[language.ko]\nname = 'Korean'")
    (tmp_path / "m.csv").write_text("set,key,language,label\nm,a,ko,A\n")
    made = load("xsid", str(tmp_path / "m.toml"))
    folder = tmp_path / "release"
    embed(made, folder)
    (folder / "manifest.json").write_text(json.dumps({"registry": dict(made.files)}))
    (tmp_path / "m.toml").unlink()
    found = registry_of(folder)
    assert found.files == made.files and found.languages["ko"].name == "Korean" and "en_xsid" in found.configs
    assert found.spelling("m", "a", "ko") == "A"
    assert registry_of(tmp_path).files == load().files
    (tmp_path / "m.toml").write_text("[language.ko]\nname = 'Other'")
    assert registry_of(folder, [str(tmp_path / "m.toml")]).languages["ko"].name == "Other"
    (folder / "registry" / "m.csv").write_text("set,key,language,label\nm,a,ko,B\n")
    with pytest.raises(RegistryError, match=r"m\.csv: missing, or not the file"):
        registry_of(folder)


def test_a_manifest_leads_to_no_file_outside(tmp_path):
    (tmp_path / "m.toml").write_text("[language.ko]\nname = 'Korean'")
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"registry": {"registry/../../m.toml": "0", "../m.toml": "0"}}))
    assert "ko" not in registry_of(folder).languages
    for content in ("{", "[]", '{"registry": 3}'):
        (folder / "manifest.json").write_text(content)
        assert registry_of(folder).files == load().files


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
        (make_record("東京", [Item.pair("宇宙", "東京")]), "record 'r1': unknown entity label '宇宙'; allowed: 人名"),
        (make_record("東京", [], "宇宙"), "record 'r1': unknown text-level label '宇宙'; allowed: 社会"),
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
    files = {"registry.toml", "labels.csv", "registry/more.toml", "registry/more.csv"}
    assert set(load(str(tmp_path / "more.toml")).files) == files
    for content, message in (
        (row.encode("cp949"), "not UTF-8"),
        (b"a,b\n1,2\n", "more.csv:1: missing columns set, key, language, label"),
        # A label with a comma and no quotes was cut at the comma; what came behind it became an alias.
        (f"{header}s,peace,en,War, and peace,,ours\n".encode(), "more.csv:2: more than 6 columns"),
        (
            f"{header}s,a,en,A,,ours\ns,a,en,B,,ours\n".encode(),
            "more.csv:3: the same set, key and language as in line 2",
        ),
        (f'{header}s,a,en,"A,,ours\ns,b,en,B,,ours\n'.encode(), "more.csv: not valid CSV"),
        (f'{header}s,a,en,"A,,ours\n{"s,b,en,B,,ours" * 20_000}'.encode(), "more.csv: not valid CSV"),
    ):
        (tmp_path / "more.csv").write_bytes(content)
        with pytest.raises(RegistryError, match=message):
            load(str(tmp_path / "more.toml"))
