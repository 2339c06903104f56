"""A pager for output that is longer than the screen. Shorter output is printed as it is, and no program is started."""

import io
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .output import OutputFailed

_NO_PAGER = ("", "cat")
"""The values of PAGER that mean no pager."""

_USUAL = "less"

_LESS = "FRX"
"""The usual options of less: quit if all of it fits on the screen, show colours, leave the text on the screen at the end."""

_STYLE = re.compile(r"\x1b\[[0-9;]*m")

_ONE_WORD = re.compile(r"[\w./+-]+")
"""What the name of a program looks like. Anything else in PAGER is a command line for the shell."""

_NOT_STARTED = (126, 127)
"""The exit codes of a shell that could not start a program."""


class _Kept(io.StringIO):
    """Output for a terminal that is not shown yet."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # nobody sets it
        """The encoding of the terminal."""
        return self._encoding

    def isatty(self) -> bool:
        """Whether it looks as on a terminal."""
        return True


def pager() -> str | None:
    """Return the command line of the pager; None if the person wants none."""
    command = os.environ.get("PAGER", _USUAL).strip()
    return None if command in _NO_PAGER else command


@contextmanager
def paged(command: str) -> Iterator[None]:
    """Keep what the block prints on stdout, and show it at the end, with a pager if it is longer than the screen.

    What was printed before an error is shown, too.

    Args:
        command: The command line of the pager.

    Raises:
        OutputFailed: Stdout cannot be written to.
    """
    screen = sys.stdout
    kept = _Kept(screen.encoding or "utf-8")
    sys.stdout = kept
    try:
        yield
    except KeyboardInterrupt:  # the person does not want to see it any more
        kept.truncate(0)
        raise
    finally:
        sys.stdout = screen
        text = kept.getvalue()
        if not (_is_longer_than_the_screen(text) and _page(command, text, kept.encoding)):
            try:
                screen.write(text)
            except OSError as error:
                raise OutputFailed(error) from error


def _is_longer_than_the_screen(text: str) -> bool:
    """Return whether a text does not fit on the terminal, where a line is left for the prompt of the shell."""
    columns, lines = shutil.get_terminal_size()
    if text.count("\n") >= lines:
        return True
    return sum(_height(line, columns) for line in text.splitlines()) >= lines


def _height(line: str, columns: int) -> int:
    """Return how many lines of the terminal a line takes."""
    if len(line) * 2 <= columns:
        return 1
    from rich.cells import cell_len  # few lines are long, unless Rich has drawn them

    return max(-(-cell_len(_STYLE.sub("", line)) // columns), 1)


def _page(command: str, text: str, encoding: str) -> bool:
    """Show a text with a pager until the person quits it. Returns False if the pager could not be started."""
    import subprocess  # most output fits on the screen

    with suppress(OSError):
        sys.stdout.flush()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # Ctrl-C is for the pager; a handler, because the pager would inherit SIG_IGN
        signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        program = [command] if _ONE_WORD.fullmatch(command) else ["sh", "-c", command]
        try:
            running = subprocess.Popen(program, stdin=subprocess.PIPE, env={"LESS": _LESS, "LV": "-c", **os.environ})
        except OSError:
            return False
        running.communicate(text.encode(encoding, "backslashreplace"))  # a pager that ended early is not an error
        return running.returncode not in _NOT_STARTED
    finally:
        signal.signal(signal.SIGINT, before)
