"""The errors of operations on whole logs, such as an import or a merge, and others that few programs meet.

`errors` shows the tree of all errors. These are apart because most programs that read and append never need them, and each
class makes the start slower.
"""

from collections.abc import Sequence

from .errors import CqrsError, LogBusy, StoreUnavailable


class StreamNotFound(CqrsError):
    """A log has no events in any of some streams. Nothing was written.

    Args:
        log: The name of the log.
        streams: The names of the streams.
        impossible: Whether no stream can have these names. Others may have been asked for in which the log has events.
    """

    def __init__(self, log: str, streams: Sequence[str], *, impossible: bool = False) -> None:
        """Make the error; the arguments are described above."""
        names = ", ".join(f"{stream!a}" for stream in streams) if impossible else ", ".join(streams)
        what = f"{log} has no events in {names}" if streams else "no stream was named"
        super().__init__(f"{what}: the name of a stream is KIND/ID, such as 'course/c1'" if impossible else what)
        self.log = log
        self.streams = tuple(streams)


class ForgottenStream(CqrsError):
    """A stream was forgotten, so nothing can be appended to it. Nothing was written.

    Args:
        stream: The name of the stream.
    """

    def __init__(self, stream: str) -> None:
        """Make the error; the argument is described above."""
        super().__init__(f"{stream} was forgotten, so nothing can be appended to it; nothing was recorded")
        self.stream = stream


class ReactionBusy(CqrsError):
    """Another runner runs the reaction, or has taken it over because this one did not renew its lease in time."""


class NestedTogether(ValueError):
    """The work of `together` calls `together` itself. That is a fault of its code, whatever it works on."""


class LogReplaced(LogBusy):
    """Another log has taken the place of the one that was opened. Nothing was written. Open the log by its name again."""


class ImportRefused(CqrsError):
    """The lines of a log cannot be imported. Nothing was written."""


class AnotherHistory(ImportRefused):
    """A log has another history than the lines that were to be imported into it.

    Args:
        name: The name of the log.
    """

    def __init__(self, name: str) -> None:
        """Make the error; the argument is described above."""
        self.name = name
        other = "they are another log's, or from before something was forgotten"
        super().__init__(f"{name} has another history than these lines: {other}; nothing was imported")


class SameLog(ImportRefused):
    """The lines are those of a log that the store has under another name, and a store has each log once.

    Args:
        name: The name of that log.
        archived: Whether it is archived.
    """

    def __init__(self, name: str, *, archived: bool = False) -> None:
        """Make the error; the arguments are described above."""
        self.name = name
        self.archived = archived
        shown = f"{name}{' (archived)' if archived else ''}"
        super().__init__(f"these lines are those of the log {shown}, and a store has each log once; nothing was imported")


class CannotMerge(CqrsError):
    """Two copies of a log cannot be merged. Nothing was written. The text says why, as the end of a sentence."""


class DifferentLogs(CannotMerge):
    """Two copies that were to be merged are copies of different logs. Nothing was written."""


class UnreadableCopy(CannotMerge):
    """The bytes of a copy of a log are damaged or incomplete. Nothing was written."""


class ExportRefused(CqrsError):
    """A log cannot be exported as lines, because its store does not keep lines."""


class InvalidPattern(CqrsError):
    """A pattern that selects logs or streams cannot be parsed."""


class OutdatedStore(StoreUnavailable):
    """The tables of the store were made by an earlier version of this program. `Store.migrate` updates them."""
