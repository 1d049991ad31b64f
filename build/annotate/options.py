"""Options of ``annotate``. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, Literal, get_args

from build.options import add_registry, add_replace
from oiellm.llm import options as llm

Level = Literal["text", "word"]
LEVELS: Final = get_args(Level)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb, those of the model included."""

    def option(name: str, text: str, **how: object) -> None:
        parser.add_argument(name, help=text, **how)  # type: ignore[arg-type]

    option("worklist", "records without a label or items, as `read` writes them", type=Path, metavar="WORKLIST.jsonl")
    option(
        "--level", "what to annotate, where it is missing (default: both)", choices=(*LEVELS, "both"), default="both"
    )
    text = "ask so many times and keep what the answers agree on (default: 1)"
    option("--votes", text, metavar="K", type=_votes, default=1)
    text = (
        "0 to 1: share of votes for a label, mean F1 between lists of items: below it a row stays open (default: 0.5)"
    )
    option("--min-agreement", text, metavar="F", type=_share, default=0.5)
    text = "open labels: a table with the columns label and into, such as the labels.csv of an earlier run"
    option("--labels", text, metavar="FILE.csv", type=Path)
    option("--prompts", "folder of edited prompt files; those it lacks are the shipped ones", metavar="DIR", type=Path)
    text = "annotate the texts for this task instead of their own, each once: reviews of scpos for scpos_rw"
    option("--task", text, metavar="CODE")
    text = "task word to find items for: one of the task's, or any: ask for each, take the richest (default: the row's own)"
    option("--word", text, metavar="WORD")
    option("--sample", "take so many rows only", metavar="N", type=_count)
    option("--seed", "of the sample (default: 0)", metavar="S", type=int, default=0)
    option("--out", "folder to write (default: the worklist's folder with -annotated)", metavar="DIR", type=Path)
    add_registry(parser)
    add_replace(parser)
    llm.add_options(parser)


def _votes(text: str) -> int:
    if not 1 <= (number := _count(text)) <= 99:
        raise argparse.ArgumentTypeError("must be 1 to 99")
    return number


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("must be 0 to 1")
    return number
