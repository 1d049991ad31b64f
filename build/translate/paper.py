"""The paper's own way, for comparison: one call a row, labels translated beforehand, the whole row dropped at one mismatch.

Section 3.1 of arXiv 2407.10953: the model gets the row in the data set's format with translated labels, an instruction and a
worked example; filters then remove rows with residual Japanese characters, entities that are not in the text, or another form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from build.markup import untag
from build.translate.drafts import NO_ANSWERS
from build.translate.language import LanguageProfile, pattern
from build.translate.prompts import Example, Prompts
from build.translate.result import TranslationResult
from build.translate.rules import Rules
from build.translate.tagging import ABSENT, Tagged
from mmm_dataset import Failure, Item, Record, Registry, RegistryError, Span, decode, prompt, split_input
from mmm_dataset.codec import item_fields
from mmm_f1.locate import locate
from mmm_f1.unified import ATTRIBUTE, is_span, render, role_name, shape
from oiellm.llm.calls import Call, Dialogue, Reply

PAPER: Final = "paper"
_ROW: Final = re.compile(r"\s*Input: (.*)\nOutput: (.*?)\s*", re.DOTALL)


class PaperMethod:
    """The paper's prompt and its filters, for one language pair and task."""

    def __init__(
        self,
        prompts: Prompts,
        source: LanguageProfile,
        target: LanguageProfile,
        rules: Rules,
        model: str,
        registry: Registry,
    ) -> None:
        self._prompts, self._source, self._target = prompts, source, target
        self._rules, self._model, self._registry = rules, model, registry

    def translate(
        self,
        record: Record,
        tagged: Tagged,
        label: str | None,
        labels: Sequence[str],
        attributes: Sequence[tuple[tuple[str, str], ...]],
    ) -> Dialogue[TranslationResult]:
        """Translate a row in one call; what fails a filter is dropped."""
        words = self._registry.task_words
        items = [
            Item(name, item.spans, attributes=given)
            for name, item, given in zip(labels, record.items or (), attributes)
        ]
        row = _row(record.text, record.word, label or "-", items, words)
        example = None if self._prompts.example is None else self._example(self._prompts.example, record)
        limit = int(self._rules.ladder("tokens_per_char") * len(row)) + self._rules.ladder("tokens_more")
        (reply,) = yield [Call(self._model, self._prompts.paper(example, row), limit, purpose=PAPER)]
        return self._filtered(reply, record, tagged, label or "-", items)

    def _filtered(
        self, reply: Reply, record: Record, tagged: Tagged, label: str, items: Sequence[Item]
    ) -> TranslationResult:
        def drop(reason: str, detail: str) -> TranslationResult:
            return TranslationResult(None, reason=reason, detail=detail, raw=reply.text, model=self._model)

        if reply.finish in NO_ANSWERS:
            return drop(NO_ANSWERS[reply.finish], reply.text[:200])
        match = _ROW.fullmatch(reply.text)
        if reply.finish != "stop" or match is None:
            return drop("malformed_reply", f"finish {reply.finish}; not the two lines of the example")
        asked = split_input(match[1], (record.word,))
        if isinstance(asked, Failure):
            return drop("malformed_reply", asked.detail)
        text, words = asked[0], self._registry.task_words
        read = decode(match[2], record.word, text=text, task_words=words)
        if isinstance(read, Failure):
            return drop("malformed_reply", f"{read.kind}: {read.detail}")
        if read.label != label or _labels(read.items) != _labels(items):
            return drop("wrong_labels", "the labels are not those that were given, in their order")
        if (
            "kana" in self._source.scripts
            and "kana" not in self._target.scripts
            and (kana := pattern("kana").search(text))
        ):
            return drop("residual_kana", kana[0])
        return self._placed(text, read.items, record, tagged, reply, drop)

    def _placed(
        self,
        text: str,
        items: Sequence[Item],
        record: Record,
        tagged: Tagged,
        reply: Reply,
        drop: Callable[[str, str], TranslationResult],
    ) -> TranslationResult:
        result = TranslationResult(text, model=self._model, raw=reply.text, repair_level=PAPER)
        for item, source, tags in zip(items, record.items or (), tagged.items):
            # Of several mentions of an argument the first is in the row's string.
            wanted = {span.role: tag for span, tag in zip(source.spans[::-1], tags[::-1]) if tag != ABSENT}
            spans = {span.role: span for span in item.spans}
            if spans.keys() != wanted.keys():
                return drop("malformed_reply", f"the item {item.label!r} has other fields than its source")
            for role, span in spans.items():
                # Unlocated although in the text: listed more often than it occurs, so it shares a place.
                place = (span.start, span.end) if span.start is not None else locate(text, [("", span.text)])[0]
                if place is None or place[0] is None or place[1] is None:
                    return drop("entity_not_in_text", repr(span.text))
                result.spans.setdefault(wanted[role], (place[0], place[1]))
        result.dropped_spans = tuple(sorted(tagged.spans.keys() - result.spans.keys()))
        return result

    def _example(self, example: Example, record: Record) -> str | None:
        """The worked example in the data set's format, labels translated on both sides; None if it has none for this task."""
        given, words = example.row.get("items"), self._registry.task_words
        roles = shape(record.word, words)
        names = [role_name(role) for role in roles if is_span(role)]
        attributes = [role_name(role) for role in roles if role.startswith(ATTRIBUTE)]
        task = self._registry.task(record.task)
        shown = []
        try:
            for tagged in (example.source, example.target):
                text, spans = untag(tagged)
                items = [
                    Item(
                        self._spelled(task.word_labels.get(record.word), entry["label"]),
                        tuple(Span(text[slice(*spans[entry[role]])], role=role) for role in names if role in entry),
                        attributes=tuple((name, str(entry[name])) for name in attributes if name in entry),
                    )
                    for entry in given or ()
                ]
                label = self._spelled(task.text_labels, example.row["label"])
                shown.append(_row(text, record.word, label, items, words))
        except (KeyError, TypeError, ValueError, RegistryError):
            return None  # an example of another shape, such as a relation's for an event
        return "\n\n".join(shown)

    def _spelled(self, name: str | None, label: Any) -> str:
        return self._registry.spelling(name, label, self._target.code) if name else str(label[self._target.code])


def _row(text: str, word: str, label: str, items: Sequence[Item], words: Mapping[str, Sequence[str]]) -> str:
    fields = [item_fields(item, shape(word, words)) for item in items]
    return f"Input: {prompt(text, word)}\nOutput: {render(label, word, fields, task_words=words)}"


def _labels(items: Sequence[Item]) -> list[tuple[str, dict[str, str]]]:
    return [(item.label, dict(item.attributes)) for item in items]
