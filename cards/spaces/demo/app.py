"""The page of a Space: a text, a task and a language in; the label, the entities in their places, and the raw output out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr

from mmm_dataset import Item, Registry, registry_of
from mmm_dataset.registry import Config
from oiellm.errors import OiellmError
from oiellm.predict.checkpoint import ABOUT, find
from oiellm.predict.extract import Entity, Extraction, Relation, load

HERE: Final = Path(__file__).parent
LONGEST: Final = 4000  # characters of a text: this runs on a CPU
NOTES: Final = {
    "demo": "**A demonstration, not OIELLM**: trained on rows that show how the release kit works. Its answers are not to be "
    "relied on.",
}
TEXTS: Final = {
    "en": "Kazan filmed in New York in 1953 with Brando, who won a prize for it.",
    "ja": "小津安二郎は鎌倉で『晩春』を撮り、原節子が主演した。",
    "zh": "侯孝贤在九份拍摄了《悲情城市》，由梁朝伟主演。",
}
Row = list[str | int | None]


def page() -> gr.Blocks:
    """Load the model that ``space.json`` names, and make the page for what it was trained on."""
    name = json.loads((HERE / "space.json").read_text(encoding="utf-8"))["model"]
    folder = find(str(HERE / name) if (HERE / name).is_dir() else name)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    registry, extractor = registry_of(folder), load(folder)
    trained = [registry.config(config) for config in about["data"]["configs"] if config in registry.configs]
    tasks = {choice: code for config in trained for choice, code in choices(config, registry)}
    known = {(code, config.language) for config in trained for _, code in choices(config, registry)}
    languages = {registry.languages[config.language].name: config.language for config in trained}

    def answer(text: str, task: str, language: str, constrain: bool) -> tuple[Any, ...]:
        if not text.strip():
            raise gr.Error("Write a text first.")
        if (task, language) not in known:
            gr.Warning("The model was not trained on this task in this language: what it writes means nothing.")
        try:
            return show(extractor.extract(text, task=task, language=language, constrain=constrain))
        except OiellmError as error:
            raise gr.Error(str(error)) from error

    title = name.rpartition("/")[2]
    made = gr.Blocks(title=title, analytics_enabled=False)
    with made:
        gr.Markdown(f"# {title}\n\nA text-level label and word-level items of the same text, in one answer.")
        for note in (NOTES[origin] for origin in about["data"]["origins"] if origin in NOTES):
            gr.Markdown(note)
        with gr.Row():
            with gr.Column():
                inputs, button = form(tasks, languages)
            with gr.Column():
                outputs = results()
        button.click(answer, inputs, outputs, api_name="extract")
    return made


def choices(config: Config, registry: Registry) -> Iterator[tuple[str, str]]:
    """What one can ask of a config, for people and for :meth:`oiellm.predict.extract.Extractor.extract`."""
    task = registry.task(config.task)
    for word in task.words:
        yield f"{task.description}, /{word}", word if len(task.words) > 1 else config.task


def form(tasks: Mapping[str, str], languages: Mapping[str, str]) -> tuple[list[gr.Component], gr.Button]:
    """The left side."""
    text = gr.Textbox(label="Text", lines=4, max_length=LONGEST, elem_id="text")
    task = gr.Dropdown(list(tasks.items()), label="Task", elem_id="task")
    language = gr.Dropdown(list(languages.items()), label="Language", elem_id="language")
    says = "Closed labels from their set, entities that are in the text"
    constrain = gr.Checkbox(True, label="Guarantee the form", info=says, elem_id="constrain")
    button = gr.Button("Ask the model", variant="primary", elem_id="ask")
    samples = [[TEXTS[code], code] for code in languages.values() if code in TEXTS]
    gr.Examples(samples, [text, language], label="Texts to try")
    return [text, task, language, constrain], button


def results() -> list[gr.Component]:
    """The right side."""
    headers = ["item", "role", "entity", "start", "end"]
    return [
        gr.Textbox(label="Label of the text", elem_id="label"),
        gr.HighlightedText(label="Entities", show_legend=True, combine_adjacent=False, elem_id="entities"),
        gr.Dataframe(headers=headers, label="Items", interactive=False, wrap=True, elem_id="items"),
        gr.Textbox(label="Raw output", lines=3, elem_id="raw"),
    ]


def show(found: Extraction) -> tuple[str, dict[str, Any], list[Row], str]:
    """What a model says about a text as the page shows it: label, highlights, table of items, raw output."""
    label = f"(unreadable: {found.failure})" if found.failure else found.label or ""
    labeled: tuple[Entity | Relation, ...] = (*found.entities, *found.relations)
    rows: list[Row] = [[one.label, "", one.text, one.start, one.end] for one in found.entities]
    rows += [[one.label, a.role, a.text, a.start, a.end] for one in found.relations for a in one.arguments]
    spans = [(start, end, f"{item}: {role}" if role else item) for item, role, _, start, end in rows]
    rows += [[one.label, name, value, None, None] for one in labeled for name, value in one.attributes]
    rows += [_unplaced(item, count) for item, count in Counter(found.unplaced).items()]
    output = f"{found.output} (cut off)" if found.cut else found.output
    return label, {"text": found.text, "entities": highlights(spans)}, rows, output


def highlights(spans: list[tuple[Any, Any, Any]]) -> list[dict[str, Any]]:
    """Spans that do not overlap, from left to right, the longer of two that begin together; the table has all of them."""
    shown, reached = [], 0
    for start, end, label in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= reached:
            shown.append({"entity": label, "start": start, "end": end})
            reached = end
    return shown


def _unplaced(item: Item, count: int) -> Row:
    """An item that is written more often than the text has it, or that the text does not have."""
    text = "; ".join([*(span.text for span in item.spans), *(value for _, value in item.attributes)])
    return [item.label, "repeated or not in the text", f"{text} (× {count})" if count > 1 else text, None, None]


if __name__ == "__main__":
    page().launch()
