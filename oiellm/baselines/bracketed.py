"""GIELLM and USA: ``<label>TASK:label;entity`` out, and prompts that list the labels. What differs is in their files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from mmm_dataset import Record
from mmm_dataset.codec import item_fields
from mmm_f1.unified import LABEL, Failure, is_tuple, parse, shape
from oiellm.baselines.bracket_file import Layout, Names
from oiellm.baselines.items import Reader
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.parsed import ParsedAnswer, TaskWords, conclude, written
from oiellm.baselines.template import fill
from oiellm.llm.answers import INVISIBLE, final_text
from oiellm.predict.deviations import PUNCTUATION, SURROUNDED
from oiellm.predict.engine import Messages, Reply
from oiellm.predict.reading import NO_ANSWER, Answer, Question, no_answer

_LOOK_ALIKE: Final = str.maketrans({"＜": "<", "＞": ">", "〈": "<", "〉": ">", "：": ":", "；": ";"})


class Bracketed:
    """One of these styles."""

    def __init__(self, layout: Layout, labels: Mapping[str, ConfigLabels], task_words: TaskWords) -> None:
        """Take what the files say.

        Args:
            layout: of the style.
            labels: config to its labels as the release spells them.
            task_words: roles by task word.
        """
        self.settings: Mapping[str, Any] = {"name": layout.name, "file": layout.digest}
        self._layout, self._labels, self._words = layout, labels, task_words

    # ------------------------------------------------------------------------------------------------------------ asking

    def question(self, record: Record, question: Question) -> Question:
        """See :class:`oiellm.predict.style.Style`."""
        names, layout = self._layout.configs[record.config], self._layout
        user = self._user(record.text, record.word, names, record.config)
        messages: list[tuple[str, str]] = [("system", layout.system)] if layout.system else []
        for text, label, items in layout.examples:
            reply = self._reply(label, names.tasks[record.word], items, record.word)
            messages += [("user", self._user(text, record.word, names, record.config)), ("assistant", reply)]
        if not messages:
            return replace(question, prompt=user)
        chat: Messages = (*messages, ("user", user))
        return replace(question, prompt=layout.separator.join(content for _, content in chat), messages=chat)

    def reply(self, record: Record) -> str:
        """What the model should write for an annotated row: the inverse of :meth:`read`."""
        names, labels = self._layout.configs[record.config], self._labels[record.config]
        roles = shape(record.word, self._words)
        at = list(roles).index(LABEL)
        items = []
        for item in record.items or ():
            fields = item_fields(item, roles)
            theirs = _theirs(fields[at], labels.words[record.word], names.words)
            items.append((*fields[:at], theirs, *fields[at + 1 :]))
        label = _theirs(record.label or "", labels.text, names.text)
        return self._reply(label, names.tasks[record.word], items, record.word)

    def _user(self, text: str, word: str, names: Names, config: str) -> str:
        open_, close = self._layout.brackets[0]
        listed = list(names.words or self._labels[config].words[word].listed or ())
        values = {
            "text": text,
            "text_labels": "".join(f"{open_}{label}{close}" for label in names.text),
            "task": names.tasks[word],
            "word_labels": "".join(f":{label};" for label in listed),
        }
        return fill(self._layout.user, values)

    def _reply(self, label: str, task: str, items: Any, word: str) -> str:
        open_, close = self._layout.brackets[0]
        written_items = "".join(":" + ";".join(item) for item in items)
        end = ":" if items and is_tuple(shape(word, self._words)) else ""
        return f"{open_}{label}{close}{task}{written_items}{end}"

    # ----------------------------------------------------------------------------------------------------------- reading

    def read(self, question: Question, reply: Reply) -> Answer:
        """See :class:`oiellm.predict.style.Style`."""
        if reply.finish in NO_ANSWER:
            return no_answer(question, reply)
        strict = self._strict(reply.text, question)
        output = "" if strict is None else written(strict, question, self._words)
        found = conclude(question, reply, output, None, self._words)
        if not found.deviations:
            return found
        return conclude(question, reply, output, self._lenient(reply.text, question), self._words)

    def _strict(self, text: str, question: Question) -> ParsedAnswer | None:
        task = re.escape(self._layout.configs[question.config].tasks[question.word])
        for open_, close in self._layout.brackets:
            inside = f"[^{re.escape(open_)}{re.escape(close)}]+"
            if match := re.fullmatch(f"{re.escape(open_)}({inside}){re.escape(close)}{task}(.*)", text, re.DOTALL):
                return self._said(match[1], match[2], question)
        return None

    def _lenient(self, text: str, question: Question) -> ParsedAnswer | None:
        """The label in brackets and the items that follow it, on its line or below, whatever stands around them."""
        rest = final_text(text)
        if rest is None:
            return None
        plain, kinds = rest.strip(f"{INVISIBLE} \r\n"), list[str]()
        for open_, close in self._layout.brackets:
            plain = plain.replace(open_, "<").replace(close, ">")
        if (other := plain.translate(_LOOK_ALIKE)) != plain:
            plain, kinds = other, [PUNCTUATION]
        config = self._layout.configs[question.config]
        task = re.escape(config.tasks[question.word])
        heads = list(re.finditer(rf"<\s*([^<>\n]+?)\s*>[ \t]*({task})?[ \t]*([^\n]*)", plain))
        words = self._labels[question.config].words[question.word]
        known = config.words or question.word_labels
        reader = Reader(replace(question, form="published", word_labels=known), words, known, self._words)
        found: ParsedAnswer | None = None
        for at, head in enumerate(heads):
            end = heads[at + 1].start() if at + 1 < len(heads) else len(plain)
            if (read := reader.collect(head[3], plain[head.end() : end].splitlines()[1:])) is None:
                return None
            if not head[2] and not read[0]:  # a label alone does not say that there are no items
                return None
            said = self._ours(head[1], read[0], question)
            if found is not None and (said.label, said.items) != (found.label, found.items):
                return None
            around = plain[: head.start()].strip() or read[2] or len(heads) > 1 or rest != text
            found = replace(said, tolerated=(*kinds, *read[1], *((SURROUNDED,) if around else ())))
        return found

    def _said(self, label: str, rest: str, question: Question) -> ParsedAnswer | None:
        known = self._layout.configs[question.config].words or question.word_labels
        line = f"-/{question.word}/{rest}"
        parsed = parse(line, question.word, form="published", task_words=self._words, labels=known, text=question.text)
        if isinstance(parsed, Failure):
            return None
        return self._ours(label, parsed.items, question)

    def _ours(self, label: str, items: Iterable[tuple[str, ...]], question: Question) -> ParsedAnswer:
        """What is said, with every label as the release spells it."""
        names, labels = self._layout.configs[question.config], self._labels[question.config]
        words = labels.words[question.word]
        at = list(shape(question.word, self._words)).index(LABEL)
        ours = [(*item[:at], _ours(item[at], words, names.words), *item[at + 1 :]) for item in items]
        return ParsedAnswer(_ours(label, labels.text, names.text), tuple(ours))


def _ours(spelling: str, labels: Labels, theirs: Mapping[str, str] | None) -> str:
    """A label of the style as the release spells it; one that nobody knows stays as it is."""
    if theirs is not None and spelling in theirs and labels.by_key is not None:
        return labels.by_key[theirs[spelling]]
    return labels.read(spelling) or spelling


def _theirs(spelling: str, labels: Labels, theirs: Mapping[str, str] | None) -> str:
    """A label of the release as the style spells it."""
    key = labels.key(spelling)
    return next((own for own, other in (theirs or {}).items() if other == key), spelling)
