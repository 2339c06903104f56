"""A shared folder: each machine writes only its own files there, and reads those of the others.

A file is named `<id of the log>.<id of the machine>.jsonl`. But whatever it is named, it is read as the copy of the log that
its first line names. So a copy that a file-sync program makes on a conflict is read, too. Beside them each machine has a
file `<id of the machine>.json` that says how it calls the lists.
"""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

import msgspec
from msgspec import Struct, field

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import CqrsError, InvalidLogName, StaleCursor
from ...cqrs.names import check_log_name, name_key
from ...cqrs.store import Log, LogHead, Store
from ...cqrs.stores.format import log_in
from ...cqrs.stores.hash_chain import digest_in, last_digest
from ...cqrs.stores.jsonl.files import OPEN_SAFELY, os_errors_as_store_errors, remove, there
from .memory import Memory, new_machine
from .remotes import MARKER, Found, Remote, RemoteCopy, RemoteFolder, RemoteList, commands_in, opened, write_file
from .results import Effect

_ENDING = ".jsonl"
_LONGEST_HEADER = 1 << 24
_LONGEST_NAME = 200
_BLOCK = 1 << 16
_ANY_OWN = re.compile(r"[0-9A-Za-z]+\.([0-9a-f]{10})\b")
"""The beginning of the name of a file that a machine has written, and of a copy that another program made of it."""


class _Named(Struct):
    """How a machine calls a list.

    Attributes:
        name: Its name.
        archived: Whether it is archived there.
        mark: The digest of the last of its commits that is known to be on a hub; '' if none is.
        end: The digest of the last line of the file of this machine then. If the file has another one, one of the two has
            not arrived.
    """

    name: str
    archived: bool = False
    mark: str = ""
    end: str = ""


class _Machine(Struct):
    """What a machine says of itself.

    Attributes:
        host: The name of the machine, for people.
        lists: How it calls its lists, by the ids of their logs.
    """

    host: str
    lists: dict[str, _Named] = field(default_factory=dict)


class _File(Struct, frozen=True):
    """A file that holds a copy of a list: its name, and what its first line and its end say.

    Attributes:
        name: The name of the file.
        id: The id of the log.
        made_as: The name of the log when it was made.
        end: The digest of its last line; '' if that is not complete.
        forgotten: The streams that were forgotten in it.
    """

    name: str
    id: str
    made_as: str
    end: str
    forgotten: frozenset[str]


class SharedFolder(Remote):
    """A folder that all machines can read, and in which each of them writes its own files."""

    is_hub = False

    def __init__(self, folder: RemoteFolder, memory: Memory, store: Store) -> None:
        """Use a folder.

        Args:
            folder: The folder.
            memory: What this machine remembers.
            store: The store of its lists.
        """
        super().__init__(f"folder:{folder.path}", folder)
        self._path = folder.path
        self._memory = memory
        self._store = store
        self._files: list[_File] = []
        self._machines: dict[str, _Machine] = {}
        self._published: dict[str, str] = {}

    def look(self) -> Found:
        """Look at the lists that are there; see `Remote`."""
        with os_errors_as_store_errors(self._path):
            names = sorted(os.listdir(self._path)) if there(self._path) else []
        looked_at = {name: self._looked_at(name) for name in names if name.endswith(_ENDING)}
        self._files = [file for file in looked_at.values() if isinstance(file, _File)]
        unread = {name: why for name, why in looked_at.items() if isinstance(why, str)}
        self._machines = {
            name.removesuffix(".json"): machine
            for name in names
            if name.endswith(".json") and name != MARKER and (machine := self._machine(name)) is not None
        }
        renewed = self._renew_machine()
        ids = dict.fromkeys(file.id for file in self._files)
        names_of = self._names(ids)
        for file in self._files:
            if file.id not in names_of:  # another program made it
                unread[file.name] = f"no list can be named {self._names_said(file.id)[0]!a}"
        return Found([self._list(id, name) for id, name in names_of.items()], unread, renewed)

    def _looked_at(self, name: str) -> _File | str | None:
        """Return what a file says; or why it cannot be read, if it may be a list; or None."""
        with _reading(os.path.join(self._path, name)) as file:
            if file is None:
                return None
            first = file.readline(_LONGEST_HEADER)
            header = log_in(first.removesuffix(b"\n"))
            if header is None:
                if _ANY_OWN.match(name) and name != self._own(name.partition(".")[0]):  # its own file is written again
                    return "its first line is not that of a list"
                return None
            size = file.seek(0, os.SEEK_END)
            return _File(name, header.id, header.name, _last_digest(file.fileno(), size), frozenset(header.forgotten))

    def _machine(self, name: str) -> _Machine | None:
        with _reading(os.path.join(self._path, name)) as file:
            try:
                return None if file is None else msgspec.json.decode(file.read(_LONGEST_HEADER), type=_Machine)
            except (msgspec.MsgspecError, UnicodeDecodeError):  # it says only how lists are called
                return None

    def _renew_machine(self) -> bool:
        """Take a new id if another machine has written a file of this one, because it has a copy of this home.

        Returns:
            Whether that was so.
        """
        own = [file for file in self._files if file.name == self._own(file.id)]
        heads = {head.id: head for head in self._store.heads()} if own else {}
        if all(self._has_all_of(file, heads.get(file.id)) for file in own):
            return False
        self._memory.machine = new_machine()
        return True

    def _has_all_of(self, file: _File, head: LogHead | None) -> bool:
        """Return whether nothing is lost if this machine replaces a file of its own.

        The path of the folder says nothing: the folder may be a copy, or be reached by another path.
        """
        if head is not None and head.digest == file.end:
            return True
        known = [each for remote in self._memory.remotes.values() if (each := remote.lists.get(file.id)) is not None]
        then = next((each for each in known if each.digest == file.end), None)
        with suppress(CqrsError):
            if head is not None:
                log = opened(self._store, head)
                if then is not None:
                    with suppress(StaleCursor):  # usually the list only became longer since
                        next(log.lines(then.end), None)
                        return True
                if any(commit.sum == file.end for commit in log.commits_backward()) or self._lacks_nothing(file, log):
                    return True
                if log.damage is None:
                    return False
        # a list that is damaged or missing here is repaired or received first
        return then is not None

    def _lacks_nothing(self, file: _File, log: Log) -> bool:
        """Return whether a list has the commands of all commits in a file."""
        with _reading(os.path.join(self._path, file.name)) as content:
            commands = set() if content is None else commands_in(content)
        return commands <= commands_in(log.lines())

    def _own(self, id: str) -> str:
        # another program may have given a log any id
        name = id if id.isalnum() and id.isascii() else id.encode().hex()
        return f"{name[:_LONGEST_NAME]}.{self._memory.machine}{_ENDING}"

    def _said_of(self, id: str) -> Mapping[str, _Named]:
        """Return what the other machines say of a list."""
        said = {machine: each.lists[id] for machine, each in self._machines.items() if id in each.lists}
        said.pop(self._memory.machine, None)
        return said

    def _names(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Choose a name for each list: one that a machine has for it, and if possible one that no other list has.

        A list that has no possible name is left out.

        Two lists have the same name where a machine that has renamed one and made a new one has not met all others since.
        """
        choices: dict[str, list[str]] = {}
        unused: dict[str, bool] = {}
        for id in ids:
            unused[id] = all(each.archived for each in self._said_of(id).values())
            names = [name for name in map(_allowed, self._names_said(id)) if name]
            if names:
                choices[id] = names
        chosen: dict[str, str] = {}
        taken: set[str] = set()
        for id in sorted(choices, key=lambda each: (unused[each], len({*map(name_key, choices[each])}), each)):
            chosen[id] = next((name for name in choices[id] if name_key(name) not in taken), choices[id][0])
            taken.add(name_key(chosen[id]))
        return chosen

    def _names_said(self, id: str) -> list[str]:
        """Return what the machines call a list, first those that use it; or else the name that it was made under."""
        said = sorted(self._said_of(id).values(), key=lambda each: each.archived)
        return [each.name for each in said] or [next(file.made_as for file in self._files if file.id == id)]

    def _list(self, id: str, name: str) -> RemoteList:
        files = [file for file in self._files if file.id == id]
        others = [file for file in files if file.name != self._own(id)]
        own = next((file for file in files if file.name == self._own(id)), None)
        forgotten = frozenset[str]().union(*(file.forgotten for file in others))
        said = self._said_of(id)
        return RemoteList(
            id=id,
            name=name,
            archived=self.is_archived(id),
            ends={file.name: file.end for file in others},
            names={machine: each.name for machine, each in said.items()},
            archives=[machine for machine, each in said.items() if each.archived],
            marks=frozenset(each.mark for each in said.values() if each.mark),
            own="" if own is None else own.end,
            forgets={file.name: file.forgotten for file in others},
            forgotten=forgotten - (frozenset() if own is None else own.forgotten),
            apart=frozenset[str]().union(*(self._machines[machine].lists for machine in said)) - {id},
        )

    def copies(self, id: str, *, own: bool = False, since: Cursor = START) -> Iterator[RemoteCopy]:  # it reads whole files
        """Read the copies of other machines; see `Remote`."""
        for file in self._files:
            if file.id == id and (own or file.name != self._own(id)):
                with _reading(os.path.join(self._path, file.name)) as opened:
                    content = None if opened is None else opened.read()
                if content is not None:
                    yield RemoteCopy(file.name, content)

    def publish(self, id: str, name: str, lines: Sequence[bytes], since: Cursor = START) -> Mapping[str, str]:
        """Write the file of this machine; see `Remote`."""
        own = next((file for file in self._files if file.name == self._own(id)), None)
        digest = last_digest(lines[-1]).decode()
        seen = {file.name: file.end for file in self._files if file.id == id and file.name != self._own(id)}
        if own is not None and own.end == digest:
            return seen
        write_file(os.path.join(self._path, self._own(id)), b"".join(lines))
        self._published[id] = digest
        return seen

    def still_has(self, id: str, streams: Collection[str]) -> Sequence[str]:
        """Return of which of some streams the file of this machine has data; see `Remote`."""
        own = next((file for file in self._files if file.name == self._own(id)), None)
        left = [] if own is None else [stream for stream in streams if stream not in own.forgotten]
        if own is None or not left:
            return ()
        with _reading(os.path.join(self._path, own.name)) as opened:
            content = b"" if opened is None else opened.read()
        return [stream for stream in left if f'"{stream}"'.encode() in content]

    def news(self, names: Mapping[str, str], archived: Mapping[str, str]) -> Sequence[Effect]:
        """Return which lists were renamed or archived here since this machine has last said so; see `Remote`."""
        published = self._machines.get(self._memory.machine)
        there = {file.id for file in self._files}
        effects: list[Effect] = []
        for id, name in {**names, **archived}.items():
            if published is None or id not in published.lists or id not in there:
                continue
            before = published.lists[id]
            if before.name != name:
                effects.append(Effect("renamed", before.name, name))
            if before.archived != (id in archived):
                effects.append(Effect("archived" if id in archived else "unarchived", name))
        return effects

    def finish(self, names: Mapping[str, str], archived: Mapping[str, str]) -> None:
        """Write how this machine calls its lists, and remove its files of lists that became others; see `Remote`."""
        marks, ends = self._memory.marks, {file.id: file.end for file in self._files if file.name == self._own(file.id)}
        ends |= self._published
        lists = {
            id: _Named(name, id in archived, marks.get(id, ""), ends.get(id, ""))
            for id, name in {**names, **archived}.items()
        }
        said = _Machine(os.uname().nodename, lists)
        if self._machines.get(self._memory.machine) != said:
            content = msgspec.json.format(msgspec.json.encode(said)) + b"\n"
            write_file(os.path.join(self._path, f"{self._memory.machine}.json"), content)

    def retire(self, id: str) -> None:
        """Remove the file of this machine; see `Remote`."""
        path = os.path.join(self._path, self._own(id))
        with os_errors_as_store_errors(path):
            if there(path):
                remove(path)

    def is_archived(self, id: str) -> bool:
        """Return whether all other machines that have a list have archived it; see `Remote`."""
        said = self._said_of(id)
        return bool(said) and all(each.archived for each in said.values())

    def may_bring(self, id: str, label: str, *, with_: str) -> bool:
        """Return whether a list is there, or its machine has it, or has not said yet what it has; see `Remote`."""
        if any(file.id == id for file in self._files):
            return True
        found = _ANY_OWN.match(label)
        if found is None:  # people have put it there
            return any(id in machine.lists for machine in self._machines.values())
        machine = self._machines.get(found[1])
        if machine is None or with_ not in machine.lists or id in machine.lists:
            return True
        end = next((file.end for file in self._files if file.name == label), "")
        return machine.lists[with_].end != end  # it says nothing of what the list got since

    def shown(self, label: str) -> str:
        """Return the name of a machine; see `Remote`."""
        return self._machines[label].host if label in self._machines else label

    def writer(self, label: str) -> str:
        """Return the name of the machine that wrote a file; see `Remote`."""
        found = _ANY_OWN.match(label)
        return self._machines[found[1]].host if found is not None and found[1] in self._machines else ""


def _allowed(name: str) -> str:
    """Return a name as a list can have it; '' if none can."""
    try:
        return check_log_name(name)
    except InvalidLogName:
        return ""


@contextmanager
def _reading(path: str) -> Iterator[BinaryIO | None]:
    """Open a file that another machine may have written; None if it is gone, or is not a regular file, such as a pipe."""
    with os_errors_as_store_errors(path):
        try:
            fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
        except FileNotFoundError:  # the program that syncs the folder has just replaced it
            yield None
            return
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            yield None
            return
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            yield None
            return
        with open(fd, "rb") as file:
            yield file


def _last_digest(fd: int, size: int) -> str:
    """Return the digest that a file ends with; '' if its last line is not complete."""
    end = os.pread(fd, _BLOCK, max(0, size - _BLOCK))
    if not end.endswith(b"\n"):
        return ""
    return (digest_in(end[:-1]) or b"").decode()
