"""The MMM F1 metric: parser, scorer and intervals, on the standard library and numpy alone.

``evaluate.load`` uses the module ``mmm_f1.py`` of this folder; everything else imports this package.
"""

from typing import TYPE_CHECKING, Any

from .locate import locate
from .unified import TASK_WORDS, Failure, Parsed, find_word, parse, render

if TYPE_CHECKING:
    from .scoring import compare, score

__all__ = ["TASK_WORDS", "Failure", "Parsed", "compare", "find_word", "locate", "parse", "render", "score"]


def __getattr__(name: str) -> Any:
    # The scorer needs numpy, which whoever only parses, or asks the command for help, need not wait for.
    if name in ("compare", "score"):
        from . import scoring

        return getattr(scoring, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
