"""Signals wait until an append is over."""

# private, and so without types: for each handler that it takes or gives, `signal` tries to find an enum's member, which
# takes a twelfth of an append
import _signal  # type: ignore[import-not-found]
from types import FrameType
from typing import Any

_HELD = (_signal.SIGINT, _signal.SIGTERM)


class signals_held:  # noqa: N801  # is used as a function; as a generator it would take twice as long
    """Hold SIGINT and SIGTERM back until the block is over, so that an append is whole or not at all; gives those that came.

    Only the main thread can: Python runs signal handlers there, so that they never interrupt another thread. (A signal
    mask would not do: in a program with threads the kernel gives the signal to another one, and Python to the main one.)
    """

    def __enter__(self) -> list[int]:
        self._came: list[int] = []
        self._before: list[tuple[int, Any]] = []
        try:
            for held in _HELD:
                self._before.append((held, _signal.getsignal(held)))
                _signal.signal(held, self._hold)
        except ValueError:  # another thread
            self._before = []
        except BaseException:  # what another handler raised
            self._restore()
            raise
        return self._came

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(number)

    def __exit__(self, *_: object) -> None:
        try:
            self._restore()
        finally:
            self._deliver()

    def _restore(self) -> None:
        """Give all signals their handlers back, though one that has its own again may come at once and raise."""
        if self._before:
            number, handler = self._before.pop()
            try:
                _signal.signal(number, _signal.SIG_DFL if handler is None else handler)
            finally:
                self._restore()

    def _deliver(self) -> None:
        """Let all that came do what they would have done, though the handler of one raises."""
        if self._came:
            try:
                _signal.raise_signal(self._came.pop(0))
            finally:
                self._deliver()
