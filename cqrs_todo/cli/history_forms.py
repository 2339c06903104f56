"""Other forms of the history: the lines of the log, the graph, and following it as it is recorded."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ..cqrs.cursor import Cursor
from ..cqrs.events import Commit
from ..todo.service import TodoList
from .follow import FollowedLists, wait
from .graph import Gutter, gutters
from .histories import HistoryRow, print_history
from .output import OutputFailed, print_line
from .session import Session
from .text import safe_json

Matches = Callable[[Commit, set[str] | None, TodoList], bool]
"""Whether to show a commit, of which only the events of some streams count."""


class _Position(msgspec.Struct, frozen=True):
    position: int


_decode = msgspec.json.Decoder(_Position).decode


def print_raw(session: Session, rows: Sequence[HistoryRow]) -> None:
    """Print the lines of the log that hold these commits, in the order of the rows.

    In a pipe or a file they are exactly those of the log. On a terminal, characters that could control it are escaped.

    Raises:
        ExportRefused: The store does not keep lines.
        OutputFailed: Stdout cannot be written to.
    """
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.view.list, set()).add(row.commit.position)
    found = {name: _lines_at(session.open_list(name), positions) for name, positions in wanted.items()}
    _write_lines(found[row.view.list][row.commit.position] for row in rows)


def _lines_at(todos: TodoList, positions: set[int]) -> dict[int, bytes]:
    """Read the lines of a log that hold the commits at these positions."""
    found: dict[int, bytes] = {}
    lines = iter(todos.log.lines())
    next(lines, None)  # the header
    for line in lines:
        position = _decode(line).position
        if position in positions:
            found[position] = line
            if len(found) == len(positions):
                break
    return found


def _write_lines(lines: Iterable[bytes]) -> None:
    if sys.stdout.isatty():
        for line in lines:
            print_line(safe_json(line.removesuffix(b"\n"), ascii_only=False))
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def draw_graph(commits: Sequence[Commit], backward: Iterable[Commit]) -> list[Gutter]:
    """Draw the graph to the left of commits, as `graph.gutters` does, in what the encoding of stdout has."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return gutters(commits, backward, ascii_only=not utf8)


def follow_history(
    session: Session,
    lists: Sequence[TodoList],
    matches: Matches,
    streams: set[str] | None,
    last: int,
    *,
    raw: bool,
    seconds: bool,
    all_lists: bool,
) -> None:
    """Show the last changes of some lists, oldest first, and then each change when it is recorded.

    It ends when nobody reads the output any more, or with Ctrl-C.

    Args:
        session: This run of the program.
        lists: The lists.
        matches: Whether to show a commit.
        streams: The todos whose events are shown; None for all.
        last: How many of the changes before now to show.
        raw: Whether to print the lines of the log.
        seconds: Whether times have seconds.
        all_lists: Whether they are all lists of the store, so that those that are made later are shown, too.
    """
    following = FollowedLists(session, lists, every=all_lists)
    earlier: list[tuple[TodoList, Commit]] = []
    for each in following.followed:
        commits = each.todos.log.commits_backward(Cursor(each.position))
        latest = _first(last, (commit for commit in commits if matches(commit, streams, each.todos)))
        earlier += [(each.todos, commit) for commit in latest]
    earlier.sort(key=lambda pair: pair[1].metadata.at)  # a stable order: those of one list stay as they were recorded
    _show(session, earlier[max(len(earlier) - last, 0) :], streams, raw=raw, name_lists=all_lists, seconds=seconds)
    while wait():
        following.update()
        new = [(todos, commit) for todos, commit in following.new() if matches(commit, streams, todos)]
        _show(session, new, streams, raw=raw, name_lists=all_lists, seconds=seconds)


def _first(count: int, commits: Iterator[Commit]) -> Sequence[Commit]:
    """Return the first commits of those that are given newest first, oldest first."""
    found: deque[Commit] = deque()
    for commit in commits if count else ():
        found.appendleft(commit)
        if len(found) == count:
            break
    return found


def _show(
    session: Session,
    commits: Sequence[tuple[TodoList, Commit]],
    streams: set[str] | None,
    *,
    raw: bool,
    name_lists: bool,
    seconds: bool,
) -> None:
    if not commits:
        return
    if session.options.json:
        from .document import commit_document, encode

        for todos, commit in commits:
            print_line(encode({"list": todos.name, "commit": commit_document(commit, todos.position_of)}))
        return
    views = {todos.name: todos.view() for todos, _ in commits}
    rows = [HistoryRow(views[todos.name], commit, streams, todos) for todos, commit in commits]
    if raw:
        print_raw(session, rows)
    else:
        print_history(session, rows, None, name_lists=name_lists, seconds=seconds, by_day=False)
