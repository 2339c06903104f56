"""`todo lists`: the lists of the store."""

from typing import Any

from ....cqrs.errors import CqrsError, MissingLog
from ....todo.lists import Lists
from ...errors import position_of_one_list
from ...output import print_line, print_message, print_row
from ...reports import missing_document, stray_document, warn_of_strays
from ...session import Session, check_text
from ...text import printable, visible
from ...verb import LISTS, Verb


def lists(session: Session) -> None:
    """Show the lists of the store, with the number of open and of done todos in each."""
    from rich.cells import cell_len

    if session.at_position:
        raise position_of_one_list("give a time")
    service = Lists(session.store)
    missing = session.store.missing()
    strays = session.store.strays()
    # a warning names each copy, and a list that is missing has a row, whatever stands in its place
    copies = {(stray.name, stray.archived) for stray in strays if stray.of is not None}
    copies -= {(error.name, error.archived) for error in missing}
    rows: list[dict[str, Any]] = []
    for name in service.names():
        if (name, False) in copies:
            continue
        try:
            view = session.open_list(name).view(session.moment)
        except CqrsError as error:
            if not isinstance(error, MissingLog):
                print_message(session, f"todo: warning: {visible(str(error))}")
            rows.append(_unreadable(name, error, archived=False))
            continue
        items = [item.todo for item in view.items if not item.todo.removed]
        done_count = sum(todo.done for todo in items)
        rows.append({"name": name, "archived": False, "open": len(items) - done_count, "done": done_count})
    gone = {error.name: error for error in missing if error.archived}
    for name in service.names(archived=True):
        known = {"name": name, "archived": True, "open": None, "done": None}
        if (name, True) not in copies:
            rows.append(_unreadable(name, gone[name], archived=True) if name in gone else known)
    warn_of_strays(session, strays)
    if session.options.json:
        from ... import document

        print_line(document.encode({"lists": rows, "strays": [stray_document(stray) for stray in strays]}))
    elif session.options.plain:
        for row in rows:
            state = "missing" if row.get("missing") else "archived" if row["archived"] else "in use"
            print_row(row["name"], state, row["open"], row["done"])
    elif not rows:
        print_message(session, f"There are no lists yet: {session.typed(session.list_name, 'add')} makes the first.")
    else:
        width = max(cell_len(str(row["name"])) for row in rows)
        for row in rows:
            name = visible(str(row["name"]))
            mark = "*" if name == session.list_name else " "
            print_line(f"{mark} {name}{' ' * (width - cell_len(name))}  {_state(row)}")
    for also in missing[1:]:
        print_message(session, f"todo: {visible(str(also))}")
    if missing:
        raise missing[0]


def _unreadable(name: str, error: CqrsError, *, archived: bool) -> dict[str, Any]:
    """Return the row of a list that cannot be read."""
    row = {"name": name, "archived": archived, "open": None, "done": None}
    return {**row, "error": printable(str(error)), "missing": missing_document(error)}


def _state(row: dict[str, Any]) -> str:
    """Return the state of a list for people."""
    if row.get("missing"):
        return "missing, archived" if row["archived"] else "missing"
    if row["archived"]:
        return "archived"
    return "unreadable" if row["open"] is None else f"{row['open']} open, {row['done']} done"


def lists_of(session: Session, *names: str) -> Lists:
    """Return the lists of the store, for a verb that changes one.

    Args:
        session: This run of the program.
        names: The names that were typed.

    Raises:
        UsageError: A name is not text.
    """
    for name in names:
        check_text("list's name", name)
    return Lists(session.store)


def print_list(session: Session, name: str, line: str) -> None:
    """Print the answer about a list: its name as JSON, or a line for people."""
    if session.options.json:
        from ... import document

        print_line(document.encode({"list": name}))
    elif not session.options.quiet:
        print_line(visible(line))


VERB = Verb(
    name="lists",
    help="Show the lists. Its verbs make, rename, archive and unarchive lists.",
    examples=("todo lists", "todo lists new work", "todo lists rename work job"),
    action=lists,
    group=LISTS,
    scope="store",
    synonyms={
        "new NAME": "init",
        "archive NAME": "archive",
        "unarchive NAME": "unarchive",
    },
)
