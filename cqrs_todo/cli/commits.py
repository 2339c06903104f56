"""Showing single commits: `todo show @3`."""

import re
from collections.abc import Iterator, Sequence

from ..cqrs.events import Commit
from ..todo.compare import changed_fields
from ..todo.errors import EventNotFound
from ..todo.history import describe_commit, describe_events
from ..todo.views import label_of, long_instant
from .clock import to_local
from .errors import UsageError
from .histories import FieldChanges, HistoryRow, print_history
from .output import print_line
from .positions import find_position, is_position
from .session import Session
from .terminal import print_moment, print_styled, shown_value
from .text import visible


def show_commits(session: Session, words: Sequence[str]) -> None:
    """Show the commits at some positions: their metadata, their events, and the old and new values of the fields.

    Args:
        session: This run of the program.
        words: The positions.

    Raises:
        UsageError: A word is not the position of a commit.
        EventNotFound: The list has no such position.
    """
    commits = [_commit_at(session, word) for word in words]
    todos = session.list
    view = todos.view(session.moment)
    if session.options.json:
        from . import document

        documents = [document.commit_document(commit, todos.position_of) for commit in commits]
        print_line(document.encode({**document.head(view), "commits": documents}))
        return
    print_moment(session, view)
    if session.options.plain:
        print_history(session, [HistoryRow(view, commit, None, todos) for commit in commits], None, name_lists=False)
        return
    for place, commit in enumerate(commits):
        if place:
            print_line("")
        _print_commit(session, commit)


def _commit_at(session: Session, word: str) -> Commit:
    if not word.startswith("@"):
        raise UsageError("a position is a commit, and a number is a todo", "show them one after the other")
    if not is_position(word):
        ends = re.fullmatch(r"(@[0-9]+)-(@?)([0-9]+)", word)
        between = f"; for a part of the history: todo history --since {ends[1]} --until @{ends[3]}" if ends else ""
        raise UsageError(f"{word!r} is not a position", f"for instance: todo show @42 @-1{between}")
    todos = session.list
    position = find_position(todos, word)
    commit = next(iter(todos.history(position)), None)
    if commit is None:
        raise EventNotFound(position, todos.name)
    if session.moment is not None and commit.position > todos.view(session.moment).position:
        raise UsageError(f"{word} is after the moment of --at", "leave out --at")
    return commit


def _print_commit(session: Session, commit: Commit) -> None:
    place = f"@{commit.position}" if commit.position == commit.last else f"@{commit.position} to @{commit.last}"
    print_styled(
        session,
        (place, "bold"),
        (f"  {long_instant(commit.metadata.at, to_local)}", "cyan"),
        (f"  {visible(commit.metadata.by)}", "dim"),
    )
    note = describe_commit(commit, session.list.position_of, to_local)
    if note:
        print_line(f"  {visible(note)}")
    numbers = {item.stream: f"{item.number}" for item in session.list.view().items}
    for words, changes in _events(session, commit, numbers):
        print_line(f"  {words}")
        for name, (old, new) in changes.items():
            was, now = (shown_value(name, value, session.list.label) or "none" for value in (old, new))
            print_styled(session, (f"    {name:<9} ", "dim"), (was, "red"), (" → ", "dim"), (now, "green"))
    print_styled(session, (f"  command   {visible(commit.metadata.command)}", "dim"))


def _events(session: Session, commit: Commit, numbers: dict[str, str]) -> Iterator[tuple[str, FieldChanges]]:
    """Return each event of a commit in words, with the fields that the commit changed after a todo's last event."""
    ends = [session.list.view(position) for position in (commit.position - 1, commit.last)]
    before, after = ({item.stream: item.todo for item in view.items} for view in ends)
    last = {event.stream: event.position for event in commit.events}
    for each in describe_events(commit, to_local, session.list.label):
        event, stream = each.event, each.event.stream
        label = numbers.get(stream, visible(label_of(stream)))
        known = stream in after and last[stream] == event.position
        changes = changed_fields(before.get(stream), after.get(stream)) if known else {}
        yield " ".join(part for part in (label, visible(each.words)) if part), changes
