"""What `todo serve` gives the server: the settings of this run, its lists, and how the command line reads words."""

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ..cqrs.errors import UnknownEvents
from ..cqrs.events import Moment
from ..cqrs.names import name_key
from ..cqrs.store import Store
from ..cqrs.stores.null import NullLog
from ..cqrs.stores.passwords import hidden
from ..todo.errors import InvalidQuery, UnreadableRule
from ..todo.fields import ATTRIBUTES, FIELDS, TEXT, Declared, SetField
from ..todo.model import Create, TodoCommand
from ..todo.projections import Projection, ViewFailed
from ..todo.query import Query
from ..todo.request_errors import UnexpectedState
from ..todo.service import TodoList, View
from ..todo.values import DayOrInstant, ToLocal, day_or_instant
from ..todo.views import Item
from ..web.desk import PublicError, ViewName
from .clock import to_local
from .config import naming_filter
from .errors import UsageError
from .fields import Given, given_by, read_attributes, read_fields
from .markers import split_line
from .queries import named_filter, parsed
from .report import archived_meanwhile, described, failure
from .session import Options, Session, check_text
from .text import visible
from .view_loader import all_views, named_view, with_unit
from .view_periods import wanted_period
from .without_paths import without_paths

_CODES = {
    "refused": "REJECTED",
    "usage": "INVALID",
    "not-found": "NOT_FOUND",
    "conflict": "CONFLICT",
    "damaged-log": "DAMAGED_LOG",
    "unknown": "OUTCOME_UNKNOWN",
    "store-outdated": "STORE_OUTDATED",
    "store-unreachable": "STORE_UNREACHABLE",
}
"""What clients see of the codes of errors."""


class ListVisit:
    """One request's look at one list; see `web.desk.Visit`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def todos(self) -> TodoList:
        """The list."""
        return self._session.list

    @property
    def now(self) -> datetime:
        """The present in local time."""
        return self._session.now

    @property
    def to_local(self) -> ToLocal:
        """The time zone of this machine."""
        return to_local

    @property
    def attributes(self) -> Collection[str]:
        """The names of the attributes that are declared in config.toml."""
        return self._session.config.attributes

    def moment(self, text: str) -> Moment:
        """Return the moment that a text means; see `Session.moment_of`."""
        return self._session.moment_of(text)

    def query(self, text: str, view: View) -> Query:
        """Parse a query of the todos of a list.

        Raises:
            UsageError: It is not a query, or names a saved filter that is about other lists.
        """
        lists = self._lists_named_in(text)
        if lists and name_key(view.list) not in map(name_key, lists):
            raise UsageError(
                f"this filter is not about {view.list}, but about {', '.join(lists)}", "choose a list of the filter"
            )
        return parsed(self._session, text, view.list, view.items, self._session.seen_from(view))

    def lists_of(self, text: str) -> Sequence[str]:
        """Return the names of the lists of the saved filter that a query names; none if the query is about any list.

        Raises:
            CqrsError: One of these lists does not exist, or cannot be opened.
        """
        lists = self._lists_named_in(text)
        with naming_filter():
            for name in lists:
                self._session.open_list(name).check_exists()
        return lists

    def _lists_named_in(self, text: str) -> Sequence[str]:
        named = named_filter(self._session, [text])
        return () if named is None else named.lists

    def choose(self, words: Sequence[str]) -> Sequence[Item]:
        """Find the todos that words name; see `Session.select`."""
        return self._session.select(self.todos, words)

    def past(self, text: str) -> DayOrInstant:
        """Return the day or the instant in the past that a text means."""
        return day_or_instant(self._session.time_of(text, "past"))

    def creation(self, values: Mapping[str, Any]) -> Create:
        """Return the command that creates a todo."""
        given = self._read({name: value for name, value in values.items() if not _is_empty(value)}, ())
        text = given.values.get(TEXT.name)
        if text is None:
            raise UsageError("the text of the todo is missing", "give it a text")
        with _hints_for_values():
            return given.creation(text, self.todos.clock())

    def creation_of_line(self, line: str) -> Create:
        """Return the command that creates a todo from a line with markers, as `todo add -` reads lines of stdin."""
        attributes = self._session.config.attributes
        text, markers = split_line(check_text("line", line), attributes)
        if not text.strip():
            raise UsageError("there is no text", "write what to do")
        return given_by(self._session, markers, attributes).creation(text, self.todos.clock())

    def projection(self, name: str, per: str | None) -> Projection[Any]:
        """Return a view by its name. A client cannot name a file, because its code would run here."""
        try:
            found = named_view(name)
        except UsageError as error:
            raise ViewFailed(name, "loading", str(error)) from error
        return (found if per is None else with_unit(found, per, "per")).view

    def period(self, projection: Projection[Any], text: str, moment: Moment | None, view: View) -> str:
        """Return the period of a view that a text names, or that of a moment."""
        return wanted_period(self._session, projection, text, moment, [self.todos], [view])

    def changes(self, values: Mapping[str, Any]) -> Callable[[Item], Sequence[TodoCommand]]:
        """Return the commands that change fields. A set that is given replaces the one that is there."""
        empty = [name for name, value in values.items() if _is_empty(value)]
        replaced = {field.name for field in FIELDS if isinstance(field, SetField)} & values.keys()
        given = self._read({name: value for name, value in values.items() if name not in empty}, empty)
        given = Given(given.values, given.cleared | replaced)
        now = self.todos.clock()

        def commands(item: Item) -> Sequence[TodoCommand]:
            with _hints_for_values():
                return list(given.commands(item, now))

        return commands

    def _read(self, values: Mapping[str, Any], clear: Sequence[str]) -> Given:
        """Read what was written for fields, as the options of `add` and `edit` are read."""
        text = values.get(TEXT.name)
        if text is not None and not text.strip():
            raise UsageError("the text is empty", "give the todo a text")
        if TEXT.name in clear:
            raise UsageError("a todo cannot be without a text", "give it another text")
        words = [] if text is None else [text]
        others = {name: value for name, value in values.items() if name not in (TEXT.name, ATTRIBUTES.name)}
        with _hints_for_values():
            given = read_fields(self._session, words, others, literal=len(words), clear=clear, instead=_instead_of_empty)
        if ATTRIBUTES.name not in values:
            return given
        attributes = read_attributes(self._session, values[ATTRIBUTES.name])
        return Given({**given.values, ATTRIBUTES.name: attributes}, given.cleared)


_OF_THE_COMMAND_LINE = re.compile(r"(^|: )todo [\w-]|(^|\s)--?[A-Za-z]")
"""What names a verb or an option."""


def _for_clients(hint: str | None) -> str | None:
    """Return those parts of a hint that name no verb and no option, which clients do not have; None if there are none."""
    parts = [part for part in (hint or "").split("; ") if not _OF_THE_COMMAND_LINE.search(part)]
    return "; ".join(parts) or None


def _instead_of_empty(field: Declared) -> str:
    return f"leave out {field.name}, or give {'[]' if isinstance(field, SetField) else 'null'} to clear it"


@contextmanager
def _hints_for_values() -> Iterator[None]:
    """Let the hint for a rule that cannot be read show values. On the command line it shows markers, such as every:day."""
    try:
        yield
    except UsageError as error:
        if isinstance(error.__cause__, UnreadableRule) and error.__cause__.examples:
            error.hint = f"write, for instance: {' or '.join(map(repr, error.__cause__.examples))}"
        raise


def _is_empty(value: object) -> bool:
    """Return whether a value that was written for a field says that the field has none. No pairs of attributes do not."""
    return value is None or value == []


class Program:
    """This run of the program; see `web.desk.Desk`."""

    def __init__(self, session: Session) -> None:
        """Serve the lists of a session.

        Args:
            session: The session, whose store is in use.
        """
        self._session = session
        self._lists: dict[str, TodoList] = {}

    def other(self) -> "Program":
        """Return a desk for another thread. It opens the store and the lists for itself."""
        session = Session(self._session.options)
        session.config = self._session.config
        return Program(session)

    @property
    def store(self) -> Store:
        """The store."""
        return self._session.store

    @property
    def default_list(self) -> str:
        """The name of the list that is used if none is named."""
        return self._session.list_name

    def visit(self, name: str) -> ListVisit:
        """Begin to look at a list."""
        options = Options()
        options.list = name
        options.quiet = True
        session = Session(options)
        session.store, session.config, session.snapshots = self.store, self._session.config, self._session.snapshots
        opened = self._lists.get(name)
        if opened is None:
            opened = session.open_list(name)
            if not isinstance(opened.log, NullLog):  # it exists; otherwise it may be made at any time
                self._lists[name] = opened
        session.list = opened
        return ListVisit(session)

    def views(self) -> Sequence[ViewName]:
        """Return the views that can be loaded and have a name."""
        found = [(name, each) for name, each in all_views() if not isinstance(each, UsageError)]
        return [ViewName(name, getattr(each.view, "help", ""), each.origin) for name, each in found]

    def forget_list(self, name: str) -> None:
        """Open a list anew the next time."""
        self._lists.pop(name, None)

    def public_error(self, error: Exception) -> PublicError | None:
        """Return what clients see of an error; None for one that nobody foresaw."""
        error = archived_meanwhile(error, self._session)
        found = failure(error)
        if found is None:
            return None
        code = _CODES[found.code]
        if isinstance(error, UnexpectedState):
            code = "WRONG_EXPECTED_VERSION"
        # the other hints name verbs of the command line
        hint = _for_clients(found.hint) if isinstance(error, UsageError | InvalidQuery | UnknownEvents) else None
        return PublicError(code, self.public_text(found.message), None if hint is None else self.public_text(hint))

    def public_text(self, text: str) -> str:
        """Return a text as clients see it: without passwords, and with lists in place of their files."""
        url = self._session.store_url
        return without_paths(hidden(text, [url]), url)

    def report(self, error: Exception) -> None:
        """Write an error to stderr; for one that nobody foresaw, the name of a file with its traceback."""
        found = described(error, self._session)
        sys.stderr.write(f"todo: {visible(found.message)}\n      {visible(found.hint or '')}\n")
        sys.stderr.flush()
