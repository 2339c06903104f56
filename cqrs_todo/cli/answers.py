"""The answers of the verbs that write: what was recorded, which todos were like that already, and how to undo it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..cqrs.errors import CqrsError
from ..todo.events import TodoCompleted, TodoRemoved
from ..todo.model import TodoCommand
from ..todo.recorder import Answer
from ..todo.service import Descendants
from ..todo.views import Item, number_ranges
from .clock import to_local
from .errors import UsageError
from .output import print_line, print_message
from .session import Session
from .text import visible

_MOST_NEXT = 3
"""How many next todos of series an answer names."""


def change(
    session: Session,
    ids: Sequence[str],
    commands: Callable[[Item], Sequence[TodoCommand]],
    done: str,
    already: str,
    *,
    children: Descendants | None = None,
) -> Sequence[Answer]:
    """Change todos and print the answer, which is returned, one for each list.

    Args:
        session: This run of the program.
        ids: The words that name the todos.
        commands: Returns the commands for a todo.
        done: What was done, such as "Removed".
        already: What to say of todos that needed no change, such as "Removed already".
        children: Which of the todos under them are changed in the same way.

    Raises:
        NotFound: A word names no todo. Nothing is changed then.
        Rejected: A command was refused. Nothing is changed then.
    """
    answers = record_in_lists(session, ids, commands, children=children)
    print_changes_of_lists(session, answers, done, already)
    return answers


def record(
    session: Session,
    ids: Sequence[str],
    commands: Callable[[Item], Sequence[TodoCommand]],
    *,
    children: Descendants | None = None,
) -> Answer:
    """Change todos. Arguments and errors are those of `change`."""
    chosen = session.choose(ids)
    with hint_to_restore(session):
        return session.list.change(chosen, commands, children=children)


def record_in_lists(
    session: Session,
    ids: Sequence[str],
    commands: Callable[[Item], Sequence[TodoCommand]],
    *,
    children: Descendants | None = None,
) -> list[Answer]:
    """Change todos, perhaps of several lists, and return the answer of each list. The arguments are those of `change`."""
    if not any("/" in word for word in ids):
        return [record(session, ids, commands, children=children)]
    from .choosing import by_list  # most runs change todos of the list in use

    named = by_list(session, ids)
    if len(named) == 1:
        [(name, words)] = named.items()
        session.use_list(name)
        return [record(session, words, commands, children=children)]
    request = session.request
    if request is not None and (request.id or request.version is not None or request.position is not None):
        raise UsageError("--command-id and --expect are about one list, and these todos are in several", "name one list")
    from ..todo.several_lists import change_in_lists

    lists = {name: session.list if name == session.list.name else session.open_list(name) for name in named}
    chosen = [(lists[name], session.select(lists[name], words)) for name, words in named.items()]
    with hint_to_restore(session):
        return change_in_lists(chosen, commands, children=children)


@contextmanager
def hint_to_restore(session: Session) -> Iterator[None]:
    """Add what to do to the error that refuses to change todos: restore them, or change them where they were moved to."""
    try:
        yield
    except CqrsError as error:
        from ..todo.errors import CannotMove, MovedAway, TodosRejected

        if isinstance(error, MovedAway):
            error.hint = hint_to_moved(session, error.targets)
        if isinstance(error, (TodosRejected, CannotMove)) and error.removed:
            ids = number_ranges(error.removed).replace(" ", "")
            name = error.list if isinstance(error, TodosRejected) else session.list.name
            error.hint = f"to restore what was removed: {session.typed(name, f'restore {ids}')}"
        if isinstance(error, TodosRejected) and error.blocked:
            ids = number_ranges(error.blocked).replace(" ", "")
            command = session.typed(error.list, f"done {ids} --with-children")
            error.hint = f"to complete the children as well: {command}"
        raise


def hint_to_moved(session: Session, targets: Mapping[str, str]) -> str | None:
    """Return the command that changes moved todos in the list that they are in now.

    Args:
        session: This run of the program.
        targets: The names of the lists that they were moved to, by their streams.
    """
    import shlex  # only for this hint

    from .verb import IDS, IDS_IN_ONE_LIST

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
    if verb.about == "removed":
        back = session.typed(names[0], f"move {ids} {shlex.quote(session.list.name)}")
        return f"there {there} {number_ranges(numbers)}; to bring {'it' if len(numbers) == 1 else 'them'} back: {back}"
    more = "" if verb.arguments in ((IDS,), (IDS_IN_ONE_LIST,)) else " …"
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
    line = f"{done} {named(answer.changed)}{more}{_consequences(answer)}" if answer.changed else None
    print_answer(session, answer, line)


def print_changes_of_lists(session: Session, answers: Sequence[Answer], done: str, already: str, details: str = "") -> None:
    """Print what was done to todos of one list or several. The arguments are those of `print_changes`."""
    if len(answers) == 1:
        print_changes(session, answers[0], done, already, details)
        return
    same = {answer.list: [item.number for item in answer.items if item not in answer.changed] for answer in answers}
    for name, numbers in same.items():
        if numbers and not session.options.json:
            print_message(session, f"{already}: {visible(name)}/{number_ranges(numbers)}")
    changed = [answer for answer in answers if answer.changed]
    parts = [f"{visible(answer.list)}/{named(answer.changed)}{_consequences(answer)}" for answer in changed]
    more = f" ({details})" if details else ""
    print_answers(session, answers, f"{done} {'; '.join(parts)}{more}" if changed else None)


def print_answers(session: Session, answers: Sequence[Answer], line: str | None) -> None:
    """Print what was recorded in one list or several. The arguments are those of `print_answer`."""
    if len(answers) == 1:
        print_answer(session, answers[0], line)
    elif session.options.json:
        from . import document

        documents = [document.answer_document(answer, session.position_of(answer.list)) for answer in answers]
        print_line(document.encode({"lists": documents}))
    elif line is not None and not session.options.quiet:
        first = next(answer for answer in answers if answer.changed)
        print_line(f"{line}. Undo: {session.typed(first.list, 'undo')}")


def _consequences(answer: Answer) -> str:
    """Return what happened to series: when the next todo is due, that it was removed, or that there is none."""
    events = [event for commit in answer.commits for event in commit.events]
    ending = {event.stream for event in events if isinstance(event.data, (TodoCompleted, TodoRemoved))}
    ended = [item for item in answer.changed if item.stream in ending and item.todo.every is not None]
    if not answer.others and not ended:
        return ""
    from ..todo.recurrence import next_id
    from ..todo.views import display_day_or_instant

    following = {item.id for item in answer.others}
    known = [item for item in ended if next_id(item.id) in following or (item.todo.removed and item.todo.done)]
    last = [item.number for item in ended if item not in known]
    results = [
        f"{item.number} removed"
        if item.todo.removed
        else f"next: {item.number}, due {display_day_or_instant(item.todo.due, to_local)}"
        for item in answer.others[:_MOST_NEXT]
    ]
    results += [f"and {len(answer.others) - _MOST_NEXT:,} more"] if len(answer.others) > _MOST_NEXT else []
    results += [f"the series of {number_ranges(last)} has ended"] if len(last) == 1 else []
    results += [f"{len(last):,} series have ended"] if len(last) > 1 else []
    return f"; {'; '.join(results)}" if results else ""


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
