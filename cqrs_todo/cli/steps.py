"""What `undo` and `redo` share: the number of steps, and the answer."""

import re
from collections.abc import Iterable, Sequence

from ..cqrs.events import UNDOES, Commit, marked
from ..cqrs.steps import commits_of
from ..todo.errors import ChangedAfterMove, StepRefused
from ..todo.fields import FIELD_BY_EVENT
from ..todo.recorder import Answer
from ..todo.service import TodoList
from ..todo.views import as_asked, companions_of, move_of
from .answers import named, print_answer
from .changes import as_steps, changes_in_words
from .errors import UsageError
from .reports import count_of
from .session import Session
from .text import visible

_MOST_SHOWN = 5
"""How many undone or redone changes are described one by one."""


def parse_steps(text: str | None, hint: str) -> int:
    """Parse the number of changes to undo or redo; 1 if none is given.

    Args:
        text: What was typed; None for nothing.
        hint: What to write instead of something else.

    Raises:
        UsageError: The text is not a number above 0.
    """
    if text is None:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise UsageError(f"{text!r} is not a number of changes", hint)
    return int(text)


def note_obstacles(session: Session, error: StepRefused) -> None:
    """Note that a person sees the positions of what is in the way of an undo or a redo.

    Args:
        session: This run of the program.
        error: The refusal.
    """
    for each in error.obstacles:
        if isinstance(each, ChangedAfterMove):
            session.positions_shown(session.open_list(each.list), each.positions)


def reversed_steps(todos: TodoList, commits: Iterable[Commit], key: str) -> list[list[Commit]]:
    """Return the changes that commits undid or redid, each with all its commits, in the order in which that was done.

    Args:
        todos: The list.
        commits: What undo or redo recorded in the list.
        key: The key in a commit's `meta`: `UNDOES` or `REDOES`.
    """
    commands = [command for commit in commits for command in marked(commit.metadata, key)]
    found = list(commits_of(todos.history(), commands).values())
    return as_steps(found if key == UNDOES else reversed(found))


def print_steps(session: Session, answer: Answer, done: str, key: str, back: str, asked: int = 1) -> None:
    """Print which changes were undone or redone, and how to reverse that.

    Args:
        session: This run of the program.
        answer: What was recorded.
        done: What was done: "Undid" or "Redid".
        key: The key in a commit's `meta`: `UNDOES` or `REDOES`.
        back: The verb that reverses it.
        asked: How many changes the person named.
    """
    if session.options.json or session.options.quiet:
        print_answer(session, answer, None)
        return
    steps = reversed_steps(session.list, answer.commits, key)
    label = session.list.label
    shown = [
        f"@{min(commit.position for commit in step)}: {changes_in_words(step, answer.items, label)}{_lists_of(step, answer)}"
        for step in steps[:_MOST_SHOWN]
    ]
    what = "; ".join(shown) + (f"; and {len(steps) - len(shown)} more" if len(steps) > len(shown) else "")
    if not steps:  # this store keeps nothing
        what = named(answer.items)
    elif asked > len(steps):
        what = f"{count_of(len(steps), 'change')}, because there were no others: {what}"
    elif len(steps) > 1:
        what = f"{len(steps)} changes: {what}"
    if (
        key == UNDOES
        and len(steps) == 1
        and all(type(event.data) in FIELD_BY_EVENT for commit in steps[0] for event in as_asked(commit).events)
    ):
        # "old → new" of what was undone would say the opposite of what is now
        position = min(commit.position for commit in steps[0])
        what = f"@{position}, changed back: {changes_in_words(answer.commits, answer.items, label)}"
        what += _lists_of(steps[0], answer)
    print_answer(session, answer, f"{done} {what}", back if len(steps) < 2 else f"{back} {len(steps)}")


def _lists_of(step: Sequence[Commit], answer: Answer) -> str:
    """Return that a command was undone or redone in all of its lists; '' for a command of one list."""
    moves = [move for commit in step if (move := move_of(commit)) is not None]
    names = {name for move in moves for name in (move.source_name, move.target_name)}
    names |= {name for commit in step for name in companions_of(commit).values()}
    if not names or not answer.also:
        return ""
    others = answer.also if len(answer.also) == 1 else sorted(names - {answer.list})
    shown = [visible(name) for name in (answer.list, *others)]
    return f", in {'both ' if len(shown) == 2 else ''}{', '.join(shown[:-1])} and {shown[-1]}"
