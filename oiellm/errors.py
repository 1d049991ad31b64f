"""The one exception for a user's mistake."""


class OiellmError(Exception):
    """A mistake of the user: one line that says where it is and what to do."""
