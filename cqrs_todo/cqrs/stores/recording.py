"""What the stores have in common when they append: the commit of some appends, and appends that come again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..errors import CommandReused, ConditionFailed
from ..events import Commit, EventTypes, Metadata, Recorded, UnknownEvent, failure_of
from ..names import check_recorded_name, check_stream_name
from ..store import Append, T, check_precondition

if TYPE_CHECKING:
    from ..query import AppendCondition
    from .format import Codec, CommitLine


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
            from ..operation_errors import ForgottenStream  # forgetting is rare

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


def check_line(commit: CommitLine) -> None:
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


def check_condition(condition: AppendCondition | None, types: EventTypes, backward: Iterable[Commit]) -> None:
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


def repeated(commit: Commit, appends: Iterable[Append], codec: Codec | None) -> Commit:
    """Return the commit that a command id belongs to already, for an append that came again.

    Args:
        commit: The commit, as far as it can be read.
        appends: The append. Its events may be of classes that an earlier version of the application had.
        codec: Makes of such events what they have become. None if the store never reads events of older types.

    Raises:
        CommandReused: The commit holds other events than the append.
    """
    again = _by_stream((append.stream, event) for append in appends for event in append.events)
    asked_for = [event for event in commit.events if event.ordinal > 0]  # the others were added by a merge
    if not any(_may_be(events, again, codec) for events in (commit.events, asked_for)):
        command = commit.metadata.command
        raise CommandReused(f"command {command} was recorded at position {commit.position} with other content")
    return commit


def _may_be(events: Iterable[Recorded], again: Mapping[str, Sequence[Any]], codec: Codec | None) -> bool:
    """Return whether the events that are sent again, by stream, may be those that were recorded."""
    recorded = _by_stream((event.stream, event) for event in events)
    if list(recorded) != list(again):
        return False
    return all(_may_be_in_stream(of_stream, again[stream], codec) for stream, of_stream in recorded.items())


def _may_be_in_stream(events: Iterable[Recorded], again: Sequence[Any], codec: Codec | None) -> bool:
    """Return whether the events that are sent again for one stream may be those that were recorded.

    What was forgotten, and what this program does not know, can have been any number of other events. The rest must be there
    in its order, as it is read now: what was recorded, or what it has become.
    """
    place = others = unknown = 0
    for _, parts in groupby(events, key=lambda event: event.position):
        became = [event.data for event in parts]
        if type(became[0]) is UnknownEvent:
            unknown += 1
            continue
        while not (sent := _sent_for(became, again, place, codec)):
            if place == len(again):
                return False
            place += 1
            others += 1
        place += sent
    others += len(again) - place
    return bool(unknown) or not others


def _sent_for(became: Sequence[Any], again: Sequence[Any], place: int, codec: Codec | None) -> int:
    """Return how many of the events that are sent again stand, from a place on, for one recorded event; 0 if none do.

    Args:
        became: What the recorded event is read as.
        again: The events that are sent again.
        place: The place.
        codec: As for `repeated`.
    """
    if [*again[place : place + len(became)]] == became:
        return len(became)
    if codec is None or place == len(again):
        return 0
    return int(any(made == became for made in codec.as_read_now(again[place])))


def _by_stream(events: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """Return events by stream, from pairs of both."""
    found: dict[str, list[T]] = {}
    for stream, event in events:
        found.setdefault(stream, []).append(event)
    return found
