"""The answers of the verbs that write: what was recorded, which todos were like that already, and how to undo it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..cqrs.errors import CqrsError
from ..todo.model import TodoCommand
from ..todo.recorder import Answer
from ..todo.views import Item, number_ranges
from .output import print_line, print_message
from .session import Session, check_ids
from .text import visible


def change(
    session: Session, ids: Sequence[str], commands: Callable[[Item], Sequence[TodoCommand]], done: str, already: str
) -> None:
    """Change todos and print the answer.

    Args:
        session: This run of the program.
        ids: The words that name the todos.
        commands: Returns the commands for a todo.
        done: What was done, such as "Removed".
        already: What to say of todos that needed no change, such as "Removed already".

    Raises:
        NotFound: A word names no todo. Nothing is changed then.
        Rejected: A command was refused. Nothing is changed then.
    """
    print_changes(session, record(session, ids, commands), done, already)


def record(session: Session, ids: Sequence[str], commands: Callable[[Item], Sequence[TodoCommand]]) -> Answer:
    """Change todos. Arguments and errors are those of `change`."""
    todos = session.list
    chosen = todos.select(check_ids(ids))
    with hint_to_restore(session):
        return todos.change(chosen, commands)


@contextmanager
def hint_to_restore(session: Session) -> Iterator[None]:
    """Add what to do to the error that refuses to change todos: restore them, or change them where they were moved to."""
    try:
        yield
    except CqrsError as error:
        from ..todo.errors import CannotMove, MovedAway, TodosRejected

        if isinstance(error, MovedAway):
            error.hint = _hint_to_moved(session, error.targets)
        if isinstance(error, (TodosRejected, CannotMove)) and error.removed:
            ids = number_ranges(error.removed).replace(" ", "")
            error.hint = f"to restore what was removed: {session.typed(session.list.name, f'restore {ids}')}"
        raise


def _hint_to_moved(session: Session, targets: Mapping[str, str]) -> str | None:
    """Return the command that changes moved todos in the list that they are in now.

    Args:
        session: This run of the program.
        targets: The names of the lists that they were moved to, by their streams.
    """
    import shlex  # only for this hint

    from .verb import IDS

    names = sorted(set(targets.values()))
    if len(names) != 1:
        return "change them in those lists: see todo lists"
    try:
        items = session.open_list(names[0]).view().items
    except CqrsError:  # it was renamed, archived or damaged since then
        return "see where it is now: todo lists"
    numbers = [item.number for item in items if item.stream in targets and not item.todo.removed]
    if not numbers:
        return None
    there = "it is" if len(numbers) == 1 else "they are"
    ids = number_ranges(numbers).replace(" ", "")
    verb = session.verb
    if verb is None:
        return None
    if verb.name == "restore":
        back = session.typed(names[0], f"move {ids} {shlex.quote(session.list.name)}")
        return f"there {there} {number_ranges(numbers)}; to bring {'it' if len(numbers) == 1 else 'them'} back: {back}"
    more = "" if verb.arguments == (IDS,) else " …"
    return f"there {there} {number_ranges(numbers)}: {session.typed(names[0], f'{verb.name} {ids}')}{more}"


def print_changes(session: Session, answer: Answer, done: str, already: str, details: str = "") -> None:
    """Print what was done to which todos, and which of the named todos needed no change.

    Args:
        session: This run of the program.
        answer: What was recorded.
        done: What was done, such as "Changed".
        already: What to say of todos that needed no change.
        details: What the change was, if the answer should say so.
    """
    same = [item.number for item in answer.items if item not in answer.changed]
    if same and not session.options.json:
        print_message(session, f"{already}: {number_ranges(same)}")
    more = "" if not details else f" ({details})" if len(answer.changed) == 1 else f": {details}"
    print_answer(session, answer, f"{done} {named(answer.changed)}{more}" if answer.changed else None)


def print_answer(session: Session, answer: Answer, line: str | None, back: str = "undo") -> None:
    """Print what was recorded: as JSON, or as a line that ends with the command that reverses it.

    Args:
        session: This run of the program.
        answer: What was recorded.
        line: What people read; None for nothing.
        back: The verb that reverses it, perhaps with its argument.
    """
    if session.options.json:
        from . import document

        print_line(document.encode(document.answer_document(answer, session.position_of(answer.list))))
    elif line is not None and not session.options.quiet:
        way = f". {back.split()[0].title()}: {session.typed(answer.list, back)}"
        print_line(line + (way if answer.commit is not None else ""))


def named(items: Sequence[Item]) -> str:
    """Return how an answer names todos: one by its number and text, several by their numbers."""
    if not items:
        return "nothing: this store keeps nothing"
    if len(items) == 1:
        return f"{items[0].number}: {visible(items[0].todo.text)}"
    return f"{number_ranges([item.number for item in items])} ({len(items):,} todos)"
