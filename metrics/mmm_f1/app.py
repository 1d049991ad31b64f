"""The Space's page: a form that computes the metric."""

import evaluate
from evaluate.utils import launch_gradio_widget

launch_gradio_widget(evaluate.load("mmm_f1.py"))
