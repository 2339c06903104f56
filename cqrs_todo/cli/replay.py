"""`replay`: history played before your eyes; into a pipe, a frame a line."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..cqrs.events import Commit
from ..cqrs.timeline import Moment
from ..todo.history import describe_event
from ..todo.service import TodoList, View
from ..todo.views import Item, short_instant
from . import document
from .clock import to_local
from .errors import UsageError
from .output import OutputFailed, out
from .render import say
from .session import Session
from .text import visible

LONGEST_PAUSE = 1.0
"""However long nothing happened, no frame stands longer, in seconds; `--speed` divides it too."""

_STEP_KEYS = ("n", "\n", "\r", "\x1b[C")


def replay(session: Session, since: str | None, until: str | None, speed: float, *, step: bool) -> None:
    """Play the history from one moment to another, commit by commit."""
    if session.options.at is not None:
        raise UsageError("replay is told its moments by its own words", "leave out --at: todo replay --from TIME --to TIME")
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"--speed can't be {speed:g}", "it is a number above 0: 2 is twice as fast")
    todos = session.list
    frames = _frames(todos, _first(session, since), None if until is None else session.moment_of(until))
    if sys.stdout.isatty() and not session.options.json:
        try:
            _play(session, frames, speed, step=step)
        except OSError as error:
            raise OutputFailed(error) from error
        return
    for commit, view in frames:
        shown = [item for item in view.items if not item.todo.removed]
        head = {"list": view.list, "at": commit.metadata.at, "commit": document.commit_document(commit)}
        out(document.encode({**head, "todos": [document.todo_document(item) for item in shown]}))


def _first(session: Session, text: str | None) -> Moment:
    """The moment before the first frame."""
    moment = 0 if text is None else session.beginning_of(text)
    return moment if isinstance(moment, datetime) else max(moment - 1, 0)


def _frames(todos: TodoList, first: Moment, last: Moment | None) -> Iterator[tuple[Commit, View]]:
    """Each commit after the first moment, up to the last one, with the list as it then was."""
    start, end = todos.view(first).position, todos.view(last).position
    yield from todos.replay(start, end)


def _play(session: Session, frames: Iterator[tuple[Commit, View]], speed: float, *, step: bool) -> None:
    screen = Console(markup=False, emoji=False, highlight=False, width=session.columns)
    live = Live(console=screen, screen=True, auto_refresh=False)
    with _keys() as key:
        # Live can't be interrupted while it changes the screen or changes it back
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            live.start()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            _show_frames(live, frames, key, speed, paused=step)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            live.stop()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    say(session, "The end.")


def _show_frames(live: Live, frames: Iterator[tuple[Commit, View]], key: "_Key", speed: float, *, paused: bool) -> None:
    shown = next(frames, None)
    while shown is not None:
        coming = next(frames, None)
        pause = LONGEST_PAUSE if coming is None else _gap(shown[0], coming[0])
        while True:
            live.update(_frame(*shown, live.console.height, paused=paused), refresh=True)
            pressed = key(None if paused else pause / speed)
            if pressed == " ":
                paused = not paused
            elif pressed == "q":
                return
            elif pressed is None or pressed in _STEP_KEYS:
                break
        shown = coming


def _gap(commit: Commit, following: Commit) -> float:
    """How long the one stands before the other, in seconds, idle time capped; clocks may have gone back."""
    return min(max((following.metadata.at - commit.metadata.at).total_seconds(), 0.0), LONGEST_PAUSE)


def _frame(commit: Commit, view: View, height: int, *, paused: bool) -> Group:
    meta = commit.metadata
    touched = {event.stream for event in commit.events}
    told = [visible(describe_event(event, to_local)) for event in commit.events[:3]]
    if len(commit.events) > len(told):
        told.append(f"and {len(commit.events) - len(told)} more")
    head = Text.assemble(
        (f"@{commit.position}  ", "bold"),
        (f"{short_instant(meta.at, to_local)}  ", "cyan"),
        (f"{visible(meta.by)}  ", "dim"),
        "; ".join(told),
        no_wrap=True,
        overflow="ellipsis",
    )
    items = [item for item in view.items if not item.todo.removed]
    rows = [_row(item, item.stream in touched) for item in _around(items, touched, max(height - 5, 1))]
    keys = Text("space: pause or go on   n: next   q: quit", style="dim")
    return Group(head, Text(), *rows, Text(), Text("paused   ", style="bold").append_text(keys) if paused else keys)


def _around(items: list[Item], touched: set[str], room: int) -> list[Item]:
    """As many todos as there is room for, those just touched among them."""
    place = next((n for n, item in enumerate(items) if item.stream in touched), 0)
    start = max(0, min(place - room // 2, len(items) - room))
    return items[start : start + room]


def _row(item: Item, is_touched: bool) -> Text:
    mark = "✓" if item.todo.done else " "
    style = "bold" if is_touched else "dim" if item.todo.done else ""
    tags = "".join(f" +{visible(tag)}" for tag in item.todo.tags)
    words = f"{item.number:>4} {mark} {item.todo.priority or ' '} {visible(item.todo.text)}{tags}"
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


@contextmanager
def _keys() -> "Iterator[_Key]":
    """Read single keys while the block runs; afterwards the terminal is as it was."""
    if not sys.stdin.isatty():
        yield _Key(None)
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield _Key(fd)
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


class _Key:
    """Called with a number of seconds (None: for ever) it gives the key pressed meanwhile, or None."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._typed = ""

    def __call__(self, seconds: float | None) -> str | None:
        if self._fd is None:
            select.select([], [], [], LONGEST_PAUSE if seconds is None else seconds)
            return None
        if not self._typed and select.select([self._fd], [], [], seconds)[0]:
            try:
                self._typed = os.read(self._fd, 64).decode(errors="replace") or "q"
            except OSError:  # the terminal is gone
                self._typed = "q"
        if not self._typed:
            return None
        length = 3 if self._typed.startswith("\x1b[") else 1
        key, self._typed = self._typed[:length], self._typed[length:]
        return key
