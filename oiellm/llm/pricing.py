"""What tokens cost, and how many a call has before anyone has counted them. The figures are in TOML files beside this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from mmm_dataset.files import dump
from oiellm.errors import OiellmError
from oiellm.files import read_toml
from oiellm.llm.calls import Call
from oiellm.llm.options import Settings

PRICES: Final = Path(__file__).parent / "prices.toml"
ESTIMATES: Final = Path(__file__).parent / "estimates.toml"
_DATE: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})")
"""What may stand after the name of a model in a price table: ``gpt-4o-2024-08-06``. Any other ending is another model."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens; ``batch`` is the factor for calls that go by the Batch API."""

    prompt: float
    completion: float
    batch: float = 1.0

    def dollars(self, prompt_tokens: float, completion_tokens: float, batched: bool = False) -> float:
        """What so many tokens cost."""
        factor = self.batch if batched else 1.0
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) * factor / 1e6


class Prices:
    """The price of every model of a run: those given by ``--price`` first, then the table.

    A price that is given for a model of the table keeps the table's discount for batches; other models have none.
    """

    def __init__(self, settings: Settings, path: Path = PRICES) -> None:
        """Read the table.

        Raises:
            OiellmError: the file is broken.
        """
        self._path = path
        self._as_of, self._table = _read_prices(path)
        self._given = {name: Price(prompt, completion) for name, prompt, completion in settings.price}
        self._found: dict[str, Price | None] = {}

    def of(self, model: str) -> Price | None:
        """The price of a model, None if nobody named it."""
        if model not in self._found:
            self._found[model] = self._look_up(model)
        return self._found[model]

    def _look_up(self, model: str) -> Price | None:
        listed = self._table.get(_named(model, self._table) or "")
        name = _named(model, self._given)
        if (given := self._given.get("" if name is None else name)) is None:
            return listed
        return replace(given, batch=listed.batch) if listed else given

    def origin(self, models: Iterable[str]) -> str:
        """Where the prices of these models are from, in a few words."""
        given = {"" in self._given or _named(model, self._given) is not None for model in models}
        table = f"of {self._as_of}: check them at your provider"
        return {frozenset((True,)): "of --price", frozenset((True, False)): f"of --price, others {table}"}.get(
            frozenset(given), table
        )

    def check(self, models: Iterable[str]) -> None:
        """Whether every ``--price NAME=`` is for one of these models.

        Raises:
            OiellmError: one is for none of them.
        """
        used = {_named(model, self._given) for model in models}
        for name in self._given:
            if name and name not in used:
                raise OiellmError(
                    f"--price {name}=: this run asks no model of that name: {', '.join(dict.fromkeys(models))}"
                )

    def needed(self, model: str) -> Price:
        """The price of a model.

        Raises:
            OiellmError: nobody named it.
        """
        if (price := self.of(model)) is None:
            raise OiellmError(
                f"{self._path}: no price for the model {model!r}: add it there, or give --price IN,OUT in dollars per "
                "million tokens (--price 0,0 for a server of your own)"
            )
        return price


@dataclass(frozen=True, slots=True)
class Estimates:
    """The figures of ``estimates.toml``; the file says what each means."""

    characters: tuple[float, float, float, float]
    per_message: float
    share_of_limit: float
    first_token: float
    tokens_per_second: float
    later_calls: float

    def of(self, text: str) -> int:
        """About as many tokens as a text has, by the scripts of its characters."""
        return round(sum(count / per for count, per in zip(widths(text), self.characters, strict=True)))

    def prompt_tokens(self, call: Call) -> int:
        """About as many tokens as the prompt has."""
        return round(self.per_message * len(call.messages)) + self.of("".join(text for _, text in call.messages))

    def completion_tokens(self, call: Call) -> int:
        """About as many tokens as a reply has."""
        return round(call.max_tokens * self.share_of_limit)


def widths(text: str) -> tuple[int, int, int, int]:
    """Characters by their bytes in UTF-8, 1 to 4; told by the lengths of whole encodings, because a loop is too slow."""
    if text.isascii():
        return len(text), 0, 0, 0
    one = len(text.encode("ascii", "ignore"))
    four = len(text.encode("utf-16-le", "surrogatepass")) // 2 - len(text)
    others = len(text) - one - four
    three = len(text.encode("utf-8", "surrogatepass")) - one - 4 * four - 2 * others
    return one, others - three, three, four


def most_prompt_tokens(call: Call) -> int:
    """More tokens than the prompt can have: a token is at least a byte, and a message has some of its own."""
    size = sum(len(content.encode("utf-8", "surrogatepass")) for _, content in call.messages)
    return size + 16 * (1 + len(call.messages)) + (len(dump(call.schema).encode()) if call.schema else 0)


@cache
def estimates(path: Path = ESTIMATES) -> Estimates:
    """The figures that estimates rest on.

    Raises:
        OiellmError: the file is broken.
    """
    table = read_toml(path)
    try:
        characters = [float(table["characters_per_token"][str(width)]) for width in (1, 2, 3, 4)]
        figures = [
            float(table[part][name])
            for part, name in (
                ("tokens", "per_message"),
                ("tokens", "share_of_limit"),
                ("time", "first_token"),
                ("time", "tokens_per_second"),
                ("later_calls", "per_row"),
            )
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise OiellmError(f"{path}: a figure is missing or no number ({error})") from error
    if min(*characters, figures[3]) <= 0 or min(figures) < 0:
        raise OiellmError(f"{path}: a figure is not above 0")
    a, b, c, d = characters
    return Estimates((a, b, c, d), *figures)


def _named(model: str, table: Mapping[str, Price]) -> str | None:
    """The name in a table that a model has, with a date after it or not."""
    return model if model in table else next((name for name in table if name and _is_dated(model, name)), None)


def _is_dated(model: str, name: str) -> bool:
    return model.startswith(name) and _DATE.fullmatch(model, len(name)) is not None


def _read_prices(path: Path) -> tuple[str, dict[str, Price]]:
    table, prices = read_toml(path), {}
    for name, row in dict(table.get("models", {})).items():
        try:
            price = Price(float(row["prompt"]), float(row["completion"]), float(row.get("batch", 1.0)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise OiellmError(f"{path}: {name}: needs prompt and completion in dollars ({error})") from error
        if min(price.prompt, price.completion, price.batch) < 0:
            raise OiellmError(f"{path}: {name}: a price is below 0")
        prices[name] = price
    return str(table.get("as_of", "unknown")), prices
