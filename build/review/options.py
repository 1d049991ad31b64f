"""Options of ``build review``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal, get_args

from build.options import add_registry, add_replace

Order = Literal["risk", "file", "random"]
"""``risk``: the riskiest first. ``file``: as they stand. ``random``: shuffled by their ids, the same for every reviewer."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb to its parser."""
    parser.add_argument("file", type=Path, metavar="FILE", help="review.jsonl, or JSON lines of records")
    parser.add_argument("--reviewer", default="", metavar="NAME", help="your name in the log (default: the page asks)")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--order",
        choices=get_args(Order),
        default="risk",
        help="default: risk, the likeliest errors first; random: a sample whose rates speak for the whole file",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--adjudicator", metavar="NAME", help="whose decision settles what reviewers disagree on")
    add_registry(parser)
    add_replace(parser)
    other = parser.add_argument_group("instead of opening the page").add_mutually_exclusive_group()
    other.add_argument("--apply", action="store_true", help="write the reviewed records.jsonl, report and manifest")
    other.add_argument("--report", action="store_true", help="print correction rates and agreement")
    other.add_argument(
        "--to-label-studio", type=Path, metavar="OUT.json", help="write tasks, and OUT.xml to set up with"
    )
    other.add_argument("--from-label-studio", type=Path, metavar="IN.json", help="add the decisions of a JSON export")
    parser.add_argument("--out", type=Path, metavar="DIR", help="of --apply; default: reviewed/ beside FILE")
    parser.add_argument("--only-reviewed", action="store_true", help="with --apply: leave undecided rows out")
