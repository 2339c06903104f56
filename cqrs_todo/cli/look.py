"""The verbs that read, given what was understood of their words. Both ways in, short and Typer, end here."""

from collections.abc import Iterable, Sequence
from itertools import islice
from sys import maxsize

import msgspec

from ..cqrs.core import Commit
from ..cqrs.struct import Struct
from ..cqrs.timeline import Moment
from ..todo.views import SORT_KEYS, Filter, Item, SortKey, ordered
from . import document, render
from .errors import UsageError
from .render import out, say
from .session import Session, check_ids, check_text
from .times import parse_moment, parse_time, start_of, to_local


def ls(session: Session, shown: Filter, sort: str, limit: int | None) -> None:
    """Show todos."""
    if sort not in SORT_KEYS:
        raise UsageError(f"{sort!r} is no sort key", f"the keys are {', '.join(SORT_KEYS)}")
    key: SortKey = sort
    view = session.list.view(session.moment)
    rows = ordered((item for item in view.items if shown.passes(item.todo)), key, to_local)[:limit]
    if session.options.json:
        out(document.encode(document.view_document(view, rows)))
        return
    render.show_as_of(session, view)
    render.show_items(session, rows, empty=_nothing(shown, view.items))


def _nothing(shown: Filter, items: Sequence[Item]) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if shown != Filter() else "Nothing is open."


def home(session: Session) -> None:
    """What is open: overdue, today, next."""
    view = session.list.view(session.moment)
    if session.options.json:
        rows = [item for item in view.items if Filter().passes(item.todo)]
        out(document.encode(document.view_document(view, rows)))
        return
    render.show_as_of(session, view)
    if view.items:
        render.show_board(session, view)
    else:
        first = ' Add something: todo add "Buy milk" due:tomorrow' if session.moment is None else ""
        say(session, f"The list is empty.{first}")


def show(session: Session, ids: Sequence[str]) -> None:
    """Everything about todos."""
    todos = session.list
    chosen = todos.select(check_ids(ids), session.moment)
    view = todos.view(session.moment)
    streams = {item.stream for item in chosen}
    commits = [commit for commit in todos.history(session.moment) if any(event.stream in streams for event in commit.events)]
    commits.reverse()
    if session.options.json:
        out(document.encode(document.view_document(view, chosen, commits)))
        return
    render.show_as_of(session, view)
    if session.options.plain:
        for item in chosen:
            for name, value in msgspec.to_builtins(document.todo_document(item)).items():
                shown = " ".join(value) if name == "tags" else str(value).lower() if isinstance(value, bool) else value
                render.fields(item.number, name, shown)
        return
    for place, item in enumerate(chosen):
        if place:
            out("")
        render.show_one(session, item, commits)


class HistoryFilter(Struct, frozen=True):
    """Which commits a history tells of."""

    since: str | None = None
    until: str | None = None
    by: str | None = None
    types: tuple[str, ...] = ()
    limit: int | None = None
    reverse: bool = False


def history(session: Session, ids: Sequence[str], wanted: HistoryFilter) -> None:
    """What happened, newest first."""
    todos = session.list
    view = todos.view(session.moment)
    chosen = todos.select(check_ids(ids), session.moment) if ids else None
    streams = None if chosen is None else {item.stream for item in chosen}
    since, until = _since(session, wanted.since), _until(session, wanted.until)

    def tells(commit: Commit) -> bool:
        meta = commit.metadata
        if wanted.by is not None and wanted.by.casefold() not in meta.by.casefold():
            return False
        if not _after(commit, since) or not _before(commit, until):
            return False
        return any(
            (streams is None or event.stream in streams) and (not wanted.types or event.type in wanted.types)
            for event in commit.events
        )

    commits: Iterable[Commit] = islice(
        filter(tells, todos.history(session.moment)), None if wanted.limit is None else min(wanted.limit, maxsize)
    )
    if wanted.reverse:
        commits = reversed(list(commits))
    if session.options.json:
        out(document.encode(document.history_document(view, commits)))
        return
    render.show_as_of(session, view)
    render.show_history(session, view, commits, streams)


def _since(session: Session, text: str | None) -> Moment | None:
    if text is None or text.startswith("@"):
        return None if text is None else parse_moment(text, session.now)
    return start_of(parse_time(check_text("time", text), session.now, "past", session.config.date_order))


def _until(session: Session, text: str | None) -> Moment | None:
    return None if text is None else parse_moment(check_text("time", text), session.now, session.config.date_order)


def _after(commit: Commit, since: Moment | None) -> bool:
    if since is None:
        return True
    return commit.last >= since if isinstance(since, int) else commit.metadata.at >= since


def _before(commit: Commit, until: Moment | None) -> bool:
    if until is None:
        return True
    return commit.position <= until if isinstance(until, int) else commit.metadata.at <= until
