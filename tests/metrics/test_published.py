"""The published form: no string makes an exception of its reading, and none takes long; what a blank field is."""

from __future__ import annotations

import random
import time

import pytest

from mmm_dataset import Decoded, Failure, decode
from mmm_f1 import score
from mmm_f1.roles import check_fields
from mmm_f1.unified import EMPTY_FIELD, OVERLONG, PARSE_FAILURES, TASK_WORDS, find_word, parse, shape
from oiellm.predict.grammar import repair
from tests.strategies import TYPED

WORDS = {**TASK_WORDS, **TYPED}
BLANKS = ("", " ", "\n", "\t", "\u3000", "\xa0", "\r\n", "\u2028", "\u200b")
PIECES = (
    *BLANKS,
    *":;:;/\\",
    "\\:",
    "/NER/",
    "/NER",
    ":無い;",
    "人名",
    "地名",
    "坂本龍馬",
    "東京",
    "J:COM春日部",
    "a;b",
    "12:30",
)
LABELS = ("人名", "地名", "a", " ", "", "x:y", "p;q")


def rows(count):
    """Hostile rows: word, output, text, labels; the same on every run."""
    draw = random.Random(0)
    for _ in range(count):
        word = draw.choice(list(WORDS))
        items = []
        for _ in range(draw.randint(0, 5)):
            fields = [draw.choice(LABELS if role == "LABEL" else PIECES) for role in WORDS[word]]
            items.append(draw.choice((":", ":", ":", "")) + draw.choice((";", ";", ";", ":", "; ")).join(fields))
        noise = "".join(draw.choices(PIECES, k=draw.choice((0, 0, 1, 8))))
        head = draw.choice(("社会", "社会", " ", "", "/NER/", "\\"))
        text = "".join(draw.choices(PIECES, k=12))
        labels = draw.choice((None, frozenset(draw.choices(LABELS, k=3))))
        yield word, f"{head}/{word}/{''.join(items)}{noise}", draw.choice((None, text)), labels


def check_rows(count):
    columns = []
    for word, output, text, labels in rows(count):
        for form in ("published", "escaped"):
            read = decode(output, word, text=text, labels=labels, form=form, task_words=WORDS)
            if isinstance(read, Failure):
                assert read.kind in PARSE_FAILURES
                continue
            assert isinstance(read, Decoded)
            parsed = parse(output, word, text=text, labels=labels, form=form, task_words=WORDS)
            for item in parsed.items:
                assert check_fields(item, shape(word, WORDS)) is None
                assert form == "escaped" or not any(field.isspace() for field in item), (output, item)
        columns.append((output, text or ""))
    outputs, texts = map(list, zip(*columns, strict=True))
    assert outputs
    result = score(outputs, outputs[1:] + outputs[:1], texts, form="published", task_words=WORDS, extended=True)
    assert 0 <= result["wl"] <= 1


def test_no_hostile_row_makes_an_exception():
    check_rows(2_000)


@pytest.mark.slow
def test_no_hostile_row_of_100_000_makes_an_exception():
    check_rows(100_000)


@pytest.mark.parametrize("blank", ["", " ", "\n", "\u3000"])
@pytest.mark.parametrize("labels", [None, {"人名", "地名"}])
@pytest.mark.parametrize("text", [None, "坂本 龍馬は\n東京\u3000にいた"])
def test_a_blank_field_is_an_empty_one(blank, labels, text):
    for word, items in (
        ("NER", f":地名;{blank}"),
        ("NER", f":{blank};東京"),
        ("NER", f":{blank};"),
        ("Relation Extraction", f":坂本;人名;{blank}:"),
        ("Relation Extraction", f":坂本;{blank};東京:"),
        ("Event Extraction", f":{blank};人名;東京;:"),
    ):
        read = decode(f"社会/{word}/{items}", word, form="published", labels=labels, text=text)
        assert isinstance(read, Failure) and read.kind == EMPTY_FIELD, items
    if labels or text:
        read = decode(f"社会/NER/:地名;{blank}:人名;坂本", "NER", form="published", labels=labels, text=text)
        assert isinstance(read, Failure) and read.kind == EMPTY_FIELD
    absent = parse(
        f"社会/Event Extraction/:坂本;人名;{blank};東京:",
        "Event Extraction",
        form="published",
        labels=labels,
        text=text,
    )
    assert absent.items == (("坂本", "人名", "", "東京"),)


LOOPS = (
    ":;",
    ";:",
    ":;;",
    ":;;\n",
    ":",
    ";",
    "\\",
    "/NER/",
    "\\/NER/",
    ":a;b",
    "a:b",
    ":人名;",
    ":人名;坂本龍馬",
    ": ;",
)
GOLD = "社会/NER/:人名;坂本龍馬"


def read_everywhere(loop, size):
    """CPU time of everything that reads a looping model's output."""
    body = loop * (size // len(loop))
    output = f"社会/NER/{body}"
    start = time.process_time()
    for form in ("published", "escaped"):
        for labels in (None, {"人名"}):
            for text in (None, "坂本龍馬は a と b", body):
                decode(output, "NER", form=form, labels=labels, text=text)
                decode(f"社会/Event Extraction/{body};x", "Event Extraction", form=form, labels=labels, text=text)
        find_word(body, form=form)
        score([output], [GOLD], ["坂本龍馬"], form=form, extended=True, matching="multiset")
        decode(output, "NER", form=form, text=output)
    score([output], [GOLD], mode="paper")
    repair(output, "NER")
    return time.process_time() - start


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_is_read_in_linear_time(loop):
    small = read_everywhere(loop, 60_000)
    assert read_everywhere(loop, 240_000) < max(1, 10 * small)


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_of_a_million_characters_is_read(loop):
    assert read_everywhere(loop, 1_000_000) < 40  # 40 readings, each under a second


def test_what_has_too_many_readings_is_split_as_algorithm_1_splits_it():
    whole = parse("社会/NER/" + ":人名;坂本龍馬" * 100_000, "NER", form="published", labels={"人名"}, text="坂本龍馬")
    assert whole.items == (("人名", "坂本龍馬"),) * 100_000 and whole.ambiguous
    assert parse("社会/NER/" + ":;;" * 100_000, "NER", form="published").kind == OVERLONG
    long = "社会/NER/" + ":人名;坂本龍馬" * 300 + ":法人名;J:COM春日部"
    assert parse(long, "NER", form="published", text="坂本龍馬とJ:COM春日部").items[-1] == ("法人名", "J:COM春日部")
