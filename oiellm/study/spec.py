"""A study as a file: arms, configs, seeds, what is compared with what, and by which criterion.

These classes are the schema: every key, its type, its bounds and its default. ``studies/*.yaml`` explain the choices.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from oiellm.typed_yaml_errors import Part
from oiellm.view import Forced

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Figure = Literal["tl", "wl", "all"]
Difference = Literal["rows", "steps", "tokens"]
OWN = "own"
"""Name of the test of an arm that names none: prompts as in training."""


class Test(Part):
    """One way to ask a trained model about the test rows."""

    context: Literal["as_trained", "none", "gold", "shuffled", "neutral"] = "as_trained"
    """What the prompts tell of the other level."""
    forced: Forced | None = None
    """The text-level label is given, the gold one or a wrong one, and the pairs that follow are written by the model; needs
    constrained decoding."""


class Arm(Part):
    """One condition: the study's recipe with some values changed."""

    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted key of the recipe to value."""
    trains_on: Literal["config", "same_task", "same_language"] = "config"
    """Configs of one training: the one that is tested, or those of the release with its task or its language."""
    steps_of: Name | None = None
    """Arm whose number of steps this one takes, whatever its rows and epochs; needs ``train.packing: false``."""
    tests: Annotated[dict[Name, Test], Field(min_length=1)] = Field(default_factory=lambda: {OWN: Test()})


class Comparison(Part):
    """Two arms on the same test rows."""

    figure: Figure
    of: str
    """The arm that is expected to be better, or ARM/TEST where the arm has several tests."""
    against: str
    differs: tuple[Difference, ...] = ()
    """What of the two trainings is not equal, though equal by default: said here, or the study is refused."""
    configs: Literal["all"] | tuple[str, ...] = "all"
    """Where it is compared."""


class Verdict(Part):
    """A claim about configs: in which of them comparisons show an effect, and how many that are."""

    claim: str
    comparisons: Annotated[tuple[str, ...], Field(min_length=1)]
    needs: Literal["any", "all"]
    """How many of the comparisons must show the effect in a config."""
    quoted: str = ""
    """A figure of others to stand beside it, with its source."""


class Criterion(Part):
    """When a difference counts; fixed before the first training."""

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability of any false effect among all comparisons of the study."""
    correction: Literal["holm", "none"] = "holm"
    minimum: Annotated[float, Field(ge=0)] = 0.0
    """Smallest difference that counts, in percentage points."""
    resamples: Annotated[int, Field(ge=100)] = 2000
    """Of the bootstrap over test rows."""


class Study(Part):
    """One study."""

    name: Name
    question: str
    recipe: str
    """Name of a shipped recipe, or a path: the base of all arms, and the line to change for a larger model."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted key of the recipe to value, for all arms."""
    release: str = "mmm"
    registry: tuple[str, ...] = ()
    configs: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    """Configs whose test rows are predicted; all: those of the release that have train and test rows."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 2)
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    comparisons: dict[Name, Comparison] = Field(default_factory=dict)
    verdicts: dict[Name, Verdict] = Field(default_factory=dict)
    criterion: Criterion = Criterion()
    decoding: Literal["free", "constrained"] = "constrained"
    inside: tuple[str, ...] = ()
    """Arms that write both levels, which are looked into: do errors of the levels go together, does each follow the other?"""
    keep_models: bool = False
    """Keep the weights after the tests; an 8B model is 16 GB."""
    launch: str = ""
    """How a training of several GPUs is launched, such as ``accelerate launch --config_file oiellm/profiles/fsdp2.yaml
    --num_processes 8``; empty: in the process of the study."""

    @model_validator(mode="after")
    def _named(self) -> Study:
        for what, names in (("seeds", self.seeds), ("configs", self.configs)):
            if names != "all" and len(set(names)) < len(names):
                raise ValueError(f"{what} must each be named once")
        for name, one in self.comparisons.items():
            for side in (one.of, one.against):
                self._check_side(f"comparison {name}", side)
            if one.of == one.against:
                raise ValueError(f"comparison {name}: compares {one.of} with itself")
            if "all" not in (one.configs, self.configs) and (odd := sorted(set(one.configs) - set(self.configs))):
                raise ValueError(f"comparison {name}: {odd[0]!r} is none of the study's configs")
        for name, verdict in self.verdicts.items():
            if odd := [one for one in verdict.comparisons if one not in self.comparisons]:
                raise ValueError(f"verdict {name}: no comparison {odd[0]!r}")
        for name, arm in self.arms.items():
            other = None if arm.steps_of is None or arm.steps_of == name else self.arms.get(arm.steps_of)
            if arm.steps_of is not None and (other is None or other.steps_of is not None):
                raise ValueError(f"arm {name}: steps_of names no other arm with steps of its own: {arm.steps_of!r}")
        for arm_name in self.inside:
            if arm_name not in self.arms:
                raise ValueError(f"inside: no arm {arm_name!r}")
        return self

    def _check_side(self, where: str, side: str) -> None:
        arm, test = split_side(side)
        if arm not in self.arms:
            raise ValueError(f"{where}: no arm {arm!r}; there are: {', '.join(self.arms)}")
        tests = self.arms[arm].tests
        if test is None and len(tests) > 1:
            raise ValueError(f"{where}: arm {arm} has several tests; name one, such as {arm}/{next(iter(tests))}")
        if test is not None and test not in tests:
            raise ValueError(f"{where}: arm {arm} has no test {test!r}; there are: {', '.join(tests)}")

    def side(self, name: str) -> tuple[str, str]:
        """Arm and test that a side of a comparison names."""
        arm, test = split_side(name)
        return arm, test or next(iter(self.arms[arm].tests))


def split_side(name: str) -> tuple[str, str | None]:
    """``ARM/TEST`` or ``ARM`` taken apart."""
    arm, _, test = name.partition("/")
    return arm, test or None
