"""Schema evolution: a log that an earlier version of an application wrote, opened by a later one.

The golden file was written when the types were `ShiftedThen`, `MovedThen` and `NotedThen`; run this module to make one where
there is none.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import ConditionFailed, UnknownEvents, UnreadableEvent
from cqrs_todo.cqrs.events import EventTypes, Metadata, Splitter, UnknownEvent, Upcaster
from cqrs_todo.cqrs.playback import Playback
from cqrs_todo.cqrs.projections import Projection, ReadModel
from cqrs_todo.cqrs.projections.sqlite import MemoryTables
from cqrs_todo.cqrs.query import AppendCondition, Query
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct, replace
from cqrs_todo.cqrs.subscriptions import Subscription
from cqrs_todo.cqrs.timeline import as_of

GOLDEN = Path(__file__).parents[2] / "data/golden/evolution.jsonl"
AT = datetime(2026, 11, 22, 9, 30, 1, 123456, tzinfo=UTC)


class ShiftedThen(Struct, frozen=True):
    steps: str


class MovedThen(Struct, frozen=True):
    by: int


class NotedThen(Struct, frozen=True):
    note: str


class Moved(Struct, frozen=True):
    by: int
    why: str
    at: datetime


THEN = EventTypes({"shifted": ShiftedThen, "moved": MovedThen, "noted": NotedThen})
NOW = EventTypes(
    {"moved/2": Moved},
    {
        "shifted": Upcaster("moved", lambda data: {"by": int(data["steps"])}),
        "moved": Upcaster("moved/2", lambda data: {**data, "why": "unknown", "at": "2026-01-01T00:00:00Z"}),
    },
)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "lists").mkdir(mode=0o700)
    (tmp_path / "lists/inbox.jsonl").write_bytes(GOLDEN.read_bytes())
    return open_store(f"jsonl:{tmp_path}", NOW)


def test_renamed_and_changed_types_are_read_as_the_newest(store: Store) -> None:
    events = list(store.open("inbox").events())
    assert [(event.type, event.data) for event in events] == [
        ("moved/2", Moved(3, "unknown", SINCE)),
        ("moved/2", Moved(-1, "unknown", SINCE)),
        ("noted", UnknownEvent("noted", b'{"note":"half way"}')),
        ("moved/2", Moved(5, "unknown", SINCE)),
    ]
    assert [event.version for event in events] == [1, 2, 3, 1]


@pytest.mark.parametrize(
    ("upcast", "what"),
    [
        (dict, "Object missing required field `by`"),
        (lambda data: {"by": data["steps "]}, "KeyError: 'steps '"),
        (lambda data: {"by": data["steps"].number}, "AttributeError: 'str' object has no attribute 'number'"),
    ],
)
def test_a_failure_of_an_upcaster_is_an_error_that_names_the_event(
    store: Store, upcast: Callable[[Mapping[str, Any]], Mapping[str, Any]], what: str
) -> None:
    types = EventTypes(NOW.types, {"shifted": Upcaster("moved/2", upcast)})
    with pytest.raises(UnreadableEvent, match=rf"^@1 of \S+ cannot be read: the upcaster of shifted failed: {what}"):
        list(open_store(store.url, types).open("inbox").events())


def test_a_fold_applies_and_undoes_each_of_the_events_that_one_became(tmp_path: Path) -> None:
    def split(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        return [("moved", {"by": data["by"] - 1}), ("moved", {"by": 1})]

    place: Decider[int, int, MovedThen] = Decider(
        "place",
        0,
        {"moved": MovedThen},
        lambda by, _: [MovedThen(by)],
        lambda state, event: state + event.by,
        lambda event: MovedThen(-event.by),
    )
    then = open_store(f"jsonl:{tmp_path}/split", EventTypes({"jumped": MovedThen}))
    log = then.create("inbox", AT)
    for number, (stream, by) in enumerate([("place/1", 5), ("place/1", 3), ("place/2", 9), ("other/1", 2)]):
        log.append([Append(stream, (MovedThen(by),))], Metadata(AT, "me@laptop", f"c{number}", {}))
    now = open_store(then.url, EventTypes(place.events, {"jumped": Splitter(("moved",), split)}))
    repository = Repository(now.open("inbox"), place)
    found = []
    for position in range(5):
        fold, _ = as_of(repository, position)
        found.append(({entity.stream: (entity.state, entity.version) for entity in fold}, dict(fold.others)))
    assert found == [
        ({}, {}),
        ({"place/1": (5, 1)}, {}),
        ({"place/1": (8, 2)}, {}),
        ({"place/1": (8, 2), "place/2": (9, 1)}, {}),
        ({"place/1": (8, 2), "place/2": (9, 1)}, {"other/1": 1}),
    ]
    steps = Playback(repository, 0, 4, 1)
    assert [(step.before, step.after) for step in steps.transitions()] == [(0, 4), (4, 5)]
    one_way = Playback(Repository(now.open("inbox"), replace(place, invert=None)), 0, 4, 1)
    assert [(step.before, step.after) for step in one_way.transitions()] == [(0, 4), (4, 5)]


def test_the_fold_and_new_events_stand_on_them(store: Store, tmp_path: Path) -> None:
    before = (tmp_path / "lists/inbox.jsonl").read_bytes()
    place: Decider[int, int, Moved] = Decider(
        "place",
        0,
        NOW.types,
        lambda by, _: [Moved(by, "asked", AT)],
        lambda state, event: state + event.by,
        lambda event: event,
    )
    with pytest.raises(UnknownEvents, match=r"^place/1 has an event .* know \(@3, noted: its type is unknown\); nothing"):
        Repository(store.open("inbox"), place).execute("1", 10, Metadata(AT, "me@laptop", "c5", {}))
    assert (tmp_path / "lists/inbox.jsonl").read_bytes() == before
    place = replace(place, ignores=frozenset({"noted"}))
    entity, _ = Repository(store.open("inbox"), place).execute("1", 10, Metadata(AT, "me@laptop", "c5", {}))
    assert (entity.state, entity.version) == (12, 4)
    after = (tmp_path / "lists/inbox.jsonl").read_bytes()
    assert after.startswith(before), "what was written stays as it was"
    assert b'"type":"moved/2","data":{"by":10,"why":"asked"' in after.removeprefix(before)


Opener = Callable[[EventTypes], Store]


@pytest.fixture(params=["files", "server"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens a store as programs with different events do."""
    url = request.getfixturevalue("database") if request.param == "server" else f"jsonl:{tmp_path}/new"
    with ExitStack() as stack:

        def open_with(types: EventTypes) -> Store:
            store = open_store(url, types)
            stack.callback(store.close)
            return store

        yield open_with


class Forward(Struct, frozen=True):
    by: int


class Backward(Struct, frozen=True):
    by: int


def _by_sign(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("forward" if data["by"] > 0 else "backward", data)]


def test_a_condition_asks_for_what_an_older_event_has_become(opened: Opener) -> None:
    then = opened(THEN)
    then.create("inbox", AT).append([Append("place/1", (MovedThen(-1),))], Metadata(AT, "me@laptop", "c1", {}))
    now = {"forward": Forward, "backward": Backward}
    log = opened(EventTypes(now, {"moved": Splitter(tuple(now), _by_sign)})).open("inbox")
    condition = AppendCondition(Query.of(types={"forward"}), 0)
    log.append([Append("place/2", (Backward(2),))], Metadata(AT, "me@laptop", "c2", {}), condition=condition)
    then.open("inbox").append([Append("place/1", (MovedThen(1),))], Metadata(AT, "me@laptop", "c3", {}))
    with pytest.raises(ConditionFailed, match="@3"):
        log.append([Append("place/2", (Backward(2),))], Metadata(AT, "me@laptop", "c4", {}), condition=condition)


def test_an_event_that_cannot_be_read_does_not_matter_to_a_condition_on_others(opened: Opener) -> None:
    then = opened(THEN)
    then.create("inbox", AT).append([Append("place/1", (ShiftedThen("three"),))], Metadata(AT, "me@laptop", "c1", {}))
    types = EventTypes({**NOW.types, "noted": NotedThen}, {"shifted": Upcaster("moved/2", dict)})
    log = opened(types).open("inbox")
    condition = AppendCondition(Query.of(types={"noted"}), 0)
    log.append([Append("place/2", (NotedThen("here"),))], Metadata(AT, "me@laptop", "c2", {}), condition=condition)
    with pytest.raises(UnreadableEvent):
        list(log.events())


class Picky(Struct, frozen=True):
    """An event whose class raises what msgspec does not take for wrong data."""

    by: int

    def __post_init__(self) -> None:
        if self.by > 1:
            raise KeyError(self.by)


def test_a_failure_of_the_class_of_an_event_is_an_error_that_names_the_event(opened: Opener) -> None:
    log = opened(THEN).create("inbox", AT)
    for numbers in ([1] * 9_000, [1, 2]):  # after some hundred kilobytes, lines are decoded in another way
        log.append([Append("place/1", tuple(map(MovedThen, numbers)))], Metadata.new("me@laptop"))
    log = opened(EventTypes({"moved": Picky})).open("inbox")
    for _ in range(2):
        with pytest.raises(
            UnreadableEvent, match=r"^@9002 of place/1 cannot be read: the class of moved failed: KeyError: 2"
        ):
            list(log.events())


@pytest.fixture
def store_with_an_unreadable_event(opened: Opener) -> Store:
    """The log `inbox` has two events of one stream, one of another, which cannot be read, and two of the first."""
    then = opened(THEN)
    then.create("other", AT).append([Append("place/1", (NotedThen("e"),))], Metadata.new("me@laptop"))
    log = then.create("inbox", AT)
    events = [NotedThen("a"), NotedThen("b"), ShiftedThen("three"), NotedThen("c"), NotedThen("d")]
    for number, event in enumerate(events, 1):
        stream = f"place/{1 + isinstance(event, ShiftedThen)}"
        log.append([Append(stream, (event,))], Metadata(AT, "me@laptop", f"c{number}", {}))
    return opened(EventTypes({**NOW.types, "noted": NotedThen}, {"shifted": Upcaster("moved/2", dict)}))


@pytest.fixture
def with_an_unreadable_event(store_with_an_unreadable_event: Store) -> Log:
    return store_with_an_unreadable_event.open("inbox")


@pytest.mark.parametrize("query", [Query(), Query.of(types={"moved/2", "noted"})])
def test_reading_comes_to_the_event_that_cannot_be_read_and_no_further(with_an_unreadable_event: Log, query: Query) -> None:
    log = with_an_unreadable_event
    reading = log.selected(query)
    events, cursor = next(reading)
    assert [event.position for event in events] == [1, 2]
    assert cursor.position == 2
    commits = log.commits()
    assert [next(commits).position, next(commits).position] == [1, 2]
    for reads in (reading, log.selected(query, cursor), commits):
        with pytest.raises(UnreadableEvent, match=r"^@3 of place/2"):
            next(reads)
    assert [event.position for event in log.select(Query.of(types={"noted"}), cursor.position)] == [4, 5]


def test_an_event_that_cannot_be_read_does_not_matter_to_other_streams_and_commands(with_an_unreadable_event: Log) -> None:
    log = with_an_unreadable_event
    assert [event.position for event in log.events(stream="place/1")] == [1, 2, 4, 5]
    assert [event.position for event in log.events_backward(stream="place/1")] == [5, 4, 2, 1]
    assert [event.position for event in log.events_backward(4, stream="place/1", limit=1)] == [4]
    for command, found in (("c1", 1), ("c5", 5)):
        commit = log.find_command(command)
        assert commit is not None
        assert commit.position == found
    assert log.find_command("c9") is None


def test_an_event_that_cannot_be_read_keeps_no_other_log_from_a_subscription(store_with_an_unreadable_event: Store) -> None:
    found: list[tuple[str, int]] = []
    with pytest.raises(UnreadableEvent):
        found.extend((log.name, event.position) for log, event in Subscription(store_with_an_unreadable_event).catch_up())
    assert found == [("inbox", 1), ("inbox", 2), ("other", 1)]


def test_a_reaction_can_begin_after_an_event_that_cannot_be_read(store_with_an_unreadable_event: Store) -> None:
    store, seen = store_with_an_unreadable_event, list[int]()
    runner = Runner(store, store.open("inbox"), Reaction("see", print))
    assert (runner.begin_now(), runner.catch_up()) == (True, 0)
    for position, expected in ((2, []), (3, [4, 5]), (4, [5])):
        seen.clear()
        reaction: Reaction[Any] = Reaction(f"see{position}", lambda event: seen.append(event.position))
        runner = Runner(store, store.open("inbox"), reaction)
        assert runner.begin_after(position)
        with pytest.raises(UnreadableEvent) if position < 3 else nullcontext():
            runner.catch_up()
        assert seen == expected


_MOVED = {"by": 3, "why": "three", "at": "2026-01-01T00:00:00Z"}
CORRECTED = EventTypes({**NOW.types, "noted": NotedThen}, {"shifted": Upcaster("moved/2", lambda _: _MOVED)})


def _notes(kind: str) -> Decider[tuple[str, ...], str, NotedThen]:
    """A domain of notes, which also knows the events that cannot be read."""
    return Decider(
        kind,
        (),
        {"noted": NotedThen, "moved/2": Moved},
        lambda note, _: [NotedThen(note)],
        lambda notes, event: (*notes, event.note if isinstance(event, NotedThen) else event.why),
    )


@pytest.fixture
def with_a_mixed_commit(opened: Opener) -> Store:
    """The log `inbox` has a commit of five events, of which the third one cannot be read, and one more commit."""
    log = opened(THEN).create("inbox", AT)
    streams = [("place/1", NotedThen("a")), ("other/1", NotedThen("b")), ("place/2", ShiftedThen("three"))]
    streams += [("place/3", NotedThen("c")), ("other/2", NotedThen("d"))]
    log.append([Append(stream, (event,)) for stream, event in streams], Metadata(AT, "me@laptop", "c1", {}))
    log.append([Append(stream, (NotedThen("e"),)) for stream in ("place/1", "other/1")], Metadata(AT, "me@laptop", "c2", {}))
    return opened(EventTypes(CORRECTED.types, {"shifted": Upcaster("moved/2", dict)}))


def test_nothing_is_decided_on_a_stream_with_an_unreadable_event_and_other_streams_go_on(
    with_a_mixed_commit: Store, opened: Opener
) -> None:
    log = with_a_mixed_commit.open("inbox")
    places, others = Repository(log, _notes("place")), Repository(log, _notes("other"))
    for repository, id, notes in ((others, "1", "be"), (others, "2", "d"), (places, "1", "ae"), (places, "3", "c")):
        assert repository.load_or_default(id).state == tuple(notes)
        entity, _ = repository.execute(id, "f", Metadata.new("me@laptop"))
        assert entity.state == (*notes, "f")
    assert [entity.stream for entity in others.fold()] == ["other/1", "other/2"]
    place = places.fold().numbered(3)
    assert place is not None
    assert place.stream == "place/3"
    attempts: list[Callable[[], object]] = [
        lambda: places.load("2"),
        lambda: places.execute("2", "f", Metadata.new("me@laptop")),
        lambda: list(places.fold()),
        lambda: list(places.fold().mentioning("c")),
        lambda: places.fold().starting("place/"),
        lambda: places.fold().copy().numbered(2),
        lambda: places.transact(lambda fold: ({"place/1": [NotedThen(str(list(fold)))]}, Metadata.new("me@laptop"))),
        lambda: list(log.events(stream="place/2")),
        lambda: list(log.events_backward(stream="place/2")),
    ]
    before = [event.position for event in log.events(stream="place/1")]
    for attempt in attempts:
        with pytest.raises(UnreadableEvent, match=r"^@3 of place/2 cannot be read: the upcaster of shifted failed"):
            attempt()
    assert [event.position for event in log.events_backward(stream="place/1")] == before[::-1]
    assert [event.position for event in log.events_backward(stream="other/2")] == [9, 5]
    corrected = Repository(opened(CORRECTED).open("inbox"), _notes("place"))
    assert corrected.load_or_default("2").state == ("three",)


def test_those_who_follow_get_what_is_before_an_unreadable_event_once_and_others_everything(
    with_a_mixed_commit: Store, opened: Opener
) -> None:
    seen: dict[str, list[int]] = {"place": [], "other": []}

    def runner(store: Store, kind: str) -> Runner:
        reaction: Reaction[Any] = Reaction(
            f"see {kind}", lambda event: seen[kind].append(event.position), Query.of(kinds={kind})
        )
        return Runner(store, store.open("inbox"), reaction)

    def model(store: Store, kind: str) -> ReadModel:
        return ReadModel(store, replace(_POSITIONS, query=Query.of(kinds={kind})), tables[kind])

    tables = {kind: MemoryTables() for kind in seen}
    for _ in range(2):
        with pytest.raises(UnreadableEvent, match="@3"):
            runner(with_a_mixed_commit, "place").catch_up()
        with pytest.raises(UnreadableEvent, match="@3"):
            model(with_a_mixed_commit, "place").catch_up()
        runner(with_a_mixed_commit, "other").catch_up()
        model(with_a_mixed_commit, "other").catch_up()
    rows = {kind: model(with_a_mixed_commit, kind).rows("SELECT n FROM positions") for kind in seen}
    assert (seen, rows) == ({"place": [1], "other": [2, 5, 7]}, {"place": [(1,)], "other": [(2,), (5,), (7,)]})
    corrected = opened(CORRECTED)
    assert (runner(corrected, "place").catch_up(), model(corrected, "place").catch_up()) == (3, 3)
    assert seen["place"] == [1, 3, 4, 6]
    assert model(corrected, "place").rows("SELECT n FROM positions") == [(1,), (3,), (4,), (6,)]


_POSITIONS = Projection[Any](
    "positions",
    1,
    "CREATE TABLE positions (n INTEGER)",
    lambda connection, event, _: connection.execute("INSERT INTO positions VALUES (?)", (event.position,)),
)


def test_the_golden_file_is_what_was_written_then(tmp_path: Path) -> None:
    written = _write(tmp_path)
    # the log's id, and with it all sums, are made by chance
    assert _without_sums(written) == _without_sums(GOLDEN.read_bytes())


def _without_sums(log: bytes) -> list[bytes]:
    return [line.partition(b',"sum":')[0] for line in log.splitlines()[1:]]


def _write(folder: Path) -> bytes:
    log = open_store(f"jsonl:{folder}", THEN).create("inbox", AT)
    log.append([Append("place/1", (ShiftedThen("3"),))], Metadata(AT, "me@laptop", "c1", {}))
    log.append([Append("place/1", (MovedThen(-1),))], Metadata(AT, "me@laptop", "c2", {}))
    log.append([Append("place/1", (NotedThen("half way"),))], Metadata(AT, "me@laptop", "c3", {}))
    log.append([Append("place/2", (MovedThen(5),))], Metadata(AT, "me@laptop", "c4", {}))
    return (folder / "lists/inbox.jsonl").read_bytes()


if __name__ == "__main__":
    import tempfile

    if not GOLDEN.exists():
        with tempfile.TemporaryDirectory() as folder:
            GOLDEN.write_bytes(_write(Path(folder)))


def test_going_on_after_an_unreadable_event_fails_again_and_does_not_take_it_for_the_end(
    with_an_unreadable_event: Log,
) -> None:
    places = Repository(with_an_unreadable_event, _notes("place"))
    steps = Playback(places, 0, 5, 2)
    attempts: list[Callable[[], object]] = [steps.forward, lambda: steps.next, steps.forward]
    for attempt in attempts:
        with pytest.raises(UnreadableEvent, match=r"^@3 of place/2"):
            attempt()
    assert (steps.back(), steps.back(), steps.back(), steps.fold.position) == (True, True, False, 0)
