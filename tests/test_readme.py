"""The README's table of configs is the registry's."""

import re
from pathlib import Path

from mmm_dataset import load

README = Path(__file__).parents[1] / "README.md"


def config_table():
    registry = load()
    lines = ["| task | words | ja train / test | en train / test | zh train / test |", "|---|---|--:|--:|--:|"]
    for code, task in registry.tasks.items():
        sizes = [registry.config(f"{language}_{code}") for language in ("ja", "en", "zh")]
        cells = [f"{config.train:,} / {config.test:,}" for config in sizes]
        words = ", ".join(f"`{word}`" for word in task.words)
        lines.append(f"| `{code}`: {task.description} | {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_table_of_configs():
    text = README.read_text(encoding="utf-8")
    found = re.search(r"<!-- configs -->\n(.*)\n<!-- /configs -->", text, re.DOTALL)
    assert found and found[1] == config_table(), f"the README's table should be\n{config_table()}"
