"""Homes to start from and commands to break: every verb that changes something, on every kind of home."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl.head_record import set_sync_failed
from cqrs_todo.todo.fields import TAGS, TEXT
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Add, Change, Complete, Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList

from .harness import ALTERED, HALF, MISSING, STUCK, Program, Result
from .ledger import Wrong, carried_on, judged, judged_as_rewritten, logs_in, misplaced, reported

NOW = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Deed:
    """A command to break.

    `home` is the kind of home that it starts from, and `args` has its arguments. `lists` are the lists that it changes; the
    next add goes to the first of them that exists. `output` is the file that it writes outside the store. `in_words` is
    whether it answers in words, which may need to read more than the answer as JSON.
    """

    name: str
    args: tuple[str, ...]
    home: str = "plain"
    stdin: bytes = b""
    lists: tuple[str, ...] = ("inbox",)
    output: str = ""
    in_words: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        """The arguments, with the option that makes the answer a JSON document."""
        return self.args if self.in_words else (*self.args, "--json")

    @property
    def keeps_todos(self) -> bool:
        """Whether every todo is in some list afterwards, with or without a fault. Undoing a move keeps the todos too."""
        removes = {"rm", "forget", "undo", "redo", "restore"} & set(self.args)
        return not removes or self.home in ("moved", "moved-undone")

    @property
    def rewrites(self) -> bool:
        """Whether it rewrites logs instead of adding to them."""
        return bool({"forget", "merge"} & set(self.args))


def _deed(line: str, *lists: str, home: str = "plain", stdin: bytes = b"", output: str = "", in_words: bool = False) -> Deed:
    name = f"{line} [{home}{', in words' if in_words else ''}]"
    return Deed(name, tuple(line.split()), home, stdin, lists or ("inbox",), output, in_words)


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
    _deed("lists rename work job", "work", "job"),
    _deed("lists archive work", "work", "inbox"),
    _deed("lists unarchive old", "old", "inbox"),
    _deed("-L shop add -", "shop", stdin=THREE),
    _deed("-L shop add -", "shop", stdin=THREE, in_words=True),
    _deed("undo 2", in_words=True),
    _deed("undo", home="moved", in_words=True),
    _deed("add -", home="empty", stdin=THREE),
    _deed("add -", home="torn", stdin=THREE),
    _deed("add -", home="unended", stdin=THREE),
    _deed("add -", home="suspect", stdin=THREE),
    _deed("lists rename inbox job", "inbox", "job", home="suspect"),
    _deed("-L work move 2 inbox", home="moved"),
    _deed("undo", home="moved"),
    _deed("-L work undo", "work", home="moved"),
    _deed("redo", home="moved-undone"),
    _deed("-L work redo", "work", home="moved-undone"),
    _deed("done 5", home="moved"),
    _deed("skip 5", home="moved"),
    _deed("done 2 work/1", "inbox", "work", home="moved"),
    _deed("import todos.json", home="moved"),
    _deed("-L taken import events.jsonl", "taken", home="moved"),
    _deed("-L taken import events.jsonl", "taken", home="importable"),
    _deed("export -o out", home="moved", output="out"),
    _deed("export --format events -o out", home="moved", output="out"),
    _deed("verify --repair", home="damaged"),
    _deed("done 1", home="long"),
    _deed("forget 1 --yes"),
    _deed("forget 1 --yes", home="torn"),
    _deed("forget 1 --yes", home="suspect"),
    _deed("forget 1 --yes", home="long"),
    _deed("merge copy.jsonl", home="mergeable"),
)
"""Every verb that changes something: lists, logs, exports, repairs, and the snapshot of a long list."""

FIRST_TODO = {"long": b'"Todo 0"'}
"""The text of todo 1, by the kind of home; that of the other homes is `WATER`."""
WATER = b"Water the plants"


def _plain(data: Path) -> None:
    """Make an inbox with six commits, the last of which can be redone, a second list, and an archived list."""
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
    """Add a commit whose last bytes are missing in the log, and that the files beside the log do not know."""
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
    set_sync_failed(str(data / "lists/inbox.jsonl"))


def _long(data: Path) -> None:
    """Make a list that is so long that the next command takes a snapshot of it."""
    inbox = TodoList(open_store(f"jsonl:{data}", TYPES), "inbox", "me@trial", default=True)
    inbox.add([Create(f"Todo {number}", NOW) for number in range(520)])


def _damaged(data: Path) -> None:
    """Alter the third of nine lines, and delete the sixth."""
    _plain(data)
    log = data / "lists/inbox.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"Pay the rent", b"Pay the hint")
    log.write_bytes(b"".join([*lines[:5], *lines[6:]]))


_MORE = (("add", "Read the book"), ("tag", "1", "+reading"), ("add", "Return the book"))


def _with_exports(data: Path) -> None:
    """Make a plain home with an older export in `out`, newer todos in todos.json, and a list in events.jsonl."""
    _plain(data)
    home = data.parents[2]
    (home / "out").write_bytes(b"an older export\n")
    elsewhere = Program(home).at(home.parent / f"{home.name}-elsewhere")
    shutil.copytree(home, elsewhere.home, dirs_exist_ok=True)
    here = (("move", "3", "work"), ("add", "Sweep the yard"), ("tag", "1", "+imported"))
    for args in (*here, *(("-L", "taken", *args) for args in _MORE)):
        _must(elsewhere, *args)
    _must(elsewhere, "export", "-o", str(home / "todos.json"))
    _must(elsewhere, "-L", "taken", "export", "--format", "events", "-o", str(home / "events.jsonl"))


def _importable(data: Path) -> None:
    """Make a home that has the first commit of the list in events.jsonl."""
    _with_exports(data)
    home = data.parents[2]
    header, first, *_ = (home / "events.jsonl").read_bytes().splitlines(keepends=True)
    (home / "first.jsonl").write_bytes(header + first)
    _must(Program(home), "-L", "taken", "import", "first.jsonl")


def _mergeable(data: Path) -> None:
    """Make a plain home, and a copy of its inbox that was changed elsewhere more often than here, in copy.jsonl."""
    _plain(data)
    home = Program(data.parents[2])
    elsewhere = home.at(home.home.parent / f"{home.home.name}-elsewhere")
    shutil.copytree(home.home, elsewhere.home, dirs_exist_ok=True)
    for args in (("edit", "2", "Buy soya milk"), ("add", "Sweep the yard"), ("rm", "3")):
        _must(elsewhere, *args)
    for args in (("edit", "2", "Buy rice milk"), ("add", "Read the book")):
        _must(home, *args)
    shutil.copy(elsewhere.log_file(), home.home / "copy.jsonl")


def _moved(data: Path) -> None:
    """Make a home in which the last change of two lists is a move between them. Its last todo recurs."""
    _with_exports(data)
    home = Program(data.parents[2])
    _must(home, "add", "Empty the bin", "due:2031-01-06", "every:week")
    _must(home, "move", "3", "work")


def _moved_undone(data: Path) -> None:
    """Make a home in which the last change of two lists is the undo of a move between them."""
    _moved(data)
    _must(Program(data.parents[2]), "undo")


def _must(program: Program, *args: str) -> None:
    """Run the real program to make a home, and check that it succeeds."""
    result = program.run(*args)
    if result.code:
        raise RuntimeError(f"todo {' '.join(args)} ended with {result.code}: {result.err}")


_HOMES: dict[str, Callable[[Path], None]] = {
    "empty": lambda _: None,
    "plain": _plain,
    "torn": _torn,
    "unended": _unended,
    "suspect": _suspect,
    "damaged": _damaged,
    "long": _long,
    "importable": _importable,
    "mergeable": _mergeable,
    "moved": _moved,
    "moved-undone": _moved_undone,
}


class Homes:
    """The homes to start from. Each is made when it is first needed, and copied for each case."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._made: set[str] = set()
        self._making = threading.Lock()

    def original(self, kind: str) -> Program:
        """Return the program in the original home of a kind. Cases must not change it, because it is copied."""
        program = self._program.at(self._program.home.parent / "originals" / kind)
        with self._making:
            if kind not in self._made:
                _HOMES[kind](program.data)
                self._made.add(kind)
        return program

    def copied(self, kind: str, place: str) -> Program:
        """Return the program in a new copy of a home."""
        return self.twin(self.original(kind), place)

    def twin(self, program: Program, place: str) -> Program:
        """Return the program in a copy of the home of another program."""
        home = self._program.home.parent / "copies" / place
        shutil.copytree(program.home, home)
        return self._program.at(home)

    def done_with(self, program: Program) -> None:
        """Remove a copy."""
        shutil.rmtree(program.home)


@dataclass(frozen=True)
class Undisturbed:
    """What a deed does when nothing fails: its system calls, the types of the events it records, the file it writes."""

    calls: Counter[str]
    types: Mapping[str, list[str]]
    output: bytes
    rewritten: Mapping[str, tuple[bytes, ...]]
    """The lines of the logs that it rewrites, by the id of the log."""


def wrong_after(deed: Deed, wanted: Undisturbed, result: Result, original: Program, program: Program) -> Iterator[Wrong]:
    """Yield what is wrong after a command with a fault, before anything else is done in its home."""
    before, after = logs_in(original.data), logs_in(program.data)
    if deed.rewrites:
        yield from judged_as_rewritten(result, wanted.rewritten, before, after)
        return
    yield from judged(result, wanted.types, before, after)
    if deed.keeps_todos:
        # if the process was killed or the disk failed between the two lists, it reports that it does not know, or nothing
        yield from misplaced(before, after, may_be_twice=reported(result) in ("", "unknown"))
    if deed.output:
        path = program.home / deed.output
        found = path.read_bytes() if path.is_file() else None
        allowed = [wanted.output] if result.code == 0 else [wanted.output, (original.home / deed.output).read_bytes()]
        if found not in allowed:
            yield (MISSING if result.code == 0 else HALF), f"{path.name} holds {found!r:.200}"


def follow_up(program: Program, deed: Deed) -> Iterator[Wrong]:
    """Yield what is wrong with the next commands without a fault: a repair if there is damage, a read, and an add."""
    if deed.home == "damaged":
        repaired = program.run("verify", "--repair")
        if repaired.code:
            yield STUCK, f"a second repair ended with {repaired.code}: {(repaired.err or repaired.out.decode())[:300]}"
            return
    name = next((name for name in deed.lists if program.log_file(name).exists()), deed.lists[0])
    if "forget" in deed.args:
        yield from _forgotten_again(program, deed)
    if deed.home == "long":
        yield from _seen_alike(program)
    yield from carried_on(program, name, logs_in(program.data))


def _forgotten_again(program: Program, deed: Deed) -> Iterator[Wrong]:
    """Yield what is wrong after the same todo is forgotten again: no file may hold its text then."""
    again = program.run(*deed.argv)
    if again.code:
        yield STUCK, f"to forget it again ended with {again.code}: {again.err[:300]}"
    text = FIRST_TODO.get(deed.home, WATER)
    for path in program.home.rglob("*"):
        if path.is_file() and text in path.read_bytes():
            yield ALTERED, f"{path.relative_to(program.home)} still holds what was forgotten"


def _seen_alike(program: Program) -> Iterator[Wrong]:
    """Yield what is wrong with the snapshots: a list must look the same with and without them."""
    looks = [program.run("ls", "--all", "--json", env=env).out for env in ({}, {"XDG_CACHE_HOME": "/nowhere"})]
    if looks[0] != looks[1] or not looks[0]:
        yield ALTERED, "the list looks different with and without its snapshots"


def tree(data: Path) -> dict[str, tuple[int, bytes]]:
    """Return the mode and the content of all files and folders in the folder of a store, by path."""
    return {
        str(path.relative_to(data)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in data.rglob("*")
    }
