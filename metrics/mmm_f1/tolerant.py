"""What can be read of an output string that is not wholly of the format: a broken output loses what is broken, and no more.

The text-level label counts if there is a task word behind it, and every piece that is an item counts; what else stands
between two ``:`` is a broken piece. Blanks around the label and around every field do not count, as in Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .published import NOTHING_MARKER, split_published
from .roles import (
    BROKEN_PAIR,
    EMPTY_LABEL,
    OVERLONG,
    Failure,
    check_fields,
    is_span,
    is_tuple,
    shape,
    shown,
)
from .unified import TASK_WORDS, Form, split_at_word, tokenize, unescape

Fields = tuple[str, ...]
Pieces = list[tuple[Fields, str]]
"""Broken pieces, each with the kind of its failure."""


@dataclass(frozen=True, slots=True)
class Output:
    """What an output string says.

    Attributes:
        label: text-level label; None if it is empty.
        items: the fields of every piece that is an item, in order and multiplicity.
        broken: the other pieces, in order and multiplicity.
        empty: the number of pieces of nothing, or of blanks alone, that were passed over.
        stripped: there were blanks around the label or a field.
        ambiguous: the string is in published form and another reading fits as well.
    """

    label: str | None
    items: Sequence[Fields]
    broken: Pieces
    stripped: bool = False
    ambiguous: bool = False
    empty: int = 0


def read_output(
    output: str,
    word: str,
    *,
    form: Form = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
    labels: Collection[str] | None = None,
    text: str | None = None,
    strict: bool = False,
    known: Collection[Fields] = (),
) -> Output | Failure:
    """Read as much of an output string as can be read.

    Args:
        output, word, form, task_words, labels, text: as for :func:`mmm_f1.unified.parse`.
        strict: a string with a broken piece or without a label is a failure as a whole.
        known: items that are taken as they are, whatever the text says of their entities: those of the gold.

    Returns:
        :class:`Output`; a :class:`Failure` if there is no task word, if the string is too long or, with ``strict``, if
        anything of it is broken.
    """
    halves = split_at_word(output, word, form)
    if isinstance(halves, Failure):
        return halves
    (label, rest), roles = halves, shape(word, task_words)
    if strict and not label:
        return Failure(EMPTY_LABEL, f"nothing before '/{word}/'")
    ambiguous = False
    if form == "escaped":
        items, broken, empty, blank = _escaped(rest, roles)
        label = unescape(label)
    else:
        split = split_published(rest.strip(), roles, labels=labels, text=text)
        if isinstance(split, Failure):
            if strict:
                return split
            items, broken = _published_pieces(rest.strip(), roles, labels, text, split)
        else:
            items, broken, ambiguous = list(split[0]), [], split[1]
            if not strict:
                items, broken = _cut_apart(items, roles, text, known)
        blank = rest != rest.strip() or (_has_blanks(rest) and rest != _joined(items, roles))
        empty = _passed_over(rest.strip(), items, roles)
    if strict and form == "escaped" and empty:
        broken = broken or [(("",), BROKEN_PAIR)]
    if strict and broken:
        return Failure(broken[0][1], f"{shown(';'.join(broken[0][0]))} is no item")
    made = {item: without_blanks(item, roles) for item in dict.fromkeys(items)}
    bare, clean = label.strip() or label, [(_strip(piece), kind) for piece, kind in broken]
    stripped = blank or bare != label or clean != broken or any(new != old for old, new in made.items())
    return Output(bare or None, [made[item] for item in items], clean, stripped, ambiguous, empty)


def without_blanks(fields: Fields, roles: Sequence[str]) -> Fields:
    """The fields of an item without blanks at their ends; a field of nothing else stays, unless it may be absent."""
    new = tuple([field.strip() or (field if role[-1] != "?" else "") for field, role in zip(fields, roles)])
    return new if check_fields(new, roles) is None else fields


def _strip(fields: Fields) -> Fields:
    return tuple([field.strip() or field for field in fields])


def _has_blanks(rest: str) -> bool:
    return any(field != field.strip() for piece in set(rest.split(":")) for field in piece.split(";"))


def _joined(items: Sequence[Fields], roles: Sequence[str]) -> str:
    return "".join([":" + ";".join(item) for item in items]) + ":" * (is_tuple(roles) and bool(items))


def _passed_over(rest: str, items: Sequence[Fields], roles: Sequence[str]) -> int:
    """The empty pieces of a published string that are in none of its items."""
    pieces = [piece.strip() for piece in rest.split(":")[1:]]
    if "" not in pieces or rest == NOTHING_MARKER:
        return 0
    inside = sum(not piece.strip() for item in items for piece in ";".join(item).split(":"))
    closing = is_tuple(roles) and len(pieces) > 1 and not pieces[-1]
    return max(pieces.count("") - inside - closing, 0)


def _escaped(rest: str, roles: Sequence[str]) -> tuple[list[Fields], Pieces, int, bool]:
    """Items, broken pieces, the number of empty ones, and whether a piece of nothing but blanks was passed over."""
    pieces = tokenize(rest)
    first, end = pieces[0], len(pieces)
    blank = _is_blank(first) and first != ("",)
    if is_tuple(roles) and end > 2 and _is_blank(pieces[-1]):
        end -= 1
        blank = blank or pieces[-1] != ("",)
    filled = [piece for piece in pieces[1:end] if not _is_blank(piece)]
    blank = blank or any(_is_blank(piece) and piece != ("",) for piece in pieces[1:end])
    items, broken = _sort(filled, roles)
    return items, broken if _is_blank(first) else [(first, BROKEN_PAIR), *broken], end - 1 - len(filled), blank


def _is_blank(piece: Fields) -> bool:
    return len(piece) == 1 and not piece[0].strip()


def _sort(pieces: Sequence[Fields], roles: Sequence[str]) -> tuple[list[Fields], Pieces]:
    """The pieces that are items, and the others."""
    failures = {piece: check_fields(piece, roles) for piece in dict.fromkeys(pieces)}
    items, broken = [], []
    for piece in pieces:
        if failure := failures[piece]:
            broken.append((piece, failure.kind))
        else:
            items.append(piece)
    return items, broken


def _published_pieces(
    rest: str, roles: Sequence[str], labels: Collection[str] | None, text: str | None, failure: Failure
) -> tuple[list[Fields], Pieces]:
    """The pieces of a published string that has no reading: all before the last one if they have one, else each by itself."""
    first, colon, body = rest.partition(":")
    front: Pieces = [(tuple(first.split(";")), BROKEN_PAIR)] if first.strip() else []
    while body and not body.rpartition(":")[2].strip():
        body = body.rpartition(":")[0]
    before, _, last = body.rpartition(":")
    if failure.kind != OVERLONG and colon:
        closing = ":" if is_tuple(roles) and before else ""
        split = split_published(before and f":{before}{closing}", roles, labels=labels, text=text)
        end = tuple(last.strip().split(";"))
        cut = check_fields(end, roles)
        if not isinstance(split, Failure) and cut is not None:
            return list(split[0]), [*front, (end, cut.kind)]
    pieces = [tuple(piece.split(";")) for chunk in body.split(":") if (piece := chunk.strip())]
    items, broken = _sort([tuple(["" if field.isspace() else field for field in piece]) for piece in pieces], roles)
    return items, [*front, *broken]


def _cut_apart(
    items: Sequence[Fields], roles: Sequence[str], text: str | None, known: Collection[Fields]
) -> tuple[list[Fields], Pieces]:
    """Items whose last entity is in the text, or in the gold, only up to a ``:`` end there: what follows are broken pieces."""
    whole: list[Fields] = []
    broken: Pieces = []
    for item in items:
        *others, last = item
        pieces = last.split(":")
        size = len(pieces)
        if size > 1 and is_span(roles[-1]) and item not in known:
            if text is None:
                ends = {one[-1] for one in known if one[:-1] == item[:-1]}
                size = max((end.count(":") + 1 for end in ends if last.startswith(f"{end}:")), default=size)
            elif last not in text:
                size = _in_text(pieces, text) or size
            broken += [((piece,), BROKEN_PAIR) for piece in pieces[size:] if piece.strip()]
        whole.append((*others, ":".join(pieces[:size])))
    return whole, broken


def _in_text(pieces: Sequence[str], text: str) -> int:
    """How many of the pieces, from the first one, are in the text as they are joined."""
    if not pieces[0].strip():
        return 0
    size, high = 0, min(len(pieces) - 1, text.count(":") + 1)
    while size < high:  # what begins with something that is not in the text is not in it either
        middle = (size + high + 1) // 2
        size, high = (middle, high) if ":".join(pieces[:middle]) in text else (size, middle - 1)
    return size
