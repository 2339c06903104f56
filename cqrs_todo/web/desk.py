"""What the server needs of the program that starts it: its settings, its lists, and how it reads what people write."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..cqrs.events import Moment
from ..cqrs.store import Store
from ..cqrs.struct import Struct
from ..todo.model import Create, TodoCommand
from ..todo.query import Query
from ..todo.service import TodoList, View
from ..todo.values import DayOrInstant, ToLocal
from ..todo.views import Item


class PublicError(Struct, frozen=True):
    """An error that was foreseen, as clients see it.

    Args:
        code: What kind of error it is, for programs, such as `NOT_FOUND`.
        message: What is wrong.
        hint: What to do about it; None for no hint.
    """

    code: str
    message: str
    hint: str | None


class Visit(Protocol):
    """One request's look at one list. It has one present time, and reads words as the command line does."""

    @property
    def todos(self) -> TodoList:
        """The list."""

    @property
    def now(self) -> datetime:
        """The present in local time."""

    @property
    def to_local(self) -> ToLocal:
        """The time zone of the server."""

    @property
    def attributes(self) -> Collection[str]:
        """The names of the attributes that are declared."""

    def moment(self, text: str) -> Moment:
        """Return the moment that a text means, such as `@42` or `yesterday`."""

    def query(self, text: str, view: View) -> Query:
        """Parse a query of the todos of a list."""

    def choose(self, words: Sequence[str]) -> Sequence[Item]:
        """Find the todos that words name: numbers, ranges and ids."""

    def past(self, text: str) -> DayOrInstant:
        """Return the day or the instant in the past that a text means."""

    def creation(self, values: Mapping[str, Any]) -> Create:
        """Return the command that creates a todo.

        Args:
            values: What was written for each field, by the names of the fields. None is the same as nothing.
        """

    def creation_of_line(self, line: str) -> Create:
        """Return the command that creates a todo from a line with markers, such as `Buy milk +home due:friday`."""

    def changes(self, values: Mapping[str, Any]) -> Callable[[Item], Sequence[TodoCommand]]:
        """Return the commands that change fields.

        Args:
            values: What was written for each field, by the names of the fields. None clears the field.
        """


class Desk(Protocol):
    """The program that starts the server. One thread works with the lists of one desk."""

    def other(self) -> "Desk":
        """Return a desk for another thread, which opens the same lists for itself."""

    @property
    def store(self) -> Store:
        """The store."""

    @property
    def default_list(self) -> str:
        """The name of the list that is used if none is named."""

    def visit(self, name: str) -> Visit:
        """Begin to look at a list.

        Args:
            name: The name of the list.
        """

    def forget_list(self, name: str) -> None:
        """Open a list anew the next time, because it could not be read or changed."""

    def public_error(self, error: Exception) -> PublicError | None:
        """Return what clients see of an error; None for one that nobody foresaw."""

    def public_text(self, text: str) -> str:
        """Return a text about the store as clients see it: it names lists, and no files."""

    def report(self, error: Exception) -> None:
        """Report an error that nobody foresaw to the person who runs the server."""
