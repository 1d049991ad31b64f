"""A scripted server that knows the right answer to every text, and how often to be wrong at first."""

import argparse
import hashlib
import json

from build.annotate.command import annotate
from build.annotate.options import add_options
from build.annotate.replies import field_key
from build.readers import demo
from mmm_dataset import to_dict
from mmm_dataset.codec import item_fields
from mmm_dataset.files import dump
from tests.build.annotate.driver import REGISTRY, say
from tests.double.server import Answer


def demo_rows(*configs):
    return [row for row in demo.read(demo.FOLDER, REGISTRY) if row.config in configs]


def write_rows(path, rows, **missing):
    """A worklist: the rows without what is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [dump({**to_dict(row), **missing}) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def call(worklist, out, double, *more):
    """Run the verb; returns what it prints."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    server = ["--base-url", double.url, "--model", "double", "--price", "1,1", "--cache", str(out.parent / "cache")]
    return annotate(parser.parse_args([str(worklist), "--out", str(out), *server, *more]))[0]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Truth:
    """Answers of the rows by their text; a share of first answers is wrong in one of several ways."""

    def __init__(self, rows, wrong=0.0):
        self.rows, self.wrong = {row.text: row for row in rows}, wrong
        self.faults, self._cut = {}, set()

    def __call__(self, messages, model, attempt):
        asked = [json.loads(m["content"]) for m in messages if m["role"] == "user" and m["content"].startswith("{")]
        row = self.rows[asked[-1]["text"]]
        right = self.items(row) if '"items"' in messages[0]["content"] else say(label=row.label, confidence=0.9)
        first = "text" in (json.loads(messages[-1]["content"]) if messages[-1]["content"].startswith("{") else {})
        drawn = int(hashlib.sha256(row.text.encode()).hexdigest(), 16)
        if drawn % 1000 >= 1000 * self.wrong:
            return right
        kind = KINDS[drawn // 1000 % len(KINDS)]
        self.faults[row.id] = kind
        if kind == "cut":  # the second try asks the same with more room
            first = row.id not in self._cut
            self._cut.add(row.id)
        return self.fault(kind, right) if first or kind == "stubborn" else right

    def items(self, row):
        roles = REGISTRY.task_words[row.word]
        items = [dict(zip(map(field_key, roles), item_fields(item, roles), strict=True)) for item in row.items]
        return say(items=items, confidence=0.9)

    def fault(self, kind, right):
        if kind == "cut":
            return Answer(right[: len(right) // 2], "length")
        if kind == "filter":
            return Answer("", "content_filter")
        if kind in DRESSED:
            return DRESSED[kind](right)
        return {"unknown": say(label="謎"), "null": say(label=None)}.get(kind, "?")


DRESSED = {
    "prose": lambda right: f"The answer is {right}",
    "fence": lambda right: f"```json\n{right}\n```",
    "open_fence": lambda right: f"```json\n{right}",
    "think": lambda right: f"<think>{{}} or {right[: len(right) // 2]}</think>{right}",
    "end_mark": lambda right: f"{right}<|eot_id|>",
    "twice": lambda right: f"{right}\n{right}",
    "list": lambda right: f"[{right}]",
    "nested": lambda right: f'{{"answer": {right}}}',
    "string": lambda right: json.dumps(right),
    "comma": lambda right: f"{right[:-1]},}} // done",
    "comment": lambda right: right.replace(": ", ": /* sure */ ", 1),
    "other_keys": lambda right: (
        right.replace('"items"', '"entities"').replace('"text"', '"Word"').replace('"label"', '"Label"')
    ),
    "sure": lambda right: right.replace("0.9", '"high"'),
}
"""Right answers, written as models write them: read at once."""
KINDS = ("unknown", "cut", "null", "filter", "stubborn", *DRESSED)
REASONS = {"null": "abstained", "filter": "filter", "stubborn": "malformed_reply"}
"""Faults that are never made good, and how they are reported."""
