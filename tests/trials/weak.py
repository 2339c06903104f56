"""Programs that break one promise of the append protocol, which the trials must catch.

`python -m tests.trials.weak KIND ARGS…` runs such a program like `todo ARGS…`.
"""

import fcntl
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from cqrs_todo.cli import text
from cqrs_todo.cqrs import timeline
from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import CqrsError, Rejected
from cqrs_todo.cqrs.events import Commit, Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.query import AppendCondition
from cqrs_todo.cqrs.store import Append, Known, Progress, nothing_known
from cqrs_todo.cqrs.stores import chain, hash_chain, merging
from cqrs_todo.cqrs.stores import format as line_format
from cqrs_todo.cqrs.stores.jsonl import evidence, files, log, reader, repair, sorting, verify, writer
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.verification import Damage, Repair, Verdict
from cqrs_todo.todo import service
from cqrs_todo.todo.model import Remove
from cqrs_todo.todo.recorder import Answer
from cqrs_todo.todo.views import Item, id_of

from .weak_merges import MERGES


def _no_fsync() -> None:
    """The program syncs nothing."""
    os.fsync = lambda fd: None  # noqa: ARG005  # called like the real one


def _no_lock() -> None:
    """Writers do not wait for one another, pause before they write, and do not look whether their line is in its place."""
    write_all = files.write_all

    def dawdle(fd: int, data: bytes) -> None:
        time.sleep(0.005)
        write_all(fd, data)

    writer.write_all = dawdle  # type: ignore[attr-defined]  # the weakness itself
    writer.holds = lambda *_: True  # type: ignore[attr-defined]  # as above
    fcntl.flock = lambda *_: None


def _many_lines() -> None:
    """A commit with several events is written as several lines, one after the other."""
    whole = log.JsonlLog.append

    def append(
        self: log.JsonlLog, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None
    ) -> Commit:
        parts = [Append(each.stream, (event,)) for each in appends for event in each.events]
        commits = [
            whole(self, [part], replace(metadata, command=f"{metadata.command}{place or ''}"), condition=condition)
            for place, part in enumerate(parts)
        ]
        return Commit(tuple(event for commit in commits for event in commit.events), metadata, commits[-1].sum)

    log.JsonlLog.append = append  # type: ignore[method-assign]  # the weakness itself


def _sync_takes_the_longer() -> None:
    """Of two copies of a list, the longer one replaces the other one, as programs that sync files do."""
    merge = merging.merge_lines

    def longer(one: Sequence[bytes], other: Sequence[bytes], *args: Any, **more: Any) -> merging.MergedLines:
        kept = one if len(one) >= len(other) else other
        return merge(kept, kept, *args, **more)

    merging.merge_lines = longer


_buffered: list[Any] = []


def _buffered_writes() -> None:
    """Writes go through a buffer. It keeps what it could not write, and tries again when the process ends."""

    def write_all(fd: int, data: bytes) -> None:
        file = io.BufferedWriter(io.FileIO(os.dup(fd), "ab"), buffer_size=1 << 20)
        _buffered.append(file)
        file.write(data)
        file.flush()

    for module in (files, writer):
        module.write_all = write_all  # type: ignore[attr-defined]  # the weakness itself


def _no_sums() -> None:
    """Readers accept the digests in the log without verifying them."""

    def verify_lines(_: bytes, lines: Iterable[bytes]) -> bool:
        return bool(lines)

    for module in (hash_chain, chain):
        module.verify_lines = verify_lines  # type: ignore[attr-defined]  # the weakness itself


def _no_head() -> None:
    """There is no head record."""
    for module in (reader, verify):
        module.head_in = lambda *_: None  # type: ignore[attr-defined]  # the weakness itself


def _repair_keeps_white_space() -> None:
    """A repair takes all the bytes between two line feeds as the commit, with the white space around it."""

    def pieces_in(content: bytes) -> list[evidence.Piece]:
        lines = enumerate(content.split(b"\n"), 1)
        return [
            evidence.Piece(number, line, False, evidence.as_commit(line), line_format.read_header(line))
            for number, line in lines
            if line
        ]

    def plain_readings(text: bytes) -> list[evidence.Reading]:
        return [evidence.Reading(text[: -hash_chain.DIGEST_MEMBER_LENGTH], text[-66:-2])]

    repair.pieces_in = pieces_in  # type: ignore[assignment, attr-defined]  # the weakness itself
    for module in (evidence, repair):
        module.plain_readings = plain_readings  # type: ignore[attr-defined]  # the weakness itself


def _repair_looks_at_neighbours() -> None:
    """A repair looks for the digest before a line only in the line before it."""
    evidence.Prover._near = lambda *_: []  # type: ignore[method-assign]  # the weakness itself
    evidence._MOST_TRIES = 0


def _repair_says_nothing_unproven() -> None:
    """A repair does not record which commits it could not prove."""
    whole = repair._Repaired._record_positions

    def note(self: repair._Repaired, what: str, first: int, last: int) -> None:
        if what != "unproven":
            whole(self, what, first, last)

    repair._Repaired._record_positions = note  # type: ignore[method-assign]  # the weakness itself


def _repair_keeps_contradicted() -> None:
    """A repair keeps what does not match the digest before it."""
    sorting._Sorting._with_a_digest_before = lambda *_: set()  # type: ignore[method-assign]  # the weakness itself


def _repair_unverified() -> None:
    """A repair does not replace the versions that are lost, and does not verify its result."""

    def fill(_: object, gaps: Sequence[Any], _claims: object) -> list[list[tuple[str, int]]]:
        return [[("lost", position) for position in range(gap.first, gap.last + 1)] for gap in gaps]

    def verified_end(content: bytes) -> Cursor:
        lines = content.split(b"\n")[:-1]
        last = msgspec.json.decode(lines[-1])
        position = last["position"] + len(last["events"]) - 1 if "position" in last else 0
        return Cursor(position, len(lines), len(content), last["sum"].encode())

    sorting.fill = fill  # type: ignore[assignment, attr-defined]  # the weakness itself
    repair.verified_end = verified_end


def _repair_keeps_nothing() -> None:
    """A repair keeps no copy of the log as it was."""
    repair.create_durable = lambda *_: None  # type: ignore[attr-defined]  # the weakness itself


def _repair_plans_otherwise() -> None:
    """A dry run does not report the lost events that a repair reports."""
    repair.Plan.described = property(  # type: ignore[assignment]  # the weakness itself
        lambda plan: Repair(tuple(step for step in plan.steps if "lost" not in step))
    )


def _repair_forgets_head_record() -> None:
    """A repair leaves the old head record."""
    repair.record_head = lambda *_: None  # type: ignore[attr-defined]  # the weakness itself


def _repair_ignores_head() -> None:
    """A repair does not read the head record."""
    repair.log_and_head = lambda *_: None  # type: ignore[attr-defined]  # the weakness itself


def _repair_touches_newer() -> None:
    """A repair does not check the format of a log."""
    whole = verify.verify

    def verify_newer(path: str, name: str, progress: Progress, known: Known = nothing_known) -> Verdict:
        verdict = whole(path, name, progress, known)
        return replace(verdict, newer="", damage=Damage(1, 0, "altered", "it looks odd")) if verdict.newer else verdict

    repair.verify = verify_newer  # type: ignore[attr-defined]  # the weakness itself
    repair._Repaired._refuse_newer = lambda *_: None  # type: ignore[method-assign]  # the weakness itself


def _repair_needs_a_commit() -> None:
    """A repair fails if no commit can be read."""
    whole = repair.plan

    def plan(content: bytes, *others: Any) -> repair.Plan:
        if b'{"position":' not in content:
            raise line_format.InvalidLine("there is nothing to go on with")
        return whole(content, *others)

    repair.plan = plan  # type: ignore[assignment]  # the weakness itself


def _bare_decoder() -> None:
    """The decoder raises whatever error it meets."""

    def decode_line(line: bytes) -> line_format.CommitLine:
        return msgspec.json.decode(line, type=line_format.CommitLine)

    def decode_lines(chunk: bytes, *_: object) -> list[line_format.CommitLine]:
        return msgspec.json.Decoder(line_format.CommitLine).decode_lines(chunk)

    for module in (line_format, evidence, chain):
        module.decode_line = decode_line  # type: ignore[attr-defined]  # the weakness itself
    for module in (line_format, verify):
        module.decode_lines = decode_lines  # type: ignore[attr-defined]  # the weakness itself


def _no_escaping() -> None:
    """Text is printed without escaping."""
    text._escape = text._json_escape = lambda match: match[0]


def _clock_order() -> None:
    """Commits are searched by time, as if clocks never jumped."""
    right = timeline.as_of

    def as_of(repository: Any, moment: Any) -> Any:
        if isinstance(moment, int):
            return right(repository, moment)
        fold, last = Fold(repository.decider), None
        for commit in repository.log.commits():
            if commit.metadata.at > moment:
                break
            fold.apply(commit)
            last = commit
        return fold, last

    timeline.as_of = as_of


def _own_times() -> None:
    """With a snapshot a program keeps the earliest time since its own last one, whatever others have taken and removed."""
    from cqrs_todo.cqrs.repository import Repository
    from cqrs_todo.cqrs.snapshots import SnapshotInfo, prune

    def take_snapshot(self: Repository[Any, Any, Any], fold: Fold[Any]) -> None:
        cursor = self._read_cursor()
        if cursor.position != fold.position or self._last_time is None or self._earliest is None:
            return
        found = self.snapshots.infos(self.log.id, self.decider.kind)
        info = SnapshotInfo(fold.position, self._last_time, self._earliest)
        self.snapshots.save(self.log.id, self.decider.kind, cursor, info, fold, found)
        self._infos, self._earliest = prune(found, info), None

    Repository._take_snapshot = take_snapshot  # type: ignore[method-assign]  # the weakness itself


def _forgetful_server() -> None:
    """The tables of the server do not recognise a command that is sent again."""
    from cqrs_todo.cqrs.stores.postgres import database, log, schema
    from cqrs_todo.cqrs.struct import replace

    first, *others = schema.MIGRATIONS
    forgetful = first.sql.replace("UNIQUE (log, command)", "UNIQUE (log, sum)").replace("AND command =", "AND sum =")
    forgetful = forgetful.replace("UNIQUE (log, id),", "")  # the id of an event begins with the command id
    log._KNOWN = log._KNOWN.replace("AND command =", "AND sum =")
    database.MIGRATIONS = (replace(first, sql=forgetful), *others)  # type: ignore[attr-defined]  # the weakness itself


def _checkpoint_first() -> None:
    """The runner of a reaction keeps its checkpoint before it gives the event to the reaction, not after."""
    from cqrs_todo.cqrs.checkpoints import Checkpoint
    from cqrs_todo.cqrs.events import Recorded
    from cqrs_todo.cqrs.reactions import Runner

    whole = Runner._react

    def react(self: Runner, event: Recorded[Any]) -> bool:
        self._keep(Checkpoint(event.position))
        return whole(self, event)

    Runner._react = react  # type: ignore[method-assign]  # the weakness itself


def _reactions_go_on() -> None:
    """Runners load their checkpoints also while events move."""
    from cqrs_todo.cqrs.checkpoints import Checkpoint
    from cqrs_todo.cqrs.stores.jsonl import checkpoints

    def load(self: checkpoints.FileCheckpoints, reaction: str, log_id: str) -> Checkpoint:
        return checkpoints._read(self._path(reaction, log_id))

    checkpoints.FileCheckpoints.load = load  # type: ignore[method-assign]  # the weakness itself


def _no_lease() -> None:
    """Every runner of a reaction gets the lease, and keeps its checkpoint whoever holds it."""
    from cqrs_todo.cqrs.checkpoints import Checkpoint, Checkpoints
    from cqrs_todo.cqrs.stores.jsonl.checkpoints import FileCheckpoints
    from cqrs_todo.cqrs.stores.postgres.tables import PostgresCheckpoints

    def weaken(kept: type[Checkpoints]) -> None:
        whole, take = kept.save, kept.hold

        def save(self: Checkpoints, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
            del holder
            return whole(self, reaction, log_id, checkpoint)

        def hold(self: Checkpoints, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
            take(self, reaction, log_id, holder, seconds, renew=renew)
            return True

        kept.save = save  # type: ignore[method-assign]  # the weakness itself
        kept.hold = hold  # type: ignore[method-assign]  # the weakness itself

    weaken(FileCheckpoints)
    weaken(PostgresCheckpoints)


def _rows_apart() -> None:
    """The rows of a projection change in one transaction, and their position in the next one."""
    from cqrs_todo.cqrs.checkpoints import Checkpoint
    from cqrs_todo.cqrs.projections import Generation, postgres, sqlite

    def weaken(tables: type[Generation]) -> None:
        whole = tables.change

        def change(
            self: Generation, log_id: str, before: Checkpoint, after: Checkpoint, work: Callable[[Any], None]
        ) -> bool:
            if not whole(self, log_id, before, before, work):
                return False
            time.sleep(0.02)  # so that a few kills are enough to meet the moment between the two
            return whole(self, log_id, before, after, lambda _: None)

        tables.change = change  # type: ignore[method-assign]  # the weakness itself

    weaken(sqlite._File)
    weaken(postgres._Schema)


def _serial_reader() -> None:
    """There is nothing to weaken: the trial `server` reads a table by its serial numbers instead of a log."""


def _asynchronous_standby() -> None:
    """There is nothing to weaken: the trial `standby` lets the primary report commits that its standby has not got."""


def _without_condition(kind: type[Any]) -> None:
    """The logs of a kind append without the condition of a decision."""
    whole = kind.append

    def append(self: Any, appends: Sequence[Append], metadata: Metadata, **_: AppendCondition | None) -> Commit:
        commit: Commit = whole(self, appends, metadata)
        return commit

    kind.append = append


def _no_condition_jsonl() -> None:
    """Logs in JSON lines append without the condition of a decision."""
    _without_condition(log.JsonlLog)


def _no_condition_postgres() -> None:
    """Logs in PostgreSQL append without the condition of a decision."""
    from cqrs_todo.cqrs.stores.postgres.log import PostgresLog

    _without_condition(PostgresLog)


def _torn_move() -> None:
    """A move is two changes, each under the lock of its own list; if the second fails, the first is undone."""

    def move(self: service.TodoList, chosen: Sequence[Item], target: service.TodoList) -> Answer:
        held = {item.stream: item for item in self.view().items}
        now = [held[item.stream] for item in chosen]
        if any(item.todo.removed for item in now):
            raise Rejected("it was removed")
        arrived = target.import_todos({id_of(item.stream): item.todo for item in now})
        if arrived.commit is not None:
            time.sleep(0.3)  # so that another process finds the todo there and removes it here, however busy the machine is
        try:
            self.change(now, lambda _: [Remove()], unchanged=True)
        except CqrsError:
            if arrived.commit is not None:
                target.change(arrived.changed, lambda _: [Remove()])
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
    "sync-takes-the-longer": _sync_takes_the_longer,
    "repair-keeps-white-space": _repair_keeps_white_space,
    "repair-looks-at-neighbours": _repair_looks_at_neighbours,
    "repair-says-nothing-unproven": _repair_says_nothing_unproven,
    "repair-keeps-contradicted": _repair_keeps_contradicted,
    "repair-unverified": _repair_unverified,
    "repair-keeps-nothing": _repair_keeps_nothing,
    "repair-plans-otherwise": _repair_plans_otherwise,
    "repair-forgets-head-record": _repair_forgets_head_record,
    "repair-ignores-head": _repair_ignores_head,
    "repair-touches-newer": _repair_touches_newer,
    "repair-needs-a-commit": _repair_needs_a_commit,
    "bare-decoder": _bare_decoder,
    "no-escaping": _no_escaping,
    "clock-order": _clock_order,
    "own-times": _own_times,
    "forgetful-server": _forgetful_server,
    "rows-apart": _rows_apart,
    "checkpoint-first": _checkpoint_first,
    "no-lease": _no_lease,
    "reactions-go-on": _reactions_go_on,
    "serial-reader": _serial_reader,
    "asynchronous-standby": _asynchronous_standby,
    "no-condition-jsonl": _no_condition_jsonl,
    "no-condition-postgres": _no_condition_postgres,
    **MERGES,
}


def weaken(kind: str) -> None:
    """Weaken the program in this process permanently."""
    KINDS[kind]()


if __name__ == "__main__":
    from cqrs_todo.cli import main

    weaken(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
