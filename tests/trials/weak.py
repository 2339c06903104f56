"""The program with one promise of the append protocol broken: what the trials must catch.

`python -m tests.trials.weak KIND ARGS…` runs it like `todo ARGS…`.
"""

import fcntl
import io
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from cqrs_todo.cli import text
from cqrs_todo.cqrs import timeline
from cqrs_todo.cqrs.core import Append, Commit, CqrsError, Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.stores import chain, seals
from cqrs_todo.cqrs.stores import format as line_format
from cqrs_todo.cqrs.stores.jsonl import check, files, log
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo import service
from cqrs_todo.todo.model import Remove
from cqrs_todo.todo.views import Item, id_of


def _no_fsync() -> None:
    """Nothing is ever synced."""
    os.fsync = lambda fd: None  # noqa: ARG005


def _no_lock() -> None:
    """Writers don't wait for one another, and dawdle between looking at the end and writing there."""
    write_all = files.write_all

    def dawdle(fd: int, data: bytes) -> None:
        time.sleep(0.005)
        write_all(fd, data)

    log.write_all = dawdle  # type: ignore[attr-defined]  # the weakness itself
    fcntl.flock = lambda *_: None


def _many_lines() -> None:
    """A commit of several events is written as several lines, one after the other."""
    whole = log.JsonlLog.append

    def append(self: log.JsonlLog, appends: Sequence[Append], metadata: Metadata) -> Commit:
        parts = [Append(each.stream, (event,)) for each in appends for event in each.events]
        commits = [
            whole(self, [part], replace(metadata, command=f"{metadata.command}{place or ''}"))
            for place, part in enumerate(parts)
        ]
        return Commit(tuple(event for commit in commits for event in commit.events), metadata, commits[-1].sum)

    log.JsonlLog.append = append  # type: ignore[method-assign]  # the weakness itself


_buffered: list[Any] = []


def _buffered_writes() -> None:
    """Writes go through a buffer, which keeps what could not be written and tries again when the process ends."""

    def write_all(fd: int, data: bytes) -> None:
        file = io.BufferedWriter(io.FileIO(os.dup(fd), "ab"), buffer_size=1 << 20)
        _buffered.append(file)
        file.write(data)
        file.flush()

    for module in (files, log):
        module.write_all = write_all  # type: ignore[attr-defined]  # the weakness itself


def _no_sums() -> None:
    """Sums are taken as they stand in the log."""

    def are_right(_: bytes, lines: Iterable[bytes]) -> bool:
        return bool(lines)

    for module in (seals, chain):
        module.are_right = are_right  # type: ignore[attr-defined]  # the weakness itself


def _no_head() -> None:
    """Nobody remembers how far a log had come."""
    for module in (log, check):
        module.head_in = lambda *_: None  # type: ignore[attr-defined]  # the weakness itself


def _bare_decoder() -> None:
    """What the decoder raises goes to whoever reads, whatever it is."""

    def decode_line(line: bytes) -> line_format.CommitLine:
        return msgspec.json.decode(line, type=line_format.CommitLine)

    def decode_lines(chunk: bytes, *_: object) -> list[line_format.CommitLine]:
        return msgspec.json.Decoder(line_format.CommitLine).decode_lines(chunk)

    for module in (line_format, check, chain):
        module.decode_line = decode_line  # type: ignore[attr-defined]  # the weakness itself
    for module in (line_format, check):
        module.decode_lines = decode_lines  # type: ignore[attr-defined]  # the weakness itself


def _no_escaping() -> None:
    """Text goes to the terminal as it is."""
    text._escape = text._json_escape = lambda match: match[0]


def _clock_order() -> None:
    """The past is looked for by time, as if clocks never jumped."""

    def as_of(repository: Any, moment: Any) -> Any:
        if isinstance(moment, int):
            return timeline.as_of(repository, moment)
        fold, last = Fold(repository.decider), None
        for commit in repository.log.commits():
            if commit.metadata.at > moment:
                break
            fold.apply(commit)
            last = commit
        return fold, last

    service.as_of = as_of  # type: ignore[attr-defined]  # the weakness itself


def _forgetful_server() -> None:
    """The server's tables do not know a command again."""
    from cqrs_todo.cqrs.stores.postgres import database, log, schema
    from cqrs_todo.cqrs.struct import replace

    first, *others = schema.MIGRATIONS
    forgetful = first.sql.replace("UNIQUE (log, command)", "UNIQUE (log, sum)").replace("AND command =", "AND sum =")
    log._KNOWN = log._KNOWN.replace("AND command =", "AND sum =")
    database.MIGRATIONS = (replace(first, sql=forgetful), *others)  # type: ignore[attr-defined]  # the weakness itself


def _serial_reader() -> None:
    """There is nothing to weaken: the trial `server` follows a table by its serial numbers instead of a log."""


def _torn_move() -> None:
    """A move is two changes, each under the lock of its own list; what arrived is taken back when it cannot leave."""

    def move(self: service.TodoList, chosen: Sequence[Item], target: service.TodoList) -> service.Answer:
        held = {item.stream: item for item in self.view().items}
        now = [held[item.stream] for item in chosen]
        arrived = target.take_in({id_of(item.stream): item.todo for item in now})
        try:
            self.change(now, lambda _: [Remove()], unchanged=True)
        except CqrsError:
            if arrived.commit is not None:
                target.undo_at(arrived.commit.position)
            raise
        return arrived

    service.TodoList.move = move  # type: ignore[method-assign]  # the weakness itself


def _planted_bug() -> None:
    """There is nothing to weaken here: the trial `decoder` has Atheris fuzz a decoder with a bug planted in it."""


KINDS = {
    "no-fsync": _no_fsync,
    "no-lock": _no_lock,
    "many-lines": _many_lines,
    "buffered": _buffered_writes,
    "torn-move": _torn_move,
    "planted-bug": _planted_bug,
    "no-sums": _no_sums,
    "no-head": _no_head,
    "bare-decoder": _bare_decoder,
    "no-escaping": _no_escaping,
    "clock-order": _clock_order,
    "forgetful-server": _forgetful_server,
    "serial-reader": _serial_reader,
}


def weaken(kind: str) -> None:
    """Weaken the program in this process for good."""
    KINDS[kind]()


if __name__ == "__main__":
    from cqrs_todo.cli import main

    weaken(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
