"""`todo merge`: merge another copy of the same list, such as a conflict copy."""

import os
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from ...cqrs.errors import CqrsError, OutcomeUnknown
from ...cqrs.operation_errors import CannotMerge, DifferentLogs, UnreadableCopy
from ..conflicts import merged_in, print_removed
from ..errors import InvalidInput, UsageError
from ..exports import file_name
from ..merge_report import MergeReport
from ..output import print_line, print_message
from ..reports import count_of
from ..session import Session
from ..text import printable, visible
from ..verb import LISTS, Argument, Option, Verb

if TYPE_CHECKING:
    from ...cqrs.replication import MergedLog
    from ...todo.merging import MergedTodos


def merge(session: Session, file: str, dry_run: bool) -> None:
    """Merge another copy of the list into the list.

    Raises:
        UsageError: The file cannot be read.
        InvalidInput: The file is a backup, or is not an intact log.
        CannotMerge: The file is not an intact copy of this list. Nothing was merged.
        CqrsError: What `Store.merge` raises.
    """
    from ...todo.merges import merge_copy

    todos = session.list
    todos.check_exists()
    content = _content(file)
    try:
        merged, elsewhere = merge_copy(session.store, todos.name, content, dry_run=dry_run)
    except DifferentLogs as error:
        raise _of_another(session, file, content) from error
    except UnreadableCopy as error:
        hint = "give an intact log of this list, such as a conflict copy, or NAME.jsonl from another machine"
        raise InvalidInput(f"{visible(file)}: {error}", hint) from error
    except CannotMerge as error:
        raise CannotMerge(f"{visible(file)}: {error}") from error
    try:
        unreached = [*merged.unreached, *(session.clear_caches(merged.log) if merged.changed and not dry_run else ())]
        done = merged_in(session, todos.name, merged, dry_run=dry_run)
        if not dry_run:
            from .. import renumbered

            with suppress(OSError):  # the numbers are printed all the same
                renumbered.note(merged.log, merged, done)
        report = MergeReport(session, todos.name, merged, done)
        if session.options.json:
            from ...todo.views import id_of
            from .. import document

            removed = [{"list": each.list, "id": id_of(each.stream)} for each in elsewhere]
            more = {"removed": removed, "unreached": list(map(printable, unreached))}
            print_line(document.encode({**report.document(), "dry_run": dry_run, **more}))
        else:
            if not session.options.quiet:
                print_line(_first_line(todos.name, merged, done, dry_run=dry_run))
            report.print_details(dry_run=dry_run)
            for stream, target in done.moved_to.items():
                moved = f"Moved to {visible(target)} elsewhere: {report.named(stream)}"
                print_message(session, f"{moved}. Merge that list, too.")
            print_removed(session, elsewhere, done.conflicts)
            for what in unreached:
                print_message(session, f"Not reached: {visible(what)}")
            path = os.path.realpath(os.fsdecode(file_name(file)))
            if not dry_run and any(os.path.realpath(stray.file) == path for stray in session.store.strays()):
                print_message(session, f"{visible(todos.name)} has all that the copy holds. Delete it: rm {_quoted(path)}")
    except CqrsError as error:
        if dry_run:
            raise
        raise OutcomeUnknown(f"the copy was merged into {todos.name}, but it cannot be said how: {error}") from error


def _quoted(path: str) -> str:
    return visible(shlex.quote(path))


def _first_line(name: str, merged: "MergedLog", todos: "MergedTodos", *, dry_run: bool) -> str:
    if not merged.changed:
        return f"Nothing to merge: {visible(name)} has all of these commits"
    done = "Would merge" if dry_run else "Merged"
    conflicts = len(todos.all_conflicts)
    more = f", with {count_of(conflicts, 'conflict')}" if conflicts else ""
    return f"{done} {count_of(todos.received, 'commit')} into {visible(name)}{more}"


def _of_another(session: Session, file: str, content: bytes) -> InvalidInput:
    """Return the error for a copy of another list, which names that list."""
    from ...cqrs.stores.format import log_in

    header = log_in(content.partition(b"\n")[0])
    heads = () if header is None else [head for head in session.store.heads() if head.id == header.id]
    what = f"{visible(file)} is a copy of another list, and not of {visible(session.list.name)}; nothing was merged"
    for head in heads:
        if not head.archived:
            return InvalidInput(what, f"it is a copy of {visible(head.name)}: {_typed(session, head.name, 'merge', file)}")
        back = f"todo lists unarchive {_quoted(head.name)}"
        return InvalidInput(what, f"it is a copy of the archived list {visible(head.name)}. To use that again: {back}")
    name = "NAME" if header is None or header.name in session.store.names() else header.name
    return InvalidInput(what, f"to have the list {visible(name)} here, too: {_typed(session, name, 'import', file)}")


def _typed(session: Session, name: str, *words: str) -> str:
    return session.typed(name, visible(shlex.join(words)))


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
