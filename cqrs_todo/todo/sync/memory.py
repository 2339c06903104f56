"""What a machine remembers of its syncs: who it is, and what it and each remote had when they were equal last.

It is a file in the state folder. If it is lost, the next sync reads everything again, and nothing else is lost.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from msgspec import Struct, field

from ...cqrs.cursor import Cursor
from ...cqrs.errors import LogBusy, StoreUnavailable
from ...cqrs.stores.jsonl.files import (
    close,
    make_directory,
    open_or_make,
    os_errors_as_store_errors,
    replace_durably,
    try_lock,
)

_FILE = "sync.json"
_PATIENCE = 10.0
"""How many seconds a sync waits for another one of this machine."""
_PAUSE = 0.05


class Moved(Struct, frozen=True, kw_only=True):
    """Todos that were moved to another list.

    Attributes:
        streams: The streams of the todos.
        others: The ids that the command can have that made them there, first that of the command which removed them here.
        target_name: The name of this list then.
    """

    streams: tuple[str, ...]
    others: tuple[str, ...]
    target_name: str


class Held(Struct, frozen=True):
    """A name of a list that is not followed yet.

    Attributes:
        name: The name.
        machine: The name of the machine on which the list has it.
    """

    name: str
    machine: str


class ListMemory(Struct):
    """What was known of one list after its last sync with one remote.

    Attributes:
        name: Its name on this machine.
        digest: The digest of its last line on this machine.
        position: The position of its last event.
        line: How many lines it has.
        offset: How many bytes these are.
        forgotten: How many of its streams were forgotten on this machine.
        seen: The digests of the last lines of the copies on the remote, by the labels of the copies.
        names: The names that others had for it, by the labels of their copies.
        later: The labels of those who had the name that it has on this machine, before they gave it another one.
        taken: The labels of those whose name for it another list of this machine had.
        held: The names that are not followed before those who gave them have received the list that has the name here: each
            with the name of their machine, by the labels.
        archived: The labels of the copies that others had archived.
        passed: The digests of the last lines of the copies that a sync has passed over, because the list is archived here.
        unforgotten: Why a hub could not forget what was forgotten on this machine; '' if it has forgotten all.
        holders: Whose files in a shared folder may still hold what was forgotten on this machine.
        lost: The todos that are in no list of this machine until the other halves of their moves are on the hub.
    """

    name: str
    digest: str
    position: int = 0
    line: int = 0
    offset: int = 0
    forgotten: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    archived: list[str] = field(default_factory=list)
    passed: dict[str, str] = field(default_factory=dict)
    unforgotten: str = ""
    holders: list[str] = field(default_factory=list)
    lost: list[Moved] = field(default_factory=list)

    @property
    def end(self) -> Cursor:
        """The cursor behind its last line."""
        return Cursor(self.position, self.line, self.offset, self.digest.encode())

    @end.setter
    def end(self, end: Cursor) -> None:
        self.position, self.line, self.offset, self.digest = end.position, end.line, end.offset, end.digest.decode()


class RemoteMemory(Struct):
    """What was known after the last sync with one remote.

    Attributes:
        at: When that was.
        only_here: The ids of the archived lists that are not there, as a sync has said.
        lists: What was known of each list, by the ids of the logs.
    """

    at: datetime | None = None
    only_here: list[str] = field(default_factory=list)
    lists: dict[str, ListMemory] = field(default_factory=dict)


class Memory(Struct):
    """All that a machine remembers of its syncs.

    Attributes:
        machine: The id of the machine.
        last: The name or the URL of the remote that was used last.
        remotes: What is known of each remote, by its URL without a password.
        marks: The digests of the last commits that are known to be on a hub, by the ids of the logs.
        kept: When a sync first succeeded after a file was set aside that keeps a list as it was, by the paths of the files.
    """

    machine: str = ""
    last: str = ""
    remotes: dict[str, RemoteMemory] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    kept: dict[str, datetime] = field(default_factory=dict)

    def of(self, remote: str) -> RemoteMemory:
        """Return what is known of a remote, to be changed in place. It is added if there is none."""
        return self.remotes.setdefault(remote, RemoteMemory())


class MemoryFile:
    """The file in which a machine remembers its syncs."""

    def __init__(self, folder: str) -> None:
        """Use a file.

        Args:
            folder: The state folder.
        """
        self._folder = folder
        self._path = os.path.join(folder, _FILE)

    def load(self) -> Memory:
        """Return what is remembered. A machine without an id gets one, which `save` keeps.

        Raises:
            StoreUnavailable: The file cannot be read.
        """
        with os_errors_as_store_errors(self._path):
            try:
                with open(self._path, "rb") as file:
                    memory = msgspec.json.decode(file.read(), type=Memory)
            except FileNotFoundError:
                memory = Memory()
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise StoreUnavailable(
                    f"{self._path} cannot be read: {error}; remove it, and the next sync makes it anew"
                ) from error
        memory.machine = memory.machine or new_machine()
        return memory

    def save(self, memory: Memory) -> None:
        """Keep what is remembered, completely or not at all.

        Raises:
            StoreUnavailable: The file cannot be written.
        """
        with os_errors_as_store_errors(self._path):
            make_directory(self._folder)
            replace_durably(self._path, msgspec.json.format(msgspec.json.encode(memory)) + b"\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other sync of this machine run during the block.

        Raises:
            LogBusy: Another one runs for too long.
            StoreUnavailable: The lock file cannot be made.
        """
        path = os.path.join(self._folder, "sync.lock")
        with os_errors_as_store_errors(path):
            make_directory(self._folder)
            lock = open_or_make(path, os.O_RDWR)
            try:
                deadline = time.monotonic() + _PATIENCE
                while not try_lock(lock):
                    if time.monotonic() > deadline:
                        raise LogBusy("another sync of this machine is running")
                    time.sleep(_PAUSE)
                yield
            finally:
                close(lock)


def new_machine() -> str:
    """Return a new random id for a machine."""
    return os.urandom(5).hex()
