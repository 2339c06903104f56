"""Series of calendars: their dates are those on which todos are due, and they are the same when they are written again."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import Context
from cqrs_todo.todo.formats.icalendar_ import read, write
from cqrs_todo.todo.values import Recurrence
from cqrs_todo.todo.views import Item

from .test_laws import ignored

CONTEXT = Context(
    now=datetime(2026, 1, 1, tzinfo=UTC),
    to_local=lambda at: at.astimezone(timezone(timedelta(hours=1))),
    zone="Europe/Berlin",
)


def todo_of(*lines: str) -> Todo:
    """The todo of a calendar with one."""
    [entry] = read("\r\n".join(["BEGIN:VTODO", "UID:a", "SUMMARY:x", *lines, "END:VTODO", ""]), CONTEXT, ignored)
    return entry.todo


def written(todo: Todo) -> list[str]:
    """The lines of a calendar with one todo."""
    return "".join(write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored)).split("\r\n")


def again(todo: Todo) -> Todo:
    """A todo that was written and read."""
    [entry] = read("\r\n".join(written(todo)), CONTEXT, ignored)
    return entry.todo


@pytest.mark.parametrize(
    ("start", "due", "rule", "moved"),
    [
        ("20260105", "20260106", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=WEEKLY;BYDAY=MO,TU"),
        ("20260101", "20260105", "FREQ=MONTHLY;UNTIL=20260601", "FREQ=MONTHLY;UNTIL=20260605"),
        ("20260105", "20260106", "FREQ=WEEKLY;INTERVAL=2", "FREQ=WEEKLY;INTERVAL=2"),
        ("20260127", "20260131", "FREQ=MONTHLY", None),
        ("20260105", "20260106", "FREQ=MONTHLY;BYDAY=1MO", None),
        ("20260105", "20260106", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", None),
    ],
)
def test_a_series_keeps_the_distance_of_the_due_date_to_the_start(
    start: str, due: str, rule: str, moved: str | None
) -> None:
    lines = (f"DTSTART;VALUE=DATE:{start}", f"DUE;VALUE=DATE:{due}", f"RRULE:{rule}")
    todo = todo_of(*lines)
    if moved is None:
        assert todo.every is None
        assert dict(todo.attributes)["rrule"] == rule
    else:
        assert todo.every == Recurrence(moved, f"{due[:4]}-{due[4:6]}-{due[6:]}", None, None, False)
    assert set(lines) <= set(written(todo))
    assert again(todo) == todo


def test_a_series_of_another_zone_has_its_days_there() -> None:
    todo = todo_of("DUE;TZID=America/New_York:20260105T220000", "RRULE:FREQ=WEEKLY;BYDAY=MO")
    assert todo.due == "2026-01-06T03:00:00Z"
    assert todo.every == Recurrence("FREQ=WEEKLY;BYDAY=MO", "2026-01-05", "22:00", "America/New_York", False)


def test_a_due_date_that_no_longer_follows_from_the_duration_is_written() -> None:
    todo = todo_of("DTSTART;VALUE=DATE:20260101", "DURATION:P4D", "RRULE:FREQ=MONTHLY")
    assert {"DURATION:P4D", "RRULE:FREQ=MONTHLY"} <= set(written(todo))
    moved = replace(todo, due="2026-03-05")
    lines = written(moved)
    assert "DUE;VALUE=DATE:20260305" in lines
    assert not any(line.startswith(("DTSTART", "DURATION")) for line in lines)
    assert again(moved) == moved
