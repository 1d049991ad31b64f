"""Options of ``convert``. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, Literal, get_args

from build.options import add_registry, add_replace

FormatName = Literal[
    "gliner", "spacy", "conll", "doccano", "brat", "label-studio", "llamafactory", "axolotl", "openai-messages"
]
FORMATS: Final = get_args(FormatName)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""

    def option(name: str, text: str, **how: object) -> None:
        parser.add_argument(name, help=text, **how)  # type: ignore[arg-type]

    option("release", "folder of a release, a name under release/, or ORG/NAME of a Hub data set", metavar="RELEASE")
    option("--to", "format of the files", required=True, choices=FORMATS)
    option("--config", "config to convert; repeat for several (default: all)", action="append", metavar="CONFIG")
    option("--out", "folder to write (default: work/convert/RELEASE-FORMAT)", type=Path, metavar="DIR")
    add_registry(parser)
    add_replace(parser)
