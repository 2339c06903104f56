"""`todo view`: a fold over the events of a list, as a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ...cqrs.errors import CqrsError
from ...todo.views import short_instant
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..session import Session
from ..terminal import RICH_ROWS, draw, print_hanging, print_moment
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb

if TYPE_CHECKING:
    from ...todo.projections.fold import Folded
    from ...todo.service import TodoList
    from ...todo.service import View as ListView
    from ..view_loader import FoundView


_BROKEN, _GAP = 12, 3
"""How long a word of a table must be so that it may be broken, and how many columns are between two columns."""


def view(session: Session, what: str | None, words: Sequence[str], per: str | None, watch: bool) -> None:
    """Show a view of the list, or of all lists; without a name list the views."""
    all_lists = session.options.all_lists
    if what is None:
        _check_alone(session, per=per, all_lists=all_lists, watch=watch)
        _print_views(session)
        return
    from ..view_loader import find_view, with_unit
    from ..view_periods import wanted_period

    if watch and session.options.at is not None:
        raise UsageError("--watch and --at exclude one another", "leave out --watch or --at")
    found = find_view(what)
    if per is not None:
        found = with_unit(found, per)
    names = session.originals() if all_lists else [session.list.name]

    def show(read: "Callable[[TodoList], ListView | None]") -> CqrsError | None:
        opened, failure = session.read_lists(names, lambda todos: (todos, read(todos)))
        lists = [todos for todos, _ in opened]
        views = [view for _, view in opened if view is not None and session.moment is not None]
        period = wanted_period(session, found.view, " ".join(words), session.moment, lists, views)
        _Shown(session, found, per or "", period, lists, views, all_lists=all_lists).show(watch=watch)
        return failure

    try:
        failure = show(lambda todos: None if session.moment is None else todos.view(session.moment))
    except CqrsError:
        if not all_lists or watch:
            raise
        failure = show(lambda todos: todos.view(session.moment))  # this finds the lists that can be read, which takes longer
    if failure is not None:
        raise failure


def _check_alone(session: Session, *, per: str | None, all_lists: bool, watch: bool) -> None:
    """Raise `UsageError` for an option that says how to show a view, if no view is named."""
    given = {"--per": per is not None, "--all-lists": all_lists, "--watch": watch, "--at": session.options.at is not None}
    for option in (name for name, is_given in given.items() if is_given):
        raise UsageError(f"{option} needs the name of a view", f"name a view, such as changes, or leave out {option}")


class _Shown:
    """A view that is shown, perhaps again and again."""

    def __init__(
        self,
        session: Session,
        found: "FoundView",
        per: str,
        period: str,
        lists: "Sequence[TodoList]",
        views: "Sequence[ListView]",
        *,
        all_lists: bool,
    ) -> None:
        from ..view_cache import ALL_LISTS, ViewCache

        self.session = session
        self.view = found.view
        self.period = period
        self.lists = lists
        self.views = views
        self.all_lists = all_lists
        scope = ALL_LISTS if all_lists else lists[0].log.id
        name = "\0".join((found.origin, found.view.name, per))
        self.cache = ViewCache(session.store.url, scope, name, found.schema, found.view.initial)

    def show(self, *, watch: bool) -> None:
        """Show the view; with `watch` again after each change."""
        if not watch:
            for view in () if self.session.options.json else self.views:
                print_moment(self.session, view)
            self._print(self._fold())
            return
        from ..follow import FollowedLists, wait

        following = FollowedLists(self.session, self.lists, every=self.all_lists)
        changed = True
        while True:
            if changed:
                if self.session.rich:
                    print_line("\x1b[H\x1b[2J" + visible(self._title()))
                self._print(self._fold(), named=self.session.rich)
            if not wait():
                return
            changed = following.update()
            self.lists = following.lists
            changed |= sum(1 for _ in following.new()) > 0

    def _title(self) -> str:
        lists = ", ".join(todos.name for todos in self.lists)
        return " ".join(part for part in (self.view.name, self.period, "of" if lists else "", lists) if part)

    def _fold(self) -> "Folded":
        from ...todo.projections.fold import Source, fold

        for todos in self.lists:
            todos.check_exists()
        ends: Sequence[int | None] = [view.position for view in self.views] or [None] * len(self.lists)
        sources = [Source(todos.log, end) for todos, end in zip(self.lists, ends, strict=True)]
        folded = fold(self.view, sources, self.cache, to_local, datetime.now().astimezone(), self.period)
        self.cache.write()
        return folded

    def _print(self, folded: "Folded", *, named: bool = False) -> None:
        """Print the table.

        Args:
            folded: The result of the fold.
            named: Whether the name of the view is on the screen already.
        """
        from ...todo.projections.calls import call
        from ...todo.projections.fold import table

        columns, rows = table(self.view, folded.state)
        if self.session.options.json:
            self._print_json(folded, columns, rows)
        elif self.session.options.plain:
            for row in call(self.view, "rows", _plain_rows, columns, rows):
                print_row(*row)
        elif not rows:
            print_message(self.session, "Nothing to show.")
        else:
            if self.period and not named:
                print_line(visible(self._title()))
            _print_table(self.session, columns, call(self.view, "rows", _cells, columns, rows), _numeric(columns, rows))

    def _print_json(self, folded: "Folded", columns: list[str], rows: list[dict[str, Any]]) -> None:
        from ...todo.projections import ViewFailed
        from ...todo.projections.calls import in_words
        from ...todo.projections.fold import in_utc
        from .. import document

        head = {
            "view": self.view.name,
            "period": self.period or None,
            "lists": [todos.name for todos in self.lists],
            "continued_from": folded.since,
            "events_read": folded.events,
            "columns": columns,
        }
        try:
            encoded = document.encode({**head, "rows": [{name: in_utc(row[name]) for name in row} for row in rows]})
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a value may be of any type
            raise ViewFailed(self.view.name, "rows", f"a value cannot be written as JSON: {in_words(error)}") from error
        print_line(encoded)


def _print_views(session: Session) -> None:
    from ..view_loader import all_views

    views = [
        (name, str(found), "") if isinstance(found, UsageError) else (name, getattr(found.view, "help", ""), found.origin)
        for name, found in all_views()
    ]
    if session.options.json:
        from .. import document

        keys = ("name", "help", "package")
        print_line(document.encode({"views": [dict(zip(keys, each, strict=True)) for each in views]}))
        return
    width = max(len(name) for name, _, _ in views)
    if session.options.plain:
        for each in views:
            print_row(*each)
    else:
        print_hanging(session, [(f"{visible(name):<{width}}  ", visible(help)) for name, help, _ in views])


def _cells(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [[_cell(row.get(name)) for name in columns] for row in rows]


def _plain_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [[_plain(row.get(name)) for name in columns] for row in rows]


def _numeric(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return for each column whether it has nothing but numbers, which are written on the right."""
    return [all(issubclass(type(row.get(name)), int | float | None) for row in rows) for name in columns]


def _print_table(session: Session, columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    from rich.cells import cell_len

    head = [visible(name) for name in columns]
    if session.rich and not _fits(session.columns, [head, *cells]):
        _print_rows(session, head, cells)
        return
    if session.rich and len(cells) <= RICH_ROWS:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
        for name, right in zip(head, numeric, strict=True):
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for line in cells:
            table.add_row(*line)
        draw(session, table)
        return
    widths = [max(cell_len(line[place]) for line in (head, *cells)) for place in range(len(columns))]
    for line in (head, *cells):
        shown = []
        for cell, width, right in zip(line, widths, numeric, strict=True):
            space = " " * (width - cell_len(cell))
            shown.append(space + cell if right else cell + space)
        print_line("  ".join(shown).rstrip())


def _fits(width: int, lines: Sequence[Sequence[str]]) -> bool:
    """Return whether a table has room for its words. A word of more than `_BROKEN` columns may be broken."""
    from rich.cells import cell_len

    places = range(len(lines[0]))
    longest = (max((cell_len(word) for line in lines for word in line[place].split()), default=0) for place in places)
    return sum(min(each, _BROKEN) for each in longest) + _GAP * (len(lines[0]) - 1) <= width


def _print_rows(session: Session, head: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print the rows of a table one below the other, each value in a line of its own."""
    from rich.cells import cell_len

    width = max(map(cell_len, head))
    lines: list[tuple[str, str]] = []
    for place, row in enumerate(cells):
        lines += [("", "")] if place else []
        lines += ((name + " " * (width - cell_len(name) + 2), cell) for name, cell in zip(head, row, strict=True) if cell)
    print_hanging(session, lines)


def _plain(value: Any) -> str:
    """Return a value for programs, with days and times as in JSON."""
    if isinstance(value, date):
        from ...todo.projections.fold import in_utc

        text: str = in_utc(value).isoformat()
        return text.replace("+00:00", "Z")
    return "" if value is None else str(value)


def _cell(value: Any) -> str:
    """Return a value for people."""
    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return short_instant(value, to_local)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return visible(str(value))


def _proposed(_session: Session, _beginning: str) -> Iterable[tuple[str, str]]:
    from ..view_loader import all_views

    return ((name, "") for name, _ in all_views())


VERB = Verb(
    name="view",
    help=(
        "Show a table that is computed from all events. Without a name, list the views. A Python file that defines VIEW is "
        "a view, too."
    ),
    examples=(
        "todo view authors",
        "todo view changes --per hour",
        "todo view statement last month",
        "todo view ./mine.py --watch",
    ),
    action=view,
    group=LOOK,
    scope="lists",
    arguments=(
        Argument(
            "what",
            "NAME|FILE.py",
            "The name of a view, or a Python file that defines VIEW.",
            required=False,
            propose=_proposed,
        ),
        Argument(
            "words",
            "MONTH",
            "For a view of months: which one. Default: this month.",
            required=False,
            several=True,
            time="past",
        ),
    ),
    options=(
        Option("per", ("--per",), "For `changes`: count per minute, hour or day.", metavar="minute|hour|day"),
        Option("watch", ("--watch",), "Show it again after each change."),
    ),
)
