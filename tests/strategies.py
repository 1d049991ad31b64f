"""Hypothesis strategies for text that is hard on formats."""

from __future__ import annotations

from hypothesis import strategies as st

from mmm_f1.unified import LABEL, TASK_WORDS, is_span

TYPED = {
    "Typed Relation": ("head", "@head_type", LABEL, "tail", "@tail_type?"),
    "Aspect Sentiment": ("aspect?", "@category", LABEL, "opinion?"),
    "Quad": (LABEL, "target?", "aspect?", "opinion?"),
    "Typed Entity": (LABEL, "entity", "@number?"),
}
"""Task words whose items have attributes and arguments that may be absent."""

PIECES = (
    *":;/\\",
    *(f"/{word}/" for word in TASK_WORDS),
    "NER",
    "\\:",
    "\\\\",
    ":無い;",
    "J:COM春日部",
    "\n",
    "\r\n",
    "\t",
    " ",
    '{"a": ["b;c"]}',
    "👩‍👩‍👧‍👦",
    "が",
    "é",
    "ＡＢ：；／",
    "\u200b",
    "\ufeff",
    "שלום",
    "مرحبا",
    "東京",
    "社会",
    "a",
    "b",
)
"""Pieces that hostile text is made of: separators, escapes, task words, JSON, emoji, combining marks, odd widths."""

anything = st.characters(exclude_categories=("Cs",))
hostile = st.lists(st.one_of(st.sampled_from(PIECES), anything), min_size=1, max_size=6).map("".join)
"""A non-empty hostile string."""
garbage = st.lists(st.one_of(st.sampled_from(PIECES), anything), max_size=12).map("".join)
"""Any string at all, often close to the format."""
tame = st.text(st.sampled_from("あいう東京abcXYZ 'ー"), min_size=1, max_size=4)
"""A non-empty string without separators."""
words = st.sampled_from(sorted(TASK_WORDS))


@st.composite
def items(draw: st.DrawFn, word: str, field: st.SearchStrategy[str] = hostile) -> list[tuple[str, ...]]:
    """Items of a task word, often repeated ones; a field that may be empty sometimes is."""
    roles = {**TASK_WORDS, **TYPED}[word]
    fields = [st.one_of(st.just(""), field) if role[-1] == "?" else field for role in roles]
    whole = st.tuples(*fields).filter(lambda item: any(part for part, role in zip(item, roles) if role != LABEL))
    drawn = draw(st.lists(whole, max_size=4))
    again = draw(st.lists(st.sampled_from(drawn), max_size=2)) if drawn else []
    return [*drawn, *again]


@st.composite
def rows(
    draw: st.DrawFn, field: st.SearchStrategy[str] = hostile, words: st.SearchStrategy[str] = words
) -> tuple[str, str, list[tuple[str, ...]]]:
    """Text-level label, task word and items."""
    word = draw(words)
    return draw(field), word, draw(items(word, field))


@st.composite
def texts_around(draw: st.DrawFn, word: str, parts: list[tuple[str, ...]]) -> str:
    """A text that holds every entity of the items, in some order, with hostile text between."""
    roles = {**TASK_WORDS, **TYPED}[word]
    entities = [piece for item in parts for piece, role in zip(item, roles, strict=True) if is_span(role)]
    shuffled = draw(st.permutations(entities))
    return draw(garbage) + "".join(entity + draw(garbage) for entity in shuffled)
