"""Where logs are kept: memory, JSON lines, PostgreSQL, nowhere. `open_store(url)` chooses."""

from ..errors import CqrsError
from ..events import EventTypes
from ..store import Store


class UnknownStore(CqrsError):
    """No store is known by that URL; the message says which are."""


def open_store(url: str, types: EventTypes) -> Store:
    """The store that a URL names: `jsonl:DIR`, `postgresql://…` (as libpq has it), `memory:` or `null:`.

    `types` are the events of the application. Nothing is created before something is written. Raises `UnknownStore`.
    """
    scheme, colon, rest = url.partition(":")
    match scheme, rest:
        case "jsonl", directory if directory:
            from .jsonl import JsonlStore

            return JsonlStore(directory, types)
        case (("postgresql" | "postgres"), _) if rest:
            try:
                from .postgres import PostgresStore
            except ImportError as error:
                raise UnknownStore(f"{scheme} needs more: pip install 'cqrs-todo[postgres]' ({error})") from error
            return PostgresStore(url, types)
        case "memory", "":
            from .memory import MemoryStore

            return MemoryStore(types)
        case "null", "":
            from .null import NullStore

            return NullStore(types)
    # more of it is not repeated, since a password may stand anywhere
    named = f"unknown store {scheme + colon!r}" if colon and scheme.isidentifier() else "that is not the URL of a store"
    raise UnknownStore(f"{named}: use jsonl:DIR, postgresql://HOST/DATABASE, memory: or null:")
