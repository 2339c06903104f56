"""The errors of what a script asks of a command; see `requests`.

They are not in `errors`, because most runs do not need them.
"""

from ..cqrs.errors import CommandReused, CqrsError


class CommandIdTaken(CommandReused):
    """The id that a script gave a command belongs to another one, or the command was interrupted. Nothing was recorded."""

    hint = "give each command an id of its own, and send only the same command again with the same id"


class UnexpectedState(CqrsError):
    """A list or a todo is not in the state that a script expects. Nothing was recorded."""

    def __init__(self, message: str, hint: str) -> None:
        """Make the error.

        Args:
            message: What was expected, and what is there now.
            hint: What a person can do about it.
        """
        super().__init__(message)
        self.hint = hint


class NoVersionToExpect(CqrsError):
    """A command that names no todos cannot expect a version of them. Nothing was recorded."""

    def __init__(self, version: int, position: int) -> None:
        """Make the error.

        Args:
            version: The version that was expected.
            position: The last position of the list.
        """
        super().__init__(f"a version such as {version} belongs to a todo, and this command names none")
        self.hint = f"give the last position of the list instead: --expect @{position}"
