"""`todo history`: what happened."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

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
        }
        others |= {
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
    start, end = None, None
    if since is not None or until is not None:
        from ..positions import read_limits

        start, end = read_limits(session, since, until)
    lost: dict[str, ConflictReport] = {}
    wanted = _Filter(start, end, by, tuple(map(_event_type, types)), text, lost if conflicts else None)

    def read(todos: TodoList) -> tuple[TodoList, View, Sequence[HistoryRow]]:
        view = todos.view(session.moment)
        if conflicts:
            from ..conflicts import conflicts_in  # most histories need nothing of merges

            lost[todos.name] = conflicts_in(session, todos)
        if follow:
            return todos, view, ()
        chosen = {item.stream for item in todos.select(check_ids(ids), session.moment)} if ids else None
        commits = (commit for commit in todos.history(session.moment) if wanted.matches(commit, chosen, todos))
        return todos, view, [HistoryRow(view, commit, chosen, todos) for commit in islice(commits, limit)]

    found, failure = session.read_lists(session.originals() if all_lists else [session.list.name], read)
    lists, views = [todos for todos, _, _ in found], [view for _, view, _ in found]
    if follow:
        if failure is not None:  # there is no end at which to raise it
            raise failure
        from ..history_forms import follow_history

        streams = {item.stream for item in lists[0].select(check_ids(ids))} if ids else None
        last = _FOLLOWED if limit is None else limit
        follow_history(session, lists, wanted.matches, streams, last, raw=raw, seconds=seconds, all_lists=all_lists)
        return
    rows = [row for _, _, rows in found for row in rows]
    if by is not None and not rows:
        _check_author(by, lists)
    if all_lists:
        rows.sort(key=lambda row: row.commit.metadata.at, reverse=True)
    is_complete = wanted == _EVERYTHING and not ids and (limit is None or len(rows) < limit)
    rows = rows[:limit]
    for todos in lists:
        shown = {row.commit.position for row in rows if row.view.list == todos.name}
        session.positions_shown(todos, None if is_complete else shown)
    if reverse:
        rows.reverse()
    if raw:
        from ..history_forms import print_raw

        print_raw(session, rows)
    elif session.options.json:
        _print_json(rows, None if all_lists else views[0], lost)
    elif conflicts and not session.options.plain:
        if not all_lists:
            print_moment(session, views[0])
        _print_conflicts(session, rows, lost)
    else:
        if not all_lists:
            print_moment(session, views[0])
        changes = None
        if patch:
            from ...todo.compare import changes_by_position

            changes = {todos.name: changes_by_position(todos.log.commits()) for todos in lists}
        drawn = None
        if graph:
            from ..history_forms import draw_graph

            drawn = draw_graph([row.commit for row in rows], session.list.history(session.moment))
        if not rows and any(view.position for view in views):
            print_message(session, "No commit matches.")
        else:
            print_history(session, rows, changes, name_lists=all_lists, gutters=drawn, seconds=seconds)
    if failure is not None:
        raise failure


def _print_conflicts(session: Session, rows: Sequence[HistoryRow], lost: "Mapping[str, ConflictReport]") -> None:
    """Print the conflicts that commits have lost, as a merge does."""
    lines: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for name in {row.view.list for row in rows}:
        for commit, stream, line in lost[name].lines(bare=session.moment is not None):
            lines.setdefault((name, commit.position), []).append((stream, line))
    for row in rows:
        for stream, line in lines[row.view.list, row.commit.position]:
            if row.streams is None or stream in row.streams:
                print_line(line)
    if not rows:
        print_message(session, "No change has lost a conflict.")


def _print_json(rows: Sequence[HistoryRow], view: View | None, lost: "Mapping[str, ConflictReport]") -> None:
    """Print commits as JSON, with the list that they are from; without a view they are from several lists."""
    from .. import document

    conflicts: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for name, report in lost.items():
        for each in report.documents():
            conflicts.setdefault((name, each["loser"]["position"]), []).append(each)
    commits = []
    for row in rows:
        commit = document.commit_document(row.commit, row.todos.position_of)
        lists = {"list": row.view.list} if view is None else {}
        more = {"conflicts": conflicts[row.view.list, row.commit.position]} if lost else {}
        commits.append({**lists, **commit, **more})
    print_line(document.encode({**({} if view is None else document.head(view)), "commits": commits}))


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


class _Filter(Struct, frozen=True):
    """Which commits to show; None and () leave none out.

    Attributes:
        since: The moment from which on.
        until: The moment up to which.
        by: A part of the name of their authors.
        types: The types of which they have an event.
        text: A text that they contain.
        lost: The conflicts of which they must have lost one, by the names of lists.
    """

    since: Moment | None
    until: Moment | None
    by: str | None
    types: Sequence[str]
    text: str | None
    lost: "Mapping[str, ConflictReport] | None"

    def matches(self, commit: Commit, streams: set[str] | None, todos: TodoList) -> bool:
        """Whether to show a commit of a list, of which only the events of some streams count."""
        if self.lost is not None and not self.lost[todos.name].has_lost(commit, streams):
            return False
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


_EVERYTHING = _Filter(None, None, None, (), None, None)


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
            "Show the conflicts that changes lost in a merge or a sync, and which changes stand.",
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
)
