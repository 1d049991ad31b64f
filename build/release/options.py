"""Options of the verb ``release``; standard library only."""

from __future__ import annotations

import argparse
from pathlib import Path

from build.options import add_registry


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    where = parser.add_argument_group("where to")
    where.add_argument("--org", default="", metavar="ORG", help="account or organisation on the Hub")
    where.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="into this folder instead: DIR/datasets/NAME, DIR/models/NAME, DIR/spaces/NAME",
    )
    where.add_argument("--dry-run", action="store_true", help="say what would be changed, and change nothing")
    where.add_argument(
        "--public",
        action="store_true",
        help="make the repositories public once they hold; new ones are private until then",
    )
    what = parser.add_argument_group("what")
    what.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="a release.yaml: trees, names, authors, citation, licences; default: release.yaml here, else the one that ships",
    )
    what.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="change one key of it"
    )
    what.add_argument(
        "--demo", action="store_true", help="release demonstration data and models, under names that end in -demo"
    )
    what.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="SOURCE",
        help="release rows made from this source although its terms forbid it or it was withdrawn; yours to answer for",
    )
    add_registry(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not load everything back afterwards")
