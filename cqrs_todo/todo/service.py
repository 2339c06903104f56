"""The one API that every front end calls: lists of todos in a store, read at any moment and changed by commands."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ..cqrs.errors import LogBusy, Rejected
from ..cqrs.events import Commit, Metadata
from ..cqrs.fold import Fold
from ..cqrs.store import NEW, Append, Mark, check_precondition
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import BATCH, Moment
from .events import TodoEvent
from .fields import Todo
from .model import DECIDER, Create, TodoCommand, check, events_between
from .recorder import (
    Answer,
    Part,
    Recorder,
    Todos,
    by_reason,
    chunks,
    leading,
    new_id,
    telling,
    text_in,
)
from .selection import ID, NotFound, select
from .views import MOVE, RESTORES, Item, id_of, items_of, spans

DEFAULT_LIST = "inbox"


class View(Struct, frozen=True):
    """A list as it stands, or stood: after the event at `position`.

    `as_of`, in UTC, is the time asked for, or that of the commit asked for; None for now and for before the first commit.
    """

    list: str
    position: int
    as_of: datetime | None
    items: tuple[Item, ...]


class Added(Struct, frozen=True):
    """What adding a batch recorded: how many todos, in how many commits, and whether the list was made for them."""

    list: str
    position: int
    todos: int
    commits: int
    new_list: bool


class TodoList(Recorder):
    """One list of a store, as front ends read and change it."""

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
        nothing = Fold(DECIDER)
        for place, draft in enumerate(drafts, 1):  # refuse before a list is made
            self.progress(place, len(drafts) + 1)
            try:
                created.update(self.decide(nothing, [(DECIDER.stream(new_id()), draft)]))
            except Rejected as error:
                raise Rejected(f"todo {place} of {len(drafts)}: {error}" if len(drafts) > 1 else str(error)) from error
        made = self.make()
        return replace(self.transact(lambda _: [(created, {})]), new_list=made)

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
        made = self.make()
        self.repository.fold()
        self.check_whole("; nothing was recorded")
        batch = new_id()
        added, mark, log = 0, self.log.mark(), self.log
        decided = (tuple(DECIDER.decide(draft, DECIDER.initial)) for draft in drafts)
        measured = ((events, len(events), sum(map(text_in, events))) for events in decided)
        for part, chunk in enumerate(chunks(measured), 1):
            # ids of one batch begin alike and are counted, so that no two are the same
            appends = [
                Append(DECIDER.stream(f"{batch}{number:07d}"), events, NEW) for number, events in enumerate(chunk, added + 1)
            ]
            metadata = Metadata(self.clock(), self.author, f"{batch}.{part}", {BATCH: {"id": batch, "part": part}})
            with telling(part - 1):
                if part > 1 and self.name in self.store.names():
                    # another log object, at the place where the last one ended: it knows no versions of earlier streams,
                    # which would take up memory, and needs none
                    log = self.store.open(self.name)
                    if log.id != self.log.id:
                        raise LogBusy(f"{self.name} was replaced by another list meanwhile")
                    gc.collect()  # the last one, which is part of a cycle
                    next(log.commits(Mark(mark.position, mark.token, lambda _: 0)), None)
                log.append(appends, metadata)
            mark = log.mark()
            added += len(chunk)
            self.progress(added, count)
        return Added(self.name, mark.position, added, part, made)

    def change(
        self, chosen: Sequence[Item], commands: Callable[[Item], Sequence[TodoCommand]], *, unchanged: bool = False
    ) -> Answer:
        """Give each todo its commands, all in one commit or none; raises `Rejected` naming the todos.

        With `unchanged` raises `WrongExpectedVersion` when one of them is no more what it was when it was chosen.
        """
        self.check_exists()

        def plan(fold: Todos) -> list[Part]:
            changes: dict[str, list[TodoEvent]] = {}
            refused: dict[int, str] = {}
            for item in chosen:
                stream = item.stream
                if unchanged:
                    check_precondition(item.version, stream, fold.version_of(stream))
                try:
                    given = [(stream, command) for command in commands(item)]
                    changes.update(self.decide(fold, given))
                except Rejected as error:
                    refused[item.number] = str(error)
            if refused:
                moved = self.moved_to(
                    fold, {item.stream for item in chosen if item.number in refused and _is_removed(fold, item)}
                )
                gone = {item.number: f"it was moved to {moved[item.stream]}" for item in chosen if item.stream in moved}
                raise Rejected(by_reason({**refused, **gone}))
            return [(changes, {})]

        return self.transact(plan, chosen)

    def move(self, chosen: Sequence[Item], target: "TodoList") -> Answer:
        """Give todos to another list, where they keep their ids and everything they hold; see `moves.move`."""
        from .moves import move  # few runs need it, and it takes time to import

        return move(self, chosen, target)

    def take_in(self, todos: Mapping[str, Todo]) -> Answer:
        """Make the todos with these ids what is given, in one commit: those that are not there too, and the list if need be.

        What is so already is left alone, so that doing it again changes nothing. Raises `Rejected` naming the todo that
        could not stand in a list.
        """
        given: dict[str, Todo] = {}
        for id, todo in todos.items():
            self.progress(len(given), len(todos))
            given[DECIDER.stream(id)] = _checked(id, todo)
        made = self.make()
        return replace(self.transact(lambda fold: [(leading(fold, given), {})]), new_list=made)

    def restore(self, moment: Moment, chosen: Sequence[Item] | None = None) -> Answer:
        """Make the list, or the todos chosen, what they were at a moment; what was added later is removed.

        A todo that was moved here or away since stays in the list that it is in now.

        Raises:
            NotFound: The list is not there.
            NotYet: The moment has not come.
            Rejected: One of the chosen todos was moved since.
        """
        self.check_exists()

        def plan(fold: Todos) -> list[Part]:
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


def _is_removed(fold: Todos, item: Item) -> bool:
    entity = fold.get(item.stream)
    return entity is not None and entity.state is not None and entity.state.removed


def _checked(id: str, todo: Todo) -> Todo:
    if not ID.fullmatch(id):
        raise Rejected(f"{id!r} is no id of a todo: a letter, then letters and digits, in lower case")
    try:
        return check(todo)
    except Rejected as error:
        raise Rejected(f"todo {id}: {error}") from error
