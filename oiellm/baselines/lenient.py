"""Finding an answer in the unified format among whatever else a chat model writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from mmm_f1.unified import Failure, is_span, parse, shape
from oiellm.baselines.items import Reader
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.marks import MARKS
from oiellm.baselines.parsed import ParsedAnswer, TaskWords, spelled
from oiellm.llm.answers import INVISIBLE, final_text
from oiellm.predict.deviations import PUNCTUATION, SURROUNDED
from oiellm.predict.reading import Question

_FENCE: Final = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_NUMBER: Final = re.compile(r"^\s*[(（]?\d{1,3}[.)、．）]\s*")


def find(
    text: str, question: Question, labels: ConfigLabels, before: Collection[str], words: TaskWords
) -> ParsedAnswer | None:
    """The answer in a reply.

    It is the line with the task word between slashes, and the items that follow it there or on the lines below. Thoughts, code
    fences and words around it are passed over, marks around the label, blanks and full-width separators are put right, and
    labels are taken in any spelling that the registry knows. Of several answers the last one counts if ``before`` announces it.

    Args:
        text: the reply.
        question: what was asked.
        labels: of the config.
        before: what announces an answer, in lower case.
        words: roles by task word.

    Returns:
        What it says; None if there is no such line, if several say different things, or if something that looks like an item
        cannot be read.
    """
    rest = final_text(text)
    if rest is None:
        return None
    rest = rest.strip(INVISIBLE + " \t\r\n")
    mark = re.compile(
        rf"^(?P<label>[^;；\n]*?)[/／]\s*{re.escape(question.word)}\s*[/／]", re.IGNORECASE | re.MULTILINE
    )
    if text == rest and (whole := _as_a_whole(text, mark, question, labels, before, words)) is not None:
        return whole
    item_labels = labels.words[question.word]
    known = None if item_labels.listed is None else {*item_labels.listed, *(question.word_labels or ())}
    reader = Reader(question, item_labels, known, words)
    fenced = [block for block in _FENCE.findall(rest) if mark.search(block)]
    found = [
        (_read(label, tail, lines, reader, labels, before), _announces(label, before))
        for block in fenced or [rest]
        for label, tail, lines in _answers(block, mark)
    ]
    if not found or (said := found[-1][0]) is None:
        return None
    different = {one and (one.label, one.items) for one, _ in found}
    if len(different) > 1 and not (found[-1][1] and sum(announced for _, announced in found) == 1):
        return None
    first = next(line for line in rest.splitlines() if line.strip())
    around = len(found) > 1 or bool(fenced) or rest != text.strip() or not mark.search(first)
    # Had nothing been wrong with it, it would have been read as a whole.
    return replace(said, tolerated=(*said.tolerated, SURROUNDED) if around else said.tolerated or (PUNCTUATION,))


def _as_a_whole(
    text: str,
    mark: re.Pattern[str],
    question: Question,
    labels: ConfigLabels,
    before: Collection[str],
    words: TaskWords,
) -> ParsedAnswer | None:
    """A reply whose form is as it should be; its texts may go over several lines. Only its labels may be spelled otherwise."""
    read = parse(
        text, question.word, form=question.form, task_words=words, labels=question.word_labels, text=question.text
    )
    head = mark.match(text)
    if isinstance(read, Failure) or head is None or head["label"] != read.label:
        return None
    said = spelled(ParsedAnswer(read.label, read.items), question.word, labels, words)
    roles = shape(question.word, words)
    copied = all(field in question.text for item in said.items for field, role in zip(item, roles) if is_span(role))
    return said if copied and _label(read.label, labels.text, before) == (read.label, False) else None


def _answers(block: str, mark: re.Pattern[str]) -> list[tuple[str, str, Sequence[str]]]:
    """For each task word: what stands before it, what follows it up to the last line that begins with a colon, and the lines
    below that."""
    lines = block.splitlines()
    places = [at for at, line in enumerate(lines) if mark.search(line)]
    answers: list[tuple[str, str, Sequence[str]]] = []
    for place, following in zip(places, [*places[1:], len(lines)]):
        match = mark.search(lines[place])
        assert match is not None
        tail, end = [lines[place][match.end() :]], place + 1
        while end < following and lines[end].lstrip().startswith((":", "：")):
            tail.append(lines[end].strip())
            end += 1
        label = match["label"]
        if not label.strip(MARKS) and place and not mark.search(lines[place - 1]):
            label = lines[place - 1]  # the label and the items have a line each
        elif place and re.fullmatch(r".{1,40}[:：]\**\s*", lines[place - 1].strip()):
            label = f"{lines[place - 1].strip()} {label}"
        answers.append((label, "".join(tail), lines[end:following]))
    return answers


def _announces(label: str, before: Collection[str]) -> bool:
    start, colon, _ = label.replace("：", ":").partition(":")
    return bool(colon) and start.strip(MARKS).casefold() in before


def _read(
    label: str, tail: str, lines: Sequence[str], reader: Reader, labels: ConfigLabels, before: Collection[str]
) -> ParsedAnswer | None:
    found, around = _label(label, labels.text, before)
    collected = reader.collect(tail, lines)
    if not found or collected is None:
        return None
    items, errors, more = collected
    kinds = (*errors, *((SURROUNDED,) if around or more else ()))
    return spelled(ParsedAnswer(found, items, kinds), reader.question.word, labels, reader.task_words)


def _label(words: str, labels: Labels, before: Collection[str]) -> tuple[str, bool]:
    """The label in the words before the task word, and whether others stand around it."""
    bare = words if labels.listed and words in labels.listed else _NUMBER.sub("", words).strip(MARKS)
    start, colon, rest = bare.replace("：", ":").partition(":")
    if colon and (start.strip(MARKS).casefold() in before or start.casefold().endswith(tuple(before))):
        bare = rest.strip(MARKS)
    if labels.listed is not None and labels.read(bare) is None:
        bare = labels.at_the_end(bare) or bare
    known = labels.listed is None or labels.read(bare) is not None
    return bare, bare != words or not known or "\n" in bare
