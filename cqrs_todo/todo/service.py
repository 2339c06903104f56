"""The one API that every front end calls: lists of todos in a store, read at any moment and changed by commands."""

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from ..cqrs.core import (
    NEW,
    Append,
    Commit,
    CqrsError,
    DamagedLog,
    EventTypes,
    Log,
    LogExists,
    LogNotFound,
    Mark,
    Metadata,
    Rejected,
    Store,
    StoreUnavailable,
    check_log_name,
    check_precondition,
    name_key,
)
from ..cqrs.fold import Fold
from ..cqrs.repository import Changes, Repository, decide_all
from ..cqrs.repository import Plan as CommitPlan
from ..cqrs.snapshots import SnapshotEvery, Snapshots
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import BATCH, Moment, as_of
from .events import TodoEvent
from .fields import State, Todo
from .model import DECIDER, EVENTS, Create, TodoCommand, check, events_between
from .selection import ID, NotFound, select
from .values import day_or_instant
from .views import MOVE, RESTORES, Item, id_of, items_of, move_of, spans

T = TypeVar("T")

TYPES = EventTypes(EVENTS)
DEFAULT_LIST = "inbox"
SNAPSHOTS = SnapshotEvery(500, per=50)
COMMIT_LIMIT = 10_000
"""The most events in one commit. A command with more writes a batch of commits, which one undo takes back."""
COMMIT_TEXT = 8 << 20
"""The most text in one commit, in characters, for the same reason: a line of a log has at most some 50 MB."""

_ID_LETTERS = "abcdefghjkmnpqrstvwxyz"
_ID_SIGNS = "0123456789" + _ID_LETTERS
_ID_LENGTH = 10


class NotYet(CqrsError):
    """A moment was asked for that has not come."""


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


def now_utc() -> datetime:
    """The wall time, as it is read."""
    return datetime.now(UTC)


class View(Struct, frozen=True):
    """A list as it stands, or stood: after the event at `position`.

    `as_of`, in UTC, is the time asked for, or that of the commit asked for; None for now and for before the first commit.
    """

    list: str
    position: int
    as_of: datetime | None
    items: tuple[Item, ...]


class Answer(Struct, frozen=True):
    """What a change came to.

    `commits` is what was recorded: none when there was nothing to do, several for a batch. `items` are the todos that were
    named, as they are now; `changed` those of them that were changed; `position` is that of the list's last event.
    `also` names the other lists in which the same command was recorded. `stayed` are the todos that the command left as they
    are because they were moved between lists.
    """

    list: str
    position: int
    commits: tuple[Commit, ...]
    items: tuple[Item, ...]
    changed: tuple[Item, ...]
    also: tuple[str, ...] = ()
    stayed: tuple[Item, ...] = ()

    @property
    def commit(self) -> Commit | None:
        """The last commit that was recorded; None when there was nothing to do."""
        return self.commits[-1] if self.commits else None


class Added(Struct, frozen=True):
    """What adding a batch of todos came to: how many there were, and in how many commits."""

    list: str
    position: int
    todos: int
    commits: int


Part: TypeAlias = tuple[Changes[TodoEvent], dict[str, Any]]
"""What one commit is to hold: new events by stream, and the commit's `meta`."""
_Todos: TypeAlias = Fold[State]  # has a name of its own because Python makes an inner function's annotations at each call
_CommitPlan: TypeAlias = CommitPlan[TodoEvent]


class Lists:
    """The lists of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now_utc) -> None:
        self.store = store
        self._clock = clock

    def names(self, *, archived: bool = False) -> list[str]:
        """The names of the lists in use, or of the archived ones; lists that are missing are among them."""
        return self.store.names(archived=archived)

    def new(self, name: str) -> Log:
        """Make a list.

        Raises:
            LogExists: The name, or one that differs from it only by case, is taken.
            Rejected: An archived list has the name.
            InvalidLogName: No list can have the name.
            MissingLog: A list of this name had been recorded and is gone.
        """
        self._check_free(name)
        return self.store.create(name, self._clock())

    def start_again(self, name: str) -> tuple[Log, list[str], bool]:
        """Make a list though one of its name is missing; the record of the missing one is kept in a file.

        If another list's file stands in its place, that file becomes the list.

        Returns:
            The list, the files that keep what had been recorded of missing ones (none if none was missing), and whether the
            list was made, so that it is empty.

        Raises:
            LogExists, Rejected, InvalidLogName: As for `new`.
        """
        aside = [self.store.set_aside(name, archived=archived) for archived in (False, True)]
        kept = [file for file in aside if file]
        if kept and check_log_name(name) in self.names():
            return self.store.open(name), kept, False
        return self.new(name), kept, True

    def rename(self, old: str, new: str) -> None:
        """Give a list another name; raises `NotFound` if there is no list with the old name, and what `new` raises."""
        self._check(old)
        self._check_free(new)
        self.store.rename(old, new)

    def archive(self, name: str) -> None:
        """Put a list away, with all its history; raises `NotFound`, `LogExists`, `MissingLog`."""
        self._check(name)
        self.store.archive(name)

    def unarchive(self, name: str) -> None:
        """Bring an archived list back; raises `NotFound`, `LogExists`, `MissingLog`."""
        self._check(name, archived=True)
        self.store.unarchive(name)

    def _check_free(self, name: str) -> None:
        if check_log_name(name) not in self.names(archived=True):
            return
        for missing in self.store.missing():
            if missing.archived and missing.name == check_log_name(name):
                raise missing
        raise Rejected(f"there is an archived list named {name!r}: bring that back, or take another name")

    def _check(self, name: str, *, archived: bool = False) -> None:
        names = self.names(archived=archived)
        if check_log_name(name) not in names:
            raise no_such_list(name, names)


def no_such_list(name: str, names: Iterable[str]) -> NotFound:
    """The error for a list that is not there, with the nearest name as a hint."""
    near = same_but_for_case(name, names)
    if near is None:
        import difflib

        near = next(iter(difflib.get_close_matches(name, names, n=1)), None)
    hint = "see: todo lists" if near is None else f"did you mean {near!r}?"
    return NotFound(f"no list named {name!r}", hint)


def same_but_for_case(name: str, names: Iterable[str]) -> str | None:
    """The one of some names that differs from a name only by case; None if there is none."""
    key = name_key(check_log_name(name))
    return next((other for other in names if name_key(other) == key), None)


class TodoList:
    """One list of a store.

    `author` stands in every commit; `clock` gives the wall time in UTC. A list that does not exist reads as empty when it
    is `default`, the one that the user gets without naming any; otherwise reading it raises `NotFound`. `add` makes it, and
    sets `created`. `snapshots` spare reading the whole log; losing them costs time, nothing else.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        author: str,
        *,
        default: bool = False,
        clock: Callable[[], datetime] = now_utc,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.store = store
        self.author = author
        self.clock = clock
        self.created = False
        self._default = default
        self._snapshots = snapshots
        self._missing = False
        self._held = False
        self._others: list[TodoList] = []
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

    def other(self, log_id: str, name: str) -> "TodoList | None":
        """The list with a log id, in the same store; None when no list in use has it, or it cannot be read.

        Args:
            log_id: The id that the log was made with, which it keeps when it is renamed.
            name: What the list was called once: it is looked at first.
        """
        if log_id == self.log.id:
            return self
        for each in sorted(self.store.names(), key=lambda each: each != name):
            try:
                log = self.store.open(each)
            except CqrsError:  # another list that cannot be read is not in the way
                continue
            if log.id == log_id and log.read_only is None:  # a copy of a log has its id, and is read-only
                found = TodoList(self.store, each, self.author, clock=self.clock, snapshots=self._snapshots)
                self._others.append(found)
                return found
        return None

    def _attach(self, log: Log) -> None:
        self.log = log
        self.name = log.name
        self.repository: Repository[State, TodoCommand, TodoEvent] = Repository(
            log, DECIDER, snapshots=self._snapshots, strategy=SNAPSHOTS
        )

    # reading

    def view(self, moment: Moment | None = None) -> View:
        """Every todo, removed ones too, now or at a moment; raises `NotFound`, `NotYet`."""
        fold, commit = self._fold(moment)
        as_of = moment.astimezone(UTC) if isinstance(moment, datetime) else None
        if isinstance(moment, int) and commit is not None:
            as_of = commit.metadata.at
        return View(self.name, fold.position, as_of, tuple(items_of(fold)))

    def history(self, moment: Moment | None = None) -> Iterator[Commit]:
        """The commits up to now or a moment, newest first; raises `NotFound`, `NotYet`."""
        if moment is None:
            self._fold(None)  # from there on what stands before the newest snapshot need not be read
            return self.log.commits_backward()
        fold, _ = self._fold(moment)
        return self.log.commits_backward(fold.position + 1)

    def commits(self, moment: Moment | None = None) -> list[Commit]:
        """The commits up to now or a moment, oldest first; raises `NotFound`, `NotYet`."""
        return list(self.history(moment))[::-1]

    def played(self, start: int, end: int) -> Iterator[tuple[Commit, View]]:
        """Each commit after position `start` and up to `end`, with the list as it was after it."""
        fold, _ = self._fold(start)
        for commit in self.log.commits(start):
            if commit.position > end:
                return
            fold.apply(commit)
            yield commit, View(self.name, fold.position, commit.metadata.at, tuple(items_of(fold)))

    def last_touched(self, moment: Moment | None = None) -> list[str]:
        """The ids of the todos in the last commit: what `@` stands for."""
        for commit in self.history(moment):
            return list(dict.fromkeys(id_of(event.stream) for event in commit.events))
        return []

    def select(self, words: Sequence[str], moment: Moment | None = None) -> list[Item]:
        """The todos that a person named, as `selection.select` says; raises `NotFound`, `NotYet`, `DamagedLog`."""
        fold, _ = self._fold(moment)
        try:
            return select(words, fold, lambda: self.last_touched(moment), self.name)
        except NotFound:
            self.check_whole()
            raise

    # writing

    def add(self, drafts: Sequence[Create]) -> Answer:
        """Create todos, all in one commit, and the list itself if need be; raises `Rejected` and what `append` raises."""
        created: dict[str, Sequence[TodoEvent]] = {}
        for place, draft in enumerate(drafts, 1):  # refuse before a list is made
            self.store.progress(place, len(drafts) + 1)
            try:
                created[DECIDER.stream(new_id())] = DECIDER.decide(draft, DECIDER.initial)
            except Rejected as error:
                raise Rejected(f"todo {place} of {len(drafts)}: {error}" if len(drafts) > 1 else str(error)) from error
        self.make()
        return self.transact(lambda _: [(created, {})], latest=False)

    def add_batch(self, drafts: Iterable[Create], count: int) -> Added:
        """Create more todos than one commit holds: a batch of commits, written in bounded memory.

        Each commit is durable before the next one is made. Other writers' commits may come between them.

        Args:
            drafts: The todos, each of which `decide` accepts.
            count: How many there are; for reporting progress.

        Raises:
            StoreUnavailable: Says how many commits were recorded before.
            CqrsError: What appending raises, when nothing was recorded.
        """
        self.make()
        self.repository.fold()
        self.check_whole("; nothing was recorded")
        batch = new_id()
        added, mark, log = 0, self.log.mark(), self.log
        decided = (tuple(DECIDER.decide(draft, DECIDER.initial)) for draft in drafts)
        measured = ((events, len(events), sum(map(_text_in, events))) for events in decided)
        for part, chunk in enumerate(_chunks(measured), 1):
            # ids of one batch begin alike and are counted, so that no two are the same
            appends = [
                Append(DECIDER.stream(f"{batch}{number:07d}"), events, NEW) for number, events in enumerate(chunk, added + 1)
            ]
            metadata = Metadata(self.clock(), self.author, f"{batch}.{part}", {BATCH: {"id": batch, "part": part}})
            with telling(part - 1):
                if part > 1:
                    # another log object, at the place where the last one ended: it knows no versions of earlier streams,
                    # which would take up memory, and needs none
                    log = self.store.open(self.name)
                    gc.collect()  # the last one, which is part of a cycle
                    next(log.commits(Mark(mark.position, mark.token, lambda _: 0)), None)
                log.append(appends, metadata)
            mark = log.mark()
            added += len(chunk)
            self.store.progress(added, count)
        return Added(self.name, mark.position, added, part)

    def make(self) -> None:
        """Make the list, if it is not there yet; raises what `Lists.new` raises."""
        if not self._missing:
            return
        try:
            self._attach(Lists(self.store, self.clock).new(self.name))
            self.created = True
        except LogExists as error:
            if error.name != self.name:
                raise
            # somebody else made it just now
            self._attach(self.store.open(self.name))
        self._missing = False

    def change(
        self, chosen: Sequence[Item], commands: Callable[[Item], Sequence[TodoCommand]], *, unchanged: bool = False
    ) -> Answer:
        """Give each todo its commands, all in one commit or none; raises `Rejected` naming the todos.

        With `unchanged` raises `WrongExpectedVersion` when one of them is no more what it was when it was chosen.
        """
        self.check_exists()

        def plan(fold: _Todos) -> list[Part]:
            changes: dict[str, list[TodoEvent]] = {}
            refused: list[str] = []
            for item in chosen:
                stream = item.stream
                if unchanged:
                    check_precondition(item.version, stream, fold.version_of(stream))
                try:
                    given = [(stream, command) for command in commands(item)]
                    changes.update(decide_all(DECIDER, fold, given))
                except Rejected as error:
                    refused.append(f"todo {item.number}: {self._reason(fold, stream) or error}")
            if refused:
                raise Rejected("; ".join(refused))
            return [(changes, {})]

        return self.transact(plan, chosen, latest=len(chosen) > 1)

    def _reason(self, fold: _Todos, stream: str) -> str | None:
        """Why a todo takes no command, where that is because it was moved to another list."""
        target = self.moved_to(fold, stream)
        return None if target is None else f"it was moved to {target}"

    def moved_to(self, fold: _Todos, stream: str) -> str | None:
        """The list that a todo was moved to, if that is why it is removed here; None otherwise."""
        entity = fold.get(stream)
        if entity is None or entity.state is None or not entity.state.removed:
            return None
        for commit in self.log.commits_backward(fold.position + 1):
            if any(event.stream == stream for event in commit.events):
                move = move_of(commit)
                return None if move is None or move.source != self.log.id else move.target_name
        return None

    def move(self, chosen: Sequence[Item], target: "TodoList") -> Answer:
        """Give todos to another list, where they keep their ids and everything they hold; see `moves.move`."""
        from .moves import move

        return move(self, chosen, target)

    def take_in(self, todos: Mapping[str, Todo]) -> Answer:
        """Make the todos with these ids what is given, in one commit: those that are not there too, and the list if need be.

        What is so already is left alone, so that doing it again changes nothing. Raises `Rejected` naming the todo that
        could not stand in a list.
        """
        given: dict[str, Todo] = {}
        for id, todo in todos.items():
            self.store.progress(len(given), len(todos))
            given[DECIDER.stream(id)] = _checked(id, todo)
        self.make()
        return self.transact(lambda fold: [(leading(fold, given), {})])

    def restore(self, moment: Moment, chosen: Sequence[Item] | None = None) -> Answer:
        """Make the list, or the todos chosen, what they were at a moment; what was added later is removed.

        A todo that was moved here or away since stays in the list that it is in now.

        Raises:
            NotFound: The list is not there.
            NotYet: The moment has not come.
            Rejected: One of the chosen todos was moved since.
        """
        self.check_exists()

        def plan(fold: _Todos) -> list[Part]:
            then, _ = self._as_of(fold, moment)
            entities = fold if chosen is None else [fold[item.stream] for item in chosen]
            changes: dict[str, Sequence[TodoEvent]] = {}
            for entity in entities:
                past = then.get(entity.stream)
                now = entity.state
                if now is not None:
                    changes[entity.stream] = events_between(now, (past and past.state) or replace(now, removed=True))
            moved = self._moved_since(then.position, {stream for stream, events in changes.items() if events})
            if chosen is not None and moved:
                numbers = spans([fold[stream].number for stream in moved])
                raise Rejected(f"todo {numbers} was moved between lists since then: move it back, or undo the move")
            stayed[:] = items_of(fold[stream] for stream in moved)
            kept = {stream: events for stream, events in changes.items() if stream not in moved}
            return [(kept, {RESTORES: then.position})]

        stayed: list[Item] = []
        return replace(self.transact(plan, chosen), stayed=tuple(sorted(stayed, key=lambda item: item.number)))

    def _moved_since(self, position: int, streams: set[str]) -> set[str]:
        """Those of some streams that moves after a position brought here or took away."""
        moved: set[str] = set()
        for commit in self.log.commits_backward() if streams else ():
            if commit.position <= position:
                break
            if MOVE in commit.metadata.meta:
                moved |= streams & {event.stream for event in commit.events}
        return moved

    def undo(self, steps: int = 1) -> Answer:
        """Take the last `steps` commands back, or as many as there are; see `undoing.undo`."""
        from .undoing import undo

        return undo(self, steps)

    def redo(self, steps: int = 1) -> Answer:
        """Do the last `steps` undone commands again, or as many as there are; see `undoing.redo`."""
        from .undoing import redo

        return redo(self, steps)

    def undo_at(self, position: int) -> Answer:
        """Take back the one command that recorded the event at `position`; see `undoing.undo_at`."""
        from .undoing import undo_at

        return undo_at(self, position)

    # for the modules beside this one

    def transact(
        self,
        plan: Callable[[_Todos], Sequence[Part]],
        named: Sequence[Item] | None = None,
        *,
        latest: bool = True,
        command: str | None = None,
    ) -> Answer:
        """Record what a plan gives for the list as it is: one commit, or above `COMMIT_LIMIT` a batch of commits.

        Args:
            plan: Gives, for the fold of the list, what to record. It may be asked again when others write meanwhile.
            named: The todos that the answer is about; by default those that were changed.
            latest: Whether the plan needs the latest fold at once; see `Repository.transact`.
            command: The id of the command; by default a new one.

        Raises:
            DamagedLog: The log is not what was written; nothing was recorded.
            CqrsError: What the plan and appending raise.
        """
        command = command or new_command()
        parts: list[Part] = []

        def planned(fold: _Todos) -> _CommitPlan:
            self.check_whole("; nothing was recorded")
            parts[:] = within_limit(plan(fold))
            changes, meta = parts[0] if len(parts) == 1 else ({}, {})
            return changes, Metadata(self.clock(), self.author, command, meta)

        outcome = self.repository.transact(planned, latest=latest)
        if len(parts) > 1:
            return self.together((), lambda: self._record_all(plan, command, named))
        return self.answer(() if outcome.commit is None else (outcome.commit,), named)

    def _record_all(self, plan: Callable[[_Todos], Sequence[Part]], command: str, named: Sequence[Item] | None) -> Answer:
        """Record the parts of a batch, a commit each, while nobody else can write."""
        commits: list[Commit] = []
        parts = numbered(within_limit(plan(self.repository.fold())), command)
        for number, (part, id) in enumerate(parts, 1):
            with telling(0 if self.store.atomic else len(commits)):
                commit = self.record(part, id)
            commits += [] if commit is None else [commit]
            self.store.progress(number, len(parts))
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

    def together(self, others: Sequence["TodoList"], work: Callable[[], T]) -> T:
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


def leading(fold: _Todos, todos: Mapping[str, Todo]) -> Changes[TodoEvent]:
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
        measured = ((item, len(item[1]), sum(map(_text_in, item[1]))) for item in changes.items())
        divided += [(dict(chunk), meta) for chunk in _chunks(measured)] or [({}, meta)]
    return divided


def _chunks(measured: Iterable[tuple[T, int, int]]) -> Iterator[list[T]]:
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


def _text_in(event: TodoEvent) -> int:
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
        if not recorded:
            raise
        commits = "1 commit" if recorded == 1 else f"{recorded:,} commits"
        raise StoreUnavailable(f"{error}; {commits} of this command were recorded before") from error


def _checked(id: str, todo: Todo) -> Todo:
    if not ID.fullmatch(id):
        raise Rejected(f"{id!r} is no id of a todo: a letter, then letters and digits, in lower case")
    try:
        return check(todo)
    except Rejected as error:
        raise Rejected(f"todo {id}: {error}") from error
