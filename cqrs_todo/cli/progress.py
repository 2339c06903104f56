"""Progress on stderr, for what takes longer than half a second while somebody watches."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 0.5
_PAUSE = 0.1


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """What a long piece of work calls with how much is done and how much there is; the line is wiped at its end."""
    began = shown = time.monotonic()
    drawn = False

    def tell(done: int, total: int) -> None:
        nonlocal shown, drawn
        now = time.monotonic()
        if quiet or now - began < _PATIENCE or now - shown < _PAUSE or not sys.stderr.isatty():
            return
        shown, drawn = now, True
        sys.stderr.write(f"\r{what} {done / max(total, 1):4.0%}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        if drawn:
            sys.stderr.write(f"\r{' ' * (len(what) + 5)}\r")
            sys.stderr.flush()
