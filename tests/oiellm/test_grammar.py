"""The grammar accepts what the codec writes, and nothing that would not parse or is not in the text."""

from __future__ import annotations

import random

import llguidance
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_dataset import decode, encode
from mmm_f1.unified import (
    LABEL,
    REPEATED_PAIR,
    TASK_WORDS,
    Failure,
    Parsed,
    escape_field,
    is_span,
    parse,
    render,
    shape,
)
from oiellm.errors import OiellmError
from oiellm.predict.confidence import Confidence, confidence
from oiellm.predict.engine import Token
from oiellm.predict.grammar import Repeats, frame, grammar, repair, rest_at
from tests.records import records
from tests.strategies import TYPED, garbage, hostile, rows, texts_around, words


class _Bytes:
    """A tokenizer of single bytes."""

    eos_token_id, bos_token_id, special_token_ids = 256, None, (256,)
    tokens = (*(bytes([byte]) for byte in range(256)), b"<end>")

    def __call__(self, text):
        return list(text)


BYTES = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Bytes()), slices=[])


def matcher(lark, **limits):
    made = llguidance.LLMatcher(
        BYTES, lark, log_level=0, limits=llguidance.LLParserLimits(**limits) if limits else None
    )
    assert not made.is_error(), made.get_error()
    return made


def accepts(lark, output):
    made, ids = matcher(lark), list(output.encode())
    taken = made.try_consume_tokens(ids)
    assert not made.is_error(), made.get_error()
    return taken == len(ids) and made.is_accepting()


def walk(lark, seed, steps):
    """An output that the grammar accepts, made of random allowed bytes, those of the format preferred."""
    made, draw, out = matcher(lark), random.Random(seed), bytearray()
    for _ in range(2_000):
        mask = int.from_bytes(made.compute_bitmask(), "little")
        allowed = [byte for byte in range(256) if mask >> byte & 1]
        if made.is_accepting() and (not allowed or len(out) >= steps):
            return out.decode()
        byte = draw.choice(
            [byte for byte in allowed if byte in b":;/\\"] or allowed if draw.random() < 0.5 else allowed
        )
        assert made.consume_token(byte), made.get_error()
        out.append(byte)
    raise AssertionError(f"no end: {bytes(out)!r}")


def check(output, text, word, text_labels, word_labels):
    """Parses, and holds nothing but labels of the sets and pieces of the text."""
    read = parse(output, word, task_words=WORDS)
    assert isinstance(read, Parsed), (output, read)
    roles = shape(word, WORDS)
    assert text_labels is None or read.label in text_labels
    for item in read.items:
        for role, field in zip(roles, item, strict=True):
            if role == LABEL:
                assert word_labels is None or field in word_labels
            elif is_span(role):
                assert field in text
    return read


WORDS = {**TASK_WORDS, **TYPED}
labels = st.one_of(st.none(), st.lists(hostile, min_size=1, max_size=3))


@given(garbage, words | st.sampled_from(sorted(TYPED)), labels, labels, st.integers(0, 2**32), st.integers(0, 60))
@settings(max_examples=150)
def test_what_is_accepted_parses_is_grounded_and_is_what_render_writes(
    text, word, text_labels, word_labels, seed, steps
):
    made = grammar(text, word, text_labels=text_labels, word_labels=word_labels, task_words=WORDS)
    output = walk(made.lark, seed, steps)
    read = check(output, text, word, text_labels, word_labels)
    assert render(read.label, word, read.items, task_words=WORDS) == output
    assert len(output[: rest_at(output, word)].encode()) <= made.reserve


@given(records(), st.booleans())
@settings(max_examples=80)
def test_every_encoded_record_is_accepted(record, closed):
    word_labels = {item.label for item in record.items} or {"x"}
    if not closed and any("\\" in label or len(label) > 40 or not label.isprintable() for label in word_labels):
        closed = True
    if not closed and any(":" in label or ";" in label for label in word_labels):
        closed = True
    made = grammar(record.text, record.word, text_labels={record.label}, word_labels=word_labels if closed else None)
    assert accepts(made.lark, encode(record)[1])


@given(st.data())
@settings(max_examples=80)
def test_the_frame_and_the_text_together_say_what_the_grammar_says(data):
    text = data.draw(garbage)
    word = data.draw(words)
    made = grammar(text, word, text_labels=["a"], word_labels=["b"])
    parts = frame(made.lark)
    assert parts.word == word and [shape(word)[at] for at in parts.labels] == [LABEL]
    if not text or "\\" in text:
        assert parts.lark is None
        return
    assert parts.text.decode() == escape_field(text)
    other = data.draw(hostile)
    entity = data.draw(st.sampled_from([text[:1], text, other]))
    fields = ["b" if role == LABEL else entity for role in shape(word)]
    output = render("a", word, [fields])
    assert accepts(made.lark, output) == (entity in text)
    if "\\" not in entity:
        assert accepts(parts.lark, output)


@pytest.mark.parametrize(
    ("word", "items", "fits"),
    [
        ("Aspect Sentiment", ":Acme;FOOD#1;p;X1:", True),
        ("Aspect Sentiment", ":;FOOD#1;p;:", True),
        ("Aspect Sentiment", ":;;p;X1:", False),
        ("Aspect Sentiment", ":FOOD;x;p;X1:", False),
        ("Quad", ":p;;;X1:p;Acme;;:", False),
        ("Quad", ":p;;;X1:p;Acme;;X1", True),
        ("Quad", ":p;;;", False),
        ("Typed Relation", ":Acme;Org;p;X1;:", True),
        ("Typed Relation", ":Acme;;p;X1;Art:", False),
        ("Typed Entity", ":p;X1;sg:p;Acme;", True),
    ],
)
def test_attributes_are_open_and_arguments_may_be_absent_but_not_all(word, items, fits):
    made = grammar("Acme X1", word, text_labels=["a"], word_labels=["p"], task_words=WORDS)
    assert accepts(made.lark, f"a/{word}/{items}") is fits
    assert not fits or accepts(frame(made.lark).lark, f"a/{word}/{items}")


@pytest.mark.parametrize(
    ("output", "fits"),
    [
        ("a/NER/", True),
        ("a/NER/:p;J\\:COM", True),
        ("a/NER/:p;J:p;COM", True),
        ("a/NER/:p;J:COM", False),  # a bare separator
        ("a/NER/:p;", False),  # an empty entity
        ("a/NER/:p;:p;J", False),
        ("a/NER/:p;JC", False),  # not in the text
        ("a/NER/:q;J", False),  # no such label
        ("b/NER/", False),
        ("a/NER", False),
        ("a/NER/:p;J:", False),
        ("/NER/", False),
    ],
)
def test_the_pitfalls(output, fits):
    assert accepts(grammar("J:COM", "NER", text_labels=["a"], word_labels=["p"]).lark, output) is fits


def test_relations_and_events_are_closed_and_their_optional_fields_may_be_empty():
    relation = grammar("Acme made X1", "Relation Extraction", text_labels=None, word_labels=["makes"]).lark
    assert accepts(relation, "IT/Relation Extraction/:Acme;makes;X1:X1;makes;Acme:")
    assert accepts(relation, "IT/TV/Relation Extraction/") and not accepts(relation, "IT/NER/Relation Extraction/")
    assert not accepts(relation, "IT/Relation Extraction/:Acme;makes;X1")
    assert not accepts(relation, "IT/Relation Extraction/:")
    event = grammar("Acme made X1", "Event Extraction", text_labels=["IT"], word_labels=["made"]).lark
    assert accepts(event, "IT/Event Extraction/:Acme;made;;:Acme;made;X1;Acme:")
    assert not accepts(event, "IT/Event Extraction/:;made;X1;:")


def test_an_empty_text_and_an_empty_label_set_allow_no_item_and_are_no_dead_end():
    assert accepts(grammar("", "NER", text_labels=["a"], word_labels=None).lark, "a/NER/")
    assert walk(grammar("", "NER", text_labels=["a"], word_labels=["b"]).lark, 0, 50) == "a/NER/"
    assert walk(grammar("x", "NER", text_labels=["a"], word_labels=[]).lark, 0, 50) == "a/NER/"
    with pytest.raises(OiellmError, match="at least one"):
        grammar("x", "NER", text_labels=[], word_labels=None)


def test_an_open_label_is_bounded():
    lark = grammar("x", "NER", text_labels=None, word_labels=None).lark
    assert accepts(lark, f"{'あ' * 48}/NER/:{'い' * 48};x")
    assert not accepts(lark, f"{'あ' * 49}/NER/") and not accepts(lark, f"a/NER/:{'い' * 49};x")


def test_an_open_label_holds_no_separator():
    lark = grammar("x", "NER", text_labels=None, word_labels=None).lark
    for label in (":a;b", "a:", ";", "a/;", "a/:"):
        assert not accepts(lark, f"{label}/NER/") and not accepts(lark, f"a/NER/:{label};x")


@given(st.text("ab東", min_size=1, max_size=12), st.data())
def test_one_too_many_is_what_a_repeated_pair_is(text, data):
    pieces = st.integers(0, len(text) - 1).flatmap(
        lambda at: st.integers(at + 1, len(text)).map(lambda to: text[at:to])
    )
    items = data.draw(st.lists(st.tuples(st.sampled_from("pq"), pieces), max_size=12))
    repeats = Repeats(text, [1])
    kept = [item for item in items if not repeats.one_too_many(item)]
    read = decode(render("a", "NER", items), "NER", text=text)
    lost = [item for item in read.items if item.spans[0].start is None]
    assert {issue.kind for issue in read.issues} <= {REPEATED_PAIR} and len(lost) == len(items) - len(kept)
    assert decode(render("a", "NER", kept), "NER", text=text).issues == ()


def test_long_texts_compile():
    draw = random.Random(0)
    text = "".join(map(chr, draw.choices(range(0x3041, 0x9000), k=100_000))) + "J:C\\;D"
    for size, limits in ((20_000, {}), (len(text), {"initial_lexer_fuel": 10**9})):
        part = text[-size:]
        made = matcher(grammar(part, "NER", text_labels=["a"], word_labels=["b"]).lark, **limits)
        for fits, entity in ((True, part[50:90]), (True, part[-12:]), (False, part[7:12] + "x")):
            ids = list(render("a", "NER", [("b", entity)]).encode())
            assert (made.deep_copy().try_consume_tokens(ids) == len(ids)) is fits


@given(garbage)
@settings(max_examples=50)
def test_a_vllm_server_takes_the_same_string(text):
    lark = grammar(text, "NER", text_labels=None, word_labels=["b"]).lark
    sent = llguidance.grammar_from("grammar", lark)
    assert sent == llguidance.LLMatcher.grammar_from_lark(lark)
    assert llguidance.LLMatcher.validate_grammar(sent, BYTES) == ""


@pytest.mark.parametrize(
    ("raw", "word", "repaired"),
    [
        ("社会/NER/:人名;坂本龍馬:地名;東", "NER", ("社会/NER/:人名;坂本龍馬", 1)),
        ("社会/NER/:人名;坂本龍馬:地", "NER", ("社会/NER/:人名;坂本龍馬", 1)),
        ("社会/NER/:人名;坂本龍馬:", "NER", ("社会/NER/:人名;坂本龍馬", 0)),
        ("社会/NER/:人名;J\\:COM", "NER", ("社会/NER/", 1)),
        ("社会/NER/:人名;a\\\\:人名;J\\", "NER", ("社会/NER/:人名;a\\\\", 1)),
        ("x\\/NER/NER/:人名;a:b", "NER", ("x\\/NER/NER/:人名;a", 1)),
        ("社会/NER/", "NER", ("社会/NER/", 0)),
        ("社会/NE", "NER", ("社会/NE", 0)),
        ("社会/NER/sorry: I", "NER", ("社会/NER/sorry: I", 0)),
        ("a/Relation Extraction/:b;c;d", "Relation Extraction", ("a/Relation Extraction/", 1)),
        ("a/Relation Extraction/:b;c;d:", "Relation Extraction", ("a/Relation Extraction/:b;c;d:", 0)),
        ("a/Relation Extraction/:b;c;d:e;", "Relation Extraction", ("a/Relation Extraction/:b;c;d:", 1)),
    ],
)
def test_repair(raw, word, repaired):
    assert repair(raw, word) == repaired


@given(rows(), st.data())
def test_a_repaired_cut_keeps_whole_items_and_nothing_else(row, data):
    label, word, items = row
    whole = render(label, word, items)
    at = data.draw(st.integers(rest_at(whole, word), len(whole)))
    repaired, dropped = repair(whole[:at], word)
    read = parse(repaired, word)
    assert isinstance(read, Parsed) and read.label == label and dropped in (0, 1)
    assert read.items == tuple(items)[: len(read.items)]
    if at == len(whole):
        assert len(read.items) + dropped == len(items)


@given(rows(), st.data())
def test_without_a_head_nothing_is_repaired(row, data):
    label, word, items = row
    whole = render(label, word, items)
    cut = whole[: data.draw(st.integers(0, rest_at(whole, word) - 1))]
    assert repair(cut, word) == (cut, 0)
    assert isinstance(parse(cut, word), Failure)


@given(st.data())
@settings(max_examples=25)
def test_rows_of_any_shape_are_accepted_with_their_own_labels(data):
    label, word, items = data.draw(rows())
    text = data.draw(texts_around(word, items))
    tags = {item[shape(word).index(LABEL)] for item in items} or {"x"}
    made = grammar(text, word, text_labels=[label, "other"], word_labels=tags, task_words=TASK_WORDS)
    if text:
        assert accepts(made.lark, render(label, word, items))


def test_any_character_may_stand_in_labels_and_texts():
    for start in (*range(0, 0x100, 16), 0x2020, 0xFFF0, 0x1F600):
        odd = "".join(map(chr, range(start, start + 16)))
        made = grammar(f"x{odd}", "NER", text_labels=[f"a{odd}"], word_labels=[f"b{odd}"])
        assert accepts(made.lark, render(f"a{odd}", "NER", [(f"b{odd}", odd)]))


def test_confidence_is_the_mean_over_the_tokens_of_a_piece():
    output = "社会/NER/:地名;東京:人名;王"
    ends = [0, 2, 7, 8, 11, 13, 14, 17, 18]  # 社会 | /NER/ | : | 地名; | 東京 | : | 人名; | 王
    tokens = [Token(a, b, p / 10) for a, b, p in zip(ends, ends[1:], (9, 1, 5, 6, 7, 2, 3, 4), strict=False)]
    found = confidence(output, "NER", tokens)
    assert found.label == 0.9 and found.items == (pytest.approx(0.6), pytest.approx(0.3))
    assert confidence("社会", "NER", tokens) == confidence(output, "NER", []) == Confidence()
    relation = "a/Relation Extraction/:b;c;d:"
    assert confidence(relation, "Relation Extraction", [Token(0, len(relation), 0.5)]) == Confidence(0.5, (0.5,))
