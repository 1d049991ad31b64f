"""What the terms of sources mean: which keep a release back, and what a card says of them. The words are in ``terms.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from cards.hub import licence_id
from mmm_dataset import Registry
from mmm_dataset.registry import Source

_FILE: Final = Path(__file__).with_name("terms.toml")
OWN: Final = "own"
"""The source of rows whose author is the publisher."""
_CREATIVE: Final = re.compile(r"(?i)CC-(BY(?:-NC)?(?:-SA|-ND)?)-\d\.\d(?:-[A-Z]{2,3})?")
_PARTS: Final = {"BY": "attribution", "NC": "non-commercial", "SA": "share-alike", "ND": "no-derivatives"}
_MMM: Final = frozenset({"published", "rebuilt"})


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a source.

    Attributes:
        gate: whether rows under it are released only if the publisher answers for it.
        says: what it means, one sentence.
        question: what is open about it; empty if nothing is.
    """

    gate: bool
    says: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources whose terms cannot both hold: one that has a term ``without`` another, ``beside`` one that has that."""

    has: str
    without: str
    beside: str
    says: str

    def between(self, sources: Collection[Source]) -> list[Source]:
        """Those of these sources whose terms cannot both hold; empty if all can."""
        free = [source for source in sources if self.has in source.terms and self.without not in source.terms]
        bound = [source for source in sources if self.beside in source.terms]
        return [*free, *bound] if free and bound else []


@dataclass(frozen=True, slots=True)
class Terms:
    """All of ``terms.toml``."""

    terms: Mapping[str, Term]
    conflicts: tuple[Conflict, ...]

    def questions(self, sources: Collection[Source]) -> Iterator[tuple[str, str]]:
        """What is open about rows that are made of these sources: whose question it is, and the question."""
        for source in sources:
            for name in source.terms:
                term = self.terms.get(name)
                if term is None:
                    yield source.title, f"The term `{name}` is not one that this kit knows: read it at the source."
                elif term.question:
                    yield source.title, f"{term.says} {term.question}"
        for conflict in self.conflicts:
            if between := conflict.between(sources):
                yield " and ".join(source.title for source in between), conflict.says


@lru_cache(maxsize=1)
def read_terms(path: Path = _FILE) -> Terms:
    """The terms that the kit knows. Raises CardError if the file is wrong."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        conflicts = tuple(Conflict(**row) for row in table.pop("conflict", []))
        terms = {name: Term(**row) for name, row in table.items()}
    except (OSError, TypeError, ValueError) as error:
        raise CardError(f"{path}: not a table of terms ({error})") from error
    for name, term in terms.items():
        if not isinstance(term.gate, bool) or not isinstance(term.says, str) or not term.says:
            raise CardError(f"{path}: [{name}]: needs gate = true or false, and says = a sentence")
    return Terms(terms, conflicts)


def gated(names: Iterable[str]) -> list[str]:
    """Those terms that keep a release back unless the publisher answers for them; one that the kit does not know does."""
    known = read_terms().terms
    return [name for name in names if name not in known or known[name].gate]


def source_behind(name: str, facts: Mapping[str, Any], registry: Registry) -> Source:
    """A source of a config's rows: the registry's, or one made of what the rows say, for other people's data.

    Args:
        name: of the source.
        facts: the config's entry of a manifest, or of a model's ``mmm.json``; its ``licences`` are those of the rows.
        registry: knows the sources with terms of their own.
    """
    if name in registry.sources:
        return registry.sources[name]
    named = {registry.sources[other].licence for other in facts.get("sources", ()) if other in registry.sources}
    licences = sorted(set(facts.get("licences", ())) - named) or sorted(facts.get("licences", ()))
    terms = dict.fromkeys(term for licence in licences for term in terms_of_license(licence, own=name == OWN))
    return Source(name, "The publisher's own data" if name == OWN else name, "", " and ".join(licences), tuple(terms))


def terms_of_license(license: str, *, own: bool = False) -> list[str]:
    """The terms that the name of a license says; one that nobody knows keeps the gate closed, unless the data is one's own."""
    if found := _CREATIVE.fullmatch(license.strip()):
        return [term for part, term in _PARTS.items() if part in found[1].upper().split("-")]
    if license.strip().lower() in ("unstated", "unknown"):
        return [] if own else ["unstated"]
    return [] if own or licence_id(license) else ["unknown-license"]


def sources_of(config: str, facts: Mapping[str, Any], registry: Registry) -> set[str]:
    """All sources behind a config's rows: those that the rows name, lexicons and the like that a step of the build took, and,
    of MMM's own rows, those that MMM was made from.

    Args:
        config: its name.
        facts: its entry of the manifest, with ``also_from`` as :func:`cards.recorded.with_sources_of_steps` adds it.
        registry: knows what MMM's configs were made from.
    """
    found = {*facts["sources"], *facts.get("also_from", ())}
    if set(facts["origins"]) & _MMM and config in registry.configs:
        found |= set(registry.config(config).upstream)
    return found
