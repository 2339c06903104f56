"""The events with which the store contract tests a store, and short forms of appends and metadata."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..events import EventTypes, Metadata, Splitter, Upcaster
from ..protocols import EventBatch
from ..store import Append
from ..struct import Struct


class Counted(Struct, frozen=True):
    """The event of the contract."""

    number: int
    text: str = ""


def tags_of(event: Counted) -> tuple[str, ...]:
    """Return the tags of an event: events with large numbers have some, others have none."""
    return (f"number/{event.number}", "large") if event.number >= LARGE else ()


LARGE = 1_000
"""The number from which on events have tags."""
CONTRACT_TYPES = EventTypes({"counted": Counted}, tags=tags_of)
AT = datetime(2026, 11, 22, 9, 30, 1, 123456, tzinfo=UTC)


def metadata(command: str, at: datetime = AT, **meta: Any) -> Metadata:
    """Return the metadata of a commit."""
    return Metadata(at, "contract@suite", command, meta)


def one(stream: str, *numbers: int, expected: Any = None) -> list[Append]:
    """Return the append of some events to one stream, as a sequence."""
    return [Append(stream, tuple(Counted(number) for number in numbers), expected)]


def numbers(events: Any) -> list[int]:
    """Return the numbers in events."""
    return [event.data.number for event in events]


def content_of(batch: EventBatch) -> Any:
    """Return everything in an event batch, in a form that can be compared."""
    events = [(event.stream, event.version, event.data) for event in batch.events]
    return batch.position, batch.last, batch.at, events


class Renamed(Struct, frozen=True):
    """The same event in a later version of the program."""

    sum: int
    texts: tuple[str, ...]


LATER_TYPES = EventTypes(
    {"renamed/2": Renamed},
    {
        "counted": Upcaster("renamed", lambda data: {"sum": data["number"], "text": data["text"]}),
        "renamed": Upcaster("renamed/2", lambda data: {"sum": data["sum"], "texts": [data["text"]]}),
    },
)


class Half(Struct, frozen=True):
    """One of the two events that the event became in another later version of the program."""

    side: str
    number: int


def _split(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("half", {"side": side, "number": data["number"]}) for side in ("left", "right")]


SPLIT_TYPES = EventTypes({"half": Half}, {"counted": Splitter(("half",), _split)})


def _fail(data: Mapping[str, Any]) -> Any:
    raise LookupError(f"no half of {data['number']}")


UNREADABLE_TYPES = (
    EventTypes({"half": Half}, {"counted": Upcaster("half", _fail)}),
    EventTypes({"half": Half}, {"counted": Splitter(("half",), _fail)}),
)
"""The events of later versions of the program that cannot read the event."""
