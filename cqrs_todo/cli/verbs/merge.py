"""`todo merge`: merge another copy of the same list, such as a conflict copy."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...cqrs.errors import CannotMerge, CqrsError, OutcomeUnknown
from ..clock import to_local
from ..errors import InvalidInput, UsageError
from ..exports import file_name
from ..output import print_line, print_message
from ..reports import count_of
from ..session import Session
from ..text import printable, visible
from ..verb import LISTS, Argument, Option, Verb

if TYPE_CHECKING:
    from ...cqrs.replication import Change, Conflict, MergedLog
    from ...todo.merging import MergedTodos

_MOST = 20
"""How many renumbered todos, and how many conflicts, are shown."""


def merge(session: Session, file: str, dry_run: bool) -> None:
    """Merge another copy of the list into the list.

    Raises:
        UsageError: The file cannot be read.
        InvalidInput: The file is a backup.
        CannotMerge: The file is not an intact copy of this list. Nothing was merged.
        CqrsError: What `Store.merge` raises.
    """
    from ...todo.merges import merge_copy
    from ...todo.merging import merged_todos

    todos = session.list
    todos.check_exists()
    try:
        merged, elsewhere = merge_copy(session.store, todos.name, _content(file), dry_run=dry_run)
    except CannotMerge as error:
        raise CannotMerge(f"{visible(file)}: {error}") from error
    try:
        unreached = [*merged.unreached, *(session.clear_caches(merged.log) if merged.changed and not dry_run else ())]
        report = _Report(session, merged, merged_todos(merged), dry_run)
        if session.options.json:
            from ...todo.views import id_of
            from .. import document

            removed = [{"list": each.list, "id": id_of(each.stream)} for each in elsewhere]
            more = {"removed": removed, "unreached": list(map(printable, unreached))}
            print_line(document.encode({**report.document(), **more}))
        else:
            report.print()
            for each in elsewhere:
                print_message(
                    session, f"Removed from {visible(each.list)}, because it is in another list: {report.named(each.stream)}"
                )
            for what in unreached:
                print_message(session, f"Not reached: {visible(what)}")
    except CqrsError as error:
        if dry_run:
            raise
        raise OutcomeUnknown(f"the copy was merged into {todos.name}, but it cannot be said how: {error}") from error


def _content(name: str) -> bytes:
    from ..backup_file import MAGIC

    try:
        with open(file_name(name), "rb") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", "give a file that can be read") from error
    if content.startswith(MAGIC):
        raise InvalidInput(f"{name} is a backup, not the log of a list", f"to restore it: todo import {shlex.quote(name)}")
    return content


class _Report:
    """What a merge did, for people and for programs."""

    def __init__(self, session: Session, merged: "MergedLog", todos: "MergedTodos", dry_run: bool) -> None:
        self._session = session
        self._merged = merged
        self._todos = todos
        self._dry_run = dry_run
        self._name = session.list.name
        self._positions = {commit.metadata.command: commit.position for commit in merged.after}

    def document(self) -> dict[str, Any]:
        """Return what programs read."""
        merged, todos = self._merged, self._todos
        return {
            "list": self._name,
            "position": merged.after[-1].last if merged.after else 0,
            "dry_run": self._dry_run,
            "received": todos.received,
            "renumbered": [{"old": each.old, "new": each.new, "text": each.text} for each in todos.renumbered],
            "conflicts": list(map(self._conflict_document, merged.conflicts)),
            "forgotten": list(merged.forgotten),
            "kept": printable(merged.kept) or None,
        }

    def _conflict_document(self, conflict: "Conflict") -> dict[str, Any]:
        from ...todo.views import id_of

        winner = conflict.winner
        return {
            "number": self._todos.fold[conflict.stream].number,
            "id": id_of(conflict.stream),
            "field": conflict.field,
            "winner": None if winner is None else self._change_document(winner),
            "loser": self._change_document(conflict.loser),
        }

    def _change_document(self, change: "Change") -> Mapping[str, Any]:
        return {
            "position": self._positions[change.command],
            "by": change.metadata.by,
            "made": change.made,
            "change": self._in_words(change),
        }

    def print(self) -> None:
        """Print what people read."""
        session, merged, todos = self._session, self._merged, self._todos
        if not session.options.quiet:
            print_line(self._first_line())
        for number in todos.renumbered[:_MOST]:
            print_message(session, f"Renumbered: {number.old} → {number.new} {visible(number.text)}")
        self._print_rest(len(todos.renumbered), "renumbered todos")
        for conflict in merged.conflicts[:_MOST]:
            print_message(session, self._conflict_line(conflict))
        self._print_rest(len(merged.conflicts), "conflicts")
        for stream, target in todos.moved_to.items():
            print_message(session, f"Moved to {visible(target)} elsewhere: {self.named(stream)}. Merge that list, too.")
        for item in todos.under_done:
            print_message(session, f"Open, under a todo that is done: {item.number} {visible(item.todo.text)}")
        if merged.forgotten:
            print_message(session, f"Forgotten, because the other copy had forgotten it: {len(merged.forgotten)}")
        if merged.kept:
            print_message(session, f"The list as it was: {visible(merged.kept)}")

    def _first_line(self) -> str:
        name = visible(self._name)
        if not self._merged.changed:
            return f"Nothing to merge: {name} has all of these commits"
        done = "Would merge" if self._dry_run else "Merged"
        conflicts = len(self._merged.conflicts)
        more = f", with {count_of(conflicts, 'conflict')}" if conflicts else ""
        return f"{done} {count_of(self._todos.received, 'commit')} into {name}{more}"

    def _print_rest(self, count: int, what: str) -> None:
        if count > _MOST:
            print_message(self._session, f"and {count - _MOST:,} more {what}: see them with --json")

    def _conflict_line(self, conflict: "Conflict") -> str:
        loser = self._who(conflict.loser)
        what = f"Conflict: {self.named(conflict.stream)}: "
        if conflict.winner is None:
            return f"{what}{loser} was left out, because it would close a circle"
        winner = self._who(conflict.winner)
        if self._merged_removed(conflict):
            number = self._todos.fold[conflict.stream].number
            restore = self._session.typed(self._name, f"restore {number}")
            return f"{what}{winner} stands; {loser} shows when it is restored: {restore}"
        undo = self._session.typed(self._name, f"undo @{self._positions[conflict.winner.command]}")
        return f"{what}{winner} stands, and not {loser}. Undo: {undo}"

    def _merged_removed(self, conflict: "Conflict") -> bool:
        from ...todo.events import TodoRemoved

        return conflict.winner is not None and isinstance(conflict.winner.event, TodoRemoved)

    def named(self, stream: str) -> str:
        """Return the number and the text of a todo."""
        entity = self._todos.fold[stream]
        text = "" if entity.state is None else f" {visible(entity.state.text)}"
        return f"{entity.number}{text}"

    def _who(self, change: "Change") -> str:
        from ...todo.views import short_instant

        when = short_instant(change.made, to_local)
        return f"{visible(self._in_words(change))} ({visible(change.metadata.by)}, {when})"

    def _in_words(self, change: "Change") -> str:
        from ...todo.history import describe_wanted

        return describe_wanted(change.event, to_local, self._label)

    def _label(self, id: str) -> str:
        from ...todo.model import DECIDER

        entity = self._todos.fold.get(DECIDER.stream(id))
        return id if entity is None else f"{entity.number}"


VERB = Verb(
    name="merge",
    help="Merge another copy of the list. The file is a conflict copy, a log from another machine, or an older log.",
    examples=(
        "todo merge inbox.sync-conflict-20261122-093000.jsonl",
        "todo -L work merge /media/stick/work.jsonl --dry-run",
    ),
    action=merge,
    group=LISTS,
    arguments=(Argument("file", "FILE", "The log of the other copy."),),
    options=(Option("dry_run", ("--dry-run",), "Show what would be merged, and change nothing."),),
    writes=True,
    records=False,
)
