"""The stores that other packages offer, and what is wrong with a URL that names no store."""

from typing import Any

from ..errors import CqrsError, in_words
from ..events import EventTypes
from ..extensions import entry_points
from ..store import Progress, Store


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


def open_other(url: str, types: EventTypes, *, progress: Progress, cache: str | None) -> Store:
    """Open the store that a URL names, if an installed package offers it; the arguments are those of `open_store`.

    Raises:
        UnknownStore: The URL names no store, or one that cannot be opened.
    """
    scheme, colon, _ = url.partition(":")
    match scheme:
        case "memory" | "null" if colon:
            raise UnknownStore(f"{scheme}: takes nothing after the colon")
        case "jsonl" if colon:
            raise UnknownStore("jsonl: needs a folder: use jsonl:DIR")
        case "postgresql" | "postgres" if colon:
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
