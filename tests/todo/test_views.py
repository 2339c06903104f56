"""What front ends show: numbers, filters, order, the board, words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqrs_todo.cqrs.fold import Entity
from cqrs_todo.todo.arranging import SORT_KEYS, GroupKey, board, group_items, sort_items
from cqrs_todo.todo.fields import State, Todo
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import (
    Item,
    bracketed_details,
    display_day_or_instant,
    id_of,
    is_overdue,
    items_of,
    number_ranges,
    relative_day,
)

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def tokyo(instant: datetime) -> datetime:
    return instant.astimezone(timezone(timedelta(hours=9)))


def item(number: int, text: str = "x", **fields: Any) -> Item:
    return Item(number, f"todo/k{number}", 1, Todo(text, fields.pop("created", NOW), **fields))


def test_a_todo_whose_creation_was_lost_keeps_its_number_and_is_not_shown() -> None:
    todo = Todo("Buy milk", NOW)
    entities: list[Entity[State]] = [Entity("todo/a", None, 1, 1), Entity("todo/b", todo, 2, 2)]
    assert items_of(entities) == [Item(2, "todo/b", 2, todo)]
    assert items_of(entities)[0].stream == "todo/b"


@pytest.mark.parametrize(
    ("due", "late"),
    [
        (None, False),
        ("2026-11-21", True),
        ("2026-11-22", False),
        ("2026-11-22T23:29:59Z", True),
        ("2026-11-22T23:30:01Z", False),
    ],
)
def test_a_day_is_overdue_when_it_is_over_and_an_instant_when_it_is_past(due: str | None, late: bool) -> None:
    assert is_overdue(Todo("x", NOW, due=due), NOW, utc) is late
    assert not is_overdue(Todo("x", NOW, due=due, completed="2026-11-22"), NOW, utc)
    assert not is_overdue(Todo("x", NOW, due=due, removed=True), NOW, utc)


def test_a_due_day_ends_in_the_zone_of_the_reader() -> None:
    assert is_overdue(Todo("x", NOW, due="2026-11-22"), NOW, tokyo), "in Tokyo it is the 23rd"


def test_todos_are_sorted_by_each_key() -> None:
    rows = [
        item(1, "b", due="2026-11-24", priority="L", created=NOW, project="b", reminder=NOW),
        item(2, "C", priority="H", created=NOW - timedelta(days=1), completed="2026-11-23", wait="2026-11-25"),
        item(3, "a", due="2026-11-24T10:00:00Z", completed="2026-11-22T10:00:00Z", wait="2026-11-24T10:00:00Z"),
        item(4, "B", project="A", reminder=NOW - timedelta(days=1), wait="2026-11-24"),
    ]
    expected = {"number": [1, 2, 3, 4], "due": [3, 1, 2, 4], "priority": [2, 1, 3, 4], "text": [3, 1, 4, 2]}
    expected |= {"created": [2, 1, 3, 4], "project": [4, 1, 2, 3], "done": [3, 2, 1, 4]}
    expected |= {"reminder": [4, 1, 2, 3], "wait": [4, 3, 2, 1]}
    assert set(expected) == set(SORT_KEYS)
    for key in SORT_KEYS:
        assert [row.number for row in sort_items(rows, [(key, False)], utc)] == expected[key], key


def test_several_keys_sort_one_after_the_other_and_what_has_no_value_comes_last_in_either_direction() -> None:
    rows = [item(1, priority="H"), item(2, due="2026-11-24"), item(3, "x", priority="H"), item(4, due="2026-11-25")]
    cases: list[tuple[list[tuple[str, bool]], list[int]]] = [
        ([("due", True)], [4, 2, 1, 3]),
        ([("number", True)], [4, 3, 2, 1]),
        ([("priority", False), ("number", True)], [3, 1, 4, 2]),
        ([("priority", True), ("due", True)], [1, 3, 4, 2]),
    ]
    for keys, expected in cases:
        assert [row.number for row in sort_items(rows, keys, utc)] == expected, keys


def test_todos_are_grouped_and_those_without_a_value_come_last() -> None:
    rows = [
        item(1, project="Work", tags=("b", "a")),
        item(2, due="2026-11-24"),
        item(3, project="home", due="2026-11-22T20:00:00Z", tags=("b",)),
    ]

    def grouped(key: GroupKey) -> list[tuple[str | None, list[int]]]:
        groups = group_items(rows, key, lambda _: "inbox", tokyo)
        return [(name, [row.number for row in members]) for name, members in groups]

    assert grouped("project") == [("home", [3]), ("Work", [1]), (None, [2])]
    assert grouped("tag") == [("a", [1]), ("b", [1, 3]), (None, [2])]
    assert grouped("due") == [("2026-11-23", [3]), ("2026-11-24", [2]), (None, [1])]
    assert grouped("list") == [("inbox", [1, 2, 3])]


def test_the_board_has_overdue_today_and_next() -> None:
    rows = [
        item(1, due="2026-11-30"),
        item(2, due="2026-11-22"),
        item(3, due="2026-11-01"),
        item(4),
        item(5, priority="H"),
        item(6, due="2026-11-22T23:45:00Z"),
        item(7, completed="2026-11-22"),
        item(8, removed=True),
    ]
    shown = board(rows, NOW, utc)
    assert [[row.number for row in part] for part in (shown.overdue, shown.today, shown.next)] == [[3], [6, 2], [1, 5, 4]]


@pytest.mark.parametrize(
    ("due", "words"),
    [
        ("2026-11-21", "yesterday"),
        ("2026-11-22", "today"),
        ("2026-11-23T17:00:00Z", "tomorrow 17:00"),
        ("2026-11-20", "20 Nov"),
        ("2026-11-24", "Tue"),
        ("2026-11-27", "Fri"),
        ("2026-11-28", "Sat"),
        ("2026-11-29", "29 Nov"),
        ("2026-12-24", "24 Dec"),
        ("2026-11-01", "1 Nov"),
        ("2027-01-05", "2027-01-05"),
    ],
)
def test_a_due_date_is_shown_as_people_say_it(due: str, words: str) -> None:
    assert relative_day(due, NOW, utc) == words


def test_a_due_time_that_comes_twice_has_its_offset_the_second_time() -> None:
    def berlin(instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo("Europe/Berlin"))

    now = berlin(datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert relative_day("2026-10-25T00:30:00Z", now, berlin) == "tomorrow 02:30"
    assert relative_day("2026-10-25T01:30:00Z", now, berlin) == "tomorrow 02:30+01:00"


def test_no_date_is_shown_as_an_empty_text() -> None:
    assert display_day_or_instant(None, utc) == ""


@pytest.mark.parametrize(("numbers", "words"), [([], ""), ([3], "3"), ([1, 2, 3, 7], "1-3, 7"), ([7, 2, 1], "1-2, 7")])
def test_numbers_are_shown_as_ranges(numbers: Sequence[int], words: str) -> None:
    assert number_ranges(numbers) == words


def test_of_many_ranges_the_first_are_shown() -> None:
    assert number_ranges(range(1, 201, 2)).endswith(", 37, 39 and 80 more")
    assert number_ranges(range(1, 1000)) == "1-999"


def test_the_id_is_everything_after_the_first_slash_of_the_stream() -> None:
    assert id_of("todo/a/b") == "a/b"


def test_a_todo_is_not_overdue_at_its_due_instant() -> None:
    assert not is_overdue(Todo("x", NOW, due=day_or_instant(NOW)), NOW, utc)


def test_todos_with_equal_keys_are_sorted_by_number() -> None:
    assert [row.number for row in sort_items([item(2), item(1)], [("text", False)], utc)] == [1, 2]


def test_the_board_leaves_out_a_completed_todo_that_was_due() -> None:
    rows = [item(1, due="2026-11-01", completed="2026-11-02"), item(2)]
    assert [row.number for row in board(rows, NOW, utc).next] == [2]


def test_the_due_instant_in_brackets_has_its_weekday() -> None:
    assert bracketed_details(Todo("x", NOW, due="2026-11-23T10:00:00Z"), utc) == " (due Mon 2026-11-23 10:00)"
