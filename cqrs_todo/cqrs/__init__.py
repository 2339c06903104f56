"""An event-sourcing and CQRS framework: deciders, repositories, reactions, and stores for the logs of events.

    from cqrs_todo.cqrs import Decider, Repository, open_store

`__all__` is the public interface, ordered by what the names are for. Each name is loaded when it is first used, so that a
program loads only what it uses.
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
        IncompleteStream,
        InvalidLogName,
        LogBusy,
        LogExists,
        LogNotFound,
        MissingLog,
        OutcomeUnknown,
        ReadOnlyLog,
        Rejected,
        StaleCursor,
        StoreUnavailable,
        UnknownEvents,
        UnreadableEvent,
        Unrecordable,
        WrongExpectedVersion,
    )
    from .events import Commit, EventTypes, Metadata, Recorded, Splitter, UnknownEvent, Upcaster
    from .fold import Entity, Fold
    from .ids import now
    from .operation_errors import (
        CannotMerge,
        ExportRefused,
        ForgottenStream,
        ImportRefused,
        InvalidPattern,
        NewerStore,
        OutdatedStore,
        ReactionBusy,
        StreamNotFound,
    )
    from .projections import NewerProjection, Projection, ProjectionBehind, ProjectionFailed, ReadModel
    from .projections.postgres import PostgresTables
    from .projections.sqlite import SqliteTables
    from .query import AppendCondition, Query, QueryItem
    from .reactions import Reaction, Runner, Send
    from .repository import Outcome, Repository, decide_all
    from .snapshots import (
        AlwaysSnapshot,
        NeverSnapshot,
        NullSnapshots,
        SnapshotEvery,
        Snapshots,
        SnapshotStrategy,
    )
    from .steps import redo_events, redo_steps, undo_events, undo_steps
    from .store import EXISTS, NEW, Append, Log, Store
    from .stores import open_store
    from .stores.installed import MissingExtra, UnknownStore
    from .stores.memory import MemorySnapshots
    from .stores.snapshots import Folder, SnapshotStore
    from .struct import Struct, replace
    from .subscriptions import Subscription
    from .timeline import as_of
    from .verification import Verdict

__all__ = [  # noqa: RUF022  # the pages of the interface show the names in this order
    # a domain
    "Struct",
    "replace",
    "Decider",
    "Rejected",
    "EventTypes",
    "Upcaster",
    "Splitter",
    "UnknownEvent",
    # stores and their logs
    "open_store",
    "Store",
    "Log",
    "Append",
    "NEW",
    "EXISTS",
    "Commit",
    "Recorded",
    "Metadata",
    "now",
    "Cursor",
    "START",
    "Verdict",
    # deciding about one aggregate
    "Repository",
    "Entity",
    "Fold",
    "Outcome",
    "decide_all",
    "as_of",
    "undo_steps",
    "undo_events",
    "redo_steps",
    "redo_events",
    # snapshots
    "Snapshots",
    "MemorySnapshots",
    "SnapshotStore",
    "Folder",
    "NullSnapshots",
    "SnapshotStrategy",
    "SnapshotEvery",
    "AlwaysSnapshot",
    "NeverSnapshot",
    # deciding over several streams
    "Query",
    "QueryItem",
    "DecisionModel",
    "combined",
    "decide_on",
    "AppendCondition",
    # reactions and subscriptions
    "Reaction",
    "Send",
    "Runner",
    "Parked",
    "Checkpoint",
    "Checkpoints",
    "Subscription",
    # rows in SQLite or PostgreSQL
    "Projection",
    "ReadModel",
    "SqliteTables",
    "PostgresTables",
    # errors
    "CqrsError",
    "WrongExpectedVersion",
    "ConditionFailed",
    "CommandReused",
    "ForgottenStream",
    "UnknownEvents",
    "UnreadableEvent",
    "IncompleteStream",
    "UnknownStore",
    "MissingExtra",
    "LogNotFound",
    "StreamNotFound",
    "LogExists",
    "InvalidLogName",
    "Unrecordable",
    "InvalidPattern",
    "LogBusy",
    "ReadOnlyLog",
    "StaleCursor",
    "DamagedLog",
    "MissingLog",
    "StoreUnavailable",
    "NewerStore",
    "OutdatedStore",
    "OutcomeUnknown",
    "ReactionBusy",
    "ProjectionFailed",
    "ProjectionBehind",
    "NewerProjection",
    "ImportRefused",
    "ExportRefused",
    "CannotMerge",
]

_MODULES = (
    "errors",
    "struct",
    "ids",
    "events",
    "decider",
    "cursor",
    "store",
    "checkpoints",
    "query",
    "operation_errors",
    "verification",
    "fold",
    "snapshots",
    "repository",
    "boundary",
    "steps",
    "timeline",
    "stores",
    "stores.installed",
    "stores.memory",
    "subscriptions",
    "reactions",
    "projections",
    "stores.snapshots",
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
