"""Selecting events by type and tag, and the condition that no such event has come.

A decision often concerns several things, such as a course and a student. Then no single stream holds what it depends on. Its
events carry tags, a query selects those that the decision read, and the append is made on the condition that no other event
has matched the query since. (The idea is the Dynamic Consistency Boundary: https://dcb.events.)
"""

from collections.abc import Iterable
from typing import Protocol

from .events import FRAMEWORK_TYPES, EventTypes
from .names import check_kind, check_several, check_type
from .struct import Struct, replace


class Selectable(Protocol):
    """What a query looks at: an event, or one that is not decoded yet."""

    @property
    def stream(self) -> str:
        """The name of its stream."""

    @property
    def type(self) -> str:
        """Its type string."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""


class QueryItem(Struct, frozen=True):
    """What an event must be.

    Attributes:
        types: The type strings that it may have. If there are none, it may have any.
        tags: The tags that it must have, all of them.
        kinds: The kinds of aggregates to whose streams it may belong. If there are none, it may belong to any. Nobody
            registers kinds, so a mistyped one cannot be noticed: it finds nothing, and a condition on it never fails.
    """

    types: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check that the attributes are sets of texts, and that there can be streams of these kinds.

        Raises:
            TypeError: An attribute is one text and not a set of texts.
            ValueError: A kind is empty or contains a slash, so that nothing would be found.
        """
        for name in ("types", "tags", "kinds"):
            check_several(name, getattr(self, name))
        for kind in self.kinds:
            check_kind("a kind in a query", kind)

    def matches(self, event: Selectable) -> bool:
        """Return whether an event is like this.

        Args:
            event: The event, or what is known of it before its data are decoded.
        """
        if self.types and event.type not in self.types:
            return False
        return self.tags.issubset(event.tags) and (not self.kinds or event.stream.partition("/")[0] in self.kinds)


class Query(Struct, frozen=True):
    """Selects the events that match one of its items.

    Attributes:
        items: The items. If there are none, it selects all events.
    """

    items: tuple[QueryItem, ...] = ()

    def __post_init__(self) -> None:
        """Raise `TypeError` if the items are one item and not several."""
        check_type("the items of a query", self.items, Iterable, "a tuple such as (QueryItem(...),)")

    @classmethod
    def of(cls, *, types: Iterable[str] = (), tags: Iterable[str] = (), kinds: Iterable[str] = ()) -> "Query":
        """Make a query of one item; the arguments are those of `QueryItem`.

        Raises:
            TypeError: An argument is one text and not a set of texts.
            ValueError: A kind is empty or contains a slash.
        """
        for argument, given in (("types", types), ("tags", tags), ("kinds", kinds)):
            check_several(argument, given)
        return cls((QueryItem(frozenset(types), frozenset(tags), frozenset(kinds)),))

    def matches(self, event: Selectable) -> bool:
        """Return whether it selects an event.

        Args:
            event: The event, or what is known of it before its data are decoded.
        """
        return not self.items or any(item.matches(event) for item in self.items)

    def wants(self, event: Selectable) -> bool:
        """Return whether it selects an event for code that knows the events of an application.

        Such code does not get the framework's own events, for example those that take the place of lost or forgotten ones,
        unless an item names their types.

        Args:
            event: The event, or what is known of it before its data are decoded.
        """
        if event.type not in FRAMEWORK_TYPES:
            return self.matches(event)
        return any(event.type in item.types and item.matches(event) for item in self.items)

    def as_recorded(self, types: EventTypes) -> "Query":
        """Return the query by the types that are recorded, which may be older ones.

        Args:
            types: The registered events.

        Raises:
            ValueError: It names an older type, or one that is not registered.
        """
        return Query(tuple(replace(item, types=types.read_as(item.types)) for item in self.items))


class AppendCondition(Struct, frozen=True):
    """What must be true of a log so that an append is accepted: no event after a position matches a query.

    Attributes:
        query: The query.
        after: The position that the log had when the query was read.
    """

    query: Query
    after: int

    def __post_init__(self) -> None:
        """Raise `TypeError` if an attribute is of another type."""
        check_type("the query of a condition", self.query, Query)
        check_type("`after` of a condition", self.after, int, "a position")
