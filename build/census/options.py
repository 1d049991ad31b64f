"""Options of ``census``. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path

from build.options import add_registry, add_replace


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="the authors' JSON files, or folders that hold them"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the census there (default: print it, and the table to stderr)"
    )
    add_replace(parser)
    add_registry(parser)
