"""A model of a disk at a crash: what was synced is there; of what was not, any part may be, in any order.

A run's system calls, recorded by strace, become changes. A change is durable once a later fsync of its file, or for names
of its directory, came back. A rename is one change, all or nothing, as in every file system with a journal.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat"

_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
_FD = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_UNNAMED = re.compile(r"#\d+( \(deleted\))?")
"""How the kernel names a temporary file that never had a name; nothing of it is there after a crash."""
_DIRECTORY = -1

Files: TypeAlias = Mapping[str, bytes | None]
"""What a crash leaves: files and directories (None) by path."""


@dataclass
class Change:
    """One change: to a file's content (`data` at `offset`, or None: cut there), or to names.

    `names` maps each name that changes to the file that it stands for from then on, None: to no file.
    """

    owners: frozenset[int | str]
    """The file, or the directories, whose sync makes it durable."""
    file: int = 0
    offset: int = 0
    data: bytes | None = None
    names: dict[str, int | None] = field(default_factory=dict)
    synced: int | None = None
    """Up to which place in the recording it may be lost."""


@dataclass
class Recording:
    """The changes of a run, and the places in their order where something else happened."""

    changes: list[tuple[int, Change]] = field(default_factory=list)
    place: int = 0
    """How many calls there were."""
    answers: list[int] = field(default_factory=list)
    """The places of writes to stdout."""
    _names: dict[str, int] = field(default_factory=lambda: {"": _DIRECTORY})
    _sizes: dict[int, int] = field(default_factory=dict)

    def start_from(self, home: Path) -> None:
        """Take what is in a home as durable."""
        for path in sorted(home.rglob("*")):
            name = str(path.relative_to(home))
            if path.is_dir():
                self._add(Change(frozenset(), names={name: _DIRECTORY}, synced=0))
            else:
                file = self._new_file()
                self._add(Change(frozenset(), names={name: file}, synced=0))
                self._add(Change(frozenset(), file, 0, path.read_bytes(), synced=0))

    def read(self, record: Path, home: Path) -> None:
        """Take the calls that strace recorded, as far as they are about a home or answer on stdout."""
        for line in record.read_text().splitlines():
            match = _LINE.match(line)
            if match:
                self._call(match[1], match[2], int(match[3]), f"{home}/")

    def _call(self, call: str, args: str, result: int, home: str) -> None:
        descriptor = _FD.match(args)
        strings = [bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(args)]
        if call == "write" and descriptor and descriptor[1] == "1":
            self.place += 1
            self.answers.append(self.place)
        elif descriptor:
            path = bytes.fromhex(descriptor[2].replace("\\x", "")).decode()
            if f"{path}/".startswith(home):
                self._on_file(call, args, path[len(home) :], strings[0][:result] if strings else b"")
        elif strings:
            # a relative name is one in the home, where every run begins
            paths = [path if path.startswith("/") else f"{home}{path}" for path in map(bytes.decode, strings)]
            if paths[0].startswith(home):
                self._on_names(call, args, [path[len(home) :] for path in paths])

    def _on_file(self, call: str, args: str, name: str, data: bytes) -> None:
        if _UNNAMED.fullmatch(name.rpartition("/")[2]):
            return
        file = self._names[name]
        owners = frozenset([file])
        if call in ("fsync", "fdatasync"):
            self.place += 1
            self._synced(name if file == _DIRECTORY else file)
        elif call in ("write", "pwrite64"):
            # the store writes at the end only: to a new file, or with O_APPEND
            offset = int(args.rpartition(",")[2]) if call == "pwrite64" else self._sizes[file]
            self._add(Change(owners, file, offset, data))
        elif call == "ftruncate":
            self._add(Change(owners, file, int(args.rpartition(",")[2])))

    def _on_names(self, call: str, args: str, names: list[str]) -> None:
        owners: frozenset[int | str] = frozenset(name.rpartition("/")[0] for name in names)
        if call == "openat" and names[0] in self._names:
            if "O_TRUNC" in args:
                self._add(Change(frozenset([self._names[names[0]]]), self._names[names[0]]))
        elif call == "openat":  # it came back with a descriptor: it was made
            self._add(Change(owners, names={names[0]: self._new_file()}))
        elif call in ("mkdir", "mkdirat"):
            self._add(Change(owners, names={names[0]: _DIRECTORY}))
        elif call in ("unlink", "unlinkat"):
            self._add(Change(owners, names={names[0]: None}))
        elif call in ("link", "linkat"):
            self._add(Change(owners, names={names[1]: self._names[names[0]]}))
        elif call.startswith("rename"):
            self._add(Change(owners, names={names[0]: None, names[1]: self._names[names[0]]}))

    def _new_file(self) -> int:
        self._sizes[len(self._sizes) + 1] = 0
        return len(self._sizes)

    def _add(self, change: Change) -> None:
        self.place += 1
        self.changes.append((self.place, change))
        if change.file:
            end = change.offset + len(change.data or b"")
            self._sizes[change.file] = end if change.data is None else max(end, self._sizes[change.file])
        for name, file in change.names.items():
            if file is None:
                self._names.pop(name, None)
            else:
                self._names[name] = file

    def _synced(self, owner: int | str) -> None:
        for _, change in self.changes:
            if change.synced is None and owner in change.owners:
                change.synced = self.place


Fate: TypeAlias = bytes | bool
"""What comes of a change that was not synced: it is there, or not, or these bytes are there in its data's place."""


def pending(recording: Recording, place: int) -> Iterator[Change]:
    """The changes that a crash after so many calls may lose."""
    for at, change in recording.changes:
        if at <= place and (change.synced is None or change.synced > place):
            yield change


def state(recording: Recording, place: int, fates: Mapping[int, Fate]) -> Files:
    """What is on the disk after a crash: `fates` by the `id` of pending changes; those without one are there."""
    names: dict[str, int] = {}
    contents: dict[int, bytearray] = {}
    for at, change in recording.changes:
        fate = fates.get(id(change), True)
        if at > place or fate is False:
            continue
        if change.file:
            content = contents.setdefault(change.file, bytearray())
            content.extend(bytes(max(0, change.offset - len(content))))
            if change.data is None:
                del content[change.offset :]
            else:
                data = change.data if fate is True else fate
                content[change.offset : change.offset + len(data)] = data
        for name, file in change.names.items():
            if file is None:
                names.pop(name, None)
            else:
                names[name] = file
    reached: dict[str, bytes | None] = {}
    for name in sorted(names):  # parents first
        if "/" not in name or name.rpartition("/")[0] in reached:
            reached[name] = None if names[name] == _DIRECTORY else bytes(contents.get(names[name], b""))
    return reached
