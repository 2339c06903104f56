"""The stores: in memory, in JSON lines, in PostgreSQL, and one that keeps nothing. `open_store` opens one by its URL.

Other packages can offer stores by entry points of the group `cqrs_todo.stores`. The name of the entry point is the scheme of
the URLs. It leads to a subclass of `Store` that takes the arguments of `open_store`. If the class has a method `scratch`,
which makes an empty area and gives its URL to a `with` block, `testing.check` can test the store. A store that is
`in_process` can be tested without it.
"""

from typing import Any

from ..errors import CqrsError, in_words
from ..events import EventTypes
from ..store import Progress, Store, no_progress


class UnknownStore(CqrsError):
    """No store has this URL. The message says which URLs there are."""


class MissingExtra(UnknownStore):
    """The store needs packages that are not installed.

    Args:
        extra: The extra of this package that installs them.
        scheme: The scheme of the store's URL.
    """

    def __init__(self, extra: str, scheme: str) -> None:
        """Make the error; the arguments are described above."""
        self.extra = extra
        super().__init__(f"{scheme} needs the extra `{extra}` of this package")


def open_store(url: str, types: EventTypes, *, progress: Progress = no_progress, cache: str | None = None) -> Store:
    """Open the store that a URL names. Nothing is created before something is written.

    Args:
        url: `jsonl:DIR`, `postgresql://…` as libpq reads it, `memory:`, `null:`, or one that an installed package offers.
        types: The events of the application.
        progress: Is called now and then while the store reads, verifies or imports a long log.
        cache: The path of a folder for what the store can make again at any time, such as indexes. It is made when it is
            needed. None: the store keeps that beside the logs.

    Returns:
        The store. `close` it when it is no longer needed.

    Raises:
        UnknownStore: The URL names no store, or a store that needs a package which is not installed, or one of another
            package that cannot be opened.
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
                raise MissingExtra("postgres", scheme) from error
            return PostgresStore(url, types, progress=progress)
        case "memory", "":
            from .memory import MemoryStore

            return MemoryStore(types)
        case "null", "":
            from .null import NullStore

            return NullStore(types)
        case (("memory" | "null"), _) if colon:
            raise UnknownStore(f"{scheme}: takes nothing after the colon")
        case "jsonl", _ if colon:
            raise UnknownStore("jsonl: needs a folder: use jsonl:DIR")
        case (("postgresql" | "postgres"), _) if colon:
            raise UnknownStore(f"{scheme}: needs a database: use postgresql://HOST/DATABASE")
    make = installed_store(scheme if colon else "")
    try:
        store: Store = make(url, types, progress=progress, cache=cache)
    except CqrsError:
        raise
    except Exception as error:  # it is code of another package, and may raise anything
        raise UnknownStore(f"the store {scheme}: cannot be opened: {in_words(error)}") from error
    return store


def installed_store(scheme: str) -> Any:
    """Return the class of a store that an installed package offers.

    Args:
        scheme: The scheme of its URLs.

    Raises:
        UnknownStore: No package offers one, or it cannot be loaded.
    """
    from ..extensions import entry_points  # the command line rarely needs it

    points = {point.name: point for point in entry_points("cqrs_todo.stores")}
    if scheme not in points:
        # the rest of the URL is not repeated, because a password may be anywhere in it
        named = f"unknown store {scheme + ':'!r}" if scheme.isidentifier() else "that is not the URL of a store"
        urls = ["jsonl:DIR", "postgresql://HOST/DATABASE", "memory:", "null:", *(f"{name}:…" for name in points)]
        raise UnknownStore(f"{named}: use {', '.join(urls[:-1])} or {urls[-1]}")
    try:
        return points[scheme].load()
    except Exception as error:  # it is code of another package, and may raise anything
        raise UnknownStore(f"the store {scheme}: cannot be loaded: {in_words(error)}") from error
