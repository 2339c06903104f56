"""The types of events: their type strings and upcasters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from cqrs_todo.cqrs.events import EventTypes, Metadata, Splitter, UnknownEvent, Upcaster
from cqrs_todo.cqrs.testing.examples import Counted, Renamed
from tests.cqrs.counter import Moved


def test_an_event_class_has_one_type_string() -> None:
    with pytest.raises(ValueError, match="two type strings"):
        EventTypes({"a": Counted, "b": Counted})


def test_an_unknown_event_is_read_only() -> None:
    with pytest.raises(TypeError, match="UnknownEvent is not a registered event"):
        EventTypes({"a": Counted}).name_of(UnknownEvent("b", b"{}"))


def same(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return data


def test_upcasters_lead_step_by_step_to_a_type_in_use() -> None:
    types = EventTypes(
        {"c/3": Counted},
        {
            "a": Upcaster("b", lambda data: {"n": data["n"] + 1}),
            "b": Upcaster("c/3", lambda data: {"number": data["n"] * 10}),
        },
    )
    assert types.newest == {"a": {"c/3"}, "b": {"c/3"}}
    assert types.upcast("a", {"n": 1}) == [("c/3", {"number": 20})]
    assert types.upcast("b", {"n": 1}) == [("c/3", {"number": 10})]
    assert types.upcast("c/3", {"number": 1}) == [("c/3", {"number": 1})]


def split_into(*names: str) -> Splitter:
    return Splitter(("b", "c/3"), lambda data: [(name, {"n": data["n"] + place}) for place, name in enumerate(names)])


def test_a_splitter_makes_several_events_which_other_upcasters_go_on_with() -> None:
    types = EventTypes(
        {"c/3": Counted}, {"a": split_into("b", "c/3", "b"), "b": Upcaster("c/3", lambda data: {"n": data["n"] * 10})}
    )
    assert types.upcast("a", {"n": 1}) == [("c/3", {"n": 10}), ("c/3", {"n": 2}), ("c/3", {"n": 30})]
    assert types.newest["a"] == {"c/3"}
    assert types.read_as(["c/3"]) == {"a", "b", "c/3"}
    assert types.splits


@pytest.mark.parametrize("names", [[], ["d"], ["b", "d"]])
def test_a_splitter_that_makes_nothing_or_something_else_is_an_error(names: list[str]) -> None:
    types = EventTypes({"b": Counted, "c/3": Renamed}, {"a": split_into(*names)})
    with pytest.raises(ValueError, match=r"its splitter made .*, and names \['b', 'c/3'\]"):
        types.upcast("a", {"n": 1})


@pytest.mark.parametrize(
    ("upcasters", "words"),
    [
        ({"a": Upcaster("b", same)}, "lead to 'b', which is not a registered type"),
        ({"a": Upcaster("b", same), "b": Upcaster("a", same)}, "lead to 'a', which is not a registered type"),
        ({"counted": Upcaster("counted/2", same)}, "'counted' is a registered type"),
        ({"a": Splitter(("counted", "b"), lambda _: [])}, "lead to 'b', which is not a registered type"),
    ],
    ids=["nowhere", "in a circle", "from a type in use", "nowhere with one of two"],
)
def test_upcasters_that_lead_nowhere_are_refused(upcasters: Mapping[str, Upcaster | Splitter], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EventTypes({"counted": Counted}, upcasters)


def test_upcasters_that_lead_in_a_circle_are_refused() -> None:
    def upcaster(type: str) -> Upcaster:
        return Upcaster(type, lambda data: data)

    with pytest.raises(ValueError, match="the upcasters of 'a' lead to 'b', which is not a registered type"):
        EventTypes({"moved": Moved}, {"a": upcaster("b"), "b": upcaster("c"), "c": upcaster("b")})
    with pytest.raises(ValueError, match=r"^an event class has two type strings$"):
        EventTypes({"moved": Moved, "moved/2": Moved})


@pytest.mark.parametrize("type", ["", "moved\n"])
def test_a_type_string_can_be_recorded(type: str) -> None:
    with pytest.raises(ValueError, match="cannot be recorded: a type string"):
        EventTypes({type: Moved})


def test_the_types_of_the_framework_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="'forgotten' is the type of an event of the framework itself"):
        EventTypes({"forgotten": Moved})


def test_new_metadata_has_a_new_id_and_the_present_time() -> None:
    before = datetime.now(UTC)
    first, second = Metadata.new("me", because="asked"), Metadata.new("me")
    assert before <= first.at <= second.at <= datetime.now(UTC)
    assert first.command != second.command
    assert (first.by, first.meta, second.meta) == ("me", {"because": "asked"}, {})


def test_new_metadata_can_have_an_id_of_ones_own() -> None:
    daily = Metadata.new("daily", command="daily/b1/2026-11-20", because="it is due")
    assert (daily.command, daily.meta) == ("daily/b1/2026-11-20", {"because": "it is due"})
    assert Metadata.new("daily", command="").command == "", "an append refuses it"
