"""Options of every verb that talks to a model. Standard library only: ``--help`` must work without the environment."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

KEY: Final = "OPENAI_API_KEY"
OPENAI: Final = "https://api.openai.com/v1"
MOST_AT_ONCE: Final = 1000
"""Connections that the client library opens at most."""

RESERVED: Final = ("model", "messages", "prompt", "stream", "n", "max_tokens", "max_completion_tokens")
"""What ``--extra-body`` cannot set: the run, its budget and the reading of replies depend on it."""

Structured = Literal["auto", "on", "off"]


def _address(text: str) -> str:
    """A base address. What may hold a secret is refused, and not shown."""
    text = text.strip().rstrip("/")
    if "@" in text or "?" in text:
        raise argparse.ArgumentTypeError(f"an address must hold no user, password or query: the key comes from {KEY}")
    try:
        found = urlsplit(text)
        fits = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as http://127.0.0.1:8000/v1")
    return text


@dataclass(frozen=True, slots=True)
class Settings:
    """How to talk to a model; :func:`settings` makes it of the options.

    Attributes:
        model: name under which the endpoint knows the model.
        base_url: address of the endpoint.
        concurrency: requests in flight at most.
        rpm: requests a minute at most, retried ones included; None is no limit.
        tpm: tokens a minute at most, prompt (estimated) and limit of the reply together; None is no limit.
        timeout: seconds for one attempt.
        retries: attempts after the first, for each request.
        cache: folder of the replies.
        batch: send by the Batch API, in rounds, instead of live.
        dry_run: send nothing; the verb prints a plan.
        max_cost: dollars that all calls of the run may cost together, those in the cache included; None is no limit.
        price: (name of a model, empty for all, dollars per million prompt tokens, and completion tokens), before the table.
        structured: whether calls with a schema ask for structured outputs; ``auto`` goes on without if the server has none.
        poll: seconds between two looks at a batch.
        backoff: seconds before the first retry; they double from one to the next, up to a minute.
        extra_body: goes into every request as it is, and is part of the key under which its reply is kept.
        pilot: stop after the first rows if none of them comes to anything.
    """

    model: str = "gpt-4.1-mini"
    base_url: str = OPENAI
    concurrency: int = 64
    rpm: float | None = None
    tpm: float | None = None
    timeout: float = 300.0
    retries: int = 8
    cache: Path = Path("work/llm-cache")
    batch: bool = False
    dry_run: bool = False
    max_cost: float | None = None
    price: tuple[tuple[str, float, float], ...] = ()
    structured: Structured = "auto"
    poll: float = 30.0
    backoff: float = 0.5
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    pilot: bool = True

    def __post_init__(self) -> None:
        """Raise OiellmError if ``base_url`` is no address, or holds a secret, which no message shows."""
        try:
            object.__setattr__(self, "base_url", _address(self.base_url))
        except argparse.ArgumentTypeError as error:
            from oiellm.errors import OiellmError

            raise OiellmError(str(error)) from error


DEFAULTS: Final = Settings()


def add_options(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Add the options of :class:`Settings` to a verb, without those that it has itself, by name: ``--model`` ..."""
    group = parser.add_argument_group(
        "the model",
        f"Any OpenAI-compatible endpoint. The key is taken from the environment variable {KEY}; a server of your own needs "
        "none: --base-url http://127.0.0.1:8000/v1 --model Qwen/Qwen3-8B --price 0,0",
    )

    def option(name: str, text: str, **how: object) -> None:
        if name not in without:
            group.add_argument(name, help=text, **how)  # type: ignore[arg-type]

    option(
        "--model",
        f"name of the model at the endpoint (default: {DEFAULTS.model})",
        metavar="NAME",
        default=DEFAULTS.model,
    )
    option("--base-url", f"default: OPENAI_BASE_URL, else {OPENAI}", metavar="URL", type=_address)
    text = f"requests in flight (default: {DEFAULTS.concurrency}, at most {MOST_AT_ONCE})"
    option("--concurrency", text, metavar="N", type=_at_once, default=DEFAULTS.concurrency)
    option("--rpm", "requests a minute at most, as in --rpm 500 (default: no limit)", metavar="N", type=_positive)
    option("--tpm", "tokens a minute at most, as in --tpm 200000 (default: no limit)", metavar="N", type=_positive)
    text = f"for one attempt (default: {DEFAULTS.timeout:.0f})"
    option("--timeout", text, metavar="SECONDS", type=_positive, default=DEFAULTS.timeout)
    text = f"of a request that met 429, a server error or a lost connection (default: {DEFAULTS.retries})"
    option("--retries", text, metavar="N", type=_count, default=DEFAULTS.retries)
    text = f"folder of the replies, so that no call is paid twice (default: {DEFAULTS.cache}); keep it local: it holds text"
    option("--cache", text, metavar="DIR", type=Path, default=DEFAULTS.cache)
    text = "use the Batch API: cheaper, within a day; a killed run finds its batches again"
    option("--batch", text, action="store_true")
    option("--dry-run", "send nothing: print calls, tokens, price and time to expect", action="store_true")
    text = "stop cleanly before the calls of this command, cached ones included, cost more; a higher amount goes on from there"
    option("--max-cost", text, metavar="DOLLARS", type=_amount)
    text = (
        "dollars per million prompt and completion tokens, as in 0.4,1.6 or NAME=0.4,1.6; may be repeated "
        "(default: the table oiellm/llm/prices.toml, whose discounts for batches stay in force)"
    )
    option("--price", text, metavar="[NAME=]IN,OUT", type=_price, action="append", default=[])
    text = "structured outputs for calls that have a schema; auto goes on without where the server has none (default: auto)"
    option("--structured", text, choices=("auto", "on", "off"), default="auto")
    text = (
        'added to every request, as in \'{"reasoning_effort": "low"}\' or, for a thinking model of vLLM, '
        '\'{"chat_template_kwargs": {"enable_thinking": false}}\''
    )
    option("--extra-body", text, metavar="JSON", type=_body, default={})
    text = "go on even if none of the first 20 rows comes to anything (default: stop there, with the server's words)"
    option("--no-pilot", text, dest="pilot", action="store_false")


def settings(options: argparse.Namespace) -> Settings:
    """What the options of :func:`add_options` say.

    Raises:
        OiellmError: the environment names an address that is none.
    """
    from oiellm.errors import OiellmError

    chosen = {name: getattr(options, name) for name in Settings.__slots__ if hasattr(options, name)}
    try:
        chosen["base_url"] = options.base_url or _address(os.environ.get("OPENAI_BASE_URL") or OPENAI)
    except argparse.ArgumentTypeError as error:
        raise OiellmError(f"OPENAI_BASE_URL: {error}: correct it, or give --base-url") from error
    chosen["price"] = tuple(options.price)
    return replace(DEFAULTS, **chosen)


def _body(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError('must be a JSON object, as in \'{"reasoning_effort": "low"}\'')
    if kept := [name for name in RESERVED if name in found]:
        raise argparse.ArgumentTypeError(f"{', '.join(kept)}: cannot be set this way")
    return found


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is out of range")
    return number


def _positive(text: str) -> float:
    if not (number := _number(text)):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def _amount(text: str) -> float:
    return _number(text.removeprefix("$"))


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _at_once(text: str) -> int:
    if not 1 <= (number := _count(text)) <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_AT_ONCE}")
    return number


def _price(text: str) -> tuple[str, float, float]:
    name, _, figures = text.rpartition("=")
    parts = figures.split(",")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{text!r}: give two prices, as in 0.4,1.6 (dollars per million tokens)")
    return name, _amount(parts[0]), _amount(parts[1])
