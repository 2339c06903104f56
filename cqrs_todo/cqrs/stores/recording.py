"""What the stores have in common when they append: the commit of some appends, and appends that come again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import CommandReused, ConditionFailed, ForgottenStream
from ..events import Commit, EventTypes, Metadata, Recorded, UnknownEvent, failure_of
from ..names import check_recorded_name, check_stream_name
from ..store import Append, T, check_precondition

if TYPE_CHECKING:
    from ..query import AppendCondition
    from .format import CommitLine


def record(
    appends: Sequence[Append],
    metadata: Metadata,
    types: EventTypes,
    head: int,
    versions: dict[str, int],
    forgotten: Collection[str] = (),
) -> Commit:
    """Make the commit of some appends. Stores call this when they know the versions of the streams.

    Args:
        appends: The new events, which `check_append` has accepted.
        metadata: The metadata of the commit.
        types: The registered events.
        head: The last position in the log so far.
        versions: The version of each stream that is appended to; 0 if it is left out. Updated to the versions afterwards.
        forgotten: The streams that were forgotten.

    Raises:
        WrongExpectedVersion: A precondition does not hold. `versions` is unchanged.
        ForgottenStream: A stream that was forgotten would get events.
        TypeError: An event is not registered.
        ValueError: There are no events, a guard has no precondition, a stream is named twice, a tag is not one that every
            store can keep, or a member of the metadata does not hold what its name says.
    """
    before = {append.stream: versions.get(append.stream, 0) for append in appends}
    count = sum([len(append.events) for append in appends])
    if not count or len(before) != len(appends):
        raise ValueError("a commit holds at least one event, and names a stream once")
    if metadata.meta:
        from ..forgetting import check_kept_members  # most commits have none

        check_kept_members(metadata.meta)
    for append in appends:
        if not append.events and append.precondition is None:
            raise ValueError("an append of no events needs a precondition: a commit names at least one of the two")
        check_precondition(append.precondition, append.stream, before[append.stream])
        if append.events and append.stream in forgotten:
            raise ForgottenStream(append.stream)
    events: list[Recorded] = []
    reached: dict[str, int] = {}
    ordinals = metadata.ordinals(count)
    for append in appends:
        stream, version = append.stream, before[append.stream]
        for event in append.events:
            version += 1
            type, tags, place = types.name_of(event), types.tags_of(event), len(events)
            for tag in tags:
                check_recorded_name("a tag", tag)
            events.append(Recorded(head + place + 1, stream, version, type, event, metadata, ordinals[place], tags))
            reached[stream] = version
    versions.update(reached)
    return Commit(tuple(events), metadata)


def check_line(commit: "CommitLine") -> None:
    """Refuse a line of an import that holds what no append records: a name, an id, a tag or a member of `meta`.

    Args:
        commit: The decoded line.

    Raises:
        InvalidLine: It holds such a thing.
    """
    try:
        check_recorded_name("the id of the command", commit.command)
        if commit.meta:
            from ..forgetting import check_kept_members  # most commits have none

            check_kept_members(commit.meta)
        for event in commit.events:
            check_stream_name(event.stream)
            check_recorded_name("a type string", event.type)
            for tag in event.tags:
                check_recorded_name("a tag", tag)
    except ValueError as error:
        from .format import InvalidLine  # without msgspec no line is imported

        raise InvalidLine(f"{error}") from error


def check_condition(condition: "AppendCondition | None", types: EventTypes, backward: Iterable[Commit]) -> None:
    """Check the condition of an append.

    An event that cannot be read matches if it does so by the type that is recorded and by its tags.

    Args:
        condition: The condition.
        types: The registered events.
        backward: The commits of the log, newest first, as far as they can be read. It is read no further than to the
            position of the condition.

    Raises:
        ConditionFailed: An event matches the query of the condition.
        ValueError: The query names an older type, or one that is not registered.
    """
    if condition is None:
        return
    recorded = condition.query.as_recorded(types)
    for commit in backward:
        if commit.last <= condition.after:
            return
        for event in reversed(commit.events):
            query = condition.query if failure_of(event) is None else recorded
            if event.position > condition.after and query.matches(event):
                raise ConditionFailed(event.position, condition.after)


def repeated(commit: Commit, appends: Iterable[Append]) -> Commit:
    """Return the commit that a command id belongs to already, for an append that came again.

    Args:
        commit: The commit, as far as it can be read.
        appends: The append.

    Raises:
        CommandReused: The commit holds other events than the append.
    """
    again = _by_stream((append.stream, event) for append in appends for event in append.events)
    asked_for = [event for event in commit.events if event.ordinal > 0]  # the others were added by a merge
    if not any(_may_be(events, again) for events in (commit.events, asked_for)):
        command = commit.metadata.command
        raise CommandReused(f"command {command} was recorded at position {commit.position} with other content")
    return commit


def _may_be(events: Iterable[Recorded], again: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether the events that are sent again, by stream, may be those that were recorded.

    What was forgotten, what this program does not know, and what a splitter made of an older event, can have been any number
    of other events. The rest must be there in its order.
    """
    recorded = _by_stream((event.stream, event) for event in events)
    if list(recorded) != list(again):
        return False
    for stream, of_stream in recorded.items():
        split = {event.position for event in of_stream if event.part}
        known = [event.data for event in of_stream if type(event.data) is not UnknownEvent and event.position not in split]
        left = iter(again[stream])
        in_order = all(data in left for data in known)  # `in` goes on behind what it found before
        if not in_order or (len(known) == len(of_stream) and len(known) != len(again[stream])):
            return False
    return True


def _by_stream(events: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """Return events by stream, from pairs of both."""
    found: dict[str, list[T]] = {}
    for stream, event in events:
        found.setdefault(stream, []).append(event)
    return found
