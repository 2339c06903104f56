"""What is measured within one process: each module runs in the environment of what it measures, and prints JSON."""

import sys
import time
from collections.abc import Callable

OWN_TODOS = 5
"""How many todos each of several writers changes, one after the other."""


def rate(append: Callable[[int], None], seconds: float) -> float:
    """Return how many times a second something is done by one of several writers, who all begin at once.

    It says that it is ready, and begins when a line comes on standard input.

    Args:
        append: Does it once. It is called with how often it was called before.
        seconds: For how many seconds to do it.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    start = time.perf_counter()
    done = 0
    while time.perf_counter() - start < seconds:
        append(done)
        done += 1
    return done / (time.perf_counter() - start)
