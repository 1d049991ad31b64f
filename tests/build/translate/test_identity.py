"""A translation that changes nothing gives every record back: tagging and its inverse are exact."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.core import KitError
from build.readers import READERS
from build.translate.parts import split
from build.translate.rows import Translator
from build.translate.rules import Plan, read_rules
from build.translate.tagging import put_together, take_apart
from mmm_dataset import Item, Record, Span, load
from tests.dialogues import copy, drive
from tests.records import make_record, records
from tests.strategies import TYPED

COPY = """
[language.xx]
name = "Japanese, once more"
scripts = ["kana", "han"]
"""
OFF = "".join(
    f'[{name}]\nseverity = "off"\n' for name in ("untranslated_copy", "copied_span", "copied_run", "length_ratio")
)


def translator(folder, *tasks, **changes):
    """To a language that is Japanese under another code, with the checks off that a copy cannot pass."""
    registry, rules = folder / "copy.toml", folder / "checks.toml"
    labels = "".join(
        f"{label.set},{label.key},xx,{label.label},{'|'.join(label.aliases)},ours\n"
        for label in load().labels
        if label.language == "ja"
    )
    (folder / "copy.csv").write_text("set,key,language,label,aliases,provenance\n" + labels, encoding="utf-8")
    configs = "".join(f'[config.xx_{t}]\nlanguage = "xx"\ntask = "{t}"\nversion = "1.0.0"\n' for t in load().tasks)
    registry.write_text('labels = "copy.csv"\n' + COPY + configs, encoding="utf-8")
    rules.write_text(OFF, encoding="utf-8")
    plan = Plan("copy", read_rules(rules), **changes)
    return {task: Translator(load(str(registry)), f"ja_{task}", "xx", plan) for task in tasks}


def back(record: Record) -> Record:
    """A copied record under its first name."""
    items = record.items and tuple(replace(item, source_item=None) for item in record.items)
    name = record.id.replace("xx_", "ja_", 1)
    return replace(record, id=name, language="ja", items=items)


def assert_all_unchanged(folder, rows):
    made = translator(folder, "scnm", "scpos_adj_n", "scpos_adj", "scpos_n")
    count = 0
    for row in rows:
        outcome = drive(made[row.task].start(row), copy)
        assert isinstance(outcome.row, Record), outcome.row
        assert back(outcome.row) == row
        assert [item.source_item for item in outcome.row.items or ()] == list(range(len(row.items or ())))
        count += 1
    return count


@pytest.mark.slow
def test_real_scnm(real_data, tmp_path):
    rows = [r for r in READERS["scnm"].read(real_data / "stockmark-ner", load()) if isinstance(r, Record)]
    assert assert_all_unchanged(tmp_path, rows) == 5343


@pytest.mark.slow
def test_real_scpos(real_data, tmp_path):
    lexicon = str(real_data / "ja-polarity-tohoku")
    read = READERS["scpos"].read(real_data / "jrte-pn" / "pn.tsv", load(), lexicon=lexicon)
    rows = [r for r in read if isinstance(r, Record)]
    assert assert_all_unchanged(tmp_path, rows) == 3 * 4224


@given(records() | records(words=list(TYPED)), st.data())
def test_apart_and_together(record, data):
    """Nested, crossing, equal and repeated spans, relations and events, mentions and attributes, hostile text."""
    tagged = take_apart(record)
    labels = tuple(item.label for item in record.items or ())
    items = put_together(record, tagged, tagged.text, tagged.spans, labels)
    assert [replace(i, source_item=None) for i in items] == list(record.items)
    assert [i.source_item for i in items] == list(range(len(items)))
    gone = data.draw(st.sets(st.sampled_from(sorted(tagged.spans)))) if tagged.spans else set()
    for item in put_together(record, tagged, tagged.text, tagged.spans, labels, gone):
        source, tags = record.items[item.source_item], tagged.items[item.source_item]
        assert {span.role for span in item.spans} == {span.role for span in source.spans}
        assert item.spans == tuple(span for span, tag in zip(source.spans, tags, strict=True) if tag not in gone)


@pytest.mark.parametrize("method", ["tags", "paper"])
def test_attributes_by_table_and_mentions(tmp_path, method):
    """Attributes are translated where a table has them and kept where none does; a mention goes, its argument stays."""
    translator(tmp_path)  # writes the registry and the checks
    table = [f"absa_category,{key},{code},{key}{code},,ours" for key in ("FOOD", "PLACE") for code in ("ja", "xx")]
    table += [f"absa_word,up,{code},up,,ours" for code in ("ja", "xx")]
    (tmp_path / "absa.csv").write_text(
        "\n".join(["set,key,language,label,aliases,provenance", *table]), encoding="utf-8"
    )
    roles = [*TYPED["Aspect Sentiment"], "@holder?"]
    more = tmp_path / "absa.toml"
    more.write_text(
        f'labels = "absa.csv"\n[task_word]\n"Aspect Sentiment" = {json.dumps(roles)}\n[task.absa]\ntitle = "A"\n'
        'description = "A"\nfamily = "scnm"\nwords = ["Aspect Sentiment"]\n'
        + "".join(f'[config.{c}_absa]\nlanguage = "{c}"\ntask = "absa"\nversion = "1.0.0"\n' for c in ("ja", "xx")),
        encoding="utf-8",
    )
    plan = Plan("copy", read_rules(tmp_path / "checks.toml"), method=method)
    made = Translator(load(str(tmp_path / "copy.toml"), str(more)), "ja_absa", "xx", plan)
    text = "このパスタは最高。"
    mentions = (Span("パスタ", 2, 5, "aspect"), Span("この", 0, 2, "aspect"))
    items = [Item("up", mentions, None, (("category", "FOODja"), ("holder", "私")))]
    items += [Item("up", (), None, (("category", "PLACEja"),))]
    record = replace(make_record(text, items, None, "absa", "Aspect Sentiment"), id="ja_absa-1")
    outcome = drive(made.start(record), copy if method == "tags" else lambda call: call.messages[-1][1])
    said = [(item.label, item.attributes, item.source_item) for item in outcome.row.items]
    holder = (("category", "FOODxx"), ("holder", "私"))
    assert said == [("up", holder, 0), ("up", (("category", "PLACExx"),), 1)]
    lost = method == "paper"  # whose string holds the first mention alone
    assert outcome.row.items[0].spans == mentions[: 1 if lost else 2]
    assert [note.reason for note in outcome.notes] == ["lost_mention"] * lost
    with pytest.raises(KitError, match="no xx label for 'PRICE'"):
        made.labels.check({("@category", "PRICE"): 1, ("@holder", "彼"): 2}, tmp_path / "todo.csv")


@given(records())
def test_parts_are_the_text(record):
    """Cut as finely as can be: no span is cut, no tag and no character is lost."""
    tagged = take_apart(record)
    parts = split(tagged, ".。!\n", 1, 1, 5)
    assert "".join(part.lead + part.text + part.tail for part in parts) == tagged.text
    at, found = 0, {}
    for part in parts:
        at += len(part.lead)
        found |= {number: (start + at, end + at) for number, (start, end) in part.spans.items()}
        at += len(part.text) + len(part.tail)
    assert found == tagged.spans
