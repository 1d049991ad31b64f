"""Options of ``python -m build translate``. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path

from build.options import add_registry, add_replace
from oiellm.llm import options as llm

OUT = Path("work/translate")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb, and those of talking to a model."""
    parser.epilog = (
        "For example: python3 -m build translate --source ja_scnm --to en,zh --release release/published --dry-run. What a run "
        "has paid for is kept: the same command goes on where it was stopped."
    )
    add = parser.add_argument
    add("--source", required=True, metavar="CONFIG|FILE.jsonl", help="a config of the release, or a file of records")
    add("--to", required=True, metavar="LANGUAGES", help="languages of the registry, as in en,zh")
    add("--release", default="release/mmm", metavar="PATH", help="where the config is (default: release/mmm)")
    text = "a folder for each language is made in it (default: work/translate)"
    add("--out", type=Path, default=OUT, metavar="DIR", help=text)
    text = "translate N rows, drawn by --seed; the paper took 10,000 (default: all)"
    add("--sample", type=_positive, metavar="N", help=text)
    add("--seed", type=int, default=0, metavar="N", help="of the sample (default: 0)")
    text = "tags: this kit's way; paper: one call a row and a filter, as in section 3.1 of the paper (default: tags)"
    add("--method", choices=("tags", "paper"), default="tags", help=text)
    add("--stronger-model", metavar="NAME", help="asked where --model fails, at the same endpoint (default: none)")
    text = "where the translation has no words for an item: drop the item, or its row (default: item)"
    add("--no-counterpart", choices=("item", "row"), default="item", help=text)
    text = "keep: labels are the same in all languages; table: by the label tables (default: table)"
    add("--labels", choices=("table", "keep"), default="table", help=text)
    text = "of the target: Hant for Traditional Chinese (default: Simplified); rows of build/translate/languages.toml"
    add("--script", metavar="SCRIPT", help=text)
    add(
        "--convert-script", action="store_true", help="let OpenCC convert characters of the other script, not the model"
    )
    add("--prompts", type=Path, metavar="DIR", help="with your copies of build/translate/prompts/*.toml")
    add("--checks", type=Path, metavar="FILE.toml", help="thresholds that differ from build/translate/checks.toml")
    add("--back-translate", action="store_true", help="translate each row back and flag those that come back different")
    add("--judge", metavar="NAME", help="model that rates each translation; low ones are flagged")
    add_registry(parser)
    add_replace(parser)
    llm.add_options(parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)
