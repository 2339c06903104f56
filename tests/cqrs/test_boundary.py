"""Decisions over a query, with the examples of the specification (https://dcb.events/examples), on every store."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.boundary import DecisionModel, combined, decide_on
from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import ConditionFailed, Rejected
from cqrs_todo.cqrs.events import FORGOTTEN, Commit, EventTypes, Metadata, Recorded, UnknownEvent
from cqrs_todo.cqrs.query import AppendCondition, Query, QueryItem
from cqrs_todo.cqrs.repository import RETRIES, Repository
from cqrs_todo.cqrs.store import Append, Log
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct
from tests.cqrs.counter import AT


class CourseDefined(Struct, frozen=True):
    course: str
    capacity: int


class Subscribed(Struct, frozen=True):
    course: str
    student: str


class Registered(Struct, frozen=True):
    name: str


class Released(Struct, frozen=True):
    name: str


class Invoiced(Struct, frozen=True):
    number: int


def tags_of(event: object) -> Iterable[str]:
    match event:
        case CourseDefined(course):
            return (f"course/{course}",)
        case Subscribed(course, student):
            return (f"course/{course}", f"student/{student}")
        case Registered(name) | Released(name):
            return (f"name/{name}",)
    return ()


TYPES = EventTypes(
    {
        "course_defined": CourseDefined,
        "subscribed": Subscribed,
        "registered": Registered,
        "released": Released,
        "invoiced": Invoiced,
    },
    tags=tags_of,
)
LIMIT = 10
"""How many courses a student may take."""


@pytest.fixture(params=["memory", "jsonl", "postgres"])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Log]]:
    """Returns another object for the same log at each call."""
    url = {"memory": "memory:", "jsonl": f"jsonl:{tmp_path}"}.get(request.param) or request.getfixturevalue("database")
    store = open_store(url, TYPES)
    store.create("events", AT)
    yield lambda: store.open("events")
    store.close()


@pytest.fixture
def log(logs: Callable[[], Log]) -> Log:
    return logs()


def test_an_aggregate_is_decided_by_its_decider_together_with_a_limit_over_several_streams(log: Log) -> None:
    def seats(capacity: int, taken: int) -> Sequence[Subscribed]:
        if taken >= capacity:
            raise Rejected("no free seat")
        return [Subscribed("c1", f"s{capacity}")]

    course: Decider[int, int, Subscribed] = Decider(
        "course", 0, {"subscribed": Subscribed}, seats, lambda taken, _: taken + 1
    )
    aggregate = DecisionModel(
        Query.of(kinds={course.kind}, tags={"course/c1"}),
        course.initial,
        lambda taken, recorded: course.evolve(taken, recorded.data),
    )
    in_all: DecisionModel[int] = DecisionModel(Query.of(types={"subscribed"}), 0, lambda count, _: count + 1)

    def subscribe(capacity: int) -> Commit | None:
        def decide(known: tuple[int, int]) -> Sequence[Append]:
            taken, count = known
            if count >= 3:
                raise Rejected("the school is full")
            return [Append(course.stream("c1"), tuple(course.decide(capacity, taken)))]

        return decide_on(log, combined(aggregate, in_all), decide, Metadata.new("office"))

    assert subscribe(1) is not None
    with pytest.raises(Rejected, match="no free seat"):
        subscribe(1)
    log.append([Append("course/c2", (Subscribed("c2", "ada"), Subscribed("c2", "bob")))], Metadata.new("office"))
    with pytest.raises(Rejected, match="the school is full"):
        subscribe(2)
    assert Repository(log, course).load_or_default("c1").version == 1


def tagged(*tags: str, types: Iterable[str] = ()) -> Query:
    return Query((QueryItem(frozenset(types), frozenset(tags)),))


def capacity_left(course: str) -> DecisionModel[int | None]:
    def evolve(left: int | None, event: Recorded) -> int | None:
        return event.data.capacity if isinstance(event.data, CourseDefined) else (left or 0) - 1

    return DecisionModel(tagged(f"course/{course}"), None, evolve)


def courses_of(student: str) -> DecisionModel[frozenset[str]]:
    return DecisionModel(
        tagged(f"student/{student}", types=["subscribed"]), frozenset(), lambda courses, event: courses | {event.data.course}
    )


def subscribe(log: Log, course: str, student: str) -> None:
    def decide(state: tuple[int | None, frozenset[str]]) -> Sequence[Append]:
        left, courses = state
        if left is None:
            raise Rejected(f"there is no course {course}")
        if left == 0:
            raise Rejected(f"{course} is full")
        if course in courses:
            return ()
        if len(courses) == LIMIT:
            raise Rejected(f"{student} has {LIMIT} courses")
        return [Append(f"student/{student}", (Subscribed(course, student),))]

    decide_on(log, combined(capacity_left(course), courses_of(student)), decide, Metadata.new("dean"))


def define(log: Log, course: str, capacity: int) -> None:
    log.append([Append(f"course/{course}", (CourseDefined(course, capacity),))], Metadata.new("dean"))


def test_a_course_has_a_capacity_and_a_student_a_limit_in_one_decision(log: Log) -> None:
    for number in range(LIMIT + 1):
        define(log, f"c{number}", 2)
    with pytest.raises(Rejected, match="there is no course c99"):
        subscribe(log, "c99", "ada")
    subscribe(log, "c0", "ada")
    subscribe(log, "c0", "ada")
    subscribe(log, "c0", "bob")
    with pytest.raises(Rejected, match="c0 is full"):
        subscribe(log, "c0", "eve")
    for number in range(1, LIMIT):
        subscribe(log, f"c{number}", "ada")
    with pytest.raises(Rejected, match="ada has 10 courses"):
        subscribe(log, f"c{LIMIT}", "ada")
    assert len(list(log.select(tagged("student/ada")))) == LIMIT
    assert len(list(log.select(tagged("course/c0", types=["subscribed"])))) == 2


def test_a_decision_is_made_again_if_something_that_matters_happened_meanwhile(
    logs: Callable[[], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, other = logs(), logs()
    define(log, "c1", 1)
    append, seen = log.append, list[int | None]()

    def late(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> object:
        if len(seen) == 1:
            monkeypatch.setattr(log, "append", append)
            subscribe(other, "c1", "bob")
            monkeypatch.setattr(log, "append", late)
        return append(appends, metadata, condition=condition)

    def decide(left: int | None) -> Sequence[Append]:
        seen.append(left)
        if not left:
            raise Rejected("full")
        return [Append("student/ada", (Subscribed("c1", "ada"),))]

    monkeypatch.setattr(log, "append", late)
    with pytest.raises(Rejected, match="full"):
        decide_on(log, capacity_left("c1"), decide, Metadata.new("dean"))
    assert seen == [1, 0]


def test_what_does_not_matter_disturbs_no_decision(logs: Callable[[], Log], monkeypatch: pytest.MonkeyPatch) -> None:
    log, other = logs(), logs()
    define(log, "c1", 5)
    append, tries = log.append, 0

    def late(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> object:
        nonlocal tries
        tries += 1
        monkeypatch.setattr(log, "append", append)
        define(other, "c2", 3)
        return append(appends, metadata, condition=condition)

    monkeypatch.setattr(log, "append", late)
    subscribe(log, "c1", "ada")
    assert tries == 1
    assert len(list(log.select(tagged("student/ada")))) == 1


def test_a_conflict_at_every_try_is_raised(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    define(log, "c1", 99)
    append, tries = log.append, 0

    def late(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> object:
        nonlocal tries
        tries += 1
        append([Append("student/bob", (Subscribed("c1", f"bob {tries}"),))], Metadata.new("dean"))
        return append(appends, metadata, condition=condition)

    monkeypatch.setattr(log, "append", late)
    with pytest.raises(ConditionFailed):
        subscribe(log, "c1", "ada")
    assert tries == RETRIES + 1


def test_user_names_are_unique_until_they_are_released(log: Log) -> None:
    def is_taken(name: str) -> DecisionModel[bool]:
        return DecisionModel(tagged(f"name/{name}"), False, lambda _, event: isinstance(event.data, Registered))

    def register(name: str, command: str) -> None:
        def decide(taken: bool) -> Sequence[Append]:
            if taken:
                raise Rejected(f"the name {name} is taken")
            return [Append(f"user/{command}", (Registered(name),))]

        decide_on(log, is_taken(name), decide, Metadata(AT, "web", command, {}))

    register("ada", "u1")
    register("ada", "u1")  # sent again
    with pytest.raises(Rejected, match="taken"):
        register("ada", "u2")
    register("bob", "u3")
    log.append([Append("user/u1", (Released("ada"),))], Metadata.new("web"))
    register("ada", "u4")
    names = [event.data.name for event in log.select(tagged(types=["registered"]))]
    assert names == ["ada", "bob", "ada"]


def test_invoice_numbers_have_no_gaps(logs: Callable[[], Log]) -> None:
    last = DecisionModel(tagged(types=["invoiced"]), 0, lambda _, event: event.data.number)
    writers = [logs(), logs(), logs()]
    for turn in range(9):
        decide_on(
            writers[turn % 3],
            last,
            lambda number: [Append(f"invoice/{number + 1}", (Invoiced(number + 1),))],
            Metadata.new("shop"),
        )
    assert [event.data.number for event in logs().select(tagged(types=["invoiced"]))] == list(range(1, 10))


@pytest.mark.parametrize("argument", ["types", "tags", "kinds"])
def test_a_query_is_not_made_of_the_letters_of_a_text(argument: str) -> None:
    given: dict[str, Any] = {argument: "lent"}
    for make in (Query.of, QueryItem):
        with pytest.raises(TypeError, match=f'{argument} is a text: write {{"lent"}}'):
            make(**given)


def test_the_letters_of_a_text_do_not_become_tags() -> None:
    store = open_store("memory:", EventTypes(TYPES.types, tags=lambda _: "course/c1"))
    with pytest.raises(TypeError, match=r"`tags` for .* is a text: write"):
        store.create("courses", AT).append([Append("course/c1", (CourseDefined("c1", 2),))], Metadata.new("me"))


def test_a_combined_model_gives_each_model_what_that_one_wants() -> None:
    seen: list[str] = []
    other = DecisionModel(Query.of(types={FORGOTTEN}), 0, lambda count, _: count + 1)

    def remember(count: int, event: Recorded) -> int:
        seen.append(event.type)
        return count

    plain = DecisionModel(Query.of(kinds={"a"}), 0, remember)
    forgotten = Recorded(1, "a/1", 1, FORGOTTEN, UnknownEvent(FORGOTTEN, b"{}"), Metadata.new("me"))
    assert combined(plain, other).after((0, 0), forgotten) == (0, 1)
    assert seen == []


def test_a_model_of_all_events_makes_the_combination_one_of_all_events() -> None:
    everything = DecisionModel(Query(), 0, lambda count, _: count + 1)
    assert combined(everything, capacity_left("c1")).query == Query()
