"""Which column is the token, which the tag: chosen by the user, or found by looking at all files of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from build.core import KitError
from build.readers.conll.places import align
from build.readers.schemes import with_type
from mmm_f1.conll_tables import Sentence, Table, find_column
from mmm_f1.schemes import BLANKS, OUTSIDE, Style, is_letter, parse_tag, style_of, why_no_tags

ROLES: Final = ("token", "tag", "type", "id", "sentence")
_ID = re.compile(r"(\d+)(?:([-.])(\d+))?")
_CHUNKS: Final = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "PNP"])
"""Types of the phrase chunks of CoNLL-2000: a column of them says nothing about entities."""
_TRIED = 200
"""So many sentences with a text are tried to find the column that fits it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file, from 0.

    Attributes:
        misc: the key of a CoNLL-U file's last column that holds the tag, or empty.
        type: the column, or else the name, of the type where tags are letters alone.
    """

    token: int
    tag: int
    style: Style
    id: int | None = None
    misc: str = ""
    width: int = 0
    type: int | str = ""

    def tags(self, sentence: Sentence) -> list[str]:
        """The cells of the tags; a token without the key of CoNLL-U's last column is outside."""
        if self.misc:
            return [misc.get(self.misc, "O") for misc in sentence.misc]
        types = [row[self.type] if isinstance(self.type, int) else self.type for row in sentence.rows]
        return [with_type(row[self.tag], type_) for row, type_ in zip(sentence.rows, types, strict=True)]

    def __str__(self) -> str:
        tag = f"{self.misc} in {self.tag + 1}" if self.misc else str(self.tag + 1)
        return f"token {self.token + 1}, tag {tag}" + ("" if self.id is None else f", id {self.id + 1}")


@dataclass
class Profile:
    """What stands in the columns of all files that have the same ones."""

    width: int
    names: tuple[str, ...]
    values: list[Counter[str]] = field(default_factory=list)
    misc: dict[str, Counter[str]] = field(default_factory=dict)
    numbered: bool = True  # the first column counts on, token by token
    integers: bool = True
    restarts: bool = False  # it counts from the start again within a sentence
    fits: Counter[int] = field(default_factory=Counter)
    texts: int = 0
    file: str = ""

    def add(self, table: Table) -> None:
        """Count the cells of one file."""
        self.file = self.file or str(table.file)
        self.values = self.values or [Counter() for _ in range(self.width)]
        rows = [(row, _ID.fullmatch(row[0])) for sentence in table.sentences for row in sentence.rows]
        has_ids = all(found for _, found in rows)
        for row, found in rows:
            for at, cell in enumerate(row):
                # The line of a multiword token or of an empty node need not have a tag.
                if not at or not has_ids or (found and not found[2]):
                    self.values[at][cell] += 1
        for sentence in table.sentences:
            for misc in sentence.misc:
                for key, value in misc.items():
                    self.misc.setdefault(key, Counter())[value] += 1
        self._look_at_ids(table)
        self._try_texts(table)

    def types(self, columns: Columns) -> set[str]:
        """The types in the column of tags."""
        return _types(_values(self, (columns.tag, columns.misc)), columns.style)

    def _look_at_ids(self, table: Table) -> None:
        ids = [[_ID.fullmatch(row[0]) for row in sentence.rows] for sentence in table.sentences]
        self.integers &= all(found is not None for one in ids for found in one)
        if not self.integers:
            self.numbered = False
            return
        for one in ids:
            words = [int(found[1]) for found in one if found and not found[2]]
            steps = [(before, after) for before, after in pairwise(words) if after != before + 1]
            self.numbered &= not steps
            self.restarts |= any(after < before and after in (0, 1) for before, after in steps)

    def _try_texts(self, table: Table) -> None:
        with_text = [one for one in table.sentences if one.rows and "text" in one.comments][:_TRIED]
        self.texts += len(with_text)
        for sentence in with_text:
            rows = [sentence.rows[place] for place, _ in surface(sentence, 0 if self.integers else None)]
            for at in range(self.width):
                tokens = [row[at] for row in rows if row[at].strip(" ")]
                self.fits[at] += align(sentence.comments["text"], tokens) is not None


def choose(profile: Profile, given: Mapping[str, str], scheme: str | None = None, type_: str = "") -> Columns:
    """The columns of files with this profile.

    Args:
        profile: of all of them.
        given: the user's choice, by role; the rest is found.
        scheme: the user's choice of the tags' scheme, if there is one.
        type_: the type of all tags that are letters alone.

    Raises:
        KitError: the choice does not fit, or there is none or more than one to find; names the option and the columns.
    """
    chosen = {
        role: find_column(given[role], profile.names, profile.width)
        for role in ("token", "id", "type")
        if role in given
    }
    named = chosen.get("type", type_)
    if named != "":  # which column it is decides nothing here
        for at, values in enumerate(profile.values):
            if all(map(_is_part, values)):
                profile.values[at] = Counter({with_type(value, "type"): count for value, count in values.items()})
    tag, misc, style = _choose_tag(profile, given.get("tag"), scheme)
    id_ = chosen.get("id", _find_id(profile, tag))
    if profile.restarts and profile.integers and chosen.get("token") != 0:
        raise KitError(
            f"{profile.file}: column 1 counts from the start again within a sentence: put a blank line before it"
        )
    token = chosen["token"] if "token" in chosen else _find_token(profile, tag, id_)
    if token in (tag, id_, named):
        raise KitError(f"{profile.file}: column {token + 1} cannot be the token as well: --columns token=N,tag=N")
    return Columns(token, tag, style, id_, misc, profile.width, named)


def surface(sentence: Sentence, id_: int | None) -> Iterator[tuple[int, list[int]]]:
    """What stands in the text: the place of its row, and those of its words (its own, unless it is a multiword token)."""
    if id_ is None:
        yield from ((at, [at]) for at in range(len(sentence.rows)))
        return
    ids = [_ID.fullmatch(row[id_]) for row in sentence.rows]
    words = {int(found[1]): at for at, found in enumerate(ids) if found and not found[2]}
    end = -1
    for at, found in enumerate(ids):
        if found and found[2] == "-":
            end = int(found[3])
            yield at, [words[number] for number in range(int(found[1]), end + 1) if number in words] or [at]
        elif found is None or (not found[2] and int(found[1]) > end):
            yield at, [at]


def _choose_tag(profile: Profile, given: str | None, scheme: str | None) -> tuple[int, str, Style]:
    if given is not None:
        misc = given.removeprefix("misc.")
        if misc in profile.misc:
            at, values = profile.width - 1, profile.misc[misc]
        else:
            at, misc = find_column(given, profile.names, profile.width), ""
            values = profile.values[at]
        if not (style := style_of(values, scheme)) and not (style := _any_style(values)):
            why = why_no_tags(values) or f"holds no tags but {_some(values)}"
            raise KitError(f"{profile.file}: --columns tag={given}: {why}")
        return at, misc, style
    found = {(at, ""): style for at, values in enumerate(profile.values) if at and (style := style_of(values, scheme))}
    last = profile.width - 1
    found |= {(last, key): style for key, values in profile.misc.items() if (style := style_of(values, scheme))}
    found = _likely(profile, found)
    if set(found.values()) <= {"bare"}:
        # Beside a column of B, I, O the bare types are those of its letters.
        unread = [values for values in reversed(profile.values[1:]) if not found or all(map(_is_part, values))]
        if why := next(filter(None, map(why_no_tags, unread)), ""):
            raise KitError(f"{profile.file}: {why}")
    if not found:
        raise KitError(
            f"{profile.file}: no column holds tags: {_seen(profile, [(at, '') for at in range(profile.width)])}; choose with "
            "--columns token=N,tag=N"
        )
    if len(found) > 1:
        names = [key or str(at + 1) for at, key in found]
        raise KitError(
            f"{profile.file}: {len(found)} columns hold tags: {_seen(profile, list(found))}; choose with --columns "
            f"tag={' or tag='.join(names)}"
        )
    ((at, misc), style) = next(iter(found.items()))
    return at, misc, style


def _likely(profile: Profile, found: dict[tuple[int, str], Style]) -> dict[tuple[int, str], Style]:
    """Those of the columns of tags that may hold the entities."""
    types = {key: _types(_values(profile, key), style) for key, style in found.items()}
    for unlikely in (
        [key for key, style in found.items() if style == "bare"],
        [key for key in found if types[key] and types[key] <= _CHUNKS],
        [key for key in found if not types[key]],  # without any entity a column says nothing
    ):
        found = {key: style for key, style in found.items() if key not in unlikely} or found
    return found


def _types(values: Counter[str], style: Style) -> set[str]:
    tags = (parse_tag(value, style) for value in values)
    return {tag.type for tag in tags if tag and tag.type}


def _any_style(values: Counter[str]) -> Style | None:
    """Bare types where the user says that these are tags, whatever they look like."""
    outside = OUTSIDE & {value.strip(BLANKS) for value in values}
    return "bare" if outside and not why_no_tags(values) else None


def _is_part(value: str) -> bool:
    return is_letter(value) or value.strip(BLANKS) in OUTSIDE


def _find_id(profile: Profile, tag: int) -> int | None:
    if "id" in (lower := [name.lower() for name in profile.names]):
        return lower.index("id")
    return 0 if profile.numbered and profile.width > 2 and tag != 0 else None


def _find_token(profile: Profile, tag: int, id_: int | None) -> int:
    lower = [name.lower() for name in profile.names]
    if named := [lower.index(name) for name in ("form", "token", "word", "tokens", "words", "text") if name in lower]:
        return named[0]
    others = [at for at in range(profile.width) if at not in (tag, id_)]
    if not others:
        raise KitError(f"{profile.file}: no column is left for the token: choose with --columns token=N,tag=N")
    if profile.texts:
        best = max(others, key=lambda at: profile.fits[at])
        if 2 * profile.fits[best] < profile.texts:
            raise KitError(
                f"{profile.file}: no column fits the `# text` lines ({profile.fits[best]} of {profile.texts} fit column "
                f"{best + 1}); choose with --columns token=N and the texts that differ are rebuilt"
            )
        return best
    if profile.integers and id_ is None and profile.width > 2:
        raise KitError(
            f"{profile.file}: column 1 holds numbers that do not count the tokens: "
            f"{_seen(profile, [(at, '') for at in range(profile.width)])}; choose with --columns token=N"
        )
    return others[0]


def _values(profile: Profile, key: tuple[int, str]) -> Counter[str]:
    return profile.misc[key[1]] if key[1] else profile.values[key[0]]


def _seen(profile: Profile, keys: Sequence[tuple[int, str]]) -> str:
    return "; ".join(f"{key[1] or key[0] + 1} ({_some(_values(profile, key))})" for key in keys)


def _some(values: Counter[str]) -> str:
    inside = [value[:20] or "''" for value, _ in values.most_common(4) if value.strip(BLANKS) not in OUTSIDE][:3]
    more = ", ..." if len(values) > 4 else ""
    return ", ".join([*inside, *(sorted(OUTSIDE & values.keys()))]) + more
