"""The two threads that work with the store.

The first one does what changes something, and what takes a moment. With sixteen clients, one thread is also the fastest way
for lists in files. The second one does what takes longer, so that nobody else waits for it. Each has lists of its own,
because a list is read and changed by one thread at a time.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Stopping(Exception):
    """The server ends, so the job was not done."""


class Worker:
    """Two threads that do jobs one after the other, and that can be stopped without cutting off a change."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._long_jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._changing = threading.Lock()
        self._stopped = False
        # a daemon, so that a long read does not delay the end of the process; `stop` waits for changes
        for jobs in (self._jobs, self._long_jobs):
            threading.Thread(target=_work, args=(jobs,), name="store", daemon=True).start()

    @property
    def stopped(self) -> bool:
        """Whether the server ends, so that a job should not go on."""
        return self._stopped

    async def run(self, job: Callable[[], T], *, long: bool = False) -> T:
        """Do a job in a thread.

        Args:
            job: The job.
            long: Whether to do it in the second thread. Such a job changes nothing.

        Returns:
            What it returns.

        Raises:
            Stopping: The server ends.
            Exception: What the job raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            if done.cancelled():  # the client is gone, and nobody waits for the result
                return
            try:
                if self._stopped:
                    raise Stopping
                result = job()
            except Exception as error:
                _set_outcome(loop, done, error=error)
            else:
                _set_outcome(loop, done, result=result)

        (self._long_jobs if long else self._jobs).put(work)
        return await done

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Do a part of a job that changes a list. The server does not end while this part goes on.

        Raises:
            Stopping: The server ends. Nothing was changed.
        """
        with self._changing:
            if self._stopped:
                raise Stopping
            yield

    def refuse(self) -> None:
        """Begin no other job or change from now on. This may be called by the handler of a signal."""
        self._stopped = True

    def stop(self) -> None:
        """Wait for the change that goes on, if there is one, and begin no other."""
        self.refuse()
        with self._changing:
            pass


def _work(jobs: "SimpleQueue[Callable[[], None]]") -> None:
    while True:
        jobs.get()()


def _set_outcome(
    loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Any]", *, result: Any = None, error: Exception | None = None
) -> None:
    """Give the result of a job, or its error, to those who wait for it."""

    def set_outcome() -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    if not loop.is_closed():
        loop.call_soon_threadsafe(set_outcome)
