"""The stores that other packages offer, their faults, and what is wrong with a URL that names no store."""

from collections.abc import Sequence
from itertools import takewhile
from operator import itemgetter
from traceback import walk_tb
from typing import Any

from ..errors import CqrsError, in_words
from ..events import EventTypes
from ..extensions import entry_points
from ..store import Progress, Store

_GROUP = "cqrs_todo.stores"
"""The group of the entry points by which packages offer stores."""


class UnknownStore(CqrsError):
    """No store has this URL. The message says which URLs there are."""


class MissingExtra(UnknownStore):
    """A store, or a place for tables, needs packages that are not installed.

    Args:
        extra: The extra of this package that installs them.
        user: What needs them: the scheme of the store's URL, or the name of a class.
    """

    def __init__(self, extra: str, user: str) -> None:
        """Make the error; the arguments are described above."""
        self.extra = extra
        super().__init__(f"{user} needs the extra `{extra}` of this package")


class StoreFailed(CqrsError):
    """The code of a store that another package offers raised an error that no store may raise.

    Args:
        scheme: The scheme of the store's URLs.
        package: The package, with its version.
        cause: What was raised.
        contact: Where to report it, in words.
    """

    def __init__(self, scheme: str, package: str, cause: Exception, contact: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(
            f"the store {scheme}: failed: {in_words(cause)}; the fault is in {package}, which offers this store"
        )
        self.contact = contact


def failure_of_store(error: Exception) -> StoreFailed | None:
    """Return the error that says whose fault an error is that nobody foresaw; None if no other package's store raised it.

    The store raised it if it stands deeper in the traceback than any code of this package outside the framework. So what
    the work of `Store.together` raises is not a fault of the store, and what the store makes the framework raise is one.

    Args:
        error: The error.
    """
    own, framework = __name__.partition(".")[0], __name__.partition(".stores")[0]
    # not `point.module`, which raises an error if the value is none of an entry point
    points = [(point.value.partition(":")[0].strip().split("."), point) for point in entry_points(_GROUP)]
    if not points:
        return None
    found = None
    for frame, _ in walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__") or ""
        names = module.split(".")
        if names[0] == own and not module.startswith(f"{framework}."):
            found = None
        # two packages may share the first names of their modules
        common, nearest = max(((_common(names, each), point) for each, point in points), key=itemgetter(0))
        found = nearest if common else found
    if found is None:
        return None
    name = f"{found.dist.name} {found.dist.version}" if found.dist is not None else found.value
    return StoreFailed(found.name, f"the package {name}", error, _contact(found))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many names two sequences of names begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _contact(point: Any) -> str:
    """Return where the faults of a package are reported, in words, as its metadata say."""
    metadata = {} if point.dist is None else point.dist.metadata.json
    urls = [url.partition(",") for url in metadata.get("project_url", ())]
    places = [url.strip() for label, _, url in urls if any(word in label.lower() for word in ("issue", "bug", "tracker"))]
    places += [metadata.get(key, "") for key in ("maintainer_email", "author_email", "home_page", "maintainer", "author")]
    return next((place for place in places if place), "those who made that package")


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
    points = {point.name: point for point in entry_points(_GROUP)}
    if scheme not in points:
        # the rest of the URL is not repeated, because a password may be anywhere in it
        named = f"unknown store {scheme + ':'!r}" if scheme.isidentifier() else "that is not the URL of a store"
        urls = ["jsonl:DIR", "postgresql://HOST/DATABASE", "memory:", "null:", *(f"{name}:…" for name in points)]
        others = "; or install the package that offers it" if scheme.isidentifier() else ""
        raise UnknownStore(f"{named}: use {', '.join(urls[:-1])} or {urls[-1]}{others}")
    try:
        return points[scheme].load()
    except Exception as error:  # it is code of another package, and may raise anything
        raise UnknownStore(f"the store {scheme}: cannot be loaded: {in_words(error)}") from error
