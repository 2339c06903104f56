"""One list's log: what stands in it, and how a command is recorded in it as commits.

`service`, `moves` and `undoing` build on this module.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from ..cqrs.errors import CqrsError, DamagedLog, LogExists, LogNotFound
from ..cqrs.events import Commit, EventTypes, Metadata
from ..cqrs.fold import Fold
from ..cqrs.repository import Changes, Repository, decide_all
from ..cqrs.repository import Plan as AnyPlan
from ..cqrs.snapshots import SnapshotEvery, Snapshots
from ..cqrs.store import Log, Progress, Store, no_progress
from ..cqrs.struct import Struct
from ..cqrs.timeline import BATCH, Moment, as_of
from .events import TodoEvent
from .fields import State, Todo
from .lists import Lists, no_such_list, now_utc, same_but_for_case
from .model import DECIDER, EVENTS, TodoCommand, events_between
from .values import day_or_instant
from .views import Item, items_of, move_of, spans

T = TypeVar("T")

TYPES = EventTypes(EVENTS)
SNAPSHOTS = SnapshotEvery(500, per=50)


COMMIT_LIMIT = 10_000
"""The most events in one commit. A command with more writes a batch of commits, which one undo takes back."""
COMMIT_TEXT = 8 << 20
"""The most text in one commit, in characters, for the same reason: a line of a log has at most some 50 MB."""

_ID_LETTERS = "abcdefghjkmnpqrstvwxyz"
_ID_SIGNS = "0123456789" + _ID_LETTERS
_ID_LENGTH = 10


def new_id() -> str:
    """Return a new random id for a todo: a letter, then nine letters or digits.

    An id starts with a letter so that nobody mistakes it for a number. The letters i, l, o and u are left out because they
    look like others.
    """
    first, *others = os.urandom(_ID_LENGTH)
    # 256 is no multiple of the 22 letters, so the first ones come up a little more often; an id has to be unique, not secret
    return _ID_LETTERS[first % len(_ID_LETTERS)] + "".join(_ID_SIGNS[byte % len(_ID_SIGNS)] for byte in others)


def new_command() -> str:
    """An id for a command."""
    return os.urandom(10).hex()


class NotYet(CqrsError):
    """A moment was asked for that has not come."""


class Answer(Struct, frozen=True):
    """What a change came to.

    `commits` is what was recorded: none when there was nothing to do, several for a batch. `items` are the todos that were
    named, as they are now; `changed` those of them that were changed; `position` is that of the list's last event.
    `also` names the other lists in which the same command was recorded. `stayed` are the todos that the command left as they
    are because they were moved between lists. `new_list` says whether the command made the list.
    """

    list: str
    position: int
    commits: tuple[Commit, ...]
    items: tuple[Item, ...]
    changed: tuple[Item, ...]
    also: tuple[str, ...] = ()
    stayed: tuple[Item, ...] = ()
    new_list: bool = False

    @property
    def commit(self) -> Commit | None:
        """The last commit that was recorded; None when there was nothing to do."""
        return self.commits[-1] if self.commits else None


Part: TypeAlias = tuple[Changes[TodoEvent], dict[str, Any]]
"""What one commit is to hold: new events by stream, and the commit's `meta`."""
CommitPlan: TypeAlias = AnyPlan[TodoEvent]
Todos: TypeAlias = Fold[State]  # has a name of its own because Python makes an inner function's annotations at each call


class Recorder:
    """One list of a store: its log, the fold of that log, and how commands are recorded in it."""

    def __init__(
        self,
        store: Store,
        name: str,
        author: str,
        *,
        default: bool = False,
        clock: Callable[[], datetime] = now_utc,
        snapshots: Snapshots | None = None,
        progress: Progress = no_progress,
    ) -> None:
        """Open a list, or stand for one that is not there yet.

        Args:
            store: The store that keeps the list's log.
            name: The name of the list.
            author: The author of every commit that this object records.
            default: Whether a list that is not there reads as empty. Otherwise reading it raises `NotFound`.
            clock: Returns the time of a commit, in UTC.
            snapshots: Snapshots of the log. Without them reading starts at the beginning of the log.
            progress: Is called while a long command is recorded.

        Raises:
            CqrsError: What `Store.open` raises, except `LogNotFound`.
        """
        self.store = store
        self.author = author
        self.clock = clock
        self.progress = progress
        self._default = default
        self._snapshots = snapshots
        self._missing = False
        self._held = False
        self._others: list[Recorder] = []
        try:
            self._attach(store.open(name))
        except LogNotFound as error:
            from ..cqrs.stores.null import NullLog  # few lists are not there

            self._missing = True
            self._attach(NullLog(error.name, clock(), TYPES))

    @property
    def notices(self) -> list[str]:
        """What this list's log, and those of the lists that a change was about too, met that a person should know."""
        return [*self.log.notices, *(notice for other in self._others for notice in other.notices)]

    def other(self, log_id: str, name: str) -> "Recorder | None":
        """The list with a log id, in the same store; None when no list in use has it, or it cannot be read.

        Args:
            log_id: The id that the log was made with, which it keeps when it is renamed.
            name: What the list was called once: it is looked at first.
        """
        if log_id == self.log.id:
            return self
        # two looks: a list may be renamed while the others are opened
        for each in sorted(self.store.names(), key=lambda each: each != name) + self.store.names():
            try:
                log = self.store.open(each)
            except CqrsError:  # another list that cannot be read is not in the way
                continue
            if log.id == log_id and log.read_only is None:  # a copy of a log has its id, and is read-only
                found = type(self)(
                    self.store, each, self.author, clock=self.clock, snapshots=self._snapshots, progress=self.progress
                )
                self._others.append(found)
                return found
        return None

    def _attach(self, log: Log) -> None:
        self.log = log
        self.name = log.name
        self.repository: Repository[State, TodoCommand, TodoEvent] = Repository(
            log, DECIDER, snapshots=self._snapshots, strategy=SNAPSHOTS
        )

    def decide(self, fold: Todos, commands: Sequence[tuple[str, TodoCommand]]) -> dict[str, list[TodoEvent]]:
        """Decide commands on todos.

        Args:
            fold: The todos as they are.
            commands: The stream of a todo and a command, for each command.

        Returns:
            The new events by stream.

        Raises:
            Rejected: A command was refused.
        """
        return decide_all(DECIDER, fold, commands)

    def transact(
        self,
        plan: Callable[[Todos], Sequence[Part]],
        named: Sequence[Item] | None = None,
        *,
        as_planned: bool = False,
    ) -> Answer:
        """Record what a plan gives for the list as it is: one commit, or above `COMMIT_LIMIT` a batch of commits.

        Args:
            plan: Gives, for the fold of the list, what to record. It may be asked again when others write meanwhile.
            named: The todos that the answer is about; by default those that were changed.
            as_planned: Whether several parts are recorded as they are, each with the batch that its `meta` names; otherwise
                they become one batch, of parts that are small enough for a commit.

        Raises:
            DamagedLog: The log is not what was written; nothing was recorded.
            CqrsError: What the plan and appending raise.
        """
        command = new_command()
        parts: list[Part] = []

        def divided(planned: Sequence[Part]) -> list[tuple[Part, str]]:
            if as_planned:
                return [(part, new_command()) for part in planned]
            return numbered(within_limit(planned), command)

        def planned(fold: Todos) -> CommitPlan:
            self.check_whole("; nothing was recorded")
            parts[:] = plan(fold) if as_planned else within_limit(plan(fold))
            changes, meta = parts[0] if len(parts) == 1 else ({}, {})
            return changes, Metadata(self.clock(), self.author, command, meta)

        outcome = self.repository.transact(planned)
        if len(parts) > 1:
            return self.together((), lambda: self._record_all(divided(plan(self.repository.fold())), named))
        return self.answer(() if outcome.commit is None else (outcome.commit,), named)

    def _record_all(self, parts: Sequence[tuple[Part, str]], named: Sequence[Item] | None) -> Answer:
        """Record several parts, a commit each, while nobody else can write."""
        commits: list[Commit] = []
        for number, (part, id) in enumerate(parts, 1):
            with telling(0 if self.store.atomic else len(commits)):
                commit = self.record(part, id)
            commits += [] if commit is None else [commit]
            self.progress(number, len(parts))
        return self.answer(commits, named)

    def record(self, part: Part, command: str) -> Commit | None:
        """Record one part as it is; the commit, or None when it holds no events. Nobody else may write meanwhile."""
        changes, meta = part
        metadata = Metadata(self.clock(), self.author, command, meta)
        return self.repository.transact(lambda _: (changes, metadata)).commit

    def answer(self, commits: Sequence[Commit], named: Sequence[Item] | None = None, *, also: Sequence[str] = ()) -> Answer:
        """The answer of a command that recorded these commits in this list, and others in the lists named `also`."""
        fold = self.repository.last_fold()
        changed = dict.fromkeys([event.stream for commit in commits for event in commit.events])
        streams = changed if named is None else [item.stream for item in named]
        entities = [entity for stream in streams if (entity := fold.get(stream)) is not None]  # a store may keep nothing
        rows = items_of(entities)
        altered = [row for row in rows if row.stream in changed]
        return Answer(self.name, fold.position, tuple(commits), tuple(rows), tuple(altered), tuple(also))

    def together(self, others: Sequence["Recorder"], work: Callable[[], T]) -> T:
        """Do a piece of work while nobody else can write to this list and some others; see `Store.together`."""
        if self._held:
            return work()
        lists = (self, *others)
        tried = False

        def once() -> T:
            nonlocal tried
            if tried:  # what the first try appended was rolled back
                for each in lists:
                    each.repository.reset()
            tried = True
            return work()

        try:
            for each in lists:
                each._held = True
            return self.store.together([each.log for each in lists], once)
        except BaseException:
            if self.store.atomic:
                for each in lists:
                    each.repository.reset()
            raise
        finally:
            for each in lists:
                each._held = False

    def check_exists(self) -> None:
        """Raise `NotFound` unless the list is there, or is the default one, which may be empty."""
        if not self._missing:
            return
        names = self.store.names()
        if not self._default or same_but_for_case(self.name, names) is not None:
            raise no_such_list(self.name, names)

    def check_whole(self, outcome: str = "") -> None:
        """Raise `DamagedLog` unless what was read last was the whole log: what is not found may be behind the damage."""
        if self.log.damage is not None:
            raise DamagedLog(self.log.damage + outcome)

    def _fold(self, moment: Moment | None) -> tuple[Fold[State], Commit | None]:
        self.check_exists()
        fold = self.repository.fold()
        return (fold, None) if moment is None else self._as_of(fold, moment)

    def _as_of(self, fold: Fold[State], moment: Moment) -> tuple[Fold[State], Commit | None]:
        if isinstance(moment, datetime) and moment > self.clock():
            raise NotYet(f"{day_or_instant(moment)} has not come yet")
        if isinstance(moment, int) and moment > fold.position:
            self.check_whole()
            raise NotYet(f"@{moment} has not come yet: the last event of {self.name} is @{fold.position}")
        return as_of(self.repository, moment)

    def moved_to(self, fold: Todos, streams: Collection[str]) -> dict[str, str]:
        """The lists that removed todos were moved to, by stream; those that were removed otherwise are left out."""
        remaining = set(streams)
        found: dict[str, str] = {}
        for commit in self.log.commits_backward(fold.position + 1) if remaining else ():
            touched = remaining & {event.stream for event in commit.events}
            move = move_of(commit) if touched else None
            if move is not None and move.source == self.log.id:
                found.update(dict.fromkeys(touched, move.target_name))
            remaining -= touched
            if not remaining:
                break
        return found

    def make(self) -> bool:
        """Make the list if it is not there yet.

        Returns:
            Whether this call made it. Another process may have made it at the same time.

        Raises:
            CqrsError: What `Lists.new` raises.
        """
        if not self._missing:
            return False
        made = True
        try:
            self._attach(Lists(self.store, self.clock).new(self.name))
        except LogExists as error:
            if error.archived or error.name != self.name:
                raise
            made = False
            self._attach(self.store.open(self.name))
        self._missing = False
        return made


def leading(fold: Todos, todos: Mapping[str, Todo]) -> Changes[TodoEvent]:
    """The events that make the todos in these streams what is given."""
    now = {stream: fold.get(stream) for stream in todos}
    return {
        stream: events_between(None if (old := now[stream]) is None else old.state, todo) for stream, todo in todos.items()
    }


def within_limit(parts: Iterable[Part]) -> list[Part]:
    """The same parts, of which those that are too large for one commit are divided, each between two streams."""
    divided: list[Part] = []
    for changes, meta in parts:
        if sum(map(len, changes.values())) <= _SURELY_SMALL:
            divided.append((changes, meta))
            continue
        measured = ((item, len(item[1]), sum(map(text_in, item[1]))) for item in changes.items())
        divided += [(dict(chunk), meta) for chunk in chunks(measured)] or [({}, meta)]
    return divided


def chunks(measured: Iterable[tuple[T, int, int]]) -> Iterator[list[T]]:
    """Things as many at a time as one commit holds, each given with its number of events and its characters of text."""
    chunk: list[T] = []
    events = text = 0
    for thing, more_events, more_text in measured:
        if chunk and (events + more_events > COMMIT_LIMIT or text + more_text > COMMIT_TEXT):
            yield chunk
            chunk, events, text = [], 0, 0
        chunk.append(thing)
        events += more_events
        text += more_text
    if chunk:
        yield chunk


_SURELY_SMALL = 32
"""Events that fit into a commit whatever their text: each holds at most an old and a new value of 64 KiB."""


def text_in(event: TodoEvent) -> int:
    """The characters of text in an event."""
    values = (getattr(event, name) for name in type(event).__struct_fields__)
    return sum(len(value) for value in values if isinstance(value, str))


def numbered(parts: Sequence[Part], command: str) -> list[tuple[Part, str]]:
    """The parts of a command with the ids of their commits; several are a batch, and say so in their `meta`."""
    if len(parts) == 1:
        return [(parts[0], command)]
    return [
        ((changes, {**meta, BATCH: {"id": command, "part": number}}), f"{command}.{number}")
        for number, (changes, meta) in enumerate(parts, 1)
    ]


@contextmanager
def telling(recorded: int) -> Iterator[None]:
    """Add to the error that ends the block how many commits of the batch were recorded before it."""
    try:
        yield
    except CqrsError as error:
        if recorded:
            commits = "1 commit of this command was" if recorded == 1 else f"{recorded:,} commits of this command were"
            error.add_note(f"{commits} recorded before: todo undo takes back what was recorded")
        raise


def by_reason(refused: Mapping[int, str]) -> str:
    """Why todos are refused, in words: their numbers, those with the same reason together."""
    numbers: dict[str, list[int]] = {}
    for number, reason in refused.items():
        numbers.setdefault(reason, []).append(number)
    return "; ".join(f"todo {spans(each)}: {reason}" for reason, each in numbers.items())
