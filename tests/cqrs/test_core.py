"""What the vocabulary refuses and says."""

import pytest

from cqrs_todo.cqrs.core import EventTypes, UnknownEvent, WrongExpectedVersion, check_precondition
from cqrs_todo.cqrs.testing import Counted, given
from tests.cqrs.counter import COUNTER, Move, Moved


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
        given(COUNTER, Moved(1)).when(Move(-2)).then_rejected("too large")
    given(COUNTER, Moved(1)).when(Move(0)).then_nothing()
    given(COUNTER, Moved(1)).when(Move(-2)).then_rejected("below zero")
    with pytest.raises(AssertionError, match="no command"):
        given(COUNTER).then_nothing()
