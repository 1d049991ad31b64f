"""The command ``mmm-f1``: scores of prediction files, without ``evaluate``, ``datasets`` or torch."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from . import conll, sources
from .errors import UserError
from .show import FORMATS, show
from .tables import STDIN, Table, join, read, suffix_of
from .unified import FORMS

_KINDS: Final = ("rows", "spans", "conll")
_CONLL: Final = (".conll", ".conllu", ".bio", ".iob", ".iob2")

_EPILOG: Final = """\
files: JSON (.json), JSON lines (.jsonl), CSV (.csv, .tsv) or Parquet (.parquet), also .gz; - is standard input. A row holds a
unified string in `output` or `prediction`, or else `entities` ([{"label", "text"}], with "start" and "end" or not, in CSV as
JSON), a `label` of the text if it has one, and `task_word`; or entities as LangExtract, GLiNER, doccano and spaCy write them,
or `tokens` with `ner_tags`. Rows are joined by `id` if both files have it, else by order. Of GOLD, the columns `form`,
`task_word`, `text` or `input`, and `config`, or `language` and `task`, are used where they are. --from spans: entities count,
also of rows that have a string. --from conll: a token and its tag a line; without GOLD, the last two columns of tags of PRED
are gold and predicted."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = _Parser(prog="mmm-f1", description="Score files of the unified text format of MMM, of spans, or of tags.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="{score,compare}", parser_class=_Parser)
    one = verbs.add_parser("score", help="score PRED against GOLD", epilog=_EPILOG)
    one.add_argument("pred", metavar="PRED")
    one.add_argument("gold", metavar="GOLD", nargs="?")
    two = verbs.add_parser("compare", help="compare two prediction files by a paired bootstrap", epilog=_EPILOG)
    two.add_argument("a", metavar="A")
    two.add_argument("b", metavar="B")
    two.add_argument("gold", metavar="GOLD")
    for verb in (one, two):
        _add_input_options(verb)
        verb.add_argument(
            "--mode", choices=("default", "paper"), default="default", help="paper: Algorithm 1, as printed"
        )
        verb.add_argument("--matching", choices=("set", "multiset"), default="set", help="how pairs are compared")
        verb.add_argument("--strict", action="store_true", help="a prediction with a broken piece is wrong as a whole")
        verb.add_argument("--no-text-labels", action="store_true", help="score the entities alone")
        verb.add_argument("--seed", type=int, default=0, help="of the resamples (default 0)")
        verb.add_argument("--format", choices=FORMATS, default="text", help="of what is printed (default text)")
    one.add_argument("--resamples", type=int, default=0, metavar="N", help="for 95 %% intervals (default none)")
    one.add_argument(
        "--label-intervals", action="store_true", help="intervals of every label as well (with --resamples)"
    )
    one.add_argument("--extended", action="store_true", help="also span, normalized-label, offset and partial F1")
    two.add_argument("--resamples", type=int, default=10_000, metavar="N", help="default 10,000")
    return top


def _add_input_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--from", choices=_KINDS, default="rows", dest="kind", help="what the files hold (default rows)")
    verb.add_argument("--form", choices=FORMS, help="form of the strings, instead of GOLD's `form` column")
    verb.add_argument("--output-column", metavar="NAME", help="column of the predicted strings")
    verb.add_argument("--gold-column", metavar="NAME", help="column of the gold strings")
    verb.add_argument("--tag-names", metavar="O,B-PER,...", help="names of tags that are numbers, in their order")
    verb.add_argument("--columns", metavar="token=1,gold=2,pred=3", help="of CoNLL, by number (-1: last) or name")
    verb.add_argument(
        "--delimiter", help="of CoNLL: tab, space, comma, pipe or a character (default: found by looking)"
    )
    verb.add_argument(
        "--label-key", default="label", help="of CoNLL: comment with the text-level label (default label)"
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mmm-f1: error: {message}\n")


def run(args: argparse.Namespace) -> str:
    """Do what the command line asks; the text to print."""
    from .scoring import compare, score

    gold, systems = _read(args)
    names = args.tag_names.split(",") if args.tag_names else None
    given = sources.read_gold(gold, args.form, args.gold_column, names, args.kind == "spans")
    tables = {name: join(gold, table) for name, table in systems.items()}
    if args.kind == "conll":
        for name, table in tables.items():
            tables[name], differing = conll.with_tokens_of(gold, table)
            if differing:
                print(
                    f"mmm-f1: note: {table.path}: {differing:,} words are spelled otherwise in {gold.path}",
                    file=sys.stderr,
                )
    text_labels = False if args.no_text_labels else None
    columns = sources.columns(given, tables, args.output_column, text_labels)
    options: dict[str, Any] = {
        name: getattr(args, name) for name in ("mode", "matching", "strict", "seed", "resamples")
    }
    if args.mode == "paper":
        columns = {key: value for key, value in columns.items() if "offsets" not in key}
    try:
        if args.verb == "compare":
            result = compare(**columns, **options)
        else:
            result = score(**columns, **options, extended=args.extended, label_intervals=args.label_intervals)
    except ValueError as error:
        raise UserError(str(error)) from error
    _check_references(args, result, given.task_words)
    return show(result, args.format)


def _read(args: argparse.Namespace) -> tuple[Table, dict[str, Table]]:
    """The gold table, and those of the systems by the argument of the scorer."""
    paths = {"predictions_a": args.a, "predictions_b": args.b} if args.verb == "compare" else {"predictions": args.pred}
    if [*paths.values(), args.gold].count(STDIN) > 1:
        raise UserError(f"{STDIN}: standard input can be one file only")
    if args.kind == "conll":
        columns = conll.read_columns(args.columns)
        options = (args.delimiter, args.label_key)
        if args.gold is None:
            predicted, gold = conll.read_two_columns(args.pred, columns, *options)
            return gold, {"predictions": predicted}
        tables = {name: conll.read_conll(path, columns, "pred", *options) for name, path in paths.items()}
        return conll.read_conll(args.gold, columns, "gold", *options), tables
    for path in (*paths.values(), args.gold or ""):
        if suffix_of(path) in _CONLL:
            raise UserError(f"{path}: is it CoNLL, a token and a tag a line? give --from conll")
    if args.gold is None:
        raise UserError(f"GOLD is missing: mmm-f1 score {args.pred} GOLD; one file alone is read with --from conll")
    return read(args.gold), {name: read(path) for name, path in paths.items()}


def _check_references(args: argparse.Namespace, result: Mapping[str, Any], task_words: Mapping[str, Any]) -> None:
    if args.verb == "score" and result["reference_failures"] == result["rows"]:
        raise UserError(
            f"{args.gold}: no row can be read; it needs a task word: {', '.join(task_words)}, or one in a column 'task_word'"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the command; 0, or 2 after one line on standard error."""
    args = parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a label that the terminal cannot show must not end the run
    try:
        print(run(args), flush=True)
    except UserError as error:
        print(f"mmm-f1: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
