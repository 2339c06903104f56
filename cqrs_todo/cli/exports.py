"""What `export` and `import` share: the formats, file names, and signals that must not leave temporary files."""

import signal
from contextlib import AbstractContextManager

from .errors import UsageError
from .signals import raised

FORMATS = ("json", "events")


def check_format(format: str | None) -> None:
    """Raise `UsageError` if there is no such format."""
    if format is not None and format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(FORMATS)}")


def cleaning_up() -> AbstractContextManager[None]:
    """Let SIGTERM and SIGHUP end the process only after the block has removed its temporary files."""
    return raised(signal.SIGTERM, signal.SIGHUP)


def file_name(name: str) -> bytes:
    """Return the bytes of a file name from the command line, whatever the locale."""
    return name.encode("utf-8", "surrogateescape")
