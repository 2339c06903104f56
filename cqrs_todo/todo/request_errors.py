"""The errors of what a script asks of a command; see `requests`.

They are not in `errors`, because most runs do not need them.
"""

from collections.abc import Sequence

from ..cqrs.errors import CommandReused, CqrsError


class CommandIdTaken(CommandReused):
    """The id that a script gave a command belongs to another one, or the command was interrupted. Nothing was recorded."""


class UnexpectedState(CqrsError):
    """A list or a todo is not in the state that a script expects. Nothing was recorded.

    Attributes:
        numbers: The numbers of todos with another version than the expected one; empty if it is about the list.
    """

    def __init__(self, message: str, numbers: Sequence[int] = ()) -> None:
        """Make the error.

        Args:
            message: What was expected, and what is there now.
            numbers: As above.
        """
        super().__init__(message)
        self.numbers = numbers


class StateNotKept(UnexpectedState):
    """A state is expected by a command during which others may write. Nothing was recorded."""


class NoVersionToExpect(CqrsError):
    """A command that names no todos cannot expect a version of them. Nothing was recorded.

    Attributes:
        position: The last position of the list.
    """

    def __init__(self, version: int, position: int) -> None:
        """Make the error.

        Args:
            version: The version that was expected.
            position: As above.
        """
        super().__init__(f"a version such as {version} belongs to a todo, and this command names none")
        self.position = position
