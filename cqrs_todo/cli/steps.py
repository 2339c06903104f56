"""What `undo` and `redo` share: the number of steps, and the answer."""

import re

from ..cqrs.timeline import marked
from ..todo.recorder import Answer
from .answers import named, print_answer
from .errors import UsageError
from .session import Session
from .text import visible


def parse_steps(text: str | None) -> int:
    """Parse the number of changes to undo or redo; 1 if none is given.

    Raises:
        UsageError: The text is not a number above 0.
    """
    if text is None:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise UsageError(
            f"{text!r} is not a number of changes", "for instance: todo undo 3, or for one change: todo undo @42"
        )
    return int(text)


def print_steps(session: Session, answer: Answer, done: str, key: str, back: str) -> None:
    """Print which commits were undone or redone.

    Args:
        session: This run of the program.
        answer: What was recorded.
        done: What was done: "Undid" or "Redid".
        key: The key in a commit's metadata that holds the positions.
        back: The verb that reverses it.
    """
    positions = [position for commit in answer.commits for position in marked(commit.metadata, key)]
    which = f"@{positions[0]}" if len(positions) == 1 else f"{len(positions)} commits, back to @{min(positions, default=0)}"
    also = f", and the same in {visible(', '.join(answer.also))}" if answer.also else ""
    print_answer(session, answer, f"{done} {which}: {named(answer.items)}{also}", back)
