"""Every truncation, every flipped bit, every deleted, doubled and swapped line of a log: no altered data is accepted.

The trial opens each altered copy, reads it in both directions, verifies it and appends to it. What is read must be a prefix
of what was recorded. An altered log must refuse the append. The reader, the writer or the verification must report damage.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.events import Commit, Metadata
from cqrs_todo.cqrs.store import Append
from cqrs_todo.todo.events import TodoCreated
from cqrs_todo.todo.fields import NOTE, PRIORITY, TAGS, TEXT
from cqrs_todo.todo.model import Add, Change, Complete, Create
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import day_or_instant

from .children import SEED, a_list, in_child, store_in
from .harness import ALTERED, UNNOTICED, Control, Program, Size, Tally

NAME = "alterations"
CONTROLS = (Control("no-sums", ALTERED), Control("no-head", UNNOTICED))

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
COMMITS = 20
FLIPS_SHORT = 300
STEP_SHORT = 40


def trial(program: Program, size: Size) -> Tally:
    """Try all alterations of one log, or a sample of them, in a child process."""
    return in_child(NAME, program, size)


def body(home: Path, size: Size) -> Tally:
    """Run the trial in this process."""
    folder = home / "store"
    _make_log(a_list(folder))
    truth = list(store_in(folder).open("inbox").commits())
    assert len(truth) == COMMITS
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    content = files[folder / "lists/inbox.jsonl"]
    bench = _Bench(folder, files, content, truth)
    bench.intact()
    for what, altered in _alterations(content, size):
        bench.altered(what, altered)
    bench.tally.notes.append(f"{bench.unverified:,} not reported by verify")
    return bench.tally


def _make_log(todos: TodoList) -> None:
    """Record twenty different commits: with many events, text in many scripts and notes; some are undone."""
    todos.add([Create("Buy milk", NOW, tags=("home", "shop")), Create("Grüße – 雪だるま ⛄ 👩‍👩‍👧 e\u0301", NOW)])
    todos.add([Create('"}]},"sum":"' + "0" * 64 + '"}', NOW, note="line\nfeed\r\n\t\u2028\x1b[2J")])
    for count in range(2, COMMITS):
        _step(todos, count)


def _step(todos: TodoList, count: int) -> None:
    items = [item for item in todos.view().items if not item.todo.removed]
    match count % 6:
        case 0:
            todos.change(items, lambda _: [Add(TAGS, f"t{count}")])
        case 1:
            todos.change(items[:1], lambda _: [Change(TEXT, f"текст {count}"), Change(PRIORITY, "H" if count < 10 else "L")])
        case 2:
            todos.undo()
        case 3:
            todos.change(items[1:2], lambda _: [Change(NOTE, f"# note {count}\n" + "é" * 50)])
        case 4:
            todos.add([Create(f"todo {count}", NOW, due="2026-12-24", priority="L")])
        case _:
            todos.change(items[-1:], lambda _: [Complete(day_or_instant(NOW), NOW)])


def _alterations(content: bytes, size: Size) -> Iterator[tuple[str, bytes]]:
    """Yield each alteration: its description, and the altered bytes."""
    lines = content.splitlines(keepends=True)
    ends = [sum(map(len, lines[:count])) for count in range(1, len(lines) + 1)]
    lengths: Sequence[int] = range(len(content))
    flips: Sequence[int] = range(len(content) * 8)
    if size is Size.SHORT:
        near = {end + distance for end in ends for distance in (-1, 0, 1)}
        lengths = sorted({*range(0, len(content), STEP_SHORT), *near} & set(lengths))
        flips = random.Random(SEED).sample(flips, FLIPS_SHORT)
    for length in lengths:
        yield f"cut to {length} bytes", content[:length]
    for place in flips:
        byte, bit = divmod(place, 8)
        yield f"bit {bit} of byte {byte} flipped", _with(content, byte, content[byte] ^ (1 << bit))
    for place, line in enumerate(lines):
        yield f"line {place + 1} deleted", b"".join([*lines[:place], *lines[place + 1 :]])
        yield f"line {place + 1} doubled", b"".join([*lines[:place], line, *lines[place:]])
    for one, other in combinations(range(len(lines)), 2):
        swapped = list(lines)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        yield f"lines {one + 1} and {other + 1} swapped", b"".join(swapped)


def _with(content: bytes, place: int, byte: int) -> bytes:
    return content[:place] + bytes([byte]) + content[place + 1 :]


class _Bench:
    """One log that is restored, altered and tried, repeatedly."""

    def __init__(self, folder: Path, files: dict[Path, bytes], content: bytes, truth: list[Commit]) -> None:
        self.folder = folder
        self.path = folder / "lists/inbox.jsonl"
        self.files = files
        self.content = content
        self.truth = truth
        self.tally = Tally()
        self.unverified = 0

    def intact(self) -> None:
        """Check that the intact log can be read and appended to, and that no damage is reported."""
        self.tally.cases += 1
        log = store_in(self.folder).open("inbox")
        if list(log.commits()) != self.truth or log.damage or log.warnings or self._verified("the intact log"):
            self.tally.wrong("lost", f"the intact log: {log.warnings}")
        if self._append("the intact log", self.content.removesuffix(b"\n")):
            self.tally.wrong("lost", "the intact log is refused, or something is reported")

    def altered(self, what: str, altered: bytes) -> None:
        """Try one altered copy."""
        if altered == self.content:
            return
        self._restore_with(altered)
        self.tally.cases += 1
        read, verified = self._read(what), self._verified(what)
        reported = [read, verified, self._append(what, altered)]
        self.unverified += not verified
        self.tally.reached += 1  # reader, writer and verification each read the altered bytes
        if not any(reported):
            self.tally.wrong(UNNOTICED, what)

    def _restore_with(self, altered: bytes) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.files:
                path.unlink()
        for path, content in self.files.items():
            if path == self.path or path.read_bytes() != content:
                path.write_bytes(altered if path == self.path else content)

    def _read(self, what: str) -> bool:
        """Read the log, and return whether the reader reports something."""
        try:
            log = store_in(self.folder).open("inbox")
            forward = list(log.commits())
            backward = list(store_in(self.folder).open("inbox").commits_backward())
        except CqrsError:
            return True
        except Exception as error:
            self.tally.wrong("silent", f"{what}: {type(error).__name__}: {error}")
            return True
        if forward != self.truth[: len(forward)] or backward != forward[::-1]:
            self.tally.wrong(ALTERED, f"{what}: what was read is not a prefix of what was recorded")
        return bool(log.damage or log.warnings)

    def _verified(self, what: str) -> bool:
        """Return whether verification finds damage."""
        try:
            return store_in(self.folder).verify("inbox").damage is not None
        except CqrsError:
            return True
        except Exception as error:
            self.tally.wrong("silent", f"{what}: {type(error).__name__}: {error}")
            return True

    def _append(self, what: str, altered: bytes) -> bool:
        """Append to the log, and return whether the writer reports something.

        The append may succeed only if nothing but the last LF of the log is missing.
        """
        stream = f"todo/{self.tally.cases}"
        metadata = Metadata(NOW, "me@trial", f"command {self.tally.cases}", {})
        try:
            log = store_in(self.folder).open("inbox")
            commit = log.append([Append(stream, (TodoCreated("afterwards", NOW),))], metadata)
        except CqrsError:
            self.tally.refused += 1
            if self.path.read_bytes() != altered:
                self.tally.wrong("lost", f"{what}: an append was refused, and changed the log")
            return True
        except Exception as error:
            self.tally.wrong("silent", f"{what}: {type(error).__name__}: {error}")
            return True
        self._check_appended(what, altered, commit)
        return bool(log.damage or log.warnings)

    def _check_appended(self, what: str, altered: bytes, commit: Commit) -> None:
        if altered + b"\n" != self.content:
            self.tally.wrong("lost", f"{what}: it was appended to")
            return
        after = list(store_in(self.folder).open("inbox").commits())
        if after[:-1] != self.truth[: len(after) - 1] or after[-1:] != [commit]:
            self.tally.wrong("lost", f"{what}: what was appended is not there")
