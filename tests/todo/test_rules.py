"""The messages of the rules, the check of imported todos, and values that events refuse."""

import time
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
    check_todo,
    decide,
    events_between,
    evolve,
    field_of,
    invert,
)
from cqrs_todo.todo.values import TEXT_LIMIT, check_project, check_reminder, day_or_instant, searchable

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
        (OPEN, Change(TEXT, "\ud800"), "the text contains a lone surrogate, which is not a character"),
        (OPEN, Add(TAGS, TOO_LONG), "the tag has 65,537 bytes, more than 65,536"),
        (OPEN, Add(TAGS, "a b"), "the tag 'a b' is not one word: it cannot have spaces or commas, or begin with '+' or '-'"),
        (None, Create("x", NOW, note=TOO_LONG), "the note has 65,537 bytes, more than 65,536"),
        (OPEN, Change(DUE, "soon"), "the due date 'soon' is neither a day nor an instant in UTC"),
        (OPEN, Complete("soon", NOW), "the completion date 'soon' is neither a day nor an instant in UTC"),
        (OPEN, Complete("2026-11-24", NOW), "the completion is in the future"),
        (OPEN, Change(REMINDER, NOW, NOW), "the reminder is in the past"),
        (OPEN, Change(REMINDER, NAIVE, NOW), "the time 2026-11-22 12:00:00 has no time zone"),
        (None, Create("x", BEYOND), "the time 0001-01-01 00:00:00+14:00 is out of the calendar's range"),
        (OPEN, Change(cast("Any", PRIORITY), "X"), "the priority 'X' is not H, M or L"),
    ],
)
def test_a_rejected_command_says_why(state: State, command: TodoCommand, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        decide(command, state)
    assert str(caught.value) == words


def test_a_todo_that_commands_could_make_passes_the_check() -> None:
    assert check_todo(FULL) == FULL
    assert check_todo(OPEN) == OPEN
    assert check_todo(replace(FULL, tags=("shop", "home", "shop"))) == FULL
    eastern = timezone(timedelta(hours=2))
    moved = replace(FULL, created=NOW.astimezone(eastern), reminder=(NOW + timedelta(hours=1)).astimezone(eastern))
    checked = check_todo(moved)
    assert checked == FULL
    assert (checked.created.tzinfo, checked.reminder and checked.reminder.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(
    ("todo", "words"),
    [
        (replace(FULL, text=""), "the text is empty"),
        (replace(FULL, note=TOO_LONG), "the note has 65,537 bytes, more than 65,536"),
        (replace(FULL, due="soon"), "the due date 'soon' is neither a day nor an instant in UTC"),
        (replace(FULL, priority="X"), "the priority 'X' is not H, M or L"),
        (replace(FULL, created=NAIVE), "the time 2026-11-22 12:00:00 has no time zone"),
        (replace(FULL, reminder=NAIVE), "the time 2026-11-22 12:00:00 has no time zone"),
        (replace(FULL, completed="soon"), "the completion date 'soon' is neither a day nor an instant in UTC"),
        (
            replace(FULL, tags=("a b",)),
            "the tag 'a b' is not one word: it cannot have spaces or commas, or begin with '+' or '-'",
        ),
    ],
)
def test_a_todo_that_no_commands_could_make_fails_the_check(todo: Todo, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        check_todo(todo)
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
def test_an_event_refuses_a_time_that_cannot_be_read(event: type) -> None:
    with pytest.raises(ValueError, match=r"^(a time without a zone: 2026-11-22 12:00:00|neither a day .*|.*'soon')$"):
        event()


def test_the_events_between_two_states_lead_to_the_second_and_their_inverses_back() -> None:
    fresh = replace(FULL, completed=None)
    assert events_between(None, fresh) == (
        TodoCreated(
            "Buy milk",
            NOW,
            note="oats",
            due="2026-11-23",
            reminder=NOW + timedelta(hours=1),
            priority="H",
            tags=("home", "shop"),
        ),
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


def test_each_event_names_the_field_that_it_changes() -> None:
    events: list[TodoEvent] = [TextChanged("a", "b"), TodoRemoved(), TodoRestored(), TodoCompleted("2026-11-22")]
    assert [field_of(event) for event in events] == ["text", "removed", "removed", "completed"]


def test_an_instant_is_written_in_utc_whatever_its_zone() -> None:
    assert day_or_instant(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-22T12:00:00Z"


def test_an_instant_is_written_in_utc_whatever_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert day_or_instant(NOW) == "2026-11-22T12:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_removed_todo_can_be_restored() -> None:
    assert decide(Restore(), replace(OPEN, removed=True)) == (TodoRestored(),)


@pytest.mark.parametrize("project", ["home..garage", "+home", "my home", "a,b", "."])
def test_a_project_is_words_between_dots(project: str) -> None:
    with pytest.raises(Rejected, match="is not a name: write words without spaces or commas"):
        check_project(project)


def test_a_reminder_cannot_be_checked_without_the_time() -> None:
    with pytest.raises(TypeError, match="`now` is missing"):
        check_reminder(NOW, None)


@pytest.mark.parametrize(
    ("one", "other"), [("Caf\u00e9", "CAFE\u0301"), ("Stra\u00dfe", "STRASSE"), ("\u0130x", "i\u0307X")]
)
def test_texts_that_differ_by_case_or_form_are_searched_alike(one: str, other: str) -> None:
    assert searchable(one) == searchable(other)
