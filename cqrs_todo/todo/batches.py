"""Dividing what a command records into commits.

A command with many events is recorded as a batch: several commits that share a batch id and are undone as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from ..cqrs.decider import Changes
from ..cqrs.errors import CqrsError
from ..cqrs.events import BATCH
from .events import TodoEvent

T = TypeVar("T")

COMMIT_LIMIT = 10_000
"""The most events in one commit. A command with more writes a batch of commits, which is undone as a whole."""
COMMIT_SIZE = 32 << 20
"""The most JSON of events in one commit, in bytes. A line of a log is hardly longer."""

CommitContent: TypeAlias = tuple[Changes[TodoEvent], dict[str, Any]]
"""The content of one commit: the new events by stream, and the commit's `meta`."""


def split_to_commit_size(contents: Iterable[CommitContent]) -> list[CommitContent]:
    """Divide contents that are too large for one commit. The events of one stream stay together.

    Args:
        contents: What is to be recorded.

    Returns:
        The same events in the same order, in contents that are small enough.
    """
    divided: list[CommitContent] = []
    for changes, meta in contents:
        if sum(map(len, changes.values())) <= _SURELY_SMALL:
            divided.append((changes, meta))
            continue
        any_size = json_size(list(changes.values())) <= COMMIT_SIZE  # then the size of each event does not matter
        measured = ((item, len(item[1]), 0 if any_size else sum(map(json_size, item[1]))) for item in changes.items())
        divided += [(dict(chunk), meta) for chunk in commit_sized_chunks(measured)] or [({}, meta)]
    return divided


def fits_one_commit(changes: Changes[TodoEvent]) -> bool:
    """Return whether new events fit into one commit."""
    count = sum(map(len, changes.values()))
    return count <= _SURELY_SMALL or (count <= COMMIT_LIMIT and json_size(list(changes.values())) <= COMMIT_SIZE)


def commit_sized_chunks(measured: Iterable[tuple[T, int, int]]) -> Iterator[list[T]]:
    """Group things so that each group fits into one commit.

    Args:
        measured: Each thing with its number of events and the size of their JSON, in bytes.

    Yields:
        The groups.
    """
    chunk: list[T] = []
    events = size = 0
    for thing, more_events, more in measured:
        if chunk and (events + more_events > COMMIT_LIMIT or size + more > COMMIT_SIZE):
            yield chunk
            chunk, events, size = [], 0, 0
        chunk.append(thing)
        events += more_events
        size += more
    if chunk:
        yield chunk


_SURELY_SMALL = 32
"""A number of events that always fits into a commit: each has at most an old and a new value of 64 KiB, all escaped."""


def json_size(events: Any) -> int:
    """Return the size of the JSON of an event, or of several, in bytes."""
    import msgspec  # here, because without it small commits still work, and most are small

    return len(msgspec.json.encode(events))


def with_batch_ids(contents: Sequence[CommitContent], command: str) -> list[tuple[CommitContent, str]]:
    """Give each commit of a command its command id.

    Args:
        contents: The contents of the commits.
        command: The id of the command.

    Returns:
        Each content with its id. Several contents become a batch: their ids are numbered, and their `meta` names the batch.
    """
    if len(contents) == 1:
        return [(contents[0], command)]
    return [
        ((changes, {**meta, BATCH: {"id": command, "part": number}}), f"{command}.{number}")
        for number, (changes, meta) in enumerate(contents, 1)
    ]


@contextmanager
def note_earlier_commits(recorded: int) -> Iterator[None]:
    """Add a note to an error that ends the block: how many commits of the same command were recorded before it.

    Args:
        recorded: How many.
    """
    try:
        yield
    except CqrsError as error:
        if recorded:
            commits = "1 commit of this command was" if recorded == 1 else f"{recorded:,} commits of this command were"
            error.add_note(f"{commits} recorded before, and can be undone")
        raise
