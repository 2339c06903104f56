"""The verbs that read, given what was understood of their words."""

from collections.abc import Sequence
from itertools import islice

import msgspec

from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..cqrs.timeline import Moment, reached
from ..todo.history import event_mentions
from ..todo.lists import Lists
from ..todo.views import SORT_KEYS, Filter, Item, SortKey, StateFilter, sort_items
from . import document, render
from .clock import to_local
from .errors import UsageError
from .output import out
from .render import say
from .session import Session, check_ids, check_text


def ls(
    session: Session,
    words: Sequence[str],
    *,
    tags: Sequence[str] = (),
    states: Sequence[StateFilter] = (),
    sort: str = "number",
    limit: int | None = None,
) -> None:
    """Show todos; words that begin with '+' are tags."""
    words = [check_text("word", word) for word in words]
    named = (*tags, *(word for word in words if word.startswith("+") and len(word) > 1))
    rest = tuple(word for word in words if not word.startswith("+") or len(word) == 1)
    if len(states) > 1:
        raise UsageError(f"--{states[0]} and --{states[1]} contradict each other", "give one of them")
    shown = Filter(rest, tuple(tag.removeprefix("+") for tag in named), states[0] if states else "open")
    if sort not in SORT_KEYS:
        raise UsageError(f"{sort!r} is no sort key", f"the keys are {', '.join(SORT_KEYS)}")
    key: SortKey = sort
    view = session.list.view(session.moment)
    rows = sort_items(shown.matching(view.items), key, to_local)[:limit]
    if session.options.json:
        out(document.encode(document.view_document(view, rows)))
        return
    render.show_as_of(session, view)
    render.show_items(session, view, rows, empty=_nothing(shown, view.items))


def _nothing(shown: Filter, items: Sequence[Item]) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if shown != Filter() else "Nothing is open."


def home(session: Session) -> None:
    """What is open: overdue, today, next."""
    view = session.list.view(session.moment)
    if session.options.json:
        rows = Filter().matching(view.items)
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
    text: str | None = None


EVERYTHING = HistoryFilter()


def history(
    session: Session,
    ids: Sequence[str],
    wanted: HistoryFilter = EVERYTHING,
    *,
    patch: bool = False,
    all_lists: bool = False,
) -> None:
    """What happened, newest first; with `patch` the old and new value of each field, with `all_lists` in every list."""
    if all_lists and ids:
        raise UsageError("numbers belong to one list", "leave out --all-lists, or the numbers")
    if all_lists and isinstance(session.moment, int):
        raise UsageError("a position belongs to one list, not to all", "give a time")
    lists = [session.open_list(name) for name in Lists(session.store).names()] if all_lists else [session.list]
    views = [todos.view(session.moment) for todos in lists]
    since = None if wanted.since is None else session.beginning_of(wanted.since)
    until = None if wanted.until is None else session.moment_of(wanted.until)
    told: list[render.Told] = []
    for todos, view in zip(lists, views, strict=True):
        chosen = todos.select(check_ids(ids), session.moment) if ids else None
        streams = None if chosen is None else {item.stream for item in chosen}
        commits = (commit for commit in todos.history(session.moment) if _tells(commit, wanted, streams, since, until))
        told += [render.Told(view, commit, streams) for commit in islice(commits, wanted.limit)]
    if all_lists:
        told.sort(key=lambda row: row.commit.metadata.at, reverse=True)
    told = told[: wanted.limit]
    if wanted.reverse:
        told.reverse()
    if session.options.json:
        documents = [
            {**({"list": row.view.list} if all_lists else {}), **document.commit_document(row.commit)} for row in told
        ]
        head = {} if all_lists else document.head(views[0])
        out(document.encode({**head, "commits": documents}))
        return
    if not all_lists:
        render.show_as_of(session, views[0])
    states = None
    if patch:
        from ..todo.compare import changes_by_position  # which no other look at a list needs

        states = {todos.name: changes_by_position(todos.log.commits()) for todos in lists}
    render.show_history(session, told, states, name_lists=all_lists)


def _tells(
    commit: Commit, wanted: HistoryFilter, streams: set[str] | None, since: Moment | None, until: Moment | None
) -> bool:
    if wanted.by is not None and wanted.by.casefold() not in commit.metadata.by.casefold():
        return False
    if not _after(commit, since) or (until is not None and not reached(commit, until)):
        return False
    return any(
        (streams is None or event.stream in streams)
        and (not wanted.types or event.type in wanted.types)
        and (wanted.text is None or event_mentions(event.data, wanted.text))
        for event in commit.events
    )


def _after(commit: Commit, since: Moment | None) -> bool:
    if since is None:
        return True
    return commit.last >= since if isinstance(since, int) else commit.metadata.at >= since
