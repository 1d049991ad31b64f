"""Annotation by a model: text-level labels for worklists, word-level items where a source has none."""
