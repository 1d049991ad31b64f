"""What the authors' files hold, in counts and label strings, without any text of their rows: ``python -m build census``."""
