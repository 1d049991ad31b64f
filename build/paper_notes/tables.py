"""The paper's tables: Table 1 as printed (``mmm_dataset/data/table1.csv``), the sizes of Tables 2 to 4 from the registry."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from build.paper_notes.shares import numerators
from mmm_dataset import evaluation, load

DRAW = 1000  # rows of one draw, and how many draws a column averages: inferred, see section 2 of the notes
DRAWS = {"OIELLM-8B": 3, "OIELLM-8B*": 3, "OIELLM-13B": 1}


class Scores(evaluation.Printed):
    """One model on one config in Table 1, and the n and k behind the figures."""

    @property
    def rows(self) -> int:
        """Rows of the test set: Table 4, or the inferred size where the registry notes a deviation (ja TCREE)."""
        entry = load().config(self.config)
        return (entry.deviation or {}).get("test") or entry.test or 0

    @property
    def n(self) -> int:
        """The n behind a row of OIELLM: the whole test set if it has at most 1,000 rows, else 1,000 per draw."""
        return self.rows if self.rows <= DRAW else DRAW * DRAWS[self.model]

    def k(self, column: str) -> int:
        """The k of k/n in a column."""
        return numerators(getattr(self, column), self.n)[0]


@lru_cache(maxsize=1)
def table_1() -> list[Scores]:
    """Table 1 in the order of the paper."""
    return [Scores(*row) for row in evaluation.table_1()]


def oiellm(config: str | None = None) -> list[Scores]:
    """The rows of the models that the paper trains, of all configs or of one."""
    return [s for s in table_1() if s.model in DRAWS and config in (None, s.config)]


def cells(rows: Iterable[Scores], *columns: str) -> list[tuple[str, int]]:
    """The figures of some rows of OIELLM, TL and ALL unless other columns are named, each with its n."""
    return [(getattr(s, column), s.n) for s in rows for column in columns or ("tl", "all")]


def groups() -> dict[str, list[Scores]]:
    """Rows of OIELLM that should share one n: those of a model on large test sets, those on one small test set."""
    out: dict[str, list[Scores]] = {f"{model}, large test sets": [] for model in DRAWS}
    for s in oiellm():
        out.setdefault(f"{s.model}, large test sets" if s.rows > DRAW else f"`{s.config}`, all three", []).append(s)
    return out
