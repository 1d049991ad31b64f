"""Data in the formats of other tools, from doccano to LangExtract."""

from build.readers.foreign.formats import FORMATS
from build.readers.foreign.read import OPTIONS, read

__all__ = ["FORMATS", "OPTIONS", "read"]
