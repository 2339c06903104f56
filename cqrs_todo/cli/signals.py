"""Signals that end the process: a block can clean up, or report what it has done, before they do."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """A signal came that ends the process."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def raised(*numbers: signal.Signals) -> Iterator[None]:
    """Raise `Terminated` in the block when one of some signals comes; the signal ends the process after the block.

    A signal that is ignored, or that has a handler already, is left alone.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
        raise Terminated(number)

    caught = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in caught:
            signal.signal(number, stop)
        yield
    except Terminated as terminated:
        signal.signal(terminated.number, signal.SIG_DFL)
        signal.raise_signal(terminated.number)
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)
