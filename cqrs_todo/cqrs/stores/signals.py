"""Signals wait until an append is over."""

from contextlib import suppress
from types import FrameType
from typing import Any


class signals_held:  # noqa: N801  # is used as a function; as a generator it would take twice as long
    """Hold SIGINT and SIGTERM back until the block is over, so that an append is whole or not at all; gives those that came.

    Only the main thread can: Python runs signal handlers there, so that they never interrupt another thread. (A signal
    mask would not do: in a program with threads the kernel gives the signal to another one, and Python to the main one.)
    """

    def __enter__(self) -> list[int]:
        import signal  # readers, who must be quick, need none

        self._came: list[int] = []
        self._before: list[tuple[int, Any]] = []
        with suppress(ValueError):  # another thread
            for held in (signal.SIGINT, signal.SIGTERM):
                self._before.append((held, signal.signal(held, self._hold)))
        return self._came

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(number)

    def __exit__(self, *_: object) -> None:
        import signal

        for number, handler in self._before:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for late in self._came:
            signal.raise_signal(late)
