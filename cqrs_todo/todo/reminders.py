"""Acknowledging reminders that came due."""

from collections.abc import Sequence
from datetime import datetime

from .errors import NotApplicable, ReminderAhead
from .fields import ACKNOWLEDGED, Todo
from .model import Change, TodoCommand


def acknowledging(todo: Todo, now: datetime) -> Sequence[TodoCommand]:
    """Return the commands that acknowledge the reminder of a todo.

    Args:
        todo: The todo.
        now: The time of the commands.

    Raises:
        NotApplicable: It has no reminder.
        ReminderAhead: The reminder has not come yet.
    """
    if todo.reminder is None:
        raise NotApplicable("it has no reminder")
    if todo.reminder > now and todo.acknowledged != todo.reminder:
        raise ReminderAhead(todo.reminder)
    return [Change(ACKNOWLEDGED, todo.reminder)]
