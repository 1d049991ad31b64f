"""brat: a folder per split with a ``.txt`` and a ``.ann`` file for each row, ``annotation.conf`` and ``visual.conf`` above.

Types may have ASCII letters, digits, ``_`` and ``-`` alone; what is shown for a type is in ``visual.conf`` under ``[labels]``.
Relations are ``R`` lines. Events are ``E`` lines; MMM's have no trigger, so the first argument is marked as one too. The label
of the text and the metadata are comments on ``*``, as brat has no annotation of a whole text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from build.convert.losses import Losses, Placed, place_of
from build.convert.rows import argument_roles, argument_types, is_readable, metadata, text_label
from mmm_dataset import Item, Record, Registry

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
# brat reads both files line by line, and these end a line there.
_LINE_ENDS = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


@dataclass
class Names:
    """Types of one collection: a plain name for each label, kept apart by what they are types of.

    Attributes:
        keys: label to key of the registry's label tables, which is taken as the name.
        plain: label to name.
        kinds: ``entities``, ``relations`` ... to their names, in the order of their appearance.
    """

    keys: dict[str, str] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, label: str, kind: str) -> str:
        """The plain name of a label, which is also entered as a type of this kind."""
        if label not in self.plain:
            name = base = _UNSAFE.sub("_", self.keys.get(label, label)).strip("_") or "type"
            number = 1
            while name in self.plain.values():
                name, number = f"{base}_{number + 1}", number + 1
            self.plain[label] = name
        self.kinds[kind][self.plain[label]] = None
        return self.plain[label]

    def annotation_conf(self) -> str:
        """brat's list of types; any entity may be an argument of any relation and event, and they may overlap."""
        roles = ", ".join(f"{role}*:<ENTITY>" for role in self.kinds["roles"])
        lines = ["[entities]", *self.kinds["entities"], "", "[relations]"]
        lines += [f"{name}\tArg1:<ENTITY>, Arg2:<ENTITY>" for name in self.kinds["relations"]]
        lines += ["<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>", "", "[events]"]
        lines += [f"{name}\t{roles}" for name in self.kinds["events"]]
        lines += ["", "[attributes]"]
        lines += [f"{name}\tArg:<ANY>, Value:{'|'.join(self.kinds[f'{name}='])}" for name in self.kinds["attributes"]]
        return "\n".join(lines) + "\n"

    def visual_conf(self) -> str:
        """What brat shows for each type."""
        shown = [f"{name} | {label}" for label, name in self.plain.items()]
        return "\n".join(["[labels]", *shown, "", "[drawing]", "SPAN_DEFAULT\tbgColor:lightgreen"]) + "\n"


class Writer:
    """Writes the rows of one config; types are collected over all of its splits."""

    def __init__(self) -> None:
        self.names = Names()

    def write(self, records: Iterator[Record], folder: Path, registry: Registry, losses: Losses) -> int:
        """Write a folder of documents; returns how many."""
        folder.mkdir()
        count = 0
        for record in records:
            if is_readable(record, losses):
                self.names.keys |= registry.word_labels(registry.config(record.config), record.word) or {}
                stem = f"{count:06}"
                (folder / f"{stem}.txt").write_text(record.text, encoding="utf-8", newline="")
                lines = "".join(f"{line}\n" for line in annotation_lines(record, registry, self.names, losses))
                (folder / f"{stem}.ann").write_text(lines, encoding="utf-8", newline="")
                count += 1
        return count

    def finish(self, folder: Path) -> None:
        """Write the two configuration files of the collection."""
        (folder / "annotation.conf").write_text(self.names.annotation_conf(), encoding="utf-8", newline="")
        (folder / "visual.conf").write_text(self.names.visual_conf(), encoding="utf-8", newline="")


def annotation_lines(record: Record, registry: Registry, names: Names, losses: Losses) -> list[str]:
    """The ``.ann`` lines of a record whose items are known."""
    lines = _Lines(record, names, losses)
    roles = argument_roles(record, registry)
    for item in record.items or ():
        lines.add(item, roles)
    values = metadata(record, text_label(record, registry))
    comments = {key: value for key, value in values.items() if not _LINE_ENDS.search(value)}
    losses.add(record, "metadata", len(values) - len(comments))
    lines.lines += [f"#{number}\t{key} *\t{value}" for number, (key, value) in enumerate(comments.items(), 1)]
    return lines.lines


@dataclass
class _Lines:
    record: Record
    names: Names
    losses: Losses
    lines: list[str] = field(default_factory=list)
    numbers: Counter[str] = field(default_factory=Counter)
    entities: dict[Placed, str] = field(default_factory=dict)

    def add(self, item: Item, roles: Sequence[str]) -> None:
        """Add the lines of an item."""
        spans = [span for span in item.spans if span.text]
        places = [place_of(self.record, span, self.losses) for span in spans]
        placed = [(span.role, *place) for span, place in zip(spans, places) if place is not None]
        if not placed or len(placed) < len(spans):
            return
        placed.sort(key=lambda span: roles.index(span[0]))
        attributes = item.attributes
        if len(roles) == 1:
            target = self._entity(item.label, *placed[0][1:])
        elif len(roles) == 2 and [role for role, _, _ in placed] == list(roles):
            types = argument_types(item, roles)
            attributes = tuple(pair for pair in attributes if pair[0].removesuffix("_type") not in types)
            typed = [(types.get(role, role), start, end) for role, start, end in placed]
            ends = " ".join(f"Arg{number}:{self._argument(span)}" for number, span in enumerate(typed, 1))
            target = self._line("R", f"{self._name(item.label, 'relations')} {ends}")
        else:
            target = self._event(item.label, placed)
        for name, value in attributes:
            plain = self._name(name, "attributes")
            self._line("A", f"{plain} {target} {self._name(value, f'{plain}=')}")

    def _event(self, label: str, placed: Sequence[Placed]) -> str:
        trigger = self._entity(label, *placed[0][1:], kind="events")
        seen: Counter[str] = Counter()
        arguments = []
        for span in placed:
            seen[span[0]] += 1
            number = str(seen[span[0]]) if seen[span[0]] > 1 else ""  # as brat numbers a role that comes again
            arguments.append(f"{self._name(span[0], 'roles')}{number}:{self._argument(span)}")
        return self._line("E", f"{self._name(label, 'events')}:{trigger} {' '.join(arguments)}")

    def _argument(self, span: Placed) -> str:
        if span not in self.entities:
            self.entities[span] = self._entity(*span)
        return self.entities[span]

    def _entity(self, label: str, start: int, end: int, kind: str = "entities") -> str:
        # A span over a line break is written in pieces, one for each line.
        pieces, at = [], start
        for line_end in [*_LINE_ENDS.finditer(self.record.text, start, end), None]:
            stop = line_end.start() if line_end else end
            pieces += [(at, stop)] if at < stop else []
            at = line_end.end() if line_end else end
        if not pieces or (pieces[0][0], pieces[-1][1]) != (start, end):
            self.losses.add(self.record, "blanks")
        offsets = ";".join(f"{at} {stop}" for at, stop in pieces or [(start, start)])
        shown = " ".join(self.record.text[at:stop] for at, stop in pieces)
        return self._line("T", f"{self._name(label, kind)} {offsets}\t{shown}")

    def _name(self, label: str, kind: str) -> str:
        if label != label.strip() or {"\t", "|"} & set(label) or _LINE_ENDS.search(label):
            self.losses.add(self.record, "labels")
        return self.names.of(label, kind)

    def _line(self, letter: str, text: str) -> str:
        self.numbers[letter] += 1
        name = f"{letter}{self.numbers[letter]}"
        self.lines.append(f"{name}\t{text}")
        return name
