"""Options of ``oiellm verbalize``. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from oiellm.arguments import count, number, positive, share


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``oiellm verbalize`` but ``--registry``, which all verbs share."""

    def add(name: str, text: str, **more: Any) -> None:
        parser.add_argument(f"--{name}", help=text, **more)

    add("data", "a folder, a name under release/, ORG/NAME (default: mmm)", default="mmm", metavar="RELEASE")
    add("config", "one with closed text-level labels", required=True)
    add("model", "masked, encoder-decoder or causal: a folder, or ORG/NAME; none: only words and baselines")
    add("revision", "of the Hub repository")
    add("dtype", "default: the model's own")
    add("device", "cpu, cuda, cuda:1 (default: a GPU if there is one)")
    add("protocol", "which test rows (default: standard)", choices=("standard", "full"), default="standard")
    rankings = ("frequency", "pmi", "tfidf")
    add(
        "words",
        "lists of label words, beside the label's own word alone",
        nargs="+",
        choices=rankings,
        default=rankings,
    )
    add("words-file", "a list of your own as well: words/NAME.tsv of a run, edited", type=Path, metavar="TSV")
    add("top", "words a label before the filters (default: 100)", type=count, default=100, metavar="N")
    add("min-rows", "for PMI: rows of the label that hold a word (default: 2)", type=count, default=2, metavar="N")
    filters = ("shared", "prior", "relevance")
    add("filters", "which words to drop (default: all three)", nargs="+", choices=(*filters, "none"), default=filters)
    add("prior-cut", "share of words with the lowest prior to drop (default: 0.5)", type=share, default=0.5)
    add("support", "unlabelled train texts for priors (default: 200)", type=count, default=200, metavar="N")
    ways = ("support", "content-free", "none")
    add("calibrate", "by the prior over support texts, or over empty inputs", choices=ways, default="support")
    add("shots", "train rows a label (default: 0 1 5 10 20)", type=number, nargs="+", default=[0, 1, 5, 10, 20])
    add("seeds", "of the draws of rows (default: 0 1 2)", type=number, nargs="+", default=[0, 1, 2])
    add("learn", "from shots: by tuning, or in the prompt (default for causal)", choices=("tune", "context"))
    add("epochs", "of tuning (default: 10)", type=count, metavar="N")
    add("learning-rate", "of tuning (default: 3e-5)", type=positive, metavar="RATE")
    add("template", "name of a prompt template (default: the one for the config's family)")
    add("templates", "prompt templates (default: oiellm/verbalize/templates.toml)", type=Path, metavar="TOML")
    add("out", "default: results/verbalize-MODEL-RELEASE-CONFIG", type=Path, metavar="DIR")
