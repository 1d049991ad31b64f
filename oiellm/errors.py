"""The exceptions for a user's mistake."""


class OiellmError(Exception):
    """A mistake of the user: one line that says where it is and what to do.

    Attributes:
        code: exit code of a command that ends with it.
    """

    code = 2


class BudgetError(OiellmError):
    """The budget did not allow all calls: what is done is kept, and more money goes on from there."""

    code = 3
