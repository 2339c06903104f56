"""The reactions of a person: programs that `config.toml` declares, and functions of installed packages.

Each has a checkpoint in each list. docs/reactions.md describes them.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from glob import escape, glob
from typing import Any

import msgspec

from ..cqrs.checkpoints import Checkpoint
from ..cqrs.errors import CqrsError, StaleCursor, StoreUnavailable, in_words
from ..cqrs.events import Recorded
from ..cqrs.extensions import entry_points
from ..cqrs.names import check_log_name
from ..cqrs.query import Query
from ..cqrs.reactions import Reaction, Runner
from ..cqrs.store import Log
from ..cqrs.stores.jsonl.files import close, make_directory, open_or_make, os_errors_as_store_errors, remove, replace_durably
from ..cqrs.struct import Struct
from ..todo.errors import InvalidQuery, NotFound
from ..todo.model import DECIDER, EVENTS
from ..todo.query import Context, parse
from ..todo.reactions import React, TodosAfter, check_depth, reaction_to
from ..todo.views import Item
from .clock import to_local
from .cloud_events import cloud_event
from .config import state_dir
from .errors import UsageError
from .programs import GRACE, MOST_OUTPUT, Ended, ProgramFailed, run_program
from .reaction_tables import ProgramReaction, filled, program_reactions
from .session import CAUSED_BY, CORRELATED, IN_REACTION, Session
from .text import visible

GROUP = "cqrs_todo.reactions"
"""The group of entry points with which other packages offer reactions."""
_log = logging.getLogger(__name__)

_LEASE = 60.0
"""For how many seconds a runner of a function keeps others away without a sign of life."""


class ReactionNotFound(NotFound):
    """There is no reaction of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no reaction named {name!r}")
        self.hint = "see: todo react --overview"


class FailureNotFound(NotFound):
    """No reaction failed on an event."""

    def __init__(self, event: str) -> None:
        super().__init__(f"no reaction failed on an event {event!r}")
        self.hint = "see: todo react --failed"


class NothingMatches(NotFound):
    """No event matches a reaction."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no event matches the reaction {name!r}")
        self.hint = None


class LogChanged(StaleCursor):
    """A list is not what it was when a reaction read it."""

    hint = "to let the reaction go on: todo verify --repair"


class FoundReaction(Struct, frozen=True, kw_only=True):
    """A reaction.

    Args:
        name: Its name.
        types: The type strings of its events; none for all events.
        lists: The names of its lists; none for all lists.
        inline: Whether it also runs right after the command that caused it.
        program: What the configuration declares; None for a function.
        function: The function of a package; None for a program.
        origin: The name of the package; "config.toml" for a program.
        lease: For how many seconds a runner keeps others away without a sign of life.
    """

    name: str
    types: tuple[str, ...]
    lists: tuple[str, ...]
    inline: bool
    program: ProgramReaction | None
    function: React | None
    origin: str
    lease: float

    @property
    def query(self) -> Query:
        """Selects its events."""
        return Query.of(types=self.types, kinds=(DECIDER.kind,))


def find_reactions(session: Session, *, inline: bool = False) -> list[FoundReaction]:
    """Find the reactions: the programs in the order of the configuration, then the functions by name.

    Args:
        session: This run of the program.
        inline: Whether only those are wanted that run right after a command.

    Raises:
        UsageError: A declaration is wrong, or a function cannot be loaded.
    """
    found = [_of_program(each) for each in program_reactions(session.config) if each.inline or not inline]
    if inline:
        return found
    names = {each.name.lower() for each in found}
    for point in entry_points(GROUP):
        each = _of_package(point)
        if each.name.lower() in names:
            raise UsageError(f"two reactions are named {each.name!r}", "give the one in config.toml another name")
        names.add(each.name.lower())
        found.append(each)
    return found


def named_reaction(session: Session, name: str) -> FoundReaction:
    """Return the reaction with a name.

    Raises:
        ReactionNotFound: There is none.
        UsageError: As for `find_reactions`.
    """
    for each in find_reactions(session):
        if each.name == name:
            return each
    raise ReactionNotFound(name)


def _of_program(program: ProgramReaction) -> FoundReaction:
    # the runner renews the lease between two programs, when a third of its time has passed
    lease = 2 * (program.timeout + 2 * GRACE)
    return FoundReaction(
        name=program.name,
        types=program.on,
        lists=program.lists,
        inline=program.inline,
        program=program,
        function=None,
        origin="config.toml",
        lease=lease,
    )


def _of_package(point: Any) -> FoundReaction:
    origin = point.dist.name if point.dist is not None else "a package"
    what = f"the reaction {point.name!r} of {origin}"
    try:
        name = check_log_name(point.name)
        function = point.load()
        types = tuple(getattr(function, "on", ()))
    except Exception as error:  # it is code of another package, and may raise anything
        raise UsageError(f"{what} cannot be loaded: {in_words(error)}", "correct or remove that package") from error
    if not callable(function):
        raise UsageError(f"{what} is not a function", "correct or remove that package")
    unknown = [type for type in types if type not in EVENTS]
    if unknown:
        raise UsageError(f"{what}: `on`: there is no event {unknown[0]!r}", f"the events are: {', '.join(EVENTS)}")
    return FoundReaction(
        name=name, types=types, lists=(), inline=False, program=None, function=function, origin=origin, lease=_LEASE
    )


# running


class ListReaction:
    """A reaction to the events of one list.

    Args:
        session: This run of the program.
        found: The reaction.
        list_name: The name of the list.
        retries: How often the reaction gets an event again before the event is parked.
        before: Is called before each event.
    """

    def __init__(
        self,
        session: Session,
        found: FoundReaction,
        list_name: str,
        *,
        retries: int = 5,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.found = found
        self.list_name = list_name
        self.log: Log = session.store.open(list_name)
        self._session = session
        self._before = before
        self._todos = session.open_list(list_name)
        self._after = TodosAfter(self._todos)
        self._checkpoints = session.store.checkpoints()
        self.runner = Runner(session.store, self.log, self._reaction(), every=1, lease=found.lease, retries=retries)

    @property
    def checkpoint(self) -> Checkpoint:
        """How far the reaction has come in the list."""
        return self._checkpoints.load(self.found.name, self.log.id)

    def begin(self, begun: datetime | None, *, from_start: bool) -> None:
        """Let a reaction that is new to a list begin with what was recorded since it began on this machine.

        Args:
            begun: When the reaction began on this machine; None if it begins now.
            from_start: Whether it begins with the whole history instead.
        """
        if from_start or (begun is not None and self.log.created >= begun) or self.checkpoint.has_begun:
            return
        if begun is None:
            self.runner.begin_now()
            return
        commits = self.log.commits_backward()
        last = next((commit for commit in commits if commit.metadata.at < begun), None)
        if last is not None:
            self.runner.begin_after(last.last)

    def catch_up(self) -> int:
        """React to what is due, and return with how many events it is done; see `Runner.catch_up`."""
        try:
            return self.runner.catch_up()
        except StaleCursor as error:
            self._todos.repository.fold()  # the log may have lost its end
            self._todos.check_undamaged()
            raise LogChanged(str(error)) from error

    def matches(self, event: Recorded[Any]) -> bool:
        """Return whether the todo of an event matches the query of the reaction, as it is after the event."""
        program = self.found.program
        if program is None or not program.where:
            return True
        config = self._session.config
        item = self._after.todo(event)
        if item is None:
            return False
        filters = {name: each.where for name, each in config.filters.items()}
        context = Context(
            now=to_local(event.metadata.at),  # the same for an event that comes again
            to_local=to_local,
            list=self.list_name,
            items=self._after.items(event),
            filters=filters,
            order=config.date_order,
            attributes=config.attributes,
        )
        try:
            query = parse(program.where, context)
        except InvalidQuery:  # it names a todo that this list does not have
            return False
        return all(test(item) for test in query.tests)

    def run(self, event: Recorded[Any]) -> Ended:
        """Run the program of the reaction for an event, whether or not the event matches."""
        program = self.found.program
        assert program is not None  # a function is called by the runner
        item = self._after.todo(event)
        stdin = cloud_event(self.log.id, self.list_name, event, item)
        command = filled(program.run, values_of(self.list_name, item))
        return run_program(command, stdin, program.timeout, variables_of(program.name, event))

    def _reaction(self) -> Reaction[Any]:
        found = self.found
        if found.function is not None:
            return reaction_to(found.name, found.function, found.types, self._todos, self._session.open_list)

        def react(event: Recorded[Any]) -> None:
            self._before()
            self.runner.renew()  # that may have taken long
            check_depth(event, self._todos)
            ended = self.run(event)
            keep_output(found.name, event, ended)
            if ended.failure:
                raise ProgramFailed(ended.failure)

        return Reaction(found.name, react, found.query, self.matches, once=lambda event: bool(event.metadata.causation))


def variables_of(name: str, event: Recorded[Any]) -> dict[str, str]:
    """Return the variables by which this program knows, if a reaction runs it, what caused its commands."""
    cause = event.metadata
    return {IN_REACTION: name, CAUSED_BY: event.id, CORRELATED: cause.correlation or cause.command}


def values_of(list_name: str, item: Item | None) -> dict[str, object]:
    """Return what the placeholders of a program stand for."""
    if item is None:
        return {"text": "", "number": "", "list": list_name, "id": ""}
    return {"text": item.todo.text, "number": item.number, "list": list_name, "id": item.id}


def list_reactions(session: Session, names: Sequence[str]) -> tuple[list[ListReaction], CqrsError | None]:
    """Return each reaction with each of its lists.

    Args:
        session: This run of the program.
        names: The names of the lists.

    Returns:
        The reactions, and the error of the first list that cannot be read, to be raised at the end.
    """
    made: list[ListReaction] = []
    failure: CqrsError | None = None
    found = find_reactions(session)
    for name in names:
        try:
            made += [ListReaction(session, each, name) for each in found if not each.lists or name in each.lists]
        except CqrsError as error:  # it hides no other list
            failure = failure or error
    return made, failure


# what this machine remembers


def folder() -> str:
    """Return the folder in which this machine keeps what it remembers of reactions and reminders, and make it.

    Raises:
        StoreUnavailable: It cannot be made.
    """
    path = os.path.join(state_dir(), "reactions")
    with os_errors_as_store_errors(path):
        make_directory(path)
    return path


def keep_output(name: str, event: Recorded[Any], ended: Ended) -> None:
    """Add what a program printed to the file of its reaction, of which only the end is kept.

    If that is not possible, a warning says so. An error would let the program run again.
    """
    try:
        _add_output(name, event, ended)
    except OSError as error:
        _log.warning("the output of the reaction %s cannot be kept: %s", name, error.strerror)
    except StoreUnavailable as error:
        _log.warning("the output of the reaction %s cannot be kept: %s", name, error)


def _add_output(name: str, event: Recorded[Any], ended: Ended) -> None:
    path = output_file(name)
    head = f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {event.id} {event.type}: {ended.failure or 'ok'}\n"
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = b"" if not ended.output or ended.output.endswith(b"\n") else b"\n"
        content = (file.read() + head.encode("utf-8", "replace") + ended.output + end)[-MOST_OUTPUT:]
        file.seek(0)
        file.write(content)
        file.truncate()


def remove_outputs() -> tuple[list[str], list[str]]:
    """Remove what the programs of all reactions printed: it can hold any text of a todo.

    Returns:
        The paths of the files that were removed, and of those that could not be removed.
    """
    removed: list[str] = []
    left: list[str] = []
    for path in sorted(glob(os.path.join(escape(os.path.join(state_dir(), "reactions")), "*.out"))):
        try:
            remove(path)
        except OSError:
            left.append(path)
        else:
            removed.append(path)
    return removed, left


def output_file(name: str) -> str:
    """Return the path of the file that keeps the end of what the program of a reaction printed."""
    return os.path.join(folder(), f"{name}.out")


def begun(store_url: str, names: Sequence[str]) -> dict[str, datetime | None]:
    """Return when each reaction began on this machine, and remember that those begin now that have not begun.

    Args:
        store_url: The URL of the store.
        names: The names of the reactions.

    Returns:
        The times by name; None for a reaction that begins now.

    Raises:
        StoreUnavailable: That cannot be remembered.
        UsageError: What was remembered cannot be read.
    """
    path = os.path.join(folder(), "begun.json")
    with os_errors_as_store_errors(path), locked(f"{path}.lock"):
        try:
            with open(path, "rb") as file:
                kept = msgspec.json.decode(file.read(), type=dict[str, dict[str, datetime]])
        except FileNotFoundError:
            kept = {}
        except msgspec.MsgspecError as error:
            raise UsageError(f"{path} cannot be read: {error}", "remove it: new reactions then begin now") from error
        times = kept.setdefault(store_url, {})
        found = {name: times.get(name) for name in names}
        if None in found.values():
            now = datetime.now(UTC)
            times.update({name: now for name in names if name not in times})
            replace_durably(path, msgspec.json.encode(kept))
    return found


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold a lock of this machine during the block."""
    fd = open_or_make(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        close(fd)


def failure_in_words(error: str) -> str:
    """Return why an event was parked, without the name of the exception that says that a program failed."""
    return visible(error.removeprefix(f"{ProgramFailed.__name__}: "))
