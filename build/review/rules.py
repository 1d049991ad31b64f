"""What the review takes from data files: weights of the risk, and reasons for a rejection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from build.core import KitError
from oiellm.files import read_toml

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of ``risk.toml``, each from 0 to 1."""

    base: float
    other_check: float
    other_rung: float
    check: Mapping[str, float]
    rung: Mapping[str, float]

    def risk(self, checks: Collection[str], rung: str) -> float:
        """Risk from 0 to 1 of a row with these flags (a check that flags twice counts twice); no rung adds nothing."""
        safe = 1.0 - self.base
        for check in checks:
            safe *= 1.0 - self.check.get(check, self.other_check)
        if rung:
            safe *= 1.0 - self.rung.get(rung, self.other_rung)
        return 1.0 - safe


@lru_cache
def weights(path: Path = HERE / "risk.toml") -> Weights:
    """Read the weights. Raises OiellmError: the file is not TOML, or a weight is missing or not from 0 to 1."""
    data = read_toml(path)
    try:
        found = Weights(*(data.pop(name) for name in ("base", "other_check", "other_rung", "check", "rung")))
        values = [found.base, found.other_check, found.other_rung, *found.check.values(), *found.rung.values()]
    except (KeyError, AttributeError) as error:
        raise KitError(f"{path}: {error}: base, other_check, other_rung, [check] and [rung] must be there") from error
    wrong = [value for value in values if type(value) not in (int, float) or not 0 <= value <= 1]
    if wrong or data:
        raise KitError(
            f"{path}: {wrong[0]!r} is no weight from 0 to 1" if wrong else f"{path}: unknown key {min(data)}"
        )
    return found


@lru_cache
def reasons(path: Path = HERE / "reasons.toml") -> Mapping[str, str]:
    """Key and text of every reason, in order. Raises OiellmError: the file is not a table of texts."""
    found = read_toml(path).get("reject")
    if not isinstance(found, dict) or not found or not all(isinstance(text, str) for text in found.values()):
        raise KitError(f'{path}: needs [reject] with lines such as wrong_meaning = "The text means something else"')
    return found
