"""What stops a card: a figure that no run recorded."""

from __future__ import annotations

from mmm_f1.errors import UserError


class CardError(UserError, ValueError):
    """Something that a card must say is not there, or cannot be so: one line that names it and its file."""
