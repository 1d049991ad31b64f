"""Options of the verb ``init``; standard library only."""

from __future__ import annotations

import argparse
from pathlib import Path

from build.options import add_replace

KINDS = {
    "ner": "a text-level label and entities",
    "ner-only": "entities alone",
    "sentiment": "a text-level sentiment and the words that carry it",
    "relations": "a text-level label and relations: head, type, tail",
    "events": "a text-level label and events: subject, type, object, time",
    "aspects": "a text-level label and opinions: aspect, category, polarity, opinion words",
}
"""Kinds of tasks, with what a row of each has."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument("name", metavar="NAME", help="of the data set and its task: letters, digits, '_', '-', '.'")
    kinds = "; ".join(f"{kind}: {text}" for kind, text in KINDS.items())
    parser.add_argument("--kind", choices=tuple(KINDS), help=f"what a row has. {kinds} (default: ner)")
    parser.add_argument("--languages", metavar="CODES", help="such as de, or de,fr (required)")
    parser.add_argument("--labels", metavar="LABELS", help="of entities, relations ...: PER,LOC; default: any label")
    parser.add_argument("--text-labels", metavar="LABELS", help="of the text: politics,sports; default: any label")
    parser.add_argument("--license", metavar="NAME", help="of the data, such as CC-BY-4.0 (required)")
    parser.add_argument("--title", metavar="TEXT", help="of the data set, for its card (default: NAME)")
    parser.add_argument("--url", default="", metavar="URL", help="where the texts are from, if they are somewhere")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="default: this folder")
    add_replace(parser)
