"""What the rules say, word for word, and what may stand in a list at all."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.events import (
    DueChanged,
    ReminderChanged,
    TextChanged,
    TodoCompleted,
    TodoCreated,
    TodoEvent,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
)
from cqrs_todo.todo.fields import DUE, PRIORITY, REMINDER, TAGS, TEXT, State, Todo
from cqrs_todo.todo.model import (
    Add,
    Change,
    Complete,
    Create,
    Restore,
    TodoCommand,
    check,
    decide,
    events_between,
    evolve,
    invert,
    register_of,
)
from cqrs_todo.todo.values import TEXT_LIMIT, day_or_instant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FULL = Todo(
    "Buy milk",
    NOW,
    note="oats",
    due="2026-11-23",
    reminder=NOW + timedelta(hours=1),
    priority="H",
    tags=("home", "shop"),
    completed="2026-11-22T11:00:00Z",
)
OPEN = Todo("Buy milk", NOW)
TOO_LONG = "x" * (TEXT_LIMIT + 1)
NAIVE = datetime(2026, 11, 22, 12)
BEYOND = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


@pytest.mark.parametrize(
    ("state", "command", "words"),
    [
        (None, Change(TEXT, "x"), "there is no such todo: it was never created"),
        (replace(OPEN, removed=True), Change(TEXT, "x"), "it was removed"),
        (OPEN, Create("x", NOW), "it was created already"),
        (OPEN, Change(TEXT, " "), "the text is empty"),
        (OPEN, Change(TEXT, TOO_LONG), "the text has 65,537 bytes, more than 65,536"),
        (OPEN, Change(TEXT, "\ud800"), "the text holds a lone surrogate, which is no character"),
        (OPEN, Add(TAGS, TOO_LONG), "the tag has 65,537 bytes, more than 65,536"),
        (OPEN, Add(TAGS, "a b"), "the tag 'a b' is not one word: no spaces, no commas, no '+' or '-' in front"),
        (None, Create("x", NOW, note=TOO_LONG), "the note has 65,537 bytes, more than 65,536"),
        (OPEN, Change(DUE, "soon"), "the due date 'soon' is neither a day nor an instant in UTC"),
        (OPEN, Complete("soon", NOW), "the completion date 'soon' is neither a day nor an instant in UTC"),
        (OPEN, Complete("2026-11-24", NOW), "the completion is in the future"),
        (OPEN, Change(REMINDER, NOW, NOW), "the reminder is in the past"),
        (OPEN, Change(REMINDER, NAIVE, NOW), "the time 2026-11-22 12:00:00 has no time zone"),
        (None, Create("x", BEYOND), "the time 0001-01-01 00:00:00+14:00 is out of the calendar's range"),
        (OPEN, Change(cast("Any", PRIORITY), "X"), "the priority 'X' is none of H, M and L"),
    ],
)
def test_a_refusal_says_why(state: State, command: TodoCommand, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        decide(command, state)
    assert str(caught.value) == words


def test_what_commands_made_may_stand_in_a_list() -> None:
    assert check(FULL) == FULL
    assert check(OPEN) == OPEN
    assert check(replace(FULL, tags=("shop", "home", "shop"))) == FULL
    eastern = timezone(timedelta(hours=2))
    moved = replace(FULL, created=NOW.astimezone(eastern), reminder=(NOW + timedelta(hours=1)).astimezone(eastern))
    checked = check(moved)
    assert checked == FULL
    assert (checked.created.tzinfo, checked.reminder and checked.reminder.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(
    ("todo", "words"),
    [
        (replace(FULL, text=""), "the text is empty"),
        (replace(FULL, note=TOO_LONG), "the note has 65,537 bytes, more than 65,536"),
        (replace(FULL, due="soon"), "the due date 'soon' is neither a day nor an instant in UTC"),
        (replace(FULL, priority="X"), "the priority 'X' is none of H, M and L"),
        (replace(FULL, created=NAIVE), "the time 2026-11-22 12:00:00 has no time zone"),
        (replace(FULL, reminder=NAIVE), "the time 2026-11-22 12:00:00 has no time zone"),
        (replace(FULL, completed="soon"), "the completion date 'soon' is neither a day nor an instant in UTC"),
        (replace(FULL, tags=("a b",)), "the tag 'a b' is not one word: no spaces, no commas, no '+' or '-' in front"),
    ],
)
def test_what_commands_could_not_have_made_may_not(todo: Todo, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        check(todo)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "event",
    [
        lambda: TodoCreated("x", NAIVE),
        lambda: TodoCreated("x", NOW, due="soon"),
        lambda: TodoCreated("x", NOW, reminder=NAIVE),
        lambda: DueChanged("soon", None),
        lambda: DueChanged(None, "soon"),
        lambda: ReminderChanged(NAIVE, None),
        lambda: ReminderChanged(None, NAIVE),
        lambda: TodoCompleted("soon"),
        lambda: TodoReopened("soon"),
    ],
)
def test_an_event_with_a_time_that_cant_be_read_is_none(event: type) -> None:
    with pytest.raises(ValueError, match=r"^(a time without a zone: 2026-11-22 12:00:00|neither a day .*|.*'soon')$"):
        event()


def test_lead_takes_one_event_to_make_what_was_never_created_and_each_can_be_taken_back() -> None:
    fresh = replace(FULL, completed=None)
    assert events_between(None, fresh) == (
        TodoCreated("Buy milk", NOW, "oats", "2026-11-23", NOW + timedelta(hours=1), "H", ("home", "shop")),
    )
    for old, new in ((FULL, OPEN), (OPEN, FULL), (FULL, replace(FULL, removed=True))):
        state: State = old
        events = events_between(old, new)
        for event in events:
            state = evolve(state, event)
        assert state == new
        for event in reversed(events):
            state = evolve(state, invert(event))
        assert state == old


def test_what_an_event_touches() -> None:
    events: list[TodoEvent] = [TextChanged("a", "b"), TodoRemoved(), TodoRestored(), TodoCompleted("2026-11-22")]
    assert [register_of(event) for event in events] == ["text", "removed", "removed", "completed"]


def test_instants_are_told_in_utc_wherever_they_come_from() -> None:
    assert day_or_instant(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-22T12:00:00Z"
    assert decide(Restore(), replace(OPEN, removed=True)) == (TodoRestored(),)
