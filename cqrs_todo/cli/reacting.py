"""What `todo react` does: it runs the reactions of all lists for what is due, delivers reminders, and does so again."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from ..cqrs import reactions
from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, LogNotFound, StoreUnavailable
from ..cqrs.operation_errors import OutdatedStore, ReactionBusy
from ..cqrs.store import Log
from ..cqrs.struct import Struct
from ..cqrs.subscriptions import follow
from ..todo.errors import ListNotFound
from ..todo.service import TodoList
from ..todo.views import Item
from .deliveries import Deliverer, NotDelivered
from .programs import ProgramFailed
from .reactions import ListReaction, begun, find_reactions
from .session import Session
from .text import visible

_EVERY = 1.0
"""After how many seconds reminders are looked at again before the next program is run."""


class Outcome(Struct, frozen=True):
    """What one pass over all lists has done.

    Args:
        done: With how many events each reaction is done, by its name and the name of the list.
        parked: How many events were parked in this pass.
        reminders: How many reminders were delivered.
        failure: The first error, if there was one.
        busy: The reactions that other processes run, each with its list in words.
    """

    done: dict[tuple[str, str], int]
    parked: int
    reminders: int
    failure: CqrsError | None
    busy: Sequence[str]


class Reacting:
    """The reactions and reminders of the lists in use, also of those that are made later, or of one list.

    Args:
        session: This run of the program.
        only: The name of the only list; None for all lists.
        from_start: Whether new reactions begin with the whole history.
    """

    def __init__(self, session: Session, *, only: str | None = None, from_start: bool = False) -> None:
        self._session = session
        self._only = only
        self._from_start = from_start
        self._found = find_reactions(session)
        self._started = datetime.now(UTC)
        self._begun: dict[str, datetime | None] = begun(session.store.url, [each.name for each in self._found])
        self._deliverer = Deliverer(session)
        self._reactions: dict[tuple[str, str], ListReaction] = {}
        self._lists: dict[str, TodoList] = {}
        self._items: dict[str, tuple[Cursor, Sequence[Item]]] = {}
        self._failure: CqrsError | None = None
        self._delivered = 0
        self._looked = 0.0
        self._warned: set[str] = set()

    def names(self) -> Sequence[str]:
        """Return the names of the lists at present."""
        if self._only is None:
            return self._session.originals()
        if self._only not in self._session.store.names():
            self._session.open_list(self._only).check_exists()
            return []  # the default list is not made yet
        return [self._only]

    def once(self) -> Outcome:
        """Run everything that is due, list by list. A list or a reaction with an error hinders no other one."""
        done: dict[tuple[str, str], int] = {}
        parked = 0
        busy: list[str] = []
        self._failure, self._delivered = None, 0
        self._deliver()  # a program that hangs must not delay what is due
        for name in self.names():
            for found in self._found:
                if found.lists and name not in found.lists:
                    continue
                try:
                    reaction = self._reaction(found.name, name)
                    before = {each.event for each in reaction.runner.parked()}
                    done[found.name, name] = reaction.catch_up()
                    parked += len({each.event for each in reaction.runner.parked()} - before)
                except ReactionBusy:
                    busy.append(f"the reaction {found.name} on {name}")
                except OutdatedStore:
                    raise
                except CqrsError as error:
                    self._fail(error)
        # a list that comes later is newer than the reactions that began in this pass
        self._begun = {name: time or self._started for name, time in self._begun.items()}
        if any(done.values()):  # a reaction may have set a reminder
            self._deliver()
        return Outcome(done, parked, self._delivered, self._failure, busy)

    def follow(self) -> None:
        """Do that again and again, whenever a list has grown or a reminder comes due, until a signal ends the process."""

        def work() -> Iterator[Outcome]:
            outcome = self.once()
            if isinstance(outcome.failure, StoreUnavailable) and not isinstance(outcome.failure, NotDelivered):
                raise outcome.failure  # the framework waits and tries again
            yield outcome

        for _ in follow(self._session.store, work, self._ends, lambda: False):
            pass

    def _ends(self) -> list[tuple[Log, Cursor]]:
        return [(self._lists[name].log, cursor) for name, (cursor, _) in self._items.items()]

    def _reaction(self, name: str, list_name: str) -> ListReaction:
        """Return a reaction to a list; it begins when it is first asked for."""
        key = name, list_name
        reaction = self._reactions.get(key)
        if reaction is not None:
            try:
                if self._session.store.open(list_name).id == reaction.log.id:
                    return reaction
            except LogNotFound:  # it was renamed or archived a moment ago
                return reaction
        found = next(each for each in self._found if each.name == name)
        reaction = ListReaction(self._session, found, list_name, before=self._deliver_in_time)
        reaction.begin(self._begun[name], from_start=self._from_start)
        self._reactions[key] = reaction
        return reaction

    def _deliver(self) -> None:
        """Deliver what came due in the lists. What fails is reported, and hinders nothing else."""
        errors: list[CqrsError] = []
        try:
            lists = [(self._lists[name], items) for name, items in self._read(errors)]
            delivered, failures = self._deliverer.catch_up(lists)
            self._delivered += delivered
            errors += failures
        except OutdatedStore:
            raise
        except CqrsError as error:
            errors.append(error)
        except OSError as error:
            errors.append(StoreUnavailable(f"what was delivered cannot be remembered: {error}"))
        for each in errors:
            self._fail(each)
        self._looked = time.monotonic()

    def _deliver_in_time(self) -> None:
        """Deliver what came due, if a second has passed since the last time."""
        if time.monotonic() - self._looked >= _EVERY:
            self._deliver()

    def _read(self, errors: list[CqrsError]) -> Iterator[tuple[str, Sequence[Item]]]:
        """Read the lists that have grown since the last time, and return the todos with reminders of all lists.

        Args:
            errors: Receives the error of each list that cannot be read. It hides no other list.
        """
        names = self.names()
        for gone in self._items.keys() - set(names):
            del self._items[gone], self._lists[gone]
        for name in names:
            try:
                todos = self._lists.get(name)
                if todos is None or todos.log.id != self._session.store.open(name).id:
                    todos = self._lists[name] = self._session.open_list(name)
                    self._items.pop(name, None)
                if name not in self._items or todos.log.has_grown(self._items[name][0]):
                    view = todos.view()
                    self._items[name] = todos.log.cursor(), [item for item in view.items if item.todo.reminder is not None]
            except (LogNotFound, ListNotFound):  # it was renamed or archived a moment ago
                continue
            except OutdatedStore:
                raise
            except CqrsError as error:
                errors.append(error)
            else:
                yield name, self._items[name][1]

    def _fail(self, error: CqrsError) -> None:
        """Keep the first error of a pass, and print each."""
        self._failure = self._failure or error
        self._warn(error)

    def _warn(self, error: CqrsError) -> None:
        """Print an error, once for each text."""
        text = f"todo: warning: {visible(str(error))}\n"
        if text not in self._warned:
            self._warned.add(text)
            with suppress(OSError):  # nobody reads it
                sys.stderr.write(text)


class Warnings(logging.Handler):
    """Prints what the framework logs on stderr: a reaction that failed, a store that cannot be reached."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        if record.levelno < logging.ERROR and record.name == reactions.__name__:
            return  # the next tries come within seconds, and the last failure is reported
        message = record.getMessage().replace(f"{ProgramFailed.__name__}: ", "")
        with suppress(OSError):  # nobody reads it
            sys.stderr.write(f"todo: warning: {visible(message)}\n")


def print_warnings() -> None:
    """Let what the framework logs be printed."""
    logging.getLogger("cqrs_todo").addHandler(Warnings(logging.WARNING))
