"""Strategies for todos that are written to files, and what the laws of the formats compare."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import Context, Entry
from cqrs_todo.todo.formats.parts import day_text
from cqrs_todo.todo.values import PRIORITIES, Recurrence, day_or_instant, nfc
from cqrs_todo.todo.views import Item

ZONE = ZoneInfo("Europe/Berlin")
CONTEXT = Context(
    now=datetime(2026, 11, 29, 3, 0, tzinfo=UTC), to_local=lambda instant: instant.astimezone(ZONE), zone="Europe/Berlin"
)

_words = st.sampled_from(
    [
        "Buy",
        "milk",
        "x",
        "(A)",
        "2026-01-01",
        "+home",
        "@town",
        "due:2026-03-05",
        "due:never",
        "a:1",
        "a:2",
        "#tag",
        "\\#tag",
        "[due:: 2026-01-01]",
        "\\+home",
        "TODO",
        "[#A]",
        ":a:",
        "*",
        "- [ ]",
        "📅 2026-03-05",
        "http://a.b/c",
        "",
        "{x}",
        "\\",
        "BEGIN:VTODO",
        ";",
        ",",
        '"',
        "'",
        "é",
        "日本",
        "=1+1",
        "%20",
        "pri:B",
        "rec:1w",
        "id:7",
        "x:",
        ":x",
        "|",
        "<b>",
        "&amp;",
    ]
)
_free = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
texts = (st.lists(_words | _free, min_size=1, max_size=6).map(" ".join) | _free).filter(str.strip)
notes = st.none() | st.lists(texts | st.just(""), min_size=1, max_size=4).map("\n".join).filter(str.strip)
_days = st.dates(datetime(1990, 1, 1).date(), datetime(2060, 1, 1).date())
_instants = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda instant: instant.replace(fold=0)
)
_whole_instants = _instants.map(lambda instant: instant.replace(microsecond=0))
_dates = st.none() | (_days | _instants).map(day_or_instant)
tags = st.lists(
    st.sampled_from(["home", "work", "später", "a", "c#", "a:b", "x.y", "t/u", "日本", "*", "]"]), max_size=3
).map(lambda words: tuple(sorted(set(words))))
_keys = st.sampled_from(
    ["estimate", "Größe", "a", "a.2", "due", "priority", "projects", "status", "note", "keyword", "mark", "id", "dependsOn"]
)
attributes = st.dictionaries(_keys, texts | st.sampled_from(["D", "Z", "2h", "NEXT", "1", "2"]), max_size=3).map(
    lambda pairs: tuple(sorted((key, nfc(value)) for key, value in pairs.items()))  # as they are recorded
)
recurrences = st.none() | st.builds(
    Recurrence,
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1"]),
    _days.map(lambda day: day.isoformat()),
    st.none() | st.sampled_from(["00:00", "17:30", "23:59:59"]),
    st.none() | st.sampled_from(["Europe/Berlin", "Pacific/Apia"]),
    st.booleans(),
)
todos = st.builds(
    Todo,
    text=texts,
    created=_instants,
    note=notes,
    due=_dates,
    reminder=st.none() | _instants,
    priority=st.none() | st.sampled_from(PRIORITIES),
    tags=tags,
    completed=_dates,
    removed=st.booleans(),
    project=st.none() | st.sampled_from(["home", "home.garage", "Büro", "c#"]),
    wait=_dates,
    every=recurrences,
    attributes=attributes,
)


@st.composite
def lists(draw: st.DrawFn) -> list[Item]:
    """Todos of a list, of which some are linked."""
    drawn = draw(st.lists(todos, min_size=1, max_size=5))
    ids = [f"a{number}" for number in range(len(drawn))]
    items = []
    for number, todo in enumerate(drawn):
        choices: list[str | None] = [None, *(each for each in ids if each != ids[number])]
        others = st.sampled_from(choices)
        parent = draw(others)
        depends = tuple(sorted({each for each in draw(st.lists(others, max_size=2)) if each is not None}))
        items.append(Item(number + 1, f"todo/{ids[number]}", 1, replace(todo, parent=parent, depends=depends)))
    return items


def items_of_entries(entries: Iterable[Entry]) -> list[Item]:
    """The entries as the todos of a list."""
    found = list(entries)
    ids = {entry.key: f"b{number}" for number, entry in enumerate(found)}
    assert len(ids) == len(found), "two entries have the same key"
    return [
        Item(
            number,
            f"todo/{ids[entry.key]}",
            1,
            replace(
                entry.todo,
                parent=ids.get(entry.todo.parent or ""),
                depends=tuple(sorted(ids[key] for key in entry.todo.depends if key in ids)),
            ),
        )
        for number, entry in enumerate(found, 1)
    ]


def comparable(items: Sequence[Item], days: Sequence[str] = ()) -> Iterator[tuple[Todo, str | None, list[str]]]:
    """What a law compares: the todos without their ids, and the texts of those that they are linked with.

    Args:
        items: The todos.
        days: The fields of which the format keeps only the day.
    """
    by_id = {item.id: item.todo for item in items}
    for item in items:
        todo = item.todo
        values = {name: getattr(todo, name) for name in days if getattr(todo, name) is not None}
        rounded = replace(
            todo, **{name: day_text(value, CONTEXT) for name, value in values.items()}, parent=None, depends=()
        )
        above = by_id.get(todo.parent or "")
        yield rounded, None if above is None else above.text, sorted(by_id[id].text for id in todo.depends if id in by_id)
