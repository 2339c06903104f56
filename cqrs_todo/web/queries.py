"""The queries of the schema: the ancestor's, and ours."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, TypeAlias

import msgspec
import strawberry

from ..cqrs.cursor import Cursor as LogCursor
from ..cqrs.errors import CqrsError
from ..cqrs.struct import replace
from ..todo.arranging import SORT_KEYS, SORTED_STATE, sort_items
from ..todo.compare import compare
from ..todo.fields import Todo
from ..todo.lists import Lists
from ..todo.statistics import statistics
from ..todo.views import Item, attributes_of
from .fields import named
from .history import Commit, Difference, Stats, read_day
from .scalars import Cursor, DateTimeUtc, Day, cursor_of, key_of
from .tables import Table, ViewEntry, table_of
from .todos import LARGEST_PAGE, PAGE, Info, TodoPage, TodoQL, commit_row, instant, page_of, page_size, rows_of
from .work import MOST_ROWS, Look, Work, refusal

At = Annotated[str | None, strawberry.argument(description="The moment: a time such as yesterday 17:00, or @POSITION")]
"""The argument that names a moment."""
ListName = Annotated[str | None, strawberry.argument(name="list", description="The name of the list")]
"""The argument that names a list."""

SortKey: TypeAlias = tuple[str, bool]
"""What todos are sorted by, and whether the greatest value comes first."""

API_VERSION = "1.0"
MOST_KEYS = 10
"""How many keys todos can be sorted by. The todos are sorted once for each."""


def is_there(item: Item) -> bool:
    """Return whether a todo is not removed."""
    return not item.todo.removed


@strawberry.type
class Query:
    """What can be read."""

    # Each of our queries can be null, so that one that fails does not hide the data of the others in a request.

    @strawberry.field
    def api_version(self) -> str:
        """The version of this interface."""
        return API_VERSION

    @strawberry.field
    def all_todos(self, info: Info, first: int | None = None, after: Cursor | None = None, at: At = None) -> TodoPage:
        """The todos of the default list, in the order of their creation, without removed ones."""
        look = info.context.look(at=at)
        items = list(filter(is_there, look.view.items))
        offset = 0
        if after is not None:
            key = key_of(after)
            if not isinstance(key, int) or key < 0 or isinstance(key, bool):
                raise refusal("this is not a cursor of allTodos", "INVALID")
            offset = key + 1
        size = PAGE if first is None or first <= 0 else min(first, LARGEST_PAGE)  # as the ancestor does
        page = items[offset : offset + size]
        cursors = (cursor_of(offset + place) for place in range(len(page)))
        return page_of(look, page, cursors, len(items), more=offset + len(page) < len(items))

    @strawberry.field
    def todo(self, info: Info, id: strawberry.ID, at: At = None) -> TodoQL | None:
        """A todo of the default list, by its stable id or its number; null if there is none."""
        return find(info.context.look(at=at), id)

    @named("list")
    def a_list(self, info: Info, name: str | None = None, at: At = None) -> "ListQL | None":
        """A list. The default list is the one that the server was started with."""
        return ListQL(look=info.context.look(name, at))

    @strawberry.field
    def lists(self, info: Info, at: At = None) -> "list[ListEntry] | None":
        """The lists in use. Those that cannot be read have an error."""
        entries = [ListEntry.read(info.context, name, at) for name in sorted(info.context.desk.store.originals())]
        invalid = [each.invalid for each in entries if each.invalid is not None]
        if invalid and len(invalid) == len(entries):  # it is the moment that cannot be read, and no list
            raise invalid[0]
        return entries

    @strawberry.field
    def archived_lists(self, info: Info) -> list[str] | None:
        """The names of the archived lists."""
        return sorted(Lists(info.context.desk.store).names(archived=True))

    @strawberry.field
    def views(self, info: Info) -> list[ViewEntry] | None:
        """The views that a list can be shown as, with those of other packages, without those in files."""
        return [ViewEntry(name=each.name, help=each.help, package=each.package) for each in info.context.desk.views()]

    @strawberry.field
    def search(self, info: Info, query: str, first: int | None = None, at: At = None) -> list[TodoQL] | None:
        """The todos of all lists that a query wants. A saved filter with lists searches only these."""
        found: list[TodoQL] = []
        desk = info.context.desk
        for name in desk.visit(desk.default_list).lists_of(query) or sorted(desk.store.originals()):
            look = info.context.look(name, at)
            left = page_size(first) - len(found)
            found += rows_of(look, wanted(look, query)[:left])
        return found


def find(look: Look, id: str) -> TodoQL | None:
    """Return a todo that is not removed, by its stable id or its number; None if there is none."""
    item = look.find(id)
    if item is None or item.todo.removed:
        return None
    look.work.spend(1)
    return TodoQL(look=look, item=item)


def wanted(look: Look, query: str | None) -> Sequence[Item]:
    """Return the todos that a query wants; without one, all that are not removed.

    Raises:
        CqrsError: It is not a query.
    """
    if query is None:
        return list(filter(is_there, look.view.items))
    return look.work.matching(look.visit.query(query, look.view))


@strawberry.type
class ListEntry:
    """A list in use, or why it cannot be read."""

    name: str
    error: str | None
    a_list: "ListQL | None" = strawberry.field(name="list")
    invalid: strawberry.Private[CqrsError | None]

    @classmethod
    def read(cls, work: Work, name: str, at: str | None) -> "ListEntry":
        """Read a list. An error becomes a part of the answer, so that it hides no other list."""
        try:
            return cls(name=name, error=None, a_list=ListQL(look=work.look(name, at)), invalid=None)
        except CqrsError as error:
            public = work.desk.public_error(error)
            if public is None:
                raise
            return cls(name=name, error=public.message, a_list=None, invalid=error if public.code == "INVALID" else None)


@strawberry.type(name="List")
class ListQL:
    """A list at one moment."""

    look: strawberry.Private[Look]

    @strawberry.field
    def name(self) -> str:
        """Its name."""
        return self.look.view.list

    @strawberry.field
    def position(self) -> int:
        """The position of the last event that is taken into account."""
        return self.look.view.position

    @strawberry.field
    def as_of(self) -> DateTimeUtc | None:
        """The time that was asked for; null for now."""
        return instant(self.look.view.as_of)

    @strawberry.field
    def damage(self) -> str | None:
        """What is wrong with the log, so that only what comes before it is shown; usually null."""
        damage = self.look.todos.log.damage
        return None if damage is None else self.look.work.desk.public_text(damage)

    @strawberry.field
    def warnings(self) -> list[str]:
        """What people should know about the log."""
        return list(map(self.look.work.desk.public_text, self.look.todos.warnings))

    @strawberry.field
    def todo(self, id: strawberry.ID) -> TodoQL | None:
        """A todo by its stable id or its number, also a removed one; null if there is none."""
        item = self.look.find(id)
        return None if item is None else rows_of(self.look, [item])[0]

    @strawberry.field
    def todos(
        self,
        query: str | None = None,
        sort: Annotated[
            list[str] | None,
            strawberry.argument(description="What to sort by, such as due; -due begins with the last. Default: the number"),
        ] = None,
        first: int | None = None,
        after: Cursor | None = None,
    ) -> TodoPage:
        """The todos that a query wants; without a query, all that are not removed.

        A cursor names a todo, and not a place. So a page neither repeats nor leaves out a todo when others are added.
        """
        look = self.look
        if sort is not None and len(sort) > MOST_KEYS:
            raise refusal(f"these are more than {MOST_KEYS} keys to sort by", "TOO_LARGE", "name fewer keys")
        keys = _sort_keys(sort or (), look)
        items = sort_items(wanted(look, query), keys, look.visit.to_local)
        rest = items if after is None else _after(items, keys, after, look)
        page = rest[: page_size(first)]
        cursors = (cursor_of(_cursor_key(item, keys)) for item in page)
        return page_of(look, page, cursors, len(items), more=len(page) < len(rest))

    @strawberry.field
    def history(self, first: int | None = None, before: int | None = None) -> list[Commit]:
        """The commits, newest first."""
        look = self.look
        end = look.view.position if before is None else min(before - 1, look.view.position)
        if end <= 0:
            return []
        found: list[Commit] = []
        for commit in islice(look.todos.log.commits_backward(LogCursor(end)), page_size(first)):
            look.work.spend(len(commit.events))
            found.append(commit_row(look, commit, commit.events))
        return found

    @strawberry.field
    def diff(
        self, since: Annotated[str, strawberry.argument(name="from", description="The other moment")]
    ) -> list[Difference]:
        """What differs between another moment and this one."""
        then = self.look.work.look(self.look.view.list, since)
        found = compare(then.view.items, self.look.view.items)
        self.look.work.spend(len(found))
        return [Difference.of(each) for each in found]

    @strawberry.field
    def stats(self, since: Day | None = None, until: Day | None = None) -> Stats:
        """The statistics over whole local days."""
        look = self.look
        try:
            first, last = read_day(since), read_day(until)
        except ValueError as error:
            raise refusal(f"{error}", "INVALID", "write a day as in 2026-11-23") from None
        if first is not None and last is not None and first > last:
            raise refusal(f"{first} comes after {last}", "INVALID")
        today = look.now.date()
        if ((last or today) - (first or today)).days > MOST_ROWS:
            raise refusal(f"these are more than {MOST_ROWS:,} days", "TOO_LARGE", "name fewer days")
        numbers = statistics(look.commits, look.now, look.visit.to_local, since=first, until=last)
        look.work.spend(len(numbers.days))
        return Stats.of(numbers)

    @strawberry.field
    def view(
        self,
        name: Annotated[str, strawberry.argument(description="The name of the view, such as authors")],
        period: Annotated[
            str | None,
            strawberry.argument(description="For a view of months: which one. Default: that of the moment"),
        ] = None,
        per: Annotated[
            str | None, strawberry.argument(description="For changes: the unit of time, which is minute, hour or day")
        ] = None,
    ) -> Table:
        """A table that a view computes from all events up to the moment, as `todo view` does."""
        return table_of(self.look, name, period or "", per)


# cursors by key


def _sort_keys(words: Sequence[str], look: Look) -> Sequence[SortKey]:
    """Return what todos are sorted by. An attribute must be declared, or a todo must have it.

    Raises:
        GraphQLError: Todos cannot be sorted by one of the words.
    """
    keys = [(word.removeprefix("-"), word.startswith("-")) for word in words]
    if not {key for key, _ in keys} <= set(SORT_KEYS):
        known = [*SORT_KEYS, *sorted((attributes_of(look.view.items) | set(look.visit.attributes)) - set(SORT_KEYS))]
        unknown = next((key for key, _ in keys if key not in known), None)
        if unknown is not None:
            raise refusal(f"{unknown!r} is not a key to sort by", "INVALID", f"the keys are {', '.join(known)}")
    return keys


def _cursor_key(item: Item, keys: Sequence[SortKey]) -> list[Any]:
    """Return what a cursor holds: the number of a todo, and the values by which it was sorted."""
    attributes = dict(item.todo.attributes)
    values = {
        key: getattr(item.todo, SORTED_STATE[key][0]) if key in SORTED_STATE else attributes.get(key)
        for key, _ in keys
        if key != "number"
    }
    return [item.number, values]


def _after(items: Sequence[Item], keys: Sequence[SortKey], cursor: str, look: Look) -> Sequence[Item]:
    """Return the todos that come after a cursor.

    A todo with the values of the cursor is sorted into the others, so the order is decided in one place.

    Raises:
        GraphQLError: The cursor belongs to another order.
    """
    match key_of(cursor):
        case [int(number), dict(values)] if set(values) == {key for key, _ in keys if key != "number"}:
            pass
        case _:
            raise refusal("this cursor belongs to another order", "INVALID", "give the cursor of a page with the same sort")
    try:
        state = {SORTED_STATE[key][0]: _read(key, value) for key, value in values.items() if key in SORTED_STATE}
        attributes = tuple(
            (key, str(value)) for key, value in values.items() if key not in SORTED_STATE and value is not None
        )
        sought = Item(number, "", 0, replace(_BLANK, **state, attributes=attributes))
        rows = sort_items([*items, sought], keys, look.visit.to_local)
    except (ValueError, TypeError, AttributeError) as error:  # it was made by hand
        raise refusal("this is not a cursor of these todos", "INVALID") from error
    return rows[next(place for place, row in enumerate(rows) if row is sought) + 1 :]


_BLANK = Todo("", datetime(2000, 1, 1, tzinfo=UTC))


def _read(key: str, value: object) -> Any:
    attribute, kind = SORTED_STATE[key]
    type = datetime if kind == "instant" else str
    return msgspec.convert(value, type if getattr(_BLANK, attribute) is not None else type | None)
