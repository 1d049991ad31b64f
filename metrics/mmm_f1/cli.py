"""The command ``mmm-f1``: scores of prediction files, without ``evaluate``, ``datasets`` or torch."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from .errors import UserError
from .tables import Table, join, read
from .unified import FORMS, PAIR, TASK_WORDS, find_word, input_word, render, shape

OUTPUTS: Final = ("output", "prediction")
INPUTS: Final = ("text", "input")

_EPILOG: Final = """\
files: JSON lines (.jsonl, .json), CSV (.csv, .tsv) or Parquet (.parquet). A row holds a unified string in `output` or
`prediction`, or else `label`, `entities` ([{"label", "text"}], in CSV as JSON) and `task_word`. Rows are joined by `id`
if both files have it, else by order. Of GOLD, the columns `form`, `task_word`, `text` or `input`, and `config`, or
`language` and `task`, are used where they are."""


# ------------------------------------------------------------------------------------------------------------- columns


def strings(table: Table, column: str | None, words: Sequence[str | None], forms: str | Sequence[str]) -> list[str]:
    """The output string of every row, as it stands or written from ``label``, ``entities`` and ``task_word``."""
    if column is not None:
        if not any(column in row for row in table.rows):
            raise UserError(f"{table.path}: no column {column!r}; there are: {', '.join(table.rows[0])}")
        return table.column(column)
    for name in OUTPUTS:
        if any(name in row for row in table.rows):
            return table.column(name)
    if not any("label" in row for row in table.rows):
        raise UserError(
            f"{table.path}: no column 'output' or 'prediction', and no 'label' with 'entities'; "
            f"there are: {', '.join(table.rows[0])}; or name yours with --output-column"
        )
    return [_render(table, at, words[at], forms if isinstance(forms, str) else forms[at]) for at in range(len(words))]


def _render(table: Table, at: int, other: str | None, form: str) -> str:
    row = table.rows[at]
    line = row.get("input")
    word = row.get("task_word") or (isinstance(line, str) and input_word(line)) or other
    if not isinstance(word, str) or not word:
        raise table.error(at, "no 'task_word' in a row of label and entities, and none in the gold row")
    roles = shape(word)
    if tuple(roles) != PAIR:
        raise table.error(at, f"rows of {word!r} cannot be given as label and entities: give their 'output' string")
    entities = row.get("entities")
    try:
        entities = json.loads(entities) if isinstance(entities, str) else entities
        pairs = [(entity["label"], entity["text"]) for entity in entities or ()]
        if not all(isinstance(field, str) for field in (row.get("label"), *(f for pair in pairs for f in pair))):
            raise TypeError
    except (ValueError, TypeError, KeyError) as error:
        raise table.error(at, 'needs a string `label` and `entities` as a list of {"label", "text"}') from error
    try:
        return render(row["label"], word, pairs, form="published" if form == "published" else "escaped")
    except ValueError as error:
        raise table.error(at, str(error)) from error


def gold_columns(gold: Table, form: str | None, column: str | None) -> dict[str, Any]:
    """The arguments of ``score`` that the gold file settles."""
    forms: str | list[str] = form or (gold.column("form") if gold.has("form") else "escaped")
    for at, one in enumerate([] if isinstance(forms, str) else forms):
        if one not in FORMS:
            raise gold.error(at, f"column 'form' holds {one!r}; it must be one of: {', '.join(FORMS)}")
    given: dict[str, Any] = {"form": forms, "task_words": _task_words(gold)}
    given["references"] = strings(gold, column, [None] * len(gold.rows), forms)
    for name in INPUTS:
        if gold.has(name, blank=True):
            given["inputs"] = gold.column(name)
            break
    if gold.has("config"):
        given["configs"] = gold.column("config")
    elif gold.has("language") and gold.has("task"):
        given["configs"] = [f"{a}_{b}" for a, b in zip(gold.column("language"), gold.column("task"))]
    return given


def _task_words(gold: Table) -> dict[str, Sequence[str]]:
    """The known task words, and those of GOLD's own ``task_word`` column, which name label-entity pairs."""
    own = gold.column("task_word") if gold.has("task_word") else []
    for at, word in enumerate(own):
        if "/" in word:
            raise gold.error(at, f"column 'task_word' holds {word!r}; a task word has no '/'")
    return {**TASK_WORDS, **{word: PAIR for word in own if word not in TASK_WORDS}}


def predictions(table: Table, given: Mapping[str, Any], column: str | None) -> list[str]:
    """The predicted strings; a structured row without a task word of its own takes that of the gold row."""
    forms = given["form"]
    words = [find_word(reference, given["task_words"]) for reference in given["references"]]
    return strings(table, column, words, forms)


# -------------------------------------------------------------------------------------------------------------- output


def show_score(result: Mapping[str, Any]) -> str:
    """The scores as text: the figures, failures, then a line per config and per label."""
    lines = []
    for key, value in result.items():
        if isinstance(value, (dict, list)) or key == "protocol":
            continue
        interval = next((result[name] for name in result if name.startswith(f"{key}_ci")), None)
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        lines.append(f"{key:<32}{text:>10}" + (f"  [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""))
    lines += [f"  {kind:<30}{count:>10}" for kind, count in result["parse_failures"].items() if count]
    for title, name, keys in (
        ("config", "by_config", ("rows", "tl", "wl", "all")),
        ("label", "wl_by_label", ("gold", "predicted", "precision", "recall", "f1")),
    ):
        if result.get(name):
            lines += ["", *_rows(title, result[name], keys)]
    return "\n".join([*lines, "", result["protocol"]])


def _rows(title: str, table: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> list[str]:
    lines = [f"{title:<24}" + "".join(f"{key:>11}" for key in keys)]
    for name, row in table.items():
        cells = (f"{row[key]:.4f}" if isinstance(row[key], float) else str(row[key]) for key in keys)
        lines.append(f"{name:<24}" + "".join(f"{cell:>11}" for cell in cells))
    return lines


def show_compare(result: Mapping[str, Any]) -> str:
    """The comparison as text."""
    lines = [f"{'':<16}{'A':>9}{'B':>9}{'B - A':>9}  {'interval':<20}{'p':>8}"]
    for name, row in result.items():
        if isinstance(row, dict):
            low, high = next(value for key, value in row.items() if key.startswith("difference_ci"))
            lines.append(
                f"{name:<16}{row['a']:>9.4f}{row['b']:>9.4f}{row['difference']:>+9.4f}"
                f"  {f'[{low:+.4f}, {high:+.4f}]':<20}{row['p']:>8.4f}"
            )
    changed = f"rows {result['rows']:,}, fixed by B {len(result['fixed']):,}, broken by B {len(result['broken']):,}"
    return "\n".join([*lines, "", changed, result["protocol"]])


# ------------------------------------------------------------------------------------------------------------- command


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = _Parser(prog="mmm-f1", description="Score files of the unified text format of MMM.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="{score,compare}", parser_class=_Parser)
    one = verbs.add_parser("score", help="score PRED against GOLD", epilog=_EPILOG)
    one.add_argument("pred", metavar="PRED")
    two = verbs.add_parser("compare", help="compare two prediction files by a paired bootstrap", epilog=_EPILOG)
    two.add_argument("a", metavar="A")
    two.add_argument("b", metavar="B")
    for verb in (one, two):
        verb.add_argument("gold", metavar="GOLD")
        verb.add_argument(
            "--mode", choices=("default", "paper"), default="default", help="paper: Algorithm 1, as printed"
        )
        verb.add_argument("--matching", choices=("set", "multiset"), default="set", help="how pairs are compared")
        verb.add_argument("--form", choices=FORMS, help="form of the strings, instead of GOLD's `form` column")
        verb.add_argument("--output-column", metavar="NAME", help="column of the predicted strings")
        verb.add_argument("--gold-column", metavar="NAME", help="column of the gold strings")
        verb.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
        verb.add_argument("--json", action="store_true", help="print everything as JSON")
    one.add_argument(
        "--resamples", type=int, default=0, metavar="N", help="resamples for 95 %% intervals (default none)"
    )
    one.add_argument("--extended", action="store_true", help="also span, normalised-label, offset and partial F1")
    two.add_argument("--resamples", type=int, default=10_000, metavar="N", help="default 10,000")
    return top


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mmm-f1: error: {message}\n")


def run(args: argparse.Namespace) -> str:
    """Do what the command line asks; the text to print."""
    from .scoring import compare, score

    gold = read(args.gold)
    given = gold_columns(gold, args.form, args.gold_column)
    options = {**given, "mode": args.mode, "matching": args.matching, "seed": args.seed}

    def column(path: str) -> list[str]:
        return predictions(join(gold, read(path)), given, args.output_column)

    try:
        if args.verb == "compare":
            result = compare(column(args.a), column(args.b), resamples=args.resamples, **options)
        else:
            result = score(column(args.pred), resamples=args.resamples, extended=args.extended, **options)
    except ValueError as error:
        raise UserError(str(error)) from error
    if args.verb == "score" and result["reference_failures"] == result["rows"]:
        kinds = ", ".join(given["task_words"])
        raise UserError(
            f"{args.gold}: no row can be read; it needs a task word: {kinds}, or one in a column 'task_word'"
        )
    if args.json:
        return json.dumps(result, ensure_ascii=False, indent=2)
    return show_compare(result) if args.verb == "compare" else show_score(result)


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
