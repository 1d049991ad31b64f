"""How rows are translated, as the options of a run say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from build.translate.rules import Rules

Method = Literal["tags", "paper"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are translated.

    Attributes:
        model: that translates.
        stronger: that is asked where the model fails; None for no fourth repair level.
        method: ``tags``, or ``paper`` for the paper's own way.
        drop_items: an item without a counterpart is dropped and its row kept; otherwise the row is dropped.
        keep_labels: labels are the same in all languages.
        prompts: folder with the user's own prompts.
        rules: thresholds.
        back: whether each translation is translated back and compared.
        judge: name of a model that rates each translation.
        script: of the target, such as ``Hant``; None for the language's usual one.
        convert_script: whether OpenCC converts what is in the other script.
    """

    model: str
    rules: Rules
    stronger: str | None = None
    method: Method = "tags"
    drop_items: bool = True
    keep_labels: bool = False
    prompts: Path | None = None
    back: bool = False
    judge: str | None = None
    script: str | None = None
    convert_script: bool = False
