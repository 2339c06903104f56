"""A walk along the lines of a log: it gives many lines at a time, and stops before the first bad one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.events import Commit, EventTypes, UnknownEvent, Upcaster
from cqrs_todo.cqrs.fold import Entities
from cqrs_todo.cqrs.stores import format as line_format
from cqrs_todo.cqrs.stores.chain import LineBlock, Versions, Walk
from cqrs_todo.cqrs.stores.format import Codec, InvalidLine, decode_lines
from cqrs_todo.cqrs.stores.hash_chain import chain_line, digest_in
from cqrs_todo.cqrs.struct import Struct
from cqrs_todo.cqrs.testing.examples import content_of

START_DIGEST = b"0" * 64


class Moved(Struct, frozen=True):
    by: int


class Noted(Struct, frozen=True):
    note: str
    at: datetime | None = None


TYPES = EventTypes({"moved": Moved, "noted/2": Noted}, {"noted": Upcaster("noted/2", lambda data: {"note": data["text"]})})

EVENTS: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    st.tuples(st.just("moved"), st.fixed_dictionaries({"by": st.integers(-9, 9)})),
    st.tuples(st.just("moved"), st.just({"by": "far"})),  # data that do not fit the type
    st.tuples(st.just("noted/2"), st.fixed_dictionaries({"note": st.text()}, optional={"new": st.booleans()})),
    st.tuples(st.just("noted"), st.fixed_dictionaries({"text": st.text()})),
    st.tuples(st.sampled_from(["lost", "shaken"]), st.just({})),
)


def body(position: int, events: Sequence[tuple[str, int, str, dict[str, Any]]]) -> bytes:
    """The line of a commit without its digest."""
    document = {
        "position": position,
        "at": "2026-11-22T09:30:01.123456Z",
        "by": "me@laptop",
        "command": f"c{position}",
        "events": [
            {"stream": stream, "version": version, "type": type, "data": data} for stream, version, type, data in events
        ],
        "meta": {},
    }
    return json.dumps(document).encode()


def chained(bodies: Sequence[bytes]) -> bytes:
    """The lines of a log after its header."""
    lines, sum = [], START_DIGEST
    for each in bodies:
        lines.append(chain_line(sum, each))
        sum = digest_in(lines[-1][:-1]) or b""
    return b"".join(lines)


def walk(versions: Versions, *, position: int = 0) -> Walk:
    return Walk(Cursor(position, 1, 100, START_DIGEST), versions.advance, decode_lines)


def moves(*versions: int, stream: str = "a") -> list[tuple[str, int, str, dict[str, Any]]]:
    return [(stream, version, "moved", {"by": 1}) for version in versions]


@given(st.lists(st.lists(EVENTS, min_size=1, max_size=3), min_size=1, max_size=8), st.sampled_from([TYPES, EventTypes({})]))
def test_lines_decoded_together_hold_what_each_holds_by_itself(
    commits: list[list[tuple[str, dict[str, Any]]]], types: EventTypes
) -> None:
    bodies, position = [], 1
    for events in commits:
        bodies.append(body(position, [("a", position + n, type, data) for n, (type, data) in enumerate(events)]))
        position += len(events)
    chunk = chained(bodies)
    codec = Codec(types)

    def read(long: int) -> list[Commit]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(line_format, "_LONG", long)
            blocks = list(Walk(Cursor(0, 1, 100, START_DIGEST), Versions().advance, codec.decode_lines).over([chunk]))
        commits = [commit for block in blocks for commit in block.whole(codec)]
        event_batches = [batch for block in blocks for batch in block.event_batches(codec)]
        assert list(map(content_of, event_batches)) == list(map(content_of, commits))
        return commits

    together, apart = read(0), read(1 << 60)
    assert together == apart
    assert [event.position for commit in together for event in commit.events] == list(range(1, position))
    known = {"moved": Moved, "noted/2": Noted}
    assert {type(event.data) for commit in together for event in commit.events} <= {UnknownEvent, *known.values()}


SKIPPING = [*moves(5), *moves(1, stream="b"), *moves(7)]

BAD = {
    "its digest does not match": lambda good: [*good[:2], good[2].replace(b'"by": 1}', b'"by": 2}'), *good[3:]],
    "position 9 follows 4": lambda good: [*good[:2], *remade(good, body(9, moves(5)))],
    "version 7 of a follows 5": lambda good: [
        *good[:2],
        *remade(good, body(5, [*moves(5), *moves(1, stream="b"), *moves(7)])),
    ],
    "no commit of format": lambda good: [*good[:2], *remade(good, b'{"position": 5}')],
}


def remade(good: Sequence[bytes], third: bytes) -> list[bytes]:
    """Another third line, and a line that follows it."""
    line = chain_line(digest_in(good[1][:-1]) or b"", third)
    return [line, chain_line(digest_in(line[:-1]) or b"", body(6, moves(6)))]


@pytest.mark.parametrize("words", BAD)
def test_the_lines_before_the_first_bad_one_are_given(words: str) -> None:
    good = chained([body(1, moves(1, 2)), body(3, moves(3, 4)), body(5, moves(5)), body(6, moves(6))]).splitlines(
        keepends=True
    )
    lines = BAD[words](good)
    versions = Versions()
    ahead = walk(versions)
    given: list[LineBlock] = []
    with pytest.raises(InvalidLine, match=words):
        given.extend(ahead.over([b"".join(lines)]))
    assert [line for batch in given for line in batch.lines] == good[:2]
    assert ahead.cursor == Cursor(4, 3, 100 + len(good[0] + good[1]), digest_in(good[1][:-1]) or b"")
    assert (versions.position, versions.version_of("a"), versions.version_of("b")) == (4, 4, 0)
    (rest,) = ahead.over([b"".join(good[2:])])
    assert ([*rest.lines], versions.version_of("a")) == (good[2:], 6), "it continues from where it stopped"


def test_commits_that_are_read_again_do_not_change_the_versions() -> None:
    chunk = chained([body(1, moves(1)), body(2, moves(2)), body(3, moves(3))])
    versions = Versions()
    for _ in range(2):
        (batch,) = walk(versions).over([chunk])
        assert (versions.position, versions.version_of("a")) == (3, 3)
    assert [commit.position for commit in batch.after(1).commits] == [2, 3]
    assert batch.after(0) is batch
    assert batch.after(3).lines == []


def test_from_the_middle_of_a_log_the_first_event_of_a_stream_is_not_checked_against_the_version_before() -> None:
    versions = Versions(7, Entities([], {"a": 2, "b": 5}).version_of)
    bodies = [body(8, [*moves(3), *moves(6, stream="b")]), body(10, moves(4))]
    (batch,) = walk(versions, position=7).over([chained(bodies)])
    assert (batch.commits[-1].at, batch.commits[-1].last) == (datetime(2026, 11, 22, 9, 30, 1, 123456, UTC), 10)
    assert (versions.version_of("a"), versions.version_of("b")) == (4, 6)
    with pytest.raises(InvalidLine, match="version 9 of a follows 4"):
        list(walk(versions, position=10).over([chained([body(11, moves(9))])]))


def test_a_bad_commit_with_two_equal_events_is_not_counted() -> None:
    versions = Versions()
    with pytest.raises(InvalidLine, match="version 1 of a follows 1"):
        list(walk(versions).over([chained([body(1, [*moves(1, stream="b"), *moves(1, 1)])])]))
    assert (versions.position, versions.version_of("a"), versions.version_of("b")) == (0, 0, 0)
