"""Signals wait until an append is over."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def signals_held() -> Iterator[list[int]]:
    """Hold SIGINT and SIGTERM back until the block is over, so that an append is whole or not at all; gives those that came.

    Only the main thread can: Python runs signal handlers there, so that they never interrupt another thread. (A signal
    mask would not do: in a program with threads the kernel gives the signal to another one, and Python to the main one.)
    """
    import signal  # readers, who must be quick, need none

    came: list[int] = []
    try:
        before = {
            held: signal.signal(held, lambda number, _: came.append(number)) for held in (signal.SIGINT, signal.SIGTERM)
        }
    except ValueError:  # another thread
        yield came
        return
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for late in came:
            signal.raise_signal(late)
