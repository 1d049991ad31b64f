"""The last column of CoNLL-U, in which tags may stand under a key."""

from __future__ import annotations

from build.core import KitError
from mmm_f1.conll_tables import Table
from mmm_f1.lines import ASCII_BLANKS


def read_misc(table: Table) -> None:
    """Fill ``misc`` of the sentences of a CoNLL-U file. Raises KitError if it is not CoNLL-U."""
    import conllu

    for sentence in filter(lambda one: one.rows, table.sentences):
        try:
            # The library takes two blanks, as a form may hold them, for the end of a cell.
            rows = ["\t".join(ASCII_BLANKS.sub(" ", cell).strip(" ") or "_" for cell in row) for row in sentence.rows]
            (tokens,) = conllu.parse("\n".join(rows))
        except (conllu.exceptions.ParseException, ValueError) as error:
            raise KitError(f"{table.file}:{sentence.line}: not CoNLL-U: {error}") from error
        sentence.misc = [{key: value or "_" for key, value in (token["misc"] or {}).items()} for token in tokens]
