"""`todo import` of a backup: its lists, those that are archived, and the configuration if there is none yet."""

import os
import shlex
from collections.abc import Iterator
from typing import Any

from ..cqrs.errors import CqrsError, LogExists, LogNotFound
from ..cqrs.operation_errors import ImportRefused, SameLog
from ..cqrs.stores.format import decode_header
from ..cqrs.stores.jsonl.files import make_directory
from ..cqrs.struct import Struct
from .backup_file import Backup, ListInBackup, check_contents, open_backup, path_of
from .config import Config, config_content, config_file, parse_config
from .errors import UsageError
from .output import print_line, print_message
from .report import failure
from .reports import count_of
from .session import Session
from .text import printable, visible

_NOTHING = "; nothing was restored"
_ASIDE = ".from-backup"
"""The end of the name of a configuration that is restored but not in use."""


class _Row(Struct, frozen=True):
    """What became of one list.

    Args:
        name: The name of the list.
        archived: Whether it is archived in the backup.
        commits: How many of its commits are new in the store.
        new: Whether the store did not have the list.
        note: What else a person should know; '' for nothing.
        error: Why it was not restored. None if it was.
    """

    name: str
    archived: bool
    commits: int = 0
    new: bool = False
    note: str = ""
    error: CqrsError | None = None


def restore_backup(session: Session, name: str, *, dry_run: bool = False) -> None:
    """Restore what a backup holds. Everything in it is checked before anything is restored.

    Args:
        session: This run of the program.
        name: The name of the file.
        dry_run: Whether to check it, and to restore nothing.

    Raises:
        InvalidInput: The file is not a backup.
        DamagedLog: It is damaged, or a list in it is. Nothing was restored.
        CqrsError: The first error of a list that was not restored. The others were.
    """
    if session.request is not None:
        raise UsageError(
            "a backup is restored as it is, so its import takes no --command-id, --expect or --because",
            "leave them out: restoring the same backup again changes nothing",
        )
    if name == "-":
        raise UsageError("a backup is read from a file, not from stdin", "write it to a file first")
    if session.options.list is not None:
        raise UsageError("a backup holds lists with their names, so its import takes no --list (-L)", "leave it out")
    session.progress.begin("restoring")
    with open_backup(name) as backup:
        for number, each in enumerate(backup.lists):
            session.progress(number, 2 * len(backup.lists))
            found = check_contents(backup, each)
            if found.wrong:
                raise backup.wrong(f"{visible(each.name)}, line {found.end.line + 1}: {found.wrong}{_NOTHING}")
        rows = []
        for number, each in enumerate(backup.lists, len(backup.lists)):
            session.progress(number, 2 * len(backup.lists))
            rows.append(_restore(session, name, backup, each, dry_run=dry_run))
        session.progress.wipe()
        config = _restore_config(session, backup, dry_run=dry_run) if backup.has_config else ""
        _answer(session, backup, rows, config, dry_run=dry_run)
    errors = [row.error for row in rows if row.error is not None]
    if errors:
        for other in errors[1:]:
            reported = failure(other)
            errors[0].add_note(str(other) if reported is None else reported.message)
        raise errors[0]


class _Differs(ImportRefused):
    """The list here and the one in the backup have two histories."""

    def __init__(self, reason: str, hint: str | None) -> None:
        """Say in which way they differ, and what to do."""
        super().__init__(reason)
        self.hint = hint


def _restore(session: Session, name: str, backup: Backup, each: ListInBackup, *, dry_run: bool) -> _Row:
    store = session.store
    there = each.name in store.names()
    try:
        if each.name in store.names(archived=True):
            return _compare_archived(session, backup, each)
        if dry_run:
            stored = store.open(each.name).lines() if there else iter(())
            lines = _lacking(stored, backup.lines(each))
            if lines is None:
                raise _differs(session, name, backup, each)
            return _Row(each.name, each.archived, lines if there else lines - 1, new=not there)
        commits = store.import_log(each.name, backup.lines(each))
        note = ""
        if each.archived and there:
            note = "it is archived in the backup, and stays in use here"
        elif each.archived:
            store.archive(each.name)
        return _Row(each.name, each.archived, commits, new=not there, note=note)
    except SameLog as error:
        rename = f"todo lists rename {shlex.quote(error.name)} {shlex.quote(each.name)}"
        reason = f"{each.name} was not restored: it is the list {error.name} here"
        hint = None if error.archived else f"to restore it: {rename}, and then todo import {shlex.quote(name)}"
        return _Row(each.name, each.archived, error=_Differs(reason, hint))
    except _Differs as error:
        return _Row(each.name, each.archived, error=error)
    except ImportRefused as error:
        if there and _lacking(store.open(each.name).lines(), backup.lines(each)) is None:
            return _Row(each.name, each.archived, error=_differs(session, name, backup, each))
        return _Row(each.name, each.archived, error=ImportRefused(f"{each.name}: {error}"))
    except CqrsError as error:
        return _Row(each.name, each.archived, error=error)


def _lacking(stored: Iterator[bytes], saved: Iterator[bytes]) -> int | None:
    """Return how many lines of a backup a list lacks. None if neither of the two continues the other."""
    lacking = 0
    for line in saved:
        here = b"" if lacking else next(stored, b"")
        if here and here != line:
            return None
        lacking += not here
    return lacking


def _differs(session: Session, name: str, backup: Backup, each: ListInBackup) -> _Differs:
    """Return the error for a list whose histories here and in a backup differ, with the way to have both."""
    headers = (next(lines)[:-1] for lines in (session.store.open(each.name).lines(), backup.lines(each)))
    here, saved = (decode_header(line)[0].id for line in headers)
    file, shown = shlex.quote(name), f"{each.name} was not restored"
    if here != saved:
        rename = f"todo lists rename {shlex.quote(each.name)} NAME"
        return _Differs(
            f"{shown}: the {each.name} here is another list", f"to have both: {rename}, and then todo import {file}"
        )
    path = shlex.quote(path_of(each.name, archived=each.archived))
    if session.store_url.startswith("jsonl:"):
        copy = f"unzip -p {file} {path} > copy.jsonl"
        hint = f"to merge them: {copy}, and then {session.typed(each.name, 'merge copy.jsonl')}"
    else:  # other stores cannot merge
        hint = f"to look at the one in the backup: todo --store jsonl:NEW_FOLDER import {file}"
    message = f"{shown}: the list here and the one in the backup have different changes, or one has forgotten todos"
    return _Differs(message, hint)


def _compare_archived(session: Session, backup: Backup, each: ListInBackup) -> _Row:
    """Return whether an archived list of the store has all that the backup has of it. Nothing is added to archived lists."""
    try:
        stored = session.store.open_archived(each.name).lines()
    except LogNotFound:  # it was brought back into use a moment ago
        raise LogExists(each.name) from None
    saved = backup.lines(each)
    for line in saved:
        if next(stored, b"") != line:
            raise LogExists(each.name, archived=True)
    return _Row(each.name, each.archived, note="" if each.archived else "it is archived here, and stays archived")


def _restore_config(session: Session, backup: Backup, *, dry_run: bool) -> str:
    """Restore the configuration if there is none, and return in words what became of it.

    A configuration that would run programs does not come into use: whoever made the backup chose these programs. It is put
    beside the place of the configuration, and the person who restores it can read it and decide.
    """
    path = config_file()
    content = backup.config()
    there = config_content()
    if there is not None:
        if there == content:
            return "the configuration is the same already"
        return f"the configuration was not restored: there is one already, {visible(path)}"
    try:
        config = parse_config(content, "it is wrong")
    except UsageError as error:
        return f"the configuration was not restored: {visible(str(error))}"
    if config.store is not None and session.url_of(config.store) != session.store_url:
        return "the configuration was not restored: it names another store than the one with these lists"
    programs = _programs(config)
    target = f"{path}{_ASIDE}" if programs else path
    try:
        if not dry_run:
            _write(target, content)
    except OSError as error:
        return f"the configuration was not restored: {visible(target)}: {error.strerror}"
    if programs:
        why = f"because it runs programs: {'; '.join(map(visible, programs))}"
        if dry_run:
            return f"the configuration would be saved as {visible(target)}, and not be in use, {why}"
        use = f"mv {visible(shlex.quote(target))} {visible(shlex.quote(path))}"
        return f"the configuration is not in use, {why}. Read it, then use it: {use}"
    return f"the configuration {'would be' if dry_run else 'was'} restored"


def _programs(config: Config) -> list[str]:
    """Return the programs that a configuration runs, with their arguments, each as a shell would take it."""
    commands = [table.get("run") for table in config.reaction]
    commands += [config.remind["notify"]] if config.remind.get("notify", "bell") != "bell" else []
    return [shlex.join(map(str, command)) if isinstance(command, list) else str(command) for command in commands]


def _write(path: str, content: bytes) -> None:
    """Write a new file; one that is there with the same content stays.

    Raises:
        OSError: It cannot be written, or there is another file.
    """
    make_directory(os.path.dirname(path))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        with open(path, "rb") as file:
            if file.read(len(content) + 1) == content:
                return
        raise
    with open(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)


def _answer(session: Session, backup: Backup, rows: list[_Row], config: str, *, dry_run: bool) -> None:
    if session.options.json:
        from . import document

        lists: list[dict[str, Any]] = [
            {
                "name": row.name,
                "archived": row.archived,
                "commits": row.commits,
                "new": row.new,
                "note": row.note or None,
                "error": None if row.error is None else printable(str(row.error)),
            }
            for row in rows
        ]
        print_line(document.encode({"made": backup.made, "lists": lists, "config": config or None, "dry_run": dry_run}))
        return
    if dry_run and not session.options.quiet:
        print_line(f"The backup of {backup.made:%Y-%m-%d %H:%M} UTC has {count_of(len(backup.lists), 'list')}:")
    for row in rows if not session.options.quiet else ():
        shown = f"{visible(row.name)}{' (archived)' if row.archived else ''}"
        if row.error is not None:
            print_line(f"{shown}: {'would not be' if dry_run else 'not'} restored")
        else:
            restored = "would be restored" if dry_run else "restored"
            done = f"{restored}, {count_of(row.commits, 'commit')}" if row.commits or row.new else "has all of it already"
            print_line(f"{shown}: {done}{'; ' + row.note if row.note else ''}")
    if config:
        print_message(session, config[0].upper() + config[1:])
