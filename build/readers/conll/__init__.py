"""CoNLL and its kin: one token and its tag per line, in any of the layouts and tag schemes in use."""

from build.readers.conll.read import OPTIONS, read

__all__ = ["OPTIONS", "read"]
