"""Hypothesis strategies for todos: commands, and histories that were really decided."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.todo.events import TodoEvent
from cqrs_todo.todo.fields import (
    ACKNOWLEDGED,
    ATTRIBUTES,
    DEPENDS,
    DUE,
    EVERY,
    NOTE,
    PARENT,
    PRIORITY,
    PROJECT,
    REMINDER,
    TAGS,
    TEXT,
    WAIT,
    State,
)
from cqrs_todo.todo.model import (
    Add,
    Change,
    Complete,
    Create,
    Drop,
    Put,
    Remove,
    Reopen,
    Restore,
    TodoCommand,
    Toggle,
    decide,
    evolve,
)
from cqrs_todo.todo.values import PRIORITIES, Recurrence, day_or_instant

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
past_instants = st.integers(0, 10**9).map(lambda microseconds: NOW - timedelta(microseconds=microseconds * 1000))
later_instants = st.integers(1, 10**9).map(lambda microseconds: NOW + timedelta(microseconds=microseconds * 1000))
days = st.dates(date(1990, 1, 1), date(2060, 1, 1))
dues = st.none() | (days | instants).map(day_or_instant)
tags = st.sampled_from(["home", "work", "später", "ToDo", "a"])
priorities = st.none() | st.sampled_from(PRIORITIES)
notes = st.none() | texts
LINKS = ("a0", "b1c2d3e4f5", "k3v9x2ma41")
"""The ids of other todos, which `histories.played` replaces by those of a list."""
ids = st.sampled_from(LINKS)
recurrences = st.none() | st.builds(
    Recurrence,
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"]),
    days.map(date.isoformat),
    st.none() | st.sampled_from(["00:00", "17:30", "23:59:59"]),
    st.none() | st.sampled_from(["Europe/Berlin", "Pacific/Apia"]),
    st.booleans(),
)
keys = st.sampled_from(["estimate", "Größe", "x-uid"])
projects = st.none() | st.sampled_from(["home", "home.garage", "Büro"])

creates = st.builds(
    Create,
    text=texts,
    created=past_instants,
    note=notes,
    due=dues,
    reminder=st.none() | later_instants,
    priority=priorities,
    tags=st.lists(tags, max_size=3).map(tuple),
    project=projects,
    wait=dues,
    depends=st.lists(ids, max_size=2).map(tuple),
    parent=st.none() | ids,
    every=recurrences,
    attributes=st.dictionaries(keys, texts, max_size=2).map(lambda pairs: tuple(pairs.items())),
    acknowledged=st.none() | later_instants,
)
changes: st.SearchStrategy[TodoCommand] = st.one_of(
    st.builds(Change, st.just(TEXT), texts),
    st.builds(Change, st.just(NOTE), notes),
    st.builds(Change, st.just(DUE), dues),
    st.builds(Change, st.just(REMINDER), st.none() | later_instants, st.just(NOW)),
    st.builds(Change, st.just(ACKNOWLEDGED), st.none() | later_instants),
    st.builds(Change, st.just(PRIORITY), priorities),
    st.builds(Change, st.just(PROJECT), projects),
    st.builds(Change, st.just(WAIT), dues),
    st.builds(Change, st.just(PARENT), st.none() | ids),
    st.builds(Change, st.just(EVERY), recurrences),
    st.builds(Add, st.just(DEPENDS), ids),
    st.builds(Drop, st.just(DEPENDS), ids),
    st.builds(Add, st.just(TAGS), tags),
    st.builds(Drop, st.just(TAGS), tags),
    st.builds(Put, st.just(ATTRIBUTES), keys, st.none() | texts),
    st.builds(Complete, past_instants.map(day_or_instant), st.just(NOW)),
    st.builds(Complete, st.just("2026-11-20"), st.just(NOW)),
    st.just(Reopen()),
    st.builds(Toggle, past_instants),
    st.just(Remove()),
    st.just(Restore()),
)
commands = st.builds(lambda first, rest: [first, *rest], creates, st.lists(changes, max_size=15))


def decided(given: Sequence[TodoCommand]) -> list[tuple[State, TodoEvent]]:
    """What the commands come to, one after the other: each event with the state before it; refused ones are passed over."""
    state: State = None
    steps: list[tuple[State, TodoEvent]] = []
    for command in given:
        try:
            events = decide(command, state)
        except Rejected:
            continue
        for event in events:
            steps.append((state, event))
            state = evolve(state, event)
    return steps


histories = commands.map(decided)
states = histories.map(lambda steps: evolve(*steps[-1]) if steps else None)
