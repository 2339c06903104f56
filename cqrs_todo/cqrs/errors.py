"""The errors of the framework.

    CqrsError                   the base of all of them
    ├── Rejected                a decider refused a command
    ├── WrongExpectedVersion    a stream is not at the version that an append expects
    ├── ConditionFailed         an event has come that an append excludes
    ├── CommandReused           a command id came again with other events
    ├── Unrecordable            no store records this name, id or value; it is a ValueError as well
    ├── InvalidLogName          no log can have this name
    ├── LogNotFound             no log has this name
    ├── StreamNotFound          a log has no events in any of some streams
    ├── ForgottenStream         a stream was forgotten, so nothing can be appended to it
    ├── LogExists               a log has this name already
    ├── LogBusy                 another writer holds the log
    │   └── LogReplaced         another log has taken the place of the one that was opened
    ├── ReadOnlyLog             this program must not write to the log
    ├── StaleCursor             the log has changed before a cursor
    ├── ImportRefused           the lines of a log cannot be imported
    │   ├── AnotherHistory      the log has other lines already
    │   └── SameLog             another log of the store has these lines
    ├── CannotMerge             two copies of a log cannot be merged
    │   ├── DifferentLogs       they are copies of two logs
    │   └── UnreadableCopy      the bytes of one of them are damaged or incomplete
    ├── ExportRefused           a log cannot be exported as lines
    ├── InvalidPattern          a pattern that selects logs or streams cannot be parsed
    ├── ReactionBusy            another runner runs the reaction
    ├── UnreadableEvent         the application's code for an event failed, such as an upcaster
    ├── IncompleteStream        an event cannot be applied, because an earlier one of its stream is unknown or lost
    ├── UnknownEvents           a stream has events that the decider does not know, so nothing is decided on it
    ├── DamagedLog              the bytes of a log are not those that were written
    │   └── MissingLog          a log that had been recorded is gone
    ├── InvalidLine             a line is not what the format of the log says
    ├── UnknownStore            a URL names no store
    │   └── MissingExtra        the packages for a store are not installed
    ├── StoreFailed             a store of another package has a fault
    ├── DryRunRefused           a dry run cannot show what a command does
    ├── ProjectionFailed        a projection could not apply an event
    ├── ProjectionBehind        the rows of a projection do not cover what is asked for
    ├── NewerProjection         a newer version of the projection derived the rows
    └── StoreUnavailable        the store cannot be reached, or refuses to work
        ├── NewerStore          a later program made the store
        ├── OutdatedStore       the store must be migrated first
        ├── MissingGrant        the role lacks a privilege in the database
        ├── UnusableSchema      the schema of the database does not exist, or may be forged
        ├── DamagedTables       the tables of a projection are damaged
        └── OutcomeUnknown      it is not known whether the commit was recorded

Those that few programs meet are in `operation_errors`, and those of stores and projections beside them. Misuse by the caller
raises `TypeError` or `ValueError` instead.
"""

from enum import Enum

LONGEST_TEXT = 2_000
"""How many characters of the text of an application's error are kept."""


def in_words(error: BaseException) -> str:
    """Return the type of an error and its text, for errors of an application's code, whose texts can be anything."""
    try:
        text = str(error)
    except Exception:  # its own code makes the text
        text = "it has no text"
    text = text[:LONGEST_TEXT].replace("\0", "\ufffd")  # not every store can keep NUL
    return f"{error.__class__.__name__}: {text}".encode("utf-8", "replace").decode()


class CqrsError(Exception):
    """The base of all errors of the framework. Its text is a sentence for people."""


class Rejected(CqrsError):
    """A decider refused a command. The text says why, in words for the person who gave the command."""


class WrongExpectedVersion(CqrsError):
    """An append's precondition did not hold. Nothing was written.

    The text has the form that message-db gives it.

    Args:
        stream: The name of the stream.
        expected: The version that the append expected, or a `Precondition`.
        version: The version that the stream has.
    """

    def __init__(self, stream: str, expected: Enum | int, version: int) -> None:
        """Make the error; the arguments are described above."""
        wanted = expected.value if isinstance(expected, Enum) else expected
        super().__init__(f"Wrong expected version: {wanted} (stream: {stream}, stream version: {version})")
        self.stream = stream
        self.expected = expected
        self.version = version


class Unrecordable(CqrsError, ValueError):
    """A name, an id or a value is none that every store can keep, so nothing records it. Nothing was written.

    It is a `ValueError`, because a program that sends it is wrong. It is a `CqrsError` as well, because the name or the id
    may come from a log that another program wrote.
    """


class ConditionFailed(CqrsError):
    """An append was made on the condition that no event matches a query, and one does. Nothing was written.

    Args:
        position: The position of the event.
        after: The position after which no event was to match.
    """

    def __init__(self, position: int, after: int) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"@{position} matches the query of an append that excludes such events after @{after}")
        self.position = position
        self.after = after


class CommandReused(CqrsError):
    """A command id came again, with other events than the commit that has this id."""


class InvalidLogName(CqrsError):
    """No log can have this name.

    Args:
        reason: Why not, as the end of a sentence that begins with `what`.
        what: What would have the name: a log, or what is named by the same rules.
    """

    def __init__(self, reason: str, what: str = "a log's name") -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{what} {reason}")
        self.reason = reason


class LogNotFound(CqrsError):
    """The store has no log with this name.

    Args:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"no log named {name!r}")
        self.name = name


class LogExists(CqrsError):
    """The store has a log with this name already, or with a name that differs from it only by case.

    Args:
        name: The name of the log that exists.
        wanted: The name that was asked for, if it is spelled differently.
        archived: Whether the log that exists is archived.
    """

    def __init__(self, name: str, wanted: str | None = None, *, archived: bool = False) -> None:
        """Make the error; the arguments are described above."""
        self.name = name
        self.wanted = name if wanted is None else wanted
        self.archived = archived
        kind = "an archived log" if archived else "a log"
        same = "" if self.wanted == name else f", and {self.wanted!r} differs from it only by case"
        super().__init__(f"there is {kind} named {name!r} already{same}")


class LogBusy(CqrsError):
    """Another writer held the log for too long, or the log was rewritten meanwhile. Nothing was written."""


class ReadOnlyLog(CqrsError):
    """This program must not write to the log: it is archived, of a newer format than this code, or a copy of another one."""


class StaleCursor(CqrsError):
    """The log has changed before a cursor. What was derived from it up to there must be derived again.

    Args:
        what: What has changed.
        advice: What to do now; '' if the text says it already.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{what}; {advice}" if advice else what)
        self.what = what


READ_AGAIN = "read again from the start"
"""What someone does who reads from a stale cursor."""
APPEND_AGAIN = "append again"
"""What someone does whose append meets a stale cursor: the log object reads the log again then."""


class UnreadableEvent(CqrsError):
    """The application's code for an event failed: the upcaster of an older type, or the class of the event.

    Args:
        position: The position of the event.
        stream: The name of its stream.
        type: The type string of the event, as it is recorded.
        cause: What the code raised, or what is wrong with the data that an upcaster made; then the text names the field.
        by: Whose code it was.
    """

    def __init__(self, position: int, stream: str, type: str, cause: Exception, *, by: str = "the upcaster") -> None:
        """Make the error; the arguments are described above."""
        what = in_words(cause)
        what = what.partition(": ")[2] if isinstance(cause, ValueError) else what
        super().__init__(f"@{position} of {stream} cannot be read: {by} of {type} failed: {what}; correct it")
        self.position = position
        self.type = type


class IncompleteStream(CqrsError):
    """An event cannot be applied, because an earlier one of its stream was lost or is not known. So its state is not known.

    Args:
        stream: The name of the stream.
        missing: What is wrong with the earlier event, in words.
        version: The version of the stream that cannot be computed.
        cause: What `evolve` raised.
    """

    def __init__(self, stream: str, missing: str, version: int, cause: Exception) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"{stream} cannot be folded: {missing}; so version {version} cannot be computed: {in_words(cause)}")
        self.stream = stream


UNKNOWN_TYPE_REMEDY = "update the program, or register the type"
"""What helps against an event of a type that the program does not know."""


class UnknownEvents(CqrsError):
    """A stream has events that this program does not know, so it neither decides on them nor acts on them.

    Their types are unknown, or their data do not fit their types.

    Args:
        stream: The name of the stream.
        count: How many such events it has.
        first: The first of them, in words: its position, its type, and what is wrong with it. '' if that was not looked up.
        result: What that leads to, as the end of a sentence; '' if the text need not say it.
        remedy: What helps, in words.
        misfit: Whether the type of the first of them is known, and its data do not fit it.
    """

    def __init__(
        self,
        stream: str,
        count: int,
        first: str = "",
        result: str = "nothing was recorded",
        remedy: str = UNKNOWN_TYPE_REMEDY,
        *,
        misfit: bool = False,
    ) -> None:
        """Make the error; the arguments are described above."""
        events = "an event" if count == 1 else f"{count:,} events"
        # of several events, the others may be of unknown types
        wrong = "whose data do not fit its type" if misfit and count == 1 else "that this program does not know"
        which = f" ({first})" if first else ""
        super().__init__(f"{stream} has {events} {wrong}{which}{result and '; '}{result}; {remedy}")
        self.stream = stream
        self.count = count
        self.remedy = remedy


class DamagedLog(CqrsError):
    """The bytes of a log are not those that were written. Nothing more is written to it until it is repaired."""


class MissingLog(DamagedLog):
    """A log that had been recorded is gone, or another log is in its place. No new log is made in its place.

    Args:
        message: What had been recorded, and what is there now.
        name: The name of the log. None when the folder of all logs is gone.
        archived: Whether the log was archived.
        id: The id of the log. None when it is not known.
        position: The last position that had been recorded. None when it is not known.
        replaced: Whether another log is in its place.
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
        """Make the error; the arguments are described above."""
        super().__init__(message)
        self.name = name
        self.archived = archived
        self.id = id
        self.position = position
        self.replaced = replaced


class StoreUnavailable(CqrsError):
    """The store cannot be reached, or refuses to work. The text says whether something was recorded."""


class OutcomeUnknown(StoreUnavailable):
    """It is not known whether the commit was recorded. Sending it again with the same command id is harmless."""
