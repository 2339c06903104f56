"""Subscriptions to courses: decisions over two limits, rows for the office, and an invoice for each subscription."""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from cqrs_todo.cqrs import (
    Append,
    Commit,
    CqrsError,
    Decider,
    DecisionModel,
    EventTypes,
    Log,
    Metadata,
    Projection,
    Query,
    Reaction,
    ReadModel,
    Recorded,
    Rejected,
    Repository,
    Runner,
    Send,
    SqliteTables,
    Store,
    Struct,
    Upcaster,
    combined,
    decide_on,
    now,
    open_store,
    replace,
)

LIMIT = 10  # courses that a student may take
PRICE = 9_900  # cents that a course costs


class CourseDefined(Struct, frozen=True):
    course: str
    capacity: int


class Subscribed(Struct, frozen=True):
    course: str
    student: str


class Unsubscribed(Struct, frozen=True):
    course: str
    student: str


CourseEvent: TypeAlias = CourseDefined | Subscribed | Unsubscribed


def tags(event: "CourseEvent | Issued | Cancelled") -> Sequence[str]:
    match event:
        case CourseDefined(course):
            return [f"course/{course}"]
        case Subscribed(course, student) | Unsubscribed(course, student):
            return [f"course/{course}", f"student/{student}"]
        case Issued() | Cancelled():
            return []


class Seats(Struct, frozen=True):
    """How many seats a course has, and who has taken one."""

    capacity: int = 0
    taken: frozenset[str] = frozenset()


def seats(course: str) -> DecisionModel[Seats]:
    def evolve(seats: Seats, recorded: Recorded[CourseEvent]) -> Seats:
        match recorded.data:
            case CourseDefined(_, capacity):
                return replace(seats, capacity=capacity)
            case Subscribed(_, student):
                return replace(seats, taken=seats.taken | {student})
            case Unsubscribed(_, student):
                return replace(seats, taken=seats.taken - {student})
            case other:
                assert_never(other)

    return DecisionModel(Query.of(kinds={"course"}, tags={f"course/{course}"}), Seats(), evolve)


def courses_of(student: str) -> DecisionModel[int]:
    def evolve(count: int, recorded: Recorded[CourseEvent]) -> int:
        match recorded.data:
            case Subscribed():
                return count + 1
            case Unsubscribed():
                return count - 1
            case CourseDefined():
                return count
            case other:
                assert_never(other)

    return DecisionModel(Query.of(kinds={"course"}, tags={f"student/{student}"}), 0, evolve)


def define(log: Log, course: str, capacity: int, metadata: Metadata) -> Commit | None:
    def decide(seats: Seats) -> Sequence[Append]:
        if capacity < 1:
            raise Rejected("a course has at least one seat")
        if seats.capacity:
            raise Rejected(f"there is a course {course} already")
        return [Append(f"course/{course}", (CourseDefined(course, capacity),))]

    return decide_on(log, seats(course), decide, metadata)


def subscribe(log: Log, course: str, student: str, metadata: Metadata) -> Commit | None:
    def decide(known: tuple[Seats, int]) -> Sequence[Append]:
        seats, courses = known
        if not seats.capacity:
            raise Rejected(f"there is no course {course}")
        if student in seats.taken:
            return []
        if len(seats.taken) >= seats.capacity:
            raise Rejected(f"{course} has no free seat")
        if courses >= LIMIT:
            raise Rejected(f"{student} has {LIMIT} courses already")
        return [Append(f"course/{course}", (Subscribed(course, student),))]

    return decide_on(log, combined(seats(course), courses_of(student)), decide, metadata)


def unsubscribe(log: Log, course: str, student: str, metadata: Metadata) -> Commit | None:
    def decide(seats: Seats) -> Sequence[Append]:
        return [Append(f"course/{course}", (Unsubscribed(course, student),))] if student in seats.taken else []

    return decide_on(log, seats(course), decide, metadata)


class Issue(Struct, frozen=True):
    cents: int


class Cancel(Struct, frozen=True):
    pass


class Issued(Struct, frozen=True):
    cents: int


class Cancelled(Struct, frozen=True):
    cents: int


def bill(command: Issue | Cancel, owed: int) -> Sequence[Issued | Cancelled]:
    match command:
        case Issue(cents):
            return [Issued(cents)]
        case Cancel():
            return [Cancelled(owed)] if owed else []


INVOICE: Decider[int, Issue | Cancel, Issued | Cancelled] = Decider(
    "invoice",
    0,
    {"invoice_issued": Issued, "invoice_cancelled": Cancelled},
    bill,
    lambda owed, event: owed + event.cents if isinstance(event, Issued) else owed - event.cents,
)


def billing(invoices: Repository[int, Issue | Cancel, Issued | Cancelled]) -> Reaction[CourseEvent]:
    def react(recorded: Recorded[CourseEvent]) -> Sequence[Send]:
        match recorded.data:
            case Subscribed(course, student):
                return [Send(invoices, f"{course}/{student}", Issue(PRICE))]
            case Unsubscribed(course, student):
                return [Send(invoices, f"{course}/{student}", Cancel())]
            case CourseDefined():
                return []
            case other:
                assert_never(other)

    return Reaction("billing", react, Query.of(kinds={"course"}))


def enrol(rows: Any, recorded: Recorded[CourseEvent], _log: str) -> None:
    match recorded.data:
        case CourseDefined(course, capacity):
            rows.execute("INSERT INTO enrolment VALUES (?, ?, 0)", (course, capacity))
        case Subscribed(course):
            rows.execute("UPDATE enrolment SET students = students + 1 WHERE course = ?", (course,))
        case Unsubscribed(course):
            rows.execute("UPDATE enrolment SET students = students - 1 WHERE course = ?", (course,))
        case other:
            assert_never(other)


SCHEMA = "CREATE TABLE enrolment (course TEXT PRIMARY KEY, capacity INTEGER, students INTEGER)"
ENROLMENT = Projection("enrolment", 1, SCHEMA, enrol, Query.of(kinds={"course"}))


def with_capacity(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"course": data["course"], "capacity": data["seats"]}


TYPES = EventTypes(
    {"course_defined/2": CourseDefined, "subscribed": Subscribed, "unsubscribed": Unsubscribed, **INVOICE.events},
    {"course_defined": Upcaster("course_defined/2", with_capacity)},
    tags,
)


def office(url: str, folder: str) -> tuple[Store, Log, ReadModel]:
    store = open_store(url, TYPES)
    log = store.open_or_create("courses", now())
    return store, log, ReadModel(store, ENROLMENT, SqliteTables(folder), log=log)


def run(url: str, folder: str, stopped: Callable[[], bool]) -> None:
    ended = threading.Event()

    def send_invoices() -> None:
        try:
            store, log, _ = office(url, folder)
            Runner(store, log, billing(Repository(log, INVOICE))).follow(lambda: stopped() or ended.is_set())
        finally:
            ended.set()

    sender = threading.Thread(target=send_invoices)
    sender.start()
    try:
        _, _, enrolment = office(url, folder)
        enrolment.follow(lambda: stopped() or ended.is_set())
    finally:  # Ctrl-C or an error ends this thread, and then the other one
        ended.set()
        sender.join()


def main(url: str, folder: str, command: str = "", *words: str) -> None:
    _, log, enrolment = office(url, folder)
    match command, *words:
        case "define", course, capacity if capacity.isdecimal():
            define(log, course, int(capacity), Metadata.new("office"))
        case "subscribe", course, student:
            subscribe(log, course, student, Metadata.new("office"))
        case "unsubscribe", course, student:
            unsubscribe(log, course, student, Metadata.new("office"))
        case ("run",):
            run(url, folder, lambda: False)
        case ("show",):
            enrolment.catch_up()
            for course, capacity, students in enrolment.rows("SELECT * FROM enrolment ORDER BY course"):
                print(f"{course}: {students} of {capacity}")
        case _:
            print("define COURSE CAPACITY, subscribe COURSE STUDENT, unsubscribe COURSE STUDENT, run or show")


if __name__ == "__main__":
    try:
        main("jsonl:courses", "courses/rows", *sys.argv[1:])
    except (CqrsError, KeyboardInterrupt) as error:
        sys.exit(str(error))
