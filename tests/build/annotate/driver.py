"""Drives a dialogue with a function in the place of a model."""

import json

from build.annotate.labels import Merges
from build.annotate.prompts import Prompts
from build.annotate.rows import Annotator
from mmm_dataset import load
from oiellm.llm.calls import Reply
from tests.records import make_record

REGISTRY = load()


def drive(dialogue, answer):
    """The result of a dialogue, and the calls it made, in order; ``answer`` makes a string or a Reply of a call."""
    asked = []
    try:
        calls = next(dialogue)
        while True:
            asked += calls
            replies = [answer(call) for call in calls]
            calls = dialogue.send([r if isinstance(r, Reply) else Reply(r) for r in replies])
    except StopIteration as end:
        return end.value, asked


def say(**answer):
    return json.dumps(answer, ensure_ascii=False)


def script(*replies):
    """Answers in turn."""
    left = iter(replies)
    return lambda call: next(left)


def annotator(**changes):
    values = {"model": "double", "prompts": Prompts(), "registry": REGISTRY, "merges": Merges(), **changes}
    return Annotator(**values)


def row(text="青葉市は県の北にある。", label=None, items=None, task="scnm", word="NER", language="ja", **changes):
    record = make_record(text, items or (), label, task, word, language, **changes)
    from dataclasses import replace

    return record if items is not None else replace(record, items=None)
