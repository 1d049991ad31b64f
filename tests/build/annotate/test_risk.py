"""The review's order: with errors planted, the riskiest rows hold far more of them than rows drawn at random."""

import json
import random

import pytest

from build.annotate.labels import Spellings
from build.annotate.outcome import ITEM_VOTES, LABEL_VOTES, RUNG, outcome
from build.annotate.votes import ITEM_TIE
from build.review.rows import ReviewFile
from build.review.rules import weights
from mmm_dataset.files import dump
from tests.build.annotate.driver import annotator, drive, row, say

ROWS, READ = 1_000, 200


def model(call):
    """A scripted model: one row in five is hard; what it says of its confidence tells nothing."""
    number = int(json.loads(call.messages[-1][1])["text"].split("回")[0])
    drawn = random.Random(f"{number} {call.purpose} {call.vote}")
    wrong = drawn.random() < (0.45 if random.Random(f"hard {number}").random() < 0.2 else 0.03)
    if call.purpose == "text":
        return say(label="ネガティブ" if wrong else "ポジティブ", confidence=0.9)
    items = [{"label": "ポジティブ", "text": "祭り" if wrong else "楽しい"}]
    if drawn.random() < (0.5 if wrong else 0.05):
        items.append({"label": "ポジティブ", "text": "嬉しい"})  # which is in no text
    return say(items=items, confidence=0.9)


def answer(call):
    return say(items=[], confidence=0.9) if call.purpose == "word_repair" else model(call)


def reviewed(path, votes):
    """The file of the review as the verb writes it."""
    made = annotator(votes=votes, least=0.0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            open_row = row(
                f"{number}回目の祭りは楽しい。", None, None, "scpos_rw", "Sentiment Relation Word", id=f"r{number}"
            )
            result, _ = drive(made.start(open_row), answer)
            for name, value in outcome(open_row, result, made, Spellings(made.merges)).lines:
                if name == "review":
                    file.write(dump(value) + "\n")
    return ReviewFile(path)


def errors(file, count):
    """Rows among the riskiest in which a person would find something wrong."""
    targets = [file[number].target for number in file.order("risk")[:count]]
    right = [one.label == "ポジティブ" and [item.spans[0].text for item in one.items] == ["楽しい"] for one in targets]
    return right.count(False)


@pytest.mark.parametrize("votes, times", [(1, 1.8), (3, 3.5)])
def test_a_persons_200_rows_by_risk_hold_far_more_planted_errors_than_200_at_random(tmp_path, votes, times):
    file = reviewed(tmp_path / "review.jsonl", votes)
    assert len(file) > 0.95 * ROWS
    at_random = errors(file, len(file)) * READ / len(file)
    assert errors(file, READ) >= times * at_random > 20 * times


def test_all_that_an_annotation_says_of_a_row_has_a_weight():
    notes = {"item_not_in_text", "unknown_label", "repeated_pair", ITEM_TIE}
    assert {LABEL_VOTES, ITEM_VOTES, *notes} <= set(weights().check)
    assert RUNG in weights().rung
