"""Records for tests: one ordinary, and a hypothesis strategy for hostile ones of every shape."""

import itertools
import json

from hypothesis import strategies as st

from mmm_dataset import Item, Record, Span
from mmm_f1.unified import LABEL, TASK_WORDS, is_span, role_name
from tests.strategies import TYPED, hostile

PAIRS, RELATIONS, EVENTS = "NER", "Relation Extraction", "Event Extraction"
_ids = itertools.count()


def make_record(text, items, label="社会", task="scnm", word=PAIRS, language="ja", **changes):
    values = {
        "id": "r1",
        "language": language,
        "task": task,
        "word": word,
        "text": text,
        "label": label,
        "items": tuple(items),
        "origin": "demo",
        "source": "demo",
        "source_id": "s1",
        "licence": "CC-BY-4.0",
        **changes,
    }
    return Record(**values)


def typed_registry(folder):
    """A registry file with the task words of ``TYPED``, all of the task ``absa``."""
    words = "".join(f"{json.dumps(word)} = {json.dumps(roles)}\n" for word, roles in TYPED.items())
    task = f'[task.absa]\ntitle = "A"\ndescription = "A"\nfamily = "scnm"\nwords = {json.dumps(list(TYPED))}\n'
    config = '[config.ja_absa]\nlanguage = "ja"\ntask = "absa"\nversion = "1.0.0"\n'
    path = folder / "typed.toml"
    path.write_text(f"[task_word]\n{words}{task}{config}", encoding="utf-8")
    return path


@st.composite
def records(draw, offsets=True, words=(PAIRS, RELATIONS, EVENTS)):
    """Records whose entities are pieces of a hostile text, with true offsets, in any shape, with duplicates.

    Arguments of the words of ``TYPED`` have further mentions now and then.
    """
    pieces = draw(st.lists(hostile, min_size=1, max_size=6))
    text = "".join(pieces)
    starts = list(itertools.accumulate([0, *map(len, pieces)]))
    spans = [(a, b) for a, b in itertools.combinations(starts, 2) if a < b]

    def span(role):
        start, end = draw(st.sampled_from(spans))
        known = (start, end) if offsets else (None, None)
        return Span(text[start:end], *known, role)

    word = draw(st.sampled_from(words))
    roles = [role for role in {**TASK_WORDS, **TYPED}[word] if role != LABEL]
    items = []
    for _ in range(draw(st.integers(0, 4))):
        chosen = [role for role in roles if role[-1] != "?" or draw(st.booleans())] or roles[:1]
        arguments = [span(role_name(role)) for role in chosen if is_span(role)]
        if arguments and word in TYPED and draw(st.booleans()):
            arguments.append(span(draw(st.sampled_from(arguments)).role))
        attributes = tuple((role_name(role), draw(hostile)) for role in chosen if not is_span(role))
        items.append(Item(draw(hostile), tuple(arguments), attributes=attributes))
    if items and draw(st.booleans()):
        items.append(items[0])
    task = "scnm" if word == PAIRS else "tcree"
    number = next(_ids)
    return make_record(text, items, draw(hostile), task, word, id=f"r{number}", source_id=f"s{number}")
