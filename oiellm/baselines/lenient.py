"""Finding an answer in the unified format among whatever else a chat model writes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from mmm_f1.unified import Failure, is_span, is_tuple, parse, shape
from oiellm.baselines.instruction import Instruction
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.said import Said, TaskWords, spelled
from oiellm.predict.deviations import PUNCTUATION, SURROUNDED
from oiellm.predict.reading import Question

_FENCE: Final = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_WIDE: Final = str.maketrans({"：": ":", "；": ";"})
_MARKS: Final = " \t*_`\"'「」“”>-"


def find(
    text: str, question: Question, labels: ConfigLabels, instruction: Instruction, words: TaskWords
) -> Said | None:
    """The answer in a reply.

    It is the line with the task word between slashes, and the lines of items that follow it. Thoughts, code fences and words
    around it are passed over, marks around the label, blanks and full-width separators are put right, and labels are taken
    in any spelling that the registry knows.

    Returns:
        What it says; None if there is no such line, or there are several that say different things.
    """
    _, _, rest = text.rpartition("</think>")
    if rest.lstrip().startswith("<think>"):  # cut while it was thinking
        return None
    mark = re.compile(rf"[/／]\s*{re.escape(question.word)}\s*[/／]", re.IGNORECASE)
    if text == rest and (whole := _as_a_whole(text, mark, question, labels, words)) is not None:
        return whole
    fenced = [block for block in _FENCE.findall(rest) if mark.search(block)]
    found = []
    for label, tail, alone in (answer for block in fenced or [rest] for answer in _answers(block, mark)):
        if (said := _read(label, tail.replace("\n", ""), question, labels, instruction, words)) is not None:
            around = () if alone and not fenced and rest == text else (SURROUNDED,)
            broken = (PUNCTUATION,) if "\n" in tail else ()
            found.append(Said(said.label, said.items, (*said.overlooked, *around, *broken)))
    different = {(said.label, said.items) for said in found}
    return found[0] if len(different) == 1 else None


def _as_a_whole(
    text: str, mark: re.Pattern[str], question: Question, labels: ConfigLabels, words: TaskWords
) -> Said | None:
    """A reply whose form is as it should be; its texts may go over several lines. Only its labels may be spelled otherwise."""
    read = parse(
        text, question.word, form=question.form, task_words=words, labels=question.word_labels, text=question.text
    )
    if isinstance(read, Failure) or mark.split(text, maxsplit=1)[0] != read.label:
        return None
    said = spelled(Said(read.label, read.items), question.word, labels, words)
    roles = shape(question.word, words)
    copied = all(field in question.text for item in said.items for field, role in zip(item, roles) if is_span(role))
    if labels.text.listed is not None:
        label_stands = labels.text.read(said.label) is not None
    else:  # nobody knows what an open label is; blanks, marks and a colon are not of it
        label_stands = said.label.strip(_MARKS) == said.label and ":" not in said.label
    return said if copied and label_stands else None


def _answers(block: str, mark: re.Pattern[str]) -> list[tuple[str, str, bool]]:
    """What stands before and behind each task word, and whether nothing else is in the block."""
    lines = [line.strip() for line in block.splitlines()]
    places = [at for at, line in enumerate(lines) if mark.search(line)]
    written = [at for at, line in enumerate(lines) if line] or [0]
    answers = []
    for place in places:
        match = mark.search(lines[place])
        assert match is not None
        tail, end = [lines[place][match.end() :]], place + 1
        while end < len(lines) and lines[end].startswith((":", "：")):
            tail += ["\n", lines[end]]
            end += 1
        alone = written[0] == place and written[-1] < end
        answers.append((lines[place][: match.start()], "".join(tail), alone))
    return answers


def _read(
    label: str, tail: str, question: Question, labels: ConfigLabels, instruction: Instruction, words: TaskWords
) -> Said | None:
    found, around = _label(label, labels.text, instruction.before)
    items, mended = _items(tail, question, labels.words[question.word], instruction.nothing, words)
    if not found or items is None:
        return None
    kinds = [SURROUNDED] * around + [PUNCTUATION] * mended
    return spelled(Said(found, items, tuple(kinds)), question.word, labels, words)


def _label(words: str, labels: Labels, before: Collection[str]) -> tuple[str, bool]:
    """The label in the words before the task word, and whether others stand around it."""
    if labels.read(words) and labels.listed is not None:
        return words, False
    bare = words.strip(_MARKS)
    start, colon, rest = re.sub("：", ":", bare).partition(":")
    if colon and start.strip(_MARKS).casefold() in before:
        bare = rest.strip(_MARKS)
    if labels.listed is not None and labels.read(bare) is None:
        bare = labels.at_the_end(bare) or bare
    return bare, bare != words


def _items(
    tail: str, question: Question, labels: Labels, nothing: Collection[str], words: TaskWords
) -> tuple[tuple[tuple[str, ...], ...] | None, bool]:
    """The items behind the task word, and whether anything had to be mended; None if they cannot be read."""
    listed = question.word_labels

    def read(line: str) -> tuple[tuple[str, ...], ...] | None:
        parsed = parse(
            f"-/{question.word}/{line}",
            question.word,
            form=question.form,
            task_words=words,
            labels=listed,
            text=question.text,
        )
        return None if isinstance(parsed, Failure) else parsed.items

    mended = tail.strip().strip("`*").strip()
    if mended.strip("() .。").casefold() in nothing:
        return (), True
    if (":" not in mended or ";" not in mended) and ("：" in mended or "；" in mended):
        mended = mended.translate(_WIDE)
    if mended and not mended.startswith(":"):
        mended = f":{mended}"
    if not is_tuple(shape(question.word, words)):
        mended = mended.rstrip(":; ")
    items = read(mended)
    if items is None:
        return None, False
    trimmed = tuple(tuple(_trimmed(field, question.text) for field in item) for item in items)
    return trimmed, mended != tail or trimmed != items


def _trimmed(field: str, text: str) -> str:
    """A field without blanks and quotation marks at its ends, unless they are of the text."""
    if field in text:
        return field
    bare = field.strip()
    return bare if bare in text else bare.strip(_MARKS) or bare
