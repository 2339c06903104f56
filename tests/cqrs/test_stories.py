"""Stories in given, when and then: how they fail."""

import pytest

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.testing.stories import given
from tests.cqrs.counter import COUNTER, Move, Moved


class Overdrawn(Rejected):
    pass


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
