"""Knowledgeable verbalizers: word-level items of the training rows as label words for few-shot text classification."""
