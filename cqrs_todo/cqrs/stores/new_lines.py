"""The lines that continue a log, made outside its store. `Store.import_log` takes them, all at once or not at all."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..cursor import Cursor
from ..events import Commit, EventTypes, Metadata
from ..store import Append
from .format import FORMAT, VERSION, Codec, Header, encode_header
from .hash_chain import last_digest
from .recording import record


def new_header(name: str, at: datetime) -> bytes:
    """Return the first line of a new log, with its LF.

    Args:
        name: The name of the log.
        at: The time of its creation, aware.
    """
    return encode_header(Header(FORMAT, VERSION, os.urandom(16).hex(), name, at))


class NewLines:
    """Makes the lines that come after a place in a log.

    Attributes:
        position: The position of the last event so far.
    """

    def __init__(self, types: EventTypes, end: Cursor) -> None:
        """Begin after a line.

        Args:
            types: The registered events.
            end: The end of the log, with its digest.
        """
        self.position = end.position
        self._digest = end.digest
        self._types = types
        self._codec = Codec(types)

    @classmethod
    def after_header(cls, types: EventTypes, header: bytes) -> "NewLines":
        """Begin after the first line of a log, given with its LF."""
        return cls(types, Cursor(0, 1, len(header), last_digest(header)))

    def commit(
        self, changes: Mapping[str, Sequence[Any]], versions: Mapping[str, int], metadata: Metadata
    ) -> tuple[bytes, Commit]:
        """Return the line of the next commit, with its LF, and the commit.

        Args:
            changes: The new events by stream, at least one.
            versions: The version of each of these streams; 0 if it is left out.
            metadata: The metadata of the commit.

        Raises:
            ValueError: The commit cannot be recorded.
            TypeError: An event is not registered.
        """
        appends = [Append(stream, tuple(events)) for stream, events in changes.items() if events]
        commit = record(appends, metadata, self._types, self.position, dict(versions))
        line, recorded = self._codec.encode(commit, self._digest)
        self.position, self._digest = recorded.last, recorded.sum.encode()
        return line, recorded
