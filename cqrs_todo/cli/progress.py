"""Progress on stderr, for work that takes longer than half a second, if stderr is a terminal."""

import sys
import time

_PATIENCE = 0.5
"""How long work takes before the line appears, in seconds."""
_PAUSE = 0.1
"""The shortest time between two updates of the line, in seconds."""


class ProgressLine:
    """A line that shows how much of the work is done, and is wiped at the end.

    Call it with the amount that is done and the whole amount.

    Args:
        quiet: Whether to show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = ""
        self.begin("reading")

    def begin(self, what: str) -> None:
        """Begin another piece of work, described by a word such as "verifying"."""
        self.wipe()
        self._what = what
        self._began = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` is done, if the work already takes long."""
        now = time.monotonic()
        if done >= total:
            self.wipe()
        elif not (self._quiet or now - self._began < _PATIENCE or now - self._shown < _PAUSE) and sys.stderr.isatty():
            self._shown = now
            self._drawn = f"{self._what} {done / total:4.0%}"
            sys.stderr.write(f"\r{self._drawn}")
            sys.stderr.flush()

    def wipe(self) -> None:
        """Remove the line from the terminal."""
        if self._drawn:
            from rich.cells import cell_len  # seldom needed, and then there is time

            sys.stderr.write(f"\r{' ' * cell_len(self._drawn)}\r")
            sys.stderr.flush()
            self._drawn = ""
