"""`todo view`: a fold over the events of a list, as a table."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ...todo.lists import Lists
from ...todo.views import short_instant
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..session import Session
from ..terminal import RICH_ROWS, draw
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb

if TYPE_CHECKING:
    from ...todo.projections.fold import Folded
    from ...todo.service import TodoList
    from ..view_loader import FoundView


def view(session: Session, what: str | None, words: Sequence[str], per: str | None, all_lists: bool, watch: bool) -> None:
    """Show a view of the list, or of all lists; without a name list the views."""
    if what is None:
        _print_views(session)
        return
    from ..view_loader import find_view

    if all_lists and isinstance(session.moment, int):
        raise UsageError("a position belongs to one list, not to all", "give a time")
    if watch and session.options.at is not None:
        raise UsageError("--watch and --at exclude one another", "leave out --watch or --at")
    found = _per(find_view(what), per)
    period = _period(session, found, words)
    lists = [session.open_list(name) for name in Lists(session.store).names()] if all_lists else [session.list]
    _Shown(session, found, per or "", period, lists, "all" if all_lists else lists[0].log.id).show(watch=watch)


def _per(found: "FoundView", per: str | None) -> "FoundView":
    if per is None:
        return found
    from ...cqrs.struct import replace

    method = getattr(found.view, "per", None)
    if method is None:
        raise UsageError(f"the view {visible(found.view.name)} has no --per", "leave out --per")
    try:
        return replace(found, view=method(per))
    except ValueError as error:
        raise UsageError(f"--per cannot be {per!r}: {error}", "see: todo view --help") from error


def _period(session: Session, found: "FoundView", words: Sequence[str]) -> str:
    """Return the period that the words name; '' for a view without periods."""
    from ...todo.projections import Periodic

    view = found.view
    if not isinstance(view, Periodic):
        if words:
            raise UsageError(f"the view {visible(view.name)} takes no words: {' '.join(words)}", "leave them out")
        return ""
    if not words:
        return view.period_of(session.moment if isinstance(session.moment, datetime) else session.now)
    text = " ".join(words)
    span = session.span_of(text)
    first, last = view.period_of(to_local(span.start)), view.period_of(to_local(span.end))
    if first != last:
        raise UsageError(
            f"{text!r} reaches from {first} to {last}, and this view shows one of them", f"for instance: {first}"
        )
    return first


class _Shown:
    """A view that is shown, perhaps again and again."""

    def __init__(
        self, session: Session, found: "FoundView", per: str, period: str, lists: "Sequence[TodoList]", scope: str
    ) -> None:
        from ..view_cache import ViewCache

        self.session = session
        self.view = found.view
        self.period = period
        self.lists = lists
        name = "\0".join((found.origin, found.view.name, per))
        self.cache = ViewCache(session.store.url, scope, name, found.schema, found.view.initial)

    def show(self, *, watch: bool) -> None:
        """Show the view; with `watch` again after each change."""
        if not watch:
            self._print(self._fold())
            return
        from ..follow import Followed, wait

        followed = [Followed(todos) for todos in self.lists]
        changed = True
        while True:
            if changed:
                if self.session.rich:
                    print_line("\x1b[H\x1b[2J" + visible(self._title()))
                self._print(self._fold())
            if not wait():
                return
            changed = any(sum(1 for _ in each.new()) for each in followed)

    def _title(self) -> str:
        lists = ", ".join(todos.name for todos in self.lists)
        return " ".join(part for part in (self.view.name, self.period, "of", lists) if part)

    def _fold(self) -> "Folded":
        from ...todo.projections.fold import Source, fold

        moment = self.session.moment
        for todos in self.lists:
            todos.check_exists()
        ends = [None if moment is None else todos.view(moment).position for todos in self.lists]
        sources = [Source(todos.log, end) for todos, end in zip(self.lists, ends, strict=True)]
        folded = fold(self.view, sources, self.cache, to_local, datetime.now().astimezone(), self.period)
        self.cache.write()
        return folded

    def _print(self, folded: "Folded") -> None:
        from ...todo.projections.fold import table

        columns, rows = table(self.view, folded.state)
        if self.session.options.json:
            self._print_json(folded, columns, rows)
        elif self.session.options.plain:
            for row in rows:
                print_row(*(_plain(row.get(name)) for name in columns))
        elif not rows:
            print_message(self.session, "Nothing to show.")
        else:
            _print_table(self.session, columns, rows)

    def _print_json(self, folded: "Folded", columns: list[str], rows: list[dict[str, Any]]) -> None:
        from ...todo.projections import ViewFailed
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
            encoded = document.encode({**head, "rows": rows})
        except (TypeError, ValueError) as error:
            raise ViewFailed(self.view.name, "rows", f"a value cannot be written as JSON: {error}") from error
        print_line(encoded)


def _print_views(session: Session) -> None:
    from ..view_loader import all_views

    views = [
        (name, getattr(found.view, "help", ""), found.origin)
        if not isinstance(found, UsageError)
        else (name, str(found), "")
        for name, found in all_views()
    ]
    if session.options.json:
        from .. import document

        keys = ("name", "help", "package")
        print_line(document.encode({"views": [dict(zip(keys, each, strict=True)) for each in views]}))
        return
    width = max(len(name) for name, _, _ in views)
    for name, help, origin in views:
        if session.options.plain:
            print_row(name, help, origin)
        else:
            print_line(f"{visible(name):<{width}}  {visible(help)}")


def _print_table(session: Session, columns: list[str], rows: list[dict[str, Any]]) -> None:
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in columns]
    if session.rich and len(rows) <= RICH_ROWS:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
        for name, right in zip(columns, numeric, strict=True):
            table.add_column(visible(name), justify="right" if right else "left", overflow="fold")
        for line in cells:
            table.add_row(*line)
        draw(session, table)
        return
    head = [visible(name) for name in columns]
    widths = [max(len(line[place]) for line in (head, *cells)) for place in range(len(columns))]
    for line in (head, *cells):
        shown = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        print_line("  ".join(shown).rstrip())


def _plain(value: Any) -> str:
    """Return a value for programs: instants in UTC, as in JSON."""
    from ...todo.values import day_or_instant

    return day_or_instant(value) if isinstance(value, date) else "" if value is None else str(value)


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
    arguments=(
        Argument("what", "NAME|FILE.py", "The name of a view, or a Python file that defines VIEW.", required=False),
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
        Option("all_lists", ("--all-lists", "-A"), "Show the view over the events of all lists."),
        Option("watch", ("--watch",), "Show it again after each change."),
    ),
)
