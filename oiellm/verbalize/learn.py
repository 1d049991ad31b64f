"""Learning from a few rows: all weights of the model, by the verbalizer's own loss."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oiellm.verbalize.slot import Scorer
from oiellm.verbalize.templates import Prompt, Template
from oiellm.verbalize.verbalizer import Verbalizer

if TYPE_CHECKING:
    from oiellm.verbalize.verbalizer import Floats


@dataclass(frozen=True, slots=True)
class Tuning:
    """How it is learnt.

    Attributes:
        epochs: passes over the rows.
        learning_rate: of AdamW, the same in all steps.
        batch: rows a step.
        words: words of each label in a step, its first and others drawn anew for each step: a step on all would be a
            hundred times as long.
    """

    epochs: int = 10
    learning_rate: float = 3e-5
    batch: int = 8
    words: int = 8


@dataclass(frozen=True, slots=True)
class Shot:
    """A row to learn from: its prompt, its task word, and the number of its label."""

    prompt: Prompt
    task_word: str
    label: int


def tune(
    scorer: Scorer,
    verbalizer: Verbalizer,
    template: Template,
    shots: Sequence[Shot],
    prior: Floats,
    settings: Tuning,
    seed: int,
    came: Callable[[int], object] = lambda _: None,
) -> None:
    """Tune the model in place; the same rows, settings and seed give the same weights on the same machine.

    Args:
        scorer: whose model is tuned, without dropout.
        verbalizer: the label words.
        template: for what closes a word.
        shots: the rows.
        prior: of the words, subtracted from their scores as in prediction; zeros for none.
        settings: how.
        seed: of the order of the rows and of the words of a step.
        came: told of the rows of each step.
    """
    import torch

    draw = random.Random(f"{seed}/tune")
    optimizer = torch.optim.AdamW(scorer.model.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    for batch in _batches(shots, settings, draw):
        some = verbalizer.sample(settings.words, draw)
        tokens = [scorer.tokens(template.closed(word, batch[0].task_word)) or () for word in some.words]
        scores = scorer.scores([shot.prompt for shot in batch], tokens)
        scores = scores - scores.new_tensor(prior[verbalizer.places(some.words)])
        gold = torch.tensor([shot.label for shot in batch], device=scores.device)
        loss = torch.nn.functional.cross_entropy(some.label_scores(scores), gold)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        came(len(batch))
    scorer.model.zero_grad(set_to_none=True)


def _batches(shots: Sequence[Shot], settings: Tuning, draw: random.Random) -> Iterator[list[Shot]]:
    """Rows of one task word each, in an order of chance in every epoch."""
    for _ in range(settings.epochs):
        order = draw.sample(list(shots), len(shots))
        words = dict.fromkeys(shot.task_word for shot in order)
        for word in words:
            rows = [shot for shot in order if shot.task_word == word]
            yield from (rows[at : at + settings.batch] for at in range(0, len(rows), settings.batch))


class Weights:
    """The weights a model came with, to go back to after it was tuned."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def restore(self) -> None:
        """Put them back."""
        self._model.load_state_dict(self._kept)
