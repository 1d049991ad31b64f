"""GIELLM and USA: ``<label>TASK:label;entity`` out, and prompts that list the labels. What differs is in their files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mmm_dataset import Record
from mmm_dataset.codec import item_fields
from mmm_f1.unified import LABEL, Failure, is_tuple, parse, shape
from oiellm.baselines.bracket_file import Layout, Names
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.said import Said, TaskWords, conclude, written
from oiellm.baselines.template import fill
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

    def _strict(self, text: str, question: Question) -> Said | None:
        task = re.escape(self._layout.configs[question.config].tasks[question.word])
        for open_, close in self._layout.brackets:
            inside = f"[^{re.escape(open_)}{re.escape(close)}]+"
            if match := re.fullmatch(f"{re.escape(open_)}({inside}){re.escape(close)}{task}(.*)", text, re.DOTALL):
                return self._said(match[1], match[2], question)
        return None

    def _lenient(self, text: str, question: Question) -> Said | None:
        """The first label in brackets and what follows it on its line, whatever stands around them."""
        kinds = []
        plain = text
        for open_, close in self._layout.brackets:
            plain = plain.replace(open_, "<").replace(close, ">")
        if (other := plain.translate(_LOOK_ALIKE)) != plain:
            plain, kinds = other, [PUNCTUATION]
        task = self._layout.configs[question.config].tasks[question.word]
        match = re.search(rf"<\s*([^<>\n]+?)\s*>[ \t]*(?:{re.escape(task)})?[ \t]*([^\n]*)", plain)
        if match is None:
            return None
        rest = match[2].strip().rstrip("`")
        said = self._said(match[1], rest if rest.startswith(":") else "", question)
        around = plain[: match.start()].strip() or plain[match.end() :].strip() or (rest and not rest.startswith(":"))
        kinds += [SURROUNDED] if around else []
        return said and replace(said, overlooked=tuple(kinds))

    def _said(self, label: str, rest: str, question: Question) -> Said | None:
        names, labels = self._layout.configs[question.config], self._labels[question.config]
        words, roles = labels.words[question.word], shape(question.word, self._words)
        known = names.words or question.word_labels
        line = f"-/{question.word}/{rest}"
        parsed = parse(line, question.word, form="published", task_words=self._words, labels=known, text=question.text)
        if isinstance(parsed, Failure):
            return None
        at = list(roles).index(LABEL)
        items = [(*item[:at], _ours(item[at], words, names.words), *item[at + 1 :]) for item in parsed.items]
        return Said(_ours(label, labels.text, names.text), tuple(items))


def _ours(spelling: str, labels: Labels, theirs: Mapping[str, str] | None) -> str:
    """A label of the style as the release spells it; one that nobody knows stays as it is."""
    if theirs is not None and spelling in theirs and labels.by_key is not None:
        return labels.by_key[theirs[spelling]]
    return labels.read(spelling) or spelling


def _theirs(spelling: str, labels: Labels, theirs: Mapping[str, str] | None) -> str:
    """A label of the release as the style spells it."""
    key = labels.key(spelling)
    return next((own for own, other in (theirs or {}).items() if other == key), spelling)
