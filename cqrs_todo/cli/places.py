"""The verbs for whole lists, and for where things are."""

import shlex
from typing import Any

from ..cqrs.errors import CqrsError, MissingLog
from ..todo.lists import Lists
from . import document, render
from .care import missing_document, stray_document, warn_of_strays
from .config import cache_dir, config_file, state_dir
from .errors import UsageError
from .output import out
from .render import say
from .session import Session, check_text
from .text import printable, visible


def lists(session: Session) -> None:
    """The lists of the store, with how much is open and done in each."""
    from rich.cells import cell_len

    if isinstance(session.moment, int):
        raise UsageError("a position belongs to one list, not to all", "give a time")
    service = Lists(session.store)
    missing = session.store.missing()
    rows: list[dict[str, Any]] = []
    for name in service.names():
        try:
            view = session.open_list(name).view(session.moment)
        except CqrsError as error:
            if not isinstance(error, MissingLog):
                say(session, f"todo: warning: {visible(str(error))}")
            rows.append(_unreadable(name, error, archived=False))
            continue
        items = [item.todo for item in view.items if not item.todo.removed]
        done_count = sum(todo.done for todo in items)
        rows.append({"name": name, "archived": False, "open": len(items) - done_count, "done": done_count})
    gone = {error.name: error for error in missing if error.archived}
    for name in service.names(archived=True):
        known = {"name": name, "archived": True, "open": None, "done": None}
        rows.append(_unreadable(name, gone[name], archived=True) if name in gone else known)
    strays = session.store.strays()
    warn_of_strays(session, strays)
    if session.options.json:
        out(document.encode({"lists": rows, "strays": [stray_document(stray) for stray in strays]}))
    elif session.options.plain:
        for row in rows:
            state = "missing" if row.get("missing") else "archived" if row["archived"] else "in use"
            render.fields(row["name"], state, row["open"], row["done"])
    elif not rows:
        say(session, "There are no lists yet: todo add makes the first.")
    else:
        width = max(cell_len(str(row["name"])) for row in rows)
        for row in rows:
            name = visible(str(row["name"]))
            mark = "*" if name == session.list_name else " "
            out(f"{mark} {name}{' ' * (width - cell_len(name))}  {_state(row)}")
    for also in missing[1:]:
        say(session, f"todo: {visible(str(also))}")
    if missing:
        raise missing[0]


def _unreadable(name: str, error: CqrsError, *, archived: bool) -> dict[str, Any]:
    """The row of a list that can't be read."""
    row = {"name": name, "archived": archived, "open": None, "done": None}
    return {**row, "error": printable(str(error)), "missing": missing_document(error)}


def _state(row: dict[str, Any]) -> str:
    """What people are told of a list."""
    if row.get("missing"):
        return "missing, archived" if row["archived"] else "missing"
    if row["archived"]:
        return "archived"
    return "unreadable" if row["open"] is None else f"{row['open']} open, {row['done']} done"


def lists_new(session: Session, name: str, *, start_again: bool = False) -> None:
    """Make an empty list; with `start_again` even if one of its name is missing, whose record is then kept in a file."""
    if not start_again:
        log = _lists(session, name).new(name)
        _answer_list(session, log.name, f"New list: {log.name}")
        return
    log, kept, made = _lists(session, name).start_again(name)
    if session.options.json:
        out(document.encode({"list": log.name, "kept": [printable(file) for file in kept]}))
        return
    for file in kept:
        say(session, f"What had been recorded of the missing list is noted in {visible(file)}")
    _answer_list(session, log.name, f"New list: {log.name}" if made else f"{log.name} is now the list that stands there")


def lists_rename(session: Session, old: str, new: str) -> None:
    """Give a list another name."""
    _lists(session, old, new).rename(old, new)
    _answer_list(session, new, f"Renamed {old} to {new}. Back: todo lists rename {shlex.quote(new)} {shlex.quote(old)}")


def lists_archive(session: Session, name: str) -> None:
    """Put a list away, with all its history."""
    _lists(session, name).archive(name)
    _answer_list(session, name, f"Archived {name}. Back: todo lists unarchive {shlex.quote(name)}")


def lists_unarchive(session: Session, name: str) -> None:
    """Bring an archived list back."""
    _lists(session, name).unarchive(name)
    _answer_list(session, name, f"{name} is in use again")


def _lists(session: Session, *names: str) -> Lists:
    session.check_now()
    for name in names:
        check_text("list's name", name)
    return Lists(session.store)


def _answer_list(session: Session, name: str, line: str) -> None:
    if session.options.json:
        out(document.encode({"list": name}))
    elif not session.options.quiet:
        out(visible(line))


def where(session: Session) -> None:
    """The paths in use."""
    paths = {
        "store": session.store.url,
        "list": session.list_name,
        "configuration": config_file(),
        "cache": cache_dir(),
        "state": state_dir(),
    }
    if session.options.json:
        out(document.encode({"paths": {name: printable(path) for name, path in paths.items()}}))
        return
    for name, value in paths.items():
        if session.options.plain:
            render.fields(name, value)
        else:
            out(f"{name:<14}{visible(value)}")


SHELLS = ("bash", "zsh", "fish")


def completion(session: Session, shell: str) -> None:
    """The script that makes a shell complete."""
    # what --show-completion prints, for the shell that is asked for; Typer gives it no public name
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise UsageError(f"there is no completion for {shell!r}", f"there is for {', '.join(SHELLS)}")
    script = get_completion_script(prog_name="todo", complete_var="_TODO_COMPLETE", shell=shell)
    if session.options.json:
        out(document.encode({"shell": shell, "script": script}))
    else:
        out(script)
