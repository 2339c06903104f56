"""An event that is lost or not known concerns its own stream alone, also if what comes after it cannot be applied."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import IncompleteStream, UnknownEvents, UnreadableEvent
from cqrs_todo.cqrs.events import EventTypes, Metadata, Upcaster
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import AlwaysSnapshot
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.struct import Struct, replace
from cqrs_todo.cqrs.timeline import as_of

pytestmark = pytest.mark.skipif(sys.platform == "emscripten", reason="there are no files of logs there")

AT = datetime(2026, 11, 30, tzinfo=UTC)


class Opened(Struct, frozen=True):
    owner: str


class OpenedAtBank(Struct, frozen=True):
    owner: str
    bank: str


class Moved(Struct, frozen=True):
    cents: int


class Noted(Struct, frozen=True):
    text: str


def evolve(state: int | None, event: Any) -> int:
    return state + event.cents if isinstance(event, Moved) else 0  # type: ignore[operator]  # nothing moves before it is opened


def decide(command: Any, _state: int | None) -> list[Any]:
    return [command]


def account(**events: type) -> Decider[int | None, Any, Any]:
    return Decider("account", None, {**events, "moved": Moved, "noted": Noted}, decide, evolve)


ACCOUNT = account(opened=Opened)


def metadata() -> Metadata:
    return Metadata.new("test@suite")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a log in which `x` was opened and changed, and `y` was opened."""
    store = open_store(f"jsonl:{tmp_path}", EventTypes({**ACCOUNT.events}))
    repository = Repository(store.create("log", AT), ACCOUNT)
    repository.execute("x", Opened("ann"), metadata())
    repository.execute("y", Opened("bob"), metadata())
    repository.execute("x", Moved(5), metadata())
    return store


def misfit(store: Store) -> Repository[Any, Any, Any]:
    """A program in which the class of an event has a new field, under the old type."""
    decider = account(opened=OpenedAtBank)
    return Repository(open_store(store.url, EventTypes({**decider.events})).open("log"), decider)


def unknown(store: Store) -> Repository[Any, Any, Any]:
    """A program that does not know a type."""
    decider = account()
    return Repository(open_store(store.url, EventTypes({**decider.events})).open("log"), decider)


def failing(store: Store) -> Repository[Any, Any, Any]:
    """A program with an upcaster that fails."""

    def fail(_: Any) -> Any:
        raise LookupError("no owner")

    decider = account(**{"opened/2": OpenedAtBank})
    types = EventTypes({**decider.events}, {"opened": Upcaster("opened/2", fail)})
    return Repository(open_store(store.url, types).open("log"), decider)


def lost(store: Store) -> Repository[Any, Any, Any]:
    """The same program, after the line with an event was damaged and repaired."""
    path = Path(store.url.removeprefix("jsonl:")) / "lists" / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"owner":"ann"', b'"owner"!"ann"'))
    store.repair("log")
    assert store.verify("log").damage is None
    return Repository(open_store(store.url, store.types).open("log"), ACCOUNT)


@pytest.mark.parametrize(
    ("program", "error", "words", "refusal"),
    [
        (misfit, IncompleteStream, "^account/x cannot be folded: the data of an event 'opened' do not fit", UnknownEvents),
        (unknown, IncompleteStream, "has the type 'opened', which this program does not know; so version 2", UnknownEvents),
        (failing, UnreadableEvent, "LookupError: no owner", UnreadableEvent),
        (lost, IncompleteStream, "an event of it was lost; so version 2 cannot be computed: TypeError", IncompleteStream),
    ],
)
def test_only_whoever_asks_for_the_stream_gets_an_error(
    store: Store,
    program: Callable[[Store], Repository[Any, Any, Any]],
    error: type[Exception],
    words: str,
    refusal: type[Exception],
) -> None:
    repository = program(store)
    with pytest.raises(error, match=words):
        repository.load("x")
    with pytest.raises(refusal):
        repository.execute("x", Moved(1), metadata())
    repository.execute("n", Noted("hello"), metadata())
    assert (found := repository.load("n")) is not None
    assert found.version == 1
    with pytest.raises(error):
        list(repository.fold())


def test_no_snapshot_is_taken_of_a_stream_that_is_incomplete(store: Store) -> None:
    log = lost(store).log
    snapshots = MemorySnapshots()
    for _ in range(2):
        repository = Repository(log, ACCOUNT, snapshots=snapshots, strategy=AlwaysSnapshot())
        with pytest.raises(IncompleteStream):
            repository.load("x")
        assert repository.load("y") is not None
    assert list(snapshots.infos(log.id, "account")) == []


def test_commands_on_other_streams_are_recorded_beside_a_snapshot_from_before(store: Store) -> None:
    snapshots = MemorySnapshots()

    def repository() -> Repository[Any, Any, Any]:
        return Repository(store.open("log"), ACCOUNT, snapshots=snapshots, strategy=AlwaysSnapshot())

    repository().fold()
    before = list(snapshots.infos(store.open("log").id, "account"))
    for event in (Opened("lost"), Moved(1)):
        Repository(store.open("log"), ACCOUNT).execute("late", event, metadata())
    path = Path(store.url.removeprefix("jsonl:")) / "lists" / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"owner":"lost"', b'"owner"!"lost"'))
    store.repair("log")
    assert repository().execute("y", Moved(7), metadata())[1] is not None
    assert (found := repository().load("y")) is not None
    assert found.state == 7
    assert list(snapshots.infos(store.open("log").id, "account")) == before
    with pytest.raises(IncompleteStream):
        repository().load("late")


def test_a_moment_before_the_event_was_lost_can_be_seen(store: Store) -> None:
    found = lost(store)
    repository = Repository(found.log, replace(ACCOUNT, invert=lambda event: event))
    with pytest.raises(IncompleteStream):
        as_of(repository, 3)[0].get("account/x")
    fold, _ = as_of(repository, 2)
    assert (entity := fold.get("account/x")) is not None
    assert entity.state is None


def test_a_fault_in_evolve_is_not_hidden(store: Store) -> None:
    def faulty(_state: Any, event: Any) -> Any:
        raise KeyError(event)

    decider = Decider[Any, Any, Any]("account", None, ACCOUNT.events, decide, faulty)
    with pytest.raises(KeyError):
        Repository(store.open("log"), decider).load("y")
