"""Format 1, byte for byte: a golden file for each event type, and a complete log, which must always open.

A golden file is never changed. One for a new event type is made by running this file: `python -m tests.todo.test_golden`.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.forgetting import forget_lines
from cqrs_todo.cqrs.stores.format import Codec, decode_line, verified_digest
from cqrs_todo.cqrs.stores.hash_chain import NO_DIGEST
from cqrs_todo.todo.events import (
    AttributeChanged,
    DependencyAdded,
    DependencyRemoved,
    DueChanged,
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
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.model import DECIDER, EVENTS
from cqrs_todo.todo.values import Recurrence

GOLDEN = Path(__file__).parent.parent / "data/golden"
TYPES = EventTypes(EVENTS)
AT = datetime(2026, 11, 22, 9, 30, 1, 123456, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAMPLES: dict[str, list[TodoEvent]] = {
    "todo_created": [
        TodoCreated("Buy milk", AT),
        TodoCreated(
            "Écrire à Zoë 雪 👩‍👩‍👧",
            AT,
            note="*soon*\nor later",
            due="2026-11-23",
            reminder=LATER,
            priority="H",
            tags=("home", "später"),
        ),
        TodoCreated("Call", AT, due="2026-11-23T17:00:00Z"),
    ],
    "todo_text_changed": [TextChanged("Buy milk", 'Buy "oat" milk\\')],
    "todo_note_changed": [NoteChanged(None, "# Title\n"), NoteChanged("a", "b"), NoteChanged("b", None)],
    "todo_due_changed": [DueChanged(None, "2026-11-23"), DueChanged("2026-11-23", "2026-11-23T17:00:00Z")],
    "todo_reminder_changed": [ReminderChanged(None, LATER), ReminderChanged(LATER, None)],
    "todo_reminder_acknowledged": [ReminderAcknowledged(None, LATER), ReminderAcknowledged(LATER, None)],
    "todo_priority_changed": [PriorityChanged(None, "H"), PriorityChanged("H", "L"), PriorityChanged("M", None)],
    "todo_project_changed": [ProjectChanged(None, "home.garage"), ProjectChanged("home.garage", None)],
    "todo_wait_changed": [WaitChanged(None, "2027-01-01"), WaitChanged("2027-01-01", "2026-12-24T06:00:00Z")],
    "todo_parent_changed": [ParentChanged(None, "a0b1c2d3e4"), ParentChanged("a0b1c2d3e4", None)],
    "todo_recurrence_changed": [
        RecurrenceChanged(None, Recurrence("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30")),
        RecurrenceChanged(
            Recurrence("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30"),
            Recurrence("FREQ=DAILY;INTERVAL=3", "2026-11-22", "17:00", "Europe/Berlin", after=True),
        ),
    ],
    "todo_attribute_changed": [AttributeChanged("estimate", None, "2h"), AttributeChanged("estimate", "2h", None)],
    "todo_dependency_added": [DependencyAdded("a0b1c2d3e4")],
    "todo_dependency_removed": [DependencyRemoved("a0b1c2d3e4")],
    "todo_tag_added": [TagAdded("home")],
    "todo_tag_removed": [TagRemoved("home")],
    "todo_completed": [TodoCompleted("2026-11-22T09:30:01.123456Z"), TodoCompleted("2026-11-20")],
    "todo_reopened": [TodoReopened("2026-11-20")],
    "todo_removed": [TodoRemoved()],
    "todo_restored": [TodoRestored()],
}


def commit_of(type: str) -> Commit:
    metadata = Metadata(AT, "me@laptop", "18d786d4997a501d514d", {"undoes": ["5ce5632163899ab68c8b"]})
    events = tuple(
        Recorded(42 + n, "todo/k3v9x2ma41", 3 + n, type, event, metadata, 1 + n) for n, event in enumerate(SAMPLES[type])
    )
    return Commit(events, metadata)


def test_there_is_a_golden_file_for_each_event_type() -> None:
    assert {file.stem for file in GOLDEN.glob("todo_*.jsonl")} == set(SAMPLES) == set(EVENTS)


@pytest.mark.parametrize("type", SAMPLES)
def test_each_event_type_is_written_and_read_exactly_as_in_its_golden_file(type: str) -> None:
    golden = (GOLDEN / f"{type}.jsonl").read_bytes()
    codec = Codec(TYPES)
    line, recorded = codec.encode(commit_of(type), NO_DIGEST)
    assert line == golden
    sum = verified_digest(NO_DIGEST, golden[:-1])
    read = codec.commit(decode_line(golden[:-1]), sum)
    assert read == recorded
    assert (read.events, read.metadata, read.sum) == (commit_of(type).events, commit_of(type).metadata, sum.decode())


META: dict[str, object] = {
    "causation": "5ce5632163899ab68c8b/1",
    "correlation": "5ce5632163899ab68c8b",
    "batch": {"id": "18d786d4997a501d514d", "part": 1},
    "redoes": ["e1d40bc3ad806ea46328"],
    "because": "asked for",
    "machine": "9b0c1f",
    "stamp": "2026-11-22T09:30:01.123457Z",
    "made": "2026-11-21T09:30:01.123456Z",
    "from": 7,
    "extra": [1],
}


def test_a_commit_with_every_optional_member_is_written_and_read_exactly_as_in_its_golden_file() -> None:
    golden = (GOLDEN / "optional_members.jsonl").read_bytes()
    codec = Codec(TYPES)
    line, recorded = codec.encode(_with_optional_members(), NO_DIGEST)
    assert line == golden
    read = codec.commit(decode_line(golden[:-1]), verified_digest(NO_DIGEST, golden[:-1]))
    assert read == recorded
    assert [event.id for event in read.events] == ["18d786d4997a501d514d.1/-1", "18d786d4997a501d514d.1/1"]
    assert [event.tags for event in read.events] == [(), ("list/inbox", "person/jo")]
    assert (read.metadata.causation, read.metadata.correlation) == (META["causation"], META["correlation"])


def _with_optional_members() -> Commit:
    metadata = Metadata(AT, "me@laptop", "18d786d4997a501d514d.1", META)
    helper = Recorded(42, "todo/k3v9x2ma41", 3, "todo_reopened", TodoReopened("2026-11-20"), metadata, -1)
    tags = ("list/inbox", "person/jo")
    asked = Recorded(43, "todo/k3v9x2ma41", 4, "todo_completed", TodoCompleted("2026-11-21"), metadata, 1, tags)
    return Commit((helper, asked), metadata)


def test_a_complete_log_written_in_2026_opens(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir(mode=0o700)
    (tmp_path / "lists/inbox.jsonl").write_bytes((GOLDEN / "inbox.jsonl").read_bytes())
    log = open_store(f"jsonl:{tmp_path}", TYPES).open("inbox")
    fold = Repository(log, DECIDER).fold()
    assert fold.position == 5
    assert [entity.state for entity in fold] == [
        Todo("Buy milk", AT, due="2026-11-23", priority="H", tags=("home",), completed="2026-11-22T09:30:01.123456Z"),
        Todo("Call the bank", AT, removed=True),
    ]
    assert log.warnings == []


def _forgotten() -> bytes:
    lines = (GOLDEN / "inbox.jsonl").read_bytes().splitlines(keepends=True)
    return b"".join(forget_lines("inbox", lines, ["todo/hczv45vb1z"]).lines)


def test_forgetting_always_gives_the_same_bytes() -> None:
    assert _forgotten() == (GOLDEN / "forgotten.jsonl").read_bytes()


if __name__ == "__main__":
    for name in SAMPLES:
        target = GOLDEN / f"{name}.jsonl"
        if not target.exists():
            target.write_bytes(Codec(TYPES).encode(commit_of(name), NO_DIGEST)[0])
    if not (GOLDEN / "optional_members.jsonl").exists():
        (GOLDEN / "optional_members.jsonl").write_bytes(Codec(TYPES).encode(_with_optional_members(), NO_DIGEST)[0])
    if not (GOLDEN / "forgotten.jsonl").exists():
        (GOLDEN / "forgotten.jsonl").write_bytes(_forgotten())
