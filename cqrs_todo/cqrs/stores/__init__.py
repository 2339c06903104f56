"""The stores: in memory, in JSON lines, in PostgreSQL, and one that keeps nothing. `open_store` opens one by its URL."""

from ..errors import CqrsError
from ..events import EventTypes
from ..store import Progress, Store, no_progress


class UnknownStore(CqrsError):
    """No store has this URL. The message says which URLs there are."""


def open_store(url: str, types: EventTypes, *, progress: Progress = no_progress, cache: str | None = None) -> Store:
    """Open the store that a URL names. Nothing is created before something is written.

    Args:
        url: `jsonl:DIR`, `postgresql://…` as libpq reads it, `memory:` or `null:`.
        types: The events of the application.
        progress: Is called now and then while the store reads, verifies or imports a long log.
        cache: The path of a folder for what the store can make again at any time, such as indexes. It is made when it is
            needed. None: the store keeps that beside the logs.

    Returns:
        The store. `close` it when it is no longer needed.

    Raises:
        UnknownStore: The URL names no store, or a store that needs a package which is not installed.
    """
    scheme, colon, rest = url.partition(":")
    match scheme, rest:
        case "jsonl", directory if directory:
            from .jsonl import JsonlStore

            return JsonlStore(directory, types, progress=progress, cache=cache)
        case (("postgresql" | "postgres"), _) if rest:
            try:
                from .postgres import PostgresStore
            except ImportError as error:
                raise UnknownStore(f"{scheme} needs more: pip install 'cqrs-todo[postgres]' ({error})") from error
            return PostgresStore(url, types, progress=progress)
        case "memory", "":
            from .memory import MemoryStore

            return MemoryStore(types)
        case "null", "":
            from .null import NullStore

            return NullStore(types)
    # the rest of it is not repeated, because a password may be anywhere in it
    named = f"unknown store {scheme + colon!r}" if colon and scheme.isidentifier() else "that is not the URL of a store"
    raise UnknownStore(f"{named}: use jsonl:DIR, postgresql://HOST/DATABASE, memory: or null:")
