"""Forgetting: which parts of a log can hold the data of a stream, and what remains of them when the stream is forgotten."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from .errors import Unrecordable
from .names import RECORDED_BYTES, can_be_recorded, is_stream_name
from .struct import Struct

V = TypeVar("V")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text[0] != "0"


def _is_event_id(value: object) -> bool:
    command, _, place = str(value).rpartition("/")
    ordinal, dot, part = place.partition(".")
    return (
        can_be_recorded(value) and bool(command) and _is_number(ordinal.removeprefix("-")) and (not dot or _is_number(part))
    )


def _is_file_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= RECORDED_BYTES and "/" not in value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _are(is_one: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(is_one, value))


def _has(**members: Callable[[object], bool]) -> Callable[[object], bool]:
    """Return a function that returns whether a value is an object with some members, or fewer, and no others."""
    return lambda value: isinstance(value, dict) and all(name in members and members[name](value[name]) for name in value)


_is_log = _has(log=can_be_recorded, list=can_be_recorded)

KEPT_MEMBERS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "batch": ("the `id` of a batch and a `part`", _has(id=can_be_recorded, part=_is_count)),
    "causation": ("the id of an event, such as 'c1/1'", _is_event_id),
    "correlation": ("the id of a command", can_be_recorded),
    "extra": ("a list of places", _are(_is_count)),
    "file": ("the name of a file, without its folder", _is_file_name),
    "from": ("a position", _is_count),
    "machine": ("the id of a machine", can_be_recorded),
    "made": ("a time in UTC", _is_time),
    "move": ("the logs of a move, in `from` and `to`", _has(**{"from": _is_log, "to": _is_log})),
    "with": ("a list of logs", _are(_is_log)),
    "redoes": ("a list of command ids", _are(can_be_recorded)),
    "restores": ("a position", _is_count),
    "stamp": ("a time in UTC", _is_time),
    "undoes": ("a list of command ids", _are(can_be_recorded)),
}
"""The members of a commit's `meta` that stay when one of its events is forgotten: what each holds, and a check of that.

They are those that docs/log-format.md describes and that hold only ids, positions, times and names. An id is anything that
could be that of a command: no code can tell it from a short text, so nobody may use these names for a text. A reason
that was given for the command may repeat what is forgotten, and so may any member that this code does not know. A digest of
the words of the command would confirm a guess.
"""


def check_kept_members(meta: Mapping[str, Any]) -> None:
    """Check that the members of a commit's `meta` that are never forgotten hold what their names say.

    So nobody uses such a name by chance for a text that may have to be forgotten.

    Raises:
        Unrecordable: One of them holds something else.
    """
    for name in KEPT_MEMBERS.keys() & meta.keys():
        what, is_that = KEPT_MEMBERS[name]
        if not is_that(meta[name]):
            own = "give a member of your own another name"
            raise Unrecordable(f"cannot be recorded: the member {name!r} of the metadata must be {what}: {own}")


MEMBERS_BY_STREAM = frozenset({"import"})
"""The members of a commit's `meta` that are objects with the names of streams as keys.

Each value is about its stream alone. When a stream is forgotten, such an object loses the value of this stream, also in a
commit without an event of it. The values of other streams stay.
"""


def kept_meta(meta: Mapping[str, V]) -> dict[str, V]:
    """Return the `meta` of a commit without the members that can hold the data of a forgotten event, or a digest of it.

    The members by stream stay. What they hold of forgotten streams has to be taken out of them.
    """
    return {key: value for key, value in meta.items() if key in KEPT_MEMBERS or key in MEMBERS_BY_STREAM}


def names_streams(meta: Mapping[str, Any], streams: Collection[str]) -> bool:
    """Return whether a member by stream of a commit's `meta` has a value of one of some streams."""
    members = (meta[name] for name in MEMBERS_BY_STREAM & meta.keys())
    return any(not members_of.keys().isdisjoint(streams) for members_of in members if isinstance(members_of, Mapping))


class Forgetting(Struct, frozen=True):
    """The result of forgetting streams in one log.

    Attributes:
        log: The id of the log.
        events: How many events lost their data now. Those that had been forgotten before do not count.
        removed: The paths of files beside the logs that held the data, or may have held it, and were removed.
        unreached: What may still hold the data and could not be changed, in words.
        absent: Those of the streams in which the log has no events. They are named as forgotten, too.
    """

    log: str
    events: int
    removed: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def absent_among(log: str, streams: Collection[str], found: Collection[str]) -> tuple[str, ...]:
    """Check the names of the streams that are to be forgotten, and return those in which the log has no events.

    Args:
        log: The name of the log, for the errors.
        streams: The names of the streams.
        found: Those in which the log has events. Another program may have given them any names.

    Raises:
        StreamNotFound: The log has no events in any of them, or has none in one whose name no stream can have.
    """
    absent = sorted({*streams} - {*found})
    impossible = [stream for stream in absent if not is_stream_name(stream)]
    if impossible or not found:
        from .operation_errors import StreamNotFound  # whoever only appends does not need it

        raise StreamNotFound(log, impossible or absent, impossible=bool(impossible))
    return tuple(absent)
