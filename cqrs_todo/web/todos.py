"""A todo, as the schema shows it: the fields of the ancestor's schema, and those that todo/fields.py declares."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from ..cqrs.events import Commit as RecordedCommit
from ..cqrs.events import Recorded
from ..todo import events as recorded
from ..todo.compare import blame
from ..todo.fields import FIELDS, TEXT, Declared, Kind
from ..todo.rules import rule_in_words
from ..todo.values import Recurrence
from ..todo.views import Item, is_overdue, is_waiting
from .fields import named
from .history import Commit, Origin, commit_of
from .scalars import Cursor, DateTimeUtc, Day
from .work import Look, Work, refusal

C = TypeVar("C", bound=type)

Info: TypeAlias = "strawberry.Info[Work, None]"
"""What a resolver is told; its context is the request."""

PAGE = 100
"""How many objects a page has if the client does not say."""
LARGEST_PAGE = 1_000
"""How many objects a page has at most."""


def page_size(first: int | None) -> int:
    """Return how many objects a page has, given what the client asked for.

    Raises:
        GraphQLError: No page has so many.
    """
    if first is None:
        return PAGE
    if not 1 <= first <= LARGEST_PAGE:
        raise refusal(f"a page cannot have {first:,} objects", "INVALID", f"give first: from 1 to {LARGEST_PAGE:,}")
    return first


# the ancestor's events


@strawberry.type
class Created:
    """It was created."""

    initial_description: str


@strawberry.type
class DescriptionUpdated:
    """It has a new description."""

    new_description: str


@strawberry.type
class ReminderUpdated:
    """It has a new reminder, or none."""

    new_reminder: DateTimeUtc | None


@strawberry.type
class Completed:
    """It was completed."""

    is_complete: bool = True


@strawberry.type
class Uncompleted:
    """It was opened again."""

    is_complete: bool = False


TodoEvent = Annotated[
    Created | DescriptionUpdated | ReminderUpdated | Completed | Uncompleted,
    strawberry.union("TodoEvent", description="A todo event"),
]


@strawberry.type
class Metadata:
    """What is known of an event besides what it changed."""

    initiated_by: str


@strawberry.type
class VersionedTodoEvent:
    """A versioned event in the history of a todo aggregate."""

    event: TodoEvent = strawberry.field(description="The event")
    sequence: int = strawberry.field(description="The sequence number of the event in the event stream of the aggregate")
    metadata: Metadata


def _ancestor_event(
    data: object,
) -> Created | DescriptionUpdated | ReminderUpdated | Completed | Uncompleted | None:
    """Return an event as the ancestor's schema has it; None for one that the ancestor did not know."""
    match data:
        case recorded.TodoCreated(text=text):
            return Created(initial_description=text)
        case recorded.TextChanged(new=text):
            return DescriptionUpdated(new_description=text)
        case recorded.ReminderChanged(new=reminder):
            return ReminderUpdated(new_reminder=None if reminder is None else DateTimeUtc(reminder))
        case recorded.TodoCompleted():
            return Completed()
        case recorded.TodoReopened():
            return Uncompleted()
        case _:
            return None


# our fields


@strawberry.type(name="Recurrence")
class RecurrenceQL:
    """When a todo recurs."""

    rule: str = strawberry.field(description="An RRULE of RFC 5545")
    anchor: Day = strawberry.field(description="The day from which the rule counts")
    time: str | None = strawberry.field(description="The local time of day; null if the todo is due on a whole day")
    zone: str | None = strawberry.field(
        description="The IANA name of the zone of that time; null for the zone of the reader"
    )
    after: bool = strawberry.field(description="Whether the next date is counted from the completion")
    words: str = strawberry.field(description="The rule as people write it")


@strawberry.type
class Attribute:
    """A value that has no field of its own."""

    key: str
    value: str


def _recurrence(every: Recurrence | None) -> RecurrenceQL | None:
    if every is None:
        return None
    return RecurrenceQL(
        rule=every.rule,
        anchor=Day(every.anchor),
        time=every.time,
        zone=every.zone,
        after=every.after,
        words=rule_in_words(every),
    )


_SHOWN: dict[Kind, tuple[Any, Callable[[Any], Any]]] = {
    "text": (str | None, str),
    "note": (str | None, str),
    "word": (str | None, str),
    "choice": (str | None, str),
    "day or instant": (Day | None, Day),
    "instant": (DateTimeUtc | None, DateTimeUtc),
    "todo": (strawberry.ID | None, strawberry.ID),
    "words": (list[str], list),
    "todos": (list[strawberry.ID], lambda ids: [strawberry.ID(id) for id in ids]),
    "recurrence": (RecurrenceQL | None, _recurrence),
    "attributes": (list[Attribute], lambda pairs: [Attribute(key=key, value=value) for key, value in pairs]),
}
"""The type of the values of each kind of field in the schema, and how they are shown."""


def _resolver(field: Declared) -> Callable[[Any], Any]:
    type, show = _SHOWN[field.kind]
    name = field.name

    def resolve(self: Any) -> Any:
        value = getattr(self.item.todo, name)
        return None if value is None else show(value)

    resolve.__annotations__ = {"return": str if field is TEXT else type}
    return resolve


def _with_declared_fields(cls: C) -> C:
    """Give a type of the schema the fields that todo/fields.py declares."""
    for field in FIELDS:
        setattr(cls, field.name, strawberry.field(resolver=_resolver(field), description=field.help))
    return cls


@strawberry.type
@_with_declared_fields
class TodoQL:
    """A todo."""

    look: strawberry.Private[Look]
    item: strawberry.Private[Item]

    @strawberry.field
    def id(self) -> strawberry.ID:
        """Its stable id."""
        return strawberry.ID(self.item.id)

    @strawberry.field
    def description(self) -> str:
        """What is to be done; the same as text."""
        return self.item.todo.text

    @strawberry.field
    def completed(self) -> bool:
        """Whether it is completed."""
        return self.item.todo.done

    @strawberry.field
    def version(self) -> int:
        """How many events it has."""
        return self.item.version

    @strawberry.field
    def events(self, before: int | None = None, max_count: int | None = 100) -> list[VersionedTodoEvent]:
        """Its events of the kinds that the first version of this interface had, newest first."""
        if before is not None and before < 0:
            raise refusal("Invalid before version; must be a positive number", "INVALID")
        if max_count is not None and max_count < 0:
            raise refusal("Invalid max_count; must be a positive integer", "INVALID")
        most = PAGE if max_count is None else min(max_count, LARGEST_PAGE)
        found: list[VersionedTodoEvent] = []
        if most == 0 or (before is not None and before <= 1):
            return found
        for _, event in self.look.of_stream(self.item.stream):
            shown = _ancestor_event(event.data) if before is None or event.version < before else None
            if shown is None:
                continue
            metadata = Metadata(initiated_by=event.metadata.by)
            found.append(VersionedTodoEvent(event=shown, sequence=event.version, metadata=metadata))
            if len(found) == most:
                break
        self.look.work.spend(len(found))
        return found

    @strawberry.field
    def number(self) -> int:
        """Its number in its list, which people type."""
        return self.item.number

    @named("list")
    def list_name(self) -> str:
        """The name of its list."""
        return self.look.view.list

    @strawberry.field
    def created(self) -> DateTimeUtc:
        """When it was created."""
        return DateTimeUtc(self.item.todo.created)

    @strawberry.field
    def completed_on(self) -> Day | None:
        """When it was completed; null while it is open."""
        completed = self.item.todo.completed
        return None if completed is None else Day(completed)

    @strawberry.field
    def removed(self) -> bool:
        """Whether it was removed."""
        return self.item.todo.removed

    @strawberry.field
    def overdue(self) -> bool:
        """Whether it is open, and its due date has passed."""
        return is_overdue(self.item.todo, self.look.now, self.look.visit.to_local)

    @strawberry.field
    def waiting(self) -> bool:
        """Whether it is hidden now, because it waits."""
        return is_waiting(self.item.todo, self.look.now, self.look.visit.to_local)

    @strawberry.field
    def children(self) -> "list[TodoQL]":
        """The todos that are a part of it and are not removed."""
        return rows_of(self.look, self.look.links.children(self.item))

    @strawberry.field
    def blocked_by(self) -> "list[TodoQL]":
        """The open todos that have to be done first."""
        return rows_of(self.look, self.look.links.blockers(self.item))

    @strawberry.field
    def history(self, first: int | None = None, before: int | None = None) -> list[Commit]:
        """The commits that changed it, newest first, with only its own events."""
        grouped: dict[int, list[Any]] = {}
        commits: dict[int, Any] = {}
        size = page_size(first)
        for commit, event in self.look.of_stream(self.item.stream):
            if before is not None and commit.position >= before:
                continue
            if commit.position not in commits and len(commits) == size:
                break
            commits[commit.position] = commit
            grouped.setdefault(commit.position, []).insert(0, event)
        self.look.work.spend(sum(map(len, grouped.values())))
        return [commit_row(self.look, commit, grouped[position]) for position, commit in commits.items()]

    @strawberry.field
    def blame(self) -> list[Origin]:
        """Where the value of each field comes from."""
        origins = blame(reversed(list(self.look.of_stream(self.item.stream))))
        self.look.work.spend(len(origins))
        return [Origin.of(name, origin) for name, origin in origins.items()]


def rows_of(look: Look, items: Iterable[Item]) -> "list[TodoQL]":
    """Return todos as the schema shows them, and count them.

    Raises:
        GraphQLError: The request returns too much.
    """
    rows = look.work.checked(TodoQL(look=look, item=item) for item in items)
    look.work.spend(len(rows))
    return rows


def commit_row(look: Look, commit: RecordedCommit, events: Sequence[Recorded]) -> Commit:
    """Return a commit as the schema shows it, with some of its events."""
    check = look.work.checked
    row = commit_of(commit, look.visit.to_local, look.todos.position_of, look.label, check(events))
    row.events = check(row.events)
    return row


# pages


@strawberry.type
class PageInfo:
    """Where a page ends."""

    has_next_page: bool
    end_cursor: Cursor | None


@strawberry.type
class TodoEdge:
    """A todo on a page."""

    node: TodoQL | None
    id: strawberry.ID
    cursor: Cursor


@strawberry.type
class TodoPage:
    """A part of some todos."""

    total_count: int
    edges: list[TodoEdge]
    page_info: PageInfo


def page_of(look: Look, items: Sequence[Item], cursors: Iterator[Cursor], total: int, *, more: bool) -> TodoPage:
    """Return a page.

    Args:
        look: The list.
        items: The todos of the page.
        cursors: The cursor of each.
        total: How many todos all pages have.
        more: Whether there is another page.
    """
    rows = rows_of(look, items)
    edges = look.work.checked(
        TodoEdge(node=row, id=strawberry.ID(row.item.id), cursor=cursor) for row, cursor in zip(rows, cursors, strict=False)
    )
    return TodoPage(
        total_count=total,
        edges=edges,
        page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None),
    )


def instant(value: datetime | None) -> DateTimeUtc | None:
    """Return an instant as the schema has it."""
    return None if value is None else DateTimeUtc(value)
