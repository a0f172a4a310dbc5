"""The one exception that stands for a mistake of the user."""


class UserError(Exception):
    """What went wrong, where, and what to do, in one line.

    The commands print it without a traceback and end with exit code 2. Anything else that escapes is a
    defect of the program and shows its traceback.
    """
