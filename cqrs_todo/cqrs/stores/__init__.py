"""The stores: in memory, in JSON lines, in PostgreSQL, and one that keeps nothing. `open_store` opens one by its URL.

Other packages can offer stores by entry points of the group `cqrs_todo.stores`. The name of the entry point is the scheme of
the URLs. It leads to a subclass of `Store` that takes the arguments of `open_store`. If the class has a method `scratch`,
which makes an empty area and gives its URL to a `with` block, `testing.check` can test the store. A store that is
`in_process` can be tested without it.
"""

from ..events import EventTypes
from ..names import check_type
from ..store import Progress, Store, no_progress


def open_store(url: str, types: EventTypes, *, progress: Progress = no_progress, cache: str | None = None) -> Store:
    """Open the store that a URL names. Nothing is created before something is written.

    Args:
        url: `jsonl:DIR`, `postgresql://…` as libpq reads it, `memory:`, `null:`, or one that an installed package offers.
            `memory:` gives a new store without logs each time. To share its logs, share the store.
        types: The events of the application.
        progress: Is called now and then while the store reads, verifies or imports a long log.
        cache: The path of a folder for what the store can make again at any time, such as indexes. It is made when it is
            needed. None: the store keeps that beside the logs.

    Returns:
        The store. `close` it when it is no longer needed.

    Raises:
        UnknownStore: The URL names no store, or a store that needs a package which is not installed, or one of another
            package that cannot be opened.
        TypeError: The events are not an `EventTypes`.
    """
    check_type("the events of a store", types, EventTypes, "made with `EventTypes({type string: class})`")
    scheme, colon, rest = url.partition(":")
    match scheme, rest:
        case "jsonl", directory if directory:
            from .jsonl import JsonlStore

            return JsonlStore(directory, types, progress=progress, cache=cache)
        case (("postgresql" | "postgres"), _) if rest:
            try:
                from .postgres.store import PostgresStore
            except ImportError as error:
                from .installed import MissingExtra

                raise MissingExtra("postgres", scheme) from error
            return PostgresStore(url, types, progress=progress)
        case "memory", "" if colon:
            from .memory import MemoryStore

            return MemoryStore(types)
        case "null", "" if colon:
            from .null import NullStore

            return NullStore(types)
    from .installed import open_other  # the command line rarely needs it

    return open_other(url, types, progress=progress, cache=cache)
