"""The one API that every front end calls: lists of todos in a store, read at any moment and changed by commands."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeAlias

from ..cqrs.core import (
    LOST,
    Commit,
    CqrsError,
    DamagedLog,
    EventTypes,
    Log,
    LogExists,
    LogNotFound,
    Metadata,
    OutcomeUnknown,
    Rejected,
    Store,
    UnknownEvent,
    check_log_name,
    check_precondition,
    name_key,
)
from ..cqrs.fold import Fold
from ..cqrs.repository import Changes, Plan, Repository, decide_all
from ..cqrs.snapshots import SnapshotEvery, Snapshots
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import (
    REDOES,
    UNDOES,
    Moment,
    as_of,
    redo_events,
    redo_steps,
    undo_events,
    undo_steps,
)
from .model import (
    DECIDER,
    EVENTS,
    Create,
    State,
    Todo,
    TodoCommand,
    TodoEvent,
    TodoRemoved,
    check,
    day_or_instant,
    lead,
    touched,
)
from .selection import ID, NotFound, select
from .views import RESTORES, Item, id_of, items_of, spans

TYPES = EventTypes(EVENTS)
DEFAULT_LIST = "inbox"
SNAPSHOTS = SnapshotEvery(500, per=50)

_ID_LETTERS = b"abcdefghjkmnpqrstvwxyz"
_ID_SIGNS = b"0123456789" + _ID_LETTERS
_ID_LENGTH = 10
# no harm that the last letters come a little less often in front: ids are to be unique, not secret
_LETTER_OF = bytes(_ID_LETTERS[byte % len(_ID_LETTERS)] for byte in range(256))
_SIGN_OF = bytes(_ID_SIGNS[byte % len(_ID_SIGNS)] for byte in range(256))


class NotYet(CqrsError):
    """A moment was asked for that has not come."""


def new_id() -> str:
    """A stable id of a todo: a letter, so that it is never taken for a number, and nine letters or digits."""
    chosen = os.urandom(_ID_LENGTH)
    return (chosen[:1].translate(_LETTER_OF) + chosen[1:].translate(_SIGN_OF)).decode()


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

    `commit` is what was recorded, None when there was nothing to do; `items` the todos that were named, as they are now;
    `changed` those of them that the commit changed; `position` that of the list's last event.
    """

    list: str
    position: int
    commit: Commit | None
    items: tuple[Item, ...]
    changed: tuple[Item, ...]


_Todos: TypeAlias = Fold[State]  # has a name of its own because Python makes an inner function's annotations at each call
_Plan: TypeAlias = tuple[Changes[TodoEvent], dict[str, Any]]
"""New events by stream, and the commit's `meta`."""
_FullPlan: TypeAlias = Plan[TodoEvent]


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
        try:
            self._attach(store.open(name))
        except LogNotFound as error:
            from ..cqrs.stores.null import NullLog  # few lists are not there

            self._missing = True
            self._attach(NullLog(error.name, clock(), TYPES))

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
            self._check_whole()
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
        if self._missing:
            self._make()
        return self._transact(lambda _: (created, {}), latest=False)

    def _make(self) -> None:
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
        self._existing()

        def plan(fold: _Todos) -> _Plan:
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
                    refused.append(f"todo {item.number}: {error}")
            if refused:
                raise Rejected("; ".join(refused))
            return changes, {}

        return self._transact(plan, chosen, latest=len(chosen) > 1)

    def move(self, chosen: Sequence[Item], target: "TodoList") -> Answer:
        """Give todos to another list, where they keep their ids and all they hold; here they are removed.

        They are recorded there first: interrupted in between they are in both lists, never in none. Gives the answer of
        the other list. Raises `Rejected` for a removed todo, `NotFound` for a list that is not there, and
        `WrongExpectedVersion` when somebody changed one of them meanwhile. Where they can't leave, what had arrived there is
        taken back.
        """
        self._existing()
        target._existing()
        if target.name == self.name:
            raise Rejected(f"they are in {self.name} already")
        now = self.repository.fold()
        self._check_whole("; nothing was recorded")
        chosen = items_of(now[item.stream] for item in chosen)
        removed = [item.number for item in chosen if item.todo.removed]
        if removed:
            raise Rejected(f"todo {spans(removed)} was removed: restore it first")

        def arrive(fold: _Todos) -> _Plan:
            return _leading(fold, {item.stream: item.todo for item in chosen}), {"moved_from": self.name}

        def leave(fold: _Todos) -> _Plan:
            for item in chosen:
                check_precondition(item.version, item.stream, fold.version_of(item.stream))
            return {item.stream: [TodoRemoved()] for item in chosen}, {"moved_to": target.name}

        if target._missing:
            target._make()
        answer = target._transact(arrive, chosen)
        try:
            self._transact(leave, chosen)
        except OutcomeUnknown:
            raise
        except CqrsError as error:
            if answer.commit is not None:
                self._take_back(target, answer.commit, error)
            raise
        return answer

    def _take_back(self, target: "TodoList", arrived: Commit, cause: CqrsError) -> None:
        try:
            target.undo_at(arrived.position)
        except CqrsError as error:
            both = f"they are in {self.name} and in {target.name}, where @{arrived.position} was recorded"
            raise OutcomeUnknown(f"{cause}; {both} and can't be taken back: {error}") from error

    def take_in(self, todos: Mapping[str, Todo]) -> Answer:
        """Make the todos with these ids what is given, in one commit: those that are not there too, and the list if need be.

        What is so already is left alone, so that doing it again changes nothing. Raises `Rejected` naming the todo that
        could not stand in a list.
        """
        given: dict[str, Todo] = {}
        for id, todo in todos.items():
            self.store.progress(len(given), len(todos))
            given[DECIDER.stream(id)] = _checked(id, todo)
        if self._missing:
            self._make()
        return self._transact(lambda fold: (_leading(fold, given), {}))

    def restore(self, moment: Moment, chosen: Sequence[Item] | None = None) -> Answer:
        """Make the list, or the todos chosen, what they were at a moment, in one commit; what came later is removed.

        Raises `NotFound`, `NotYet`.
        """
        self._existing()

        def plan(fold: _Todos) -> _Plan:
            then, _ = self._as_of(fold, moment)
            entities = fold if chosen is None else [fold[item.stream] for item in chosen]
            changes: dict[str, Sequence[TodoEvent]] = {}
            for entity in entities:
                past = then.get(entity.stream)
                now = entity.state
                if now is not None:
                    changes[entity.stream] = lead(now, (past and past.state) or replace(now, removed=True))
            return changes, {RESTORES: then.position}

        return self._transact(plan, chosen)

    def undo(self, steps: int = 1) -> Answer:
        """Take the last `steps` commits back, or as many as there are, in one commit; raises `Rejected`."""
        return self._step(undo_steps, steps, undo_events, UNDOES, "undo")

    def redo(self, steps: int = 1) -> Answer:
        """Do the last `steps` undone commits again, or as many as there are, in one commit; raises `Rejected`."""
        return self._step(redo_steps, steps, redo_events, REDOES, "redo")

    def undo_at(self, position: int) -> Answer:
        """Take back the one commit that holds the event at `position`.

        Raises `NotFound` when there is none, `Rejected` when it was undone already, is itself an undo or redo, or when
        commits after it that are in force touched the same fields; it names them.
        """
        self._existing()

        def plan(_: _Todos) -> _Plan:
            commit = self._holding(position)
            later = []
            for step in undo_steps(self.log.commits_backward()):
                if step == commit.position:
                    break
                later.append(step)
            else:
                raise Rejected(f"@{commit.position} is not in force: it was undone, or is itself an undo or a redo")
            fields = {(event.stream, touched(event.data)) for event in self._known([commit])[0].events}
            in_the_way = [f"@{other.position}" for other in self._commits(sorted(later)) if _conflicts(other, fields)]
            if in_the_way:
                names = ", ".join(in_the_way)
                raise Rejected(f"@{commit.position} can't be undone alone: {names} changed the same fields later")
            return undo_events(DECIDER, [commit]), {UNDOES: [commit.position]}

        return self._transact(plan)

    def _step(
        self,
        steps_of: Callable[[Iterable[Commit]], Iterator[int]],
        steps: int,
        events_of: Callable[..., dict[str, list[TodoEvent]]],
        mark: str,
        verb: str,
    ) -> Answer:
        self._existing()

        def plan(_: _Todos) -> _Plan:
            positions = list(islice(steps_of(self.log.commits_backward()), steps))
            if not positions:
                raise Rejected(f"there is nothing to {verb}")
            return events_of(DECIDER, self._known(self._commits(positions))), {mark: positions}

        return self._transact(plan)

    def _known(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        for commit in commits:
            unknown = [event.type for event in commit.events if isinstance(event.data, UnknownEvent)]
            if LOST in unknown:
                raise Rejected(f"@{commit.position} holds what was lost when the log was damaged: it can't be taken back")
            if unknown:
                raise Rejected(f"@{commit.position} holds {unknown[0]}, which a newer version wrote: update this program")
        return commits

    def _commits(self, positions: Sequence[int]) -> list[Commit]:
        """The commits at these positions, in their order; one walk back, no further than the earliest."""
        found: dict[int, Commit] = {}
        wanted = set(positions)
        for commit in self.log.commits_backward():
            if len(found) == len(positions):
                break
            if commit.position in wanted:
                found[commit.position] = commit
        return [found[position] for position in positions]

    def _holding(self, position: int) -> Commit:
        """The commit that holds the event at a position; raises `NotFound`."""
        commit = next(self.log.commits_backward(position + 1), None)
        if commit is None or not commit.position <= position <= commit.last:
            raise NotFound(f"there is no event @{position} in {self.name}", "see the positions: todo history")
        return commit

    def _transact(
        self, plan: Callable[[Fold[State]], _Plan], named: Sequence[Item] | None = None, *, latest: bool = True
    ) -> Answer:
        def planned(fold: _Todos) -> _FullPlan:
            self._check_whole("; nothing was recorded")
            changes, meta = plan(fold)
            return changes, Metadata(self.clock(), self.author, command, meta)

        command = os.urandom(10).hex()
        outcome = self.repository.transact(planned, latest=latest)
        fold = outcome.fold
        changed = dict.fromkeys([event.stream for event in outcome.commit.events]) if outcome.commit else {}
        streams = changed if named is None else [item.stream for item in named]
        entities = [entity for stream in streams if (entity := fold.get(stream)) is not None]  # a store may keep nothing
        rows = items_of(entities)
        altered = [row for row in rows if row.stream in changed]
        return Answer(self.name, fold.position, outcome.commit, tuple(rows), tuple(altered))

    def _existing(self) -> None:
        if not self._missing:
            return
        names = self.store.names()
        if not self._default or same_but_for_case(self.name, names) is not None:
            raise no_such_list(self.name, names)

    def _check_whole(self, outcome: str = "") -> None:
        """What was read last must have been the whole log: in a damaged one, what is not found may be behind the damage."""
        if self.log.damage is not None:
            raise DamagedLog(self.log.damage + outcome)

    def _fold(self, moment: Moment | None) -> tuple[Fold[State], Commit | None]:
        self._existing()
        fold = self.repository.fold()
        return (fold, None) if moment is None else self._as_of(fold, moment)

    def _as_of(self, fold: Fold[State], moment: Moment) -> tuple[Fold[State], Commit | None]:
        if isinstance(moment, datetime) and moment > self.clock():
            raise NotYet(f"{day_or_instant(moment)} has not come yet")
        if isinstance(moment, int) and moment > fold.position:
            self._check_whole()
            raise NotYet(f"@{moment} has not come yet: the last event of {self.name} is @{fold.position}")
        return as_of(self.repository, moment)


def _leading(fold: Fold[State], todos: Mapping[str, Todo]) -> Changes[TodoEvent]:
    """The events that make the todos in these streams what is given."""
    now = {stream: fold.get(stream) for stream in todos}
    return {stream: lead(None if (old := now[stream]) is None else old.state, todo) for stream, todo in todos.items()}


def _checked(id: str, todo: Todo) -> Todo:
    if not ID.fullmatch(id):
        raise Rejected(f"{id!r} is no id of a todo: a letter, then letters and digits, in lower case")
    try:
        return check(todo)
    except Rejected as error:
        raise Rejected(f"todo {id}: {error}") from error


def _conflicts(commit: Commit, fields: set[tuple[str, str]]) -> bool:
    streams = {stream for stream, _ in fields}
    for event in commit.events:
        if event.stream not in streams:
            continue
        if isinstance(event.data, UnknownEvent) or (event.stream, "*") in fields:
            return True
        if (event.stream, touched(event.data)) in fields:
            return True
    return False
