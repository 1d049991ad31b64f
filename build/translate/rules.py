"""Thresholds of the checks, read from their TOML file and checked when they are read; what a check finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from oiellm.files import read_toml

CHECKS: Final = Path(__file__).with_name("checks.toml")
SEVERITIES: Final = ("fail", "ask", "flag", "off")
FAIL, ASK, FLAG, OFF = SEVERITIES
LADDER: Final = "ladder"
_MANY: Final = 1_000_000
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "rewrites": (0, 10),
    "span_tries": (0, 10),
    "tags_per_call": (1, _MANY),
    "chars_per_call": (1, _MANY),
    "context_chars": (0, _MANY),
    "retry_temperature": (0, 2),
    "tokens_per_char": (0.1, 100),
    "tokens_more": (1, _MANY),
    "told": (1, 10),
    "chars": (1, 1000),
    "share": (0, 1),
    "least": (0, 1),
    "letters": (0, _MANY),
    "detect_letters": (1, _MANY),
    "sure": (0, 1),
    "margin": (0, 1),
    "bytes": (0, _MANY),
    "more": (0, _MANY),
    "low": (0, 100),
    "high": (0.1, _MANY),
}
"""What the numbers may be, by name."""
LONGEST: Final = 40
"""Characters of a stretch that may come again and again; longer ones take too long to look for."""
_OWN: Final[Mapping[tuple[str, str], tuple[float, float]]] = {
    ("repetition", "times"): (2, 1000),
    ("repetition", "chars"): (1, LONGEST),
    ("wide_span", "times"): (0, 1000),
}
"""What they may be in one check."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Severity of every check, and its numbers; ``ladder`` holds those of the repair ladder."""

    severity: Mapping[str, str]
    values: Mapping[str, Mapping[str, Any]]

    def ladder(self, name: str) -> Any:
        """A number of the repair ladder."""
        return self.values[LADDER][name]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and where in the target text, in code points, if it is at one place."""

    check: str
    detail: str
    start: int | None = None
    end: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """A flag of ``review.jsonl``."""
        return {"check": self.check, "detail": self.detail, "start": self.start, "end": self.end}


def read_rules(path: Path | None = None) -> Rules:
    """The thresholds that ship, or a user's own file, which needs to name only what differs.

    Raises:
        OiellmError: the file is not TOML, names a check, a value or a severity that does not exist, or a value out of range.
    """
    given = read_toml(CHECKS)
    for check, values in (read_toml(path) if path else {}).items():
        if check not in given or not isinstance(values, dict):
            raise KitError(f"{path}: no check [{check}]; there are: {', '.join(given)}")
        for name, value in values.items():
            due = given[check].get(name)
            if due is None:
                raise KitError(f"{path}: [{check}] has no {name!r}; it has: {', '.join(given[check])}")
            if isinstance(due, bool) is not isinstance(value, bool) or not isinstance(value, _like(due)):
                raise KitError(f"{path}: [{check}] {name} = {value!r}: must be like {due!r}")
            if name == "severity" and value not in SEVERITIES:
                raise KitError(f"{path}: [{check}] severity = {value!r}: must be one of {', '.join(SEVERITIES)}")
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                least, most = _OWN.get((check, name)) or _RANGES[name]
                if not least <= value <= most:  # nan neither
                    raise KitError(f"{path}: [{check}] {name} = {value!r}: must be from {least:g} to {most:g}")
            given[check][name] = value
    return Rules({check: values["severity"] for check, values in given.items() if check != LADDER}, given)


def _like(due: Any) -> tuple[type, ...]:
    return (int, float) if isinstance(due, float) else (type(due),)
