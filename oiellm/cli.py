"""The command line of OIELLM: what can be typed. What it does is in :mod:`oiellm.verbs`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from mmm_f1.errors import UserError
from oiellm import verbs
from oiellm.arguments import count
from oiellm.predict.options import add_style_options
from oiellm.verbalize.command import verbalize
from oiellm.verbalize.options import add_options

_PRINTS = ("ls", "show", "validate", "extract")
_KEPT = {
    "train": "; the same command goes on from the last checkpoint, if there is one yet",
    "study": "; what is done is kept, the same command goes on from there",
    "predict": "; what was predicted is kept, the same command goes on from there",
    "evaluate": "; what was predicted is kept, the same command goes on from there",
    "verbalize": "; cells that are done are kept, the same command goes on from there",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; a user's mistake is one line on stderr and exit code 2."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not options.verb:
        parser.print_help()
        return 0
    try:
        options.run(options)
        sys.stdout.flush()
        return 0
    except UserError as error:
        print(f"oiellm: error: {error}", file=sys.stderr)
        return error.code
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; what only prints is then done
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 0 if options.verb in _PRINTS else 141
    except OSError as error:
        where = (
            f"{place}: " if (place := error.filename2 or error.filename) else ""
        )  # of a copy, where it could not be written
        print(f"oiellm: error: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"oiellm: interrupted{_KEPT.get(options.verb, '')}", file=sys.stderr)
        return 130
    return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="oiellm", description="Train, run and score open-domain information extraction models.")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    verb("ls", verbs.ls, "list the recipes that ship")
    sub = verb("show", verbs.show, "print a recipe, or what it needs")
    _recipe(sub)
    sub.add_argument("--memory", action="store_true", help="GiB per GPU by part, for several numbers of GPUs")
    sub.add_argument(
        "--gpus", type=count, nargs="+", default=[1, 2, 4, 8], metavar="N", help="with --memory: numbers of GPUs"
    )
    ways = ("ddp", "zero2", "zero3", "fsdp2")
    sub.add_argument("--sharding", nargs="+", choices=ways, default=("ddp", "zero2", "fsdp2"), help="with --memory")
    sub = verb("validate", verbs.validate, "check a recipe; loads no model and no data")
    _recipe(sub)
    sub = verb("train", verbs.train, "train a recipe into a model folder, or go on where it stopped")
    _recipe(sub)
    sub.add_argument("--out", type=Path, metavar="DIR", help="the model folder (default: release/NAME-OF-THE-RECIPE)")
    sub.add_argument("--base", metavar="FOLDER", help="take the recipe's base from here")
    sub.add_argument("--processes", type=count, metavar="N", help="refuse to run on any other number of processes")
    sub.add_argument("--restart", action="store_true", help="do not go on from a checkpoint: begin again")
    sub.add_argument(
        "--cache", type=Path, metavar="DIR", help="keep tokenised rows here for other trainings on the same ones"
    )

    sub = verb("predict", verbs.predict, "predict test rows of a release into a folder, or go on where it stopped")
    _model(sub, needed=True)
    _rows(sub)
    sub = verb("evaluate", verbs.evaluate, "score a model, or predictions, on a release: tables, JSON, the Hub's YAML")
    _model(sub, needed=False)
    _rows(sub)
    text = "score these as well: folders of predictions, or files with columns config, id and output (JSON lines, CSV, Parquet)"
    sub.add_argument("--predictions", type=Path, nargs="+", default=[], metavar="PATH", help=text)
    sub.add_argument("--dataset", metavar="ORG/NAME", help="name of the release on the Hub, for the YAML")
    sub = verb("compare", verbs.compare, "compare two folders of predictions by a paired bootstrap on the same rows")
    sub.add_argument("a", type=Path, metavar="A")
    sub.add_argument("b", type=Path, metavar="B")
    sub.add_argument("--data", default="mmm", metavar="RELEASE", help="the release they predicted (default: mmm)")
    sub.add_argument("--out", type=Path, default=Path("results/comparison"), metavar="DIR")
    sub.add_argument("--lenient", action="store_true", help="compare what the lenient readings find")
    _registry(sub)

    sub = verb(
        "study", verbs.study, "run a study: trainings, tests, comparisons with a criterion fixed before, one report"
    )
    sub.add_argument("study", type=Path, metavar="STUDY.yaml")
    sub.add_argument("--plan", action="store_true", help="print what it takes, and stop")
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder of the study (default: results/NAME-OF-THE-STUDY)")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value: seeds=[0,1]")
    text = "trainings side by side (default: one to a GPU of --gpus, or 1)"
    sub.add_argument("--jobs", type=count, metavar="N", help=text)
    sub.add_argument("--gpus", type=count, metavar="N", help="GPUs to share out, one to a training")
    sub.add_argument("--slurm", action="store_true", help="write a Slurm array of --jobs tasks instead of running")
    sub.add_argument(
        "--hardware", default="cpu-core", metavar="NAME", help="what the plan reckons with (default: cpu-core)"
    )
    sub.add_argument(
        "--hardware-file", type=Path, metavar="TOML", help="other hardware than oiellm/study/hardware.toml"
    )
    sub.add_argument(
        "--worker", action="store_true", help="work on trainings nobody works on, and leave the report to others"
    )

    sub = verb("verbalize", verbalize, "few-shot text classification by label words taken from word-level items")
    add_options(sub)
    _registry(sub)

    sub = verb("extract", verbs.extract, "labels and entities of texts, one a line, as JSON lines")
    sub.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="texts, one a line; - or nothing: standard input"
    )
    sub.add_argument("--task", required=True, help="a task word such as NER, or the code of a task such as scnm")
    sub.add_argument("--language", required=True, metavar="CODE", help="ja, en, zh ...")
    sub.add_argument("--free", action="store_true", help="decode freely: the form is then not guaranteed")
    text = "ask about longer texts in windows of N characters, 150 say; offsets are those of the text"
    sub.add_argument("--window", type=count, metavar="N", help=text)
    _model(sub, needed=True)
    _registry(sub)
    return parser


def _recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe that ships, or a YAML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value: train.epochs=1"
    )
    _registry(parser)


def _model(parser: argparse.ArgumentParser, needed: bool) -> None:
    parser.add_argument("--model", required=needed, metavar="MODEL", help="a folder, or ORG/NAME on the Hub")
    parser.add_argument("--revision", help="of the Hub repository")
    text = "ask an OpenAI-compatible endpoint instead: completions, or chat with --style chat or usa"
    parser.add_argument("--endpoint", "--base-url", metavar="URL", help=text)
    parser.add_argument("--continuous", action="store_true", help="continuous batching (free decoding, for GPUs)")
    parser.add_argument(
        "--batch-size", type=count, metavar="N", help="prompts at once (default: the model's recipe, or 32)"
    )
    parser.add_argument("--max-new-tokens", type=count, metavar="N", help="default: the model's recipe, or 512")
    parser.add_argument("--dtype", help="default: the one the model was trained in")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, auto (default: a GPU if there is one)")


def _rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="mmm", metavar="RELEASE", help="a folder, a name under release/, ORG/NAME (default: mmm)"
    )
    parser.add_argument("--configs", nargs="+", metavar="CONFIG", help="default: all")
    parser.add_argument(
        "--protocol",
        choices=("standard", "full", "paper"),
        help="which test rows (default: the model's recipe, or standard)",
    )
    parser.add_argument("--draws", type=count, default=3, metavar="N", help="with --protocol paper: 3, or 1 as for 13B")
    parser.add_argument("--seed", type=int, default=0, help="of the draws, and of --shots")
    parser.add_argument(
        "--decoding", choices=("free", "constrained", "both"), help="default: the model's recipe, or free"
    )
    parser.add_argument(
        "--closed", action="store_true", help="list labels in the prompt where the labels are open (TCONER)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: results/MODEL-RELEASE")
    add_style_options(parser)
    _registry(parser)


def _registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="FILE",
        help="more configs: a .toml file, or the shipped xsid",
    )
