"""The rules of a todo as stories, and its laws as properties."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import EventTypes
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.testing.stories import given
from cqrs_todo.todo.events import (
    AttributeChanged,
    DateChanged,
    DependencyAdded,
    DependencyRemoved,
    DueChanged,
    InstantChanged,
    NoteChanged,
    ParentChanged,
    PriorityChanged,
    ProjectChanged,
    RecurrenceChanged,
    ReminderAcknowledged,
    ReminderChanged,
    TagAdded,
    TagRemoved,
    TextChanged,
    TodoCompleted,
    TodoCreated,
    TodoEvent,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
    WaitChanged,
)
from cqrs_todo.todo.fields import DUE, FIELDS, NOTE, PRIORITY, REMINDER, TAGS, TEXT, State, Todo
from cqrs_todo.todo.model import (
    DECIDER,
    EVENTS,
    Add,
    Change,
    Complete,
    Create,
    Drop,
    Remove,
    Reopen,
    Restore,
    Toggle,
    decide,
    events_between,
    evolve,
    field_of,
    invert,
)
from cqrs_todo.todo.values import TEXT_LIMIT, Recurrence, day_or_instant, parse_day_or_instant
from tests.strategies import NOW, histories, states

CREATED = TodoCreated("Buy milk", NOW)
FULL = TodoCreated(
    "Buy milk", NOW, note="oat", due="2026-11-23", reminder=NOW + timedelta(hours=1), priority="H", tags=("home",)
)


def test_creating_a_todo_sorts_its_tags_and_happens_once() -> None:
    given(DECIDER).when(Create("Buy milk", NOW)).then(CREATED)
    command = Create(
        "Buy milk",
        NOW,
        note="oat",
        due="2026-11-23",
        reminder=NOW + timedelta(hours=1),
        priority="H",
        tags=("home", "home"),
    )
    given(DECIDER).when(command).then(FULL)
    given(DECIDER, CREATED).when(Create("Again", NOW)).then_rejected(Rejected, "created already")
    given(DECIDER).when(Create("x", NOW, tags=("b", "a"))).then(TodoCreated("x", NOW, tags=("a", "b")))


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_empty_text_is_refused(text: str) -> None:
    given(DECIDER).when(Create(text, NOW)).then_rejected(Rejected, "the text is empty")
    given(DECIDER, CREATED).when(Change(TEXT, text)).then_rejected(Rejected, "the text is empty")


def test_text_has_a_limit_in_bytes() -> None:
    given(DECIDER).when(Create("é" * (TEXT_LIMIT // 2), NOW)).then(TodoCreated("é" * (TEXT_LIMIT // 2), NOW))
    given(DECIDER).when(Create("é" * (TEXT_LIMIT // 2) + "x", NOW)).then_rejected(Rejected, "65,537 bytes, more than 65,536")
    given(DECIDER, CREATED).when(Change(NOTE, "x" * (TEXT_LIMIT + 1))).then_rejected(Rejected, "the note has 65,537 bytes")


@pytest.mark.parametrize(
    "command", [Create("\ud800", NOW), Create("x", NOW, note="\udfff"), Create("x", NOW, tags=("\ud800",))]
)
def test_lone_surrogates_are_refused(command: Create) -> None:
    given(DECIDER).when(command).then_rejected(Rejected, "lone surrogate")


@pytest.mark.parametrize(
    "command",
    [
        Change(TEXT, "x"),
        Change(NOTE, "x"),
        Change(DUE, None),
        Change(REMINDER, None, NOW),
        Change(PRIORITY, "H"),
        Add(TAGS, "a"),
        Drop(TAGS, "a"),
        Complete("2026-11-22", NOW),
        Reopen(),
        Toggle(NOW),
        Remove(),
        Restore(),
    ],
)
def test_a_command_on_what_was_never_created_is_refused(command: Any) -> None:
    given(DECIDER).when(command).then_rejected(Rejected, "never created")


def test_an_event_has_the_old_and_the_new_value() -> None:
    given(DECIDER, CREATED).when(Change(TEXT, "Buy oats")).then(TextChanged("Buy milk", "Buy oats"))
    given(DECIDER, FULL).when(Change(NOTE, None)).then(NoteChanged("oat", None))
    given(DECIDER, FULL).when(Change(DUE, "2026-11-24T17:00:00Z")).then(DueChanged("2026-11-23", "2026-11-24T17:00:00Z"))
    given(DECIDER, FULL).when(Change(PRIORITY, "L")).then(PriorityChanged("H", "L"))
    given(DECIDER, FULL).when(Change(REMINDER, None, NOW)).then(ReminderChanged(NOW + timedelta(hours=1), None))
    given(DECIDER, FULL).when(Add(TAGS, "work")).then(TagAdded("work"))
    given(DECIDER, FULL).when(Drop(TAGS, "home")).then(TagRemoved("home"))


def test_a_change_to_the_present_value_results_in_no_event() -> None:
    for command in (
        Change(TEXT, "Buy milk"),
        Change(NOTE, "oat"),
        Change(DUE, "2026-11-23"),
        Change(PRIORITY, "H"),
        Add(TAGS, "home"),
        Drop(TAGS, "work"),
        Change(REMINDER, NOW + timedelta(hours=1), NOW + timedelta(days=9)),
        Reopen(),
        Restore(),
    ):
        given(DECIDER, FULL).when(command).then_nothing()
    given(DECIDER, FULL, TodoCompleted("2026-11-22")).when(Complete("2026-11-21", NOW)).then_nothing()
    given(DECIDER, FULL, TodoRemoved()).when(Remove()).then_nothing()


def test_a_reminder_in_the_past_is_refused() -> None:
    for past in (NOW, NOW - timedelta(microseconds=1)):
        given(DECIDER, CREATED).when(Change(REMINDER, past, NOW)).then_rejected(Rejected, "reminder is in the past")
        given(DECIDER).when(Create("x", NOW, reminder=past)).then_rejected(Rejected, "reminder is in the past")


def test_times_need_a_zone_and_are_recorded_in_utc() -> None:
    given(DECIDER).when(Create("x", NOW.replace(tzinfo=None))).then_rejected(Rejected, "has no time zone")
    east = NOW.astimezone(timezone(timedelta(hours=5))) + timedelta(hours=1)
    (event,) = decide(Change(REMINDER, east, NOW), evolve(None, CREATED))
    assert isinstance(event, ReminderChanged)
    assert event.new is not None
    assert event.new.tzinfo is UTC


@pytest.mark.parametrize(
    "due", ["", "tomorrow", "2026-13-01", "2026-11-23T17:00:00", "2026-11-23T17:00:00+00:00", "20261123", "٢"]
)
def test_a_due_date_is_a_day_or_an_instant(due: str) -> None:
    given(DECIDER, CREATED).when(Change(DUE, due)).then_rejected(Rejected, "neither a day nor an instant")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [("", "a tag is empty"), *((tag, "not one word") for tag in ("two words", "a,b", "+a", "-a", "a\tb"))],
)
def test_a_tag_is_one_word(tag: str, reason: str) -> None:
    given(DECIDER, CREATED).when(Add(TAGS, tag)).then_rejected(Rejected, reason)
    given(DECIDER).when(Create("x", NOW, tags=(tag,))).then_rejected(Rejected, reason)


def test_a_priority_is_h_m_or_l() -> None:
    command: Any = Change(cast("Any", PRIORITY), "X")  # what a front end without types could send
    given(DECIDER, CREATED).when(command).then_rejected(Rejected, "not H, M or L")


def test_a_todo_is_completed_now_or_earlier_and_can_be_reopened() -> None:
    given(DECIDER, CREATED).when(Complete("2026-11-20", NOW)).then(TodoCompleted("2026-11-20"))
    given(DECIDER, CREATED).when(Complete(day_or_instant(NOW), NOW)).then(TodoCompleted("2026-11-22T12:00:00Z"))
    given(DECIDER, CREATED).when(Complete("2026-11-23", NOW)).then(TodoCompleted("2026-11-23"))  # begun in Kiribati
    given(DECIDER, CREATED).when(Complete("2026-11-24", NOW)).then_rejected(Rejected, "in the future")
    given(DECIDER, CREATED).when(Complete("2026-11-22T12:00:01Z", NOW)).then_rejected(Rejected, "in the future")
    given(DECIDER, CREATED).when(Complete("soon", NOW)).then_rejected(Rejected, "neither a day nor an instant")
    done = TodoCompleted("2026-11-20")
    given(DECIDER, CREATED, done).when(Reopen()).then(TodoReopened("2026-11-20"))
    given(DECIDER, CREATED, done).when(Toggle(NOW)).then(TodoReopened("2026-11-20"))
    given(DECIDER, CREATED).when(Toggle(NOW)).then(TodoCompleted("2026-11-22T12:00:00Z"))


def test_a_removed_todo_only_accepts_restore() -> None:
    given(DECIDER, CREATED).when(Remove()).then(TodoRemoved())
    given(DECIDER, CREATED, TodoRemoved()).when(Restore()).then(TodoRestored())
    given(DECIDER, CREATED, TodoRemoved()).when(Change(TEXT, "x")).then_rejected(Rejected, "it was removed")
    given(DECIDER, CREATED, TodoRemoved()).when(Create("x", NOW)).then_rejected(Rejected, "created already")


def test_deciding_an_object_that_is_not_a_command_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="object is not a command"):
        decide(object(), evolve(None, CREATED))  # type: ignore[arg-type]  # just this is tried


def test_evolve_ignores_an_event_that_cannot_have_been_decided() -> None:
    todo = evolve(None, CREATED)
    for event in _one_of_each():
        if not isinstance(event, TodoCreated):
            assert evolve(None, event) is None
    assert evolve(todo, FULL) == todo


@for_all(histories)
def test_law_the_inverse_of_an_event_leads_back_to_the_state_before_it(steps: list[tuple[State, TodoEvent]]) -> None:
    for before, event in steps:
        after = evolve(before, event)
        back = evolve(after, invert(event))
        if isinstance(event, TodoCreated):
            assert isinstance(after, Todo)
            assert isinstance(back, Todo)
            assert back.removed
            assert evolve(back, invert(invert(event))) == after
        else:
            assert back == before
            assert invert(invert(event)) == event


@for_all(histories)
def test_law_every_event_changes_the_state(steps: list[tuple[State, TodoEvent]]) -> None:
    for before, event in steps:
        assert evolve(before, event) != before


@for_all(histories)
def test_law_an_event_is_the_same_after_a_round_trip_through_json(steps: list[tuple[State, TodoEvent]]) -> None:
    msgspec = pytest.importorskip("msgspec")
    for _, event in steps:
        assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event


@for_all(states | st.none(), states)
def test_law_the_events_between_two_states_lead_from_one_to_the_other(old: State, new: State) -> None:
    assert new is not None
    state = old
    for event in events_between(old, new):
        state = evolve(state, event)
    assert state is not None
    assert replace(state, created=new.created) == new
    if old is not None:
        assert old.created == state.created


@for_all(histories)
def test_law_an_event_changes_the_field_that_it_names(steps: list[tuple[State, TodoEvent]]) -> None:
    for before, event in steps:
        if before is None:
            assert field_of(event) == "*"
            continue
        after = evolve(before, event)
        assert after is not None
        changed = [name for name in Todo.__struct_fields__ if getattr(before, name) != getattr(after, name)]
        field = field_of(event)
        item = field.partition(":")[0]
        assert changed == [{"tag": "tags", "dependency": "depends", "attribute": "attributes"}.get(item, field)]


@for_all(histories)
def test_law_a_day_or_an_instant_is_the_same_after_a_round_trip_through_text(steps: list[tuple[State, TodoEvent]]) -> None:
    for state in (evolve(before, event) for before, event in steps):
        assert state is not None
        for text in (state.due, state.completed):
            assert text is None or day_or_instant(parse_day_or_instant(text)) == text


BASES = {"day or instant": DateChanged, "instant": InstantChanged}
"""The classes that check the values of events which are read."""


@pytest.mark.parametrize("field", [field for field in FIELDS if field.kind in BASES], ids=lambda field: field.name)
def test_the_events_of_a_field_of_times_check_their_values(field: Any) -> None:
    assert issubclass(field.changed, BASES[field.kind])


def test_every_event_type_is_registered_and_has_an_inverse_and_a_field() -> None:
    types = EventTypes(EVENTS)
    events = _one_of_each()
    assert {types.name_of(event) for event in events} == set(EVENTS)
    for event in events:
        assert invert(event)
        assert field_of(event)


def test_events_between_states_are_found_without_checking_the_rules() -> None:
    removed = Todo("x", NOW, removed=True)
    assert events_between(None, removed) == (TodoCreated("x", NOW), TodoRemoved())
    assert events_between(removed, removed) == ()
    with pytest.raises(Rejected):
        decide(Change(TEXT, "y"), removed)


def _one_of_each() -> list[TodoEvent]:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    return [
        FULL,
        TextChanged("a", "b"),
        AttributeChanged("estimate", None, "2h"),
        NoteChanged(None, "b"),
        DueChanged(None, "2026-11-23"),
        ReminderChanged(None, at),
        ReminderAcknowledged(None, at),
        PriorityChanged("H", "L"),
        ProjectChanged(None, "home.garage"),
        WaitChanged(None, "2026-11-23"),
        ParentChanged(None, "a0b1c2d3e4"),
        RecurrenceChanged(None, Recurrence("FREQ=DAILY", "2026-11-23")),
        DependencyAdded("a0b1c2d3e4"),
        DependencyRemoved("a0b1c2d3e4"),
        TagAdded("a"),
        TagRemoved("a"),
        TodoCompleted("2026-11-23"),
        TodoReopened("2026-11-23"),
        TodoRemoved(),
        TodoRestored(),
    ]
