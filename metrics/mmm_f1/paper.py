"""Algorithm 1 of the paper (arXiv 2407.10953, appendix C), to the letter, for scores comparable with its Table 1.

Two readings of the printed text are settled here. The PDF's ``split(" : ")`` is ``split(":")``, since the released rows
hold no spaces there; and ``instruct_word`` is the two-slash form ``/NER/``, since the word alone may stand in a label.
Everything else is kept, its quirks too: no escape exists, so an entity that holds a separator falls apart; pairs are a
set; a pair may have any number of fields; and a TCREE row is one element, ``("",)`` where nothing follows the word.
"""

from __future__ import annotations

Pairs = set[tuple[str, ...]]


def parse_output(output: str, instruct_word: str, is_tcree: bool) -> tuple[str, Pairs]:
    """Text label and set of pairs of an output string, by Algorithm 1.

    Args:
        output: what a model wrote, or the ``output`` column of a row.
        instruct_word: the task word with both slashes, ``/NER/``.
        is_tcree: the row is of TCREE: all that follows the word is one element.

    >>> parse_output("Literature/NER/:Person;Kazan", "/NER/", False)
    ('Literature', {('Person', 'Kazan')})
    """
    if instruct_word not in output:
        return "", set()
    text_label, remainder = output.split(instruct_word, 1)
    if is_tcree:
        entity_pairs = [remainder.strip()]
    else:
        entity_pairs = [pair.strip() for pair in remainder.split(":") if pair]
    return text_label.strip(), {tuple(pair.split(";")) for pair in entity_pairs}
