"""One list of a store: reading its log, and recording commands in it as commits.

`service`, `moves` and `undoing` build on this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..cqrs.cursor import Cursor
from ..cqrs.decider import Changes
from ..cqrs.errors import CqrsError, DamagedLog, LogBusy, LogExists, LogNotFound, OutcomeUnknown, StoreUnavailable
from ..cqrs.events import Commit, EventTypes, Metadata, Moment
from ..cqrs.fold import Entity, Fold
from ..cqrs.ids import new_command_id
from ..cqrs.repository import PlannedCommit, Repository, decide_all
from ..cqrs.snapshots import SnapshotEvery, Snapshots
from ..cqrs.store import Log, Progress, Store, no_progress
from ..cqrs.struct import Struct
from .batches import CommitContent, note_earlier_commits, split_to_commit_size, with_batch_ids
from .events import TodoEvent, TodoRemoved
from .fields import State, Todo
from .model import DECIDER, EVENTS, TodoCommand, events_between
from .values import ID_LENGTH, id_from_bytes
from .views import WITH, Item, items_of, move_of, number_ranges

if TYPE_CHECKING:
    from ..cqrs.steps import Positions
    from .recurrence import ToZone
    from .requests import Request

T = TypeVar("T")

TYPES = EventTypes(EVENTS)
SNAPSHOTS = SnapshotEvery(500, per=50)


def new_id() -> str:
    """Return a new random id for a todo."""
    return id_from_bytes(os.urandom(ID_LENGTH))


class Answer(Struct, frozen=True, kw_only=True):
    """The result of a command that changes a list.

    Args:
        list: The name of the list.
        position: The position of the last event in the list.
        commits: What was recorded: no commits if nothing changed, several for a batch.
        items: The todos that the command was about, as they are now.
        changed: Those of them that were changed.
        others: Other todos that were changed as a consequence, such as the next one of a series.
        also: The names of the other lists in which the command was recorded.
        stayed: The todos that the command left unchanged because they were moved between lists.
        forgotten: The ids of the todos that the command left out because they were forgotten.
        new_list: Whether the command made the list.
    """

    list: str
    position: int
    commits: tuple[Commit, ...]
    items: tuple[Item, ...]
    changed: tuple[Item, ...]
    others: tuple[Item, ...] = ()
    also: tuple[str, ...] = ()
    stayed: tuple[Item, ...] = ()
    forgotten: tuple[str, ...] = ()
    new_list: bool = False

    @property
    def commit(self) -> Commit | None:
        """The last commit that was recorded. None if nothing changed."""
        return self.commits[-1] if self.commits else None


OnRecorded: TypeAlias = "Callable[[Recorder, int, Sequence[Commit]], None]"
"""Is called when a command has recorded something, with the list, its last position, and the commits.

It gets no commits of a batch of new todos, or of what was imported from a file's history, because there may be many.
"""


def not_wanted(list: Recorder, position: int, commits: Sequence[Commit]) -> None:
    """Ignore what was recorded."""


Todos: TypeAlias = Fold[State]
"""The fold of a list. It has a name because Python evaluates the annotations of an inner function at each call."""


class Recorder:
    """One list of a store: its log, the fold of this log, and the recording of commands."""

    request: Request | None = None
    """What a script asks of the command beside the change itself. None for most commands."""

    cause: Mapping[str, str] = {}
    """What each commit has in its `meta` about its cause; nothing if a person is the cause."""

    def __init__(
        self,
        store: Store,
        name: str,
        author: str,
        *,
        default: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        zones: ToZone = lambda _: datetime.astimezone,
        snapshots: Snapshots | None = None,
        progress: Progress = no_progress,
        on_recorded: OnRecorded = not_wanted,
    ) -> None:
        """Open a list, which does not have to exist yet.

        Args:
            store: The store of the list.
            name: The name of the list.
            author: The author of every commit that this object records.
            default: Whether a list that does not exist reads as empty. Otherwise reading it raises `ListNotFound`.
            clock: Returns the time of a commit, in UTC.
            zones: Returns the conversion to a time zone by its IANA name; for None, to the zone of the person.
            snapshots: Snapshots of the log. Without them reading starts at the beginning of the log.
            progress: Called while a long command is recorded.
            on_recorded: Called after each command that recorded something.

        Raises:
            CqrsError: What `Store.open` raises, except `LogNotFound`.
        """
        self.store = store
        self.author = author
        self.clock = clock
        self.zones = zones
        self.progress = progress
        self.on_recorded = on_recorded
        self._default = default
        self._snapshots = snapshots
        self._missing = False
        self._locked = False
        self._others: list[Recorder] = []
        self._positions: Positions | None = None
        try:
            self._attach(store.open(name))
        except LogNotFound as error:
            from ..cqrs.stores.null import NullLog  # rarely needed

            self._missing = True
            self._attach(NullLog(error.name, clock(), TYPES))

    @property
    def warnings(self) -> list[str]:
        """What people should know about the log of this list, and about the logs of other lists in the same command."""
        return [*self.log.warnings, *(warning for other in self._others for warning in other.warnings)]

    def open_other(self, log_id: str, name: str) -> Recorder | None:
        """Open the list with a log id in the same store. Its warnings are then among those of this one.

        Args:
            log_id: The id of the log, which stays the same when the list is renamed.
            name: The name that the list had earlier. The list with this name is tried first.

        Returns:
            The list. None if no list in use has this id, or its log cannot be read.
        """
        return self if log_id == self.log.id else self._open_other(lambda log: log.id == log_id, name)

    def open_other_with(self, command: str, name: str) -> Recorder | None:
        """Open another list of the same store that recorded a command. Its warnings are then among those of this one.

        Args:
            command: The id of the command.
            name: The name that the list had earlier. The list with this name is tried first.

        Returns:
            The list. None if no list in use recorded it, or its log cannot be read.
        """
        return self._open_other(lambda log: log.id != self.log.id and log.find_command(command) is not None, name)

    def _open_other(self, matches: Callable[[Log], bool], name: str) -> Recorder | None:
        # the names are read again after the first round, because a list may be renamed while the others are opened
        for each in (each for _ in range(2) for each in sorted(self.store.names(), key=lambda each: each != name)):
            try:
                log = self.store.open(each)
                found_here = log.read_only is None and matches(log)  # a copy of a log has its id, and is read-only
            except CqrsError:  # it is not an obstacle that another list cannot be read
                continue
            if found_here:
                found = type(self)(
                    self.store,
                    each,
                    self.author,
                    clock=self.clock,
                    zones=self.zones,
                    snapshots=self._snapshots,
                    progress=self.progress,
                )
                found.request, found.cause = self.request, self.cause
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
        plan: Callable[[Todos], Sequence[CommitContent]],
        named: Sequence[Item] | None = None,
        *,
        one_commit_each: bool = False,
    ) -> Answer:
        """Record what a plan returns for the present list: one commit, or a batch of commits if it is too large for one.

        Args:
            plan: Takes the fold of the list and returns what to record. It may be called again when others write meanwhile.
            named: The todos that the answer is about. By default these are the todos that were changed.
            one_commit_each: Whether each content that the plan returns becomes a commit of its own, with the batch that its
                `meta` names. Otherwise they become one batch, and large ones are divided.

        Raises:
            DamagedLog: The log is damaged. Nothing was recorded.
            CqrsError: What the plan and appending raise.
        """
        request = self.request
        if request is not None:
            if not self._locked and not self._missing:  # nobody may write between the checks and the append
                work = partial(self.transact, plan, named, one_commit_each=one_commit_each)
                return self.together((), work, finds_request=True)
            recorded = request.find(self)
            if recorded is not None:
                return self.answer_again(recorded, named)
        command = (request and request.id) or ""
        planned: list[tuple[CommitContent, str]] = []

        def plan_commits(fold: Todos) -> list[tuple[CommitContent, str]]:
            nonlocal command
            # made when the list was read, so that what was read need not be searched for it
            command = command or new_command_id()
            self.check_undamaged("; nothing was recorded")
            if request is not None:
                request.check(self, fold, named)
            contents = plan(fold)
            if one_commit_each:  # the first commit keeps its id when the plan is called again, and the others get new ones
                divided = [(content, new_command_id() if number else command) for number, content in enumerate(contents)]
            else:
                divided = with_batch_ids(split_to_commit_size(contents), command)
            return divided if request is None else request.stamp(divided)

        def plan_one_commit(fold: Todos) -> PlannedCommit[TodoEvent]:
            planned[:] = plan_commits(fold)
            # several commits are recorded further down, while nobody else can write
            (changes, meta), id = planned[0] if len(planned) == 1 else (({}, {}), command)
            return changes, Metadata(self.clock(), self.author, id, {**meta, **self.cause})

        outcome = self.repository.transact(plan_one_commit)
        if len(planned) > 1:
            seen = outcome.fold.position

            def record_planned() -> Answer:
                fold = self.repository.fold()
                return self._record_all(planned if fold.position == seen else plan_commits(fold), named)

            return self.together((), record_planned)
        return self.answer(() if outcome.commit is None else (outcome.commit,), named)

    def _record_all(self, planned: Sequence[tuple[CommitContent, str]], named: Sequence[Item] | None) -> Answer:
        """Record several commits, given with their command ids, while nobody else can write."""
        commits: list[Commit] = []
        for number, (content, id) in enumerate(planned, 1):
            with note_earlier_commits(0 if self.store.atomic else len(commits)):
                commit = self.record(content, id)
            commits += [] if commit is None else [commit]
            self.progress(number, len(planned))
        return self.answer(commits, named)

    def record(self, content: CommitContent, command: str) -> Commit | None:
        """Record one commit without dividing it. Nobody else may write meanwhile.

        Args:
            content: Its events and its `meta`.
            command: Its command id.

        Returns:
            The commit. None if there are no events.

        Raises:
            CqrsError: What appending raises.
        """
        changes, meta = content
        metadata = Metadata(self.clock(), self.author, command, {**meta, **self.cause})
        return self.repository.transact(lambda _: (changes, metadata)).commit

    def answer(
        self,
        commits: Sequence[Commit],
        named: Sequence[Item] | None = None,
        *,
        also: Sequence[str] = (),
        fold: Todos | None = None,
    ) -> Answer:
        """Make the answer of a command.

        Args:
            commits: What the command recorded in this list.
            named: The todos that the answer is about. By default these are the todos that were changed.
            also: The names of the other lists in which the command was recorded.
            fold: The list after the command. By default this is the list as it was read last.
        """
        if commits:
            self.on_recorded(self, commits[-1].position, commits)
        fold = self.repository.last_fold() if fold is None else fold
        changed = dict.fromkeys([event.stream for commit in commits for event in commit.events])
        streams = changed if named is None else [item.stream for item in named]
        entities = [entity for stream in streams if (entity := fold.get(stream)) is not None]  # `NullLog` keeps nothing
        rows = items_of(entities)
        changed_rows = rows if named is None else [row for row in rows if row.stream in changed]
        elsewhere = changed.keys() - set(streams) if named is not None else ()
        others = items_of(entity for stream in elsewhere if (entity := fold.get(stream)) is not None) if elsewhere else []
        return Answer(
            list=self.name,
            position=fold.position,
            commits=tuple(commits),
            items=tuple(rows),
            changed=tuple(changed_rows),
            others=tuple(sorted(others, key=lambda item: item.number)),
            also=tuple(also),
        )

    def answer_again(self, commits: Sequence[Commit], named: Sequence[Item] | None = None) -> Answer:
        """Make the answer that a command got when it was sent before.

        Args:
            commits: What the command recorded in this list, oldest first.
            named: The todos that the answer is about. By default these are the todos that were changed.
        """
        from ..cqrs.timeline import as_of

        fold, _ = as_of(self.repository, commits[-1].last)
        moves = [move for commit in commits if (move := move_of(commit)) is not None]
        also = [move.target_name if move.source == self.log.id else move.source_name for move in moves]
        return self.answer(commits, named, also=list(dict.fromkeys(also)), fold=fold)

    def together(self, others: Sequence[Recorder], work: Callable[[], T], *, finds_request: bool = False) -> T:
        """Do a piece of work while nobody else can write to this list and some other lists; see `Store.together`.

        Args:
            others: The other lists.
            work: The work. The store may call it a second time; what it appended before was rolled back then.
            finds_request: Whether the work begins with `Request.find`, and only reads if this finds something. Then it is
                done also if the lists cannot be locked, for example on a disk that is read-only by now.

        Returns:
            What the work returns.
        """
        if self._locked:
            return work()
        lists = (self, *others)
        tried = False

        def once() -> T:
            nonlocal tried
            if tried:  # what was appended in the first try was rolled back
                for each in lists:
                    each.repository.reset()
            tried = True
            return work()

        try:
            for each in lists:
                each._locked = True
            return self.store.together([each.log for each in lists], once)
        except (LogBusy, StoreUnavailable) as error:
            request = self.request
            if tried or isinstance(error, OutcomeUnknown) or not finds_request or request is None:
                raise
            if request.find(self) is None:
                raise
            return work()
        except BaseException:
            if self.store.atomic:
                for each in lists:
                    each.repository.reset()
            raise
        finally:
            for each in lists:
                each._locked = False

    def label(self, id: str) -> str:
        """Return what people call a todo: its number, or its id if it is not in the list.

        Args:
            id: The id of the todo.
        """
        entity = self.repository.last_fold().get(DECIDER.stream(id))
        return id if entity is None else f"{entity.number}"

    def check_exists(self) -> None:
        """Check that the list exists, or is the default list, which reads as empty.

        Raises:
            ListNotFound: It does not exist.
            ListArchived: It is archived.
        """
        if not self._missing:
            return
        from .lists import differing_only_by_case, list_not_found

        names, archived = self.store.names(), self.store.names(archived=True)
        if not self._default or differing_only_by_case(self.name, [*names, *archived]) is not None:
            raise list_not_found(self.name, self.store.originals(), archived)

    def check_undamaged(self, outcome: str = "") -> None:
        """Check that the complete log could be read: what was not found may be after the damage.

        Args:
            outcome: What to add to the message.

        Raises:
            DamagedLog: Reading ended at damage.
        """
        if self.log.damage is not None:
            raise DamagedLog(self.log.damage + outcome)

    def _fold(self, moment: Moment | None) -> tuple[Fold[State], Commit | None]:
        self.check_exists()
        fold = self.repository.fold()
        return (fold, None) if moment is None else self._as_of(fold, moment)

    def _as_of(self, fold: Fold[State], moment: Moment) -> tuple[Fold[State], Commit | None]:
        if isinstance(moment, datetime) and moment > (now := self.clock()) and moment > self.latest_moment(now):
            from .errors import NotYet

            raise NotYet(f"{moment.astimezone():%Y-%m-%d %H:%M:%S} has not come yet")
        if isinstance(moment, int):
            self._check_position(fold, moment)
        from ..cqrs.timeline import as_of  # most runs look at the present

        return as_of(self.repository, moment)

    def position_of(self, command: str) -> int | None:
        """Return the position of the commit with a command id; None if the list has none.

        Args:
            command: The id of the command.
        """
        if self._positions is None:
            from ..cqrs.steps import Positions

            self._positions = Positions(self.log.commits_backward())
        position = self._positions.of(command)
        if position is None:  # it may have been recorded meanwhile
            commit = self.log.find_command(command)
            return None if commit is None else commit.position
        return position

    def check_position(self, position: int) -> None:
        """Check that the list has a position.

        Args:
            position: The position. 0 is before the first event, and every list has it.

        Raises:
            EventNotFound: The list ends before this position.
            DamagedLog: The list may have this position after the damage of its log.
            ListNotFound: The list does not exist.
        """
        fold, _ = self._fold(None)
        self._check_position(fold, position)

    def _check_position(self, fold: Fold[State], position: int) -> None:
        if position > fold.position:
            from .errors import EventNotFound

            self.check_undamaged()
            raise EventNotFound(position, self.name, fold.position)

    def latest_moment(self, now: datetime) -> datetime:
        """Return the latest time that the list can be read at: now, or the time of the last commit, if its clock ran ahead.

        Args:
            now: The present, with a time zone.
        """
        fold, _ = self._fold(None)
        last = next(iter(self.log.commits_backward(Cursor(fold.position))), None)
        return now if last is None else max(now, last.metadata.at)

    def has_commit_at_or_after(self, time: datetime) -> bool:
        """Return whether any commit was recorded at or after a time.

        Args:
            time: A time with a time zone.
        """
        fold, _ = self._fold(None)
        return any(commit.metadata.at >= time for commit in self.log.commits_backward(Cursor(fold.position)))

    def lists_moved_to(self, fold: Todos, streams: Collection[str]) -> dict[str, str]:
        """Find the lists that removed todos were moved to.

        Args:
            fold: This list.
            streams: The streams of the removed todos.

        Returns:
            The names of the lists by stream, without the todos that were not moved.
        """
        remaining = set(streams)
        found: dict[str, str] = {}
        for commit in self.log.commits_backward(Cursor(fold.position)) if remaining else ():
            in_commit = remaining & {event.stream for event in commit.events}
            if not in_commit:
                continue
            move = move_of(commit)
            # not `move.source`: this list had another id before it was joined with another one
            if move is not None and move.target != self.log.id:
                found.update(dict.fromkeys(in_commit, move.target_name))
            else:  # a merge that changes a removed todo has not removed it
                ordinals = commit.metadata.ordinals(len(commit.events))
                pairs = zip(commit.events, ordinals, strict=True)
                in_commit &= {event.stream for event, ordinal in pairs if ordinal > 0 and type(event.data) is TodoRemoved}
            remaining -= in_commit
            if not remaining:
                break
        return found

    def make_for_todos(self) -> bool:
        """Make the list that todos are added to if it does not exist yet; see `make_if_missing`."""
        if self.request is not None and self._missing:
            self.request.check(self, self.repository.fold(), None)
        return self.make_if_missing()

    def make_if_missing(self) -> bool:
        """Make the list if it does not exist yet.

        Returns:
            Whether this call made it. Another process may have made it at the same time.

        Raises:
            CqrsError: What `Lists.new` raises.
        """
        if not self._missing:
            return False
        from .lists import Lists

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


def events_to_reach(there: Todos | Mapping[str, Entity[State]], todos: Mapping[str, Todo]) -> Changes[TodoEvent]:
    """Return the events that change the todos of a list to given ones.

    Args:
        there: The list, or those of its todos that can matter, by stream.
        todos: The todos that the events lead to, by stream.

    Returns:
        The events by stream.
    """
    return {
        stream: events_between(None if (old := there.get(stream)) is None else old.state, todo)
        for stream, todo in todos.items()
    }


def refusals_in_words(refused: Mapping[int, str]) -> str:
    """Return in words why todos were refused.

    Args:
        refused: The reasons by the number of the todo. Todos with the same reason are named together.
    """
    numbers: dict[str, list[int]] = {}
    for number, reason in refused.items():
        numbers.setdefault(reason, []).append(number)
    parts = []
    for reason, each in numbers.items():
        named = number_ranges(each)
        if ":" in reason or not reason.startswith(("it was removed", "it was moved to ")):
            parts.append(f"todo {named}: {reason}")
        elif len(each) == 1:
            parts.append(f"todo {named} was {reason.removeprefix('it was ')}")
        else:
            parts.append(f"todos {named} were {reason.removeprefix('it was ')}")
    return "; ".join(parts)


def with_lists(others: Iterable[Recorder]) -> dict[str, Any]:
    """Return the `meta` that names the other lists in which the same command is recorded; {} if there are none."""
    named = [{"log": each.log.id, "list": each.name} for each in others]
    return {WITH: named} if named else {}
