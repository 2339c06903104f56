"""Forgetting todos: their data are removed from every list of a store that has events of them, archived lists included.

A todo that was moved has the same stream in several lists. Each log is rewritten on its own. If that is interrupted,
forgetting the same todos again does the rest.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from ..cqrs.errors import CqrsError
from ..cqrs.forgetting import Forgetting
from ..cqrs.operation_errors import StreamNotFound
from ..cqrs.store import Store
from ..cqrs.struct import Struct


class ForgottenIn(Struct, frozen=True):
    """A list in which todos were forgotten.

    Args:
        list: Its name.
        archived: Whether it is archived.
        events: How many events lost their data now.
    """

    list: str
    archived: bool
    events: int


class Forgot(Struct, frozen=True):
    """What it did to forget todos.

    Args:
        lists: The lists that have events of the todos.
        removed: The paths of files that held the data, or may have held it, and were removed.
        unreached: What may still hold the data, in words.
        errors: Why other lists could not be searched, or could not be rewritten.
    """

    lists: tuple[ForgottenIn, ...]
    removed: tuple[str, ...]
    unreached: tuple[str, ...]
    errors: tuple[CqrsError, ...]


def forget(store: Store, streams: Collection[str], clear: Callable[[str], Sequence[str]]) -> Forgot:
    """Forget todos in all lists of a store.

    Args:
        store: The store.
        streams: The streams of the todos.
        clear: Removes all that was kept outside the store of the log with an id, such as snapshots. It returns what it could
            not remove, in words.

    Returns:
        What was done. It may have been done in some lists, and not in others.

    Raises:
        CqrsError: The lists of the store cannot be found out.
    """
    lists: list[ForgottenIn] = []
    done: dict[str, Forgetting] = {}
    removed: list[str] = []
    unreached: list[str] = []
    errors: list[CqrsError] = []
    for name, archived in _copies_first(store):
        try:
            forgotten = forget_in(store, name, streams, archived=archived)
        except StreamNotFound:
            continue
        except CqrsError as error:
            errors.append(error)
            continue
        lists.append(ForgottenIn(name, archived, forgotten.events))
        removed += forgotten.removed
        done[forgotten.log] = forgotten  # that of a copy gives way to that of the log itself, which then names no such copy
    for log, forgotten in done.items():
        unreached += forgotten.unreached
        unreached += clear(log)
    return Forgot(tuple(lists), tuple(removed), tuple(dict.fromkeys(unreached)), tuple(errors))


def forget_in(store: Store, name: str, streams: Collection[str], *, archived: bool) -> Forgetting:
    """Forget streams of other logs or copies in a log, as far as it has them.

    Another program may have given them names that no stream can have. A log without them refuses to name these.

    Args:
        store: The store.
        name: The name of the log.
        streams: The names of the streams.
        archived: Whether the log is archived.

    Raises:
        CqrsError: What `Store.forget` raises.
    """
    try:
        return store.forget(name, streams, archived=archived)
    except StreamNotFound as error:
        left = [stream for stream in streams if stream not in error.streams]
        if not left:
            raise
        return store.forget(name, left, archived=archived)


def forgotten_in(store: Store) -> frozenset[str]:
    """Return the streams of the todos that were forgotten in any list in use."""
    found: set[str] = set()
    for name in store.names():
        with suppress(CqrsError):  # whoever reads a list that cannot be opened gets the error
            found.update(store.open(name).forgotten)
    return frozenset(found)


def _copies_first(store: Store) -> list[tuple[str, bool]]:
    """Return the names of all lists, each with whether it is archived. Copies of other lists come before these."""
    copies = {(stray.name, stray.archived) for stray in store.strays() if stray.of is not None}
    names = [(name, archived) for archived in (False, True) for name in store.names(archived=archived)]
    return sorted(names, key=lambda each: each not in copies)
