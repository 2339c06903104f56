"""What the page fetches in bulk, as plain JSON: a whole list, its events in parts, and which todos a query wants.

A list of 10,000 todos with 100,000 events would take many requests and seconds over GraphQL. The page fetches the present
once, and then the events, the newest first, with which it computes every other moment itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from graphql import GraphQLError

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, StaleCursor
from ..cqrs.events import Commit, UnknownEvent
from ..cqrs.playback import earlier_commits
from ..todo.fields import Todo, declarations
from ..todo.model import DECIDER
from ..todo.read_models.note_html import html_of
from ..todo.recorder import Todos
from ..todo.service import TodoList
from ..todo.views import BECAUSE, id_of
from .desk import Desk, Visit
from .guard import Body, Receive, Scope, Send, respond
from .work import Work
from .worker import Stopping

MOST_EVENTS = 5_000
"""After how many events a part of the history ends, so that other requests get their turn."""
_MOST_WALKS = 4
"""How many histories may be read backwards at a time without being begun anew."""
_CODES = {"NOT_FOUND": 404, "INVALID": 400, "CONFLICT": 409, "WRONG_EXPECTED_VERSION": 409, "TOO_SLOW": 400}
"""The statuses of the codes of errors; the others are 500."""
_LONGEST_NOTE = 2**18
_TODOS = DECIDER.stream("")
"""How the names of the streams of todos begin."""

Arguments = Mapping[str, str]
_Walks = dict[tuple[str, int], tuple[Todos, Iterator[Commit]]]
"""Histories that are read backwards, each with the fold of its list, by the list and where the next part begins."""


class _Wrong(Exception):
    """The request cannot be read; the text says why."""


class Bulk:
    """Answers the requests of the page that are not GraphQL."""

    def __init__(self, begin: Callable[[], Work]) -> None:
        """Answer from the lists of the server.

        Args:
            begin: Begins a request.
        """
        self._begin = begin
        self._walks: dict[Desk, _Walks] = {}

    def has(self, scope: Scope) -> bool:
        """Return whether this is a request for it."""
        return scope["type"] == "http" and (scope["method"], scope["path"]) in _ANSWERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI says."""
        body = (await receive()).get("body", b"")

        def job(work: Work) -> tuple[int, bytes]:
            return _Reader(work, self._walks.setdefault(work.desk, {})).answered(scope, body)

        status, document = await self._begin().do(job)
        await respond(send, status, Body("application/json", document))


class _Reader:
    """Reads what one request of the page asks for."""

    def __init__(self, work: Work, walks: "_Walks") -> None:
        """Read lists.

        Args:
            work: The request.
            walks: Where earlier parts of histories ended in the thread of the request.
        """
        self._work = work
        self._desk = work.desk
        self._walks = walks

    def answered(self, scope: Scope, body: bytes) -> tuple[int, bytes]:
        """Return the status and the JSON of an answer."""
        answer = _ANSWERS[scope["method"], scope["path"]]
        try:
            return 200, msgspec.json.encode(answer(self, _arguments(scope, body)))
        except _Wrong as wrong:
            return 400, _error("INVALID", str(wrong), None)
        except Stopping:
            return 503, _error("STOPPING", "the server ends", None)
        except GraphQLError as error:  # the request may not go on
            code, hint = (error.extensions or {}).get("code", ""), (error.extensions or {}).get("hint")
            return _CODES.get(code, 500), _error(code, error.message, hint)
        except Exception as error:
            public = self._desk.public_error(error)
            if public is None:
                raise
            return _CODES.get(public.code, 500), _error(public.code, public.message, public.hint)

    def fields(self, _arguments: Arguments) -> object:
        """Return the declarations of the fields, and which list is the default one."""
        return {"fields": declarations(), "default": self._desk.default_list}

    def note(self, arguments: Arguments) -> object:
        """Return a note as HTML that can run nothing and load nothing."""
        note = arguments.get("note", "")
        if len(note) > _LONGEST_NOTE:
            raise _Wrong(f"the note has more than {_LONGEST_NOTE:,} characters")
        return {"html": html_of(note)}

    def _visit(self, arguments: Arguments) -> Visit:
        """Begin to look at the list that the arguments name."""
        name = arguments.get("list") or self._desk.default_list
        try:
            return _begun(self._desk.visit(name))
        except CqrsError:  # perhaps it was renamed, archived or replaced since it was opened
            self._desk.forget_list(name)
            return _begun(self._desk.visit(name))

    def state(self, arguments: Arguments) -> object:
        """Return the present state of a list."""
        visit = self._visit(arguments)
        todos = visit.todos
        view = todos.view()
        damage = todos.log.damage
        first = next(iter(todos.log.commits()), None)
        return {
            **_head(todos, view.position),
            "list": view.list,
            "lists": sorted(self._desk.store.originals()),
            "damage": None if damage is None else self._desk.public_text(damage),
            "warnings": list(map(self._desk.public_text, todos.warnings)),
            "first": None if first is None else _milliseconds(first),
            "sum": _sum(next(todos.log.commits_backward(Cursor(view.position)), None) if view.position else None),
            "attributes": Todo.__struct_fields__,
            "todos": [(item.number, item.id, item.version, item.todo) for item in view.items],
        }

    def deltas(self, arguments: Arguments) -> object:
        """Return commits: those before a position, the newest first, or those after a position, the oldest first.

        With the digest of the commit at that position, a log that was rewritten meanwhile is an error.
        """
        visit = self._visit(arguments)
        todos = visit.todos
        fold = todos.repository.fold()
        head = _head(todos, fold.position)
        after = _number(arguments, "after")
        if after is None:
            before = _number(arguments, "before")
            end = fold.position if before is None else max(0, min(before - 1, fold.position))
            commits, more = self._earlier(todos, fold, end)
            return {**head, "commits": [_written(commit) for commit in commits], "more": more}
        last = next(todos.log.commits_backward(Cursor(after)), None) if after else None
        if arguments.get("sum", _sum(last)) != _sum(last):
            raise StaleCursor(f"{todos.name} was rewritten")
        start = after if last is None else max(after, last.last)
        commits, more = self._part(commit for commit in todos.log.commits(Cursor(start)) if commit.position > start)
        created = {event.stream for commit in commits for event in commit.events if event.created}
        numbers = {id_of(stream): entity.number for stream in created if (entity := fold.get(stream)) is not None}
        written = [_written(commit) for commit in commits]
        return {**head, "commits": written, "more": more, "numbers": numbers, "sum": _sum(commits[-1] if commits else last)}

    def _earlier(self, todos: TodoList, fold: Todos, position: int) -> tuple[list[Commit], bool]:
        """Read the commits up to a position, newest first, from where an earlier part of the same history ended.

        A log is read backwards from its end or a snapshot. Without the place of the earlier part, each part would read all
        the parts before it again.
        """
        # a list of which something was forgotten has another fold, and the place of the earlier part is in the old file
        for key in [key for key, walk in self._walks.items() if key[0] == todos.log.id and walk[0] is not fold]:
            del self._walks[key]
        _, commits = self._walks.pop((todos.log.id, position), (fold, None))
        commits = commits or earlier_commits(todos.repository, position)
        taken, more = self._part(commits)
        if more:
            self._walks[todos.log.id, taken[-1].position - 1] = fold, commits
            if len(self._walks) > _MOST_WALKS:
                self._walks.pop(next(iter(self._walks)))
        return taken, more

    def _part(self, commits: Iterator[Commit]) -> tuple[list[Commit], bool]:
        """Take commits up to the limit, and return whether there may be more."""
        taken: list[Commit] = []
        events = 0
        for commit in commits:
            if self._work.worker.stopped:
                raise Stopping
            taken.append(commit)
            events += len(commit.events)
            if events >= MOST_EVENTS:
                return taken, True
        return taken, False

    def matching(self, arguments: Arguments) -> object:
        """Return the numbers of the todos that a query wants, now or at a position."""
        visit = self._visit(arguments)
        position = _number(arguments, "at")
        view = visit.todos.view(position)
        found = self._work.matching(visit.query(arguments.get("query", ""), view))
        return {"position": view.position, "numbers": [item.number for item in found]}


_ANSWERS: Mapping[tuple[str, str], Callable[[_Reader, Arguments], object]] = {
    ("GET", "/fields"): _Reader.fields,
    ("GET", "/state"): _Reader.state,
    ("GET", "/deltas"): _Reader.deltas,
    ("GET", "/matching"): _Reader.matching,
    ("POST", "/note"): _Reader.note,
}
"""How each request is answered."""


def _begun(visit: Visit) -> Visit:
    visit.todos.check_exists()
    visit.todos.repository.fold()
    return visit


def _head(todos: TodoList, position: int) -> dict[str, object]:
    return {"log": todos.log.id, "position": position}


def _written(commit: Commit) -> object:
    """Return a commit as the page reads it; data of an event that this program does not know is null."""
    meta = commit.metadata
    events = [
        (
            id_of(event.stream) if event.stream.startswith(_TODOS) else "",
            event.type,
            None if isinstance(event.data, UnknownEvent) else event.data,
        )
        for event in commit.events
    ]
    return commit.position, commit.last, _milliseconds(commit), meta.by, meta.command, meta.meta.get(BECAUSE), events


def _sum(commit: Commit | None) -> str:
    """Return the digest of a commit, which covers all that comes before it; '' for none."""
    return "" if commit is None else commit.sum


def _milliseconds(commit: Commit) -> int:
    return round(commit.at.timestamp() * 1000)


def _arguments(scope: Scope, body: bytes) -> Arguments:
    """Read the arguments of a request: of GET from the URL, of POST from the body."""
    if scope["method"] == "POST":
        try:
            return msgspec.json.decode(body, type=dict[str, str])
        except (ValueError, RecursionError) as error:
            raise _Wrong("the body is not a JSON object of texts") from error
    try:
        given = parse_qs(scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError as error:
        raise _Wrong("the arguments in the URL cannot be read") from error
    return {name: values[-1] for name, values in given.items()}


def _number(arguments: Arguments, name: str) -> int | None:
    """Return a position among the arguments; None if it is missing."""
    text = arguments.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _Wrong(f"{name} is not a position")
    return int(text)


def _error(code: str, message: str, hint: str | None) -> bytes:
    error: dict[str, Any] = {"code": code, "message": message, "hint": hint}
    return msgspec.json.encode({"error": error})
