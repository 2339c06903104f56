"""Tests of the courses: both limits under load, invoices that are issued once, rows, old events, and the service."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from courses import (
    ENROLMENT,
    INVOICE,
    LIMIT,
    PRICE,
    TYPES,
    billing,
    courses_of,
    define,
    main,
    office,
    run,
    seats,
    subscribe,
    unsubscribe,
)

from cqrs_todo.cqrs import (
    Append,
    Checkpoint,
    EventTypes,
    Log,
    Metadata,
    ReadModel,
    Rejected,
    Repository,
    Runner,
    SqliteTables,
    Store,
    Struct,
    now,
    open_store,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}/data", TYPES)


@pytest.fixture
def log(store: Store) -> Log:
    return store.open_or_create("courses", now())


@pytest.fixture
def enrolment(store: Store, log: Log, tmp_path: Path) -> Iterator[ReadModel]:
    model = ReadModel(store, ENROLMENT, SqliteTables(f"{tmp_path}/rows"), log=log)
    yield model
    model.close()


def office_by() -> Metadata:
    return Metadata.new("office")


def test_a_student_takes_ten_courses_at_most(log: Log) -> None:
    for number in range(LIMIT + 1):
        define(log, f"c{number}", 5, office_by())
    for number in range(LIMIT):
        subscribe(log, f"c{number}", "ada", office_by())
    with pytest.raises(Rejected, match="ada has 10 courses already"):
        subscribe(log, f"c{LIMIT}", "ada", office_by())
    unsubscribe(log, "c0", "ada", office_by())
    assert subscribe(log, f"c{LIMIT}", "ada", office_by()) is not None
    assert subscribe(log, f"c{LIMIT}", "ada", office_by()) is None, "she is there already"


def test_the_last_seats_are_taken_once(store: Store, log: Log) -> None:
    define(log, "algebra", 3, office_by())
    refused: list[str] = []

    def try_to_subscribe(student: str) -> None:
        try:
            subscribe(store.open("courses"), "algebra", student, office_by())
        except Rejected:
            refused.append(student)

    students = [threading.Thread(target=try_to_subscribe, args=(f"s{number}",)) for number in range(6)]
    for student in students:
        student.start()
    for student in students:
        student.join()
    subscribed = [event.data.student for event in log.events() if event.type == "subscribed"]
    assert (len(subscribed), len(refused)) == (3, 3)


def test_each_subscription_is_invoiced_once(store: Store, log: Log) -> None:
    invoices = Repository(log, INVOICE)
    define(log, "algebra", 3, office_by())
    for student in ("ada", "bob"):
        subscribe(log, "algebra", student, office_by())
    unsubscribe(log, "algebra", "bob", office_by())
    runner = Runner(store, log, billing(invoices))
    assert (runner.catch_up(), runner.catch_up()) == (4, 0)
    store.checkpoints().save("billing", log.id, Checkpoint())  # as after a crash: everything comes again
    assert runner.catch_up() == 4
    owed = {entity.stream: (entity.state, entity.version) for entity in invoices.fold()}
    assert owed == {"invoice/algebra/ada": (PRICE, 1), "invoice/algebra/bob": (0, 2)}
    first = next(event for event in log.events() if event.type == "invoice_issued")
    subscription = next(event for event in log.events() if event.type == "subscribed")
    assert first.metadata.causation == subscription.id


class DefinedThen(Struct, frozen=True):
    course: str
    seats: int


def test_old_events_are_read_as_new_ones(store: Store, log: Log, enrolment: ReadModel) -> None:
    then = open_store(store.url, EventTypes({"course_defined": DefinedThen}, tags=lambda event: [f"course/{event.course}"]))
    then.open("courses").append([Append("course/latin", (DefinedThen("latin", 1),))], office_by())
    subscribe(log, "latin", "ada", office_by())
    with pytest.raises(Rejected, match="latin has no free seat"):
        subscribe(log, "latin", "bob", office_by())
    enrolment.catch_up()
    assert enrolment.rows("SELECT * FROM enrolment") == [("latin", 1, 1)]
    assert seats("latin").initial.capacity == courses_of("ada").initial == 0


def test_the_service_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, folder = f"jsonl:{tmp_path}/data", f"{tmp_path}/rows"
    stop = threading.Event()
    service = threading.Thread(target=run, args=(url, folder, stop.is_set))
    service.start()
    main(url, folder, "define", "algebra", "2")
    main(url, folder, "subscribe", "algebra", "ada")
    main(url, folder, "subscribe", "algebra", "bob")
    main(url, folder, "unsubscribe", "algebra", "bob")
    _, log, enrolment = office(url, folder)
    wanted = next(log.commits_backward()).last
    enrolment.wait_for(log, wanted)
    main(url, folder, "show")
    main(url, folder, "nonsense")
    assert capsys.readouterr().out.startswith("algebra: 1 of 2\ndefine COURSE")
    stop.set()
    service.join()
