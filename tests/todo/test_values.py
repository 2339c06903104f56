"""The values of attributes, and of fields that name todos: which are valid, and what they are."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.arranging import sort_items
from cqrs_todo.todo.fields import ATTRIBUTES, TAGS, Todo
from cqrs_todo.todo.values import (
    KEY_LIMIT,
    attribute_named,
    check_attribute,
    check_attributes,
    check_id,
    number_in,
    time_in,
)
from cqrs_todo.todo.views import Item, bracketed_details, display_value

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def to_local(instant: datetime) -> datetime:
    """The reader is an hour ahead of UTC."""
    return instant.astimezone(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("k" * (KEY_LIMIT + 1), "x", "has at most"),
        ("1st", "x", "does not begin with a letter"),
        ("a b", "x", "is none of letters, digits"),
        ("a", " ", "the attribute a is empty"),
        ("a", "x" * 70_000, "more than"),
    ],
)
def test_an_attribute_that_cannot_be_recorded_is_refused(key: str, value: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        check_attribute(key, value)


def test_attributes_are_recorded_in_one_form_of_unicode_sorted_and_each_once() -> None:
    assert check_attributes((("b", "1"), ("Gro\u0308\u00dfe", "L"))) == (("Gr\u00f6\u00dfe", "L"), ("b", "1"))
    with pytest.raises(Rejected, match="the attribute a is given twice"):
        check_attributes((("a", "1"), ("a", "2")))


def test_a_name_means_an_attribute_whatever_its_case_unless_one_has_exactly_this_name() -> None:
    assert attribute_named("Place", ["place", "b"]) == "place"
    assert attribute_named("Place", ["place", "Place"]) == "Place"
    assert attribute_named("nothing", ["place"]) is None


@pytest.mark.parametrize(
    ("text", "number"), [("2.5", 2.5), ("-3", -3), ("1_0", None), ("\u0663", None), ("inf", None), ("x", None)]
)
def test_only_finite_numbers_in_ordinary_digits_are_numbers(text: str, number: float | None) -> None:
    assert number_in(text) == number
    assert number_in(None) is None


def test_only_the_canonical_form_of_a_day_or_an_instant_is_a_time() -> None:
    assert time_in("2026-03-01") == date(2026, 3, 1)
    assert time_in("2026-03-01T10:00:00Z") == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert [time_in(text) for text in ("soon", "2026-02-30", "2026-03-01T10:00Z")] == [None, None, None]


def test_attributes_are_shown_in_local_time_and_in_quotes_if_necessary() -> None:
    attributes = (("end", "2026-03-01T10:00:00Z"), ("place", "Room 5"), ("size", "L"))
    assert display_value(ATTRIBUTES, attributes, to_local) == 'end:"2026-03-01 11:00" place:"Room 5" size:L'
    todo = Todo("x", NOW, attributes=attributes)
    assert bracketed_details(todo, to_local) == " (end 2026-03-01 11:00, place Room 5, size L)"


def test_words_are_shown_with_the_marker_of_their_field() -> None:
    assert display_value(TAGS, ("a", "b"), to_local) == "+a +b"
    assert display_value(replace(TAGS, marker="skill:"), ("a", "b"), to_local) == "skill:a skill:b"


def test_todos_are_sorted_by_an_attribute_numbers_first_then_times_then_texts() -> None:
    values = ["b", "10", None, "2026-03-01", "9", "a"]
    rows = [
        Item(number, f"todo/a{number}", 1, Todo("x", NOW, attributes=() if value is None else (("k", value),)))
        for number, value in enumerate(values, 1)
    ]
    assert [row.number for row in sort_items(rows, [("k", False)], to_local)] == [5, 2, 4, 6, 1, 3]


def test_what_is_no_id_is_refused() -> None:
    assert check_id("a0b1") == "a0b1"
    with pytest.raises(Rejected, match="is not the id of a todo"):
        check_id("../x")
