"""Remedies: what a person can do about each error, with the commands of the command line."""

import shlex

from ..cqrs.errors import CqrsError, LogExists, MissingLog
from ..cqrs.operation_errors import AnotherHistory, SameLog
from ..cqrs.stores.installed import MissingExtra, StoreFailed
from ..todo.errors import (
    CannotUndo,
    ChangedAfterMove,
    ChangedByOthers,
    ChangedLater,
    DamagedHere,
    DamagedRemote,
    InNoList,
    ListArchived,
    ListNotFound,
    MovedElsewhere,
    NameTaken,
    NotInForce,
    Obstacle,
    ReminderInPast,
    SentPerhaps,
    StepRefused,
    TakenHere,
    TakenThere,
    TodoNotFound,
    TwoLists,
    UnreadCopy,
    WithoutEffect,
)
from ..todo.request_errors import CommandIdTaken, NoVersionToExpect, StateNotKept, UnexpectedState
from ..todo.views import number_ranges
from .config import state_dir
from .errors import to_install


def remedy(error: Exception, usual: str | None) -> str | None:
    """Return what to do about an error; None if nothing is known.

    Args:
        error: The error.
        usual: What to do about most errors of its kind.
    """
    match error:
        case CannotUndo():
            return _of_undo(error)
        case DamagedHere() | DamagedRemote() | UnreadCopy() | TakenThere() | TakenHere() | TwoLists():
            return _of_sync(error)
        case SentPerhaps():
            return "sync again: no commit is sent twice"
        case NameTaken():
            return "choose another name"
        case CommandIdTaken() | UnexpectedState() | NoVersionToExpect():
            return _of_request(error)
        case MissingLog():
            return _of_missing(error)
        case LogExists(archived=True):
            return f"choose another name, or: todo lists unarchive {shlex.quote(error.name)}"
        case LogExists() if error.wanted != error.name:
            return f"did you mean {error.name!r}?"
        case StoreFailed():
            return f"report it to {error.contact}"
        case MissingExtra():
            return f"install it {to_install(error.extra)}"
        case ReminderInPast():
            return "give a time in the future, for instance: tomorrow 9:00"
        case AnotherHistory():
            return "to import them into a list of their own: todo -L NAME import FILE; a copy of this list: todo merge FILE"
        case SameLog(archived=True):
            return f"to use that list again: todo lists unarchive {shlex.quote(error.name)}"
        case SameLog():
            return f"to add what it lacks: todo -L {shlex.quote(error.name)} import FILE"
        case ListArchived():
            return f"to bring it back: todo lists unarchive {shlex.quote(error.name)}"
        case TodoNotFound(hint=None):
            return usual
        case ListNotFound(nearest=str(nearest)) if not hasattr(error, "hint"):
            return f"did you mean {nearest!r}?"
        case _:
            found: str | None = getattr(error, "hint", usual)
            return found


def _of_undo(error: CannotUndo) -> str | None:
    """Return what to do about an undo or a redo that was refused; None if nothing is known."""
    match error:
        case ChangedLater():
            return f"to undo the later change first: todo undo @{error.last}"
        case ChangedByOthers():
            ways = _around(error.newer, error.earlier)
            if error.created:
                todos = "that todo" if len(error.created) == 1 else "those todos"
                ways.append(f"to remove {todos} all the same: todo rm {number_ranges(error.created).replace(',', '')}")
            return "; ".join(ways) or f"to see the later change: todo show @{error.last}"
        case WithoutEffect():
            return "; ".join(_around(error.newer, error.earlier)) or "to see what can be undone: todo history"
        case InNoList():
            target = shlex.quote(error.target)
            first = f"todo lists unarchive {target}, and then " if error.archived else ""
            return f"to remove it: todo rm {error.number}; to move it there: {first}todo move {error.number} {target}"
        case StepRefused():
            alone = "an earlier command can be undone alone, by its position: see todo history"
            ways = [way for each in error.obstacles if (way := _past(each)) is not None]
            return "; ".join(dict.fromkeys([*ways, *([alone] if error.verb == "undo" else [])])) or None
        case NotInForce():
            return _of_not_in_force(error)
        case _:
            return None


def _around(newer: int, earlier: int | None) -> list[str]:
    """Return what can be undone instead of a step.

    Args:
        newer: How many steps were to be undone before it.
        earlier: The position of the step before it that can be undone; None if there is none.
    """
    ways = [f"to undo only what came after it: todo undo {newer}"] if newer else []
    return ways if earlier is None else [*ways, f"to undo the change before it: todo undo @{earlier}"]


def _past(obstacle: Obstacle) -> str | None:
    """Return what to do about an obstacle; None if nothing is known."""
    match obstacle:
        case MovedElsewhere():
            home = shlex.quote(obstacle.home)
            return f"to move it to {obstacle.home}: todo -L {shlex.quote(obstacle.list)} move {obstacle.number} {home}"
        case ChangedAfterMove():
            return f"to undo the later change first: todo -L {shlex.quote(obstacle.list)} undo @{obstacle.positions[-1]}"
        case _:
            return None


def _of_not_in_force(error: NotInForce) -> str:
    again = f"@{error.position} again"
    match error:
        case NotInForce(in_force=True, is_a="redo"):
            return f"to undo the redo: todo undo @{error.position}"
        case NotInForce(in_force=True):
            return f"to undo {again}: todo undo @{error.position}"
        case NotInForce(redone_by=1):
            return f"to do {again}: todo redo; to see what can be undone: todo history"
        case NotInForce(redone_by=0, is_a="undo"):
            see = f"to see what it changed: todo show @{error.position}"
            return f"no redo does {again}, because of later changes; {see}"
        case NotInForce(redone_by=0):
            return f"to see what @{error.position} changed: todo show @{error.position}"
        case _:
            return f"to do {again}, and first what was undone after it: todo redo {error.redone_by}"


def _of_sync(error: DamagedHere | DamagedRemote | UnreadCopy | TakenThere | TakenHere | TwoLists) -> str:
    """Return what to do about a list that was not synced."""
    match error:
        case DamagedHere():
            return f"repair it, and sync again: todo -L {shlex.quote(error.name)} verify --repair, then todo sync"
        case DamagedRemote():
            remote, name = shlex.quote(error.remote), shlex.quote(error.name)
            return f"see what can be done: todo --store {remote} -L {name} verify"
        case UnreadCopy():
            on = f"on {error.machine}" if error.machine else "on the machine that wrote it"
            return f"if it has not arrived completely, sync again later; if it has, delete it, and run todo sync {on}"
        case TakenThere():
            rename = f"todo lists rename {shlex.join([error.name, error.free])} && todo sync"
            back = f"todo --store {shlex.quote(error.remote)} lists unarchive {shlex.quote(error.other)}"
            return f"rename the list here, and sync again: {rename}" + (
                f"; or use the other one again: {back}" if error.archived else ""
            )
        case TakenHere():
            here, free = shlex.quote(error.other), shlex.quote(error.free)
            renames = f"todo lists unarchive {here} && todo lists rename {here} {free} && todo lists archive {free}"
            return f"give that one another name, and sync again: {renames} && todo sync"
        case TwoLists():
            return "sync again to join them, or to keep them apart: todo sync"


def _of_request(error: CommandIdTaken | UnexpectedState | NoVersionToExpect) -> str:
    """Return what to do if a script asked for what a command cannot do."""
    match error:
        case CommandIdTaken():
            return "give each command an id of its own, and send only the same command again with the same id"
        case StateNotKept():
            return "add fewer todos at a time, or leave out --expect"
        case UnexpectedState(numbers=[_, *_]):
            return f"see what happened: todo show {' '.join(map(str, error.numbers))}"
        case UnexpectedState():
            return "see what was recorded last: todo history -n 3"
        case NoVersionToExpect():
            return f"give the last position of the list instead: --expect @{error.position}"


def _of_missing(missing: MissingLog) -> str:
    if missing.name is None:
        return "bring that folder back, for instance by mounting its disk; or, to start again without it, remove the link"
    name = shlex.quote(missing.name)
    back = "put the file of the list back"
    remote = _remote_of(missing.id)
    if remote is not None and not missing.replaced:
        back = f"to bring back what was synced: todo sync {shlex.quote(remote)}; or put the file back"
    elif missing.replaced:
        back = "move that file away and put the file of the list back"
    elif missing.id is not None:
        back = f"put the file of the list back, or: todo -L {name} import FILE"
    return f"{back}; or start again, which keeps the record of the old list: todo lists new {name} --start-again"


def _remote_of(id: str | None) -> str | None:
    """Return the URL of a remote with which this machine has synced a list; None if there is none, or it is not known."""
    from ..todo.sync.memory import MemoryFile

    try:
        memory = MemoryFile(state_dir()).load()
    except CqrsError:  # this is the way to report an error
        return None
    return next((url for url, known in memory.remotes.items() if id in known.lists), None)
