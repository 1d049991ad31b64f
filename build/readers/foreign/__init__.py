"""Data in the formats of other tools, from doccano to LangExtract; :mod:`.formats` lists them."""

from build.readers.foreign.read import OPTIONS, read

__all__ = ["OPTIONS", "read"]
