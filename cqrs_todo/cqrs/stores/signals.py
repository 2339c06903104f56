"""What a signal that ends the process does to an append: it waits until the append is done, and ends waits for locks."""

# Not `signal`, which wraps each number in an enum: that is a sixtieth of a whole short command.
import _signal as signal  # type: ignore[import-not-found]  # typeshed leaves out private modules
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

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
    restore: list[Callable[[], object]] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    try:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                # `getsignal` returns None for a handler that was not installed from Python
                restore.append(partial(signal.signal, number, signal.getsignal(number) or signal.SIG_DFL))
                signal.signal(number, hold)
        except ValueError:  # this is not the main thread
            restore.clear()
        yield arrived
    finally:
        # a handler that is restored, or that handles what arrived, may raise at once
        try:
            _call_all(restore)
        finally:
            _call_all([partial(signal.raise_signal, number) for number in arrived])


def _call_all(functions: list[Callable[[], object]]) -> None:
    """Call every function in order, even if some of them raise."""
    if functions:
        try:
            functions[0]()
        finally:
            _call_all(functions[1:])
