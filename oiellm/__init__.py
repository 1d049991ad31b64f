"""OIELLM: recipes, training, prediction in a form that never breaks, evaluation. Imports nothing heavy.

>>> import oiellm                                                                     # doctest: +SKIP
>>> oiellm.load("release/oiellm-nano").extract("...", task="NER", language="ja")      # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oiellm.errors import OiellmError
    from oiellm.predict.extract import Extraction, Extractor, load

__all__ = ["Extraction", "Extractor", "OiellmError", "load"]


def __getattr__(name: str) -> Any:
    """What needs more than the standard library is imported when it is first asked for (PEP 562)."""
    if name in __all__:
        module = "oiellm.errors" if name == "OiellmError" else "oiellm.predict.extract"
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
