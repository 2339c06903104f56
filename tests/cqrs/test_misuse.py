"""What is given by mistake is refused where it is given, in words that say what to write instead."""

# what is tested here are wrong arguments
# mypy: disable-error-code="arg-type, dict-item, return-value"

from collections.abc import Callable
from typing import Any

import pytest

from cqrs_todo.cqrs.boundary import DecisionModel, decide_on
from cqrs_todo.cqrs.checkpoints import Parked
from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.events import EventTypes, Metadata
from cqrs_todo.cqrs.operation_errors import StreamNotFound
from cqrs_todo.cqrs.projections import Projection, ReadModel
from cqrs_todo.cqrs.projections.sqlite import MemoryTables
from cqrs_todo.cqrs.query import AppendCondition, Query, QueryItem
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.subscriptions import Subscription
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted, metadata, one
from tests.cqrs.counter import COUNTER

Attempt = Callable[[Any, Any], object]
EVENT = Counted(1)
SEE: Reaction[Any] = Reaction("see", print)
ROWS: Projection[Any] = Projection("rows", 1, "", print)


@pytest.fixture
def store() -> Store:
    store = open_store("memory:", CONTRACT_TYPES)
    store.create("inbox", AT).append(one("a/1", 1), metadata("c1"))
    return store


def tagged(tags: Any) -> Attempt:
    types = EventTypes({"counted": Counted}, tags=lambda _: tags)
    return lambda _, __: open_store("memory:", types).create("x", AT).append(one("a/1", 1), metadata("c"))


MISTYPED = Query.of(types={"conted"})
MISTYPED_WORDS = "'conted' is not a registered type, so a query for it would find nothing"
MODEL = DecisionModel(Query(), 0, lambda count, _: count)
A_LIST = r"what is appended must be a list such as \[Append\(stream, \(event,\)\)\], not "
MISTAKES: list[tuple[Attempt, str]] = [
    (lambda _, log: log.append(Append("a/1", (EVENT,)), metadata("c")), f"{A_LIST}Append"),
    (lambda _, log: log.append([EVENT], metadata("c")), rf"{A_LIST}\[Counted"),
    (lambda _, log: log.append((each for each in one("a/1", 1)), metadata("c")), f"{A_LIST}<generator"),
    (lambda _, log: decide_on(log, MODEL, lambda _: Append("a/1", (EVENT,)), metadata("c")), f"{A_LIST}Append"),
    (lambda _, __: Append("a/1", EVENT), r"the events for a/1 must be a tuple such as \(event,\), not Counted"),
    (
        lambda _, __: Append("a/1", (EVENT,), "new"),
        "the precondition of a/1 must be `NEW`, `EXISTS` or the version .*, not 'new'",
    ),
    (lambda _, __: Append("a/1", (EVENT,), True), "the precondition of a/1 must be .*, not True"),
    (lambda _, log: log.append(one("a/1", 1), "me"), r"the metadata must be made with `Metadata\.new\(author\)`, not 'me'"),
    (
        lambda _, log: log.append(one("a/1", 1), metadata("c"), condition=Query()),
        "the condition must be of the type AppendCondition, not Query",
    ),
    (
        lambda _, log: log.append(one(5, 1), metadata("c")),
        "cannot be recorded: the name of a stream must be of the type str, not 5",
    ),
    (lambda _, __: AppendCondition(Query(), None), "`after` of a condition must be a position, not None"),
    (lambda _, __: AppendCondition(QueryItem(), 1), "the query of a condition must be of the type Query, not QueryItem"),
    (
        lambda _, __: Query(QueryItem()),
        r"the items of a query must be a tuple such as \(QueryItem\(\.\.\.\),\), not QueryItem",
    ),
    (
        lambda _, __: Query.of(kinds={"permit/p1"}),
        "a kind in a query contains '/': 'permit/p1'; its streams would be of the kind 'permit'",
    ),
    (lambda _, __: QueryItem(kinds=frozenset({""})), "a kind in a query is empty"),
    (
        lambda _, log: Repository(log, COUNTER).fold().get("p1"),
        r"'p1' is not a name of a stream: write 'counter/p1' \(`Decider.stream` makes it\)",
    ),
    (lambda _, log: Repository(log, COUNTER).fold().version_of("p1"), "'p1' is not a name of a stream: write 'counter/p1'"),
    (
        lambda _, log: log.append(one("a/1", 1), metadata("c", AT.replace(tzinfo=None))),
        r"cannot be recorded: `Metadata.at` has no time zone: use an aware time, such as datetime.now\(UTC\)",
    ),
    (
        lambda _, log: log.append(one("a/1", 1), metadata("c", "today")),
        r"`Metadata.at` must be an aware time, such as datetime.now\(UTC\), not 'today'",
    ),
    (
        lambda _, __: open_store("memory:", {}),
        r"the events of a store must be made with `EventTypes\(\{type string: class\}\)`, not \{\}",
    ),
    (lambda _, __: Query.of(types=5), "types must be a set of texts, not 5"),
    (lambda _, log: log.events(limit=-1), "the limit is -1: it must be at least 0"),
    (lambda _, log: log.events(limit="3", stream="a/1"), "the limit must be a number or None, not '3'"),
    (lambda _, log: Repository(log, COUNTER).transact(lambda _: {"a/1": [EVENT]}), r"a plan must return .*, not \{'a/1'"),
    (
        lambda _, log: Repository(log, COUNTER).transact(lambda _: ([EVENT], metadata("c"))),
        r"a plan must .*by stream.*not \(\[",
    ),
    (lambda _, log: Repository(log, COUNTER).load(5), "the id of the counter must be of the type str, not 5"),
    (lambda _, __: COUNTER.id_of(5), "the name of a stream must be of the type str, not 5"),
    (lambda _, __: COUNTER.id_of("other/1"), "'other/1' is not a stream of the kind counter"),
    (lambda _, __: COUNTER.id_of("counters/1"), "'counters/1' is not a stream of the kind counter"),
    (lambda _, __: COUNTER.id_of("counter"), "'counter' is not a stream of the kind counter"),
    (lambda _, __: Decider("a", 0, {}, print, print, ignores="old"), r'ignores is a text: write \{"old"\}'),
    (tagged(None), "the return value of `tags` for Counted must be a set of texts, not None"),
    (tagged([None]), "a tag in the return value of `tags` for Counted must be of the type str, not None"),
    (lambda store, _: store.open(None), "a log's name must be of the type str, not None"),
    (lambda store, _: store.forget("inbox", None), "streams must be a set of texts, not None"),
    (lambda store, _: Runner(store, "inbox", SEE), "the log of a runner must be of the type Log, not 'inbox'"),
    (lambda store, log: Runner(store, log, print), "the reaction of a runner must be of the type Reaction, not <"),
    (lambda store, log: Runner(store, log, replace(SEE, query=MISTYPED)), MISTYPED_WORDS),
    (lambda store, _: ReadModel(store, replace(ROWS, query=MISTYPED), MemoryTables()), MISTYPED_WORDS),
    (lambda store, _: Subscription(store, MISTYPED), MISTYPED_WORDS),
    (lambda store, log: Runner(store, log, SEE).begin_after("3"), "the position of an event must be a number, not '3'"),
    (
        lambda store, _: Subscription(store, "counted"),
        "the query of a subscription must be of the type Query, not 'counted'",
    ),
    (
        lambda store, _: Subscription(store, log="inbox"),
        r"the log of a subscription must be one that `store\.open\(name\)` returns, not 'inbox'",
    ),
    (
        lambda store, _: ReadModel(store, ROWS, MemoryTables(), log="inbox"),
        r"the log of a projection must be one that `store\.open\(name\)` returns, not 'inbox'",
    ),
    (
        lambda store, _: ReadModel(store, ROWS, "cache"),
        "the tables of a projection must be `SqliteTables` or `PostgresTables`, not 'cache'",
    ),
    (
        lambda _, __: Metadata.new("me", at=AT),
        r"`Metadata.new` takes the present time: for another, write `Metadata\(at, by, command, meta\)`",
    ),
    (lambda _, __: Parked("c/1", 1, "no \udc80", AT, 1), r"the error of a parked event contains '\\udc80', which not"),
    (lambda _, __: Parked("c/1", 1, "no \0", AT, 1), r"the error of a parked event contains '\\x00', which not"),
    (lambda _, __: Parked("c\ud800/1", 1, "no", AT, 1), r"the id of a parked event contains '\\ud800', which not"),
    (lambda _, __: Parked("c/1", 1, KeyError(1), AT, 1), "the error of a parked event must be of the type str"),
    (lambda _, __: Parked("c/1", 1, "no", AT.replace(tzinfo=None), 1), "the time at which an event was parked has no time"),
    (lambda store, _: ReadModel(store, "rows", MemoryTables()), "the projection must be of the type Projection, not 'rows'"),
]


@pytest.mark.parametrize(("attempt", "words"), MISTAKES, ids=[words[:40] for _, words in MISTAKES])
def test_a_mistake_is_explained_and_changes_nothing(store: Store, attempt: Attempt, words: str) -> None:
    log = store.open("inbox")
    with pytest.raises((TypeError, ValueError), match=f"^{words}"):
        attempt(store, log)
    assert [event.version for event in log.events()] == [1]


def test_a_limit_that_is_larger_than_anything_is_no_limit(store: Store) -> None:
    assert len(list(store.open("inbox").events(limit=2**70))) == 1


def test_to_forget_nothing_is_refused(store: Store) -> None:
    with pytest.raises(StreamNotFound, match=r"^no stream was named$"):
        store.forget("inbox", [])
