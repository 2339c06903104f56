"""The errors of the framework.

    CqrsError                   the base of all of them
    ├── Rejected                a decider refused a command
    ├── WrongExpectedVersion    a stream is not at the version that an append expects
    ├── CommandReused           a command id came again with other events
    ├── InvalidLogName          no log can have this name
    ├── LogNotFound             no log has this name
    ├── LogExists               a log has this name already
    ├── LogBusy                 another writer holds the log
    ├── ReadOnlyLog             this program must not write to the log
    ├── StaleMark               the log is not what it was when it was read
    ├── DamagedLog              the bytes of a log are not those that were written
    │   └── MissingLog          a log that had been recorded is gone
    └── StoreUnavailable        the store cannot be reached, or refuses to work
        ├── OutdatedStore       the store must be migrated first
        └── OutcomeUnknown      it is not known whether the commit was recorded

Misuse by the caller raises `TypeError` or `ValueError` instead.
"""

from enum import Enum


class CqrsError(Exception):
    """The base of the errors that the framework foresees; misuse by the caller raises `TypeError` or `ValueError`."""


class Rejected(CqrsError):
    """A decider refused a command; the message says why, in words for the person who gave it."""


class WrongExpectedVersion(CqrsError):
    """An append's precondition did not hold; nothing was written."""

    def __init__(self, stream: str, expected: Enum | int, version: int) -> None:
        wanted = expected.value if isinstance(expected, Enum) else expected
        super().__init__(f"Wrong expected version: {wanted} (stream: {stream}, stream version: {version})")
        self.stream = stream
        self.expected = expected
        self.version = version


class CommandReused(CqrsError):
    """A command id came again with other content than the commit that already bears it."""


class InvalidLogName(CqrsError):
    """A log can't be called that."""


class LogNotFound(CqrsError):
    """The store has no log of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no list named {name!r}")
        self.name = name


class LogExists(CqrsError):
    """The store has a log of that name already, or of a name that differs from it only by case.

    Args:
        name: The name of the log that exists.
        wanted: The name that was asked for, if it is spelled otherwise.
    """

    def __init__(self, name: str, wanted: str | None = None) -> None:
        other = wanted is not None and wanted != name
        same = f", and {wanted!r} differs from it only by case" if other else ""
        super().__init__(f"there is a list named {name!r} already{same}")
        self.name = name
        if other:
            self.hint = f"did you mean {name!r}?"


class LogBusy(CqrsError):
    """Another writer holds the log and did not let go in time, or the log was replaced meanwhile; nothing was written."""


class DamagedLog(CqrsError):
    """A log's bytes are not what was written; nothing more is written to it."""


class MissingLog(DamagedLog):
    """A log that had been recorded is gone, or another log stands in its place. No new log is made in its place.

    Args:
        message: What had been recorded, and what stands there now.
        name: The name of the log; None when the folder of all logs is gone.
        archived: Whether the log had been put away.
        id: The id of the log; None when it is not known.
        position: The last position that had been recorded; None when it is not known.
        replaced: Whether another log stands in its place.
    """

    def __init__(
        self,
        message: str,
        name: str | None,
        *,
        archived: bool = False,
        id: str | None = None,
        position: int | None = None,
        replaced: bool = False,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.archived = archived
        self.id = id
        self.position = position
        self.replaced = replaced


class ReadOnlyLog(CqrsError):
    """A log that is not written to: it has a newer format than this code knows, or is a copy of another list's log."""


class StaleMark(CqrsError):
    """A log is not what it was at a mark: what was derived up to there must be derived anew."""


class StoreUnavailable(CqrsError):
    """The store can't be reached or refuses to work; the message says whether something was recorded."""


class OutdatedStore(StoreUnavailable):
    """What the store keeps is in the form of an earlier program: `Store.migrate` brings it to this one's."""


class OutcomeUnknown(StoreUnavailable):
    """Whether the commit was recorded can't be known; sending it again with the same command id is harmless."""
