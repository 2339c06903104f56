"""The verbs for whole lists, and for where things are."""

import shlex

from ..cqrs.core import CqrsError
from ..todo.service import Lists
from . import document, render
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
    rows: list[dict[str, str | int | bool | None]] = []
    for name in service.names():
        try:
            view = session.open_list(name).view(session.moment)
        except CqrsError as error:
            say(session, f"todo: warning: {visible(str(error))}")
            rows.append({"name": name, "archived": False, "open": None, "done": None})
            continue
        items = [item.todo for item in view.items if not item.todo.removed]
        done_count = sum(todo.done for todo in items)
        rows.append({"name": name, "archived": False, "open": len(items) - done_count, "done": done_count})
    rows += [{"name": name, "archived": True, "open": None, "done": None} for name in service.names(archived=True)]
    if session.options.json:
        out(document.encode({"lists": rows}))
    elif session.options.plain:
        for row in rows:
            render.fields(row["name"], "archived" if row["archived"] else "in use", row["open"], row["done"])
    elif not rows:
        say(session, "There are no lists yet: todo add makes the first.")
    else:
        width = max(cell_len(str(row["name"])) for row in rows)
        for row in rows:
            name = visible(str(row["name"]))
            counts = "unreadable" if row["open"] is None else f"{row['open']} open, {row['done']} done"
            mark = "*" if name == session.list_name else " "
            out(f"{mark} {name}{' ' * (width - cell_len(name))}  {'archived' if row['archived'] else counts}")


def lists_new(session: Session, name: str) -> None:
    """Make an empty list."""
    log = _lists(session, name).new(name)
    _answer_list(session, log.name, f"New list: {log.name}")


def lists_rename(session: Session, old: str, new: str) -> None:
    """Call a list otherwise."""
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
