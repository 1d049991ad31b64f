"""A made-up copy of the authors' release: 42 files with the real, irregular names, for tests and examples.

The rows are written for the tests; format, file names and oddities are those of the release.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from mmm_dataset import Registry, load, prompt
from mmm_f1.unified import render

_STEMS: Final = {
    "ja": ("0_SCNM_5343", "1_SCPOS_RW", "2_SCPOS_18W_adj_n", "3_SCPOS_18W_n", "4_SCPOS_18W_adj", "5_TCREE_2k"),
    "en": (
        "0_SCNM_dataset",
        "1_SCPOS_RW_dataset",
        "2_SCPOS_1W_adj_n_clear2",
        "3_SCPOS_1W_n_clear2",
        "4_SCPOS_1W_adj_clear2",
        "5_TCREE_2k_clear2",
    ),
    "zh": (
        "0_SCNM_dataset",
        "1_SCPOS_RW_clear2",
        "2_SCPOS_1W_adj_n_clear2",
        "3_SCPOS_1W_n_clear2",
        "4_SCPOS_1W_adj_clear2",
        "5_TCREE_2k_clear2",
    ),
}
_TASKS: Final = ("scnm", "scpos_rw", "scpos_adj_n", "scpos_n", "scpos_adj", "tcree")

_PAIRS: Final = {
    ("scnm", "ja"): ("{n}年、田中は東京で公演した。", "literature", (("person", "田中"), ("place", "東京"))),
    ("scnm", "en"): ("In {n}, Tanaka played in Tokyo.", "literature", (("person", "Tanaka"), ("place", "Tokyo"))),
    ("scnm", "zh"): ("{n}年，田中在东京演出。", "literature", (("person", "田中"), ("place", "东京"))),
    ("scpos", "ja"): ("{n}号室は清潔だが料理は残念。", "negative", (("positive", "清潔"), ("negative", "残念"))),
    ("scpos", "en"): ("Room {n} is clean, the food poor.", "negative", (("positive", "clean"), ("negative", "poor"))),
    ("scpos", "zh"): ("{n}号房很干净，但饭菜糟糕。", "negative", (("positive", "干净"), ("negative", "糟糕"))),
    ("tconer", "ja"): ("{n}年にRustが公開された。", "計算機", (("言語", "Rust"),)),
    ("tconer", "en"): ("Rust was released in {n}.", "Computing", (("language", "Rust"),)),
    ("tconer", "zh"): ("Rust于{n}年发布。", "计算机", (("语言", "Rust"),)),
}
_RELATIONS: Final = {
    "ja": ("{n}回目、田中は青空社に所属する。", ("田中", "works_for", "青空社")),
    "en": ("For the {n}th time, Tanaka works for Aozora.", ("Tanaka", "works_for", "Aozora")),
    "zh": ("第{n}次，田中任职于青空社。", ("田中", "works_for", "青空社")),
}
_EVENTS: Final = {
    "ja": ("{n}年、青空社は優勝した。", ("青空社", "win", "", "{n}年")),
    "en": ("Aozora won in {n}.", ("Aozora", "win", "", "{n}")),
    "zh": ("{n}年，青空社获胜。", ("青空社", "win", "", "{n}年")),
}

# Row 1 of these files. A separator inside an entity, which the authors do not escape:
COLON: Final = {
    "input": "J:COM春日部は春日部市の会社。/NER",
    "output": "社会/NER/:法人名;J:COM春日部:地名;春日部市",
}
# Rows that the reader must keep and report:
UNPARSABLE: Final = {"input": "The sun rose./NER", "output": "Nature NER Place;sun"}
NOT_IN_TEXT: Final = {"input": "太阳升起。/NER", "output": "自然/NER/:地名;月亮"}
_ODD: Final = {("ja_scnm", "train"): COLON, ("en_scnm", "test"): UNPARSABLE, ("zh_scnm", "train"): NOT_IN_TEXT}


def file_name(language: str, task: str, split: str) -> str:
    """A name as the release has it: ``Train_Ch_1_SCPOS_RW_clear2.json``, ``test_Cn_MRE_OIEDataset.json``."""
    code = {"ja": "Ja", "en": "En", "zh": "Ch"}[language]
    if task == "tconer":
        code = "Cn" if (language, split) == ("zh", "test") else code
        stem = "MRE_OIEDataset"
    else:
        stem = _STEMS[language][_TASKS.index(task)]
    return f"{'Train' if split == 'train' else 'test'}_{code}_{stem}.json"


def make_published_folder(path: Path, rows_per_file: int = 4) -> Path:
    """Write the 42 files into ``path``: every other one is JSON lines, the rest are arrays.

    Row 1 of three SCNM files is odd: see ``COLON``, ``UNPARSABLE``, ``NOT_IN_TEXT``. TCREE files mix both task words.
    """
    registry = load()
    path.mkdir(parents=True, exist_ok=True)
    for number, (name, split) in enumerate((name, split) for name in registry.configs for split in ("train", "test")):
        config = registry.configs[name]
        rows = [_row(config.language, config.task, split, index, registry) for index in range(rows_per_file)]
        if rows_per_file > 1:
            rows[1] = _ODD.get((name, split), rows[1])
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        text = "\n".join(lines) + "\n" if number % 2 else "[\n" + ",\n".join(lines) + "\n]\n"
        (path / file_name(config.language, config.task, split)).write_text(text, encoding="utf-8")
    return path


def _row(language: str, task: str, split: str, index: int, registry: Registry) -> dict[str, str]:
    n = str((1000 if split == "train" else 5000) + index)
    words = registry.task(task).words
    if task == "tcree":
        word = words[index % 2]
        text, fields = (_RELATIONS, _EVENTS)[index % 2][language]
        key = fields[1]
        label_set = registry.task(task).word_labels[word]
        spelled = tuple(registry.spelling(label_set, key, language) if f == key else f.format(n=n) for f in fields)
        label, items = registry.spelling("tcree_text", "news", language), [spelled]
    else:
        word = words[0]
        family = task.split("_")[0]
        text, label, pairs = _PAIRS[family, language]
        items = [(_spelled(f"{family}_word", key, language, registry), entity) for key, entity in pairs]
        label = _spelled(f"{family}_text", label, language, registry)
    text = text.format(n=n)
    return {"input": prompt(text, word), "output": render(label, word, items, form="published")}


def _spelled(label_set: str, key: str, language: str, registry: Registry) -> str:
    return key if label_set.startswith("tconer") else registry.spelling(label_set, key, language)
