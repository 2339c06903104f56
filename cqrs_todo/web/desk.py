"""What the server needs of the program that starts it: its settings, its lists, and how it reads what people write."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..cqrs.events import Moment
from ..cqrs.store import Store
from ..cqrs.struct import Struct
from ..todo.model import Create, TodoCommand
from ..todo.projections import Projection
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


class ViewName(Struct, frozen=True):
    """A view that can be shown.

    Args:
        name: Its name.
        help: What it shows; '' if it does not say so.
        package: The package that offers it.
    """

    name: str
    help: str
    package: str


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

    def lists_of(self, text: str) -> Sequence[str]:
        """Return the names of the lists of the saved filter that a query names; none if the query is about any list.

        Raises:
            CqrsError: One of these lists does not exist, or cannot be opened.
        """

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

    def projection(self, name: str, per: str | None) -> Projection[Any]:
        """Return a view of this package or of another one. A view in a file is found by nobody but who runs the server.

        Args:
            name: The name of the view.
            per: The unit for which it counts; None for its own.

        Raises:
            CqrsError: There is no such view or unit.
            ViewFailed: The view cannot be loaded.
        """

    def period(self, projection: Projection[Any], text: str, moment: Moment | None, view: View) -> str:
        """Return the period of a view that a text names, or that of a moment; '' for a view without periods.

        Args:
            projection: The view.
            text: The text; '' for none.
            moment: The moment; None for now.
            view: The list at the moment.
        """

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

    def views(self) -> Sequence[ViewName]:
        """Return the views that can be loaded and have a name."""

    def forget_list(self, name: str) -> None:
        """Open a list anew the next time, because it could not be read or changed."""

    def public_error(self, error: Exception) -> PublicError | None:
        """Return what clients see of an error; None for one that nobody foresaw."""

    def public_text(self, text: str) -> str:
        """Return a text about the store as clients see it: it names lists, and no files."""

    def report(self, error: Exception) -> None:
        """Report an error that no client should see to the person who runs the server."""
