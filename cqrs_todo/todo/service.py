"""The one API that every front end calls: lists of todos in a store, read at any moment and changed by commands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, Rejected
from ..cqrs.events import BATCH, Commit, Metadata, Moment
from ..cqrs.fold import Entity, Fold
from ..cqrs.ids import new_command_id
from ..cqrs.store import NEW, Append, Log, check_precondition, new_streams_only
from ..cqrs.struct import Struct, replace
from .batches import CommitContent, commit_sized_chunks, json_size, note_earlier_commits
from .events import DependencyAdded, ParentChanged, TodoCompleted, TodoEvent, TodoRemoved, TodoReopened, TodoRestored
from .fields import State, Todo
from .model import DECIDER, REMOVED, Create, TodoCommand, events_between
from .recorder import Answer, Recorder, Todos, new_id, refusals_in_words
from .views import MOVE, RESTORES, Item, id_of, item_of, items_of, number_ranges

if TYPE_CHECKING:
    from .link_rules import Consequences

DEFAULT_LIST = "inbox"

Descendants: TypeAlias = Literal["all", "open"]
"""Which of the todos under a todo share a change."""


class View(Struct, frozen=True):
    """A list now or at an earlier moment.

    Args:
        list: The name of the list.
        position: The position of the last event that is taken into account.
        as_of: The time that was asked for, or the time of the commit that was asked for, in UTC. None for the present list,
            and for the empty list before the first commit.
        items: Every todo that was ever created, including removed ones, by number.
        commit: The position of the first event of the last commit, by which people name the commit. 0 for the empty list
            before the first commit, and None for the present list.
    """

    list: str
    position: int
    as_of: datetime | None
    items: tuple[Item, ...]
    commit: int | None = None


class Added(Struct, frozen=True):
    """The result of adding a batch.

    Args:
        list: The name of the list.
        position: The position of the last event in the list.
        todos: How many todos were added.
        commits: How many commits were recorded.
        new_list: Whether the list was made for them.
    """

    list: str
    position: int
    todos: int
    commits: int
    new_list: bool


class TodoList(Recorder):
    """One list of a store. Front ends read it and change it with this class.

    A moment is a time with a time zone, or the position of an event. Methods that read raise `ListNotFound` if the list
    does not exist, `NotYet` for a time in the future, and `EventNotFound` for a position that the list does not have.
    """

    # reading

    def view(self, moment: Moment | None = None) -> View:
        """Read the list now or at a moment.

        Args:
            moment: The moment. None for now.

        Raises:
            ListNotFound: The list does not exist.
            NotYet: The moment is a time in the future.
            EventNotFound: The moment is a position that the list does not have.
        """
        fold, commit = self._fold(moment)
        as_of = moment.astimezone(UTC) if isinstance(moment, datetime) else None
        if isinstance(moment, int) and commit is not None:
            as_of = commit.metadata.at
        last = None if moment is None else fold.position if commit is None else commit.position
        return View(self.name, fold.position, as_of, tuple(items_of(fold)), last)

    def history(self, moment: Moment | None = None) -> Iterator[Commit]:
        """Read the commits up to now or a moment, newest first.

        Args:
            moment: The moment. None for now.

        Returns:
            An iterator that reads the log as it is used.

        Raises:
            ListNotFound: The list does not exist.
            NotYet: The moment is a time in the future.
            EventNotFound: The moment is a position that the list does not have.
        """
        if moment is None:
            self._fold(None)  # so that the log need not be read from its beginning
            return self.log.commits_backward()
        fold, _ = self._fold(moment)
        return self.log.commits_backward(Cursor(fold.position))

    def commits(self, moment: Moment | None = None) -> list[Commit]:
        """Read the commits up to now or a moment, oldest first. The arguments are those of `history`, as are the errors."""
        return list(self.history(moment))[::-1]

    def last_changed(self, moment: Moment | None = None) -> list[str]:
        """Return the ids of the todos in the last commit up to now or a moment. `@` stands for these todos.

        Args:
            moment: The moment. None for now.
        """
        for commit in self.history(moment):
            return list(dict.fromkeys(id_of(event.stream) for event in commit.events))
        return []

    def select(self, words: Sequence[str], moment: Moment | None = None, *, as_sent: bool = True) -> list[Item]:
        """Find the todos that a person named.

        Args:
            words: Numbers, ranges, `@` or ids; see `selection.select`.
            moment: The moment at which they are looked for. None for now.
            as_sent: Whether a command that is sent again means the todos of the first time.

        Returns:
            The todos, each once, in the order in which they were named.

        Raises:
            TodoNotFound: Some words name no todo, or more than one.
            DamagedLog: Some words name no todo, and the log is damaged, so they may name a todo after the damage.
            ListNotFound: The list does not exist.
            NotYet: The moment is a time in the future.
            EventNotFound: The moment is a position that the list does not have.
        """
        from .selection import select

        if moment is None and as_sent and self.request is not None:
            moment = self.request.moment_before(self)  # for a command that is sent again, the todos that were meant then
        fold, _ = self._fold(moment)
        try:
            return select(words, fold, lambda: self.last_changed(moment), self.name)
        except CqrsError:
            self.check_undamaged()
            raise

    def entities(self, words: Sequence[str]) -> list[Entity[State]]:
        """Find the todos that a person named, also those that were forgotten or lost; see `select`."""
        from .selection import select_entities

        fold, _ = self._fold(None)
        try:
            return select_entities(words, fold, self.last_changed, self.name)
        except CqrsError:
            self.check_undamaged()
            raise

    # writing

    def add(self, drafts: Sequence[Create]) -> Answer:
        """Create todos as one command, and make the list if it does not exist.

        Args:
            drafts: The todos.

        Raises:
            Rejected: A todo breaks a rule; with several todos the text says which one. Nothing was recorded.
            CqrsError: What making the list and appending raise.
        """
        created: dict[str, Sequence[TodoEvent]] = {}
        nothing = Fold(DECIDER)
        for place, draft in enumerate(drafts, 1):  # before the list is made, so that a rejection makes no list
            self.progress(place, len(drafts) + 1)
            try:
                created.update(self.decide(nothing, [(DECIDER.stream(new_id()), draft)]))
            except Rejected as error:
                if len(drafts) == 1:
                    raise
                raise Rejected(f"todo {place} of {len(drafts)}: {error}") from error
        made = self.make_for_todos()

        def plan(fold: Todos) -> list[CommitContent]:
            more = self._consequences(fold, created)
            if more is not None and more.refused:
                raise Rejected(f"{next(iter(more.refused.values()))}; nothing was recorded")
            return [(created, {})]

        return replace(self.transact(plan), new_list=made)

    def add_batch(self, drafts: Iterable[Create], count: int) -> Added:
        """Create more todos than fit into one commit: a batch of commits, written in bounded memory.

        Each commit is durable before the next one is made. Other writers' commits may come between them. An exception that a
        signal raises, such as `KeyboardInterrupt`, ends the batch. A note says how many todos were recorded.

        Args:
            drafts: The todos. `decide` must accept each of them.
            count: How many there are, to report progress.

        Raises:
            CqrsError: What appending raises. A note says how many commits were recorded before.
            BaseException: What a signal raises. A note says how many todos were recorded.
        """
        created = (tuple(DECIDER.decide(draft, DECIDER.initial)) for draft in drafts)
        return self.record_batch(new_id(), created, count)

    def record_batch(
        self,
        batch: str,
        created: Iterable[tuple[TodoEvent, ...]],
        count: int,
        meta_of: Callable[[Sequence[str]], Mapping[str, Any]] = lambda _: {},
    ) -> Added:
        """Record the events of new todos as `add_batch` does.

        Args:
            batch: The beginning of their ids. The rest is their number in the batch, with seven digits.
            created: The events of each todo, which begin with its creation.
            count: How many todos there are, to report progress.
            meta_of: Takes the streams of the todos that a commit creates. Returns what its `meta` has of them. It is called
                once for each commit, in their order.

        Raises:
            CqrsError: What `add_batch` raises.
            BaseException: What `add_batch` raises.
        """
        request = self.request
        if request is not None:
            request.check_streamed()
        made = self.make_if_missing()
        self.repository.fold()
        self.check_undamaged("; nothing was recorded")
        earlier = None if request is None else request.find(self)
        if earlier is not None:
            todos = sum(len(commit.events) for commit in earlier)  # each todo is created by one event
            return Added(self.name, earlier[-1].last, todos, len(earlier), made)
        command_id = (request and request.id) or new_command_id()
        more = {} if request is None else request.meta(count)
        added, log = 0, self._log_for_new_streams()
        measured = ((events, len(events), sum(map(json_size, events))) for events in created)
        # The last part that was begun: its command id, its number of todos, and the position and the number of todos before
        # it. It is assigned as a whole, because a signal may come between any two lines.
        begun = ("", 0, self.log.cursor().position, 0)
        try:
            for part, chunk in enumerate(commit_sized_chunks(measured), 1):
                # the ids of a batch are numbered, so that no two are the same
                appends = [
                    Append(DECIDER.stream(f"{batch}{number:07d}"), events, NEW)
                    for number, events in enumerate(chunk, added + 1)
                ]
                meta = {BATCH: {"id": command_id, "part": part}, **more, **meta_of([append.stream for append in appends])}
                metadata = Metadata(self.clock(), self.author, f"{command_id}.{part}", {**meta, **self.cause})
                cursor = log.cursor() if part > 1 else self.log.cursor()
                begun = (metadata.command, len(chunk), cursor.position, added)
                with note_earlier_commits(part - 1):
                    # forget the versions of earlier streams: they take up memory and are not needed, as all streams are new
                    for _ in log.event_batches(cursor, new_streams_only):
                        pass
                    log.append(appends, metadata)
                added += len(chunk)
                self.progress(added, count)
        except Exception:
            raise
        except BaseException as interruption:
            command, adding, since, recorded = begun
            if adding and self._has_recorded(command, since):
                recorded += adding
            if recorded:
                interruption.add_note(f"{recorded:,} of {count:,} todos were recorded")
            raise
        position = log.cursor().position
        self.on_recorded(self, position, ())
        return Added(self.name, position, added, part, made)

    def _log_for_new_streams(self) -> Log:
        """Return another object for the log, so that the list's own one keeps the versions of the streams it has read."""
        if self.name not in self.store.names():
            return self.log  # a store may keep nothing
        log = self.store.open(self.name)
        if log.id != self.log.id:
            from ..cqrs.operation_errors import LogReplaced

            raise LogReplaced(f"{self.name} was replaced by another list meanwhile")
        return log

    def _has_recorded(self, command: str, since: int) -> bool:
        """Return whether a command was recorded after a position. False if the list cannot be read."""
        try:
            newer = takewhile(lambda commit: commit.position > since, self.store.open(self.name).commits_backward())
            return any(commit.metadata.command == command for commit in newer)
        except CqrsError:
            return False

    def change(
        self,
        chosen: Sequence[Item],
        commands: Callable[[Item], Sequence[TodoCommand]],
        *,
        unchanged: bool = False,
        children: Descendants | None = None,
    ) -> Answer:
        """Give commands to todos, as one command of this list: all of them are recorded, or none.

        Args:
            chosen: The todos.
            commands: Returns the commands for a todo, given as it is when they are recorded, or raises `NotApplicable`.
            unchanged: Whether to refuse todos that were changed since they were chosen.
            children: Whether the commands are also given to "all" todos under the chosen ones, or to the "open" ones.

        Returns:
            The answer. Its `items` are the chosen todos, and its `others` those that were changed as a consequence.

        Raises:
            TodosRejected: A command was refused, or none applies; the text names the todos. Nothing was recorded.
            MovedAway: All todos that were refused were moved to another list; the text names them. Nothing was recorded.
            WrongExpectedVersion: With `unchanged`, a todo was changed since it was chosen. Nothing was recorded.
            CqrsError: What reading and appending raise.
        """
        plan, named = self.planned_change(chosen, commands, unchanged=unchanged, children=children)
        before = None if children is None or self.request is None else self.request.moment_before(self)
        if before is not None:  # the command is sent again: it is about the same todos
            from .link_rules import with_descendants

            named = with_descendants(self._fold(before)[0], chosen, open_only=children == "open")
        return self.transact(plan, named)

    def planned_change(
        self,
        chosen: Sequence[Item],
        commands: Callable[[Item], Sequence[TodoCommand]],
        *,
        unchanged: bool = False,
        children: Descendants | None = None,
    ) -> tuple[Callable[[Todos], list[CommitContent]], list[Item]]:
        """Return the plan of `change`, and the todos that it is about, which are complete once it was called.

        The arguments are those of `change`.
        """
        self.check_exists()

        def plan(fold: Todos) -> list[CommitContent]:
            changes: dict[str, list[TodoEvent]] = {}
            refused: dict[int, str] = {}
            if children is not None and _has_children(fold):
                from .link_rules import with_descendants

                named[:] = with_descendants(fold, chosen, open_only=children == "open")
            removed: dict[str, int] = {}
            for item in named:
                stream = item.stream
                if unchanged:
                    check_precondition(item.version, stream, fold.version_of(stream))
                entity = fold.get(stream)
                try:
                    present = None if entity is None else item_of(entity)  # another process may have changed it meanwhile
                    if present is not None and present.todo.removed:
                        removed[stream] = item.number
                    given = [(stream, command) for command in commands(present or item)]
                    changes.update(self.decide(fold, given))
                except CqrsError as error:
                    from .errors import NotApplicable  # few commands are refused

                    if not isinstance(error, (Rejected, NotApplicable)):
                        raise
                    refused[item.number] = str(error)
            more = self._consequences(fold, changes)
            if more is not None:
                refused |= {fold[stream].number: reason for stream, reason in more.refused.items()}
            wanted = [stream for stream, number in removed.items() if number in refused or changes.get(stream)]
            targets = self.lists_moved_to(fold, wanted) if wanted else {}
            moved = {removed[stream]: f"it was moved to {name}" for stream, name in targets.items()}
            if not refused and not moved:
                return [(changes if more is None else {**changes, **more.changes}, {})]
            from .errors import MovedAway, TodosRejected

            reasons = {**refused, **moved}
            if refused.keys() - moved.keys():
                only_removed = [number for number in reasons if reasons[number] == REMOVED]
                blocked = [] if more is None else [fold[stream].number for stream in more.blocked]
                message = f"{refusals_in_words(reasons)}; nothing was recorded"
                raise TodosRejected(message, only_removed, self.name, blocked if len(blocked) == len(reasons) else [])
            raise MovedAway(f"{refusals_in_words(moved)}; nothing was recorded", targets)

        named = list(chosen)
        return plan, named

    def _consequences(self, fold: Todos, changes: Mapping[str, Sequence[TodoEvent]]) -> Consequences | None:
        """Return what follows from changes for todos that are linked with the changed ones; None if nothing can."""
        types = {type(event) for events in changes.values() for event in events}
        linking = types & {DependencyAdded, ParentChanged}
        # a todo that is reopened may have a next one although it no longer recurs, and one that is restored may be one
        back = types & {TodoReopened, TodoRestored}
        if not linking and not back and not (TodoCompleted in types and _has_links(fold, changes)):
            return None
        from .link_rules import Surroundings, consequences  # most lists have no links

        surroundings = Surroundings(
            self.clock(),
            self.zones,
            lambda: self.log.commits_backward(Cursor(fold.position)),
            lambda streams: self.lists_moved_to(fold, streams),
            self.log.forgotten,
        )
        return consequences(fold, changes, surroundings)

    def move(self, chosen: Sequence[Item], target: TodoList) -> Answer:
        """Move todos to another list; see `moves.move`."""
        from .moves import move  # most runs do not need it, and importing it takes time

        return move(self, chosen, target)

    def skip(self, chosen: Sequence[Item]) -> Answer:
        """Move todos that recur to their next dates, as one command of this list.

        Args:
            chosen: The todos.

        Returns:
            The answer.

        Raises:
            TodosRejected: A todo does not recur, is done or was removed, or its series ends. Nothing was recorded.
            CqrsError: What reading and appending raise.
        """
        from .recurrence import skipping

        now = self.clock()
        return self.change(chosen, lambda item: skipping(item.todo, now, self.zones))

    def acknowledge(self, chosen: Sequence[Item]) -> Answer:
        """Acknowledge the reminders of todos that came due, as one command of this list.

        Args:
            chosen: The todos.

        Returns:
            The answer.

        Raises:
            TodosRejected: A todo has no reminder, or it has not come yet. Nothing was recorded.
            CqrsError: What reading and appending raise.
        """
        from .reminders import acknowledging

        now = self.clock()
        return self.change(chosen, lambda item: acknowledging(item.todo, now))

    def import_todos(self, todos: Mapping[str, Todo], kept: Mapping[str, Collection[str]] | None = None) -> Answer:
        """Import todos of an export of this program; see `own_imports.import_todos`."""
        from .own_imports import import_todos

        return import_todos(self, todos, kept)

    def restore(self, moment: Moment, chosen: Sequence[Item] | None = None) -> Answer:
        """Restore the list, or some of its todos, to the state at a moment. Todos that were added later are removed.

        A todo that was in another list then than it is in now stays where it is.

        Args:
            moment: The moment.
            chosen: The todos to restore. None restores the list.

        Raises:
            ListNotFound: The list does not exist.
            NotYet: The moment is a time in the future.
            EventNotFound: The moment is a position that the list does not have.
            CannotRestore: A chosen todo was in another list then than it is in now. Nothing was recorded.
            CqrsError: What reading and appending raise.
        """
        self.check_exists()

        def plan(fold: Todos) -> list[CommitContent]:
            then, last = self._as_of(fold, moment)
            entities = fold if chosen is None else [fold[item.stream] for item in chosen]
            changes: dict[str, Sequence[TodoEvent]] = {}
            for entity in entities:
                past = then.get(entity.stream)
                now = entity.state
                if now is not None:
                    changes[entity.stream] = events_between(now, (past and past.state) or replace(now, removed=True))
            concerned = {stream for stream, events in changes.items() if events}
            moved = self._moved_since(then, fold, concerned)
            if chosen is not None and moved:
                from .errors import CannotRestore

                numbers = number_ranges([fold[stream].number for stream in moved])
                raise CannotRestore(f"todo {numbers} was moved between lists since then: move it back, or undo the move")
            stayed[:] = items_of(fold[stream] for stream in moved)
            kept = {stream: events for stream, events in changes.items() if stream not in moved}
            return [(kept, {RESTORES: then.position if last is None else last.position})]

        stayed: list[Item] = []
        return replace(self.transact(plan, chosen), stayed=tuple(sorted(stayed, key=lambda item: item.number)))

    def _moved_since(self, then: Todos, now: Todos, streams: set[str]) -> set[str]:
        """Return those of some streams whose todos were moved to or from this list, and not back, between two moments."""
        first: dict[str, bool] = {}  # whether the first move, and the last one, took the todo away from this list
        last: dict[str, bool] = {}
        for commit in self.log.commits_backward(Cursor(now.position)) if streams else ():
            if commit.position <= then.position:
                break
            if MOVE in commit.metadata.meta:
                # events, and not the ids of logs: this list had another id before it was joined with another one
                left = {event.stream: isinstance(event.data, TodoRemoved) for event in commit.events}
                for stream in streams & left.keys():
                    last.setdefault(stream, left[stream])
                    first[stream] = left[stream]
        # a todo that was removed here, and not by the move, was removed as if it had never been moved
        return {
            stream
            for stream in first
            if (_is_absent(now, stream) and last[stream]) or (_is_absent(then, stream) and not first[stream])
        }

    def undo(self, steps: int = 1, *, own: bool = False) -> Answer:
        """Undo the last commands; see `undoing.undo`."""
        from .undoing import undo

        return undo(self, steps, own=own)

    def redo(self, steps: int = 1) -> Answer:
        """Redo the last commands that were undone; see `undoing.redo`."""
        from .undoing import redo

        return redo(self, steps)

    def undo_at(self, position: int) -> Answer:
        """Undo only the command that recorded the event at a position; see `undoing.undo_at`."""
        from .undoing import undo_at

        return undo_at(self, position)


def _has_children(fold: Todos) -> bool:
    """Return whether any todo is a child of another one.

    This alone does not make a commit depend on all todos, because then two changes of a list could never be made at once.
    """
    return any(entity.state is not None and entity.state.parent is not None for entity in fold.unwatched())


def _has_links(fold: Todos, changes: Mapping[str, Sequence[TodoEvent]]) -> bool:
    """Return whether a changed todo recurs, or is a child or a parent of another one."""
    states = [entity.state for stream in changes if (entity := fold.get(stream)) is not None]
    if any(state is not None and (state.every is not None or state.parent is not None) for state in states):
        return True
    ids = {id_of(stream) for stream in changes}
    # to look for one id in a snapshot takes less time than to decode it, and for many ids it takes more
    others = fold.mentioning(*ids) if len(ids) == 1 else fold.unwatched()
    return any(each.state is not None and each.state.parent in ids for each in others)


def _is_absent(fold: Todos, stream: str) -> bool:
    """Return whether a todo is not in the list: it was removed, or has never been there."""
    entity = fold.get(stream)
    return entity is None or entity.state is None or entity.state.removed
