"""The one base of errors that are a user's mistake; every command prints its message as one line."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user: one line that says where it is and what to do.

    Attributes:
        code: exit code of a command that ends with it.
    """

    code = 2
