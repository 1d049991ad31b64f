"""What the readers of other people's data take from options: language, text-level label, split, treatment of unknown labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from build.core import Drop, KitError, Note
from mmm_dataset import Record, Registry, RegistryError
from mmm_dataset.record import Split

UNKNOWN_LABELS: Final = {
    "unknown-labels": "stop (default) or drop: what to do with a row whose label is not in the registry's label set",
}

LABEL_OPTIONS: Final = {
    "label": "the text-level label of every row",
    "label-from": "where the text-level label is: comment:KEY, column:N (or its name), file-name or folder",
    "split-from": "file-name or folder: take the split from the word train, dev or test in it",
    **UNKNOWN_LABELS,
}

_KEYED: Final = {"comment": "comment:KEY", "column": "column:N", "key": "key:NAME"}
_SPLITS: Final[dict[str, Split]] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "devel", "development", "testa"), "validation"),
    **dict.fromkeys(("test", "testing", "testb"), "test"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SPLIT_PART = re.compile(rf"(?i)(?:^|[._-])(?:{'|'.join(_SPLITS)})\d*(?=$|[._-])")


@dataclass(frozen=True, slots=True)
class TextLabels:
    """Where the text-level label of a row comes from.

    Attributes:
        value: the label of every row, if one was given.
        kind: ``comment``, ``column``, ``key``, ``file-name``, ``folder``, or empty if nothing was asked for.
        key: the comment's key, the column's number or name, or the key of a JSON row.
    """

    value: str | None = None
    kind: str = ""
    key: str = ""

    @property
    def given(self) -> bool:
        """Whether one of the options was used."""
        return self.value is not None or bool(self.kind)

    @classmethod
    def parse(
        cls,
        label: str | None,
        label_from: str | None,
        kinds: tuple[str, ...] = ("comment", "column", "file-name", "folder"),
    ) -> TextLabels:
        """Read the options ``--label`` and ``--label-from``; ``kinds`` are those that the reader can follow.

        Raises:
            KitError: both are given, or the second is none of ``kinds``.
        """
        if label is not None and label_from is not None:
            raise KitError("--label and --label-from: give one of them")
        if label is not None and not label.strip():
            raise KitError("--label: the label is empty")
        if label_from is None:
            return cls(value=label)
        kind, _, key = label_from.partition(":")
        if kind not in kinds or (kind in _KEYED) != bool(key):
            forms = ", ".join(_KEYED.get(kind, kind) for kind in kinds)
            raise KitError(f"--label-from {label_from}: must be one of {forms}")
        return cls(kind=kind, key=key)

    def of_file(self, file: Path, root: Path, language: str = "") -> str | None:
        """The label that all rows of a file have, or None if the rows have their own.

        Args:
            file: the file.
            root: the folder that is read, or the file itself.
            language: code that the file name may begin with; it is no part of the label, and neither is a split.

        Raises:
            KitError: nothing is left of the file's name, or the file is in no folder below ``root``.
        """
        if self.kind == "folder":
            if not root.is_dir() or file.parent == root:
                raise KitError(f"{file}: not in a subfolder of {root}: --label-from folder needs one folder per label")
            return file.parent.name
        if self.kind != "file-name":
            return self.value
        stem = _SPLIT_PART.sub("", file.stem)
        stem = re.sub(rf"^{re.escape(language)}(?=$|[._-])", "", stem) if language else stem
        if not (label := stem.strip("._-")):
            raise KitError(
                f"{file}: its name holds no label beside language and split: --label-from file-name needs one"
            )
        return label


def by_language(
    files: Iterable[Path], root: Path, registry: Registry, language: str | None
) -> tuple[dict[Path, str], list[Note]]:
    """The files to read with the language of each, and a note on every other one.

    A file's language is that of the config that a folder of it is named after (``en_xsid``), else the code that its name or
    a folder's name begins with. With ``language`` files that say another one are left out, and those that say none have it;
    a file that is given itself has it, whatever it says.

    Raises:
        KitError: there is no file to read.
    """
    out: dict[Path, str] = {}
    notes = []
    for file in files:
        found = None if language and not root.is_dir() else _language_of(file, root, registry)
        code = found or language
        if code and language in (None, code):
            out[file] = code
            continue
        reason = (
            f"its name or folder says {found}" if found else "neither its name nor a folder begins with a language code"
        )
        notes.append(Note(file.name, "unmatched_file", f"{reason}: not read"))
    if not out:
        raise KitError(
            f"{root}: no file of {language or 'a known language'}: give --language, or name the file or its folder xx.NAME or "
            "xx_TASK"
        )
    return out, notes


def _language_of(file: Path, root: Path, registry: Registry) -> str | None:
    below = file.relative_to(root).parts[-2::-1] if root.is_dir() else ()
    last = (root if root.is_dir() else file.parent).resolve().name
    for folder in (*below, last):
        if folder in registry.configs:
            return registry.configs[folder].language
    # The folder that was given is only a language if that is all it says: my-corpus is no Burmese.
    codes = (*(re.split("[._-]", name)[0] for name in (file.name, *below)), last)
    return next((code for code in codes if code in registry.languages), None)


def split_of(file: Path, root: Path, split_from: str | None) -> Split | None:
    """The split that a file's name or folder says, by whole words (``latest`` is not ``test``); None if not asked for.

    Raises:
        KitError: the option is neither ``file-name`` nor ``folder``, or no split or two are named.
    """
    if split_from is None:
        return None
    if split_from not in ("file-name", "folder"):
        raise KitError(f"--split-from {split_from}: must be file-name or folder")
    folders = file.relative_to(root).parts[:-1] if root.is_dir() else ()
    names = (file.name,) if split_from == "file-name" else (*folders, *(() if folders else (file.parent.name,)))
    found = {_SPLITS[word.lower()] for name in names for word in _WORD.findall(name) if word.lower() in _SPLITS}
    if len(found) != 1:
        said = " and ".join(sorted(found)) or "neither train, dev nor test"
        raise KitError(f"{file}: its {split_from.replace('-', ' ')} says {said}: rename it, or leave --split-from out")
    return found.pop()


def check_record(record: Record, registry: Registry, where: str, unknown_labels: str = "stop") -> Record | Drop:
    """The record, or a drop if a label is not in a closed set of the registry and ``--unknown-labels drop`` was given.

    Raises:
        KitError: such a label where none was to be dropped, or the option is neither ``stop`` nor ``drop``.
    """
    if unknown_labels not in ("stop", "drop"):
        raise KitError(f"--unknown-labels {unknown_labels}: must be stop or drop")
    try:
        registry.check_labels(record)
    except RegistryError as error:
        if unknown_labels == "stop":
            raise KitError(f"{where}: {error}; --unknown-labels drop leaves such rows out") from error
        return Drop(record.id, "unknown_label", f"{where}: {error}", record.text)
    return record
