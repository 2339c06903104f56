"""What `export` and `import` share: the formats, file names, and signals that must not leave temporary files."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import UsageError

FORMATS = ("json", "events")


def check_format(format: str | None) -> None:
    """Raise `UsageError` if there is no such format."""
    if format is not None and format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(FORMATS)}")


class _Terminated(BaseException):
    """SIGTERM or SIGHUP came."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process only after the block has removed its temporary files."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the block
        raise _Terminated(number)

    caught = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in caught:
            signal.signal(number, stop)
        yield
    except _Terminated as terminated:
        signal.signal(terminated.number, signal.SIG_DFL)
        signal.raise_signal(terminated.number)
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def file_name(name: str) -> bytes:
    """Return the bytes of a file name from the command line, whatever the locale."""
    return name.encode("utf-8", "surrogateescape")
