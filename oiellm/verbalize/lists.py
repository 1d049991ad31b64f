"""The lists of label words of a run: counted, filtered, written once, and read again when the run goes on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from mmm_dataset.files import progress, sha256
from oiellm.errors import OiellmError
from oiellm.verbalize.plan import Plan
from oiellm.verbalize.prompts import fit
from oiellm.verbalize.slot import Scorer
from oiellm.verbalize.task import Example, Task
from oiellm.verbalize.templates import Prompt, Template
from oiellm.verbalize.verbalizer import (
    MOST_TOKENS,
    drop_irrelevant,
    drop_rare,
    drop_unwritable,
    prior,
    relevance,
)
from oiellm.verbalize.words import LabelWord, Ranking, candidates, drop_shared, statistics
from oiellm.verbalize.words_file import read_words, write_words

if TYPE_CHECKING:
    from oiellm.verbalize.verbalizer import Floats

Words = Mapping[str, Sequence[LabelWord]]
PLAIN: Final = "plain"
FILE: Final = "file"
WORDS: Final = "words"
"""Folder of the lists."""


def word_list(name: str, task: Task, plan: Plan, scorer: Scorer | None, out: Path) -> tuple[Words, str]:
    """A list of a run, and the SHA-256 of its file: read if it is there, else made and written.

    Args:
        name: ``plain``, ``file`` or a ranking.
        task: whose train rows are counted.
        plan: how.
        scorer: the model that is to score the words; None: the filters that need a model are passed over.
        out: folder of the run.

    Raises:
        OiellmError: the file of the list, or the user's, cannot be used.
    """
    path = out / WORDS / f"{name}.tsv"
    if not path.exists():
        write_words(path, _made(name, task, plan, scorer))
    return read_words(path, task.labels), sha256(path)


def _made(name: str, task: Task, plan: Plan, scorer: Scorer | None) -> Words:
    close = plan.template.close.replace("{word}", task.train[0].task_word)
    if name == PLAIN:
        words: Words = {label: [LabelWord(label, label, 0, 0, 0.0, 0.0)] for label in task.labels}
    elif name == FILE:
        assert plan.words_file is not None
        words = read_words(plan.words_file, task.labels)
    else:
        words = candidates(statistics(task.train, task.labels), cast(Ranking, name), plan.top, plan.min_rows)
    if scorer is not None:
        words = drop_unwritable(words, scorer, close)
    if name in (PLAIN, FILE):
        return words
    if "shared" in plan.filters:
        words = drop_shared(words)
    return words if scorer is None else _refined(words, task, plan, scorer)


def _refined(words: Words, task: Task, plan: Plan, scorer: Scorer) -> Words:
    """The filters that ask the model what it expects after texts of the train rows."""
    if not {"prior", "relevance"} & set(plan.filters):
        return words
    every = list(dict.fromkeys(one.word for entry in words.values() for one in entry if not one.dropped))
    scores = score(scorer, plan.template, support(task, plan, scorer), every, "support")
    number = {word: at for at, word in enumerate(every)}
    expected = prior(scores)
    if "prior" in plan.filters:
        words = {
            label: [one if one.dropped else replace(one, prior=float(expected[number[one.word]])) for one in entry]
            for label, entry in words.items()
        }
        words = drop_rare(words, plan.prior_cut)
    # Without its own word a label has nothing to be like.
    if "relevance" in plan.filters and all(label in number for label in task.labels) and len(task.labels) > 1:
        likeness = relevance(scores, [number[label] for label in task.labels])
        words = {
            label: [
                one if one.dropped else replace(one, relevance=float(likeness[number[one.word], at])) for one in entry
            ]
            for at, (label, entry) in enumerate(words.items())
        }
        words = drop_irrelevant(words)
    return words


Row = tuple[Prompt, str]
"""A prompt, and the task word of its row."""


def support(task: Task, plan: Plan, scorer: Scorer, shots: Sequence[Example] = ()) -> list[Row]:
    """Prompts of train texts without their labels, the same in every cell of a run."""
    size = min(plan.support, len(task.train))
    rows = random.Random("support").sample(list(task.train), size)
    return [(fit(scorer, plan.template, row, MOST_TOKENS, shots).prompt, row.task_word) for row in rows]


def score(scorer: Scorer, template: Template, rows: Sequence[Row], words: Sequence[str], what: str) -> Floats:
    """Scores of words after prompts, rows by words.

    Args:
        scorer: see :class:`oiellm.verbalize.slot.Scorer`.
        template: for what stands around a word.
        rows: the prompts.
        words: all of which the tokenizer can write.
        what: is done, for the progress bar.

    Raises:
        OiellmError: the tokenizer cannot write a word.
    """
    import numpy as np

    found = np.empty((len(rows), len(words)))
    bar = progress(range(len(rows)), what, total=len(rows))
    for task_word in dict.fromkeys(word for _, word in rows):
        places = [at for at, (_, word) in enumerate(rows) if word == task_word]
        tokens = [scorer.tokens(template.closed(word, task_word)) for word in words]
        known = [ids for ids in tokens if ids]
        if len(known) < len(words):
            raise OiellmError(f"the tokenizer cannot write the label word {words[tokens.index(None)]!r}; take it out")
        prompts = [rows[at][0] for at in places]
        found[places] = scorer.matrix(prompts, known, lambda count: [next(bar, None) for _ in range(count)])
    next(bar, None)  # ends it
    return found
