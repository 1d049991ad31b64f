"""How rows are translated, and thresholds of the checks, read from their TOML file and checked; what a check finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from build.core import KitError
from oiellm.files import read_toml

CHECKS: Final = Path(__file__).with_name("checks.toml")
SEVERITIES: Final = ("fail", "ask", "flag", "off")
FAIL, ASK, FLAG, OFF = SEVERITIES
LADDER: Final = "ladder"
_MANY: Final = 1_000_000
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    name: (least, most)
    for least, most, names in (
        (0, 1, "share least sure margin"),
        (0, 2, "retry_temperature"),
        (0, 10, "rewrites span_tries"),
        (1, 10, "told"),
        (0, 100, "low"),
        (0.1, 100, "tokens_per_char"),
        (1, 1000, "chars"),
        (0, _MANY, "context_chars letters bytes more"),
        (0.1, _MANY, "high"),
        (1, _MANY, "tags_per_call chars_per_call tokens_more detect_letters"),
    )
    for name in names.split()
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
class Plan:
    """How rows are translated.

    Attributes:
        model: that translates.
        stronger: that is asked where the model fails; None for no fourth repair level.
        method: ``tags``, or ``paper`` for the paper's own way.
        drop_items: an item without a counterpart is dropped and its row kept; otherwise the row is dropped.
        keep_labels: labels are the same in all languages.
        prompts: folder with the user's own prompts.
        rules: thresholds.
        back: whether each translation is translated back and compared.
        judge: name of a model that rates each translation.
        script: of the target, such as ``Hant``; None for the language's usual one.
        convert_script: whether OpenCC converts what is in the other script.
    """

    model: str
    rules: Rules
    stronger: str | None = None
    method: Literal["tags", "paper"] = "tags"
    drop_items: bool = True
    keep_labels: bool = False
    prompts: Path | None = None
    back: bool = False
    judge: str | None = None
    script: str | None = None
    convert_script: bool = False


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
