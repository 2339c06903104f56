"""What a signal that ends the process does to an append: it waits until the append is done, and ends waits for locks."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_process_ends = False


def end_waits() -> None:
    """End the waits of all threads for locks on files, because the process ends. The handler of a signal may call this.

    Only programs that change logs in other threads than the main one need it: Python runs the handler in the main thread.
    """
    global _process_ends  # a process ends once, for all stores
    _process_ends = True


def process_ends() -> bool:
    """Return whether `end_waits` was called."""
    return _process_ends


@contextmanager
def delay_signals() -> Iterator[list[int]]:
    """Delay SIGINT and SIGTERM until the block ends, so that an append is written completely or not at all.

    In any thread but the main one this does nothing. Python runs signal handlers in the main thread only, so they never
    interrupt another thread. (A signal mask would not work. In a program with several threads the kernel delivers a
    masked signal to another thread, and Python then runs the handler in the main thread.)

    Yields:
        The numbers of the signals that have arrived so far, in order. After the block each of them is raised again, and
        is handled as it would have been without this function.
    """
    arrived: list[int] = []
    before: list[tuple[int, Any]] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    try:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                # `getsignal` returns None for a handler that was not installed from Python
                before.append((number, signal.getsignal(number) or signal.SIG_DFL))
                signal.signal(number, hold)
        except ValueError:  # this is not the main thread
            before.clear()
        yield arrived
    finally:
        try:
            _restore(before)
        finally:
            _raise_all(arrived)


def _restore(before: list[tuple[int, Any]]) -> None:
    """Restore handlers, and remove them from the list.

    Before Python changes a handler, it calls those of signals that have just arrived. One that was restored may raise then.
    """
    try:
        while before:
            signal.signal(*before[-1])
            before.pop()
    finally:
        if before:
            _restore(before)


def _raise_all(numbers: list[int]) -> None:
    """Raise signals again, and remove them from the list. The handler of each of them may raise."""
    try:
        while numbers:
            signal.raise_signal(numbers.pop(0))
    finally:
        if numbers:
            _raise_all(numbers)
