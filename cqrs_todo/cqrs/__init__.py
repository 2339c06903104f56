"""An event-sourcing and CQRS framework: deciders, repositories, reactions, and stores for the logs of events.

    from cqrs_todo.cqrs import Decider, Repository, open_store

`__all__` is the public interface. Each name is loaded when it is first used, so that a program loads only what it uses.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .boundary import DecisionModel, combined, decide_on
    from .checkpoints import Checkpoint, Checkpoints, Parked
    from .cursor import START, Cursor
    from .decider import Decider
    from .errors import (
        CommandReused,
        ConditionFailed,
        CqrsError,
        DamagedLog,
        ExportRefused,
        ImportRefused,
        InvalidLogName,
        InvalidPattern,
        LogBusy,
        LogExists,
        LogNotFound,
        MissingLog,
        OutcomeUnknown,
        OutdatedStore,
        ReadOnlyLog,
        Rejected,
        StaleCursor,
        StoreUnavailable,
        UnknownEvents,
        UnreadableEvent,
        WrongExpectedVersion,
    )
    from .events import Commit, EventTypes, Metadata, Recorded, Splitter, UnknownEvent, Upcaster
    from .projections import NewerProjection, Projection, ProjectionBehind, ProjectionFailed, ReadModel
    from .projections.postgres import PostgresTables
    from .projections.sqlite import SqliteTables
    from .query import AppendCondition, Query, QueryItem
    from .reactions import Reaction, Runner, Send
    from .repository import Repository
    from .snapshots import AlwaysSnapshot, MemorySnapshots, NeverSnapshot, NullSnapshots, SnapshotEvery
    from .store import EXISTS, NEW, Append, Log, Store
    from .stores import UnknownStore, open_store
    from .subscriptions import Subscription
    from .timeline import as_of

__all__ = [
    "EXISTS",
    "NEW",
    "START",
    "AlwaysSnapshot",
    "Append",
    "AppendCondition",
    "Checkpoint",
    "Checkpoints",
    "CommandReused",
    "Commit",
    "ConditionFailed",
    "CqrsError",
    "Cursor",
    "DamagedLog",
    "Decider",
    "DecisionModel",
    "EventTypes",
    "ExportRefused",
    "ImportRefused",
    "InvalidLogName",
    "InvalidPattern",
    "Log",
    "LogBusy",
    "LogExists",
    "LogNotFound",
    "MemorySnapshots",
    "Metadata",
    "MissingLog",
    "NeverSnapshot",
    "NewerProjection",
    "NullSnapshots",
    "OutcomeUnknown",
    "OutdatedStore",
    "Parked",
    "PostgresTables",
    "Projection",
    "ProjectionBehind",
    "ProjectionFailed",
    "Query",
    "QueryItem",
    "Reaction",
    "ReadModel",
    "ReadOnlyLog",
    "Recorded",
    "Rejected",
    "Repository",
    "Runner",
    "Send",
    "SnapshotEvery",
    "Splitter",
    "SqliteTables",
    "StaleCursor",
    "Store",
    "StoreUnavailable",
    "Subscription",
    "UnknownEvent",
    "UnknownEvents",
    "UnknownStore",
    "UnreadableEvent",
    "Upcaster",
    "WrongExpectedVersion",
    "as_of",
    "combined",
    "decide_on",
    "open_store",
]

_MODULES = (
    "errors",
    "events",
    "decider",
    "cursor",
    "store",
    "checkpoints",
    "query",
    "snapshots",
    "repository",
    "boundary",
    "timeline",
    "stores",
    "subscriptions",
    "reactions",
    "projections",
    "projections.sqlite",
    "projections.postgres",
)
"""The modules that define the public names; those that load least come first."""


if not TYPE_CHECKING:  # a checker that sees this function accepts every name

    def __getattr__(name: str) -> object:
        if name in __all__:
            from importlib import import_module  # the command line needs none of these names

            for module in _MODULES:
                found = vars(import_module(f".{module}", __name__)).get(name)
                if found is not None:
                    globals()[name] = found
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
