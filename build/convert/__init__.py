"""Releases in the formats of other tools: ``python3 -m build convert RELEASE --to FORMAT``."""
