"""One request: the lists that it looks at, what it may cost, and what its mutations ask of the command."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from graphql import GraphQLError

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, Rejected, WrongExpectedVersion
from ..cqrs.events import Commit, Moment, Recorded
from ..todo.links import Links
from ..todo.query import Query
from ..todo.recorder import Todos
from ..todo.requests import Request
from ..todo.service import TodoList, View
from ..todo.views import Item, items_of
from .desk import Desk, Visit
from .worker import Stopping, Worker

T = TypeVar("T")

MOST_ROWS = 20_000
"""How many todos, commits and other objects one request may return or search."""
MOST_MOMENTS = 10
"""At how many moments of the past one request may look at lists. Each of them is held in memory until it ends."""
MOST_CHANGED = 1_000
"""How many todos the mutations of one request may name or add."""
MOST_SECONDS = 10.0
"""How long one request may read."""
SHORT_SECONDS = 0.1
"""How long a request that changes nothing may read in the first thread of the worker, where changes wait for it."""
TURN_SECONDS = 0.1
"""How long a request waits for the first thread. Then it is begun in the second one."""
_SLICE = 200
"""After how many todos a query is interrupted to look at the time."""
_LONGEST_ID = 64
_LONGEST_REASON = 1_000


def refusal(message: str, code: str, hint: str | None = None) -> GraphQLError:
    """Return the error that a client sees.

    Args:
        message: What is wrong.
        code: What kind of error it is, for programs.
        hint: What to do about it; None for no hint.
    """
    extensions = {"code": code} if hint is None else {"code": code, "hint": hint}
    return GraphQLError(message, extensions=extensions)


def check_changes(todos: int) -> None:
    """Raise `GraphQLError` if a request names or adds too many todos in its mutations."""
    if todos > MOST_CHANGED:
        found = f"the mutations of a request name or add at most {MOST_CHANGED:,} todos, and these are {todos:,}"
        raise refusal(found, "TOO_LARGE", "send several requests")


class _Moved(BaseException):
    """A job belongs into the other thread: it takes long, or it changes something.

    It is not an `Exception`, because those become errors of fields.
    """


class Checked(list[T]):
    """Objects that are given one after the other as long as the request may go on.

    When GraphQL takes an object, it computes all that the client wants of the object before.
    """

    def __init__(self, objects: Iterable[T], check: Callable[[], None]) -> None:
        """Give objects.

        Args:
            objects: The objects.
            check: Raises an error if the request may not go on.
        """
        super().__init__(objects)
        self._check = check

    def __iter__(self) -> Iterator[T]:
        """Give the objects."""
        for each in super().__iter__():
            self._check()
            yield each


class Views:
    """The present states of lists, kept from one request to the next while nothing is recorded."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Todos, int, View]] = {}

    def view(self, todos: TodoList) -> View:
        """Return the present state of a list.

        Raises:
            CqrsError: What reading raises.
        """
        todos.check_exists()
        fold = todos.repository.fold()
        kept = self._kept.get(todos.name)
        # a list that was replaced, or of which something was forgotten, has another fold
        if kept is not None and kept[0] is fold and kept[1] == fold.position:
            return kept[2]
        view = View(todos.name, fold.position, None, tuple(items_of(fold)))
        self._kept[todos.name] = fold, fold.position, view
        return view


class Look:
    """A list at one moment, as a request sees it."""

    def __init__(self, work: "Work", visit: Visit, at: str | None, views: Views) -> None:
        """Look at a list.

        Args:
            work: The request.
            visit: The visit of the list.
            at: The moment, in words. None for now.
            views: The present states of lists.

        Raises:
            CqrsError: The moment cannot be read, or the list cannot.
        """
        self.work = work
        self.visit = visit
        self.todos = visit.todos
        self.moment: Moment | None = None if at is None else visit.moment(at)
        self.view = views.view(self.todos) if self.moment is None else self.todos.view(self.moment)

    @property
    def now(self) -> datetime:
        """The time that decides what is overdue: that of the moment."""
        return self.visit.now if self.view.as_of is None else self.visit.to_local(self.view.as_of)

    @cached_property
    def links(self) -> Links:
        """How the todos are linked."""
        return Links(self.view.items)

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        """The todos by their stable ids."""
        return {item.id: item for item in self.view.items}

    def find(self, word: str) -> Item | None:
        """Find the todo with an id or a number; None if there is none."""
        if word.isascii() and word.isdecimal() and len(word) <= 18:
            return next((item for item in self.view.items if item.number == int(word)), None)
        return self.by_id.get(word)

    def label(self, id: str) -> str:
        """Return the number of a todo; its id if it is not in the list."""
        item = self.by_id.get(id)
        return id if item is None else f"{item.number}"

    def backward(self) -> Iterator[Commit]:
        """Read the commits up to the moment, newest first, as long as the request may.

        What is recorded after the todos were read is not among them.
        """
        end = self.view.position
        for commit in self.todos.log.commits_backward(Cursor(end)) if end else ():
            self.work.check_time()
            yield commit

    def of_stream(self, stream: str) -> Iterator[tuple[Commit, Recorded]]:
        """Read the events of a todo up to the moment, newest first. The log is read once for all todos."""
        place = 0
        while True:
            found = self._by_stream.setdefault(stream, [])
            while place < len(found):
                yield found[place]
                if found[place][1].version == 1:
                    return
                place += 1
            commit = next(self._scan, None)
            if commit is None:
                return
            for event in reversed(commit.events):
                self._by_stream.setdefault(event.stream, []).append((commit, event))

    @cached_property
    def _scan(self) -> Iterator[Commit]:
        return self.backward()

    @cached_property
    def _by_stream(self) -> dict[str, list[tuple[Commit, Recorded]]]:
        return {}

    @cached_property
    def commits(self) -> Sequence[Commit]:
        """All commits up to the moment, oldest first."""
        return list(self.backward())[::-1]


class Work:
    """One request, in one thread of the worker."""

    def __init__(self, desk: Desk, worker: Worker, views: Views, other: "Callable[[], Work] | None" = None) -> None:
        """Begin a request.

        Args:
            desk: The lists of the thread.
            worker: The threads.
            views: The present states of the lists of the thread.
            other: Begins the same request in the second thread; None if this is the second thread.
        """
        self.desk = desk
        self.worker = worker
        self._views = views
        self._other = other
        self._moves = False
        self._looks: dict[tuple[str, str | None], Look] = {}
        self._visits: dict[str, Visit] = {}
        self._rows = 0
        self._changed = 0
        self._until = math.inf

    async def do(self, job: "Callable[[Work], T]", most: float = MOST_SECONDS) -> T:
        """Do a job for the request.

        If it takes long and has changed nothing, it is begun again in the second thread. If the first thread has no time for
        it, the thread that has time first begins it. A thread has none, for example, while a change waits for a lock.

        Args:
            job: The job, given the request in the thread that does it.
            most: After how many seconds it is ended.

        Returns:
            What the job returns.

        Raises:
            Stopping: The server ends.
            Exception: What the job raises.
        """
        begun = threading.Lock()

        def short() -> tuple[T] | None:
            self._moves, self._until = self._other is not None, time.monotonic() + SHORT_SECONDS
            try:
                return (job(self),)
            except _Moved:
                return None

        def long() -> tuple[T] | None:
            work = self if self._other is None else self._other()
            work._until = time.monotonic() + most
            try:
                return (job(work),)
            except _Moved:
                return None

        def change() -> tuple[T]:
            self._moves, self._until = False, time.monotonic() + most
            self._rows = self._changed = 0
            return (job(self),)

        def first_to_begin(part: Callable[[], tuple[T] | None]) -> Callable[[], tuple[tuple[T] | None] | None]:
            return lambda: (part(),) if begun.acquire(blocking=False) else None

        first = asyncio.ensure_future(self.worker.run(first_to_begin(short)))
        started = [first]
        try:
            await asyncio.wait(started, timeout=TURN_SECONDS)
            if not first.done():
                started.append(asyncio.ensure_future(self.worker.run(first_to_begin(long), long=True)))
            begins, done = await _outcome(started)
        finally:
            for each in started:
                each.cancel()
        if done is None and begins is first:
            done = await self.worker.run(long, long=True)
        return (await self.worker.run(change) if done is None else done)[0]

    # what it may cost

    def spend(self, rows: int) -> None:
        """Count what is returned.

        Raises:
            GraphQLError: The request returns too much.
        """
        self._rows += rows
        if self._rows > MOST_ROWS:
            raise refusal(f"the request returns more than {MOST_ROWS:,} objects", "TOO_LARGE", "ask for smaller pages")
        self.check_time()

    def spend_changes(self, todos: int) -> None:
        """Count the todos that a mutation names or adds.

        Raises:
            GraphQLError: The request changes too many.
        """
        self._changed += todos
        check_changes(self._changed)

    def check_time(self) -> None:
        """Raise an error if the request takes too long, or the server ends."""
        if self.worker.stopped:
            raise Stopping
        if time.monotonic() > self._until:
            if self._moves:
                raise _Moved
            raise refusal(f"the request takes more than {MOST_SECONDS:.0f} seconds", "TOO_SLOW", "ask for less")

    def matching(self, query: Query) -> list[Item]:
        """Return the todos that a query wants, as long as the request may go on: a query of a thousand terms takes long.

        Raises:
            GraphQLError: The request takes too long.
        """
        items = query.context.items
        found: list[Item] = []
        for start in range(0, len(items), _SLICE):
            self.check_time()
            found += query.divide(items[start : start + _SLICE], query.context.now)[0]
        self.check_time()
        return found

    def checked(self, objects: Iterable[T]) -> list[T]:
        """Return objects that are given as long as the request may go on."""
        return Checked(objects, self.check_time)

    # reading

    def visit(self, name: str | None) -> Visit:
        """Return this request's visit of a list.

        Args:
            name: The name of the list; None for the default one.
        """
        name = self.desk.default_list if name is None else name
        found = self._visits.get(name)
        if found is None:
            found = self._visits[name] = self.desk.visit(name)
        return found

    def look(self, name: str | None = None, at: str | None = None) -> Look:
        """Look at a list now or at a moment.

        Args:
            name: The name of the list; None for the default one.
            at: The moment, in words; None for now.

        Raises:
            CqrsError: The list or the moment cannot be read.
            GraphQLError: The request looks at too many moments.
        """
        key = (self.desk.default_list if name is None else name, at)
        found = self._looks.get(key)
        if found is None:
            if at is not None and sum(moment is not None for _, moment in self._looks) == MOST_MOMENTS:
                too_many = f"a request looks at no more than {MOST_MOMENTS} moments"
                raise refusal(too_many, "TOO_LARGE", "send several requests")
            try:
                found = Look(self, self.visit(key[0]), at, self._views)
            except CqrsError:  # perhaps it was renamed, archived or replaced since it was opened
                self._open_again(key[0])
                found = Look(self, self.visit(key[0]), at, self._views)
            self._looks[key] = found
        return found

    def _open_again(self, name: str) -> None:
        self.desk.forget_list(name)
        self._visits.pop(name, None)

    # changing

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change something, in the first thread. From now on, the request stays there.

        Raises:
            Stopping: The server ends. Nothing was changed.
        """
        if self._other is None:
            raise _Moved
        if self._moves:
            self._moves, self._until = False, self._until - SHORT_SECONDS + MOST_SECONDS
        with self.worker.changing():
            yield

    def change(self, name: str | None, request: Request | None, job: Callable[[Visit], T]) -> T:
        """Change a list. What the request has read of it is read again afterwards.

        Args:
            name: The name of the list; None for the default one.
            request: What is asked of the command beside the change.
            job: Makes the change, given the visit of the list.

        Returns:
            What the job returns.

        Raises:
            CqrsError: What the job raises.
            GraphQLError: A todo was changed meanwhile.
        """
        with self.changing():
            visit = self.visit(name)
            todos = visit.todos
            todos.request = request
            try:
                return job(visit)
            except WrongExpectedVersion as error:
                self._looks.clear()
                number = self.look(name).label(error.stream.partition("/")[2])
                changed = f"todo {number} was changed meanwhile: it has version {error.version} now"
                raise refusal(changed, "WRONG_EXPECTED_VERSION", "read it again") from None
            except CqrsError as error:
                if not isinstance(error, Rejected):
                    self._open_again(self.desk.default_list if name is None else name)
                raise
            finally:
                todos.request = None
                self._looks.clear()


async def _outcome(started: "Sequence[asyncio.Future[tuple[T] | None]]") -> "tuple[asyncio.Future[tuple[T] | None], T]":
    """Wait for a job that was given to several threads, of which the first to begin does it; the others return None.

    Returns:
        What has done it, and what it returned.

    Raises:
        Stopping: The server ends, and none has begun it.
        Exception: What the job raises.
    """
    pending = set(started)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            if isinstance(each.exception(), Stopping):  # the other one may have begun it
                continue
            found = each.result()
            if found is not None:
                return each, found[0]
    raise Stopping


def request_of(
    mutation: str,
    arguments: Mapping[str, Any],
    *,
    command_id: str | None = None,
    version: int | None = None,
    position: int | None = None,
    because: str | None = None,
) -> Request | None:
    """Return what a mutation asks of the command beside the change; None if it asks nothing.

    Args:
        mutation: The name of the mutation.
        arguments: Its arguments, by which it is recognised when it is sent again.
        command_id: The id of the command.
        version: The version that each todo must have.
        position: The position at which the list must end.
        because: The reason for the change.

    Raises:
        GraphQLError: A value is not possible.
    """
    if command_id is None and version is None and position is None and because is None:
        return None
    if command_id is not None and not _is_command_id(command_id):
        raise refusal(
            f"{command_id!r} is not a command id",
            "INVALID",
            "use 1 to 64 ASCII letters, digits, '-', '_' and ':', beginning with a letter or a digit",
        )
    if because is not None:
        because = " ".join(because.split())
        if not 0 < len(because) <= _LONGEST_REASON:
            raise refusal(f"a reason has from 1 to {_LONGEST_REASON:,} characters", "INVALID")
    words = json.dumps([mutation, dict(arguments), because], sort_keys=True).encode()
    return Request(id=command_id, words=words, version=version, position=position, because=because)


def _is_command_id(text: str) -> bool:
    known = text.isascii() and text.replace("-", "").replace("_", "").replace(":", "").isalnum()
    return known and text[0].isalnum() and len(text) <= _LONGEST_ID
