"""The exceptions for a user's mistake."""

from mmm_f1.errors import UserError


class OiellmError(UserError):
    """A mistake of the user: one line that says where it is and what to do."""


class BudgetError(OiellmError):
    """The budget did not allow all calls: what is done is kept, and more money goes on from there."""

    code = 3
