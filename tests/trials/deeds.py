"""Homes to start from and commands to break: every verb that changes something, on every kind of home."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl.notes import mark_suspect
from cqrs_todo.todo.fields import TAGS, TEXT
from cqrs_todo.todo.model import Add, Change, Complete, Create
from cqrs_todo.todo.service import TYPES, Lists, TodoList

from .harness import Program

NOW = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Deed:
    """A command to break: in which home, with which words, and the list whose next add must work (the first there is)."""

    name: str
    args: tuple[str, ...]
    home: str = "plain"
    stdin: bytes = b""
    lists: tuple[str, ...] = ("inbox",)

    @property
    def argv(self) -> tuple[str, ...]:
        """The arguments, so that it answers with a document."""
        return (*self.args, "--json")


def _deed(line: str, *lists: str, home: str = "plain", stdin: bytes = b"") -> Deed:
    return Deed(f"{line} [{home}]", tuple(line.split()), home, stdin, lists or ("inbox",))


THREE = b"Buy bread\nBuy milk\nBuy salt\n"
ADD_THREE = _deed("add -", stdin=THREE)
OVERWRITING = _deed("lists rename work inbox", "work", "inbox")
DEEDS = (
    ADD_THREE,
    OVERWRITING,
    _deed("add Call +home due:2031-01-02 pri:H"),
    _deed("edit 2 Otherwise"),
    _deed("edit 1-3 pri:L +urgent --note Soon"),
    _deed("done 2-4"),
    _deed("reopen 1"),
    _deed("toggle 1-3"),
    _deed("tag 1-2 +red +blue"),
    _deed("note 3 See_page_12"),
    _deed("remind 3 2031-01-02"),
    _deed("move 1-2 work", "work"),
    _deed("rm 1-2"),
    _deed("undo 2"),
    _deed("undo @4"),
    _deed("redo"),
    _deed("restore --to @3"),
    _deed("lists new shop", "shop"),
    _deed("lists new work", "work"),
    _deed("lists rename work job", "work", "job"),
    _deed("lists archive work", "work", "inbox"),
    _deed("lists unarchive old", "old", "inbox"),
    _deed("-L shop add -", "shop", stdin=THREE),
    _deed("add -", home="empty", stdin=THREE),
    _deed("add -", home="torn", stdin=THREE),
    _deed("add -", home="unended", stdin=THREE),
    _deed("add -", home="suspect", stdin=THREE),
    _deed("lists rename inbox job", "inbox", "job", home="suspect"),
)


def _plain(data: Path) -> None:
    """Six commits in the inbox, the last of which can be done again; a second list; one that was put away."""
    store = open_store(f"jsonl:{data}", TYPES)
    inbox = TodoList(store, "inbox", "me@trial", default=True)
    inbox.add([Create(text, NOW) for text in ("Water the plants", "Buy oat milk", "Call the bank")])
    inbox.add([Create("Pay the rent", NOW)])
    items = inbox.view().items
    inbox.change(items[:1], lambda _: [Complete("2026-01-02", NOW)])
    inbox.change(items[1:2], lambda _: [Change(TEXT, "Buy milk"), Add(TAGS, "home")])
    inbox.change(items[2:3], lambda _: [Add(TAGS, "phone")])
    inbox.undo()
    for name in ("work", "old"):
        Lists(store, lambda: NOW).new(name)
        TodoList(store, name, "me@trial").add([Create("Write the report", NOW)])
    store.archive("old")


def _interrupted(data: Path, missing: int) -> None:
    """One commit more, of which the last bytes did not get to the log, nor anything of it beside the log."""
    _plain(data)
    log = data / "lists/inbox.jsonl"
    beside = {path: path.read_bytes() for path in log.parent.iterdir() if path != log}
    TodoList(open_store(f"jsonl:{data}", TYPES), "inbox", "me@trial").add([Create("Sweep the yard", NOW)])
    content = log.read_bytes()
    log.write_bytes(content[: len(content) - missing])
    for path, before in beside.items():
        path.write_bytes(before)


def _torn(data: Path) -> None:
    _interrupted(data, 100)


def _unended(data: Path) -> None:
    _interrupted(data, 1)


def _suspect(data: Path) -> None:
    _plain(data)
    mark_suspect(str(data / "lists/inbox.jsonl"))


_HOMES: dict[str, Callable[[Path], None]] = {
    "empty": lambda _: None,
    "plain": _plain,
    "torn": _torn,
    "unended": _unended,
    "suspect": _suspect,
}


class Homes:
    """The homes to start from, each made once and copied for each case."""

    def __init__(self, program: Program) -> None:
        self._program = program
        for kind, make in _HOMES.items():
            make(self.original(kind).data)

    def original(self, kind: str) -> Program:
        """The program in the home of a kind that all copies are made of; not to be changed."""
        return self._program.at(self._program.home.parent / "originals" / kind)

    def copied(self, kind: str, place: str) -> Program:
        """The program in a fresh copy of a home."""
        home = self._program.home.parent / "copies" / place
        shutil.copytree(self.original(kind).home, home)
        return self._program.at(home)

    def done_with(self, program: Program) -> None:
        """Remove a copy."""
        shutil.rmtree(program.home)


def tree(data: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a store's folder: files and folders by path, mode and content."""
    return {
        str(path.relative_to(data)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in data.rglob("*")
    }
