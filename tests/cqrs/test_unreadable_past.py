"""Time travel in a log with events that cannot be read gives the same answers wherever snapshots are."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import UnreadableEvent
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata, Upcaster
from cqrs_todo.cqrs.playback import Playback
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import AlwaysSnapshot, NeverSnapshot, SnapshotEvery
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.struct import Struct, replace
from cqrs_todo.cqrs.timeline import as_of
from tests.cqrs.counter import AT, COUNTER, Moved

pytestmark = pytest.mark.skipif(sys.platform == "emscripten", reason="there are no files of logs there")


class Old(Struct, frozen=True):
    by: int


class Gone(Struct, frozen=True):
    by: int


def fail(_: Mapping[str, Any]) -> Any:
    raise LookupError("it cannot be read")


WRITERS = EventTypes({"moved": Moved, "old": Old, "gone": Gone})
READERS = EventTypes({"moved": Moved}, {"old": Upcaster("moved", fail), "gone": Upcaster("moved", fail)})
BOTH_WAYS = replace(COUNTER, ignores=frozenset({"gone"}))
STREAMS = ("counter/a", "counter/b", "other/x")
DISTANCES = (NeverSnapshot(), AlwaysSnapshot(), SnapshotEvery(2), SnapshotEvery(5))

History = list[tuple[dict[str, type], int]]
"""For each commit the class of the event in each stream, and how many seconds it is later than the one before."""
histories = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(STREAMS), st.sampled_from([Moved, Moved, Moved, Old, Gone]), min_size=1),
        st.integers(-9, 20),
    ),
    min_size=1,
    max_size=8,
)


@contextmanager
def repositories(history: History) -> Iterator[tuple[list[Commit], list[Repository[int, Any, Moved]]]]:
    """Write a log, while programs that cannot read some of its events take snapshots of it at different distances.

    Yields:
        The commits as their writer knows them, and the repositories.
    """
    with tempfile.TemporaryDirectory() as folder:
        writer = open_store(f"jsonl:{folder}", WRITERS)
        log, at = writer.create("counters", AT), AT
        reader = open_store(writer.url, READERS)
        kept = [(distance, MemorySnapshots()) for distance in DISTANCES]
        takers = [Repository(reader.open("counters"), BOTH_WAYS, snapshots=place, strategy=each) for each, place in kept]
        for number, (classes, later) in enumerate(history):
            at += timedelta(seconds=later)
            appends = [Append(stream, (classes[stream](number + 1),)) for stream in classes]
            log.append(appends, Metadata(at, "test@suite", f"c{number}", {}))
            for taker in takers:
                taker.fold()
        deciders = (BOTH_WAYS, replace(BOTH_WAYS, invert=None))
        fresh = [Repository(reader.open("counters"), each, snapshots=place) for each in deciders for _, place in kept]
        yield list(log.commits()), [*takers, *fresh]


def answer_of(ask: Callable[[], Any]) -> Any:
    """Return an answer, or the position of the event that cannot be read."""
    try:
        return ask()
    except UnreadableEvent as error:
        return f"@{error.position} cannot be read"


def expected(commits: list[Commit], stream: str) -> Any:
    """Return what a stream is after some commits: its state and version, or that it cannot be read; None if it is new."""
    events = [event for commit in commits for event in commit.events if event.stream == stream]
    bad = next((event for event in events if type(event.data) is Old), None)
    if bad is not None:
        return f"@{bad.position} cannot be read"
    return (sum(event.data.by for event in events if type(event.data) is Moved), len(events)) if events else None


@settings(max_examples=25, deadline=None)
@for_all(histories)
def test_law_a_stream_cannot_be_read_at_a_moment_just_if_one_of_its_events_before_cannot(history: History) -> None:
    with repositories(history) as (commits, readers):
        times = {commit.metadata.at + timedelta(seconds=seconds) for commit in commits for seconds in (-1, 0)}
        for moment in (*range(commits[-1].last + 2), *times):
            is_reached = [
                commit.position <= moment if isinstance(moment, int) else commit.at <= moment for commit in commits
            ]
            before = commits[: max((place for place, reached in enumerate(is_reached, 1) if reached), default=0)]
            for reader in readers:
                fold, commit = as_of(reader, moment)
                for stream in ("counter/a", "counter/b"):
                    entity = answer_of(lambda stream=stream, fold=fold: fold.get(stream))  # type: ignore[misc]  # its defaults
                    found = entity if entity is None or isinstance(entity, str) else (entity.state, entity.version)
                    assert found == expected(before, stream), (moment, stream)
                assert fold.version_of("other/x") == sum("other/x" in classes for classes, _ in history[: len(before)])
                assert (fold.position, commit and commit.position) == (
                    (before[-1].last, before[-1].position) if before else (0, None)
                )


@settings(max_examples=25, deadline=None)
@for_all(histories, st.data())
def test_law_a_playback_stops_at_what_cannot_be_read_and_nowhere_else(history: History, data: Any) -> None:
    with repositories(history) as (commits, readers):
        begin = data.draw(st.integers(0, len(commits)))
        position = commits[begin - 1].last if begin else 0
        streams = [expected(commits[:begin], stream) for stream in ("counter/a", "counter/b")]
        readable = [all(type(event.data) is Moved for event in commit.events) for commit in commits]
        for reader in readers:
            if any(isinstance(each, str) for each in streams):
                with pytest.raises(UnreadableEvent):
                    Playback(reader, 0, commits[-1].last, position)
                continue
            playback = Playback(reader, 0, commits[-1].last, position)
            for place in range(begin, len(commits)):
                if not readable[place]:
                    with pytest.raises(UnreadableEvent):
                        playback.forward()
                    break
                assert playback.forward()
            playback = Playback(reader, 0, commits[-1].last, position)
            for place in reversed(range(begin)):
                if not readable[place]:
                    with pytest.raises(UnreadableEvent):
                        playback.back()
                    break
                assert playback.back()
