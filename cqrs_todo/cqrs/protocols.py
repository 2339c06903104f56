"""What a fold needs of commits, for type checkers. Nothing loads this when it runs, because protocols are slow to make."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol


class BatchEvent(Protocol):
    """What a fold needs of an event. The properties mean the same as the attributes of `Recorded`."""

    @property
    def stream(self) -> str:
        """The name of its stream."""

    @property
    def version(self) -> int:
        """Its number in the stream."""

    @property
    def data(self) -> Any:
        """The event itself, or an `UnknownEvent`."""


class EventBatch(Protocol):
    """What a fold needs of a commit. A store may be able to read this faster than complete commits."""

    @property
    def position(self) -> int:
        """The position of its first event."""

    @property
    def last(self) -> int:
        """The position of its last event."""

    @property
    def at(self) -> datetime:
        """The wall time of recording."""

    @property
    def events(self) -> Sequence[BatchEvent]:
        """The events."""
