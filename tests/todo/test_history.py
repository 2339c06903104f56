"""The history of a list in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cqrs_todo.cqrs.events import LOST, Commit, Metadata, Recorded, UnknownEvent
from cqrs_todo.todo.events import (
    DueChanged,
    NoteChanged,
    PriorityChanged,
    RecurrenceChanged,
    ReminderAcknowledged,
    ReminderChanged,
    TagAdded,
    TagRemoved,
    TextChanged,
    TodoCompleted,
    TodoCreated,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
)
from cqrs_todo.todo.history import describe_commit, describe_event, event_mentions
from cqrs_todo.todo.values import Recurrence
from cqrs_todo.todo.views import Move

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

FORTNIGHTLY = Recurrence("FREQ=WEEKLY;INTERVAL=2", "2026-11-23")
FROM_TUESDAY = Recurrence("FREQ=WEEKLY;INTERVAL=2", "2026-11-24")
AT_TEN = Recurrence("FREQ=WEEKLY;INTERVAL=2", "2026-11-23", time="10:00")
DAILY = Recurrence("FREQ=DAILY", "2026-11-23")


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def event(data: Any, type: str = "x") -> Recorded:
    return Recorded(1, "todo/a", 1, type, data, Metadata(NOW, "me", "c", {}))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TodoCreated("Buy milk", NOW), "created: Buy milk"),
        (
            TodoCreated("x", NOW, note="note", due="2026-11-23", reminder=LATER, priority="H", tags=("a", "b")),
            "created: x (+a, +b, priority H, due Mon 2026-11-23, reminder 2026-11-23 23:30)",
        ),
        (TextChanged("a", "b"), "text: a → b"),
        (NoteChanged(None, "two\nlines"), "note set to two lines"),
        (NoteChanged("a", None), "note cleared, was a"),
        (DueChanged("2026-11-23", "2026-11-24T10:00:00Z"), "due: 2026-11-23 → 2026-11-24 10:00"),
        (DueChanged("2026-11-23", None), "due cleared, was 2026-11-23"),
        (ReminderChanged(None, LATER), "reminder set to 2026-11-23 23:30"),
        (ReminderAcknowledged(None, LATER), "reminder of 2026-11-23 23:30 acknowledged"),
        (ReminderAcknowledged(LATER, None), "reminder of 2026-11-23 23:30 no longer acknowledged"),
        (PriorityChanged("H", "L"), "priority: H → L"),
        (RecurrenceChanged(FORTNIGHTLY, DAILY), "every: 2 weeks → day"),
        (RecurrenceChanged(FORTNIGHTLY, FROM_TUESDAY), "every: 2 weeks, counted from 2026-11-24"),
        (RecurrenceChanged(FORTNIGHTLY, AT_TEN), "every: 2 weeks at 10:00, counted from 2026-11-23"),
        (TagAdded("a"), "tagged +a"),
        (TagRemoved("a"), "untagged -a"),
        (TodoCompleted("2026-11-22T10:00:00Z"), "done"),
        (TodoCompleted("2026-11-20"), "done, on 2026-11-20"),
        (TodoCompleted("2026-11-20T10:00:00Z"), "done, on 2026-11-20 10:00"),
        (TodoReopened("2026-11-20"), "reopened"),
        (TodoRemoved(), "removed"),
        (TodoRestored(), "restored"),
        (UnknownEvent(LOST, b"{}"), "lost when the log was damaged"),
        (UnknownEvent("todo_shaken", b"{}"), "todo_shaken (written by a newer version)"),
    ],
)
def test_each_event_is_described_in_words(data: Any, words: str) -> None:
    assert describe_event(event(data), utc) == words


def test_describing_an_object_that_is_not_an_event_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="object is not an event"):
        describe_event(event(object()), utc)


POSITIONS = {"c3": 3, "c4": 4}


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({}, ""),
        ({"undoes": ["c3"]}, "undoes @3"),
        ({"undoes": ["c4", "c3"]}, "undoes @4, @3"),
        ({"redoes": ["c3"]}, "redoes @3"),
        ({"redoes": ["c9"]}, "redoes the command c9"),
        ({"restores": 7}, "as of @7"),
        ({"made": "2026-11-20T08:15:00Z"}, "made 2026-11-20 08:15"),
        ({"made": NOW.isoformat()}, ""),
        ({"undoes": "c3", "redoes": [3]}, ""),
        (Move("1", "inbox", "2", "work").meta, "moved from inbox to work"),
        ({"move": {"from": "inbox", "to": "work"}}, ""),
    ],
)
def test_a_commit_is_described_by_what_it_undoes_redoes_restores_or_moves(meta: dict[str, Any], words: str) -> None:
    commit = Commit((event(TodoRemoved()),), Metadata(NOW, "me", "c", meta))
    assert describe_commit(commit, POSITIONS.get, utc) == words


def test_an_object_that_is_not_an_event_mentions_nothing() -> None:
    assert event_mentions(object(), "x") is False


def test_an_event_mentions_the_texts_of_its_values_in_any_case() -> None:
    created = TodoCreated("Buy milk", NOW, tags=("home",))
    assert [event_mentions(created, text) for text in ("MILK", "hom", "tea")] == [True, True, False]
    assert event_mentions(TodoCompleted("2026-11-20"), "2026-11")


def test_a_commit_that_undoes_and_restores_says_both() -> None:
    meta = Metadata(NOW, "me", "c", {"undoes": ["c3"], "restores": 7})
    assert describe_commit(Commit((event(TodoRemoved()),), meta), POSITIONS.get, utc) == "undoes @3, as of @7"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b'{"type":"todo_text_changed","data":{"new":"Buy milk"}}', "text set to Buy milk"),
        (b'{"type":"todo_note_changed","data":{"new":null}}', "note cleared"),
        (b'{"type":"todo_reminder_changed","data":{"new":"2026-11-20T08:15:00Z"}}', "reminder set to 2026-11-20 08:15"),
        (b'{"type":"todo_attribute_changed","data":{"key":"estimate","new":"2"}}', "estimate set to 2"),
        (b'{"type":"todo_tag_added","data":{"tag":"home"}}', "tagged +home"),
        (b'{"type":"todo_dependency_removed","data":{"dependency":"a1"}}', "no longer depends on a1"),
        (b'{"type":"todo_completed","data":{"completed":"2026-11-20"}}', "done on 2026-11-20"),
        (b'{"type":"todo_reopened","data":{}}', "reopened"),
        (b'{"type":"todo_removed","data":{}}', "removed"),
        (b'{"type":"todo_created","data":{"text":"x"}}', "created"),
        (b'{"type":"todo_from_the_future","data":{}}', "changed"),
        (b'{"type":"todo_text_changed","data":7}', "changed"),
        (b"[]", "changed"),
    ],
)
def test_a_change_without_effect_is_described_by_what_was_wanted(record: bytes, words: str) -> None:
    merged = event(UnknownEvent("merged", record))
    assert describe_event(merged, utc) == f"{words}: no effect after the merge"
