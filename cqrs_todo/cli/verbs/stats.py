"""`todo stats`: numbers from the history, with charts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from itertools import groupby

from ...cqrs.errors import CqrsError
from ...cqrs.events import Commit, Moment
from ...cqrs.struct import replace
from ...todo.model import DECIDER
from ...todo.service import View
from ...todo.statistics import Statistics, as_one_history, statistics
from ...todo.values import day_or_instant
from ..charts import BLOCKS, bar_chart, line_chart
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_row
from ..read_models import ReadModels, known_model
from ..session import Session
from ..terminal import print_moment, print_styled
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb

_SHADES = "·░▒▓█"
_COLOURED = re.compile(f"([{BLOCKS}{_SHADES}]+)")
"""The parts of a line that have a colour: those of a chart, and the cells of the calendar."""
_MOST_DAYS = 21
"""The most days for which charts have a bar for each day; for more days, they have one for each week."""


def stats(session: Session, words: Sequence[str], since: str | None, until: str | None, full: bool) -> None:
    """Show burn-down, throughput, cycle time, a calendar, the busiest hours, and the most active authors."""
    if session.options.all_lists:
        _of_all_lists(session, words, since, until, full=full)
        return
    if words:
        from ..queries import use_list_of_filter

        use_list_of_filter(session, words)
    todos = session.list
    todos.check_exists()
    first, last = _days(session, since, until)
    if not words and session.moment is None and session.snapshots.infos(todos.log.id, DECIDER.kind):  # it is long
        with closing(ReadModels(session.store)) as models:
            counted = _counted(session, models, first, last)
            if counted is not None:
                position = models.position(known_model("days"), todos.log)
                _print(session, View(todos.name, position, None, ()), counted, full=full)
                return
    view = todos.view(session.moment)
    commits: Sequence[Commit] = todos.commits(session.moment)
    if words:
        commits = _only(session, words, [view], {view.list: commits})[view.list]
    _print(session, view, statistics(commits, session.seen_from(view), to_local, since=first, until=last), full=full)


def _of_all_lists(session: Session, words: Sequence[str], since: str | None, until: str | None, *, full: bool) -> None:
    """Show the statistics of all lists together."""
    read, failure = session.read_lists(
        session.all_names(), lambda todos: (todos, todos.view(session.moment), todos.commits(session.moment))
    )
    views = [view for _, view, _ in read]
    first, last = _days(session, since, until)
    commits: dict[str, Sequence[Commit]] = {view.list: found for _, view, found in read}
    if words:
        commits = _only(session, words, views, commits)
    history = as_one_history({todos.log.id: commits[view.list] for todos, view, _ in read})
    numbers = statistics(history, session.seen_from(views[0]), to_local, since=first, until=last)
    _print(session, views[0], numbers, full=full, lists=[view.list for view in views])
    if failure is not None:
        raise failure


def _counted(session: Session, models: ReadModels, first: date | None, last: date | None) -> Statistics | None:
    """Return the statistics from the read model; None if it cannot answer, so that the log must be read."""
    from ...todo.read_models.days import statistics_from

    log = session.list.log
    question = partial(statistics_from, log_id=log.id, now=session.now, to_local=to_local, since=first, until=last)
    try:
        counted, failures = models.ask(known_model("days"), [log], question)
    except CqrsError:  # whoever reads the log is told what is wrong with it; what is wrong with a cache matters to nobody
        return None
    return None if failures else counted


def _print(session: Session, view: View, numbers: Statistics, *, full: bool, lists: Sequence[str] = ()) -> None:
    """Print statistics.

    Args:
        session: This run of the program.
        view: The list, or one of several.
        numbers: The statistics.
        full: Whether to print all charts.
        lists: The names of the lists, if they are of several.
    """
    if session.options.json:
        from .. import document

        head = {"lists": lists, "as_of": view.as_of} if lists else document.head(view)
        print_line(document.encode({**head, **_document(numbers)}))
    elif session.options.plain:
        for row in zip(numbers.days, numbers.open, numbers.added, numbers.completed, numbers.activity, strict=True):
            print_row(*row)
    else:
        print_moment(session, view)
        for line in _drawn(numbers, session.columns, full=full):
            print_styled(session, *_coloured(line))


def _only(
    session: Session, words: Sequence[str], views: Sequence[View], commits: Mapping[str, Sequence[Commit]]
) -> dict[str, Sequence[Commit]]:
    """Return commits with only the events of the todos that a query wants, in any state unless it names one.

    Args:
        session: This run of the program.
        words: The words of the query.
        views: The lists.
        commits: The commits of each list, by its name.
    """
    from ..queries import check_tags, query_of  # most statistics are about all todos

    queries = [query_of(session, words, view) for view in views]
    check_tags(queries[0].tags, [item for view in views for item in view.items])
    # also where a todo was before it moved to another of these lists
    streams = {item.stream for query in queries for item in (query if query.scopes else query.within("all")).matching()}
    found: dict[str, Sequence[Commit]] = {}
    for name, every in commits.items():
        parts = (
            replace(commit, events=tuple(event for event in commit.events if event.stream in streams)) for commit in every
        )
        found[name] = [commit for commit in parts if commit.events]
    return found


def _days(session: Session, since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """Return the first and the last day that --since and --until name. A position means the day of its commit."""
    from ..positions import read_limits

    start, end = read_limits(session, since, until)
    first = None if start is None or start == 0 else _day_of(session, start)
    if end == 0:
        raise UsageError(f"there is no day up to {until!r}, which is before the first commit", "give a later moment")
    last = None if end is None else _day_of(session, end)
    if first is not None and last is not None and first > last:
        if isinstance(start, int) or isinstance(end, int):
            raise UsageError(f"{since!r} comes after {until!r}", "give --since before --until")
        raise UsageError(f"the local time zone left out the day {since!r}", "give another day")
    return first, last


def _day_of(session: Session, moment: Moment) -> date:
    if isinstance(moment, int):
        commit = next(iter(session.list.history(moment)))
        return to_local(commit.metadata.at).date()
    return to_local(min(moment, session.now)).date()


def _document(numbers: Statistics) -> dict[str, object]:
    days = [
        {"day": day, "open": level, "added": added, "completed": completed, "events": events}
        for day, level, added, completed, events in zip(
            numbers.days, numbers.open, numbers.added, numbers.completed, numbers.activity, strict=True
        )
    ]
    return {
        "days": days,
        "added": sum(numbers.added),
        "completed": sum(numbers.completed),
        "reopened": numbers.reopened,
        "reopen_rate": numbers.reopen_rate,
        "cycle_days": {"median": numbers.cycle_quantile(0.5), "p90": numbers.cycle_quantile(0.9)},
        "hours": numbers.hours,
        "authors": [{"by": by, "events": events} for by, events in numbers.authors],
    }


def _coloured(line: str) -> list[tuple[str, str]]:
    """Return the parts of a line, each with its style."""
    parts = _COLOURED.split(line)
    return [(part, "green" if place % 2 else "") for place, part in enumerate(parts) if part]


def _drawn(numbers: Statistics, columns: int, *, full: bool) -> Iterator[str]:
    """Return the lines to print. Without `full` they fit on a terminal with 24 lines."""
    columns = min(columns, 100)
    added, completed = sum(numbers.added), sum(numbers.completed)
    rate = "" if numbers.reopen_rate is None else f" ({100 * numbers.reopen_rate:.0f} % of those completed)"
    yield f"{numbers.days[0]} to {numbers.days[-1]}: {added} added, {completed} completed, {numbers.open[-1]} open"
    yield f"{numbers.reopened} reopened{rate}"
    median, most = numbers.cycle_quantile(0.5), numbers.cycle_quantile(0.9)
    if median is not None and most is not None:
        yield f"Time to complete: median {median:.1f} days, 90 % within {most:.1f} days"
    days = {place: day_or_instant(numbers.days[place]) for place in (0, len(numbers.days) // 2, len(numbers.days) - 1)}
    yield ""
    yield from line_chart("Open todos", days, numbers.open, columns)
    if full:
        unit, labels, groups = _periods(numbers.days)
        named = dict(enumerate(labels))
        for title, series in (("Added", numbers.added), ("Completed", numbers.completed)):
            yield ""
            yield from bar_chart(f"{title} by {unit}", named, _summed(series, groups), columns)
        yield ""
        yield from bar_chart("Events by hour of the day", {hour: str(hour) for hour in range(24)}, numbers.hours, columns)
    yield from _calendar(numbers.days, numbers.activity, columns)
    if not full:
        return
    yield ""
    yield "Most active"
    for by, events in numbers.authors[:5]:
        yield f"  {events:>6} {'event ' if events == 1 else 'events'}  {visible(by)}"


def _periods(days: Sequence[date]) -> tuple[str, list[str], list[int]]:
    """Group days into bars: what one bar stands for, the labels, and how many days are in each."""
    if len(days) <= _MOST_DAYS:
        return "day", [f"{day:%d %b}" for day in days], [1] * len(days)
    mondays = [day - timedelta(days=day.weekday()) for day in days]
    weeks = [(monday, len(list(group))) for monday, group in groupby(mondays)]
    return "week", [f"{monday:%d %b}" for monday, _ in weeks], [count for _, count in weeks]


def _summed(series: Sequence[int], groups: Sequence[int]) -> list[int]:
    values = iter(series)
    return [sum(next(values) for _ in range(count)) for count in groups]


def _calendar(days: Sequence[date], activity: Sequence[int], columns: int) -> Iterator[str]:
    """Draw a row for each weekday and a column for each week. A darker cell had more events."""
    counts = dict(zip(days, activity, strict=True))
    first = days[0] - timedelta(days=days[0].weekday())
    weeks = (days[-1] - first).days // 7 + 1
    shown = min(weeks, (columns - 6) // 2)
    first += timedelta(weeks=weeks - shown)
    most = max(activity)
    yield ""
    yield f"Events by day   fewer {_SHADES} more"
    ends = [min(first + timedelta(weeks=week, days=6), days[-1]) for week in range(shown)]
    months = ""
    for week, end in enumerate(ends):
        begins = week == 0 or end.month != ends[week - 1].month
        if begins and 2 * week >= len(months) + bool(week):
            months = f"{months:<{2 * week}}{end:%b}"
    yield f"      {months}"
    for weekday in range(7):
        row = (counts.get(first + timedelta(weeks=week, days=weekday)) for week in range(shown))
        cells = (" " if count is None else _SHADES[-(-count * 4 // most) if most else 0] for count in row)
        yield f"  {first + timedelta(days=weekday):%a} {' '.join(cells)}".rstrip()


VERB = Verb(
    name="stats",
    help="Show charts and numbers: burn-down, throughput, cycle time, a calendar, and how much each author did.",
    examples=("todo stats", "todo stats +work -A", "todo stats --since 3 months ago"),
    action=stats,
    group=LOOK,
    arguments=(Argument("words", "QUERY", "Count only these todos; see docs/queries.md.", required=False, several=True),),
    options=(
        Option("since", ("--since",), "The first day.", metavar="TIME|@POSITION", time="moment"),
        Option("until", ("--until",), "The last day.", metavar="TIME|@POSITION", time="moment"),
        Option(
            "full", ("--full",), "Also show what was added and completed, the busiest hours, and the most active authors."
        ),
    ),
    scope="lists",
    dashes="word",
)
