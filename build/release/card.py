"""Cards that people have edited on the Hub: what they wrote is kept, and what cannot be kept stops the release.

Their words belong into the zones that the templates mark; keys that they added to the YAML stay. Anything else that they
changed is found by comparing the card with what the kit wrote last, which every release keeps in ``.release/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, Final

import yaml

from build.core import KitError
from cards.markdown import BEGIN, END

_FRONT: Final = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_ZONE: Final = re.compile(f"{re.escape(BEGIN)}[ \\t]*\n?(.*?){re.escape(END)}", re.DOTALL)
_HUB_STUB: Final = "Check out the configuration reference at https://huggingface.co/docs/hub/spaces-config-reference"
"""All that a new Space's card says."""


def merge_card(ours: str, base: str | None, theirs: str | None, where: str) -> str:
    """The card to release.

    Args:
        ours: as the kit renders it now.
        base: as the kit rendered it last; None if it never did.
        theirs: as it is there now; None if there is none.
        where: of the card, for messages.

    Raises:
        KitError: there are edits outside of the zones, or an edited YAML key that the kit would change as well.
    """
    if theirs is None:
        return ours
    front, body = _apart(ours, where)
    their_front, their_body = _apart(theirs.replace("\r\n", "\n"), where)
    if base is None:
        words = "" if their_body.strip() == _HUB_STUB else their_body.strip()
        return _together(ours, {**their_front, **front}, _with_words(body, words and f"{words}\n", where), where)
    base_front, base_body = _apart(base, where)
    _refuse_other_edits(base_body, their_body, where)
    front, body = _merged(front, base_front, their_front, where), _with_words(body, _words(their_body), where)
    if front == their_front and _without_words(body) == _without_words(their_body):
        return theirs  # to the byte: how they set their words is theirs as well
    return _together(ours, front, body, where)


def _apart(card: str, where: str) -> tuple[dict[str, Any], str]:
    found = _FRONT.match(card)
    try:
        front = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError as error:
        raise KitError(f"{where}: what stands between its first two lines --- is no YAML; mend it there") from error
    return front if isinstance(front, dict) else {}, card[found.end() :] if found else card


def _together(ours: str, front: Mapping[str, Any], body: str, where: str) -> str:
    if front == _apart(ours, where)[0]:  # as the template has it, to the byte
        found = _FRONT.match(ours)
        return (found[0] if found else "") + body
    return f"---\n{yaml.safe_dump(dict(front), allow_unicode=True, sort_keys=False, width=120)}---\n{body}"


def _words(body: str) -> str:
    return "".join(_ZONE.findall(body))


def _with_words(body: str, words: str, where: str) -> str:
    if not words.strip():
        return body
    words = words if words.endswith("\n") else f"{words}\n"
    if not _ZONE.search(body):
        raise KitError(f"{where}: holds words of your own, but its template has no zone for them ({BEGIN})")
    return _ZONE.sub(lambda _: f"{BEGIN}\n{words}{END}", body, count=1)


def _without_words(body: str) -> str:
    return _ZONE.sub(f"{BEGIN}\n{END}", body).rstrip()


def _refuse_other_edits(base: str, theirs: str, where: str) -> None:
    before, now = _without_words(base), _without_words(theirs)
    if before == now:
        return
    diff = [
        line
        for line in unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    first = next((line for line in diff if line[1:].strip()), diff[0] if diff else "")
    raise KitError(
        f"{where}: was edited outside of the zone for your own words, and a release would undo it; the first of "
        f"{len(diff)} changed lines: {first[:120]!r}: move it between {BEGIN} and {END}, or undo it there"
    )


def _merged(ours: Mapping[str, Any], base: Mapping[str, Any], theirs: Mapping[str, Any], where: str) -> dict[str, Any]:
    merged = dict(ours)
    for key in dict.fromkeys([*theirs, *base]):
        if key in theirs and key in base and theirs[key] == base[key]:
            continue  # not edited: ours, changed or gone
        if ours.get(key) == base.get(key) or ours.get(key) == theirs.get(key):
            if key in theirs:
                merged[key] = theirs[key]
            else:
                merged.pop(key, None)
        else:
            raise KitError(
                f"{where}: the YAML key {key!r} was edited there, and this release changes it as well: undo the edit there, "
                "or set what you want where this key comes from"
            )
    return merged
