"""Calling the code of a projection, which others wrote: whatever it raises becomes an error that names the projection."""

from collections.abc import Callable
from typing import Any

from . import Event, Periodic, Projection, ViewFailed

_PROGRAM = __file__.removesuffix("todo/projections/calls.py")
"""Where the code of this program is."""


def call(projection: Projection[Any], doing: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call code of a projection.

    Args:
        projection: The projection.
        doing: What it does, for the error, such as "close".
        function: The code.
        arguments: Its arguments.

    Raises:
        ViewFailed: The code raised anything but `KeyboardInterrupt`. Even `SystemExit` must not end the program silently.
    """
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise failed(projection, doing, error) from error


def evolve(projection: Projection[Any], state: Any, events: list[Event]) -> Any:
    """Return the state after some events.

    Raises:
        ViewFailed: The projection raised an error, or returned None.
    """
    function = projection.evolve
    event = None
    try:
        for event in events:
            state = function(state, event)
            if state is None:
                raise failed(projection, _with(event), "it returned None; it must return the new state")
    except (KeyboardInterrupt, ViewFailed):
        raise
    except BaseException as error:
        raise failed(projection, _with(event), error) from error
    return state


def _with(event: Event | None) -> str:
    return "evolve" if event is None else f"evolve, with @{event.position} of {event.list}"


def close(projection: Projection[Any], periodic: Periodic, state: Any) -> Any:
    """Return the state with which the next period begins.

    Raises:
        ViewFailed: The projection raised an error, or returned None.
    """
    state = call(projection, "close", periodic.close, state)
    if state is None:
        raise failed(projection, "close", "it returned None; it must return the state with which the next period begins")
    return state


def period_of(projection: Projection[Any], periodic: Periodic, at: Any) -> str:
    """Return the period of a time.

    Raises:
        ViewFailed: The projection raised an error, or returned no text, or an empty one.
    """
    period: str = call(projection, "period_of", periodic.period_of, at)
    if not is_text(period) or not period:
        raise failed(projection, "period_of", f"it returned {_described(period)}; it must return a text")
    return period


def is_text(value: object) -> bool:
    """Return whether a value is a text that can be written in UTF-8."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _described(value: object) -> str:
    if isinstance(value, str):
        return "a text that is not valid" if value else "an empty text"
    return "None" if value is None else f"a value of the type {type(value).__name__}"


def failed(projection: Projection[Any], doing: str, problem: "BaseException | str") -> ViewFailed:
    """Return the error for a projection whose code failed, with the line that raised it."""
    if isinstance(problem, BaseException):
        trace = problem.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        file = "" if trace is None else trace.tb_frame.f_code.co_filename
        # a line of this program says nothing to the author of the projection
        where = "" if trace is None or file.startswith(_PROGRAM) else f" ({file}, line {trace.tb_lineno})"
        problem = f"{in_words(problem)}{where}"
    return ViewFailed(projection.name, doing, problem)


def in_words(error: BaseException) -> str:
    """Return the kind of an error and its message, which it may be unable to give."""
    try:
        message = str(error)
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
