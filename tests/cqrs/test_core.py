"""What the vocabulary refuses and says."""

from collections.abc import Mapping
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import Rejected, WrongExpectedVersion
from cqrs_todo.cqrs.events import EventTypes, UnknownEvent, Upcaster
from cqrs_todo.cqrs.store import check_precondition
from cqrs_todo.cqrs.testing.contract import Counted
from cqrs_todo.cqrs.testing.stories import given
from tests.cqrs.counter import COUNTER, Move, Moved


class Overdrawn(Rejected):
    pass


def test_an_event_class_has_one_type_string() -> None:
    with pytest.raises(ValueError, match="two type strings"):
        EventTypes({"a": Counted, "b": Counted})


def test_an_unknown_event_is_read_only() -> None:
    with pytest.raises(TypeError, match="UnknownEvent is not a registered event"):
        EventTypes({"a": Counted}).name_of(UnknownEvent("b", b"{}"))


def test_wrong_expected_version_says_what_and_where() -> None:
    with pytest.raises(WrongExpectedVersion, match=r"^Wrong expected version: 4 \(stream: a/1, stream version: 5\)$"):
        check_precondition(4, "a/1", 5)


def test_given_when_then_fails_with_a_difference() -> None:
    given(COUNTER, Moved(1)).when(Move(2)).then(Moved(2))
    with pytest.raises(AssertionError, match=r"- Moved\(by=3\)[^+]*\+ Moved\(by=2\)"):
        given(COUNTER, Moved(1)).when(Move(2)).then(Moved(3))
    with pytest.raises(AssertionError):
        given(COUNTER, Moved(1)).when(Move(2)).then_nothing()
    with pytest.raises(AssertionError):
        given(COUNTER, Moved(1)).when(Move(-2)).then_rejected(Rejected, "too large")
    with pytest.raises(AssertionError, match=r"not refused, but gave \[Moved\(by=2\)\]"):
        given(COUNTER, Moved(1)).when(Move(2)).then_rejected()
    with pytest.raises(Rejected, match="below zero"):
        given(COUNTER, Moved(1)).when(Move(-2)).then_rejected(Overdrawn)
    given(COUNTER, Moved(1)).when(Move(0)).then_nothing()
    given(COUNTER, Moved(1)).when(Move(-2)).then_rejected(Rejected, "below zero")
    with pytest.raises(ValueError, match="no command"):
        given(COUNTER).then_nothing()


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
    assert types.newest == {"a": "c/3", "b": "c/3"}
    assert (types.upcast("a", {"n": 1}), types.upcast("b", {"n": 1})) == ({"number": 20}, {"number": 10})
    assert types.upcast("c/3", {"number": 1}) == {"number": 1}


@pytest.mark.parametrize(
    ("upcasters", "words"),
    [
        ({"a": Upcaster("b", same)}, "lead to 'b', which is no type"),
        ({"a": Upcaster("b", same), "b": Upcaster("a", same)}, "lead to 'a', which is no type"),
        ({"counted": Upcaster("counted/2", same)}, "'counted' is a type that is in use"),
    ],
    ids=["nowhere", "in a circle", "from a type in use"],
)
def test_upcasters_that_lead_nowhere_are_refused(upcasters: Mapping[str, Upcaster], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EventTypes({"counted": Counted}, upcasters)
