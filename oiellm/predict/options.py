"""Options of the styles in which models are asked. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from oiellm.errors import OiellmError
from oiellm.llm import options as llm

STYLES: Final = ("oiellm", "usa", "giellm", "chat")
_CHAT: Final = ("shots", "structured", "instruction")
_PAID: Final = ("batch", "dry_run", "max_cost", "price", "rpm", "tpm")


def add_style_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--style`` and what the style ``chat`` takes."""
    group = parser.add_argument_group("how the model is asked")
    group.add_argument(
        "--style",
        choices=STYLES,
        default="oiellm",
        help="prompt and parser: of OIELLM (default), of USA-7B, of GIELLM, or for any chat model; see docs/baselines.md",
    )
    chat = parser.add_argument_group("--style chat")
    chat.add_argument(
        "--shots", type=_shots, default=0, metavar="K", help="training rows shown as examples (default: 0)"
    )
    chat.add_argument(
        "--structured",
        nargs="?",
        choices=("auto", "on", "off"),
        const="on",
        default="off",
        help="replies as JSON by a schema; auto goes on without where the server enforces none (default: off)",
    )
    chat.add_argument(
        "--instruction", type=Path, metavar="FILE", help="what the model is told (default: oiellm/baselines/chat.toml)"
    )
    llm.add_options(parser, without=("--model", "--base-url", "--structured"))


def check_style(options: argparse.Namespace) -> None:
    """Refuse options that the style would not look at.

    Raises:
        OiellmError: one is given.
    """
    style = options.style
    if not options.endpoint and not (options.model and by_chat(options)):
        _refuse(options, ("extra_body",), "it is for models behind an endpoint")
    if style == "oiellm":
        _refuse(options, (*_CHAT, *_PAID), "it is for --style chat")
        return
    if not options.model:
        raise OiellmError(f"--style {style}: name the model with --model")
    if options.closed:
        raise OiellmError(f"--closed: --style {style} has a prompt of its own; leave one of them out")
    if options.decoding in ("constrained", "both"):
        raise OiellmError(
            f"--decoding {options.decoding}: the grammar is that of the unified format, not of --style {style}"
        )
    if style != "chat":
        _refuse(options, _CHAT, "it is for --style chat")
    if not by_chat(options):
        _refuse(options, _PAID, "it is for models behind a chat endpoint")


def by_chat(options: argparse.Namespace) -> bool:
    """Whether the model is asked over a chat endpoint: chat models that are no folder here, and USA-7B behind a server."""
    if options.style == "chat":
        return bool(options.endpoint) or not Path(options.model).is_dir()
    return options.style == "usa" and bool(options.endpoint)


def _refuse(options: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    for name in names:
        if getattr(options, name) not in (None, False, 0, [], {}, "off"):
            raise OiellmError(f"--{name.replace('_', '-')}: {why}")


def _shots(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
