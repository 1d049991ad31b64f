"""``init``: what it writes can be read, goes with the rows it shows, and replaces nothing."""

import argparse
import errno
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from build.cli import main
from build.core import KitError
from build.init.answers import POLARITIES, read_answers
from build.init.command import write
from build.init.files import example as example_row
from build.init.options import KINDS, add_options
from build.readers import records
from mmm_dataset import Record, encode, load


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(list(arguments))


def answers(*arguments, name="dorf", languages="de", license="CC-BY-4.0"):
    return read_answers(options(name, "--languages", languages, "--license", license, *arguments))


LABEL = st.text(min_size=1, max_size=8).filter(lambda text: text.strip() and text.isprintable())


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_that_is_shown_fits_the_registry(kind, tmp_path):
    found = answers("--kind", kind)
    registry = load(str(write(found, tmp_path)[0]))
    (tmp_path / "rows.jsonl").write_text(json.dumps(example_row(found)))
    (record,) = [row for row in records.read(tmp_path / "rows.jsonl", registry) if isinstance(row, Record)]
    registry.check_labels(record)
    assert all(span.start is not None for span in record.items[0].spans)
    assert encode(record, registry.task_words)[1].startswith(f"{record.label}/{record.word}/:")
    assert json.dumps(example_row(found), ensure_ascii=False) in (tmp_path / "dorf.toml").read_text(encoding="utf-8")
    assert load(str(tmp_path / "dorf.toml")).share(registry.task("dorf").family) == 0.8


@given(
    labels=st.lists(LABEL, max_size=3),
    text_labels=st.lists(LABEL, max_size=3),
    title=st.text(max_size=20),
    languages=st.lists(st.sampled_from(["de", "en", "xx", "zh-Hant", "pt-BR"]), min_size=1, unique=True),
)
@example(labels=['"', "\\"], text_labels=["'", "#x"], title='a"b\\n\x7f', languages=["de"])
def test_whatever_is_answered_the_registry_says_it(tmp_path_factory, labels, text_labels, title, languages):
    folder = tmp_path_factory.mktemp("init")
    given_labels = (f"--labels={','.join(labels)}", f"--text-labels={','.join(text_labels)}", f"--title={title}")
    try:
        found = answers(*given_labels, languages=",".join(languages))
    except KitError as error:
        assert "'|'" in str(error)
        return
    registry = load(str(write(found, folder)[0]))
    assert registry.source("dorf").licence == "CC-BY-4.0" and registry.source("dorf").terms == ("attribution",)
    for code in languages:
        config = registry.config(f"{code}_dorf")
        assert tuple(registry.word_labels(config, "NER") or ()) == found.labels
        assert tuple(registry.text_labels(config) or ()) == found.text_labels
        assert registry.languages[code].name


def test_what_each_kind_has_by_default():
    assert answers("--kind", "sentiment").text_labels == answers("--kind", "aspects").labels == POLARITIES
    assert answers().labels == answers("--kind", "events").text_labels == ()


def test_nothing_is_replaced_unless_it_is_asked(tmp_path, capsys):
    arguments = ["init", "dorf", "--languages", "de", "--license", "CC0-1.0", "--out", str(tmp_path)]
    assert main([*arguments, "--labels", "A"]) == 0
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(first) == {"dorf.toml", "dorf.csv", "dorf.release.yaml"}
    assert main([*arguments, "--labels", "A"]) == 0  # the same answers
    assert capsys.readouterr().out.count("python3 -m build ") == 2 * 4
    (tmp_path / "dorf.release.yaml").unlink()
    assert main([*arguments, "--labels", "B"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items() <= first.items()
    assert main([*arguments, "--labels", "B", "--replace"]) == 0
    contents = [path.read_bytes() for path in tmp_path.iterdir()]
    assert first["dorf.csv"] in contents and b"dorf_word,B,de,B,,source" in (tmp_path / "dorf.csv").read_bytes()


def test_a_full_disk_leaves_all_files_or_none(tmp_path, capsys, monkeypatch):
    """The registry stayed without its label table, and was refused by every later command."""
    synced = []

    def sync(path):
        synced.append(path)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("build.core.sync", sync)
    assert main(["init", "dorf", "--languages", "de", "--license", "CC0-1.0", "--out", str(tmp_path)]) == 2
    assert "No space left" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["../dorf"], "'../dorf' cannot be the name"),
        (["a--b"], "'a--b' cannot be the name of a repository"),
        (["scnm"], "'scnm' is a name of the kit's own registry"),
        (["XSID"], "'XSID' is a name of the kit's own registry"),
        (["my-mmm"], "name of its own"),
        (["dorf", "--languages", " , "], "no language"),
        (["dorf", "--languages", "../en"], "'../en'"),
        (["dorf", "--license", " "], "license is missing"),
        (["dorf", "--labels", "A|B"], "'A|B'"),
        (["dorf", "--kind", "ner-only", "--text-labels", "x"], "--text-labels"),
    ],
)
def test_wrong_answers(arguments, message, tmp_path, capsys):
    known = {"--languages": "de", "--license": "CC0-1.0", "--out": str(tmp_path)}
    rest = [x for name, value in known.items() if name not in arguments for x in (name, value)]
    assert main(["init", *arguments, *rest]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_lacks_is_asked_on_a_terminal_and_is_an_error_elsewhere(tmp_path, monkeypatch):
    replies = iter(["ner", "de, fr", "Politik,Sport", "PER", "CC-BY-SA-4.0", "", "https://example.org"])
    asked = []

    def ask(question):
        asked.append(question)
        return next(replies)

    found = read_answers(options("dorf"), ask)
    assert (found.languages, found.text_labels, found.labels) == (("de", "fr"), ("Politik", "Sport"), ("PER",))
    assert (found.kind, found.license, found.title, found.url) == ("ner", "CC-BY-SA-4.0", "dorf", "https://example.org")
    assert len(asked) == 7
    partly = options("dorf", "--kind", "ner-only", "--labels", "", "--languages", "de", "--title", "D", "--url", "u")
    assert read_answers(partly, lambda question: "CC0-1.0").license == "CC0-1.0"  # the one question that is left
    with pytest.raises(KitError, match="--languages and --license"):
        read_answers(options("dorf"))
