"""The pipeline: from raw sources to ``release/mmm``. Run from the checkout as ``python -m build VERB``; never installed."""
