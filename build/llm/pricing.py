"""What tokens cost, and how many a call has before anyone has counted them. The figures are in TOML files beside this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from build.files import read_toml
from build.llm.calls import Call
from build.llm.options import Settings
from build.steps import KitError
from mmm_dataset.files import dump

PRICES: Final = Path(__file__).parent / "prices.toml"
ESTIMATES: Final = Path(__file__).parent / "estimates.toml"


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
    """The price of every model of a run: those given by ``--price`` first, then the table."""

    def __init__(self, settings: Settings, path: Path = PRICES) -> None:
        """Read the table.

        Raises:
            KitError: the file is broken.
        """
        self._path = path
        self.as_of, self._table = _read_prices(path)
        self._given = {name: Price(prompt, completion) for name, prompt, completion in settings.price}

    def of(self, model: str) -> Price | None:
        """The price of a model, None if nobody named it."""
        for table in (self._given, self._table):
            fitting = [name for name in table if model.startswith(name)]
            if fitting:
                return table[max(fitting, key=len)]
        return None

    def needed(self, model: str) -> Price:
        """The price of a model.

        Raises:
            KitError: nobody named it.
        """
        if (price := self.of(model)) is None:
            raise KitError(
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
        KitError: the file is broken.
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
        raise KitError(f"{path}: a figure is missing or no number ({error})") from error
    if min(*characters, figures[3]) <= 0 or min(figures) < 0:
        raise KitError(f"{path}: a figure is not above 0")
    a, b, c, d = characters
    return Estimates((a, b, c, d), *figures)


def _read_prices(path: Path) -> tuple[str, dict[str, Price]]:
    table, prices = read_toml(path), {}
    for name, row in dict(table.get("models", {})).items():
        try:
            price = Price(float(row["prompt"]), float(row["completion"]), float(row.get("batch", 1.0)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise KitError(f"{path}: {name}: needs prompt and completion in dollars ({error})") from error
        if min(price.prompt, price.completion, price.batch) < 0:
            raise KitError(f"{path}: {name}: a price is below 0")
        prices[name] = price
    return str(table.get("as_of", "unknown")), prices
