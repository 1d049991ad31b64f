"""The exception for a user's mistake in the pipeline."""

from __future__ import annotations

from oiellm.errors import OiellmError


class KitError(OiellmError):
    """A user's mistake: the message is one line that names the file, the row and the remedy."""
