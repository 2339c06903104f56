"""The aggregates of a log while commits are read and moved: their states, and the newest change of each field."""

from collections.abc import Mapping
from typing import Any, Generic

from ..decider import C, E, S
from ..events import Commit, Metadata, Recorded, UnknownEvent
from . import Merged, MergeRules
from .registers import CREATED, CREATION, Change, Key, Registers


class Aggregates(Generic[S, C, E]):
    """The aggregates of a log at its end. The events of a stream are only read when something asks for the stream."""

    def __init__(self, rules: MergeRules[S, C, E]) -> None:
        """Begin without aggregates.

        Args:
            rules: What the merge has to know of the domain.
        """
        self._rules = rules
        self._prefix = rules.decider.stream("")
        self._registers = Registers(rules.removed)
        self._states: dict[str, S] = {}
        self._unknown: dict[str, str] = {}
        self._created: dict[str, Key] = {}  # by stream: the key of the commit that created it
        self._unread: dict[str, list[tuple[Recorded, Key]]] = {}  # by stream, with the keys of the commits

    def read(self, commit: Commit, key: Key) -> None:
        """Read the next commit of the log.

        Args:
            commit: The commit.
            key: The key of its changes.
        """
        for event in commit.events:
            self._unread.setdefault(event.stream, []).append((event, key))

    def _read_stream(self, stream: str) -> None:
        for event, key in self._unread.pop(stream, ()):
            wanted = self.wanted(event)
            if wanted is not None and event.ordinal > 0:
                self.note(stream, wanted, key, event.metadata)
            if wanted is event.data and wanted is not None:
                self.evolve(stream, wanted)
            if event.unknown:
                self._unknown.setdefault(stream, event.unknown)

    def wanted(self, event: Recorded) -> Any:
        """Return what someone wanted, as an event; None if this is not known."""
        if isinstance(event.data, Merged):
            return event.data.event
        known = event.stream.startswith(self._prefix) and not isinstance(event.data, UnknownEvent) and not event.part
        return event.data if known else None

    def note(self, stream: str, wanted: Any, key: Key, metadata: Metadata) -> Change:
        """Take note of a change. All that a commit sets of what it creates is a part of the creation."""
        field = self._rules.field_of(wanted)
        if field == CREATION:
            self._created[stream] = key
        change = Change((CREATED, *key[1:]) if self._created.get(stream) == key else key, wanted, metadata)
        self._registers.add(stream, field, change)
        return change

    def evolve(self, stream: str, event: Any) -> None:
        """Apply an event to the state of an aggregate."""
        self._states[stream] = self._rules.decider.evolve(self.state(stream), event)

    def state(self, stream: str) -> S:
        """Return the state of an aggregate."""
        self._read_stream(stream)
        return self._states.get(stream, self._rules.decider.initial)

    def unknown(self, stream: str) -> str:
        """Return the first event of a stream that this program does not know, in words; '' if it knows all."""
        self._read_stream(stream)
        return self._unknown.get(stream, "")

    def newest(self, stream: str, field: str) -> Change | None:
        """Return the newest change of a field; None if there is none."""
        self._read_stream(stream)
        return self._registers.newest(stream, field)

    def key(self, stream: str, field: str) -> Key:
        """Return the key of the newest change of a field."""
        self._read_stream(stream)
        return self._registers.key(stream, field)

    def changes(self, stream: str) -> Mapping[str, Change]:
        """Return the newest change of each field of an aggregate."""
        self._read_stream(stream)
        return self._registers.changes(stream)
