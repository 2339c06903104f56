"""Progress on stderr, for what takes longer than half a second while somebody watches."""

import sys
import time

_PATIENCE = 0.5
_PAUSE = 0.1


class ProgressLine:
    """Is told now and then how much of a long piece of work is done, and shows it on a line that is wiped at its end."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = ""
        self.begin("reading")

    def begin(self, what: str) -> None:
        """What is told from here on is of another piece of work."""
        self.wipe()
        self._what = what
        self._began = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total:
            self.wipe()
        elif not (self._quiet or now - self._began < _PATIENCE or now - self._shown < _PAUSE) and sys.stderr.isatty():
            self._shown = now
            self._drawn = f"{self._what} {done / total:4.0%}"
            sys.stderr.write(f"\r{self._drawn}")
            sys.stderr.flush()

    def wipe(self) -> None:
        """Leave nothing of the line."""
        if self._drawn:
            from rich.cells import cell_len  # seldom needed, and then there is time

            sys.stderr.write(f"\r{' ' * cell_len(self._drawn)}\r")
            sys.stderr.flush()
            self._drawn = ""
