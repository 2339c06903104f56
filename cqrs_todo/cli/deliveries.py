"""Delivering reminders: each at its time, on this machine, at least once.

What was delivered is remembered in the state folder, after it was delivered. A reminder is known by its todo and its
instant. So a new time delivers it again. A change of the clocks does not, nor a move to another list, nor a join.
"""

import fcntl
import html
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from ..cqrs.errors import CqrsError
from ..todo.service import TodoList
from ..todo.views import Item, short_instant
from .clock import to_local
from .cloud_events import reminder_event
from .due_reminders import is_pending
from .output import print_line
from .programs import run_program
from .reaction_tables import TIMEOUT, filled, notify_command
from .reactions import folder, values_of
from .session import Session
from .text import visible

_KEPT = timedelta(days=400)
"""How long the program remembers that it delivered a reminder, after the todo has lost the reminder."""
_MOST_LINES = 2_000
"""If more reminders than this are remembered, the old ones are removed."""

_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""How many seconds pass before a reminder that failed is tried again: the first time, the second time, and so on."""

Key = tuple[str, str]
"""A reminder: the id of the todo, and the instant."""


class NotDelivered(CqrsError):
    """A reminder could not be delivered."""

    hint = 'name a program that shows it: in config.toml, below [remind], notify = ["PROGRAM", "--", "{text}"]'


def key_of(item: Item) -> Key:
    """Return what a reminder is known by."""
    assert item.todo.reminder is not None  # it is pending
    return item.id, item.todo.reminder.astimezone(UTC).isoformat()


class Deliverer:
    """Delivers the reminders of lists that came due.

    Args:
        session: This run of the program.
        clock: Returns the present, in UTC.
        deliver: Delivers one reminder. None: as the configuration says.
    """

    def __init__(
        self,
        session: Session,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        deliver: Callable[[TodoList, Item], None] | None = None,
    ) -> None:
        self._clock = clock
        self._deliver = deliver or _usual(session)
        self._path = os.path.join(folder(), "delivered")
        self._failed: dict[Key, tuple[int, float]] = {}

    def catch_up(self, lists: Sequence[tuple[TodoList, Sequence[Item]]]) -> tuple[int, list[NotDelivered]]:
        """Deliver the reminders that came due and were not delivered on this machine, the earliest first.

        Of several processes on this machine, one delivers at a time. The others leave the reminders to it.

        Args:
            lists: The lists with their todos.

        Returns:
            How many were delivered, and why others could not be. One that could not be delivered hinders no other one, and
            is tried again later.

        Raises:
            OSError: What was delivered cannot be remembered.
        """
        now = self._clock()
        pending = [(todos, item) for todos, items in lists for item in items if is_pending(item.todo)]
        due = [(todos, item) for todos, item in pending if item.todo.reminder is not None and item.todo.reminder <= now]
        if not due:
            return 0, []
        with self._lock() as held:
            if not held:
                return 0, []
            delivered = self._remembered({key_of(item) for _, item in pending}, now)
            fresh = {key_of(item): (todos, item) for todos, item in due if key_of(item) not in delivered}
            outcomes = [self._try(*fresh[key]) for key in sorted(fresh, key=lambda key: key[1])]
        return outcomes.count(True), [outcome for outcome in outcomes if isinstance(outcome, NotDelivered)]

    def _try(self, todos: TodoList, item: Item) -> bool | NotDelivered:
        """Deliver a reminder, unless it failed a moment ago. Returns whether it was delivered, or why it could not be."""
        key = key_of(item)
        failures, again = self._failed.get(key, (0, 0.0))
        if time.monotonic() < again:
            return False
        try:
            self._deliver(todos, item)
        except NotDelivered as error:
            pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
            self._failed[key] = failures + 1, time.monotonic() + pause
            return error
        self._failed.pop(key, None)
        self._remember(key)
        return True

    def _remembered(self, pending: set[Key], now: datetime) -> set[Key]:
        """Return what was delivered, and forget what is old and no longer pending if there is much of it."""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:  # what is not UTF-8 names no reminder
                lines = file.read().split("\n")
        except FileNotFoundError:
            return set()
        # a line that a power cut has torn names no reminder
        known = [(todo, at) for todo, at in (line.split(" ") for line in lines if line.count(" ") == 1)]
        if len(known) > _MOST_LINES:
            oldest = (now - _KEPT).isoformat()
            kept = [key for key in known if key in pending or key[1] >= oldest]
            if len(kept) < len(known):
                fresh = f"{self._path}.new"
                with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                    file.writelines(f"{' '.join(key)}\n" for key in kept)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(fresh, self._path)
        return set(known)

    def _remember(self, key: Key) -> None:
        with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            # the line feed before it ends a line that a power cut has torn
            file.write(f"\n{' '.join(key)}\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Take the lock of this machine's deliveries for the block. Gives whether it was free."""
        with open(os.open(f"{self._path}.lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def _usual(session: Session) -> Callable[[TodoList, Item], None]:
    """Return what delivers a reminder as the configuration says, or as this system does it.

    Raises:
        UsageError: The table `[remind]` of the configuration is wrong.
    """
    notify = notify_command(session.config)

    def deliver(todos: TodoList, item: Item) -> None:
        commands = [_filled(notify, todos, item)] if isinstance(notify, tuple) else []
        if notify is None:
            commands = _commands_of_system(todos, item)
        failure = ""
        for command in commands:
            failure = run_program(command, reminder_event(todos.log.id, todos.name, item), TIMEOUT).failure
            if not failure:
                return
            failure = f"{command[0]}: {failure}"
        if not isinstance(notify, tuple) and sys.stdout.isatty():
            print_line(f"\aReminder: {visible(todos.name)}/{item.number}  {visible(item.todo.text)}  ({_time(item)})")
            sys.stdout.flush()
            return
        why = failure or "there is neither a terminal nor a program that shows notifications"
        raise NotDelivered(f"the reminder of {visible(todos.name)}/{item.number} could not be delivered: {visible(why)}")

    return deliver


def _filled(notify: Sequence[str], todos: TodoList, item: Item) -> list[str]:
    return filled(notify, values_of(todos.name, item))


def _commands_of_system(todos: TodoList, item: Item) -> list[list[str]]:
    """Return the command with which this system shows a notification, if it has one."""
    text = item.todo.text.replace("\0", "")
    body = f"{todos.name}/{item.number}, {_time(item)}"
    if sys.platform == "darwin":  # the texts are arguments, so that they cannot be read as a script
        script = ["-e", "on run a", "-e", "display notification (item 2 of a) with title (item 1 of a)", "-e", "end run"]
        return [["osascript", *script, "--", text, body]]
    # notification servers read the body as markup, and the title as text
    return [["notify-send", "--app-name=todo", "--", text, html.escape(body)]] if shutil.which("notify-send") else []


def _time(item: Item) -> str:
    return "" if item.todo.reminder is None else short_instant(item.todo.reminder, to_local)
