"""The census of one file."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, Final

from build.census.strings import LENGTH, TEXTS, RowText, Strings
from build.census.words import WordCensus
from build.duplicates import digest
from build.readers.inputs import raw_text, read_json
from build.readers.published import known_size, match_name
from mmm_dataset import Registry
from mmm_dataset.files import progress, sha256

KEYS: Final = ("input", "output")
_SCRIPTS: Final = {"kana": re.compile("[\u3040-\u30ff]"), "han": re.compile("[\u3400-\u9fff]")}


class FileCensus:
    """Counts over the rows of one file."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self._path, self._registry = path, registry
        self.config: str | None
        self.split: str | None
        self.config, self.split = match_name(path.name, registry) or (None, None)
        config = registry.configs.get(self.config or "")
        self._text_labels = Strings(registry.text_labels(config) if config else None)
        self._task_words = Strings(registry.task_words)
        self._words: dict[str, WordCensus] = {}
        self._rows: Counter[str] = Counter(
            rows=0,
            not_two_strings=0,
            no_word_in_input=0,
            no_word_in_output=0,
            in_form=0,
            repeated_inputs=0,
            repeated_rows=0,
        )
        self._keys: Counter[str] = Counter()
        self._characters: Counter[str] = Counter()
        self._lengths: list[int] = []
        self._layout = ""
        self._inputs: set[int] = set()
        self.texts: set[int] = set()
        self._whole: set[int] = set()

    @property
    def name(self) -> str:
        """Config and split, or the name of the file where that does not tell them."""
        return f"{self.config}-{self.split}" if self.config else raw_text(self._path.name)

    def read(self) -> FileCensus:
        """Count every row; returns itself. Raises KitError if the file cannot be read."""
        for where, row in progress(read_json(self._path, KEYS), self._path.name):
            self._layout = "array" if where.endswith("]") else "lines"
            self._add(row)
        return self

    def _add(self, row: Any) -> None:
        self._rows["rows"] += 1
        if isinstance(row, dict):
            self._keys.update(row.keys())  # a dictionary would add its values, the texts
        given, output = (row.get("input"), row.get("output")) if isinstance(row, dict) else (None, None)
        if not isinstance(given, str) or not isinstance(output, str):
            self._rows["not_two_strings"] += 1
            return
        self._add_characters(given, output)
        key, whole = digest(given), digest(f"{given}\0{output}")
        self._rows["repeated_inputs"] += key in self._inputs
        self._rows["repeated_rows"] += whole in self._whole
        self._inputs.add(key)
        self._whole.add(whole)
        text, slash, word = given.rpartition("/")
        if not slash or not word.strip():
            self._rows["no_word_in_input"] += 1
        elif f"/{word}/" not in output:
            self._rows["no_word_in_output"] += 1
        else:
            self._add_in_form(RowText.of(text), word, output)

    def _add_in_form(self, text: RowText, word: str, output: str) -> None:
        self._rows["in_form"] += 1
        self._lengths.append(len(text.text))
        self.texts.add(text.key)
        self._task_words.add(word, text)
        self._text_labels.add(output.partition(f"/{word}/")[0], text)
        if word not in self._words:
            config = self._registry.configs.get(self.config or "")
            labels = self._registry.word_labels(config, word) if config else None
            self._words[word] = WordCensus(word, labels, self._registry)
        self._words[word].add(text, output)

    def _add_characters(self, given: str, output: str) -> None:
        both = given + output
        found = {
            "not_nfc": not unicodedata.is_normalized("NFC", both),
            "not_nfkc": not unicodedata.is_normalized("NFKC", both),
            "lone_surrogate": any("\ud800" <= char <= "\udfff" for char in both),
            "replacement_character": "\ufffd" in both,
            "control_character": re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", both) is not None,
            "newline_in_input": "\n" in given,
            "newline_in_output": "\n" in output,
            "blank_at_an_end": given != given.strip() or output != output.strip(),
            **{f"{name}_in_input": script.search(given) is not None for name, script in _SCRIPTS.items()},
            **{f"{name}_in_output": script.search(output) is not None for name, script in _SCRIPTS.items()},
        }
        self._characters.update({name: int(here) for name, here in found.items()})

    def as_dict(self) -> dict[str, Any]:
        """The counts, ready for JSON."""
        config = self._registry.configs.get(self.config or "")
        shown = self._task_words.shown()
        keys = {k: count for k, count in self._keys.items() if k in KEYS or (len(k) <= LENGTH and count >= TEXTS)}
        lengths = self._lengths or [0]
        return {
            "file": {
                "name": raw_text(self._path.name),
                "config": self.config,
                "split": self.split,
                "bytes": self._path.stat().st_size,
                "known_bytes": known_size(self.config or "", self.split or ""),
                "sha256": sha256(self._path),
                "layout": self._layout,
            },
            "paper_rows": getattr(config, self.split or "", None),
            **self._rows,
            "keys": keys,
            "other_keys": len(self._keys) - len(keys),
            "task_words": self._task_words.as_dict(),
            "text_labels": self._text_labels.as_dict(),
            "words": {word: self._words[word].as_dict() for word in shown},
            "characters": dict(self._characters),
            "text_characters": {"least": min(lengths), "median": int(statistics.median(lengths)), "most": max(lengths)},
        }
