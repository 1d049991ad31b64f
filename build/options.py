"""Options that several verbs have. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse


def add_registry(parser: argparse.ArgumentParser) -> None:
    """Add ``--registry``."""
    parser.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="FILE",
        help="more configs: a .toml file, or one that ships: xsid, ner-only",
    )


def add_replace(parser: argparse.ArgumentParser) -> None:
    """Add ``--replace``."""
    parser.add_argument(
        "--replace",
        action="store_true",
        help="move what another run or a person left at the output to a dated name beside it (default: stop)",
    )
