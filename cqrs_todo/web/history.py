"""Commits, and what is computed from them, as the schema shows them."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
import strawberry

from ..cqrs.events import REDOES, UNDOES, PositionOf, Recorded, UnknownEvent, marked
from ..cqrs.events import Commit as RecordedCommit
from ..todo import compare
from ..todo.history import describe_commit, describe_event
from ..todo.statistics import Statistics
from ..todo.values import ToLocal
from ..todo.views import BECAUSE, Label, id_of
from .scalars import DateTimeUtc, Day, Json

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@strawberry.type
class Event:
    """One event, as it is in the log."""

    position: int
    id: strawberry.ID = strawberry.field(description="The stable id of the todo")
    sequence: int = strawberry.field(description="The number of the event in the stream of the todo")
    type: str
    data: Json
    words: str = strawberry.field(description="What the event changed, in words")


@strawberry.type
class Commit:
    """What one command recorded: one or more events, all or nothing."""

    position: int = strawberry.field(description="The position of the first event")
    last: int = strawberry.field(description="The position of the last event")
    at: DateTimeUtc
    by: str
    command: str
    because: str | None
    words: str = strawberry.field(description="What the commit was for, in words: what it undoes, or where it moved todos")
    undoes: list[int] = strawberry.field(description="The positions of the commits that it undoes")
    redoes: list[int] = strawberry.field(description="The positions of the commits that it redoes")
    events: list[Event]


def commit_of(
    commit: RecordedCommit,
    to_local: ToLocal,
    position_of: PositionOf,
    label: Label,
    events: Iterable[Recorded] | None = None,
) -> Commit:
    """Return what the schema shows of a commit. Nothing of it is read from the store later.

    Args:
        commit: The commit.
        to_local: The time zone of the words.
        position_of: Finds the commits of the list by their command ids.
        label: What todos are called in the words.
        events: The events that are shown; None for all.
    """
    meta = commit.metadata
    undoes, redoes = (
        [position for command in marked(meta, key) if (position := position_of(command)) is not None]
        for key in (UNDOES, REDOES)
    )
    return Commit(
        position=commit.position,
        last=commit.last,
        at=DateTimeUtc(meta.at),
        by=meta.by,
        command=meta.command,
        because=meta.meta.get(BECAUSE),
        words=describe_commit(commit, position_of, to_local),
        undoes=undoes,
        redoes=redoes,
        events=[_event_of(event, to_local, label) for event in (commit.events if events is None else events)],
    )


def _event_of(event: Recorded, to_local: ToLocal, label: Label) -> Event:
    data = msgspec.json.decode(event.data.data) if isinstance(event.data, UnknownEvent) else msgspec.to_builtins(event.data)
    return Event(
        position=event.position,
        id=strawberry.ID(id_of(event.stream)),
        sequence=event.version,
        type=event.type,
        data=data,
        words=describe_event(event, to_local, label),
    )


@strawberry.type
class Origin:
    """Where the value of a field comes from."""

    field: str
    value: Json | None
    previous: Json | None
    position: int = strawberry.field(description="The position of the commit that set it")
    at: DateTimeUtc
    by: str

    @classmethod
    def of(cls, field: str, origin: compare.Origin) -> "Origin":
        """Return what the schema shows of an origin."""
        value, previous = _json(origin.value), _json(origin.previous)
        return cls(
            field=field, value=value, previous=previous, position=origin.position, at=DateTimeUtc(origin.at), by=origin.by
        )


@strawberry.type
class FieldDifference:
    """A field that differs between two moments."""

    field: str
    old: Json | None
    new: Json | None


@strawberry.type
class Difference:
    """A todo that differs between two moments."""

    number: int
    id: strawberry.ID
    kind: str = strawberry.field(description="added, removed or changed")
    fields: list[FieldDifference]

    @classmethod
    def of(cls, difference: compare.Difference) -> "Difference":
        """Return what the schema shows of a difference."""
        fields = [
            FieldDifference(field=name, old=_json(old), new=_json(new)) for name, (old, new) in difference.fields.items()
        ]
        return cls(number=difference.number, id=strawberry.ID(difference.id), kind=difference.kind, fields=fields)


def _json(value: Any) -> Json | None:
    return None if value is None else Json(value)


@strawberry.type
class DayOfStats:
    """One local day of the statistics."""

    day: Day
    open: int = strawberry.field(description="How many todos were open at its end")
    added: int
    completed: int
    events: int


@strawberry.type
class Activity:
    """An author, and how many events are theirs."""

    by: str
    events: int


@strawberry.type
class Stats:
    """The statistics of a list over whole local days."""

    added: int
    completed: int
    reopened: int
    reopen_rate: float | None = strawberry.field(description="The share of the completions that were reopened, from 0 to 1")
    median_cycle_days: float | None = strawberry.field(description="The days from creation to completion; half took less")
    p90_cycle_days: float | None = strawberry.field(description="The days within which nine of ten were completed")
    hours: list[int] = strawberry.field(description="For each local hour of the day, how many events were recorded")
    days: list[DayOfStats]
    authors: list[Activity]

    @classmethod
    def of(cls, numbers: Statistics) -> "Stats":
        """Return what the schema shows of statistics."""
        rows = zip(numbers.days, numbers.open, numbers.added, numbers.completed, numbers.activity, strict=True)
        return cls(
            added=sum(numbers.added),
            completed=sum(numbers.completed),
            reopened=numbers.reopened,
            reopen_rate=numbers.reopen_rate,
            median_cycle_days=numbers.cycle_quantile(0.5),
            p90_cycle_days=numbers.cycle_quantile(0.9),
            hours=list(numbers.hours),
            days=[
                DayOfStats(day=Day(day.isoformat()), open=level, added=added, completed=completed, events=events)
                for day, level, added, completed, events in rows
            ],
            authors=[Activity(by=by, events=events) for by, events in numbers.authors],
        )


def read_day(text: str | None) -> date | None:
    """Read a local day; None for None.

    Raises:
        ValueError: It is none. The message says why.
    """
    if text is None:
        return None
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a day")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the calendar has no day {text}") from None
