"""`todo history`: what happened."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ...cqrs.events import FRAMEWORK_TYPES, Commit, Moment
from ...cqrs.struct import Struct
from ...cqrs.timeline import reached
from ...todo.history import mentions
from ...todo.model import EVENTS
from ...todo.service import TodoList, View
from ..clock import to_local
from ..errors import UsageError
from ..histories import HistoryRow, print_history
from ..output import print_line, print_message
from ..session import Session, check_ids
from ..terminal import print_moment
from ..verb import LOOK, SOME_IDS, Option, Verb

if TYPE_CHECKING:
    from ..conflicts import ConflictReport

_MOST_AUTHORS = 10
"""How many authors an error names."""


def history(
    session: Session,
    *,
    ids: Sequence[str],
    since: str | None,
    until: str | None,
    by: str | None,
    types: Sequence[str],
    conflicts: bool,
    limit: int | None,
    reverse: bool,
    patch: bool,
    text: str | None,
    raw: bool,
    graph: bool,
    follow: bool,
    seconds: bool,
    replay: bool,
) -> None:
    """Show what happened, newest first; with `patch` the old and new values too, with `all_lists` in every list."""
    all_lists = session.options.all_lists and not ids
    if replay:
        others = {
            "--by": by,
            "--type": types,
            "--conflicts": conflicts,
            "--limit": None if limit is None else str(limit),
            "--reverse": reverse,
            "--patch": patch,
            "-S": text,
            "--all-lists": session.options.all_lists,
            "--raw": raw,
            "--graph": graph,
            "--follow": follow,
            "the numbers": ids,
        }
        _replay(session, since, until, [name for name, value in others.items() if value not in (None, False, ())])
        return
    _check_options(
        session, all_lists=all_lists, patch=patch, raw=raw, graph=graph, follow=follow, until=until, conflicts=conflicts
    )
    ids = session.in_one_list(ids)
    wanted = _Filter(*_limits(session, since, until), by, tuple(map(_event_type, types)), text)
    names = session.all_names() if all_lists else [session.list.name]
    if follow:
        _show_as_recorded(
            session, names, ids, wanted, _FOLLOWED if limit is None else limit, raw=raw, seconds=seconds, all_lists=all_lists
        )
        return
    found, failure = session.read_lists(names, partial(_read, session, ids, wanted, limit, conflicts))
    rows = [row for each in found for row in each.rows]
    if by is not None and not rows:
        _check_author(by, [each.todos for each in found])
    if all_lists:
        rows.sort(key=lambda row: row.commit.metadata.at, reverse=True)
    is_complete = wanted == _EVERYTHING and not conflicts and not ids and (limit is None or len(rows) < limit)
    rows = rows[:limit]
    for each in found:
        shown = {row.commit.position for row in rows if row.todos is each.todos}
        session.positions_shown(each.todos, None if is_complete else shown)
    if reverse:
        rows.reverse()
    if raw:
        from ..history_forms import print_raw

        print_raw(session, rows)
    elif session.options.json:
        _print_json(rows, found, all_lists=all_lists)
    else:
        if not all_lists:
            print_moment(session, found[0].view)
        if limit != 0:  # otherwise nobody asked which changes there are
            _print(session, rows, found, all_lists=all_lists, patch=patch, graph=graph, seconds=seconds)
    if failure is not None:
        raise failure


class _Found(NamedTuple):
    """What was found in a list: the view of it, the commits to show, and, if they were asked for, the conflicts."""

    todos: TodoList
    view: View
    rows: Sequence[HistoryRow]
    conflicts: "ConflictReport | None"


def _read(
    session: Session, ids: Sequence[str], wanted: "_Filter", limit: int | None, conflicts: bool, todos: TodoList
) -> _Found:
    """Read the newest commits of a list that are wanted; if `conflicts`, only those that lost one."""
    view = todos.view(session.moment)
    lost = None
    if conflicts:
        from ..conflicts import conflicts_in  # most histories need nothing of merges

        lost = conflicts_in(session, todos)
    streams = {item.stream for item in todos.select(check_ids(ids), session.moment)} if ids else None
    newest_first = todos.history(session.moment)
    commits = (
        commit
        for commit in (newest_first if lost is None else lost.losers(newest_first, streams))
        if wanted.matches(commit, streams, todos)
    )
    return _Found(todos, view, [HistoryRow(view, commit, streams, todos) for commit in islice(commits, limit)], lost)


def _show_as_recorded(
    session: Session,
    names: Sequence[str],
    ids: Sequence[str],
    wanted: "_Filter",
    last: int,
    *,
    raw: bool,
    seconds: bool,
    all_lists: bool,
) -> None:
    """Show the last commits of some lists, and wait for more."""
    from ..history_forms import follow_history

    lists, failure = session.read_lists(names, lambda todos: todos)
    if failure is not None:  # there is no end at which to raise it
        raise failure
    streams = {item.stream for item in lists[0].select(check_ids(ids))} if ids else None
    follow_history(session, lists, wanted.matches, streams, last, raw=raw, seconds=seconds, all_lists=all_lists)


def _print(
    session: Session,
    rows: Sequence[HistoryRow],
    found: Sequence[_Found],
    *,
    all_lists: bool,
    patch: bool,
    graph: bool,
    seconds: bool,
) -> None:
    """Print commits for people, or the conflicts that they have lost; see the options of the verb."""
    if found[0].conflicts is not None and not session.options.plain:
        _print_conflicts(session, rows, found)
        return
    if not rows and any(each.view.position for each in found):
        print_message(session, "No commit matches.")
        return
    changes = drawn = None
    if patch:
        from ...todo.compare import changes_by_position

        changes = {each.todos.name: changes_by_position(each.todos.log.commits()) for each in found}
    if graph:
        from ..history_forms import draw_graph

        drawn = draw_graph([row.commit for row in rows], session.list.history(session.moment))
    print_history(session, rows, changes, name_lists=all_lists, gutters=drawn, seconds=seconds)


def _print_conflicts(session: Session, rows: Sequence[HistoryRow], found: Sequence[_Found]) -> None:
    """Print the conflicts that commits have lost, as a merge does."""
    lines: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for name, report in _reports(found):
        for commit, stream, line in report.lines(bare=session.moment is not None):
            lines.setdefault((name, commit.position), []).append((stream, line))
    for row in rows:
        for stream, line in lines[row.view.list, row.commit.position]:
            if row.streams is None or stream in row.streams:
                print_line(line)
    if not rows:
        print_message(session, "No change has lost a conflict.")


def _print_json(rows: Sequence[HistoryRow], found: Sequence[_Found], *, all_lists: bool) -> None:
    """Print commits as JSON; if they are from several lists, each with the list that it is from."""
    from .. import document

    conflicts: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for name, report in _reports(found):
        for each in report.documents():
            conflicts.setdefault((name, each["loser"]["position"]), []).append(each)
    commits = []
    for row in rows:
        commit = document.commit_document(row.commit, row.todos.position_of)
        lists = {"list": row.view.list} if all_lists else {}
        more = {"conflicts": conflicts[row.view.list, row.commit.position]} if found[0].conflicts is not None else {}
        commits.append({**lists, **commit, **more})
    print_line(document.encode({**({} if all_lists else document.head(found[0].view)), "commits": commits}))


def _reports(found: Sequence[_Found]) -> "Iterator[tuple[str, ConflictReport]]":
    """Yield the conflicts that were found, with the name of the list."""
    for each in found:
        if each.conflicts is not None:
            yield each.todos.name, each.conflicts


def _replay(session: Session, since: str | None, until: str | None, others: Sequence[str]) -> None:
    """Do what `todo replay --from SINCE --to UNTIL` does.

    Args:
        session: This run of the program.
        since: Where to start.
        until: Where to end.
        others: The names of the options that were given and that a player does not know.
    """
    from .replay import VERB as REPLAY

    if others:
        raise UsageError(f"--replay shows all changes, so it cannot be combined with {others[0]}", f"leave out {others[0]}")
    REPLAY.run(session, {**(REPLAY.values((), session) or {}), "since": since, "until": until})


_FOLLOWED = 10
"""How many changes `--follow` shows before it waits, unless `-n` says otherwise."""


def _check_options(
    session: Session,
    *,
    all_lists: bool,
    patch: bool,
    raw: bool,
    graph: bool,
    follow: bool,
    until: str | None,
    conflicts: bool,
) -> None:
    """Raise `UsageError` for options that exclude one another."""
    options = session.options
    shown = ((patch, "--patch"), (graph, "--graph"), (follow, "--follow"))
    excluded = (
        (raw, "--raw", options.json, "--json"),
        (raw, "--raw", options.plain, "--plain"),
        (raw, "--raw", patch, "--patch"),
        (graph, "--graph", raw, "--raw"),
        (graph, "--graph", options.json, "--json"),
        (graph, "--graph", options.plain, "--plain"),
        (graph, "--graph", all_lists, "--all-lists"),
        *((conflicts, "--conflicts", given, name) for given, name in shown),
        (follow, "--follow", graph, "--graph"),
        (follow, "--follow", patch, "--patch"),
        (follow, "--follow", until is not None, "--until"),
        (follow, "--follow", options.at is not None, "--at"),
    )
    for given, name, other_given, other in excluded:
        if given and other_given:
            raise UsageError(f"{name} and {other} exclude one another", f"leave out {name} or {other}")


def _event_type(name: str) -> str:
    """Return the type of events that a person named, which may leave out `todo_`.

    Raises:
        UsageError: There is no such type.
    """
    known = [*EVENTS, *sorted(FRAMEWORK_TYPES)]
    for type in (name, f"todo_{name}"):
        if type in known:
            return type
    raise UsageError(f"there is no event type {name!r}", f"the types are {', '.join(known)}")


def _check_author(by: str, lists: Sequence[TodoList]) -> None:
    """Raise `UsageError` if no author's name contains a text."""
    authors = sorted({commit.metadata.by for todos in lists for commit in todos.history()})
    if authors and not any(by.casefold() in author.casefold() for author in authors):
        shown = ", ".join(authors[:_MOST_AUTHORS]) + (
            f" and {len(authors) - _MOST_AUTHORS} more" if len(authors) > _MOST_AUTHORS else ""
        )
        raise UsageError(f"no author's name contains {by!r}", f"the authors are {shown}")


def _limits(session: Session, since: str | None, until: str | None) -> tuple[Moment | None, Moment | None]:
    """Return the moments that --since and --until name."""
    if since is None and until is None:
        return None, None
    from ..positions import read_limits

    return read_limits(session, since, until)


class _Filter(Struct, frozen=True):
    """Which commits to show; None and () leave none out.

    Attributes:
        since: The moment from which on.
        until: The moment up to which.
        by: A part of the name of their authors.
        types: The types of which they have an event.
        text: A text that they contain.
    """

    since: Moment | None
    until: Moment | None
    by: str | None
    types: Sequence[str]
    text: str | None

    def matches(self, commit: Commit, streams: set[str] | None, todos: TodoList) -> bool:
        """Whether to show a commit of a list, of which only the events of some streams count."""
        if self.by is not None and self.by.casefold() not in commit.metadata.by.casefold():
            return False
        if not _is_since(commit, self.since) or (self.until is not None and not reached(commit, self.until)):
            return False
        return any(
            (streams is None or event.stream in streams)
            and (not self.types or event.type in self.types)
            and (self.text is None or mentions(commit, event, self.text, to_local, todos.position_of, todos.label))
            for event in commit.events
        )


_EVERYTHING = _Filter(None, None, None, (), None)


def _is_since(commit: Commit, since: Moment | None) -> bool:
    if since is None:
        return True
    return commit.last >= since if isinstance(since, int) else commit.metadata.at >= since


VERB = Verb(
    name="history",
    help="Show what happened, newest first.",
    examples=(
        "todo history",
        "todo history 3 --reverse",
        "todo history --since last friday -n 20",
        "todo history --graph",
        "todo history --follow --raw",
    ),
    action=history,
    group=LOOK,
    about="all",
    scope="lists",
    arguments=(SOME_IDS,),
    options=(
        Option("since", ("--since",), "Show only changes at or after that time.", metavar="TIME|@POSITION", time="moment"),
        Option("until", ("--until",), "Show only changes at or before that time.", metavar="TIME|@POSITION", time="moment"),
        Option("by", ("--by",), "Show only changes by authors whose name contains WHO.", metavar="WHO"),
        Option(
            "types",
            ("--type",),
            "Show only changes with an event of this type, such as completed. A wrong type lists all types.",
            metavar="TYPE",
            multiple=True,
        ),
        Option(
            "conflicts",
            ("--conflicts",),
            "Show the conflicts of merges and syncs: which changes stand, and which do not.",
        ),
        Option("limit", ("--limit", "-n"), "Show at most N changes.", metavar="N", kind=int, least=0, most=10**9),
        Option("reverse", ("--reverse",), "Show the oldest first."),
        Option("patch", ("--patch", "-p"), "Show the old and the new value of each field."),
        Option("text", ("-S",), "Show only changes that contain this text.", metavar="TEXT"),
        Option("raw", ("--raw",), "Print the lines of the log."),
        Option("graph", ("--graph",), "Draw lines between each change and those that it undoes, redoes or follows from."),
        Option("replay", ("--replay",), "Play the changes one after the other, as `todo replay` does."),
        Option("follow", ("--follow", "-f"), "Show the last changes, oldest first, and wait for more."),
        Option("seconds", ("--seconds",), "Show times with seconds."),
    ),
    paged=True,
    live=("follow", "replay"),
    synonyms={"": "events timeline changes"},
)
