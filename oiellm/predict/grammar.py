r"""The outputs that a row allows, as a grammar for llguidance; and the repair of an output that was cut.

The grammar is Lark text. The transformers engine runs it in :mod:`oiellm.predict.constrain`, a vLLM server takes the same
string as a structured output. It accepts what ``mmm_f1.unified.render`` writes, byte for byte, with labels of the given sets
and entities that are substrings of the text:

- Entities are substrings over chunks of *escaped* text, one chunk per character, so that a ``:`` of the text is only ever
  written ``\:``. ``substring_chars`` of the plain text would let it out bare; so would a substring accept the empty string.
- A backslash is doubled where ``escape_field`` doubles it. At the end of an entity that depends on where the entity ends, not
  on the text alone: a single one there is followed by a second.
- Open labels have at most ``OPEN_LABEL`` characters: without a bound a model could stay in a label for ever. They hold
  neither backslash, ``:``, ``;`` nor control character; that of the text a ``/`` only before a character that begins no
  task word. To forbid ``/NER/`` and nothing else took a negation that cost llguidance its step limit.
- Attributes are open labels: they are no pieces of the text.

How often an item may come is nothing that a grammar can say: :class:`Repeats` counts them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mmm_f1.locate import occurrences
from mmm_f1.unified import LABEL, TASK_WORDS, escape_field, escape_label, is_span, is_tuple, shape, unescape
from oiellm.errors import OiellmError

OPEN_LABEL: Final = 48
"""Longest open label, in characters; of the text-level label a ``/`` and what follows it count as one."""

_CONTROL: Final = r"\x00-\x1F\x7F"
_OPEN: Final = rf"/[^:;\\{_CONTROL}]{{1,{OPEN_LABEL}}}/"
_ENTITY: Final = 'ENT: SUB & ~""\n'
_ENTITY_BACKSLASH: Final = r"""ENT: SUB & ~"" & ~ODD | (SUB & ODD) "\\"
ODD: /((?s:.*)[^\\])?(\\\\)*\\/
"""
_ENTITY_ANY: Final = r"ENT: /([^:;\\]|\\[:;])+/" + "\n"
_CHUNKS: Final = 'SUB: %regex {"substring_chunks": '
_ITEM: Final = re.compile(r"\\.|:", re.DOTALL)
_FIELD: Final = re.compile(r";((?:[^\\;]|\\.)*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a row's output may be.

    Attributes:
        lark: the grammar, in llguidance's Lark.
        reserve: bytes, and so tokens at most, until ``Label/WORD/`` is complete. With so many new tokens every output
            parses: if it was cut, after :func:`repair`. With fewer it may not.
    """

    lark: str
    reserve: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A grammar taken apart, see :func:`frame`.

    Attributes:
        lark: the same grammar with any text; None if there is no item, or a backslash makes texts and grammars depend on
            each other.
        text: the escaped text, UTF-8; empty if there is no item.
        word: the task word.
        fields: number of fields of an item.
        labels: indices of the label and the attributes among them.
    """

    lark: str | None
    text: bytes
    word: str
    fields: int
    labels: tuple[int, ...]


def grammar(
    text: str,
    word: str,
    *,
    text_labels: Collection[str] | None,
    word_labels: Collection[str] | None,
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
) -> Grammar:
    """The grammar of the outputs of one row, in escaped form.

    Args:
        text: the row's text; no item is possible in an empty one.
        word: its task word.
        text_labels: the text-level labels to choose from, or None if they are open.
        word_labels: the labels of items to choose from, or None if they are open.
        task_words: roles per task word; a word that is not in it has label-entity pairs.

    Raises:
        OiellmError: ``text_labels`` is empty, so that there is no output at all.
    """
    if text_labels is not None and not any(text_labels):
        raise OiellmError(f"no text-level labels for {word}: give at least one, or None for open labels")
    roles = shape(word, task_words)
    heads = None if text_labels is None else [escape_label(label, word, task_words) for label in text_labels if label]
    tags = None if word_labels is None else [escape_field(label) for label in word_labels if label]
    plain = not any("\\" in part for part in (text, *(heads or ()), *(tags or ())))
    labels = [at for at, role in enumerate(roles) if not is_span(role)]
    known = {"word": word, "fields": len(roles), "labels": labels, "plain": plain}
    lines = ["// " + json.dumps(known, ensure_ascii=False)]
    if text and tags != []:
        item = f"({_items(roles)})"
        lines += [f"start: HEAD ({item}+ {_quoted(':')})?" if is_tuple(roles) else f"start: HEAD {item}*"]
        lines += [f"TAG: {_tag(roles, tags)}"]
        lines += [f"ATTR: {_OPEN}"] if len(labels) > 1 else []
        lines += [_entity(text)]
    else:
        lines += ["start: HEAD"]
    lines[2:2] = [f"HEAD: {_head(heads, word, task_words)}"]
    # A character has at most four bytes, and one more for a slash before it.
    longest = 5 * OPEN_LABEL if heads is None else max(len(head.encode()) for head in heads)
    return Grammar("\n".join(lines) + "\n", longest + len(f"/{word}/".encode()))


def _quoted(value: str) -> str:
    # Lark refuses a bare DEL, which JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _any_of(values: Collection[str]) -> str:
    return "(" + " | ".join(map(_quoted, dict.fromkeys(values))) + ")"


def _head(labels: Sequence[str] | None, word: str, task_words: Collection[str]) -> str:
    if labels is not None:
        return f"{_any_of(labels)} {_quoted(f'/{word}/')}"
    initials = "".join(sorted({re.escape(name[0]) for name in (word, *task_words)}))
    unit = rf"([^\/:;\\{_CONTROL}]|\/[^\/:;\\{_CONTROL}{initials}])"
    return rf"/{unit}{{1,{OPEN_LABEL}}}/ {_quoted(f'/{word}/')}"


def _tag(roles: Sequence[str], labels: Sequence[str] | None) -> str:
    """The label of an item with the separators around it: one lexeme, which is faster than three."""
    before, after = (":" if roles[0] == LABEL else ";"), ("" if roles[-1] == LABEL else f" {_quoted(';')}")
    if labels is None:
        return f"{_quoted(before)} {_OPEN}{after}"
    return f"{_quoted(before)} {_any_of(labels)}{after}"


def _items(roles: Sequence[str]) -> str:
    """An item; where every field may be absent, one that is not: an item is more than its label."""
    others = [at for at, role in enumerate(roles) if role != LABEL]
    if not all(roles[at].endswith("?") for at in others):
        return _item(roles)
    ways = []
    for number, first in enumerate(others):
        absent = others[:number]
        ways.append(_item([role.removesuffix("?") if at == first else role for at, role in enumerate(roles)], absent))
    return " | ".join(ways)


def _item(roles: Sequence[str], absent: Collection[int] = ()) -> str:
    symbols = []
    for at, role in enumerate(roles):
        if role == LABEL:
            symbols.append("TAG")
            continue
        if at == 0 or roles[at - 1] != LABEL:
            symbols.append(_quoted(";" if at else ":"))
        if at not in absent:
            symbols.append(("ENT" if is_span(role) else "ATTR") + ("?" if role.endswith("?") else ""))
    return " ".join(symbols)


def _entity(text: str) -> str:
    chunks = [*map(escape_field, text)]
    for at, char in enumerate(text if "\\" in text else ""):
        if char == "\\" and not escape_field(text[at : at + 2]).startswith("\\\\"):
            chunks[at] = char
    rule = _ENTITY_BACKSLASH if "\\" in text else _ENTITY
    return f"{rule}{_CHUNKS}{json.dumps(chunks, ensure_ascii=False)}}}"


def frame(lark: str) -> Frame:
    """Take a grammar of :func:`grammar` apart into the part that is the same for every text, and the text.

    A string is of the grammar if it is of ``Frame.lark`` and each of its entities, as it is written, is in ``Frame.text``:
    so what is costly to compile, and different for every text, is needed only once a model leaves its text.
    """
    known = json.loads(lark[3 : lark.index("\n")])
    before, chunked, chunks = lark.partition(_CHUNKS)
    text = "".join(json.loads(chunks.rstrip()[:-1])).encode() if chunked else b""
    same = before.removesuffix(_ENTITY) + _ENTITY_ANY if text and known["plain"] else None
    return Frame(same, text, known["word"], known["fields"], tuple(known["labels"]))


class Repeats:
    """Counts the items of an output against the text.

    A pair is one too many where ``mmm_f1.unified.REPEATED_PAIR`` says so: it is listed more often than its entity occurs,
    overlapping occurrences included. An item of several arguments, the same in every field, is one too many if it is
    listed more often than the rarest of its arguments occurs.

    >>> repeats = Repeats("東京と東京", [1])
    >>> [repeats.one_too_many(("地名", "東京")) for _ in range(3)]
    [False, False, True]
    """

    def __init__(self, text: str, spans: Sequence[int]) -> None:
        """Take the text, and the indices of the pieces of it among the fields of an item."""
        self._text, self._spans = text, spans
        self._listed: Counter[tuple[str, ...]] = Counter()

    def one_too_many(self, fields: tuple[str, ...]) -> bool:
        """Count an item, given by its fields, unescaped."""
        self._listed[fields] += 1
        count = self._listed[fields]
        pieces = [fields[at] for at in self._spans if fields[at]] if count > 1 else []
        return any(sum(1 for _ in islice(occurrences(self._text, piece), count)) < count for piece in pieces)


def fields_of(item: str) -> tuple[str, ...]:
    """The fields of an item in escaped form, unescaped."""
    return tuple([unescape(field) for field in _FIELD.findall(f";{item}")])


def behind_space(lark: str) -> str:
    """The same grammar after one space, for tokenizers that write one before every string."""
    return lark.replace("\nstart: ", '\nstart: " " ', 1)


def behind_a_possible_space(lark: str) -> str:
    """The same grammar after one space or none, for servers whose tokenizer is not known here."""
    return lark.replace("\nstart: ", '\nstart: " "? ', 1)


def rest_at(output: str, word: str) -> int:
    """Where the items of an output begin, after its first bare ``/WORD/``; -1 if it has none (yet)."""
    head = re.match(rf"(?:\\.|[^\\])*?/{re.escape(word)}/", output, re.DOTALL)
    return head.end() if head else -1


def items_at(output: str, start: int = 0) -> list[int]:
    """Places of the bare ``:`` from ``start`` on, each of which begins an item or ends the last one."""
    return [found.start() for found in _ITEM.finditer(output, start) if found.group() == ":"]


def repair(raw: str, word: str, task_words: Mapping[str, Sequence[str]] = TASK_WORDS) -> tuple[str, int]:
    r"""End an output that was cut at a length limit after its last item that is certainly whole.

    An item is whole when a bare ``:`` follows it: ``東`` of a cut ``東京`` reads well too, so the last item of a cut output
    is always dropped, and the closing ``:`` of relations and events is put back. What does not begin as the format asks is
    returned as it is, for the parser to name the failure. Only for outputs that were cut: an output that ended with EOS
    would lose its last pair.

    Returns:
        The output, and the number of items that were dropped, 0 or 1.

    >>> repair("社会/NER/:人名;坂本龍馬:地名;東", "NER")
    ('社会/NER/:人名;坂本龍馬', 1)
    >>> repair("IT/Relation Extraction/:Acme;maker;X1:Acme;ma", "Relation Extraction")
    ('IT/Relation Extraction/:Acme;maker;X1:', 1)
    """
    start = rest_at(raw, word)
    if start < 0 or raw[start : start + 1] not in ("", ":"):
        return raw, 0
    bare = items_at(raw, start)
    if not bare:
        return raw, 0
    whole = len(bare) > 1 and is_tuple(shape(word, task_words))
    return raw[: bare[-1] + whole], int(bare[-1] + 1 < len(raw))
