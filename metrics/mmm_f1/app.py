"""The Space's page: predictions and references in, all figures out."""

from pathlib import Path
from typing import Any

import evaluate
import gradio as gr

metric = evaluate.load(str(Path(__file__).with_name("mmm_f1.py")))
PREDICTED = "Literature/NER/:Person;Kazan\nScience/NER/\n文芸/NER/:作品;春:人物;清少納言"
GOLD = "Literature/NER/:Person;Kazan:Person;Spiegel\nScience/NER/\n文芸/NER/:作品;春:人物;清少納言"


def compute(predictions: str, references: str, mode: str, matching: str) -> tuple[list[list[str]], dict[str, Any]]:
    """Score lines against lines: the three figures as a table, and everything."""
    said, gold = predictions.rstrip("\n").split("\n"), references.rstrip("\n").split("\n")
    if len(said) != len(gold):
        raise gr.Error(f"{len(said)} predictions, but {len(gold)} references: one a line, in the same order.")
    try:
        found = metric.compute(predictions=said, references=gold, mode=mode, matching=matching, resamples=200)
    except ValueError as error:
        raise gr.Error(str(error)) from error
    levels = [("TL", "tl"), ("WL", "wl"), ("ALL", "all")]
    intervals = [[f"{100 * bound:.1f}" for bound in found[f"{key}_ci95"]] for _, key in levels]
    figures = [[title, f"{100 * found[key]:.2f}", *both] for (title, key), both in zip(levels, intervals)]
    return figures, found


with gr.Blocks(title="MMM F1", analytics_enabled=False) as page:
    gr.Markdown(
        "# MMM F1\n\nScores rows of the unified text format, `Label/NER/:type;entity:type;entity`: TL, the share of rows with "
        "the right label; WL, micro F1 over pairs; ALL, the share of rows in which everything is right. In percent."
    )
    with gr.Row():
        with gr.Column():
            predicted = gr.Textbox(PREDICTED, label="Predictions, one a line", lines=6, elem_id="predictions")
            expected = gr.Textbox(GOLD, label="References, one a line", lines=6, elem_id="references")
            with gr.Row():
                mode = gr.Dropdown(["default", "paper"], label="Mode")
                matching = gr.Dropdown(["set", "multiset"], label="Matching")
            button = gr.Button("Score", variant="primary", elem_id="score")
        with gr.Column():
            headers = ["", "figure", "95 % from", "to"]
            figures = gr.Dataframe(headers=headers, label="Figures", interactive=False, elem_id="figures")
            everything = gr.JSON(label="Everything", elem_id="everything")
    button.click(compute, [predicted, expected, mode, matching], [figures, everything], api_name="score")

if __name__ == "__main__":
    page.launch()
