"""The MMM F1 metric: parser, scorer and intervals, on the standard library and numpy alone.

``evaluate.load`` uses the module ``mmm_f1.py`` of this folder; everything else imports this package.
"""

from .locate import locate
from .scoring import compare, score
from .unified import TASK_WORDS, Failure, Parsed, find_word, parse, render

__all__ = ["TASK_WORDS", "Failure", "Parsed", "compare", "find_word", "locate", "parse", "render", "score"]
