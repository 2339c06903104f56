"""Where a machine syncs its lists: what a hub and a shared folder have in common, and the marker that tells them apart."""

import os
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import LogBusy
from ...cqrs.events import Recorded
from ...cqrs.names import is_stream_name
from ...cqrs.store import Log, LogHead, Store
from ...cqrs.stores.jsonl.files import make_directory, os_errors_as_store_errors, sync_directory, write_all
from ...cqrs.struct import Struct
from ..errors import RemoteUnavailable, WrongRemote
from .results import Effect

Kind: TypeAlias = Literal["hub", "folder"]
MARKER = "cqrs-todo-sync.json"
"""The file that says what a folder is. Its content is always the same, so that two machines that make it agree."""
_COMMAND = re.compile(rb'"command":"([^"]*)"')


class Behind(LogBusy):
    """Another machine has changed a list on the remote meanwhile, so it must be merged again."""


class RemoteList(Struct, frozen=True, kw_only=True):
    """A list on a remote.

    Attributes:
        id: The id of its log.
        name: Its name there.
        archived: Whether it is archived there.
        ends: The digest of the last line of each copy, by labels. It was not verified, and is '' if a copy is not complete.
        names: How others call it, by their labels.
        archives: The labels of those who have archived it.
        marks: Digests of its commits that are known to be on a hub.
        own: The digest of the last line of the copy that this machine has written there; '' if that is not complete, or not
            there.
        forgets: The streams that the copies of other machines name as forgotten, by labels. A hub does not say it before its
            copy is read.
        forgotten: Those of these that the copy of this machine does not name.
        apart: The ids of the lists that are kept apart from it there, because somebody has both.
    """

    id: str
    name: str
    archived: bool
    ends: Mapping[str, str]
    names: Mapping[str, str]
    archives: Sequence[str] = ()
    marks: frozenset[str] = frozenset()
    own: str = ""
    forgets: Mapping[str, frozenset[str]] = MappingProxyType({})
    forgotten: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


class RemoteCopy(Struct, frozen=True):
    """A copy of a list that was read from a remote.

    Attributes:
        label: Its label.
        content: Its lines.
        since: The cursor that they come after; `START` if these are all lines.
    """

    label: str
    content: bytes
    since: Cursor = START

    @property
    def lines(self) -> list[bytes]:
        """The lines, each with its LF."""
        return list(BytesIO(self.content))


class RemoteFolder(Struct, frozen=True):
    """The folder of a remote.

    Args:
        path: Its path.
        kind: What it is.
        is_new: Whether nobody has synced there before: it is empty or not there, and this machine does not know it.
    """

    path: str
    kind: Kind
    is_new: bool


class Found(Struct, frozen=True):
    """What is on a remote.

    Args:
        lists: The lists.
        unread: Why copies are passed over that may be lists, by their labels.
        renewed: Whether this machine has taken a new id, because another one had written its file.
    """

    lists: Sequence[RemoteList]
    unread: Mapping[str, str] = {}
    renewed: bool = False


class Remote(ABC):
    """A place where machines meet.

    Attributes:
        url: What it is known by, without a password.
        is_hub: Whether it has one copy of each list, which is only appended to.
        folder: The folder that it is in; None for a server.
    """

    is_hub: bool

    def __init__(self, url: str, folder: RemoteFolder | None) -> None:
        """Use a remote; the arguments are described above."""
        self.url = url
        self.folder = folder

    def mark(self) -> None:
        """Say in a folder what it is, before something is written there. A folder that says so already stays as it is.

        Raises:
            StoreUnavailable: It cannot be written.
        """
        if self.folder is not None:
            path = os.path.join(self.folder.path, MARKER)
            if not os.path.exists(path):
                write_file(path, msgspec.json.encode({"kind": self.folder.kind}) + b"\n")

    @abstractmethod
    def look(self) -> Found:
        """Look at the lists that are there.

        Raises:
            StoreUnavailable: The remote cannot be reached.
        """

    @abstractmethod
    def copies(self, id: str, *, own: bool = False, since: Cursor = START) -> Iterator[RemoteCopy]:
        """Read the copies of a list that this machine has not written.

        Args:
            id: The id of its log.
            own: Whether to read the one that it has written, too, because it has lost the list.
            since: A cursor of the list of this machine. A hub reads only what comes after it, if its copy is the same up to
                there.

        Raises:
            CqrsError: A copy cannot be read.
        """

    @abstractmethod
    def publish(self, id: str, name: str, lines: Sequence[bytes], since: Cursor = START) -> Mapping[str, str]:
        """Bring the list of this machine there. It has all commits of the copies that were read before.

        Args:
            id: The id of its log.
            name: Its name.
            lines: Its lines, each with its LF.
            since: The cursor that they come after: `START`, or what `end` returns.

        Returns:
            The digest of the last line of each copy that the list of this machine has all of now, by labels.

        Raises:
            Behind: Another machine has changed it meanwhile.
            CqrsError: It cannot be written.
        """

    def end(self, id: str) -> Cursor:
        """Return where the copy of a hub ended when it was read; `START` if that is not known."""
        return START

    def forget(self, id: str, streams: Collection[str]) -> str:
        """Forget streams in the copy of a hub.

        Args:
            id: The id of the log.
            streams: The streams that this machine has forgotten in it.

        Returns:
            Why that was not possible, in words; '' if it was.
        """
        return ""

    def still_has(self, id: str, streams: Collection[str]) -> Sequence[str]:
        """Return those of some streams whose data the copy of a hub, or of this machine, still has; () if unreadable.

        Args:
            id: The id of the log.
            streams: The streams.
        """
        return ()

    def rename(self, id: str, old: str, new: str) -> str:
        """Give a list the name that it has on this machine.

        Returns:
            Why that was not possible, in words; '' if it was.
        """
        return ""

    def archive(self, name: str, *, back: bool) -> str:
        """Archive a list that was archived on this machine.

        Args:
            name: Its name on the remote.
            back: Whether to bring it back into use instead.

        Returns:
            Why that was not possible, in words; '' if it was.
        """
        return ""

    def news(self, names: Mapping[str, str], archived: Mapping[str, str]) -> Sequence[Effect]:
        """Return what `finish` is going to tell the others otherwise than before; its arguments are the same."""
        return ()

    def finish(self, names: Mapping[str, str], archived: Mapping[str, str]) -> None:  # noqa: B027  # a hub has nothing to do
        """Tell the others how the lists of this machine are called.

        Args:
            names: The names of the lists in use, by the ids of their logs.
            archived: Those of the archived ones.
        """

    def retire(self, id: str) -> None:  # noqa: B027  # most remotes have nothing to remove
        """Remove the copy that this machine has written of a list, because the list became a part of another one."""

    def is_archived(self, id: str) -> bool:
        """Return whether a list of which there may be no copy is archived by all who have it, as far as they say so."""
        return False

    def may_bring(self, id: str, label: str, *, with_: str) -> bool:
        """Return whether a list is there, or is expected from the one who has written a copy of another list.

        Args:
            id: The id of its log.
            label: The label of the copy.
            with_: The id of the log of the other list.
        """
        return False

    def shown(self, label: str) -> str:
        """Return what people call the one with a label."""
        return self.url

    def writer(self, label: str) -> str:
        """Return what people call the machine that wrote a copy; '' if that is not known."""
        return ""

    def close(self) -> None:  # noqa: B027  # a folder holds nothing open
        """Close what is open."""


def remote_folder(folder: str, kind: Kind, url: str, *, known: bool) -> RemoteFolder:
    """Look at a folder, which must be what its URL says, or a new one.

    Args:
        folder: The folder.
        kind: What the URL says.
        url: The URL.
        known: Whether this machine has synced there before.

    Raises:
        WrongRemote: It is something else, or the folder in which a new one would be made does not exist. Or it is a new one
            in another remote, or around one.
        StoreUnavailable: It cannot be reached.
        RemoteUnavailable: It was there before and is empty now, as the folder of a disk that is not mounted.
    """
    path = os.path.join(folder, MARKER)
    found = _marked(path)
    if found is None:
        if known and not _is_used(folder, kind):
            raise RemoteUnavailable(
                f"{folder}: this machine has synced there before, but the lists and {MARKER} are not there now",
                "mount or share the folder again, and sync again; if you moved it, sync with its new path; to begin"
                " again, sync with a new folder",
            )
        if kind == "folder" and os.path.isdir(os.path.join(folder, "lists")):
            raise WrongRemote(f"{folder} holds lists, and is not a shared folder", f"use it as a hub: jsonl:{folder}")
        began = not known and not _is_used(folder, kind)
        if began:
            _check_place(folder, url)
        return RemoteFolder(folder, kind, began)
    if found != kind:
        other = f"folder:{folder}" if found == "folder" else f"jsonl:{folder}"
        what = "a shared folder" if found == "folder" else "a hub"
        raise WrongRemote(f"{url}: {folder} is {what}, as {path} says", f"use it as what it is: {other}")
    return RemoteFolder(folder, kind, False)


def _check_place(folder: str, url: str) -> None:
    """Check that a new remote can be in a folder, and that a name of the path was not misspelt, left out or doubled.

    Raises:
        WrongRemote: The folder around it does not exist or is a remote, or a folder in it is one.
        StoreUnavailable: It cannot be read.
    """
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        raise WrongRemote(
            f"{url}: there is no folder {parent}",
            f"correct the path, or make that folder: mkdir -p {shlex.quote(parent)}",
        )
    with os_errors_as_store_errors(folder):
        within = [os.path.join(folder, name) for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []
    for other in (parent, *within):
        path = os.path.join(other, MARKER)
        where = f"{url} would be {'in' if other == parent else 'around'}"
        try:
            kind = _marked(path) if os.path.isfile(path) else None
        except WrongRemote as error:
            raise WrongRemote(
                f"{where} {other}, which was a remote: {error}",
                f"give a folder apart from {other}; or, if it is not a remote any more, remove that file:"
                f" rm {shlex.quote(path)}",
            ) from error
        if kind is not None:
            there = f"folder:{other}" if kind == "folder" else f"jsonl:{other}"
            raise WrongRemote(
                f"{where} another remote, {there}",
                f"to use that one, give {shlex.quote(there)}; or give a folder apart from it",
            )


def _is_used(folder: str, kind: Kind) -> bool:
    """Return whether a folder holds lists, so that only its marker was lost."""
    with os_errors_as_store_errors(folder):
        names = os.listdir(folder) if os.path.isdir(folder) else []
    return "lists" in names if kind == "hub" else any(name.endswith(".jsonl") for name in names)


def _marked(path: str) -> Kind | None:
    with os_errors_as_store_errors(path):
        try:
            with open(path, "rb") as file:
                content: Any = msgspec.json.decode(file.read(1 << 16))
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            content = None
    kind: Kind | None = content.get("kind") if isinstance(content, dict) else None
    if kind not in ("hub", "folder"):
        raise WrongRemote(f"{path} does not say what the folder is", "remove that file, and the next sync makes it anew")
    return kind


def write_file(path: str, content: bytes) -> None:
    """Replace a file in a folder that others read, completely or not at all. The folder may be on a disk of any kind.

    Raises:
        StoreUnavailable: It cannot be written.
    """
    folder, name = os.path.split(path)
    fresh = os.path.join(folder, f".{name}.new")
    with os_errors_as_store_errors(path):
        make_directory(folder)
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                write_all(fd, content)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(fresh, path)
        except OSError as error:
            error.filename = path  # what was to take its place is nobody's concern
            with suppress(OSError):
                os.unlink(fresh)
            raise
        with suppress(OSError):  # not every file system can sync a folder
            sync_directory(folder)


def opened(store: Store, head: LogHead) -> Log:
    """Open a list of this machine; an archived one can only be read."""
    return store.open_archived(head.name) if head.archived else store.open(head.name)


def events_in(log: Log, stream: str, limit: int | None = None) -> Iterator[Recorded]:
    """Return the events of a stream, oldest first, also of one whose name only another program records.

    Args:
        log: The log.
        stream: The name of the stream.
        limit: How many events to return at most. None returns all.
    """
    if is_stream_name(stream):
        return log.events(limit=limit, stream=stream)
    return islice((event for event in log.events() if event.stream == stream), limit)


def has_events(log: Log, stream: str) -> bool:
    """Return whether a list has events of a stream; see `events_in`."""
    return any(True for _ in events_in(log, stream, 1))


def commands_in(lines: Iterable[bytes]) -> set[bytes]:
    """Return the command ids in the lines of a log, which may be damaged."""
    return {command for line in lines for command in _COMMAND.findall(line)}


def places_in(lines: Iterable[bytes], first: int = 0) -> dict[str, int]:
    """Return the places of lines, by the command ids in them. The first line is at the place `first`."""
    return {command.decode(): place for place, line in enumerate(lines, first) for command in _COMMAND.findall(line)}
