"""Playing commits on a terminal: a frame for each, with keys to pause, to step and to quit."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..cqrs.events import Commit
from ..todo.history import describe_event
from ..todo.service import View
from ..todo.views import Item, short_instant
from .clock import to_local
from .output import print_message
from .session import Session
from .text import visible

LONGEST_PAUSE = 1.0
"""The longest time that a frame is shown, in seconds, however long nothing happened. `--speed` divides it."""

_STEP_KEYS = ("n", "\n", "\r", "\x1b[C")


def play(session: Session, frames: Iterator[tuple[Commit, View]], speed: float, *, step: bool) -> None:
    """Play frames on the terminal until they end or the person quits.

    Args:
        session: This run of the program.
        frames: Each commit with the list as it was after it.
        speed: How many times as fast as it happened.
        step: Whether to wait for a key after each frame.
    """
    override = False if session.options.color is not None else None  # Rich would look at NO_COLOR itself
    screen = Console(markup=False, emoji=False, highlight=False, no_color=override, width=session.columns)
    live = Live(console=screen, screen=True, auto_refresh=False)
    with _keys() as key:
        # an interrupt while Live changes the screen, or changes it back, would leave the terminal unusable
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            live.start()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            _show_frames(live, frames, key, speed, paused=step)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            live.stop()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    print_message(session, "The end.")


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
    """Return how long to show a commit before the next one, in seconds. Clocks may have gone back in between."""
    return min(max((following.metadata.at - commit.metadata.at).total_seconds(), 0.0), LONGEST_PAUSE)


def _frame(commit: Commit, view: View, height: int, *, paused: bool) -> Group:
    meta = commit.metadata
    changed = {event.stream for event in commit.events}
    words = [visible(describe_event(event, to_local)) for event in commit.events[:3]]
    if len(commit.events) > len(words):
        words.append(f"and {len(commit.events) - len(words)} more")
    head = Text.assemble(
        (f"@{commit.position}  ", "bold"),
        (f"{short_instant(meta.at, to_local)}  ", "cyan"),
        (f"{visible(meta.by)}  ", "dim"),
        "; ".join(words),
        no_wrap=True,
        overflow="ellipsis",
    )
    items = [item for item in view.items if not item.todo.removed]
    rows = [_row(item, item.stream in changed) for item in _around(items, changed, max(height - 5, 1))]
    keys = Text("space: pause or continue   n: next   q: quit", style="dim")
    return Group(head, Text(), *rows, Text(), Text("paused   ", style="bold").append_text(keys) if paused else keys)


def _around(items: list[Item], changed: set[str], room: int) -> list[Item]:
    """Return as many todos as there is room for, the ones that the commit changed among them."""
    place = next((n for n, item in enumerate(items) if item.stream in changed), 0)
    start = max(0, min(place - room // 2, len(items) - room))
    return items[start : start + room]


def _row(item: Item, is_changed: bool) -> Text:
    mark = "✓" if item.todo.done else " "
    style = "bold" if is_changed else "dim" if item.todo.done else ""
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
    """Waits for a key: called with a number of seconds (None: no limit), it returns the key, or None."""

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
