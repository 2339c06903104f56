"""Merging another copy of a log into the file of a log.

The new file is complete and durable before it replaces the old one, and what the old one held is kept beside it first. So
whenever this is killed, the log is either the old one or the new one, and to merge the same copy again does the rest.
"""

import os
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from ...cursor import Cursor
from ...errors import READ_AGAIN, DamagedLog, ReadOnlyLog, StaleCursor
from ...events import EventTypes
from ...operation_errors import CannotMerge
from ...replication import Conflict, MergedLog, MergeRules, MergeTerms
from ...replication.arrived import arrived_conflicts
from ...store import no_progress
from ..hash_chain import last_digest
from ..merging import MergedLines, merge_on_terms
from .files import create_durable, dated, os_errors_as_store_errors, read_range, replace_durably
from .forget import complete_lines
from .head_record import replacing_record
from .lines import LogFile
from .verify import verify

_NOTHING = "; nothing was merged"


def planned(
    path: str,
    name: str,
    copy: bytes,
    *,
    since: Cursor,
    types: EventTypes,
    rules: MergeRules[Any, Any, Any],
    terms: MergeTerms,
) -> tuple[MergedLines, bytes]:
    """Return what merging another copy of a log into the log gives. Nothing is written.

    Args:
        path: The file of the log.
        name: The name of the log.
        copy: The bytes of the other copy after a cursor.
        since: The cursor, up to which both are the same; `START` if all of the other copy is given.
        types: The registered events.
        rules: What the merge has to know of the domain.
        terms: What the other copy is to the log.

    Returns:
        The merge, and what an interrupted write had left at the end of the file.

    Raises:
        LogNotFound: There is no such log.
        CannotMerge: The bytes are not a copy of this log, or are damaged, or hold events that this code does not know.
        StaleCursor: The log has changed before the cursor.
        DamagedLog: The log is damaged.
        ReadOnlyLog: One of them has a newer format.
        StoreUnavailable: The file cannot be read.
    """
    verdict = verify(path, name, no_progress)
    if verdict.newer:
        raise ReadOnlyLog(f"{path} was made by a newer program: its format {verdict.newer} is newer than this program's")
    damage = verdict.damage
    if damage is not None and damage.kind != "torn":
        place = f"{path} is damaged at line {damage.line}, byte {damage.byte}: {damage.detail}"
        raise DamagedLog(f"{place}{_NOTHING}: repair it first")
    with os_errors_as_store_errors(path, _NOTHING), LogFile(path, os.O_RDONLY, name) as file:
        content = read_range(file.fd, 0, file.size)
    own = complete_lines(content, verdict.head.encode())
    same = own[: since.offset]
    if same and (len(same) < since.offset or last_digest(same) != since.digest):
        raise StaleCursor(f"{path} is not what it was at @{since.position}", READ_AGAIN)
    try:
        merged = merge_on_terms(list(BytesIO(own)), list(BytesIO(same + copy)), types, rules, terms)
        return merged, content[len(own) :]
    except CannotMerge as error:
        raise type(error)(f"{error}{_NOTHING}") from error


def put_in_place(path: str, merged: MergedLines, tail: bytes) -> str:
    """Replace the file of a log by a merge. The caller holds the log's lock.

    Args:
        path: The file.
        merged: What `planned` returned, while the lock was held.
        tail: What an interrupted write had left at the end of the file.

    Returns:
        The path of the file that keeps the log as it was; '' if the merge begins with all of it.

    Raises:
        StoreUnavailable: A file cannot be written. The log is as it was.
        OutcomeUnknown: The file was replaced, but may not be so on the disk.
    """
    new = b"".join(merged.lines)
    old = b"".join(merged.copies[0].lines)
    kept = ""
    with os_errors_as_store_errors(path, _NOTHING):
        if not new.startswith(old):
            kept = dated(path, "merged")
            create_durable(kept, old)
        if tail and not merged.forgotten:  # it may hold what is forgotten, and was never reported as recorded
            create_durable(dated(path, "torn"), tail)
        with replacing_record(path, merged.log, merged.end):
            replace_durably(path, new)
    return kept


def outcome(
    merged: MergedLines, rules: MergeRules[Any, Any, Any], unreached: Sequence[str] = (), kept: str = ""
) -> MergedLog:
    """Return what a merge into the first of two copies did.

    Args:
        merged: The merge.
        rules: What the merge has to know of the domain.
        unreached: What may still hold the data of the streams that are forgotten now, in words.
        kept: The path of the file that keeps the log as it was; '' if there is none.
    """
    ours, theirs = merged.copies
    forgotten = tuple(sorted({*merged.forgotten} - {*ours.forgotten}))
    known = {commit.metadata.command for commit in theirs.commits}
    lacking = sum(commit.metadata.command not in known for commit in ours.commits)
    conflicts = (*merged.conflicts, *_arrived(merged, rules))
    return MergedLog(
        log=merged.log,
        before=ours.commits,
        after=merged.commits,
        conflicts=conflicts,
        forgotten=forgotten,
        unreached=tuple(unreached),
        kept=kept,
        lacking=lacking,
    )


def _arrived(merged: MergedLines, rules: MergeRules[Any, Any, Any]) -> Sequence[Conflict]:
    """Return the conflicts that another machine has found before, apart from those of fields that this merge names."""
    if merged.trunk == 0:
        return ()
    ours, theirs = merged.copies
    known = {commit.metadata.command for commit in ours.commits}
    named = {(conflict.stream, conflict.field) for conflict in merged.conflicts}
    found = arrived_conflicts(known, theirs.commits, merged.base, merged.added, rules)
    return [conflict for conflict in found if (conflict.stream, conflict.field) not in named]
